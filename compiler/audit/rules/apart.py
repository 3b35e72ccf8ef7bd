"""E0509: chains of two tables over one bus are apart: something that is carried is a constant in each, and not the same one.

Else a row of one table could go on with a chain of the other, and what `bound` shows of the rows of a table would not hold for the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.rules.handed import carried, messages
from zkc.compiler.audit.table import TableAudit

HELP: Final = "let the bus carry a constant, another one in each table"


def findings(tables: Sequence[TableAudit]) -> Iterator[Finding]:
    """Chains of these tables that could be mixed up."""
    for name, bus in tables[0].circuit.program.buses.items() if tables else ():
        if bus.chain is not None and bus.carries:
            constants = {table.name: found for table in tables if (found := _constants(table, name)) is not None}
            by_name = {table.name: table for table in tables}
            for one, other in combinations(constants, 2):
                if not any(a is not None and b is not None and a != b for a, b in zip(constants[one], constants[other], strict=True)):
                    text = f"a chain over `{name}` may go on in a row of `{one}`: no constant that it carries tells them apart"
                    op = next(m for m in by_name[other].messages if m.text("bus") == name)
                    yield Finding(other, "", text, (), op.loc.span, code=HANDED, help=HELP)


def _constants(table: TableAudit, bus: str) -> list[int | None] | None:
    """What all rows of a table carry on a bus; None for what is no constant, or if the table has nothing to do with it."""
    row = table.row({})
    rows = [[row.value(n) for _, n in carried(table, m)] for m in messages(table, row) if m.bus == bus]
    return [column[0] if len(set(column)) == 1 else None for column in zip(*rows, strict=True)] if rows else None
