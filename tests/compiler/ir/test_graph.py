"""The graph of a region says what the region says, and is made again when the region is another."""

from __future__ import annotations

import random
from collections.abc import Callable

import networkx as nx
import pytest

from tests.compiler.machines import module
from zkc.compiler.ir.equality import equal
from zkc.compiler.ir.graph import ORDER, dataflow
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Operation, Region
from zkc.compiler.ir.printer import print_module
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.verifier import verify
from zkc.compiler.passes.dce import Dce
from zkc.compiler.passes.declarations import facts_of_module

TEXT = """
"row.table"() ({
  %g = "row.given"() {name = "a", low = 0, high = 9} : () -> !zkc.int
  %v:3 = "step.load"(%g) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
  %sum = "int.add"(%v#0, %v#1) : (!zkc.int, !zkc.int) -> !zkc.int
  %twice = "int.add"(%sum, %sum) : (!zkc.int, !zkc.int) -> !zkc.int
  %c = "row.column"(%twice) {name = "a", type = "felt"} : (!zkc.int) -> !zkc.felt
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %unused = "felt.add"(%c, %one) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %after = "felt.mul"(%unused, %c) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  %r = "row.arms"() ({
    %s = "felt.add"(%c, %c) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    %dead = "felt.add"(%s, %one) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    "step.fault"(%v#2) {message = "no"} : (!zkc.int) -> ()
    "row.yield"(%s) : (!zkc.felt) -> ()
  }) {names = ["x"]} : () -> !zkc.felt
  "row.assert"(%r, %c) {label = "same"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "step"} : () -> ()
"""


@pytest.fixture
def region() -> Region:
    (table,) = read_module(TEXT)
    return table.regions[0]


def named(region: Region) -> dict[str, Operation]:
    names = ("given", "load", "sum", "twice", "column", "one", "unused", "after", "arms", "assert")
    return dict(zip(names, region.operations, strict=True))


def test_edges_are_uses(region: Region) -> None:
    op = named(region)
    found = {(a, b, k) for a, b, k in dataflow(region).graph.edges(keys=True)}
    expected = {
        ("given", "load", 0),
        ("load", "sum", 0),
        ("load", "sum", 1),
        ("sum", "twice", 0),
        ("sum", "twice", 1),
        ("twice", "column", 0),
        ("column", "unused", 0),
        ("one", "unused", 1),
        ("unused", "after", 0),
        ("column", "after", 1),
        ("column", "arms", (0, 0)),
        ("column", "arms", (0, 1)),
        ("one", "arms", (1, 1)),
        ("load", "arms", (2, 0)),
        ("arms", "assert", 0),
        ("column", "assert", 1),
        ("load", "arms", ORDER),
        ("arms", "assert", ORDER),
    }
    assert found == {(op[a], op[b], k) for a, b, k in expected}


def test_nodes_are_the_operations_in_order(region: Region) -> None:
    assert list(dataflow(region).graph) == region.operations


def test_what_the_graph_is_asked(region: Region) -> None:
    op, flow = named(region), dataflow(region)
    assert flow.users(op["column"]) == [op["unused"], op["after"], op["arms"], op["assert"]]
    assert flow.needed([op["column"]]) == {op[n] for n in ("given", "load", "sum", "twice", "column")}
    assert flow.reachable(op["one"]) == {op[n] for n in ("unused", "after", "arms", "assert")}
    assert flow.dead() == [op["unused"], op["after"]]
    inner = op["arms"].regions[0]
    assert [o.name for o in dataflow(inner).needed([inner.operations[0]])] == ["felt.add"]
    assert dataflow(inner).dead() == [inner.operations[1]]


def append(region: Region) -> None:
    region.operations.append(Operation(region.operations[5].definition, (), {"value": 2}))


def swap(region: Region) -> None:
    region.operations[2:4] = region.operations[3:1:-1]


def use_another(region: Region) -> None:
    op = named(region)
    op["assert"].operands = (op["one"].result, op["column"].result)


def use_another_inside(region: Region) -> None:
    op = named(region)
    inside = op["arms"].regions[0].operations[0]
    inside.operands = (op["one"].result, op["column"].result)


def drop_inside(region: Region) -> None:
    del named(region)["arms"].regions[0].operations[1]


def another_list(region: Region) -> None:
    region.operations = region.operations[:-1]


