"""The prover's quotient: all constraints over the extended domains, combined by powers of lambda, divided by X^n - 1 and split in two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from runtime.field import extension
from runtime.field.extension import DEGREE, Element
from runtime.field.koalabear import GENERATOR, P, add, inverse, to_montgomery
from runtime.field.packed import LANES, load, splat, store
from runtime.poly.ntt import evaluate as evaluate_columns
from runtime.poly.ntt import interpolate
from runtime.stark.constraints import Fingerprint
from runtime.stark.evaluators import Evaluate
from runtime.stark.logup import BLOCK, denominator, layout_of, next_row
from runtime.stark.shape import TableShape
from runtime.threads import parallel_for

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


def table_combination(
    table: TableShape, columns: Words, phi: Words, evaluate: Evaluate, fingerprint: Fingerprint, weights: Words, lift: int
) -> Words:
    """`uint32[6][2 n']`: a table's constraints times their weights, less the table's share of the accumulator's step times the last weight.

    columns `uint32[committed + fixed][2 n']` and phi `uint32[6 * batches][2 n']` over the extended domain; weights `uint32[6][constraints]`.
    """
    layout = layout_of(table.table)
    size = columns.shape[1]
    out = np.empty((DEGREE, size), dtype=np.uint32)
    count = len(table.table.constraints) + len(table.table.batches)
    own = np.ascontiguousarray(weights[:, table.constraint : table.constraint + count])
    share = (Element.base(0) - Element.from_words(weights[:, -1]) * Element.base(lift).inverse()).words()

    def tile(start: int, stop: int) -> None:
        scratch = np.empty((layout.values, stop - start), dtype=np.uint32)
        evaluate(columns, start, stop, scratch)
        where = (layout.constraints, layout.at, layout.widths, layout.buses, layout.batches)
        _combine_rows(scratch, *where, phi, fingerprint.beta, fingerprint.offsets, own, share, out, start)

    parallel_for(tile, size, min(BLOCK, size))
    return out


@njit(cache=True, nogil=True)
def _combine_rows(
    scratch: Words,
    constraints: int,
    at: Numbers,
    widths: Numbers,
    buses: Numbers,
    batches: Numbers,
    phi: Words,
    beta: Words,
    offsets: Words,
    weights: Words,
    share: Words,
    out: Words,
    row: int,
) -> None:
    """The rows of `scratch`, to columns of `out` from `row` on."""
    zero = splat(np.uint32(0))
    for i in range(0, scratch.shape[1], LANES):
        total = (zero, zero, zero, zero, zero, zero)
        sums = (zero, zero, zero, zero, zero, zero)
        for c in range(constraints):
            weight = extension.splat_packed(extension.read(weights, c))
            total = extension.add(total, extension.scale(weight, load(scratch, (c, i))))
        for k in range(batches.shape[0]):
            a, b = batches[k, 0], batches[k, 1]
            fraction = extension.load_packed(phi, DEGREE * k, row + i)
            sums = extension.add(sums, fraction)
            d = denominator(scratch, i, at[a] + 1, widths[a], buses[a], beta, offsets)
            x = extension.mul(fraction, d)
            x = (x[0] - load(scratch, (at[a], i)), x[1], x[2], x[3], x[4], x[5])
            if b >= 0:
                other = denominator(scratch, i, at[b] + 1, widths[b], buses[b], beta, offsets)
                x = extension.sub(extension.mul(x, other), extension.scale(d, load(scratch, (at[b], i))))
            weight = extension.splat_packed(extension.read(weights, constraints + k))
            total = extension.add(total, extension.mul(weight, x))
        step = (share[0], share[1], share[2], share[3], share[4], share[5])
        total = extension.add(total, extension.mul(extension.splat_packed(step), sums))
        extension.store_packed(out, 0, row + i, total)


def accumulator_combination(log_height: int, acc: Words, claimed: Element, weight: Words) -> Words:
    """`uint32[6][2n]`: weight times (acc(w X) - acc(X) - claimed / n) over the extended domain; acc `uint32[6][2n]`."""
    each = claimed * Element.base(1 << log_height).inverse()
    out = np.empty_like(acc)
    parallel_for(lambda start, stop: _step_rows(log_height, acc, each.words(), weight, out, start, stop), acc.shape[1], 1 << 14)
    return out


@njit(cache=True, nogil=True)
def _step_rows(log_height: int, acc: Words, each: Words, weight: Words, out: Words, start: int, stop: int) -> None:
    """w X stays in the same half of the extended domain, at the next exponent there."""
    low = (1 << log_height) - 1
    following = np.empty((DEGREE, LANES), dtype=np.uint32)
    claimed = extension.splat_packed((each[0], each[1], each[2], each[3], each[4], each[5]))
    factor = extension.splat_packed((weight[0], weight[1], weight[2], weight[3], weight[4], weight[5]))
    for row in range(start, stop, LANES):
        for i in range(LANES):
            b = row + i
            source = (b & ~low) | next_row(b & low, log_height)
            extension.write(following, i, extension.read(acc, source))
        step = extension.sub(extension.load_packed(following, 0, 0), extension.load_packed(acc, 0, row))
        extension.store_packed(out, 0, row, extension.mul(factor, extension.sub(step, claimed)))


def lift_and_add(columns: dict[int, Words], log_height: int) -> Words:
    """`uint32[k][2n]`: the sum over all heights of columns `uint32[k][2n']` by log n', each row repeated n / n' times. Consumes the dictionary."""
    total = columns.pop(min(columns))
    height = total.shape[1]
    while height < 2 << log_height:
        height *= 2
        larger = columns.pop(height.bit_length() - 2, None)
        total = np.repeat(total, 2, axis=1) if larger is None else add_doubled(total, larger)
    return total


def add_doubled(small: Words, large: Words) -> Words:
    """large[:, b] += small[:, b >> 1], in place; both Montgomery."""
    parallel_for(lambda start, stop: _add_doubled_rows(small, large, start, stop), small.shape[1], 1 << 15)
    return large


@njit(cache=True, nogil=True)
def _add_doubled_rows(small: Words, large: Words, start: int, stop: int) -> None:
    for c in range(small.shape[0]):
        for row in range(start, stop):
            large[c, 2 * row] = add(large[c, 2 * row], small[c, row])
            large[c, 2 * row + 1] = add(large[c, 2 * row + 1], small[c, row])


def quotient_coefficients(combined: Words) -> Words:
    """`uint32[12][n]`: coefficients of q0 and q1, where combined `uint32[6][2n]` = (X^n - 1)(q0 + X^n q1) on the extended domain.

    X^n is g^n on its first half and -g^n on the second. Changes `combined`.
    """
    height = combined.shape[1] // 2
    power = pow(GENERATOR, height, P)
    for half, value in ((combined[:, :height], power), (combined[:, height:], P - power)):
        scale_columns(half, inverse((value - 1) % P))
    coefficients = interpolate(combined, GENERATOR)
    return np.concatenate([coefficients[:, :height], coefficients[:, height:]])


def scale_columns(columns: Words, factor: int) -> None:
    """Multiply in place by a canonical factor; rows a multiple of 16."""
    word = np.uint32(to_montgomery(factor))
    parallel_for(lambda start, stop: _scale_rows(columns, word, start, stop), columns.shape[1], 1 << 15)


@njit(cache=True, nogil=True)
def _scale_rows(columns: Words, factor: np.uint32, start: int, stop: int) -> None:
    for c in range(columns.shape[0]):
        for row in range(start, stop, LANES):
            store(columns, (c, row), load(columns, (c, row)) * splat(factor))


def extend_quotient(coefficients: Words) -> Words:
    """`uint32[12][2n]`: the quotient columns over the extended domain."""
    return evaluate_columns(coefficients, GENERATOR, 1)
