"""A module: the symbols of a program, and a graph of which needs which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import networkx as nx

from zkc.compiler.ir.operation import Operation, Symbol

Graph = Any
"""A networkx graph: its annotations differ from version to version."""


class Module:
    """Operations that declare symbols, in order. Kinds of symbols have names of their own: a table and a fixed table may share one."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.operations: list[Operation] = list(operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def find(self, kind: str, name: str) -> Operation:
        """The symbol of that name, declared by an operation of that name. KeyError if there is none."""
        for op in self.operations:
            if op.name == kind and op.attributes.get("sym_name") == name:
                return op
        raise KeyError(f"there is no {kind} @{name}")

    def replaced(self, operations: Iterable[Operation]) -> Module:
        """Another module with these operations."""
        return Module(operations)

    def symbols(self) -> Graph:
        """Symbols by name; an edge from each to those that it names: what an edit makes again are the ancestors of what changed."""
        graph: Graph = nx.DiGraph()
        for op in self.operations:
            name = op.text("sym_name")
            graph.add_node(name)
            for inner in (op, *(o for region in op.regions for o in region.walk())):
                graph.add_edges_from((name, used) for value in inner.attributes.values() for used in _named(value))
        return graph


def _named(value: object) -> Iterator[str]:
    if isinstance(value, Symbol):
        yield value.name
    elif isinstance(value, tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _named(item)
