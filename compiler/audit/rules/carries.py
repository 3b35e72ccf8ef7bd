"""E0509: what a bus `carries` stays as it is from what a row takes to what it gives.

In a chain that holds for all messages of a row, and the position grows by one: as there are less than p rows, no chain is a circle. On
another bus it holds for messages that have something in common: what is said twice of one page is the same; and a row does not take what it
gives itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import Message, carried, messages, position, same
from zkc.compiler.audit.rules.order import constant_difference
from zkc.compiler.audit.table import TableAudit


def findings(table: TableAudit, label: str, row: Row) -> Iterator[Finding]:
    """The messages of one row that do not fit together."""
    here = messages(table, row)
    for name, bus in table.circuit.program.buses.items():
        taken, given = ([m for m in here if m.bus == name and m.sign == sign] for sign in (-1, 1))
        for t, g in ((t, g) for t in taken for g in given if bus.carries):
            for wrong in _of_chain(table, row, t, g) if bus.chain is not None else _of_pair(table, row, t, g):
                yield Finding(table.name, label, wrong, (), table.messages[t.number].loc.span, code=HANDED)


def _of_chain(table: TableAudit, row: Row, taken: Message, given: Message) -> Iterator[str]:
    chain = table.circuit.program.buses[taken.bus].chain
    for (name, t), (_, g) in zip(carried(table, taken), carried(table, given), strict=True):
        if not same(row, t, g):
            yield f"`{name}` of `{taken.bus}` is not given as it is taken"
    if constant_difference(row, position(table, given), position(table, taken)) != 1:
        yield f"`{chain}` of `{taken.bus}` does not grow by one"


def _of_pair(table: TableAudit, row: Row, taken: Message, given: Message) -> Iterator[str]:
    pairs = [(name, t, same(row, t, g)) for (name, t), (_, g) in zip(carried(table, taken), carried(table, given), strict=True)]
    if any(alike and row.support[t] for _, t, alike in pairs):
        yield from (f"`{name}` of `{taken.bus}` is not given as it is taken" for name, _, alike in pairs if not alike)
        if all(same(row, t, g) for t, g in zip(taken.args, given.args, strict=True)):
            yield f"a row takes what it gives itself on `{taken.bus}`"
