"""The dialect `row`: what a row of a table holds. One body has two readings, as polynomials (`felt`) and as integers (`int`), tied by
bridges: a column takes its integer as a hint (nothing follows from it), and `meaning` says which integer an element stands for."""

from __future__ import annotations

from collections.abc import Sequence

from zkc.compiler.ir.operation import ANY, FELT, INT, Constant, OpDef, Operation, Range, Value
from zkc.compiler.ir.registry import declare


def _given_range(op: Operation, _: int, __: Sequence[Range]) -> Range:
    return op.number("low"), op.number("high")


def _meaning(op: Operation, c: Sequence[Constant | None], _: Sequence[Range | None]) -> Value | None:
    return op.operands[0] if c[0] is not None else None


def _yields(op: Operation, index: int) -> list[Value]:
    return [region.terminator.operands[index] for region in op.regions]


def _verify_arms(op: Operation) -> str | None:
    names = op.names("names")
    if len(names) != len(op.regions) or len(set(names)) < len(names):
        return "each arm has a name and a region"
    for region in op.regions:
        if not region.operations or region.terminator.definition is not YIELD:
            return "an arm ends with `row.yield`"
        if [v.type for v in region.terminator.operands] != [v.type for v in op.results]:
            return "an arm yields what the operation gives"
    return None


def _verify_guards(op: Operation) -> str | None:
    if not _ends_with_yield(op) or len(op.regions[0].terminator.operands) != len(op.names("names")):
        return "ends with `row.yield` of a condition for each name"
    return None


def _verify_index(op: Operation) -> str | None:
    if not _ends_with_yield(op) or len(op.regions[0].terminator.operands) != 1:
        return "ends with `row.yield` of one integer"
    return None


def _ends_with_yield(op: Operation) -> bool:
    """Whether the body yields integers."""
    (region,) = op.regions
    return bool(region.operations) and region.terminator.definition is YIELD and all(v.type is INT for v in region.terminator.operands)


def _verify_column(op: Operation) -> str | None:
    if len(op.operands) > 1 or any(v.type is not INT for v in op.operands):
        return "a column takes one integer, or none"
    return None


def _verify_assert(op: Operation) -> str | None:
    return None if len(op.operands) in (2, 3) else "an equation has two sides, and what it is multiplied by"


TABLE = declare(
    OpDef("row.table", attributes=("sym_name",), optional=("kind",), symbol=True, regions=True, doc="a table: what each of its rows holds")
)
GUARDS = declare(
    OpDef(
        "row.guards", attributes=("sym_name", "kind", "names"), symbol=True, regions=True, verify=_verify_guards,
        doc="yields when each environment call is meant: the first that is not 0",
    )
)  # fmt: skip
INDEX = declare(
    OpDef(
        "row.index", attributes=("sym_name",), symbol=True, regions=True, verify=_verify_index,
        doc="yields which row of a fixed table the arguments are",
    )
)  # fmt: skip
GIVEN = declare(
    OpDef(
        "row.given", results=(INT,), attributes=("name", "low", "high"), pure=True, range=_given_range,
        doc="an integer that the row is given: the clock, a field of the instruction, an input. Their order is that of the record",
    )
)  # fmt: skip
COLUMN = declare(
    OpDef(
        "row.column", (INT,), (FELT,), ("name", "type"), ("because", "free", "bound", "trusted", "low", "high", "insn", "slot"),
        variadic=True, degree=lambda d: 1, verify=_verify_column,
        doc="a column, filled with the integer. Nothing follows from the type if it is trusted: then `because` says why the range holds."
        " low, high: bounds that come from elsewhere. insn: the instruction that it selects."
        " free: why the prover may choose it. bound: the bus whose message is made of it, if that is why",
    )
)  # fmt: skip
COMMIT = declare(
    OpDef(
        "row.commit", (FELT,), (FELT,), optional=("slot",), degree=lambda d: 1,
        doc="a column equal to a polynomial of degree at most 3; at degree 3 it is computed from the others, on padding rows too",
    )
)  # fmt: skip
IS = declare(OpDef("row.is", results=(FELT,), attributes=("arm",), optional=("slot",), degree=lambda d: 1, doc="a column: 1 in that arm"))
ARMS = declare(
    OpDef(
        "row.arms", attributes=("names",), results=(ANY,), results_variadic=True, regions=True, degree=lambda d: 1, verify=_verify_arms,
        range=lambda op, _, r: (min(x for x, _ in r), max(x for _, x in r)), bounded_by=_yields,
        doc="a region an arm; each row is one of them at most, and takes what that arm yields",
    )
)  # fmt: skip
YIELD = declare(OpDef("row.yield", (ANY,), variadic=True, terminator=True, doc="what an arm gives"))
RESULT = declare(
    OpDef("row.result", (FELT,), (FELT,), ("name",), degree=lambda d: d[0], doc="the value, which an arm sets as its result of that name")
)
MERGE = declare(
    OpDef(
        "row.merge", (FELT,), (FELT,), ("name",), ("slot", "agreed"), degree=lambda d: 1,
        doc="the result of all arms: itself where they agree, else a column that each arm makes equal to its own",
    )
)  # fmt: skip
CHOOSE = declare(
    OpDef(
        "row.choose", (FELT, FELT, FELT), (FELT,), pure=True, degree=lambda d: max(d[2], d[0] + max(d[1], d[2])),
        doc="b + c (a - b) for c, a, b: a if c is 1, b if it is 0",
    )
)  # fmt: skip
MEANING = declare(
    OpDef("row.meaning", (FELT, INT), (FELT,), pure=True, fold=_meaning, degree=lambda d: d[0], doc="the element, known to be that integer")
)
ASSERT = declare(
    OpDef(
        "row.assert", (FELT,), (), ("label",), ("checks",), variadic=True, verify=_verify_assert, effect=True,
        doc="left == right, times a third operand. `checks`: it is the type of a column, and says no more about it",
    )
)  # fmt: skip
RANGE = declare(OpDef("row.range", (FELT,), (), ("type", "label"), effect=True, doc="the column is of the type"))


def table_arms(op: Operation) -> Operation | None:
    """The `row.arms` of a table, None if all its rows are alike."""
    return next((o for o in op.regions[0] if o.definition is ARMS), None)
