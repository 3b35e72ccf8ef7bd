"""What the audit reports."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.dsl.diagnostics import Diagnostic
from zkc.dsl.spans import Span

CHOICE = "E0506"
"""The prover has a choice."""
RANGE = "E0507"
"""Nothing keeps a value in its range."""
STOP = "E0508"
"""A row fits where the executor stops."""
HANDED = "E0509"
"""Rows do not hand on what they took, or something is not bound that is said to be."""
HONEST = "E0510"
"""A row of an honest run does not fit."""
HELP = {
    CHOICE: 'constrain it, or say `free "…"` beside it why it may be chosen',
    RANGE: "give it a type that is checked",
    STOP: "add the equation that makes it impossible",
    HANDED: "give on what the bus `carries`; make what is bound an input of what is given on",
    HONEST: "make the equation say what the `spec`, the hint or the step does",
}


@dataclass(frozen=True)
class Finding:
    """A mistake, or a choice that is meant: then `expected` is the reason that stands beside the statement.

    table, arm: where; the arm is "" for what is no arm's. message: what is wrong. columns: names of those that are not determined.
    span: the statement; spans: the columns. code: E0506 for a choice, E0507 for a value that nothing keeps in its range, E0508 for a row
    where the executor stops, E0509 for what rows do not hand on, or do not bind, E0510 for an honest row that does
    not fit. help: what to do; what helps against others of its code, if it is left out.
    """

    table: str
    arm: str
    message: str
    columns: tuple[str, ...] = ()
    span: Span | None = None
    expected: str | None = None
    spans: tuple[Span, ...] = ()
    code: str = CHOICE
    help: str | None = None

    def diagnostic(self) -> Diagnostic:
        """As an error for people."""
        where = f"`{self.table}`" if self.arm in ("", self.table) else f"`{self.arm}` of `{self.table}`"
        names = ", ".join(f"`{c}`" for c in self.columns)
        notes = (f"not determined: {names}",) if names else ()
        labels = tuple((s, "the prover may choose this") for s in self.spans)
        return Diagnostic(self.code, f"{self.message} in {where}", self.span, notes, self.help or HELP[self.code], labels)
