"""Applies the rules of inference to a row until nothing is new, the cheap ones first."""

from __future__ import annotations

from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.inference import affine, cases, differences, digits, euclid, functional, uniqueness
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.row import Row

MAX_SPLITS = 2
"""Cases within cases."""
ALL = -1
"""The mask of all columns."""


class Solver(State):
    """What is known of one row."""

    def __init__(self, row: Row, tables: FixedTables, known: int = 0, depth: int = MAX_SPLITS) -> None:
        super().__init__(row, known, tables, depth)

    def run(self, goal: int = ALL) -> int:
        """Grows `known` as far as it goes; all if no columns fit. `goal`: the costly rules are tried while one of these is unknown."""
        if self.row.impossible:
            self.known = ALL
        while not self.row.impossible:
            affine.apply(self)
            if functional.apply(self) or differences.apply(self) or digits.apply(self):
                continue
            if not goal & ~self.known or not self._costly(goal):
                break
        return ALL if self.row.impossible else self.known

    def _costly(self, goal: int) -> bool:
        near = self.component(goal & ~self.known)
        if self.learn(euclid.columns(self, near)):
            return True

        def solve(row: Row, known: int, depth: int) -> int:
            return Solver(row, self.tables, known, depth).run(goal)

        return any(cases.apply(self, near, d, solve) for d in range(self.depth)) or uniqueness.apply(self, near)
