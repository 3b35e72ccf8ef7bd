"""Checks over the whole program: buses with two ends, lookup tables that are used, columns that something constrains."""

from __future__ import annotations

from typing import Any

import networkx as nx

from zkc.compiler.program import Program
from zkc.compiler.table import Column, TableBuilder
from zkc.runtime.circuit import COLUMN

Graph = Any
"""A networkx graph: its annotations differ from version to version."""


def bus_graph(tables: list[TableBuilder]) -> Graph:
    """Tables and buses; an edge from a table to a bus sends, from a bus to a table receives."""
    graph: Graph = nx.MultiDiGraph()
    for table in tables:
        for m in table.messages:
            bus, end = f"bus {m.bus}", f"table {table.name}"
            graph.add_edge(*((end, bus) if m.sign > 0 else (bus, end)))
    return graph


def check_buses(program: Program, tables: list[TableBuilder]) -> None:
    """Every bus has a sender and a receiver; every fixed table is looked up."""
    graph = bus_graph(tables)
    for name, decl in program.buses.items():
        node = f"bus {name}"
        if node not in graph or not graph.in_degree(node) or not graph.out_degree(node):
            program.error("E0606", f"the bus `{name}` needs a sender and a receiver", decl.span)
    for name, decl in program.fixed.items():
        if f"bus {name}" not in graph:
            program.error("E0607", f"nothing looks up the fixed table `{name}`", decl.span)
        elif decl.at is None:
            program.error("E0604", f"the fixed table `{name}` has no `at`, so no lookup can be counted", decl.span)


def check_columns(program: Program, table: TableBuilder) -> None:
    """Every column of every arm is in an equation or message beside the check of its own range: nothing else ties it to the truth."""
    for arm in (None, *table.arms):
        for column in table.columns:
            if arm in column.by_arm and column.name.split("|")[0] != f"is_{arm}" and not _constrained(table, column, arm):
                program.error(
                    "E0501", f"nothing constrains `{column.name}` of table `{table.name}`: the prover may choose it", column.span,
                    help="assert something about it, send it, or remove it",
                )  # fmt: skip


def _constrained(table: TableBuilder, column: Column, arm: str | None) -> bool:
    mentions = _mentions(table, column.node)
    here = (None, arm) if arm is not None else (None, *table.arms)
    if any(c.node in mentions and c.arm in here and c.owner != column.node for c in table.constraints):
        return True
    return any(
        m.arm in here and m.owner != column.node and (m.times in mentions or any(a in mentions for a in m.args)) for m in table.messages
    )


def _mentions(table: TableBuilder, node: int) -> set[int]:
    """The nodes that depend on `node`."""
    found = {node}
    for i in range(node + 1, len(table.poly.nodes)):
        op, a, b = table.poly.nodes[i]
        if op > COLUMN + 1 and (a in found or b in found):
            found.add(i)
    return found
