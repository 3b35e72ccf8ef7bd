"""The DEEP polynomial: all committed polynomials, less what was opened of them, over what it was opened modulo, in one sum.

With C polynomials F_c, opened modulo X^K - zeta^K (K = n / n' for columns of height n') to remainders r_c, and M = C + 1, it is

    sum_c gamma^c (1 + gamma^M X^K) (F_c(X) - r_c(X)) / (X^K - zeta^K)   and for c = C the accumulator at w zeta, with K = 1.

The factor 1 + gamma^M X^K puts X^K Q beside each quotient Q into the batch, so that deg Q < d - K, and deg F_c < d with no slack, d being
the degree bound that FRI proves: n without masks. With masks the sum starts with a random polynomial of degree < d, and gamma^(c + 1),
gamma^(M + 1) stand for gamma^c, gamma^M.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element, invert_columns
from zkc.runtime.field.koalabear import add, mul, power, root_of_unity, sub, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat
from zkc.runtime.kernels.arena import empty, zeros
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import domain
from zkc.runtime.stark.constraints import element_powers, stack
from zkc.runtime.stark.inversion import INVERSION_COLUMNS, invert_rows
from zkc.runtime.stark.lifting import add_columns
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.shape import Layout, Shape, StackClass
from zkc.runtime.stark.stacking import spread
from zkc.runtime.stark.stacks import Stack
from zkc.runtime.stark.sums import add_slot_sums

ROWS: Final = 1 << 11

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """A proof's DEEP sum: what prover and verifier share. opened: `uint32[6][openings]`."""

    shape: Shape
    opened: Words
    gamma: Words
    zeta: Element

    @cached_property
    def weights(self) -> Words:
        """gamma^c for the polynomials and the accumulator at w zeta."""
        return np.ascontiguousarray(element_powers(self.gamma, self.first + self.shape.polynomials + 1)[:, self.first :])

    @property
    def first(self) -> int:
        """The power of gamma of the first polynomial: behind the mask's, if there is one."""
        return int(self.shape.hides)

    @cached_property
    def shifted(self) -> Element:
        """gamma^M."""
        return Element.from_words(self.gamma) ** (self.first + self.shape.polynomials + 1)

    @property
    def next_zeta(self) -> Element:
        """w zeta."""
        return self.zeta * Element.base(root_of_unity(self.shape.log_height))

    def point(self, log_height: int) -> Element:
        """zeta^K for columns of height 2^log_height: where these are opened."""
        return self.zeta ** (self.shape.height >> log_height)

    def remainder(self, log_height: int) -> Words:
        """`uint32[6][slots]`: coefficients of the sum of gamma^c r_c over the classes of one height, in powers of X."""
        classes = classes_of(self.shape, log_height)
        slots = max(((each.used - 1) << each.log_stride) + 1 for _, each in classes)
        out, weights = np.zeros((DEGREE, slots), dtype=np.uint32), self.weights
        for _, each in classes:
            columns = np.array(each.columns, dtype=np.int64)
            _add_remainders(self.opened, weights, columns, each.first, each.log_slots, each.log_stride, out)
        return out

    def next_opened(self) -> Words:
        """`uint32[6][1]`: gamma^C times the opened value of the accumulator at w zeta."""
        weight = Element.from_words(self.weights[:, -1])
        return stack([weight * Element.from_words(self.opened[:, self.shape.columns])])


def heights_of(shape: Shape) -> list[int]:
    """log2 of the heights of all classes, the least first."""
    return sorted({each.log_height for tree in shape.trees for each in tree.classes})


def classes_of(shape: Shape, log_height: int) -> list[tuple[int, StackClass]]:
    """(tree, class) of the columns of one height."""
    return [(number, each) for number, tree in enumerate(shape.trees) for each in tree.classes if each.log_height == log_height]


def word_weights(weights: Words, unit: int) -> Words:
    """`uint32[6][unit * k]`: from one weight for each of k polynomials one for each of their words: of coefficient i that times x^i."""
    return _times_powers(np.ascontiguousarray(weights), unit)


@kernel
def _times_powers(weights: Words, unit: int) -> Words:
    """Each weight times 1, x, … x^(unit - 1); x^6 = -x^3 - 1."""
    out = np.empty((DEGREE, unit * weights.shape[1]), dtype=np.uint32)
    zero = np.uint32(0)
    for k in range(weights.shape[1]):
        value = extension.read(weights, k)
        for i in range(unit):
            extension.write(out, unit * k + i, value)
            value = (sub(zero, value[5]), value[0], value[1], sub(value[2], value[5]), value[3], value[4])
    return out


