"""The graph of what is declared: an edge from each item to those that it needs. What a table is made of is what it reaches.

A table is elaborated from a program of these items alone (`restricted`), so nothing else can be part of what comes out. Where one item only
reads what another says, and not what that needs (the table that decodes words reads what instructions use of them), the edge leads to an
outline: a node without edges.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import networkx as nx

from zkc.compiler.importer.items import CLAIM, GUARDS
from zkc.compiler.importer.items import Item as Symbol
from zkc.compiler.importer.uses import INSTRUCTION, SERVICE
from zkc.compiler.program import Program
from zkc.compiler.step_buses import step_buses
from zkc.dsl import syntax as s
from zkc.dsl.built_in import RANGE, WORD
from zkc.dsl.check import Typed
from zkc.dsl.spans import text_at
from zkc.dsl.types import UNKNOWN, Type, name_of

Graph = Any
"""A networkx graph: its annotations differ from version to version."""
KINDS: Final = (
    "constant_items", "type_items", "structs", "buses", "fixed", "gadgets", "impls", "formats", "frames", "families", "services", "tables",
)  # fmt: skip
OUTLINE: Final = "outline of "


def name_in(kind: str, key: object) -> str:
    """The name of a symbol, from its key in the program: an `impl` has that of its operator."""
    return " ".join(key) if isinstance(key, tuple) else str(key)  # type: ignore[reportUnknownArgumentType]


def items_of(program: Program) -> dict[Symbol, s.Item]:
    """All symbols, by kind and in the order of the text."""
    found: dict[Symbol, s.Item] = {(kind, name_in(kind, key)): item for kind in KINDS for key, item in getattr(program, kind).items()}
    return found if program.claim is None else {**found, CLAIM: program.claim}


def symbol_graph(program: Program, typed: Typed) -> Graph:
    """A DiGraph of all symbols, other tables of families, and GUARDS; an edge leads from each to those that it needs."""
    uses = _Uses(program, typed)
    items = items_of(program)
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from((*items, GUARDS))
    for name, variant in program.variants().items():
        graph.add_edges_from((("variants", name), used) for used in (("families", variant.family.name), ("frames", variant.frame)))
    graph.add_edges_from((GUARDS, used) for used in uses.of_guards() if _plain(used) in items)
    for symbol, item in items.items():
        graph.add_edges_from((symbol, used) for used in uses.of(symbol, item) if _plain(used) in items)
    return graph


def reached(graph: Graph, symbol: Symbol) -> set[Symbol]:
    """What a symbol is made of: itself, what it needs, and so on."""
    return {symbol, *map(_plain, nx.descendants(graph, symbol))} if symbol in graph else {symbol}


def _outline(kind: str, name: str) -> Symbol:
    return OUTLINE + kind, name


def _plain(symbol: Symbol) -> Symbol:
    return symbol[0].removeprefix(OUTLINE), symbol[1]


def restricted(program: Program, symbols: set[Symbol]) -> Program:
    """The program of these symbols alone; it reports where `program` does."""
    parts = {kind: {k: v for k, v in getattr(program, kind).items() if (kind, name_in(kind, k)) in symbols} for kind in KINDS}
    return replace(
        program, **parts,
        constants={n: v for n, v in program.constants.items() if n in parts["constant_items"]},
        ranges={n: v for n, v in program.ranges.items() if n in parts["type_items"]},
        encodings={n: e for n, e in program.encodings.items() if e.family in parts["families"]},
        claim=program.claim if CLAIM in symbols else None,
        tests=[],
        step_tests=[],
    )  # fmt: skip


class _Uses:
    """What items need, and names that may be none."""

    def __init__(self, program: Program, typed: Typed) -> None:
        self.program = program
        self.typed = typed

    def of(self, symbol: Symbol, item: s.Item) -> Iterator[Symbol]:
        """What an item needs."""
        kind, name = symbol
        if kind == "type_items":
            yield from (("fixed", RANGE), ("fixed", name))  # a column of the type is looked up there
        elif kind == "frames":
            yield from self._words()
        elif isinstance(item, s.Chip):
            yield "buses", name
        for node in s.walk(item):
            yield from self._node(node)

    def of_guards(self) -> Iterator[Symbol]:
        """What chooses among environment calls: their conditions, over operands of their frame."""
        yield "frames", SERVICE
        for service in self.program.services.values():
            yield _outline("services", service.name)
            for node in s.walk(service.when):
                yield from self._node(node)

    def _words(self) -> Iterator[Symbol]:
        """What words of instructions are made of, as far as a frame may speak of it."""
        bus = step_buses(self.program).program
        if bus is not None:
            yield "buses", bus.name
        yield from (_outline("frames", n) for n in self.program.frames)
        yield from (("formats", n) for n in self.program.formats)

    def _node(self, node: s.Node) -> Iterator[Symbol]:
        match node:
            case s.Name(name=name):
                yield "constant_items", name
            case s.TypeRef(name=name):
                yield from (("type_items", name), ("structs", name))
            case s.Call(name=name):
                yield from (("gadgets", name), ("structs", name))
            case s.MessageStmt(bus=name) | s.Last(bus=name):
                yield from (("buses", name), ("fixed", name))
            case s.Binary():
                yield from self._operators(node)
            case s.Impl(gadget=name, left=left, right=right):
                yield from (("gadgets", name), ("structs", left), ("structs", right))
            case s.Family(format=name):
                yield from (("formats", name), ("frames", INSTRUCTION))
            case s.Service(on=on):
                yield "frames", SERVICE
                yield from (_outline("families", f.name) for f in self.program.families.values() if any(i.name == on for i in f.insns))
            case s.Beside(name=name):
                yield _outline("services", name)
            case s.Decode():
                yield "structs", WORD
                yield from self._words()
                yield from (_outline("families", n) for n in self.program.families)
            case _:
                pass

    def _operators(self, node: s.Binary) -> Iterator[Symbol]:
        """The operators that an expression may stand for."""
        try:
            left, right = self.typed.type_of(node.left), self.typed.type_of(node.right)
        except KeyError:  # a constant
            return
        for a, op, b in self.program.impls:
            if op == node.op and _may_be(left, a) and _may_be(right, b):
                yield "impls", name_in("impls", (a, op, b))


def _may_be(type_: Type, name: str) -> bool:
    return type_ == UNKNOWN or name_of(type_) == name


class Places:
    """Spans by the item that they are in. An item's first line is line 0, and there columns count from its start."""

    def __init__(self, items: Mapping[Symbol, s.Item]) -> None:
        self.spans = {symbol: item.span for symbol, item in items.items()}
        self.starts: dict[str, list[tuple[int, int, Symbol]]] = {}
        for symbol, span in self.spans.items():
            self.starts.setdefault(span.file, []).append((span.line, span.column, symbol))
        for starts in self.starts.values():
            starts.sort()

    def relative(self, span: s.Span) -> tuple[str | int, ...]:
        """Kind and name of the item, and where the span starts and ends in it."""
        starts = self.starts[span.file]
        symbol = starts[bisect_right(starts, (span.line, span.column + 1)) - 1][2]
        item = self.spans[symbol]
        start, end = _from(item, span.line, span.column), _from(item, span.end_line, span.end_column)
        return (*symbol, *start, *end)

    def absolute(self, place: Sequence[Any]) -> s.Span:
        """The span, where the item is now."""
        kind, name, line, column, end_line, end_column = place
        item = self.spans[(kind, name)]
        return s.Span(item.file, *_to(item, line, column), *_to(item, end_line, end_column))

    def text_of(self, sources: Mapping[str, str], symbol: Symbol) -> str:
        """The text of an item."""
        span = self.spans[symbol]
        return text_at(span, sources[span.file])


def _from(item: s.Span, line: int, column: int) -> tuple[int, int]:
    return line - item.line, column - item.column if line == item.line else column


def _to(item: s.Span, line: int, column: int) -> tuple[int, int]:
    return item.line + line, column + item.column if line == 0 else column
