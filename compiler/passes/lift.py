"""lift: which integer an element of the field stands for, from how it is made.

    %s = "felt.add"(%a, %b)        becomes        %i = "int.add"(%a_i, %b_i)

A column stands for the integer that it is filled with, a fraction is exact, and `row.meaning` says so. Not every element has one: a column
of degree 3 has none, nor what is made of such, nor what fits no machine integer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from zkc.compiler.dialects import felt, integer, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import INT, OpDef, Operation, Value, constant_of

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
UINT64_MAX: Final = 2**64 - 1
COMPUTED_DEGREE: Final = 3
"""A committed polynomial of this degree is computed by the filler of polynomials, not as an integer."""


class Lift:
    """Integers of elements, made where a builder stands."""

    def __init__(self, degrees: Degrees) -> None:
        self.degrees = degrees

    def __call__(self, b: Builder, value: Value) -> Value | None:
        """The integer that the value stands for, None if it has none."""
        if value.type is INT:
            return value
        stack = [value]
        while stack:
            top = stack[-1]
            if top.type is INT or _known(b, top):
                stack.pop()
                continue
            op = top.op
            waiting = [v for v in _sources(op) if v.type is not INT and not _known(b, v)] if op is not None else []
            if waiting:
                stack += reversed(waiting)
                continue
            b.integers[top] = None if op is None else self._of(b, op)
        return _get(b, value)

    def _of(self, b: Builder, op: Operation) -> Value | None:
        if op.definition is felt.CONSTANT:
            number = constant_of(op.result)
            return integer.constant(b, number) if isinstance(number, int) else None
        if op.definition is row.COLUMN:
            return op.operands[0] if op.operands else None
        if op.definition is row.IS:
            return b.value(integer.IS, arm=op.attributes["arm"])
        if op.definition is row.COMMIT and self.degrees.of(op.operands[0]) >= COMPUTED_DEGREE:
            return None
        if op.definition is row.MEANING:
            return op.operands[1]
        if op.definition is felt.MUL and any(isinstance(constant_of(v), Fraction) for v in op.operands):
            return self._fraction(b, op)
        rule = _RULES.get(op.definition)
        parts = [_get(b, v) for v in op.operands]
        known = [v for v in parts if v is not None]
        return None if rule is None or len(known) < len(parts) else bounded(b, rule(b, known))

    def _fraction(self, b: Builder, op: Operation) -> Value | None:
        """A multiple of a fraction is exact: num x / den."""
        for other, factor in (op.operands, op.operands[::-1]):
            number, whole = constant_of(factor), _get(b, other)
            if isinstance(number, Fraction) and number.denominator > 1 and whole is not None:
                product = b.value(integer.MUL, whole, integer.constant(b, number.numerator))
                return bounded(b, integer.quotient(b, product, number.denominator))
        return None


def _sources(op: Operation) -> tuple[Value, ...]:
    if op.definition in (row.COLUMN, row.ARMS):
        return ()
    return op.operands[1:] if op.definition is row.MEANING else op.operands


def _known(b: Builder | None, value: Value) -> bool:
    while b is not None:
        if value in b.integers:
            return True
        b = b.outer
    return False


def _get(b: Builder | None, value: Value) -> Value | None:
    if value.type is INT:
        return value
    while b is not None:
        if value in b.integers:
            return b.integers[value]
        b = b.outer
    return None


def bounded(b: Builder, value: Value) -> Value | None:
    """The value, None if no machine integer holds all that it can be."""
    low, high = b.ranges.of(value)
    if low < INT64_MIN or high > UINT64_MAX or (low < 0 and high > INT64_MAX):
        return None
    return value


_RULES: Final[dict[OpDef, Callable[[Builder, list[Value]], Value]]] = {
    felt.ADD: lambda b, v: b.value(integer.ADD, *v),
    felt.SUB: lambda b, v: b.value(integer.SUB, *v),
    felt.MUL: lambda b, v: b.value(integer.MUL, *v),
    row.COMMIT: lambda b, v: v[0],
    row.RESULT: lambda b, v: v[0],
    row.MERGE: lambda b, v: v[0],
    row.CHOOSE: lambda b, v: b.value(integer.SELECT, *v),
}
