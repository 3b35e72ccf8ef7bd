"""E0508: what is said about the instruction at a pc is said only of aligned pcs in user memory: the executor fetches from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from zkc.compiler.audit.findings import STOP, Finding
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
    at = Step(table, None)
    for i, times, args in at.row.messages:
        op = table.messages[i]
        if op.text("bus") != name or op.number("sign") < 0:
            continue
        pc = args[table.circuit.place(name, known)]

        def outside(q: Question, pc: int = pc, times: int = times) -> Any:
            at = q.residue(pc)
            return q.query.all([q.residue(times) != 0, q.query.any([at % ALIGNMENT != 0, at >= end])])

        if not refuted(at, outside):
            yield Finding(table.name, "", "an instruction may be said to stand where no code can be", (), op.loc.span, code=STOP)
