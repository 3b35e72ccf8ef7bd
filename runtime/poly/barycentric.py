"""Values of column polynomials at a point of the extension, from their values on the domain, without interpolation.

With D the domain <w_n>: f(z) = sum_b f(d_b) d_b / (z - d_b) * (z^n - 1) / n.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension, koalabear
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import Element
from zkc.runtime.field.packed import LANES, lane, load
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import domain

Words = npt.NDArray[np.uint32]

_ROWS = 1 << 13
"""Rows a task: their six weights (192 KiB) stay in the second-level cache while all columns pass."""


def weights(log_n: int, point: Words, shift: int = 1) -> Words:
    """`uint32[6][2^log_n]`: what to multiply the value in row b by; see `evaluate_columns`.

    point: `uint32[6]`, Montgomery, not in the domain. shift: canonical; for values on shift * <w_n> instead of <w_n>.
    """
    z = Element.from_words(point) * Element.base(koalabear.inverse(shift))
    factor = (z ** (1 << log_n) - Element.base(1)) * Element.base(koalabear.inverse(1 << log_n))
    if factor == Element.base(0):
        raise ValueError("the point lies in the domain")
    points, result = domain(log_n), np.empty((extension.DEGREE, 1 << log_n), dtype=np.uint32)
    parallel_for(lambda start, stop: _fill(points, tuple(z.words()), tuple(factor.words()), result, start, stop), 1 << log_n, _ROWS)
    return result


def evaluate_columns(columns: Words, row_weights: Words) -> Words:
    """`uint32[k][6]`: each column's polynomial at the point of the weights. columns: `uint32[k][n]`, bit-reversed order.

    Rows of a longer array may be given as `extension[:, :n]`: the first n values on shift * <w_2n> are those on shift * <w_n>.
    """
    k, n = columns.shape
    if n != row_weights.shape[1]:
        raise ValueError(f"{n} rows but weights for {row_weights.shape[1]}")
    sums = np.zeros((-(-n // _ROWS), k, extension.DEGREE), dtype=np.uint32)
    parallel_for(lambda start, stop: _dot(columns, row_weights, sums[start // _ROWS], start, stop), n, _ROWS)
    return (sums.sum(axis=0, dtype=np.uint64) % koalabear.P).astype(np.uint32)


@kernel
def _fill(points: Words, z: tuple[np.uint32, ...], factor: tuple[np.uint32, ...], result: Words, start: int, stop: int) -> None:
    whole = start + (stop - start) // LANES * LANES
    wide, wide_factor = extension.splat_packed(z), extension.splat_packed(factor)
    for row in range(start, whole, LANES):
        d = load(points, row)
        difference = (wide[0] - d, wide[1], wide[2], wide[3], wide[4], wide[5])
        weight = extension.mul(extension.scale(extension.inverse(difference), d), wide_factor)
        extension.store_packed(result, 0, row, weight)
    for row in range(whole, stop):
        d = points[row]
        reciprocal = extension.inverse((koalabear.sub(z[0], d), z[1], z[2], z[3], z[4], z[5]))
        extension.write(result, row, extension.mul(extension.scale(reciprocal, d), factor))


@kernel
def _dot(columns: Words, row_weights: Words, sums: Words, start: int, stop: int) -> None:
    """Weighted sums of rows `start .. stop - 1` of every column, into `sums[k][6]`."""
    whole = start + (stop - start) // LANES * LANES
    for k in range(columns.shape[0]):
        total = extension.splat_packed(extension.ZERO_WORDS)
        for row in range(start, whole, LANES):
            total = extension.add(total, extension.scale(extension.load_packed(row_weights, 0, row), load(columns, (k, row))))
        for i in range(extension.DEGREE):
            for j in range(LANES):
                sums[k, i] = koalabear.add(sums[k, i], lane(total[i], j))
            for row in range(whole, stop):
                sums[k, i] = koalabear.add(sums[k, i], koalabear.mul(row_weights[i, row], columns[k, row]))
