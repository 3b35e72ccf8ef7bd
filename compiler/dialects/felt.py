"""The dialect `felt`: arithmetic in the field, of polynomials over the columns of a row."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final

from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import FELT, Constant, OpDef, Operation, Range, Value, constant_of
from zkc.compiler.ir.registry import declare
from zkc.runtime.field.koalabear import P

Constants = Sequence[Constant | None]
Bounds = Sequence[Range | None]


@lru_cache(maxsize=1 << 16)
def in_field(value: Constant) -> int:
    """A rational number as an element of the field, canonical. Its denominator is no multiple of p."""
    number = Fraction(value)
    return number.numerator * pow(number.denominator, -1, P) % P


def _constant(op: Operation) -> Constant:
    over = op.attributes.get("over", 1)
    assert isinstance(over, int)
    return op.number("value") if over == 1 else Fraction(op.number("value"), over)


def _verify_constant(op: Operation) -> str | None:
    over = op.attributes.get("over", 2)
    return None if isinstance(over, int) and over > 1 and over % P else "`over` is more than 1 and no multiple of p"


def _verify_func(op: Operation) -> str | None:
    (region,) = op.regions
    return None if region.operations and region.terminator.definition is RETURN else "ends with `felt.return`"


MAX_BITS: Final = 4096
"""Of a constant that operations fold to: products of products would have as many bits as a text makes them."""


def _small(value: Constant) -> Constant | None:
    number = Fraction(value)
    return value if max(number.numerator.bit_length(), number.denominator.bit_length()) <= MAX_BITS else None


def _fold_add(op: Operation, c: Constants, _: Bounds) -> Value | Constant | None:
    if c[0] is not None and c[1] is not None:
        return _small(c[0] + c[1])
    if c[0] is not None and not in_field(c[0]):
        return op.operands[1]
    return op.operands[0] if c[1] is not None and not in_field(c[1]) else None


def _fold_sub(op: Operation, c: Constants, _: Bounds) -> Value | Constant | None:
    if c[0] is not None and c[1] is not None:
        return _small(c[0] - c[1])
    if op.operands[0] is op.operands[1]:
        return 0
    return op.operands[0] if c[1] is not None and not in_field(c[1]) else None


def _fold_mul(op: Operation, c: Constants, _: Bounds) -> Value | Constant | None:
    if c[0] is not None and c[1] is not None:
        return _small(c[0] * c[1])
    for i in (0, 1):
        constant = c[i]
        if constant is not None and in_field(constant) <= 1:
            return op.operands[1 - i] if in_field(constant) else 0
    return None


CONSTANT = declare(
    OpDef(
        "felt.constant", results=(FELT,), attributes=("value",), optional=("over",), pure=True, constant=_constant, degree=lambda d: 0,
        verify=_verify_constant, evaluate=lambda op: in_field(_constant(op)), doc="value / over in the field",
    )
)  # fmt: skip
ADD = declare(
    OpDef(
        "felt.add", (FELT, FELT), (FELT,), pure=True, commutative=True, fold=_fold_add, degree=max,
        evaluate=lambda op, a, b: (a + b) % P, doc="a + b",
    )
)  # fmt: skip
SUB = declare(
    OpDef("felt.sub", (FELT, FELT), (FELT,), pure=True, fold=_fold_sub, degree=max, evaluate=lambda op, a, b: (a - b) % P, doc="a - b")
)
MUL = declare(
    OpDef(
        "felt.mul", (FELT, FELT), (FELT,), pure=True, commutative=True, fold=_fold_mul, degree=sum, evaluate=lambda op, a, b: a * b % P,
        doc="a b",
    )
)  # fmt: skip
RETURN = declare(OpDef("felt.return", (FELT,), variadic=True, terminator=True, doc="what a field function gives"))
FUNC = declare(
    OpDef(
        "felt.func", attributes=("sym_name",), symbol=True, regions=1, arguments=FELT, verify=_verify_func,
        doc="a gadget that only computes in the field, as a function of its arguments: the integer that it stands for",
    )
)  # fmt: skip


def constant(b: Builder, value: Constant) -> Value:
    """A constant of the field."""
    return b.constant(value, FELT)


def total(b: Builder, terms: Sequence[Value]) -> Value:
    """The sum of the terms."""
    found = constant(b, 0)
    for term in terms:
        found = b.value(ADD, found, term)
    return found


def scaled(b: Builder, factor: Constant, value: Value) -> Value:
    """factor * value."""
    return b.value(MUL, constant(b, factor), value)


def complement(b: Builder, value: Value) -> Value:
    """1 - value."""
    return b.value(SUB, constant(b, 1), value)


def is_zero(value: Value) -> bool:
    """Whether a value is the constant 0."""
    number = constant_of(value)
    return number is not None and not in_field(number)
