"""How far a step moves the clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from zkc.compiler.dialects import row, step
from zkc.compiler.ir.operation import Operation
from zkc.compiler.ir.ranges import Ranges

CLOCK: Final = "clk"


def most_slots(steps: Iterable[Operation]) -> int:
    """The most that one of these steps (`step.func`) adds to the clock, at least 1: the next clock where this one is 0."""
    return max((_slots(func) for func in steps), default=1)


def _slots(func: Operation) -> int:
    ranges, found = Ranges(), 1
    for op in func.regions[0].walk():
        if op.definition is row.GIVEN and op.text("name") == CLOCK:
            ranges.learn(op.result, 0, 0)
        elif op.definition is step.NEXT:
            found = max(found, ranges.of(op.operands[0])[1])
    return found
