"""E0509: a word that a row gives back has its parts where they were.

Of a bus that remembers: what is taken in one place of a message and given, under the same key, in another was exchanged. And where tokens
begin and end in one row, which says why (`because`), they are the same: the same keys, the same words.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import Message, messages, same
from zkc.compiler.audit.rules.order import MARK, TIME
from zkc.compiler.audit.table import TableAudit


def findings(table: TableAudit, label: str, row: Row) -> Iterator[Finding]:
    """The words of one row that are not given as they were taken."""
    for name, bus in table.circuit.program.buses.items():
        if bus.remembers is None:
            continue
        here = [m for m in messages(table, row) if m.bus == name]
        taken, given = ([m for m in here if m.sign == sign] for sign in (-1, 1))
        key = table.circuit.place(name, bus.remembers)
        for t in taken:
            wrong = [_turned(table, row, t, g) for g in given if same(row, t.args[key], g.args[key])]
            yield from (_finding(table, label, t, what) for what in wrong if what)
        yield from _ends(table, label, row, taken, given)


def _turned(table: TableAudit, row: Row, taken: Message, given: Message) -> str | None:
    """What is given of a word in another place than it was taken in."""
    fields = [f.name for f in table.circuit.fields[taken.bus]]
    for i, g in enumerate(given.args):
        if row.support[g] and not same(row, g, taken.args[i]):
            from_ = next((f for f, t in zip(fields, taken.args, strict=True) if same(row, t, g)), None)
            if from_ is not None:
                return f"what is taken as `{from_}` of `{taken.bus}` is given as `{fields[i]}`"
    return None


def _ends(table: TableAudit, label: str, row: Row, taken: list[Message], given: list[Message]) -> Iterator[Finding]:
    ending, beginning = ([m for m in each if "because" in table.messages[m.number].attributes] for each in (taken, given))
    for m in ending if beginning else ():
        if not any(_same_word(table, row, m, other) for other in beginning):
            yield _finding(table, label, m, f"a word of `{m.bus}` ends that is not the one which begins in this row")


def _same_word(table: TableAudit, row: Row, a: Message, b: Message) -> bool:
    places = [i for i, f in enumerate(table.circuit.fields[a.bus]) if f.name not in (TIME, MARK)]
    return all(same(row, a.args[i], b.args[i]) for i in places)


def _finding(table: TableAudit, label: str, message: Message, text: str) -> Finding:
    return Finding(table.name, label, text, (), table.messages[message.number].loc.span, code=HANDED)
