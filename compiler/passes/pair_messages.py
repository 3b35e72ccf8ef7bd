"""pair-messages: two messages, in order, share a column of the accumulator: their fractions have a common denominator of degree 2.

                               adds      "air.batch"() {messages = [0, 1]}
                                         "air.batch"() {messages = [2]}
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zkc.compiler.dialects import air
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class PairMessages:
    """See above. size: messages in a batch, at most."""

    size: int = field(default=2, metadata={"least": 1})
    name = "pair-messages"

    def run(self, table: Operation, facts: Facts) -> None:
        """Adds the batches at the end."""
        body = table.regions[0]
        count = sum(op.definition is air.MESSAGE for op in body)
        for start in range(0, count, self.size):
            messages = tuple(range(start, min(start + self.size, count)))
            body.operations.append(Operation(air.BATCH, (), {"messages": messages}, (), (), table.loc))
