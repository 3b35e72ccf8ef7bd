"""KoalaBear, p = 2^31 - 2^24 + 1: constants, integer helpers and scalar kernels.

Kernels take and return Montgomery form: the element x is the word x * 2^32 mod p, always in [0, p). Helpers on Python integers are
canonical unless their name says otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from zkc.runtime.field.compiled import kernel

P: Final = 2**31 - 2**24 + 1
GENERATOR: Final = 3
TWO_ADICITY: Final = 24
R: Final = 2**32
P_INVERSE: Final = pow(P, -1, R)
ONE: Final = R % P
R_SQUARED: Final = R * R % P


def to_montgomery(x: int) -> int:
    """The Montgomery word of a canonical (or any) integer."""
    return x * R % P


def from_montgomery(x: int) -> int:
    """The canonical value of a Montgomery word."""
    return x * pow(R, -1, P) % P


def inverse(x: int) -> int:
    """1 / x mod p of a canonical x that is not zero."""
    return pow(x, -1, P)


def root_of_unity(log_n: int) -> int:
    """w_n for n = 2^log_n: the canonical 3^((p-1)/n), so that w_2n squared is w_n."""
    if not 0 <= log_n <= TWO_ADICITY:
        raise ValueError(f"no root of unity of order 2^{log_n}: the field has 2^{TWO_ADICITY}")
    return pow(GENERATOR, (P - 1) >> log_n, P)


@kernel
def add(x: np.uint32, y: np.uint32) -> np.uint32:
    """x + y. The wrapped difference is the larger one, so the minimum picks the right value."""
    total = np.uint32(x + y)
    return min(total, np.uint32(total - np.uint32(P)))


@kernel
def sub(x: np.uint32, y: np.uint32) -> np.uint32:
    """x - y."""
    difference = np.uint32(x - y)
    return min(difference, np.uint32(difference + np.uint32(P)))


@kernel
def mul(x: np.uint32, y: np.uint32) -> np.uint32:
    """x * y (Montgomery: the words' product divided by 2^32). One factor may be any uint32, the other must be below p."""
    product = np.uint64(x) * np.uint64(y)
    quotient = np.uint32(np.uint32(product) * np.uint32(P_INVERSE))
    back = np.uint32((np.uint64(quotient) * np.uint64(P)) >> np.uint64(32))
    return sub(np.uint32(product >> np.uint64(32)), back)


@kernel
def power(x: np.uint32, exponent: int) -> np.uint32:
    """x to a power of at least zero."""
    result = np.uint32(ONE)
    while exponent:
        if exponent & 1:
            result = mul(result, x)
        x = mul(x, x)
        exponent >>= 1
    return result


@kernel
def invert(x: np.uint32) -> np.uint32:
    """1 / x, and 0 for 0."""
    return power(x, P - 2)
