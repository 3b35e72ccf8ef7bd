"""Drawings say all that there is, in a form that Graphviz reads."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.compiler.machines import module
from zkc.compiler.ir.operation import Operation, Symbol
from zkc.compiler.machines import load_machine
from zkc.compiler.targets.dot import circuit_dot, dataflow_dot

STATEMENT = re.compile(
    r'(?P<node>\d+) \[shape=(?:box|ellipse), label="(?:[^"\\\n]|\\.)*"\];|(?P<made>\d+) -> (?P<user>\d+)(?: \[style=(?P<style>dashed)\])?;'
    r'|subgraph cluster_\d+_\d+ \{|label="(?:[^"\\\n]|\\.)*";|\}|digraph dataflow \{|node \[fontname=monospace\]; compound=true;'
)


def table(name: str) -> Operation:
    return next(op for op in module("circuits", "row") if op.name == "row.table" and op.text("sym_name") == name)


@pytest.mark.parametrize("name", ["shift", "divide", "boundary"])
def test_each_operation_is_a_node_and_each_use_an_arrow(name: str) -> None:
    op = table(name)
    lines = [line.strip() for line in dataflow_dot(op)]
    found = [STATEMENT.fullmatch(line) for line in lines]
    assert None not in found
    matches = [m for m in found if m is not None]
    walk = [o for region in op.regions for o in region.walk()]
    assert [int(m["node"]) for m in matches if m["node"]] == list(range(len(walk)))
    drawn = Counter((int(m["made"]), int(m["user"])) for m in matches if m["made"] and m["style"] is None)
    numbers = {o: i for i, o in enumerate(walk)}
    uses = Counter((numbers[v.owner], numbers[o]) for o in walk for v in o.operands if isinstance(v.owner, Operation))
    assert drawn == uses
    assert sum(line.endswith("{") for line in lines) == lines.count("}")


def test_labels_are_quoted() -> None:
    op = table("shift")
    first = op.regions[0].operations[0]
    kept = first.attributes
    try:
        first.attributes = {**kept, "name": 'a "b"\\\nc', "bus": Symbol("x")}
        line = next(line for line in dataflow_dot(op) if line.startswith("  0 "))
    finally:
        first.attributes = kept
    assert r'name a \"b\"\\\nc' in line and r"bus x" in line


def test_each_message_of_each_table_is_counted() -> None:
    circuit = load_machine(None).circuit
    lines = list(circuit_dot(circuit))
    counts = [int(m[1]) for line in lines if (m := re.search(r'-- .*label="(\d+)"', line))]
    assert sum(counts) == sum(len(t.messages) for t in (*circuit.tables, circuit.claim))
