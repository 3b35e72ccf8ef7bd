"""`zkc audit`: where the range of every column comes from, and what is taken on trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zkc.compiler.audit.run import chosen
from zkc.compiler.check import check_columns, columns_of
from zkc.compiler.compilation import compile_program
from zkc.compiler.dialects import air, row
from zkc.compiler.extensions import Extensions
from zkc.compiler.ir.operation import Operation
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.passes.lower_air import column_name
from zkc.compiler.passes.share_columns import column_type
from zkc.compiler.pipeline import Lowered


@dataclass(frozen=True)
class ColumnAudit:
    """A column in one arm of a table: `owner` says what bounds it, `because` why it is right.

    kind: bit, range, trusted (the range is proven elsewhere), free (any field element).
    """

    table: str
    arm: str
    column: str
    type: str
    kind: str
    owner: str
    because: str
    where: str


def audit(directory: Path | None, tables: Sequence[str] = (), extensions: Extensions = ()) -> list[ColumnAudit]:
    """Every column of `tables` (none: of all). Raises DiagnosticError if the files do not compile, a column that nothing constrains
    included.
    """
    root = directory or circuits_directory()
    compilation = compile_program(circuit_files(root, extensions), root)
    lowered = compilation.lowered
    check_columns(compilation.program, lowered.tables)
    compilation.program.check()
    return [found for table in chosen(lowered, tables) for found in _table(table)]


def _table(table: Lowered) -> list[ColumnAudit]:
    checks = checked_columns(table.air)
    selectors = [op for op in table.row.regions[0] if op.definition is row.IS]
    found = [_column(table.name, op, None, checks) for op in selectors]
    return found + [_column(table.name, op, arm, checks) for op, arm in columns_of(table.row)]


def checked_columns(table: Operation) -> dict[tuple[int, str | None], str]:
    """What checks the type of a column, by number and arm (None: on every row)."""
    found: dict[tuple[int, str | None], str] = {}
    for op in table.regions[0]:
        if "checks" in op.attributes:
            by = "x (1 - x) == 0" if op.definition is air.CONSTRAINT else f"lookup {op.text('bus')}"
            found.update({(op.number("checks"), arm): by for arm in op.names("arms") or (None,)})
    return found


def _column(table: str, op: Operation, arm: str | None, checks: dict[tuple[int, str | None], str]) -> ColumnAudit:
    kind, owner = _owner(op, arm, checks)
    because = str(op.attributes.get("because", "" if kind == "bit" else "forced by its equations"))
    return ColumnAudit(table, arm or "", column_name(op), column_type(op), kind, owner, because, str(op.loc.span or ""))


def _owner(op: Operation, arm: str | None, checks: dict[tuple[int, str | None], str]) -> tuple[str, str]:
    if op.definition is row.IS:
        return "bit", "selector of an instruction"
    if op.flag("trusted"):
        return "trusted", "where it comes from"
    by = checks.get((op.number("slot"), arm)) or checks.get((op.number("slot"), None))
    if by is None:
        return "free", "any field element"
    return ("range" if by.startswith("lookup") else "bit"), by


def grouped(columns: Iterable[ColumnAudit]) -> list[tuple[ColumnAudit, int]]:
    """One for each place in the source, with the number of columns that it makes."""
    counts: dict[tuple[str, str, str], tuple[ColumnAudit, int]] = {}
    for column in columns:
        key = (column.where, column.column.rstrip("[]0123456789"), column.because)
        first, count = counts.get(key, (column, 0))
        counts[key] = (first, count + 1)
    return sorted(counts.values(), key=lambda pair: pair[0].where)
