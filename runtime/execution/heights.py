"""How many rows each table of a segment has and may have. Cuts follow from exact heights, padding included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zkc.runtime.arguments import MAX_LOG_ROWS
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.budget import CELL_BUDGET
from zkc.runtime.execution.placing import Placing
from zkc.runtime.execution.sizes import height_of, row_cells
from zkc.runtime.field.compiled import kernel

PAGING_PAGES = 128
"""Versions of pages that the paging tables always have room for, so that any instruction finds room for the pages it touches."""

Numbers = npt.NDArray[np.int64]


class Tables(NamedTuple):
    """Of each table, by its number: rows that still fit, the height that is paid for, cells of a row, most rows. total: cells paid for,
    the most.
    """

    room: Numbers
    limits: Numbers
    cells: Numbers
    most: Numbers
    total: Numbers


@kernel
def grow(tables: Tables, index: int, more: int) -> bool:
    """Raises the height of a table until `more` rows fit; False if the segment has no room for that."""
    limit = max(tables.limits[index], height_of(tables.limits[index] - tables.room[index] + more))
    cost = (limit - tables.limits[index]) * tables.cells[index]
    if limit > tables.most[index] or tables.total[0] + cost > tables.total[1]:
        return False
    tables.room[index] += limit - tables.limits[index]
    tables.limits[index] = limit
    tables.total[0] += cost
    return True


@kernel
def reserve(tables: Tables, index: int, more: int) -> bool:
    """Counts `more` rows of a table; False if they do not fit."""
    if more > tables.room[index] and not grow(tables, index, more):
        return False
    tables.room[index] -= more
    return True


class Heights:
    """Rows and heights of all tables that grow with execution: those of steps first, in the order of the executor."""

    def __init__(self, machine: Machine, log_rows: int | None, most_cells: int = CELL_BUDGET) -> None:
        circuit = {t.name: t for t in machine.circuit.tables}
        self.steps = len(machine.spec.step_tables)
        self.names = [*(t.name for t in machine.spec.step_tables), *machine.spec.inputs]
        most = dict.fromkeys(self.names, 1 << (MAX_LOG_ROWS if log_rows is None else log_rows))
        if log_rows is not None:
            for name in ("data_page", "table_page"):
                most[name] = max(1 << log_rows, PAGING_PAGES * machine.memory_map.page_rows)
        cells = [row_cells(circuit[n]) for n in self.names]
        room, limits = np.zeros((2, len(self.names)), dtype=np.int64)
        self.placing = Placing(machine, most)
        self.tables = Tables(room, limits, np.array(cells), np.array([most[n] for n in self.names]), np.array([0, most_cells]))

    def reset(self) -> None:
        """For another segment."""
        for numbers in (self.tables.room, self.tables.limits, self.tables.total[:1]):
            numbers[:] = 0

    def rows(self) -> Numbers:
        """The rows of each table, by its number."""
        return self.tables.limits - self.tables.room

    def index(self, name: str) -> int:
        """The number of a table."""
        return self.names.index(name)

    def most_rows(self, name: str) -> int:
        """No segment has more rows of a table."""
        index = self.index(name)
        return min(int(self.tables.most[index]), int(self.tables.total[1]) // int(self.tables.cells[index]))

    def placed(self, dirty: int) -> dict[str, int]:
        """The rows of each table at the end of a segment with so many pages that were written."""
        return self.placing.placed(self.by_name(), dirty)

    def by_name(self) -> dict[str, int]:
        """The rows of each table."""
        return {name: int(count) for name, count in zip(self.names, self.rows(), strict=True)}
