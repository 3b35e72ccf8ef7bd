"""How large the tables of a segment are: the one place that counts rows, padding and cells.

A cell is a base-field number that the prover commits to: a row has one for each column, and six for each extension column of LogUp,
which carries two messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from zkc.runtime.circuit.circuit import Circuit, Table
from zkc.runtime.field.compiled import kernel
from zkc.runtime.stark.parameters import DEGREE, MIN_LOG_HEIGHT, PARAMETER_SETS, STANDARD_SET, Parameters
from zkc.runtime.stark.shape import Shape

PARTS: Final = 3
"""Most parts of a table: with more of them there would be hardly less padding."""
PART_ROWS: Final = 1 << 11
"""Rows that a further part must save. Its columns are opened once more, 24 bytes each, and masked once more."""


def row_cells(table: Table) -> int:
    """Cells of one row of `table`."""
    return len(table.columns) + DEGREE * len(table.batches)


@kernel
def height_of(rows: int, least: int = MIN_LOG_HEIGHT, full: int = MIN_LOG_HEIGHT) -> int:
    """The height that a table with so many rows, at least one, is committed with: the sum of those of its parts, a few powers of two.

    least: log2 of the least height of a part; full: of one that is all rows, where lower ones are half rows.
    """
    best = saved = whole = 0
    for parts in range(PARTS):
        rest, power = rows - whole, 1 << least - (least < full)
        while power < rest:
            power *= 2
        height = whole + min(power + power, 1 << full) if power < 1 << full else whole + power
        if parts == 0 or height + parts * PART_ROWS < best + saved:
            best, saved = height, parts * PART_ROWS
        if power <= 1 << full or power == rest:
            break
        whole += power // 2
    return best


@kernel
def rows_in(height: int, full: int = MIN_LOG_HEIGHT) -> int:
    """How many rows there are in tables of such a height: thin parts, lower than 2^full, have half."""
    return height - height % (1 << full) // 2


@dataclass(frozen=True)
class TableSize:
    """One table of one segment: `rows` say something, `height` are committed, in one part or several.

    A fixed table has rows that are padding only where it is taller than its columns.
    """

    name: str
    rows: int
    height: int
    row_cells: int
    fixed: bool

    @property
    def used(self) -> int:
        """Cells of rows that say something."""
        return self.rows * self.row_cells

    @property
    def cells(self) -> int:
        """Cells that are committed."""
        return self.height * self.row_cells

    @property
    def padding(self) -> int:
        """Cells of the other rows."""
        return self.cells - self.used


def table_sizes(circuit: Circuit, rows: Mapping[str, int], parameters: Parameters = PARAMETER_SETS[STANDARD_SET]) -> list[TableSize]:
    """The tables that a segment with these rows commits to, in circuit order.

    A fixed table is there if a table with rows looks things up in it.
    """
    asked = {message.bus for table in circuit.tables if rows.get(table.name) for message in table.messages}
    found: list[TableSize] = []
    least, full = parameters.min_log_height, parameters.full_log_height
    for table in circuit.tables:
        count, fixed = rows.get(table.name, 0), table.fixed_log_height
        if fixed is not None and any(message.bus in asked for message in table.messages):
            found.append(TableSize(table.name, 1 << fixed, max(1 << fixed, 1 << full), row_cells(table), fixed=True))
        elif fixed is None and count:
            found.append(TableSize(table.name, count, height_of(count, least, full), row_cells(table), fixed=False))
    return found


def all_cells(circuit: Circuit, segments: Iterable[Mapping[str, int]], parameters: Parameters = PARAMETER_SETS[STANDARD_SET]) -> int:
    """Cells of all segments, each given by its rows."""
    return sum(size.cells for rows in segments for size in table_sizes(circuit, rows, parameters))


def proofs_at_most(circuit: Circuit, segments: Iterable[Mapping[str, int]], parameters: Parameters = PARAMETER_SETS[STANDARD_SET]) -> int:
    """Bytes of the proofs of all segments, each given by its rows: a little more than they will be."""
    from zkc.runtime.stark.proof import expected_proof_bytes

    found: dict[tuple[int, ...], int] = {}
    total = 0
    for rows in segments:
        heights = {size.name: size.height for size in table_sizes(circuit, rows, parameters)}
        key = tuple(heights.get(table.name, 0) for table in circuit.tables)
        if key not in found:
            found[key] = expected_proof_bytes(Shape(circuit, key, parameters)) * 33 // 32
        total += found[key]
    return total
