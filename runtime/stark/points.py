"""Values of column polynomials at a point of the extension, from their values on a coset: runtime/poly/barycentric.py for many columns.

f(z) = (u^n - 1) / n * sum_b f_b d_b / (u - d_b) for values f_b at shift * d_b, d_b = w_n^rev(b), and u = z / shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, add, inverse
from zkc.runtime.field.packed import LANES, load
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import domain
from zkc.runtime.stark.inversion import INVERSION_COLUMNS, invert_rows
from zkc.runtime.stark.parameters import shift as coset_shift
from zkc.runtime.stark.sums import weighted_row_sums

ROWS: Final = 1 << 10

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class PointWeights:
    """What a point asks of values on a coset: d_b / (u - d_b) `uint32[6][n]`, and the factor before the sum."""

    rows: Words
    factor: Element

    @staticmethod
    def of(log_height: int, point: Element, shift: int) -> PointWeights:
        """For `point`, not on shift * <w_n>; shift canonical, n at least 16."""
        u = point * Element.base(inverse(shift))
        factor = (u ** (1 << log_height) - Element.base(1)) * Element.base(inverse(1 << log_height))
        rows, points = np.empty((DEGREE, 1 << log_height), dtype=np.uint32), domain(log_height)
        parallel_for(lambda start, stop: _fill(points, u.words(), rows, start, stop), 1 << log_height, ROWS)
        return PointWeights(rows, factor)

    def evaluate(self, columns: Words) -> Words:
        """`uint32[k][6]`: values at the point of columns `uint32[k][n]`."""
        return _scaled(weighted_row_sums(columns, self.rows), self.factor.words())


@kernel
def _fill(points: Words, u: Words, out: Words, start: int, stop: int) -> None:
    work = np.empty((INVERSION_COLUMNS, stop - start + LANES), dtype=np.uint32)
    wide = extension.splat_packed((u[0], u[1], u[2], u[3], u[4], u[5]))
    for row in range(start, stop, LANES):
        difference = (wide[0] - load(points, row), wide[1], wide[2], wide[3], wide[4], wide[5])
        extension.store_packed(work, 0, row - start, difference)
    invert_rows(work, stop - start)
    for row in range(start, stop, LANES):
        extension.store_packed(out, 0, row, extension.scale(extension.load_packed(work, 0, row - start), load(points, row)))


@kernel
def _scaled(elements: Words, factor: Words) -> Words:
    """`uint32[k][6]` times an element `uint32[6]`."""
    out = np.empty_like(elements)
    by = (factor[0], factor[1], factor[2], factor[3], factor[4], factor[5])
    for k in range(elements.shape[0]):
        e = elements[k]
        product = extension.mul((e[0], e[1], e[2], e[3], e[4], e[5]), by)
        for c in range(DEGREE):
            out[k, c] = product[c]
    return out


@kernel
def recombined(values: Words) -> Words:
    """`uint32[k][6]`: extension columns at a point from their base columns there, `uint32[6 k][6]`: the sum of x^c times the c-th."""
    out = np.empty((values.shape[0] // DEGREE, DEGREE), dtype=np.uint32)
    basis = np.zeros(DEGREE, dtype=np.uint32)
    for k in range(out.shape[0]):
        total = extension.ZERO_WORDS
        for c in range(DEGREE):
            basis[:] = 0
            basis[c] = extension.ONE_WORDS[0]
            e = values[DEGREE * k + c]
            unit = (basis[0], basis[1], basis[2], basis[3], basis[4], basis[5])
            total = extension.add(total, extension.mul(unit, (e[0], e[1], e[2], e[3], e[4], e[5])))
        for c in range(DEGREE):
            out[k, c] = total[c]
    return out


@dataclass(frozen=True, eq=False)
class OpeningPoint:
    """A point z where columns of one height m are opened; over is z^m - s^m, where s^m is Y^m on the first rows of the extended domain."""

    weights: PointWeights
    point: Words
    over: Element

    @staticmethod
    def of(log_height: int, point: Element) -> OpeningPoint:
        """For `point`, in no domain of this height."""
        start = coset_shift(log_height)
        over = point ** (1 << log_height) - Element.base(pow(start, 1 << log_height, P))
        return OpeningPoint(PointWeights.of(log_height, point, start), point.words(), over)

    def opened(self, columns: Words, masks: Words, unit: int) -> Words:
        """`uint32[k][6]`: the values of columns, or of extension columns from their `unit` base columns.

        columns: on the extended domain. masks: `uint32[unit * k][.]`, coefficients from Y^m on; on the first rows s^m stands for Y^m.
        """
        values = self.weights.evaluate(columns[:, : self.weights.rows.shape[1]])
        if masks.size:
            add_masks(masks, self.point, self.over.words(), values)
        return values if unit == 1 else recombined(values)


@kernel
def add_masks(masks: Words, point: Words, over: Words, out: Words) -> None:
    """out[k] += over * (the polynomial with coefficients masks[k] at the point); out `uint32[k][6]`."""
    z, by = (point[0], point[1], point[2], point[3], point[4], point[5]), (over[0], over[1], over[2], over[3], over[4], over[5])
    for k in range(masks.shape[0]):
        total = extension.ZERO_WORDS
        for i in range(masks.shape[1] - 1, -1, -1):
            total = extension.mul(total, z)
            total = (add(total[0], masks[k, i]), total[1], total[2], total[3], total[4], total[5])
        total = extension.mul(total, by)
        for c in range(DEGREE):
            out[k, c] = add(out[k, c], total[c])
