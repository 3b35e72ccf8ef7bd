"""What tables, gadgets and calls cost: columns, messages and equations of a row; and the degrees of values. From the compiler's stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import TypeVar

from zkc.compiler.check import columns_of
from zkc.compiler.dialects import air, bus, row
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.locations import Calls
from zkc.compiler.ir.operation import FELT, Operation
from zkc.compiler.pipeline import Lowered
from zkc.compiler.targets.isa import EXTENSION_CELLS
from zkc.dsl.spans import Span

Key = TypeVar("Key")


@dataclass(frozen=True)
class TableCost:
    """One row. cells: what is committed to, of which `logup` are those of its messages."""

    columns: int
    messages: int
    lookups: int
    equations: int
    logup: int

    @property
    def cells(self) -> int:
        return self.columns + self.logup

    def __str__(self) -> str:
        parts = ((self.columns, "column"), (self.messages, "message"), (self.lookups, "lookup"), (self.equations, "equation"))
        return ", ".join(plural(count, name) for count, name in parts if count)


def plural(count: int, name: str) -> str:
    """A number of things."""
    return f"{count} {name}{'s' * (count != 1)}"


@dataclass(frozen=True)
class Column:
    """A column: its type, and why it is what it is."""

    name: str
    type: str
    arm: str
    why: str


@dataclass(frozen=True)
class Use:
    """What all calls of a gadget cost in a row of a table, with those inside of it."""

    table: str
    columns: int
    messages: int
    equations: int


@dataclass(frozen=True)
class CallCost:
    """What one call costs in a row, with those inside of it; in a loop, in all rounds."""

    columns: int = 0
    messages: int = 0
    equations: int = 0

    def __str__(self) -> str:
        parts = ((self.columns, "column"), (self.messages, "message"), (self.equations, "equation"))
        return ", ".join(plural(count, name) for count, name in parts if count) or "nothing"


def table_cost(table: Lowered, fixed: frozenset[str]) -> TableCost:
    """The cost of a row; `fixed` are the names of fixed tables."""
    ops = list(table.air.regions[0])
    buses = [op.text("bus") for op in ops if op.definition is air.MESSAGE]
    lookups = sum(name in fixed for name in buses)
    count = {kind: sum(op.definition is kind for op in ops) for kind in (air.COLUMN, air.CONSTRAINT, air.BATCH)}
    return TableCost(count[air.COLUMN], len(buses) - lookups, lookups, count[air.CONSTRAINT], EXTENSION_CELLS * count[air.BATCH])


def columns(table: Lowered) -> list[Column]:
    """The columns, in the order of the text; instructions of one family share some."""
    return [
        Column(str(op.attributes.get("name", "(a product)")), str(op.attributes.get("type", "felt")), arm or "", _why(op))
        for op, arm in columns_of(table.row)
    ]


def _why(op: Operation) -> str:
    trusted = "on trust: " if op.attributes.get("trusted") else ""
    free = f"free: {op.attributes['free']}" if "free" in op.attributes else ""
    return "; ".join(x for x in (f"{trusted}{op.attributes['because']}" if "because" in op.attributes else "", free) if x)


def traffic(table: Lowered) -> dict[str, tuple[int, int]]:
    """For each bus and fixed table, how many messages a row sends and receives."""
    found: dict[str, tuple[int, int]] = {}
    for op in table.air.regions[0]:
        if op.definition is air.MESSAGE:
            sent, received = found.get(op.text("bus"), (0, 0))
            sends = op.number("sign") > 0
            found[op.text("bus")] = (sent + sends, received + (not sends))
    return found


def uses(table: Lowered) -> dict[str, Use]:
    """What calls of gadgets cost in a row of the table, by gadget."""
    found: dict[str, list[int]] = {}
    for op, kind in _counted(table.row):
        for name in {name for name, _ in op.loc.calls}:
            found.setdefault(name, [0, 0, 0])[kind] += 1
    return {name: Use(table.name, *counts) for name, counts in found.items()}


def calls(tables: Iterable[Lowered]) -> dict[Span, CallCost]:
    """The cost of every call, by its place; the greatest, where that depends on the arguments."""
    return _greatest((chain[-1][1], cost) for table in tables for chain, cost in _chains(table))


def gadgets(tables: Iterable[Lowered]) -> dict[str, CallCost]:
    """The greatest cost of a call of each gadget."""
    return _greatest((chain[-1][0], cost) for table in tables for chain, cost in _chains(table))


def _greatest(found: Iterable[tuple[Key, CallCost]]) -> dict[Key, CallCost]:
    greatest: dict[Key, CallCost] = {}
    for key, cost in found:
        before = greatest.get(key, CallCost())
        greatest[key] = CallCost(*(max(a, b) for a, b in zip(astuple(cost), astuple(before), strict=True)))
    return greatest


def _chains(table: Lowered) -> Iterator[tuple[Calls, CallCost]]:
    """Every call of a row, with those that lead to it."""
    counts: dict[Calls, list[int]] = {}
    for op, kind in _counted(table.row):
        for depth in range(1, len(op.loc.calls) + 1):
            counts.setdefault(op.loc.calls[:depth], [0, 0, 0])[kind] += 1
    return ((chain, CallCost(*each)) for chain, each in counts.items())


def degrees(tables: Iterable[Lowered]) -> dict[Span, int]:
    """The degree of what stands at a place, as a polynomial over columns; the greatest, where that depends on arguments."""
    found: dict[Span, int] = {}
    for table in tables:
        of = Degrees()
        for op in table.row.regions[0].walk():
            if op.loc.span is not None and len(op.results) == 1 and op.result.type is FELT:
                found[op.loc.span] = max(of.of(op.result), found.get(op.loc.span, 0))
    return found


def _counted(table: Operation) -> Iterator[tuple[Operation, int]]:
    """What costs something: columns, messages, equations."""
    for op in table.regions[0].walk():
        if op.definition in (row.COLUMN, row.COMMIT):
            yield op, 0
        elif op.definition in (bus.SEND, bus.RECV, bus.LOOKUP):
            yield op, 1
        elif op.definition is row.ASSERT:
            yield op, 2
