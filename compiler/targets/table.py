"""The table of the circuit (zkc.runtime.circuit.circuit.Table), from the last stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zkc.compiler.dialects import air, felt
from zkc.compiler.ir.operation import OpDef, Operation, Value, constant_of
from zkc.compiler.ir.walk import bottom_up
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, SUB, Message, Table
from zkc.runtime.field.koalabear import P

Node = tuple[int, int, int]
CODES: Mapping[OpDef, int] = {felt.ADD: ADD, felt.SUB: SUB, felt.MUL: MUL}


def table_of(op: Operation, buses: Mapping[str, int]) -> Table:
    """The table; `buses` gives the number of each bus and fixed table."""
    body = op.regions[0]
    columns = [o for o in body if o.definition is air.COLUMN]
    constraints = [o for o in body if o.definition is air.CONSTRAINT]
    messages = [o for o in body if o.definition is air.MESSAGE]
    nodes, number = node_list([v for o in (*constraints, *messages) for v in o.operands], {c.result: i for i, c in enumerate(columns)})
    return Table(
        name=op.text("sym_name"),
        columns=tuple(c.text("name") for c in columns),
        fixed=np.zeros((0, 0), dtype=np.uint32),
        fixed_names=(),
        nodes=np.array(nodes, dtype=np.int64).reshape(-1, 3),
        constraints=tuple(number[o.operands[0]] for o in constraints),
        labels=tuple(o.text("label") for o in constraints),
        messages=tuple(_message(o, buses, number) for o in messages),
        batches=tuple(_numbers(o) for o in body if o.definition is air.BATCH),
    )


def _message(op: Operation, buses: Mapping[str, int], number: Mapping[Value, int]) -> Message:
    times, *args = (number[v] for v in op.operands)
    return Message(buses[op.text("bus")], times, tuple(args), op.text("label"))


def _numbers(op: Operation) -> tuple[int, ...]:
    found = op.attributes["messages"]
    assert isinstance(found, tuple)
    return tuple(int(str(n)) for n in found)


def node_list(roots: Sequence[Value], columns: Mapping[Value, int]) -> tuple[list[Node], dict[Value, int]]:
    """The nodes (format: Table.nodes of the circuit) that values need, each after those it needs, and the number of each value."""
    number: dict[Value, int] = {}
    nodes: list[Node] = []

    def needs(value: Value) -> Sequence[Value]:
        return () if value.op is None or value in columns else value.op.operands

    def visit(value: Value) -> None:
        number[value] = len(nodes)
        nodes.append(_node(value, value.op, columns, number))

    for root in roots:
        bottom_up(root, number, needs, visit)
    return nodes, number


def _node(value: Value, op: Operation | None, columns: Mapping[Value, int], number: Mapping[Value, int]) -> Node:
    if value in columns:
        return (COLUMN, columns[value], 0)
    constant = constant_of(value)
    if constant is not None:
        return (CONSTANT, felt.in_field(constant) % P, 0)
    assert op is not None
    return (CODES[op.definition], number[op.operands[0]], number[op.operands[1]])
