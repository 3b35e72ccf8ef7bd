"""Checks over the whole program: buses with two ends, names that are used, gadgets without cycles. The graph is networkx."""

from __future__ import annotations

import networkx as nx

from compiler.program import Program
from compiler.table import TableBuilder


def bus_graph(tables: list[TableBuilder]) -> nx.MultiDiGraph:
    """Tables and buses; an edge from a table to a bus sends, from a bus to a table receives."""
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
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
