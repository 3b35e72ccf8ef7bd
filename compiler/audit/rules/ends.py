"""E0509: a row that begins and ends a chain puts what comes out at the end where it took what it began with.

It gives the first message of the chain, made of words that it takes from a bus that remembers, and takes the last message. Where it gives
back a word at the same key, that is made of the last message in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.polynomials import ONE, Linear
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import Message, messages, position, same
from zkc.compiler.audit.rules.order import constant_difference
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.field.koalabear import P


def findings(table: TableAudit, label: str, row: Row) -> Iterator[Finding]:
    """What one row does not put back."""
    here = messages(table, row)
    for name, bus in table.circuit.program.buses.items():
        if bus.chain is None:
            continue
        taken, given = ([m for m in here if m.bus == name and m.sign == sign] for sign in (-1, 1))
        for t, g in ((t, g) for t in taken for g in given):
            if constant_difference(row, position(table, g), position(table, t)) is None:
                fields = [f.name for f in table.circuit.fields[name]]
                after = _put_back(table, row, here)
                for field, last, first in zip(fields, t.args, g.args, strict=True):
                    if field != bus.chain and _renamed(row, row.linear(first), after) != row.linear(last):
                        text = f"`{field}` of `{name}` is not put back where the first one was taken"
                        yield Finding(table.name, label, text, (), table.messages[t.number].loc.span, code=HANDED)


def _put_back(table: TableAudit, row: Row, here: list[Message]) -> dict[int, Linear]:
    """Nodes that are taken from a bus that remembers, and what is given in their place."""
    found: dict[int, Linear] = {}
    for name, bus in table.circuit.program.buses.items():
        if bus.remembers is not None:
            key = table.circuit.place(name, bus.remembers)
            taken, given = ([m for m in here if m.bus == name and m.sign == sign] for sign in (-1, 1))
            pairs = ((t, g) for t in taken for g in given if same(row, t.args[key], g.args[key]))
            found |= {a: row.linear(b) for t, g in pairs for a, b in zip(t.args, g.args, strict=True) if row.column_of(a) is not None}
    return found


def _renamed(row: Row, linear: Linear, after: dict[int, Linear]) -> Linear | None:
    """A sum with what is put back in the place of what was taken; None if something in it was not."""
    total: Linear = {ONE: linear[ONE]} if ONE in linear else {}
    for atom, c in linear.items():
        if atom != ONE:
            if atom not in after:
                return None
            for x, k in after[atom].items():
                total[x] = (total.get(x, 0) + c * k) % P
    return {x: c for x, c in total.items() if c}
