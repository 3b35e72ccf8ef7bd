"""E0506: what a row is follows from few of its columns.

The other rules look at each thing that a row may be. Where equations leave more than `MOST_MODES` of them they look at none, and
this is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.table import TableAudit

HELP: Final = "assert which of the bits that say what a row is are 1 together"


def findings(table: TableAudit) -> Iterator[Finding]:
    """A table whose rows may be too many things."""
    if not table.is_countable:
        text = "equations leave to the prover what a row is"
        yield Finding(table.name, "", text, (), table.circuit.program.place_of(table.name), help=HELP)
