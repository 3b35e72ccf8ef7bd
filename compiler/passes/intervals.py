"""Bounds of elements of the field over the integers, from types and from what has been shown."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from fractions import Fraction

from zkc.compiler import intervals
from zkc.compiler.dialects import felt, row
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.ir.walk import bottom_up

BIT = Interval(0, 1)


class Intervals:
    """`of` a value: bounds, or None if it may be any element."""

    def __init__(self, types: Mapping[str, Interval]) -> None:
        self.types = types
        self._learned: dict[Value, Interval] = {}
        self._derived: dict[Value, Interval | None] = {}

    def learn(self, value: Value, interval: Interval) -> None:
        """The value is within these bounds."""
        op = value.op
        values = (value, op.operands[0]) if op is not None and op.definition is row.MEANING else (value,)
        for each in values:
            if each in self._learned or each in self._derived:  # what was derived may come from it
                self._derived.clear()
            self._learned[each] = interval

    @contextmanager
    def scope(self) -> Generator[None]:
        """What is learned inside is forgotten after it."""
        before = dict(self._learned)
        try:
            yield
        finally:
            self._learned = before
            self._derived.clear()

    def of(self, value: Value) -> Interval | None:
        """The bounds of a value."""
        bottom_up(value, self, lambda v: _needs(v.op), self._visit)
        return self._get(value)

    def __contains__(self, value: object) -> bool:
        """Whether it is known what bounds a value, be it nothing."""
        return value in self._learned or value in self._derived

    def _visit(self, value: Value) -> None:
        self._derived[value] = None if value.op is None else self._rule(value.op)

    def _get(self, value: Value) -> Interval | None:
        return self._learned.get(value) or self._derived.get(value)

    def _rule(self, op: Operation) -> Interval | None:
        kind = op.definition
        if kind is felt.CONSTANT:
            number = Fraction(constant_of(op.result) or 0)
            return Interval(number.numerator, number.numerator, number.denominator)
        if kind is row.COLUMN:
            if "low" in op.attributes:
                return Interval(op.number("low"), op.number("high"))
            return BIT if op.attributes["type"] == "bit" else self.types.get(op.text("type"))
        if kind is row.IS:
            return BIT
        if kind in _SAME:
            return self._get(op.operands[0])
        parts = [self._get(v) for v in _needs(op)]
        known = [p for p in parts if p is not None]
        if len(known) < len(parts) or not parts:
            return None
        if kind is felt.MUL:
            return intervals.mul(*known)
        if kind is felt.ADD or kind is felt.SUB:
            return intervals.add(known[0], known[1], 1 if kind is felt.ADD else -1)
        return _choice(*known) if kind is row.CHOOSE else None


_SAME = frozenset((row.COMMIT, row.MEANING, row.RESULT))


def _choice(c: Interval, a: Interval, b: Interval) -> Interval | None:
    """b + c (a - b)."""
    delta = intervals.add(a, b, -1)
    product = None if delta is None else intervals.mul(c, delta)
    return None if product is None else intervals.add(b, product)


def _needs(op: Operation | None) -> tuple[Value, ...]:
    if op is None:
        return ()
    if op.definition in _SAME:
        return op.operands[:1]
    return op.operands if op.definition in (felt.ADD, felt.SUB, felt.MUL, row.CHOOSE) else ()
