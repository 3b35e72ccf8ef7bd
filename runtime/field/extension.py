"""The extension F = Fp[x] / (x^6 + x^3 + 1), the ninth cyclotomic field: x^9 = 1.

Kernels work on tuples of six uint32 or six Packed (Montgomery, coefficient of x^0 first) alike; in arrays an element is six base columns.
`Element` is the same arithmetic on Python integers, for the places where clarity counts and speed does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import koalabear
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P
from zkc.runtime.field.packed import LANES, formula, load, splat, store
from zkc.runtime.kernels.threads import parallel_for

DEGREE: Final = 6
Words = npt.NDArray[np.uint32]

ZERO_WORDS: Final = (np.uint32(0),) * DEGREE
ONE_WORDS: Final = (np.uint32(koalabear.ONE),) + (np.uint32(0),) * (DEGREE - 1)


@dataclass(frozen=True)
class Element:
    """An element of F as six canonical integers."""

    coefficients: tuple[int, ...]

    @staticmethod
    def base(value: int) -> Element:
        """A base field element."""
        return Element((value % P, 0, 0, 0, 0, 0))

    @staticmethod
    def from_words(words: Sequence[int] | Words) -> Element:
        """From six Montgomery words."""
        return Element(tuple(koalabear.from_montgomery(int(w)) for w in words))

    def words(self) -> Words:
        """`uint32[6]`, Montgomery."""
        return np.array([koalabear.to_montgomery(c) for c in self.coefficients], dtype=np.uint32)

    def __add__(self, other: Element) -> Element:
        return Element(tuple((a + b) % P for a, b in zip(self.coefficients, other.coefficients, strict=True)))

    def __sub__(self, other: Element) -> Element:
        return Element(tuple((a - b) % P for a, b in zip(self.coefficients, other.coefficients, strict=True)))

    def __mul__(self, other: Element) -> Element:
        """Schoolbook, then x^k = -x^(k-3) - x^(k-6) from the top."""
        total = [0] * (2 * DEGREE - 1)
        for i, a in enumerate(self.coefficients):
            for j, b in enumerate(other.coefficients):
                total[i + j] += a * b
        for k in range(2 * DEGREE - 2, DEGREE - 1, -1):
            total[k - 3] -= total[k]
            total[k - 6] -= total[k]
        return Element(tuple(c % P for c in total[:DEGREE]))

    def __pow__(self, exponent: int) -> Element:
        result, square = Element.base(1), self
        while exponent:
            if exponent & 1:
                result = result * square
            square = square * square
            exponent >>= 1
        return result

    def inverse(self) -> Element:
        """1 / self, and 0 for 0: by the norm into Fp, as kernels do it (`_inverse`)."""
        conjugate = Element(_conjugate(self.coefficients))
        others = conjugate * Element(_conjugate(conjugate.coefficients))
        u, _, _, v, _, _ = (self * others).coefficients
        norm = pow(u * u - u * v + v * v, P - 2, P)
        return others * Element(((u - v) * norm % P, 0, 0, -v * norm % P, 0, 0))


# ***** formulas over anything with + - * *****


def _product_of_triples(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, ...]:
    """Five coefficients of a product of two polynomials of three, with six multiplications."""
    p, q, r = a[0] * b[0], a[1] * b[1], a[2] * b[2]
    low = (a[0] + a[1]) * (b[0] + b[1]) - p - q
    middle = (a[0] + a[2]) * (b[0] + b[2]) - p - r + q
    high = (a[1] + a[2]) * (b[1] + b[2]) - q - r
    return p, low, middle, high, r


def _product(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, ...]:
    """Karatsuba over y = x^3 with y^2 = -y - 1, eighteen multiplications: (s + t y) with s = ll - hh, t = (l+h)(l+h) - ll - 2 hh."""
    low, high = _product_of_triples(a[:3], b[:3]), _product_of_triples(a[3:], b[3:])
    cross = _product_of_triples([a[i] + a[i + 3] for i in range(3)], [b[i] + b[i + 3] for i in range(3)])
    s = [x - y for x, y in zip(low, high, strict=True)]
    t = [x - y - z for x, y, z in zip(cross, high, [v + w for v, w in zip(low, high, strict=True)], strict=True)]
    return s[0] - t[3], s[1] - t[4], s[2], t[0] + s[3] - t[3], t[1] + s[4] - t[4], t[2]


def _sum(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _difference(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _scaled(a: Sequence[Any], b: Any) -> tuple[Any, ...]:
    return tuple(x * b for x in a)


def _base_inverse(x: Any) -> Any:
    """x^(p-2): in binary p - 2 is six ones, a zero and 24 ones."""

    def shifted(v: Any, bits: int) -> Any:
        for _ in range(bits):
            v = v * v
        return v

    three = shifted(shifted(x, 1) * x, 1) * x
    six = shifted(three, 3) * three
    result = shifted(six, 7) * six
    for _ in range(3):
        result = shifted(result, 6) * six
    return result


def _conjugate(a: Sequence[Any]) -> tuple[Any, ...]:
    """a^(p^2): x goes to x^4, for p = 2 mod 9."""
    zero = a[0] - a[0]
    return a[0], zero - a[4], a[5] - a[2], a[3], a[1] - a[4], zero - a[2]


def _inverse(a: Sequence[Any]) -> tuple[Any, ...]:
    """With t the product of the two conjugates over Fp(x^3), a t = u + v x^3 and its norm is u^2 - u v + v^2."""
    conjugate = _conjugate(a)
    t = _product(conjugate, _conjugate(conjugate))
    u, _, _, v, _, _ = _product(a, t)
    norm = _base_inverse(u * u - u * v + v * v)
    real, imaginary = (u - v) * norm, v * norm
    low, high = t[:3], t[3:]
    # (low + high y)(r - i y) = low r + high i + (high r + high i - low i) y
    return tuple(x * real + y * imaginary for x, y in zip(low, high, strict=True)) + tuple(
        y * real + (y - x) * imaginary for x, y in zip(low, high, strict=True)
    )


add = formula(_sum)
"""`add(a, b)`: six words or six Packed each."""
sub = formula(_difference)
"""`sub(a, b)`: six words or six Packed each."""
mul = formula(_product)
"""`mul(a, b)`: six words or six Packed each."""
scale = formula(_scaled)
"""`scale(a, b)`: a by a base element b, one word or one Packed."""
inverse = formula(_inverse)
"""`inverse(a)`: 1 / a, and 0 for 0; about as dear as seven products."""
base_inverse = formula(_base_inverse)
"""`base_inverse(x)`: 1 / x of one word or one Packed, and 0 for 0."""

# ***** kernels' helpers *****


@kernel
def power(a: tuple[np.uint32, ...], exponent: int) -> tuple[np.uint32, ...]:
    """a to a power of at least zero, on words."""
    result = ONE_WORDS
    while exponent:
        if exponent & 1:
            result = mul(result, a)
        a = mul(a, a)
        exponent >>= 1
    return result


@kernel
def read(columns: Words, row: int) -> tuple[np.uint32, ...]:
    """The element in row `row` of six columns `uint32[6][n]`."""
    return columns[0, row], columns[1, row], columns[2, row], columns[3, row], columns[4, row], columns[5, row]


@kernel
def write(columns: Words, row: int, value: tuple[np.uint32, ...]) -> None:
    """Write an element to row `row` of six columns `uint32[6][n]`."""
    for k in range(DEGREE):
        columns[k, row] = value[k]


@kernel
def load_packed(columns: Words, first: int, row: int) -> Any:
    """Sixteen elements: rows `row .. row + 15` of columns `first .. first + 5`."""
    return (
        load(columns, (first, row)),
        load(columns, (first + 1, row)),
        load(columns, (first + 2, row)),
        load(columns, (first + 3, row)),
        load(columns, (first + 4, row)),
        load(columns, (first + 5, row)),
    )


@kernel
def store_packed(columns: Words, first: int, row: int, value: Any) -> None:
    """Write sixteen elements to rows `row .. row + 15` of columns `first .. first + 5`."""
    store(columns, (first, row), value[0])
    store(columns, (first + 1, row), value[1])
    store(columns, (first + 2, row), value[2])
    store(columns, (first + 3, row), value[3])
    store(columns, (first + 4, row), value[4])
    store(columns, (first + 5, row), value[5])


@kernel
def splat_packed(a: tuple[np.uint32, ...]) -> Any:
    """One element in all sixteen lanes."""
    return splat(a[0]), splat(a[1]), splat(a[2]), splat(a[3]), splat(a[4]), splat(a[5])


def invert_columns(columns: Words) -> Words:
    """1 / a (0 for 0) of every row of an extension column `uint32[6][n]`, Montgomery."""
    result = np.empty_like(columns)
    parallel_for(lambda start, stop: _invert_rows(columns, result, start, stop), columns.shape[1], 1 << 12)
    return result


@kernel
def _invert_rows(columns: Words, result: Words, start: int, stop: int) -> None:
    whole = start + (stop - start) // LANES * LANES
    for row in range(start, whole, LANES):
        store_packed(result, 0, row, inverse(load_packed(columns, 0, row)))
    for row in range(whole, stop):
        write(result, row, inverse(read(columns, row)))
