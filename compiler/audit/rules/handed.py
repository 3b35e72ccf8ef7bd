"""What a row takes and gives on a bus, and what of it is carried."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit, stem
from zkc.runtime.circuit.circuit import SUB
from zkc.runtime.field.koalabear import P


@dataclass(frozen=True)
class Message:
    """number: of the message in the table. sign: -1 if the row takes it, 1 if it gives it, 0 if that depends on the row. args: nodes."""

    number: int
    bus: str
    sign: int
    args: tuple[int, ...]


def messages(table: TableAudit, row: Row) -> list[Message]:
    """The messages of a row, lookups left out."""
    signs = {1: 1, P - 1: -1}
    return [Message(i, table.messages[i].text("bus"), signs.get(row.value(times) or 0, 0), args) for i, times, args in row.messages]


def carried(table: TableAudit, message: Message) -> list[tuple[str, int]]:
    """The elements of a message that its bus carries, by name."""
    names = table.circuit.program.buses[message.bus].carries
    return [(f.name, n) for f, n in zip(table.circuit.fields[message.bus], message.args, strict=True) if stem(f.name) in names]


def state(table: TableAudit, message: Message) -> list[tuple[str, int]]:
    """What a message of a chain hands on beside what is carried and how far the chain is."""
    bus = table.circuit.program.buses[message.bus]
    fields = table.circuit.fields[message.bus]
    return [(f.name, n) for f, n in zip(fields, message.args, strict=True) if stem(f.name) not in (*bus.carries, bus.chain)]


def position(table: TableAudit, message: Message) -> int:
    """How far the chain is."""
    chain = table.circuit.program.buses[message.bus].chain
    assert chain is not None
    return message.args[table.circuit.place(message.bus, chain)]


def same(row: Row, a: int, b: int) -> bool:
    """Whether two nodes are one polynomial."""
    return a == b or not row.linear(row.make(SUB, a, b))
