"""How many rows each table of a segment has and may have. Cuts follow from exact heights, padding included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zkc.runtime.arguments import MAX_LOG_ROWS
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.sizes import padded, row_cells

PAGING_PAGES = 128
"""Versions of pages that the paging tables always have room for, so that any instruction finds room for the pages it touches."""
CELL_BUDGET = 90_000_000
"""Most base-field cells of one segment, LogUp columns included: bounds the prover's memory."""


class Heights:
    """Rows and row limits of the step tables (shared with the generated executor), and of decode and paging tables."""

    def __init__(self, machine: Machine, log_rows: int | None) -> None:
        tables = {t.name: t for t in machine.circuit.tables}
        self.step_names = [t.name for t in machine.spec.step_tables]
        self.names = [*self.step_names, *machine.spec.inputs]
        self.cells = [row_cells(tables[n]) for n in self.names]
        self.max_rows = {n: 1 << (MAX_LOG_ROWS if log_rows is None else log_rows) for n in self.names}
        if log_rows is not None:
            for name in ("data_page", "table_page"):
                self.max_rows[name] = max(1 << log_rows, PAGING_PAGES * machine.memory_map.page_rows)
        self.rows: npt.NDArray[np.int64] = np.zeros(len(self.names), dtype=np.int64)
        self.limits: npt.NDArray[np.int64] = np.zeros(len(self.names), dtype=np.int64)
        self.total = 0

    def reset(self) -> None:
        self.rows[:] = 0
        self.limits[:] = 0
        self.total = 0

    def grow(self, index: int, more: int = 1) -> bool:
        """Raises the limit of a table until `more` rows fit; False if the segment has no room for that."""
        needed = int(self.rows[index]) + more
        limit = max(int(self.limits[index]), padded(needed))
        cost = (limit - int(self.limits[index])) * self.cells[index]
        if limit > self.max_rows[self.names[index]] or self.total + cost > CELL_BUDGET:
            return False
        self.limits[index] = limit
        self.total += cost
        return True

    def reserve(self, name: str, more: int) -> bool:
        """Counts `more` rows of a table that the generated executor does not count; False if they do not fit."""
        index = self.names.index(name)
        if int(self.rows[index]) + more > int(self.limits[index]) and not self.grow(index, more):
            return False
        self.rows[index] += more
        return True
