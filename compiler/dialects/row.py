"""The dialect `row`: what a row of a table holds. One body has two readings, as polynomials (`felt`) and as integers (`int`), tied by
bridges: a column takes its integer as a hint (nothing follows from it), and `meaning` says which integer an element stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zkc.compiler.ir.operation import ANY, FELT, INT, MANY, Attribute, Constant, OpDef, Operation, Range, Region, Value
from zkc.compiler.ir.registry import declare


def _given_range(op: Operation, _: int, __: Sequence[Range]) -> Range:
    return op.number("low"), op.number("high")


def _meaning(op: Operation, c: Sequence[Constant | None], _: Sequence[Range | None]) -> Value | None:
    return op.operands[0] if c[0] is not None else None


def _yields(op: Operation, index: int) -> list[Value]:
    return [region.terminator.operands[index] for region in op.regions]


def _verify_arms(op: Operation) -> str | None:
    if len(op.names("names")) != len(op.regions):
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
    pure = all(inner.definition.pure and inner.definition is not GIVEN for inner in op.regions[0].operations[:-1])
    return None if pure else "is a function of its arguments alone"


def _ends_with_yield(op: Operation) -> bool:
    """Whether the body yields integers."""
    (region,) = op.regions
    return bool(region.operations) and region.terminator.definition is YIELD and all(v.type is INT for v in region.terminator.operands)


def _verify_column(op: Operation) -> str | None:
    if len(op.operands) > 1 or any(v.type is not INT for v in op.operands):
        return "a column takes one integer, or none"
    if ("low" in op.attributes) != ("high" in op.attributes):
        return "`low` and `high` come together"
    return _verify_bounds(op) if "low" in op.attributes else None


def _verify_bounds(op: Operation) -> str | None:
    return None if op.number("low") <= op.number("high") else "`low` is above `high`"


def _verify_merge(op: Operation) -> str | None:
    made = op.operands[0].op
    return None if made is not None and made.definition is ARMS else "takes what `row.arms` gives"


def _verify_range(op: Operation) -> str | None:
    if op.attributes["type"] == "felt":
        return "every element is a felt"
    return None if is_column(op.operands[0]) else "its operand is a column"


def is_column(value: Value) -> bool:
    """Whether a value is a column of the row."""
    return value.op is not None and value.op.definition in (COLUMN, COMMIT, IS)


def _verify_assert(op: Operation) -> str | None:
    if op.flag("checks") and not any(map(is_column, op.operands[0].op.operands if op.operands[0].op is not None else ())):
        return "what checks the type of a column is a product of it"
    return None if len(op.operands) in (2, 3) else "an equation has two sides, and what it is multiplied by"


def _inside_table(table: Operation) -> Iterator[tuple[Operation, str]]:
    """The arms, their selectors, and the numbers of columns fit together."""
    body = table.regions[0]
    arms = [op for op in body if op.definition is ARMS]
    yield from ((op, "a table has its arms once") for op in arms[1:])
    names = arms[0].names("names") if arms else ()
    selectors = [op for op in body if op.definition is IS]
    if tuple(op.text("arm") for op in selectors) != names:
        yield (arms[0] if arms else selectors[0]), "a table has a selector, `row.is`, of each of its arms, in their order"
    first = [op for op in body if is_column_operation(op)][: len(selectors)]
    yield from ((op, "selectors come before other columns") for op in selectors if op not in first)
    for op in body.walk():
        if not arms and op.name.startswith("step."):
            yield op, "belongs to a step, and a table without arms has none"
        elif arms and "insn" in op.attributes:
            yield op, "words are decoded by a table without arms"
        elif op.definition is not MERGE and any(v.type is FELT and v.op is not None and v.op.definition is ARMS for v in op.operands):
            yield op, "an element that arms give is taken by `row.merge` alone"
    yield from _numbers_of_columns(body, arms)


def is_column_operation(op: Operation) -> bool:
    """Whether an operation is a column of the row."""
    return op.definition in (COLUMN, COMMIT, IS)


def _numbers_of_columns(body: Region, arms: Sequence[Operation]) -> Iterator[tuple[Operation, str]]:
    """Columns that have a number: from 0 up without a gap, one of each number in a row, and of one type."""
    types: dict[int, Attribute] = {}
    shared = [op for op in body if "slot" in op.attributes]
    taken = {op.number("slot") for op in shared}
    rows = [shared, *([op for op in region if "slot" in op.attributes] for op in arms for region in op.regions)]
    for row in rows:
        own = set() if row is shared else set(taken)
        for op in row:
            slot = op.number("slot")
            if slot in own:
                yield op, f"another column of the row has the number {slot}"
            own.add(slot)
            type_ = op.attributes["type"] if op.definition is COLUMN else "bit" if op.definition is IS else "felt"
            if types.setdefault(slot, type_) != type_:
                yield op, f"the column {slot} is a {types[slot]} in another arm"
    missing = next((slot for slot in range(len(types)) if slot not in types), None)
    last = max((op for row in rows for op in row), key=lambda op: op.number("slot"), default=None)
    if missing is not None and last is not None:
        yield last, f"columns are numbered from 0 up, and none has the number {missing}"


TABLE = declare(
    OpDef(
        "row.table", attributes=("sym_name",), optional=("kind", "same", "variant"), symbol=True, regions=1, inside=_inside_table,
        doc="a table: what each of its rows holds. same, variant: as in `circ.family`",
    )
)
GUARDS = declare(
    OpDef(
        "row.guards", attributes=("sym_name", "kind", "names"), symbol=True, regions=1, verify=_verify_guards,
        doc="yields when each environment call is meant: the first that is not 0",
    )
)  # fmt: skip
INDEX = declare(
    OpDef(
        "row.index", attributes=("sym_name",), symbol=True, regions=1, arguments=INT, verify=_verify_index,
        doc="yields which row of a fixed table the arguments are",
    )
)  # fmt: skip
GIVEN = declare(
    OpDef(
        "row.given", results=(INT,), attributes=("name", "low", "high"), pure=True, range=_given_range, verify=_verify_bounds,
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
        doc="a column equal to a polynomial of degree at most 3; at degree 3, or if that stands for no integer, it is computed from the"
        " others, on padding rows too",
    )
)  # fmt: skip
IS = declare(
    OpDef(
        "row.is", results=(FELT,), attributes=("arm",), optional=("slot",), degree=lambda d: 1, within=("row.table", "row.guards"),
        doc="a column: 1 in that arm",
    )
)  # fmt: skip
ARMS = declare(
    OpDef(
        "row.arms", attributes=("names",), results=(ANY,), results_variadic=True, regions=MANY,
        within=("row.table",), degree=lambda d: 1, verify=_verify_arms,
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
        "row.merge", (FELT,), (FELT,), ("name",), ("slot", "agreed"), degree=lambda d: 1, within=("row.table",), verify=_verify_merge,
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
RANGE = declare(
    OpDef("row.range", (FELT,), (), ("type", "label"), effect=True, verify=_verify_range, doc="the column is of the type")
)


def table_arms(op: Operation) -> Operation | None:
    """The `row.arms` of a table, None if all its rows are alike."""
    return next((o for o in op.regions[0] if o.definition is ARMS), None)
