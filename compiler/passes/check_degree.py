"""check-degree: a product has degree 3 at most, or no equation could hold it (E0401).

Changes nothing. The selector of an arm counts as well where an equation belongs to one; that is known after `merge-arms` (see gate-rows).
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import felt, row
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class CheckDegree:
    """See above. max_degree: of a product."""

    max_degree: int = 3
    name = "check-degree"

    def run(self, table: Operation, facts: Facts) -> None:
        """Reports every product that is the first to be too high."""
        degrees = Degrees()
        for op in table.regions[0].walk():
            if op.definition in (felt.MUL, row.CHOOSE):
                degree = degrees.of(op.result)
                if degree > self.max_degree and all(degrees.of(v) <= self.max_degree for v in op.operands):
                    message = f"this product has degree {degree}; the most is {self.max_degree}"
                    facts.report("E0401", message, op.loc, help="put a factor in `column(…)`")
