"""E0509: what a row hands on is what it took, in its place. All that is asked about one row by itself."""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules import carries, ends, words
from zkc.compiler.audit.table import TableAudit


def findings(table: TableAudit, label: str, row: Row) -> Iterator[Finding]:
    """What one row does not hand on."""
    for rule in (carries, words, ends):
        yield from rule.findings(table, label, row)
