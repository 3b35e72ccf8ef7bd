"""materialise: a message carries polynomials of degree 1 at most, so what is higher gets a column.

    "bus.send"(%n, %product)       becomes        %c = "row.commit"(%product)
                                                  "bus.send"(%n, %c)
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.ir.rewrite import rewrite
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class Materialise:
    """See above. max_degree: of what a message carries."""

    max_degree: int = 1
    name = "materialise"

    def run(self, table: Operation, facts: Facts) -> None:
        """Gives columns to arguments of messages."""
        degrees = Degrees()

        def rule(b: Builder, op: Operation) -> bool:
            if op.definition in bus.MESSAGES:
                arguments = [self._argument(b, v, degrees) for v in op.operands[1:]]
                op.operands = (op.operands[0], *arguments)
            return False

        rewrite(table.regions[0], rule)

    def _argument(self, b: Builder, value: Value, degrees: Degrees) -> Value:
        return value if degrees.of(value) <= self.max_degree else b.create(row.COMMIT, (value,)).result
