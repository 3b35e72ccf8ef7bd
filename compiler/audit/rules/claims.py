"""E0506: what a claim says is borne out: each of its columns is in a message, or is forced by the equations, or is free on purpose.

A claim is public: a column that no message takes and no equation forces may be anything, and its reader would believe it.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.rules import modes
from zkc.compiler.audit.solver import Solver
from zkc.compiler.audit.table import TableAudit, stem


def findings(table: TableAudit) -> Iterator[Finding]:
    """The columns of a claim that may be anything, in some mode; those that are meant to."""
    yield from modes.findings(table)
    found: dict[Finding, None] = {}
    for mode in table.modes():
        row = table.row(mode)
        if row.impossible:
            continue
        where = ", ".join(f"`{table.column_name(c, None)}` is {v}" for c, v in mode.items())
        said = 0
        for _, times, args in row.messages:
            for node in (times, *args):
                said |= row.support[node]
        known = Solver(row, table.circuit.fixed, said).run(0)  # what is cheap: nobody receives what is left
        for c, column in enumerate(table.columns):
            owner = table.owner(c, None)
            if not known >> c & 1 and c not in mode:
                name, free = table.column_name(c, None), owner.attributes.get("free")
                if free is not None:
                    found[Finding(table.name, "", "free on purpose", (stem(name),), owner.loc.span, str(free))] = None
                else:
                    text = f"`{name}` may be anything: no message speaks of it{f', where {where}' if where else ''}"
                    found[Finding(table.name, "", text, (), column.loc.span)] = None
    yield from found
