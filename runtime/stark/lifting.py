"""Adding columns of different heights: row b of height n sees row b >> log2(n / n') of height n', the polynomial f(X^(n / n'))."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import add
from zkc.runtime.kernels.threads import parallel_for

TILE = 1 << 15

Words = npt.NDArray[np.uint32]


def lift_and_add(parts: Iterable[Words], height: int) -> Words:
    """`uint32[k][height]`: the sum of columns `uint32[k][n]`, Montgomery, n a power of two up to `height`. Writes to its arguments."""
    totals: dict[int, Words] = {}
    for part in parts:
        rows = part.shape[1]
        totals[rows] = add_columns(part, totals[rows]) if rows in totals else part
    rows = min(totals)
    total = totals[rows]
    while rows < height:
        rows *= 2
        total = add_doubled(total, totals[rows]) if rows in totals else np.repeat(total, 2, axis=1)
    return total


def add_columns(columns: Words, out: Words) -> Words:
    """out += columns, in place."""
    parallel_for(lambda start, stop: _add_rows(columns, out, start, stop), out.shape[1], TILE)
    return out


def add_doubled(small: Words, out: Words) -> Words:
    """out[:, b] += small[:, b >> 1], in place."""
    parallel_for(lambda start, stop: _add_doubled_rows(small, out, start, stop), small.shape[1], TILE)
    return out


@kernel
def _add_rows(columns: Words, out: Words, start: int, stop: int) -> None:
    for c in range(out.shape[0]):
        for row in range(start, stop):
            out[c, row] = add(out[c, row], columns[c, row])


@kernel
def _add_doubled_rows(small: Words, out: Words, start: int, stop: int) -> None:
    for c in range(small.shape[0]):
        for row in range(start, stop):
            out[c, 2 * row] = add(out[c, 2 * row], small[c, row])
            out[c, 2 * row + 1] = add(out[c, 2 * row + 1], small[c, row])
