"""E0509: a word that a row without arms takes and gives back is used: else the row says of something else what it was to say of this.

A row of an instruction may read a register that its arm has no use for; rows that the runtime gives take words for what they tell others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.polynomials import bits_of
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import Message, messages, same
from zkc.compiler.audit.step import VALUE
from zkc.compiler.audit.table import TableAudit

HELP: Final = "tell somebody what the word is, or do not take it"


def findings(table: TableAudit, label: str, arm: str | None, row: Row) -> Iterator[Finding]:
    """The words of one row that are taken and given back for nothing."""
    if arm is not None:
        return
    here = messages(table, row)
    for name, bus in table.circuit.program.buses.items():
        if bus.remembers is not None:
            values = [i for i, field in enumerate(table.circuit.fields[name]) if field.of == VALUE]
            key = table.circuit.place(name, bus.remembers)
            pairs = _kept(row, [m for m in here if m.bus == name], key, values)
            used = _used(row, here, {m.number for pair in pairs for m in pair})
            for taken, _ in pairs:
                columns = [c for i in values for c in bits_of(row.support[taken.args[i]])]
                idle = [c for c in columns if not used >> c & 1]
                if idle:
                    names = tuple(table.column_name(c, arm) for c in idle)
                    text = f"a word of `{name}` is taken and given back, and nothing is made of it"
                    yield Finding(table.name, label, text, names, table.messages[taken.number].loc.span, code=HANDED, help=HELP)


def _kept(row: Row, here: list[Message], key: int, values: list[int]) -> list[tuple[Message, Message]]:
    """What is taken, with what gives the same word back."""
    taken, given = ([m for m in here if m.sign == sign] for sign in (-1, 1))
    return [(t, g) for t in taken for g in given if all(same(row, t.args[i], g.args[i]) for i in (key, *values))]


def _used(row: Row, here: list[Message], kept: set[int]) -> int:
    """The columns of equations and of other messages, as a mask: what a column is looked up in says nothing of it but its type."""
    found = 0
    for node in (*row.zero, *(n for m in here if m.number not in kept for n in m.args)):
        found |= row.support[node]
    return found
