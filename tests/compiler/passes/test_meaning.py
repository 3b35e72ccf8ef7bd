"""Each pass keeps what tables mean, at seeded points: rows through all passes on rows, their polynomials through all passes after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.compiler.machines import STAGES, inlined, module
from tests.compiler.meaning import Fact, Point, of_polynomials, point
from zkc.compiler.dialects import felt, row, step
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.declarations import facts_of_module
from zkc.compiler.passes.registry import PASSES
from zkc.runtime.collector import collector_off
from zkc.runtime.field.koalabear import P

ROW = ("dce", "check-degree", "check-wrap", "materialise", "expand-ranges", "share-columns")
AIR = ("lower-air", "merge-arms", "gate-rows", "pair-messages")
SIGNS = {"bus.send": 1, "bus.lookup": 1, "bus.recv": -1}


def arms_of(table: Operation) -> tuple[str | None, ...]:
    arms = row.table_arms(table)
    return arms.names("names") if arms is not None else (None,)


def tables(made: Module) -> list[Operation]:
    """Few operations first."""
    found = [op for op in made if op.definition is row.TABLE]
    return sorted(found, key=lambda op: sum(1 for _ in op.regions[0].walk()))[: -len(found) // 8]


def points(made: Module) -> dict[tuple[str, str | None], Point]:
    """What each arm of each table means at a point of its own."""
    facts, functions = facts_of_module(made), {op.text("sym_name"): op for op in made if op.definition is felt.FUNC}
    return {
        (name, arm): point(table, functions, facts.types, f"{name} {arm}", arm)
        for table in tables(made)
        for name, arm in ((table.text("sym_name"), a) for a in arms_of(table))
    }


def run(made: Module, name: str) -> Module:
    facts = facts_of_module(made)
    made = PASSES[name].on(made, PASSES[name].make(), facts)
    assert not facts.diagnostics
    return made


def meant(found: dict[tuple[str, str | None], Point]) -> dict[tuple[str, str | None], tuple[Counter[Fact], list[Fact]]]:
    return {key: (p.facts, p.effects) for key, p in found.items()}


def test_passes_on_rows_keep_what_rows_mean() -> None:
    with collector_off():
        made = inlined("circuits")
        before = meant(points(made))
        assert len(before) > 50 and all(facts for facts, _ in before.values())
        for name in ROW:
            made = run(made, name)
            assert meant(points(made)) == before, name


def test_polynomials_say_what_rows_do() -> None:
    """In each arm of each table, at a point; and every committed column is tied to its polynomial."""
    with collector_off():
        made = module("circuits", "row")
        rows = points(made)
        for number, name in enumerate(AIR):
            made = run(module("circuits", "row") if number == 0 else made, name)
            gated = number >= AIR.index("gate-rows")
            lowered = {op.text("sym_name"): op for op in made if op.name == "air.table"}
            for (table, arm), before in rows.items():
                assert difference(lowered[table], before, arm, gated=gated) is None, (name, table, arm)


def test_polynomials_have_the_degrees_that_the_proof_system_has() -> None:
    """What passes believe of degrees in the stage `row` is so in the stage `air`, where there is nothing but sums and products."""
    for table in (op for op in module("circuits", "gated") if op.name == "air.table"):
        degrees = Degrees()
        for op in table.regions[0]:
            if op.name == "air.constraint":
                assert degrees.of(op.operands[0]) <= 3, op.attributes["label"]
            elif op.name == "air.message":
                assert degrees.of(op.operands[0]) <= 2 and all(degrees.of(v) <= 1 for v in op.operands[1:]), op.attributes["label"]


def difference(table: Operation, before: Point, arm: str | None, *, gated: bool) -> str | None:
    """What differs between a row and its polynomials."""
    count = sum(op.name == "air.column" for op in table.regions[0])
    columns = {i: before.slots.get(i, Random(f"{arm} {i}").randrange(P)) for i in range(count)}
    columns |= {i: int(name == arm) for i, name in enumerate(table.names("arms"))}
    broken, messages = of_polynomials(table, columns, arm, gated=gated)
    if broken != {f[1] for f in before.facts if f[0] == "zero" and f[1]}:
        return "equations"
    expected = Counter[Fact]()
    for (kind, *fact), times in before.facts.items():
        if kind in SIGNS and fact[1]:
            expected[fact[0], fact[1] * SIGNS[kind] % P, *fact[2:]] += times
    if messages != expected:
        return "messages"
    for slot in sorted(before.committed)[:3]:
        if of_polynomials(table, columns | {slot: (columns[slot] + 1) % P}, arm, gated=gated)[0] == broken:
            return f"column {slot} is tied to nothing"
    return None


# Passes that are wrong


def _turned(op: Operation) -> None:
    if op.definition is felt.SUB:
        op.operands = op.operands[::-1]


def _constant(op: Operation) -> None:
    if op.definition is felt.CONSTANT and op.number("value") == 1:
        op.attributes = op.having(value=2)


def _filled(op: Operation) -> None:
    if op.name == "int.mod":
        op.attributes = op.having(by=op.number("by") + 1)


def _fault(op: Operation) -> None:
    if op.definition is step.FAULT:
        op.attributes = op.having(message="another")


def _bus(op: Operation) -> None:
    if op.name == "bus.recv":
        op.operands = (*op.operands[:-2], *op.operands[:-3:-1])


@pytest.mark.parametrize("change", [_turned, _constant, _filled, _fault, _bus])
def test_a_pass_that_changes_meaning_is_seen(change: Callable[[Operation], Any]) -> None:
    """Of the tests above."""
    with collector_off():
        made = inlined("circuits")
        some = Module([*(op for op in made if op.definition is not row.TABLE), *tables(made)[8:16]])
        before = meant(points(some))
        for op in (o for table in some if table.definition is row.TABLE for o in table.regions[0].walk()):
            change(op)
        assert meant(points(some)) != before


def test_all_passes_of_these_stages_are_tried() -> None:
    others = {"inline", "lower-step", "forward-stores", "lower-decode", "lower-fill"}
    assert {*ROW, *AIR, *others} == set(PASSES) and "gated" in STAGES