def replace_last(region: Region) -> None:
    """By one that is equal, where the old one was: Python may give it the same address."""
    old = region.operations.pop()
    again = (old.definition, old.operands, old.attributes)
    del old
    region.operations.append(Operation(*again))


CHANGES = (append, swap, use_another, use_another_inside, drop_inside, another_list, replace_last)


@pytest.mark.parametrize("change", CHANGES)
def test_the_graph_is_made_again_when_the_region_changes(region: Region, change: Callable[[Region], None]) -> None:
    before = dataflow(region)
    assert dataflow(region) is before
    change(region)
    after = dataflow(region)
    assert after is not before
    assert list(after.graph) == region.operations
    assert dataflow(region) is after


@pytest.mark.parametrize("stage", ["row", "gated", "step", "fill"])
def test_the_graph_of_every_small_body_is_acyclic_and_says_what_operands_say(stage: str) -> None:
    bodies = [op.regions[0] for op in module("circuits", stage) if op.regions and len(op.regions[0]) < 400]
    assert len(bodies) > 30
    for body in bodies:
        flow = dataflow(body)
        assert nx.is_directed_acyclic_graph(flow.graph)
        own = [(v.owner, op, i) for op in body for i, v in enumerate(op.operands) if isinstance(v.owner, Operation)]
        assert sorted(map(repr, own)) == sorted(repr(e) for e in flow.graph.edges(keys=True) if isinstance(e[2], int))


# dce


def clean(module: Module) -> Module:
    for op in module:
        Dce().run(op, facts_of_module(module))
    return module


def test_dce_removes_what_nobody_needs_inside_and_outside(region: Region) -> None:
    op = named(region)
    inner = op["arms"].regions[0]
    dead = inner.operations[1]
    (table,) = (o for o in [Operation(read_module(TEXT).operations[0].definition, (), {"sym_name": "t"}, (), (region,))])
    clean(Module([table]))
    assert region.operations == [o for name, o in op.items() if name not in ("unused", "after", "one")]  # `one` served `dead` alone
    assert dead not in inner.operations and len(inner.operations) == 3


def test_dce_keeps_what_a_row_is_given() -> None:
    """The order of what is given is that of the record, whether it is used or not."""
    text = TEXT.replace('%v:3 = "step.load"(%g)', '%k = "int.constant"() {value = 1} : () -> !zkc.int %v:3 = "step.load"(%k)')
    (table,) = clean(read_module(text))
    assert [op.name for op in table.regions[0]][:3] == ["row.given", "int.constant", "step.load"]


@pytest.mark.parametrize("stage", ["inlined", "row", "gated", "step", "fill"])
def test_dce_keeps_modules_valid_and_has_nothing_left_to_do(stage: str) -> None:
    some = [
        op
        for op in module("circuits", stage)
        if op.name in ("circ.type", "circ.bus", "circ.fixed", "felt.func") or op.text("sym_name")[:1] in "abl"
    ]
    before = read_module(print_module(Module(some)))
    effects = [op.name for table in before for region in table.regions for op in region.walk() if not op.definition.pure]
    after = clean(before)
    assert verify(after) == []
    assert effects == [op.name for table in after for region in table.regions for op in region.walk() if not op.definition.pure]
    again = clean(read_module(print_module(after)))
    assert equal(after, again)


def test_dce_of_random_bodies_keeps_exactly_what_is_needed() -> None:
    """Against a plain definition: needed is what an operation that stays uses, or a needed one."""
    chance = random.Random(2)
    for _ in range(50):
        lines = ['%v0 = "felt.constant"() {value = 3} : () -> !zkc.felt']
        for i in range(1, 20):
            a, b = chance.randrange(i), chance.randrange(i)
            lines.append(f'%v{i} = "felt.add"(%v{a}, %v{b}) : (!zkc.felt, !zkc.felt) -> !zkc.felt')
            if chance.random() < 0.1:
                lines.append(f'"row.assert"(%v{i}, %v{a}) {{label = "x"}} : (!zkc.felt, !zkc.felt) -> ()')
        (table,) = read_module('"row.table"() ({' + "\n".join(lines) + '}) {sym_name = "t"} : () -> ()')
        body = table.regions[0]
        needed: set[Operation] = set()
        for op in reversed(body.operations):
            if op in needed or not op.definition.pure:
                needed |= {op, *(v.op for v in op.operands if v.op is not None)}
        wanted = [op for op in body if op in needed]
        clean(Module([table]))
        assert body.operations == wanted