def class_weights(weights: Words, each: StackClass) -> Words:
    """`uint32[6][words]` for the words of a class."""
    return word_weights(weights[:, each.first : each.first + each.polynomials], each.unit)


@kernel
def _add_remainders(opened: Words, weights: Words, columns: Indices, first: int, log_slots: int, log_stride: int, out: Words) -> None:
    """out[:, slot] += gamma^c v for every column of a class."""
    for k in range(len(columns)):
        slot = (k & ((1 << log_slots) - 1)) << log_stride
        term = extension.mul(extension.read(weights, first + (k >> log_slots)), extension.read(opened, columns[k]))
        extension.write(out, slot, extension.add(extension.read(out, slot), term))


# ***** the prover: over the whole extended domain *****


def deep_polynomial(batch: Batch, columns: list[Stack], mask: Words | None = None) -> Words:
    """`uint32[6][N]` over the extended domain of N rows; columns: of all trees, over their extended domains; mask: what is added.

    Sums, remainders and quotients are formed slot by slot on the domains of the columns; what is left are six stacks, which take the
    levels of stacking.py, one after the other, the columns of each height joining at theirs.
    """
    shape, weights, total = batch.shape, batch.weights, np.empty((0, 0, 0), dtype=np.uint32)
    heights = heights_of(shape)
    for log_height in range(heights[0], shape.log_height + 1):
        if log_height > heights[0]:
            total = spread(total, log_height - 1)
        if log_height in heights:
            rest, slots = batch.remainder(log_height), shape.height >> log_height
            part = zeros(DEGREE, slots, 1 << (log_height + shape.parameters.log_blowup))
            for tree, each in classes_of(shape, log_height):
                add_slot_sums(columns[tree].arrays[log_height], each, class_weights(weights, each), part)
            divide(part, rest, batch.point(log_height), batch.shifted, log_height)
            total = _added(total, part)
            del part
    acc = columns[-2].views[-1]
    last = zeros(DEGREE, 1, acc.shape[1])
    add_slot_sums(acc, accumulator_class(shape.logup), word_weights(weights[:, -1:], DEGREE), last)
    divide(last, batch.next_opened(), batch.next_zeta, batch.shifted, shape.log_height)
    if mask is not None:
        add_columns(mask, last[:, 0])
    return _added(total, last)[:, 0]


def accumulator_class(logup: Layout) -> StackClass:
    """The accumulator alone, as it is opened a second time."""
    return StackClass(logup.log_height, logup.log_height, 0, 0, (0,), 0, 0, DEGREE)


def _added(total: Words, part: Words) -> Words:
    if not total.size:
        return part
    add_columns(part.reshape(DEGREE, -1), total.reshape(DEGREE, -1))
    return total


