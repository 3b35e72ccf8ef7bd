"""What passes make of an operation comes from where that comes from: errors in later stages are shown at the statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.compiler.machines import module
from zkc.compiler.dialects import air, bus, fill, row, step
from zkc.compiler.ir.operation import OpDef, Operation

EFFECTS = {
    step.LOAD: step.LOAD, step.HOST: step.HOST, step.FAULT: step.FAULT, step.PERFORM: step.PERFORM, step.RETIRE: step.RETIRE,
    step.STORE: bus.SEND, step.NEXT: bus.SEND,
}  # fmt: skip
"""Effects of a step, and what of a row they are made of."""


def operations(stage: str, *kinds: OpDef) -> Iterator[Operation]:
    """Those of some kinds in all tables."""
    return (op for symbol in module("circuits", stage) for region in symbol.regions for op in region.walk() if op.definition in kinds)


def places(stage: str, key: Callable[[Operation], object], *kinds: OpDef) -> dict[object, set[str]]:
    """Where operations come from, with the calls that lead there, by something that says which they are."""
    found: dict[object, set[str]] = {}
    for op in operations(stage, *kinds):
        found.setdefault(key(op), set()).add(str(op.loc))
    return found


def label(op: Operation) -> object:
    return op.attributes["label"]


def kind(op: Operation) -> object:
    return op.definition


def test_rows_come_from_statements_and_the_calls_that_lead_there() -> None:
    for op in operations("inlined", row.ASSERT, row.RANGE, row.COLUMN, *bus.MESSAGES, *EFFECTS):
        given = op.definition is row.COLUMN and ("trusted" in op.attributes or op.attributes.get("because") == "given by the runtime")
        assert op.loc.span is not None or given, op
    calls = [[name for name, _ in op.loc.calls] for op in operations("inlined", row.ASSERT) if "carry" in str(label(op))]
    assert calls and all(calls)  # there are carries in gadgets alone
    lines = {op.loc.span.line for op in operations("inlined", row.ASSERT) if op.loc.span is not None and "carry" in str(label(op))}
    assert len(lines) >= 10


@pytest.mark.parametrize("stage", ["air", "gated"])
def test_equations_and_messages_come_from_theirs(stage: str) -> None:
    rows = places("row", label, row.ASSERT, *bus.MESSAGES)
    merged = 0
    for op in operations(stage, air.CONSTRAINT, air.MESSAGE):
        if op.definition is air.MESSAGE or op.attributes["kind"] in ("assert", "type"):
            assert str(op.loc) in rows[label(op)], (op.loc, label(op))
        elif op.attributes["kind"] == "result":
            merged += op.loc.span is not None
    assert merged > 20
    columns = places("row", kind, row.COLUMN, row.COMMIT, row.IS, row.MERGE)
    assert all(str(op.loc) in set().union(*columns.values()) for op in operations(stage, air.COLUMN))


def test_effects_come_from_theirs() -> None:
    rows = places("row", kind, *EFFECTS.values())
    for op in operations("step", *EFFECTS):
        assert str(op.loc) in rows[EFFECTS[op.definition]], (op.definition.name, op.loc)


def test_what_fills_comes_from_columns_and_lookups() -> None:
    rows = places("row", kind, bus.LOOKUP, row.COLUMN, row.COMMIT, row.IS, row.MERGE)
    lookups = rows.pop(bus.LOOKUP)
    assert all(str(op.loc) in lookups for op in operations("fill", fill.COUNT))
    assert all(str(op.loc) in set().union(*rows.values()) for op in operations("fill", fill.WRITE))
