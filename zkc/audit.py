"""`zkc audit`: where the range of every column comes from, and what is taken on trust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zkc.compiler.build import circuit_files, circuits_directory, compile_program
from zkc.compiler.table import Column, Origin, TableBuilder


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


def audit(directory: Path | None) -> list[ColumnAudit]:
    """Every column of every table. Raises DiagnosticError if the files do not compile, a column that nothing constrains included."""
    from zkc.compiler.check import check_columns

    root = directory or circuits_directory()
    compilation = compile_program(circuit_files(root), root)
    tables = [*compilation.steps, *compilation.others]
    for table in tables:
        check_columns(compilation.program, table)
    compilation.program.check()
    return [
        _column(table, column, arm)
        for table in (*tables, compilation.claim)
        for column in table.columns
        for arm in column.by_arm
    ]


def _column(table: TableBuilder, column: Column, arm: str | None) -> ColumnAudit:
    origin = column.origins.get(arm) or Origin(column.name, None, trusted=False, span=column.span)
    kind, owner = _owner(table, column, arm, origin)
    because = origin.because or ("" if kind == "bit" else "forced by its equations")
    return ColumnAudit(table.name, arm or "", origin.name, column.type, kind, owner, because, str(origin.span or ""))


def _owner(table: TableBuilder, column: Column, arm: str | None, origin: Origin) -> tuple[str, str]:
    if column.name.removeprefix("is_") in table.arms:
        return "bit", "selector of an instruction"
    if origin.trusted:
        return "trusted", "where it comes from"
    for constraint in table.constraints:
        if constraint.owner == column.node and constraint.arm in (None, arm):
            return "bit", "x (1 - x) == 0"
    for message in table.messages:
        if message.owner == column.node and message.arm in (None, arm):
            return "range", f"lookup {message.bus}"
    return "free", "any field element"


def grouped(columns: Iterable[ColumnAudit]) -> list[tuple[ColumnAudit, int]]:
    """One for each place in the source, with the number of columns that it makes."""
    counts: dict[tuple[str, str, str], tuple[ColumnAudit, int]] = {}
    for column in columns:
        key = (column.where, column.column.rstrip("[]0123456789"), column.because)
        first, count = counts.get(key, (column, 0))
        counts[key] = (first, count + 1)
    return sorted(counts.values(), key=lambda pair: pair[0].where)
