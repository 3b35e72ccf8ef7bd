"""All claims about an arm of a table."""

from __future__ import annotations

from collections.abc import Iterator

from tests.functional.claims import Claims, Verdict
from tests.functional.products import by_signs
from tests.functional.riscv import PRODUCTS
from tests.functional.rows import cases
from zkc.compiler.audit.table import TableAudit


def claims(table: TableAudit, arm: str) -> Iterator[Verdict]:
    """Each claim about an instruction and whether it holds for all inputs, in every case of what the row looks up."""
    found = False
    for row in cases(table, table.row(table.selection(arm))):
        for each in by_signs(table, arm, row) if arm in PRODUCTS else [Claims(table, arm, row)]:
            if each.solver.possible():
                found = True
                yield from each.verdicts()
    yield "some row fits", found
