"""The dialect `air`: what prover and verifier see of a table, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.ir.operation import FELT, OpDef, Operation, Value
from zkc.compiler.ir.registry import declare


def _verify_constraint(op: Operation) -> str | None:
    if op.attributes["kind"] != "definition":
        return None
    made = op.operands[0].op
    column = made.operands[0].op if made is not None and made.name == "felt.sub" else None
    return None if column is not None and column.definition is COLUMN else "a definition is a column minus its polynomial"


def _verify_table(op: Operation) -> str | None:
    columns = sum(inner.definition is COLUMN for inner in op.regions[0])
    return None if columns >= len(op.names("arms")) else "the first columns of a table are the selectors of its arms, one for each"


def _inside_table(table: Operation) -> Iterator[tuple[Operation, str]]:
    """What operations name of the table is there, and computed columns are computed from others."""
    arms, body = set(table.names("arms")), table.regions[0]
    columns = {op.result: i for i, op in enumerate(o for o in body if o.definition is COLUMN)}
    messages = sum(op.definition is MESSAGE for op in body)
    batched: set[int] = set()
    for op in body:
        if not arms.issuperset(op.names("arms")):
            yield op, f"`arms` are those of the table: {', '.join(sorted(arms)) or 'it has none'}"
        if "checks" in op.attributes and op.number("checks") >= len(columns):
            yield op, f"`checks` is the number of a column, and there are {len(columns)}"
        if op.definition is BATCH:
            found = [i for i in _indices(op) if i >= messages or i in batched]
            if found:
                yield op, f"the message {found[0]} is in another batch, or there are not so many"
            batched.update(_indices(op))
    yield from _definitions(body.operations)


def _indices(batch: Operation) -> list[int]:
    messages = batch.attributes["messages"]
    return [i for i in messages if isinstance(i, int)] if isinstance(messages, tuple) else []


def _definitions(body: list[Operation]) -> Iterator[tuple[Operation, str]]:
    """A computed column is defined once, by columns that are given or defined before."""
    open_: set[Value] = {_defined(op) for op in body if _is_definition(op)}
    uses: dict[Value, frozenset[Value]] = {}
    for op in body:
        for value in op.results:
            parts = [uses[v] for v in op.operands]
            uses[value] = frozenset((value,)) if value in open_ else frozenset().union(*parts)
    for op in body:
        if _is_definition(op):
            column, difference = _defined(op), op.operands[0].op
            if column not in open_:
                yield op, "this column is computed already"
            elif difference is not None and uses[difference.operands[1]] & open_:
                yield op, "a computed column is made of columns that are computed before it"
            open_.discard(column)


def _is_definition(op: Operation) -> bool:
    return op.definition is CONSTRAINT and op.attributes["kind"] == "definition"


def _defined(definition: Operation) -> Value:
    difference = definition.operands[0].op
    assert difference is not None
    return difference.operands[0]


TABLE = declare(
    OpDef(
        "air.table", attributes=("sym_name", "arms"), symbol=True, regions=1, verify=_verify_table, inside=_inside_table,
        doc="a table: columns, equations, messages",
    )
)  # fmt: skip
COLUMN = declare(
    OpDef(
        "air.column", results=(FELT,), attributes=("name", "type"), degree=lambda d: 1, within=("air.table",),
        doc="a committed column; a `computed` one is made from the others, by its definition",
    )
)  # fmt: skip
CONSTRAINT = declare(
    OpDef(
        "air.constraint", (FELT,), (), ("label", "kind"), ("arms", "checks"), effect=True, within=("air.table",), verify=_verify_constraint,
        doc="the polynomial vanishes on every row; in the arms named only, until they are merged. kind: selector, definition, type",
    )
)  # fmt: skip
MESSAGE = declare(
    OpDef(
        "air.message", (FELT, FELT), (), ("bus", "sign", "label"), ("arms", "checks", "because"), variadic=True, effect=True,
        within=("air.table",),
        doc="a message `times` (the first), sent if `sign` is 1, received if it is -1, in the arms named; gated, the first is times sign",
    )
)  # fmt: skip
BATCH = declare(
    OpDef(
        "air.batch", attributes=("messages",), effect=True, within=("air.table",), doc="messages that share a column of the accumulator"
    )
)
