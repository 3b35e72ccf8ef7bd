"""The evaluation domains, in bit-reversed order: point b of shift * <w_n> is shift * w_n^rev(b).

With phi(b) the bits of b mirrored behind the binary point, w_n^rev(b) is the fraction phi(b) of a full turn whatever n is, so that a
smaller domain is the front of a larger one, and points multiply where bits are disjoint.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import inverse, mul, root_of_unity, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat, store

Words = npt.NDArray[np.uint32]


@lru_cache(maxsize=8)
def domain(log_n: int) -> Words:
    """`uint32[2^log_n]`, Montgomery, read-only: w_n^rev(b) for every b. The last few are kept."""
    return turns(log_n, 0)


def turns(log_n: int, skip: int, *, backwards: bool = False) -> Words:
    """`uint32[2^log_n]`, Montgomery, read-only: the fraction phi(b) / 2^skip of a full turn, or of a turn backwards, for every b."""
    points = np.empty(1 << log_n, dtype=np.uint32)
    points[0] = to_montgomery(1)
    for t in range(log_n):
        root = root_of_unity(t + 1 + skip)
        if backwards:
            root = inverse(root)
        _double(points, 1 << t, np.uint32(to_montgomery(root)))
    points.flags.writeable = False
    return points


@kernel
def _double(points: Words, size: int, root: np.uint32) -> None:
    if size < LANES:
        for b in range(size):
            points[size + b] = mul(points[b], root)
        return
    for b in range(0, size, LANES):
        store(points, size + b, load(points, b) * splat(root))
