"""Inverses of many extension elements: an element times its adjugate is its norm in the base field, and norms are inverted together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE
from zkc.runtime.field.koalabear import ONE
from zkc.runtime.field.packed import LANES, formula, lane, load, splat, store

INVERSION_COLUMNS: Final = DEGREE + 2
"""Columns that `invert_rows` works in."""

Words = npt.NDArray[np.uint32]


def _adjugate(a: Sequence[Any]) -> tuple[Any, ...]:
    """Of a (six coefficients; a seventh is ignored): six coefficients of t and a base element N with a t = N.

    Over y = x^3, y^2 = -y - 1, a = a0 + a1 x + a2 x^2: with t0 = a0^2 - y a1 a2, t1 = y a2^2 - a0 a1, t2 = a1^2 - a0 a2
    a (t0 + t1 x + t2 x^2) = m in Fp(y), and N = m conj(m).
    """
    a0, a1, a2 = (a[0], a[3]), (a[1], a[4]), (a[2], a[5])
    t0 = _minus(_square(a0), _turn(_times(a1, a2)))
    t1 = _minus(_turn(_square(a2)), _times(a0, a1))
    t2 = _minus(_square(a1), _times(a0, a2))
    m = _plus(_times(a0, t0), _turn(_plus(_times(a2, t1), _times(a1, t2))))
    conjugate = (m[0] - m[1], m[1] - m[1] - m[1])
    t0, t1, t2 = _times(t0, conjugate), _times(t1, conjugate), _times(t2, conjugate)
    return t0[0], t1[0], t2[0], t0[1], t1[1], t2[1], m[0] * conjugate[0] + m[1] * m[1]


def _plus(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, Any]:
    return a[0] + b[0], a[1] + b[1]


def _minus(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, Any]:
    return a[0] - b[0], a[1] - b[1]


def _turn(a: Sequence[Any]) -> tuple[Any, Any]:
    """y a = -a1 + (a0 - a1) y."""
    return a[1] - a[1] - a[1], a[0] - a[1]


def _times(a: Sequence[Any], b: Sequence[Any]) -> tuple[Any, Any]:
    """Three products: a0 b0 - a1 b1 + ((a0 + a1)(b0 + b1) - a0 b0 - 2 a1 b1) y."""
    low, high = a[0] * b[0], a[1] * b[1]
    return low - high, (a[0] + a[1]) * (b[0] + b[1]) - low - high - high


def _square(a: Sequence[Any]) -> tuple[Any, Any]:
    return (a[0] - a[1]) * (a[0] + a[1]), a[1] * (a[0] + a[0] - a[1])


_adjugate_packed = formula(_adjugate)
"""`_adjugate` of seven Packed."""


@kernel
def invert_rows(work: Words, rows: int) -> bool:
    """Replace columns 0 .. 5 of `work` `uint32[8][>= rows]` by their inverses, rows a multiple of 16. False (and no result) if one is zero.

    The norms of each lane share one inversion: products of all before on the way up, one inverse at a time on the way down.
    """
    product = splat(np.uint32(ONE))
    for i in range(0, rows, LANES):
        a = extension.load_packed(work, 0, i)
        t = _adjugate_packed((a[0], a[1], a[2], a[3], a[4], a[5], a[0]))
        extension.store_packed(work, 0, i, (t[0], t[1], t[2], t[3], t[4], t[5]))
        store(work, (DEGREE, i), t[6])
        store(work, (DEGREE + 1, i), product)
        product = product * t[6]
    for j in range(LANES):
        if lane(product, j) == 0:
            return False
    product = extension.base_inverse(product)
    for i in range(rows - LANES, -1, -LANES):
        factor = product * load(work, (DEGREE + 1, i))
        product = product * load(work, (DEGREE, i))
        extension.store_packed(work, 0, i, extension.scale(extension.load_packed(work, 0, i), factor))
    return True
