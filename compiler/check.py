"""Checks over the whole program: buses with two ends, lookup tables that are used, columns that something constrains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx

from zkc.compiler.dialects import air
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.share_columns import OWN
from zkc.compiler.pipeline import Lowered
from zkc.compiler.program import Program

Graph = Any
"""A networkx graph: its annotations differ from version to version."""


def bus_graph(tables: Sequence[Lowered]) -> Graph:
    """Tables and buses; an edge from a table to a bus sends, from a bus to a table receives."""
    graph: Graph = nx.MultiDiGraph()
    for table in tables:
        for op in table.air.regions[0]:
            if op.definition is air.MESSAGE:
                bus, end = f"bus {op.text('bus')}", f"table {table.name}"
                graph.add_edge(*((end, bus) if op.number("sign") > 0 else (bus, end)))
    return graph


def check_buses(program: Program, tables: Sequence[Lowered]) -> None:
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


def check_columns(program: Program, tables: Sequence[Lowered]) -> None:
    """E0501: every column of every arm is in an equation or message beside the check of its own range, or nothing ties it to the truth."""
    for table in tables:
        tied = tied_columns(table.air)
        for op, arm in columns_of(table.row):
            if arm not in tied[op.number("slot")] and None not in tied[op.number("slot")]:
                name = op.attributes.get("name", "column")
                program.error(
                    "E0501", f"nothing constrains `{name}` of table `{table.name}`: the prover may choose it", op.loc.span,
                    help="assert something about it, send it, or remove it",
                )  # fmt: skip


def columns_of(table: Operation) -> list[tuple[Operation, str | None]]:
    """The columns of a row but for selectors, each with the arm that it belongs to (None: all)."""
    found: list[tuple[Operation, str | None]] = []
    for op in table.regions[0]:
        if "slot" in op.attributes and op.name != "row.is":
            found.append((op, None))
        for name, region in zip(op.names("names") if op.regions else (), op.regions, strict=True):
            found += [(inner, name) for inner in region if inner.definition in OWN]
    return found


def tied_columns(table: Operation) -> list[set[str | None]]:
    """For each column the arms in which an equation or message other than its own type speaks of it (None: every row)."""
    columns = [op for op in table.regions[0] if op.definition is air.COLUMN]
    number = {op.result: i for i, op in enumerate(columns)}
    support: dict[Any, int] = {}
    tied: list[set[str | None]] = [set() for _ in columns]
    for op in table.regions[0]:
        if op.definition in (air.CONSTRAINT, air.MESSAGE):
            mask = 0
            for v in op.operands:
                mask |= support[v]
            own = op.attributes.get("checks")
            arms: tuple[str | None, ...] = op.names("arms") or (None,)
            for i in range(len(columns)):
                if mask >> i & 1 and i != own:
                    tied[i].update(arms)
        elif op.results:
            mask = 1 << number[op.result] if op.result in number else 0
            for v in op.operands:
                mask |= support[v]
            support[op.result] = mask
    return tied
