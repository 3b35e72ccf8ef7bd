"""The dataflow of a region as a graph, and what graph algorithms say about it.

The region stays the truth. Its graph is made when it is asked for, and kept with what it was made from: the operations, and the operands of
each. Operands are tuples, which never change, so the graph is good as long as it holds the same ones; that costs a thirtieth of making it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from operator import is_
from typing import Any, Final

import networkx as nx

from zkc.compiler.ir.operation import Operation, Region, Value

Graph = Any
"""A networkx graph: its annotations differ from version to version."""
ORDER: Final = "order"
"""The key of edges from an effect to the next one."""


class Dataflow:
    """A region as a graph.

    graph: a MultiDiGraph. Its nodes are the operations of the region, in order. An edge goes from an operation to each that uses one of its
    results, with the index of the operand as its key; if the use is inside of that operation's regions, the key is a pair: which of the
    operations inside, and the index of its operand. Operations with effects are a chain, with ORDER as key. Values from outside of the
    region and its arguments have no node.
    """

    def __init__(self, region: Region) -> None:
        self.operations = tuple(region.operations)
        self._edges = tuple(self._find_edges())
        self._made_from = _fingerprint(region)

    def is_of(self, region: Region) -> bool:
        """Whether the region is still what the graph was made from."""
        now = _fingerprint(region)
        return len(now) == len(self._made_from) and all(map(is_, now, self._made_from))

    @cached_property
    def graph(self) -> Graph:
        """See above."""
        graph: Graph = nx.MultiDiGraph()
        graph.add_nodes_from(self.operations)
        graph.add_edges_from(self._edges)
        return graph

    def _find_edges(self) -> Iterator[tuple[Operation, Operation, object]]:
        own = set(self.operations)
        last: Operation | None = None
        for op in self.operations:
            for key, value in uses(op):
                owner = value.owner
                if isinstance(owner, Operation) and owner in own:
                    yield owner, op, key
            if has_effect(op):
                if last is not None:
                    yield last, op, ORDER
                last = op

    @cached_property
    def needs(self) -> Graph:
        """A DiGraph with an edge from each operation to those whose results it uses."""
        graph: Graph = nx.DiGraph()
        graph.add_nodes_from(self.operations)
        graph.add_edges_from((user, made) for made, user, key in self._edges if key != ORDER)
        return graph

    def users(self, op: Operation) -> list[Operation]:
        """The operations that use a result, each once, in the order of their first use."""
        return list(self.needs.predecessors(op))

    def needed(self, roots: Iterable[Operation]) -> set[Operation]:
        """The roots, and all that they are computed from."""
        return {op for layer in nx.bfs_layers(self.needs, list(roots)) for op in layer}

    def reachable(self, op: Operation) -> set[Operation]:
        """All that is computed from the results of an operation."""
        return nx.ancestors(self.needs, op)

    def dead(self) -> list[Operation]:
        """Pure operations whose results nothing uses that is not pure, or ends the region; in order."""
        live = self.needed(op for op in self.operations if is_kept(op))
        return [op for op in self.operations if op not in live]


def dataflow(region: Region) -> Dataflow:
    """The graph of a region: the one that was made before, if the region has not changed."""
    view = region.view
    if isinstance(view, Dataflow) and view.is_of(region):
        return view
    region.view = view = Dataflow(region)
    return view


def uses(op: Operation) -> Iterator[tuple[object, Value]]:
    """Operands of an operation and of those inside of it, each with its key (see Dataflow)."""
    yield from enumerate(op.operands)
    for place, inner in enumerate(o for region in op.regions for o in region.walk()):
        for index, value in enumerate(inner.operands):
            yield (place, index), value


def has_effect(op: Operation) -> bool:
    """Whether an operation, or one inside of it, has an effect."""
    return op.definition.effect or any(o.definition.effect for region in op.regions for o in region.walk())


def is_kept(op: Operation) -> bool:
    """Whether an operation stays even if nothing uses its results: only pure ones go."""
    return not op.definition.pure


def _fingerprint(region: Region) -> list[object]:
    """What the graph depends on. Whoever holds this keeps it alive, so that what is the same object later is the same thing."""
    found: list[object] = []
    for op in region.walk():
        found.append(op)
        found.append(op.operands)
    return found
