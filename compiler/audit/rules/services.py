"""E0508: a row of an environment call fits only a state in which the executor makes that call, or one that stands `beside` it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zkc.compiler.audit.findings import STOP, Finding
from zkc.compiler.audit.integers import Leaves
from zkc.compiler.audit.step import Question, Step, refuted
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.dialects import step


def findings(table: TableAudit) -> Iterator[Finding]:
    """Whether the table is of an environment call whose rows fit other states."""
    services = table.circuit.program.services
    if table.name not in services:
        return
    service = services[table.name]
    guards = table.circuit.guards.regions[0]
    leaves = Leaves(guards, "guards_")
    conditions = {op.text("name"): op.operands[0] for op in guards if op.definition is step.CHOICE}
    rivals = [n for n, x in services.items() if x.on == service.on]
    meant = {table.name, *(b.name for b in service.beside)}

    def elsewhere(at: Question) -> Any:
        q = at.query
        holds = [at.integer(conditions[n], leaves) != 0 for n in rivals]
        done = [q.all([g, *(q.no(b) for b in holds[:i])]) for i, g in enumerate(holds)]
        return q.all(q.no(d) for n, d in zip(rivals, done, strict=True) if n in meant)

    if not refuted(Step(table, table.arms[0]), elsewhere):
        text = "a row fits a state in which the executor does something else, or stops"
        yield Finding(table.name, table.name, text, (), service.span, code=STOP)