def divide(values: Words, rest: Words, point: Element, shifted: Element, log_height: int) -> None:
    """In place, slot i of `values` `uint32[6][slots][rows]`: (it - rest[:, i]) (1 + shifted y) / (y - point) at each y of its domain."""
    rows = values.shape[2]
    factors, points = empty(DEGREE, rows), domain(rows.bit_length() - 1)
    start_point, constants = np.uint32(to_montgomery(shift(log_height))), stack([point, shifted])
    parallel_for(lambda start, stop: _factor_rows(points, start_point, constants, factors, start, stop), rows, ROWS)
    tile = max(1, ROWS // rows)
    if rows > ROWS:
        parallel_for(lambda start, stop: _divide_rows(values, rest, factors, 0, rest.shape[1], start, stop), rows, ROWS)
    else:
        parallel_for(lambda start, stop: _divide_rows(values, rest, factors, start, stop, 0, rows), rest.shape[1], tile)


@kernel
def _factor_rows(points: Words, start_point: np.uint32, constants: Words, out: Words, start: int, stop: int) -> None:
    """(1 + shifted y) / (y - point); constants `uint32[6][2]`: point, shifted."""
    work = np.empty((INVERSION_COLUMNS, stop - start + LANES), dtype=np.uint32)
    point = extension.splat_packed(extension.read(constants, 0))
    shifted = extension.splat_packed(extension.read(constants, 1))
    one = extension.splat_packed(extension.ONE_WORDS)
    zero = splat(np.uint32(0))
    for row in range(start, stop, LANES):
        y = splat(start_point) * load(points, row)
        extension.store_packed(work, 0, row - start, extension.sub((y, zero, zero, zero, zero, zero), point))
    invert_rows(work, stop - start)
    for row in range(start, stop, LANES):
        y = splat(start_point) * load(points, row)
        above = extension.add(one, extension.scale(shifted, y))
        extension.store_packed(out, 0, row, extension.mul(above, extension.load_packed(work, 0, row - start)))


@kernel
def _divide_rows(values: Words, rest: Words, factors: Words, first: int, last: int, start: int, stop: int) -> None:
    """Slots `first .. last - 1`, rows `start .. stop - 1`."""
    for slot in range(first, last):
        own = extension.splat_packed(extension.read(rest, slot))
        column = values[:, slot]
        for row in range(start, stop, LANES):
            above = extension.sub(extension.load_packed(column, 0, row), own)
            extension.store_packed(column, 0, row, extension.mul(above, extension.load_packed(factors, 0, row)))


# ***** the verifier: at the query positions *****


def deep_values(batch: Batch, leaves: list[Words], x: Words) -> Words:
    """`uint32[6][q]`: the DEEP polynomial at the points x `uint32[q]`; leaves: of each tree the leaf at each point, `uint32[q][words]`."""
    shape, weights = batch.shape, batch.weights
    heights = heights_of(shape)
    sums = np.zeros((DEGREE, len(heights) + 1, len(x)), dtype=np.uint32)
    for number, log_height in enumerate(heights):
        here = sums[:, number]
        for tree, each in classes_of(shape, log_height):
            _add_weighted(leaves[tree], each.word, class_weights(weights, each), here)
        _subtract_remainder(batch.remainder(log_height), x, here)
    acc = next(each for each in shape.logup.classes if each.log_height == shape.log_height)
    word = acc.word + acc.words - DEGREE
    _add_weighted(leaves[-2], word, word_weights(weights[:, -1:], DEGREE), sums[:, -1])
    _subtract_remainder(batch.next_opened(), x, sums[:, -1])
    ends = stack([*(batch.point(h) for h in heights), batch.next_zeta])
    degrees = np.array([*(shape.height >> h for h in heights), 1], dtype=np.int64)
    below = np.empty((DEGREE, len(degrees) * len(x)), dtype=np.uint32)
    _denominators(x, ends, degrees, below)
    values = _quotient_sums(sums, invert_columns(below), x, degrees, batch.shifted.words())
    if shape.hides:
        first = shape.quotient.column_words
        add_columns(np.ascontiguousarray(leaves[-1][:, first : first + DEGREE].T), values)
    return values


@kernel
def _add_weighted(rows: Words, first: int, weights: Words, out: Words) -> None:
    """out[:, q] += sum of weights[:, i] rows[q, first + i]; weights `uint32[6][count]`."""
    for q in range(rows.shape[0]):
        for c in range(DEGREE):
            total = out[c, q]
            for i in range(weights.shape[1]):
                total = add(total, mul(weights[c, i], rows[q, first + i]))
            out[c, q] = total


@kernel
def _subtract_remainder(rest: Words, x: Words, out: Words) -> None:
    """out[:, q] -= the polynomial with coefficients `rest` at x[q], by Horner."""
    for q in range(len(x)):
        total = extension.read(rest, rest.shape[1] - 1)
        for i in range(rest.shape[1] - 2, -1, -1):
            total = extension.add(extension.scale(total, x[q]), extension.read(rest, i))
        extension.write(out, q, extension.sub(extension.read(out, q), total))


@kernel
def _denominators(x: Words, ends: Words, degrees: Indices, out: Words) -> None:
    """x^K - zeta^K for every height and point."""
    zero = np.uint32(0)
    for k in range(len(degrees)):
        for q in range(len(x)):
            y = power(x[q], degrees[k])
            extension.write(out, k * len(x) + q, extension.sub((y, zero, zero, zero, zero, zero), extension.read(ends, k)))


@kernel
def _quotient_sums(sums: Words, inverses: Words, x: Words, degrees: Indices, shifted: Words) -> Words:
    """The sum over heights k of sums[:, k] (1 + shifted x^K) / (x^K - zeta^K)."""
    out = np.zeros((DEGREE, len(x)), dtype=np.uint32)
    by = (shifted[0], shifted[1], shifted[2], shifted[3], shifted[4], shifted[5])
    for k in range(len(degrees)):
        for q in range(len(x)):
            above = extension.add(extension.ONE_WORDS, extension.scale(by, power(x[q], degrees[k])))
            factor = extension.mul(above, extension.read(inverses, k * len(x) + q))
            term = extension.mul(extension.read(sums[:, k], q), factor)
            extension.write(out, q, extension.add(extension.read(out, q), term))
    return out
