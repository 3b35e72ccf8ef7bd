"""E0508: what a row receives about its step is what the executor has under that name: clock, pc, the fields of the instruction.

Else the row would speak of another instruction than the one that the executor carries out, or of the same one with its fields mixed up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zkc.compiler.audit.findings import STOP, Finding
from zkc.compiler.audit.step import Step
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.audit.words import fields_of, whole_of
from zkc.compiler.dialects import row as rows
from zkc.compiler.passes.packing import STATE


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """The fields that a table (some arms only) receives for others."""
    for arm in table.arms:
        if arms is None or arm in arms:
            yield from _of_step(Step(table, arm))


def _of_step(at: Step) -> Iterator[Finding]:
    for i, _, args in at.row.messages:
        op = at.table.messages[i]
        bus = op.text("bus")
        if bus in (at.circuit.facts.steps(), at.circuit.facts.instructions()) and op.number("sign") < 0:
            facts = at.circuit.facts.buses[bus]
            fields = fields_of(at.circuit.fields[bus], args)
            names = {facts.number: "op", facts.known: "pc"}  # what is said of an instruction is known by where it is
            wrong = ", ".join(f"`{name}`" for name, parts in fields.items() if not _is_the_executors(at, names.get(name, name), parts))
            if wrong:
                text = f"{wrong} of `{op.text('label')}` is not what the executor has"
                yield Finding(at.table.name, at.arm or "", text, (), op.loc.span, code=STOP)


def _is_the_executors(at: Step, name: str, parts: Sequence[tuple[int, int]]) -> bool:
    """Columns that are filled with the value of that name; the number of the instruction; constants for a field that is not used. Of two
    that are to be the same both are received, as either of them."""
    constants = [at.row.value(node) for _, node in parts]
    same = at.table.lowered.row.names("same")  # the executor makes such a step only if these are the same
    if None not in constants:
        return name not in (*STATE, *same) and (name != "op" or constants == [_number(at)])
    whole = whole_of(at, [part for part, constant in zip(parts, constants, strict=True) if constant is None])
    known = same if name in same else (name,)
    return whole is not None and whole.op is not None and whole.op.definition is rows.GIVEN and whole.op.text("name") in known


def _number(at: Step) -> int:
    """The number of the instruction."""
    program = at.circuit.program
    return program.encodings[program.services[at.arm].on if at.arm in program.services else at.arm or ""].op
