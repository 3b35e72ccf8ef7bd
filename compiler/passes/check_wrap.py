"""check-wrap: an equation over bounded integers must not be able to hold only modulo p (E0301).

Changes nothing. Bounds come from types, and in the order of the statements from what has been shown so far: lookups of a number of bits,
and x (1 - x) == 0. What an arm shows is forgotten after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus, felt, row
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Operation, Region, Value, constant_of
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.intervals import Intervals
from zkc.dsl.built_in import RANGE
from zkc.runtime.field.koalabear import P

ZERO = Interval(0, 0)


@dataclass(frozen=True)
class CheckWrap:
    """See above."""

    name = "check-wrap"

    def run(self, table: Operation, facts: Facts) -> None:
        """Reports every equation that can wrap."""
        _Check(facts).region(table.regions[0])


class _Check:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.intervals = Intervals(facts.types)

    def region(self, region: Region) -> None:
        for op in region:
            if op.definition is row.ASSERT:
                self._equation(op)
            elif op.definition is bus.LOOKUP:
                self._lookup(op)
            for inner in op.regions:
                with self.intervals.scope():
                    self.region(inner)

    def _lookup(self, op: Operation) -> None:
        """`range(bits, x)`, looked up once."""
        if op.text("bus") == RANGE and constant_of(op.operands[0]) == 1 and len(op.operands) == 3:
            bits = constant_of(op.operands[1])
            if isinstance(bits, int) and 0 <= bits < 32:
                self.intervals.learn(op.operands[2], Interval(0, (1 << bits) - 1))

    def _equation(self, op: Operation) -> None:
        left, right = op.operands[:2]
        if felt.is_zero(right) and left.op is not None and left.op.definition is felt.MUL:
            for factor in _factors(left):
                self._difference(op, self.intervals.of(factor), ZERO)
        else:
            self._difference(op, self.intervals.of(left), self.intervals.of(right))
        if felt.is_zero(right) and len(op.operands) == 2:
            self._bit(left)

    def _difference(self, op: Operation, a: Interval | None, b: Interval | None) -> None:
        if a is None or b is None:
            return
        d = a.denominator * b.denominator
        (al, ah), (bl, bh) = a.scaled(d), b.scaled(d)
        if max(abs(al - bh), abs(ah - bl)) >= P:
            notes = (f"left side times {d}: {al} .. {ah}", f"right side times {d}: {bl} .. {bh}", f"the field has {P} elements")
            message = "this equation can hold without being true over the integers"
            self.facts.report("E0301", message, op.loc, notes=notes, help="narrow a type, or split the equation")

    def _bit(self, value: Value) -> None:
        """After x (1 - x) == 0, x is a bit."""
        op = value.op
        if op is None or op.definition is not felt.MUL:
            return
        for x, y in (op.operands, op.operands[::-1]):
            other = y.op
            if other is not None and other.definition is felt.SUB and constant_of(other.operands[0]) == 1 and other.operands[1] is x:
                self.intervals.learn(x, Interval(0, 1))


def _factors(value: Value) -> list[Value]:
    op = value.op
    if op is not None and op.definition is felt.MUL:
        return [f for v in op.operands for f in _factors(v)]
    return [value]
