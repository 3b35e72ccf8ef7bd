"""Section 1: the field, its extension, domains."""

from __future__ import annotations

from collections.abc import Sequence

P = 2**31 - 2**24 + 1
DEGREE = 6
GENERATOR = 3
TWO_ADICITY = 24
MIN_LOG_HEIGHT = 7
MAX_LOG_HEIGHT = 22
FROM_MONTGOMERY = pow(2**32, -1, P)

Element = tuple[int, int, int, int, int, int]
"""Of Fp[x]/(x^6 + x^3 + 1): six canonical coefficients, that of x^0 first."""

ZERO: Element = (0, 0, 0, 0, 0, 0)
ONE: Element = (1, 0, 0, 0, 0, 0)


def lift(value: int) -> Element:
    return (value % P, 0, 0, 0, 0, 0)


def add(a: Element, b: Element) -> Element:
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P, (a[3] + b[3]) % P, (a[4] + b[4]) % P, (a[5] + b[5]) % P)


def sub(a: Element, b: Element) -> Element:
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P, (a[3] - b[3]) % P, (a[4] - b[4]) % P, (a[5] - b[5]) % P)


def scale(a: Element, k: int) -> Element:
    return (a[0] * k % P, a[1] * k % P, a[2] * k % P, a[3] * k % P, a[4] * k % P, a[5] * k % P)


def mul(a: Element, b: Element) -> Element:
    """The product of two polynomials, reduced with x^6 = -x^3 - 1, hence x^9 = 1."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    c6 = a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1
    c7 = a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2
    c8 = a3 * b5 + a4 * b4 + a5 * b3
    return (
        (a0 * b0 - c6 + a4 * b5 + a5 * b4) % P,
        (a0 * b1 + a1 * b0 - c7 + a5 * b5) % P,
        (a0 * b2 + a1 * b1 + a2 * b0 - c8) % P,
        (a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 - c6) % P,
        (a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 - c7) % P,
        (a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 - c8) % P,
    )


def power(a: Element, exponent: int) -> Element:
    out = ONE
    while exponent:
        if exponent & 1:
            out = mul(out, a)
        a, exponent = mul(a, a), exponent >> 1
    return out


def powers(a: Element, count: int) -> list[Element]:
    """a^0 .. a^(count - 1)."""
    out = [ONE]
    while len(out) < count:
        out.append(mul(out[-1], a))
    return out[:count]


def inverses(elements: Sequence[Element]) -> list[Element]:
    """The inverse of each, none of which is zero, with one inversion."""
    before = [ONE]
    for each in elements:
        before.append(mul(before[-1], each))
    left, out = power(before[-1], P**DEGREE - 2), list[Element]()
    for each, product in zip(reversed(elements), reversed(before[:-1])):
        out.append(mul(left, product))
        left = mul(left, each)
    return out[::-1]


def root(log_size: int) -> int:
    """w_n for n = 2^log_size."""
    return pow(GENERATOR, P - 1 >> log_size, P)


def shift(log_height: int) -> int:
    """c_j: the extended domain of height 2^j is c_j <w_(B 2^j)>."""
    return pow(GENERATOR, 1 << MAX_LOG_HEIGHT - log_height, P)


def reversed_bits(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2) if bits else 0


def point(row: int, log_height: int, log_blowup: int) -> int:
    """The point of a row of the extended domain of height 2^log_height."""
    log_size = log_height + log_blowup
    return shift(log_height) * pow(root(log_size), reversed_bits(row, log_size), P) % P
