"""E0508: where the executor stops, no row fits.

The executor stops a run at a `fault`. If a row fitted such a step all the same, a prover could go on from there, and the receipt would
speak of a run that never was. So z3 shows for each fault of each arm: no columns satisfy the row while the condition holds. A condition of
the host's answers alone says nothing about the program, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import STOP, Finding
from zkc.compiler.audit.integers import leaves_of
from zkc.compiler.audit.step import Step, refuted
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.dialects import step
from zkc.compiler.ir.operation import Operation, constant_of


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """Faults of a table (of some arms only) that its rows do not exclude."""
    if not table.arms:
        for op in table.lowered.row.regions[0].walk():
            if op.definition is step.FAULT:
                yield _finding(table, "", f"nothing executes the fault {op.text('message')!r}", op)
    for arm in table.arms:
        if arms is None or arm in arms:
            yield from _of_arm(table, arm)


def faults(at: Step) -> list[Operation]:
    """The faults of a step that the program can cause."""
    return [op for op in at.operations if op.definition is step.FAULT and not _is_the_hosts(op)]


def _of_arm(table: TableAudit, arm: str) -> Iterator[Finding]:
    at = Step(table, arm)
    for op in faults(at):
        if not refuted(at, lambda q, op=op: q.integer(op.operands[0]) != 0):
            yield _finding(table, arm, f"no equation refuses what the executor refuses ({op.text('message')})", op)


def _is_the_hosts(op: Operation) -> bool:
    condition = op.operands[0]
    if constant_of(condition) is not None:
        return False
    return all(leaf.op is not None and leaf.op.definition is step.HOST for leaf in leaves_of(condition))


def _finding(table: TableAudit, arm: str, text: str, op: Operation) -> Finding:
    return Finding(table.name, arm, text, (), op.loc.span, code=STOP)
