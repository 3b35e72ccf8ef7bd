"""Where rows are put that two tables can have: where the segment has fewer cells, padding included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.sizes import PART_ROWS, height_of, row_cells
from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

Rows = dict[str, int]
"""The rows of each table, by its name."""


class Placing:
    """Places the rows of a segment at its end. most: rows that a table may have, by its name."""

    def __init__(self, machine: Machine, most: Mapping[str, int]) -> None:
        self.most = most
        self.cells = {table.name: row_cells(table) for table in machine.circuit.tables}
        self.page_rows = machine.memory_map.page_rows
        self.others: dict[str, list[str]] = {}
        for table in machine.spec.step_tables:
            if table.base:
                self.others.setdefault(table.base, []).append(table.name)

    def placed(self, counted: Rows, dirty: int) -> Rows:
        """The rows where they are to be. counted: where the executor counted them; dirty: pages that were written."""
        rows = self._pages(counted, dirty)
        for base, others in self.others.items():
            rows = self._instructions(rows, base, others)
        return rows

    def _pages(self, rows: Rows, dirty: int) -> Rows:
        """Pages that were written, counted as rows of 8 words, are in a table of their own, with rows of 16, where this is less: it has
        18 176 cells a page instead of 20 608, and a least height."""
        narrow, wide = "data_page", "dirty_page"
        other = {**rows, narrow: rows[narrow] - 2 * self.page_rows * dirty, wide: self.page_rows * dirty}
        return min(rows, other, key=lambda r: self._cost(r, (narrow, wide), 0))

    def _instructions(self, rows: Rows, base: str, others: list[str]) -> Rows:
        """Each of the other tables of a family is there, or its rows are in `base`. A table more must save as much as a part more."""
        ways = [_moved(rows, base, gone) for count in range(len(others), -1, -1) for gone in combinations(others, count)]
        fitting = [way for way in ways if way[base] <= self.most[base]]
        return min(fitting or [rows], key=lambda way: self._cost(way, (base, *others), PART_ROWS))

    def _cost(self, rows: Rows, tables: Iterable[str], more: int) -> int:
        """Cells of these tables, as if each that is there had so many rows more."""
        standard = PARAMETER_SETS[STANDARD_SET]
        least, full = standard.min_log_height, standard.full_log_height
        return sum((height_of(rows[name], least, full) + more) * self.cells[name] for name in tables if rows.get(name))


def _moved(rows: Rows, base: str, gone: Iterable[str]) -> Rows:
    """The rows of some tables as rows of `base`."""
    return {**rows, base: rows[base] + sum(rows[name] for name in gone), **dict.fromkeys(gone, 0)}
