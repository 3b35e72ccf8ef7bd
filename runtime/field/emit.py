"""LLVM code of field arithmetic, for one word (`i32`) or any even number of lanes (`<n x i32>`).

Words are in Montgomery form and in [0, p), as in koalabear.py. LLVM splits vectors for machines with narrower registers by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from zkc.runtime.field.koalabear import P_INVERSE, P

Builder = Any
Value = Any
"""llvmlite's own annotations are too partial to check against."""

I32 = ir.IntType(32)
I64 = ir.IntType(64)


def constant(kind: ir.Type, value: int) -> ir.Constant:
    """`value` in every lane of `kind`."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def smaller(b: Builder, x: Value, y: Value) -> Value:
    """The unsigned minimum."""
    return b.select(b.icmp_unsigned("<", x, y), x, y)


def add(b: Builder, x: Value, y: Value) -> Value:
    """x + y mod p: the wrapped difference is the larger one, so the minimum picks the right value."""
    total = b.add(x, y)
    return smaller(b, total, b.sub(total, constant(x.type, P)))


def sub(b: Builder, x: Value, y: Value) -> Value:
    """x - y mod p."""
    difference = b.sub(x, y)
    return smaller(b, difference, b.add(difference, constant(x.type, P)))


def mul(b: Builder, x: Value, y: Value) -> Value:
    """x * y / 2^32 mod p for words with x * y < 2^32 p."""
    return _mul_lanes(b, x, y, None) if isinstance(x.type, ir.VectorType) else _mul_word(b, x, y)


def mul_prepared(b: Builder, x: Value, y: Value, y_low: Value) -> Value:
    """`mul` of lanes by a y that comes with y_low = y * p^-1 mod 2^32: one shuffle less, and a shorter chain."""
    return _mul_lanes(b, x, y, b.mul(x, y_low))


def _mul_word(b: Builder, x: Value, y: Value) -> Value:
    product = b.mul(b.zext(x, I64), b.zext(y, I64))
    quotient = b.mul(b.trunc(product, I32), constant(I32, P_INVERSE))
    back = b.mul(b.zext(quotient, I64), constant(I64, P))
    high = [b.trunc(b.lshr(v, constant(I64, 32)), I32) for v in (product, back)]
    return sub(b, high[0], high[1])


def _mul_lanes(b: Builder, x: Value, y: Value, quotient: Value | None) -> Value:
    """Even and odd lanes are multiplied apart, 32 x 32 -> 64 bits.

    The quotient is a 32-bit lane multiply: as a 64-bit one LLVM picks a slow form.
    """
    count = x.type.count
    even = [k for i in range(count // 2) for k in (2 * i, count + 2 * i)]
    odd = [k + 1 for k in even]
    x_even, x_odd = halves(b, x)
    y_even, y_odd = halves(b, y)
    low, high = b.bitcast(b.mul(x_even, y_even), x.type), b.bitcast(b.mul(x_odd, y_odd), x.type)
    if quotient is None:
        quotient = b.mul(shuffle(b, low, high, even), constant(x.type, P_INVERSE))
    wide_p = constant(ir.VectorType(I64, count // 2), P)
    low_back, high_back = (b.bitcast(b.mul(half, wide_p), x.type) for half in halves(b, quotient))
    return sub(b, shuffle(b, low, high, odd), shuffle(b, low_back, high_back, odd))


def halves(b: Builder, x: Value) -> tuple[Value, Value]:
    """Even and odd lanes, each widened to 64 bits."""
    wide = ir.VectorType(I64, x.type.count // 2)
    pairs = b.bitcast(x, wide)
    return b.and_(pairs, constant(wide, 0xFFFFFFFF)), b.lshr(pairs, constant(wide, 32))


def shuffle(b: Builder, x: Value, y: Value, picks: Sequence[int]) -> Value:
    """Lanes of x (0..n-1) and y (n..2n-1) by number."""
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, len(picks)), list(picks)))
