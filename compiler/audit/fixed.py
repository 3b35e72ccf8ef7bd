"""What a lookup says about its arguments, computed from the rows of the fixed table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from zkc.compiler.program import Program
from zkc.compiler.targets.fixed import fixed_rows

MAX_CASES = 32
"""More rows are not gone through one by one."""


class FixedTables:
    """The fixed tables of a program. Rows are made when they are first asked for."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rows = cache(self._rows)
        self.highs = cache(self._highs)
        self.inputs = cache(self._inputs)
        self.cases = cache(self._cases)
        self._all = cache(self._set)

    def _rows(self, table: str) -> npt.NDArray[np.int64]:
        return fixed_rows(self.program, self.program.fixed[table])

    def has(self, table: str, row: tuple[int, ...]) -> bool:
        """Whether it is a row."""
        return row in self._all(table)

    def _set(self, table: str) -> frozenset[tuple[int, ...]]:
        return frozenset(map(tuple, self.rows(table).tolist()))

    def _highs(self, table: str, known: tuple[int | None, ...]) -> tuple[int, ...]:
        """Each field is below this, where some are `known` to be constants; 1 if there is no such row, so that anything may be said."""
        rows = self._where(table, known)
        return tuple(int(x) + 1 for x in rows.max(axis=0)) if len(rows) else (1,) * len(known)

    def _inputs(self, table: str) -> int | None:
        """The least number of first fields that determine the others, None if there is no such number but all."""
        rows = np.unique(self.rows(table), axis=0)
        width = rows.shape[1]
        return next((k for k in range(1, width) if len(np.unique(rows[:, :k], axis=0)) == len(rows)), None)

    def _cases(self, table: str, known: tuple[int | None, ...]) -> Sequence[tuple[int, ...]]:
        """The rows in which some fields are these constants, if there are few, and the first field determines the others; () if not."""
        rows = np.unique(self._where(table, known), axis=0)
        if rows.shape[1] < 2 or len(rows) > MAX_CASES or len(np.unique(rows[:, 0])) < len(rows):
            return ()
        return [tuple(int(x) for x in row) for row in rows]

    def _where(self, table: str, known: tuple[int | None, ...]) -> npt.NDArray[np.int64]:
        """The rows in which some fields are these constants."""
        rows = self.rows(table)
        for i, value in enumerate(known):
            if value is not None:
                rows = rows[rows[:, i] == value]
        return rows
