"""E0508: what a row receives from a bus that remembers is what the executor loads: at that address, its halves in their places."""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import STOP, Finding
from zkc.compiler.audit.integers import WORD_PART
from zkc.compiler.audit.step import VALUE, Step
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.audit.words import fields_of, whole_of
from zkc.compiler.dialects import step
from zkc.runtime.field.koalabear import P


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """The messages of a table (of some arms only) that the executor's loads do not explain."""
    for arm in table.arms:
        if arms is None or arm in arms:
            at = Step(table, arm)
            loaded = {(bus, args): load for bus, args, load in at.loaded}
            for i, times, args in at.row.messages:
                op = table.messages[i]
                bus = op.text("bus")
                key = table.circuit.program.buses[bus].remembers
                if key is None or at.row.value(times) != P - 1:
                    continue
                load = loaded.get((bus, args))
                if load is None or not _is_word(at, bus, args) or not at.is_address(args[table.circuit.place(bus, key)], load):
                    text = f"`{op.text('label')}` is not shown to be what the executor loads"
                    yield Finding(table.name, arm, text, (), op.loc.span, code=STOP)


def _is_word(at: Step, bus: str, args: tuple[int, ...]) -> bool:
    """Whether the value is a loaded word, each part in its place."""
    word = whole_of(at, fields_of(at.circuit.fields[bus], args)[VALUE])
    return word is not None and word.op is not None and word.op.definition is step.LOAD and word.index == WORD_PART
