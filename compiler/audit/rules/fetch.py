"""E0508: what is said about the instruction at a pc is said only of aligned pcs in user memory: the executor fetches from nowhere else.

Where it is said of a step that the row is made around (`alone.py`), that pc is the one which the row takes the step at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from zkc.compiler.audit.findings import STOP, Finding
from zkc.compiler.audit.rules.alone import alone, pc_of, tables_around
from zkc.compiler.audit.rules.handed import Message
from zkc.compiler.audit.step import Question, Step, refuted
from zkc.compiler.audit.table import TableAudit

ALIGNMENT: Final = 4


def findings(table: TableAudit) -> Iterator[Finding]:
    """What a table without arms says of instructions at other pcs."""
    end = table.circuit.program.constants["user_end"]
    facts = table.circuit.facts
    name = facts.instructions()
    known = facts.buses[name].known if name is not None else None
    if table.arms or name is None or known is None:
        return
    around_steps = table.name in tables_around(table.circuit)
    rows = [row for _, _, row in table.rows()] if around_steps else []
    at = Step(table, None)
    here = {i: args for i, _, args in at.row.messages}
    for i, times, args in at.row.messages:
        op = table.messages[i]
        if op.text("bus") != name or op.number("sign") < 0:
            continue
        pc = args[table.circuit.place(name, known)]
        around = [alone(table, row) for row in rows if any(said == i for said, _, _ in row.messages)]
        if around and all(around):
            (before,) = {found.before.number for found in around if found}
            pc = pc_of(table, Message(before, table.messages[before].text("bus"), -1, here[before]))

        def outside(q: Question, pc: int = pc, times: int = times) -> Any:
            at = q.residue(pc)
            return q.query.all([q.residue(times) != 0, q.query.any([at % ALIGNMENT != 0, at >= end])])

        if not refuted(at, outside):
            yield Finding(table.name, "", "an instruction may be said to stand where no code can be", (), op.loc.span, code=STOP)
