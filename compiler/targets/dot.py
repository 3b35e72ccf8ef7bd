"""Drawings for Graphviz: who sends to whom, and what follows from what in a body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from zkc.compiler.ir.graph import ORDER, dataflow, has_effect
from zkc.compiler.ir.operation import Attribute, Operation, Region, Symbol
from zkc.runtime.circuit.circuit import Circuit

SHOWN = ("name", "names", "value", "label", "bus", "callee", "low", "high", "sign", "message", "table")
"""Attributes that say what an operation is."""
Numbers = Mapping[Operation, int]
"""A number for each operation, those inside of others too."""


def circuit_dot(circuit: Circuit) -> Iterator[str]:
    """Tables and buses. A multiplicity has no sign of its own, so edges have no direction."""
    yield "graph circuit {"
    yield "  rankdir=LR; node [fontname=monospace];"
    for bus in circuit.buses:
        yield f'  "bus {bus.name}" [shape=ellipse, label="{bus.name}"];'
    for table in (*circuit.tables, circuit.claim):
        yield f'  "{table.name}" [shape=box];'
        for bus, count in Counter(m.bus for m in table.messages).items():
            yield f'  "{table.name}" -- "bus {circuit.buses[bus].name}" [label="{count}"];'
    yield "}"


def dataflow_dot(symbol: Operation) -> Iterator[str]:
    """The operations of a symbol. An arrow goes from a result to its use; dashed ones say in which order effects happen, which are boxes.
    What stands inside of an operation has a frame around it."""
    numbers = {op: i for i, op in enumerate(o for region in symbol.regions for o in region.walk())}
    yield "digraph dataflow {"
    yield "  node [fontname=monospace]; compound=true;"
    for region in symbol.regions:
        yield from _region(region, numbers, "  ")
    yield "}"


def _region(region: Region, numbers: Numbers, indent: str) -> Iterator[str]:
    for op in region.operations:
        yield f'{indent}{numbers[op]} [shape={"box" if has_effect(op) else "ellipse"}, label="{_label(op)}"];'
        for place, inner in enumerate(op.regions):
            yield f"{indent}subgraph cluster_{numbers[op]}_{place} {{"
            yield f'{indent}  label="{_name(op, place)}";'
            yield from _region(inner, numbers, indent + "  ")
            yield f"{indent}}}"
    yield from _edges(region, numbers, indent)


def _edges(region: Region, numbers: Numbers, indent: str) -> Iterator[str]:
    """Uses of what the region computes, also inside of its operations."""
    for made, user, key in dataflow(region).graph.edges(keys=True):
        if key == ORDER:
            yield f"{indent}{numbers[made]} -> {numbers[user]} [style=dashed];"
        else:
            inner = numbers[user] + 1 + key[0] if isinstance(key, tuple) else numbers[user]
            yield f"{indent}{numbers[made]} -> {inner};"


def _label(op: Operation) -> str:
    """The name and what tells it from others, of at most some words."""
    return _quoted("\n".join([op.name, *(f"{n} {_shown(op.attributes[n])}" for n in SHOWN if n in op.attributes)]))


def _shown(value: Attribute) -> str:
    return value.name if isinstance(value, Symbol) else ", ".join(map(_shown, value)) if isinstance(value, tuple) else str(value)


def _name(op: Operation, place: int) -> str:
    names = op.attributes.get("names")
    return _quoted(_shown(names[place]) if isinstance(names, tuple) and place < len(names) else f"{op.name} {place}")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
