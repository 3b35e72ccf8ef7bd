"""The prover's quotient: all constraints over the extended domains, combined by powers of lambda, divided by X^n - 1 and split in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, inverse, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat, store
from zkc.runtime.poly.ntt import evaluate as evaluate_columns
from zkc.runtime.poly.ntt import interpolate
from zkc.runtime.stark.blocks import block_of, copy_rows, for_blocks
from zkc.runtime.stark.constraints import stack
from zkc.runtime.stark.evaluators import Evaluate
from zkc.runtime.stark.logup import SpreadFingerprint, denominator, layout_of, next_row
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.shape import TableShape
from zkc.runtime.stark.sums import Wide, add_weighted_rows, spread_weights
from zkc.runtime.threads import parallel_for

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


def table_combination(table: TableShape, columns: Sequence[Words], phi: Words, evaluate: Evaluate, challenges: Weights, lift: int) -> Words:
    """`uint32[6][2 n']`: a table's constraints times their weights, less the table's share of the accumulator's step times the last weight.

    columns: the committed and the fixed ones over the extended domain, which is lifted by `lift`; phi `uint32[6 * batches][2 n']`.
    """
    layout = layout_of(table.table)
    out = np.zeros((DEGREE, columns[0].shape[1]), dtype=np.uint32)
    own, batch = table_weights(table, challenges.weights, lift)
    where = (layout.at, layout.widths, layout.buses, layout.batches)
    spread = challenges.fingerprint

    def work(scratch: Words, start: int, stop: int) -> None:
        if layout.constraints:
            add_weighted_rows(scratch[: layout.constraints], start, own, out, start, stop)
        if len(layout.batches):
            local, terms = block_of(len(phi)), block_of(len(phi) + DEGREE)
            copy_rows(phi, start, stop, local, 0)
            _batch_rows(scratch, *where, local, spread.minus_beta, spread.offsets, terms, stop - start)
            add_weighted_rows(terms, start, batch, out, start, stop)

    for_blocks(columns, evaluate, layout.values, work)
    return out


@dataclass(frozen=True, eq=False)
class Weights:
    """The challenges for constraints: powers of lambda `uint32[6][constraints]`, and the fingerprint."""

    weights: Words
    fingerprint: SpreadFingerprint


def table_weights(table: TableShape, weights: Words, lift: int) -> tuple[Wide, Wide]:
    """Weights of the constraints, and of the base columns of `_batch_rows`: of coefficient c of a batch, that of the batch times x^c."""
    count, batches = len(table.table.constraints), len(table.table.batches)
    own = weights[:, table.constraint : table.constraint + count]
    last = table.constraint + count
    factors = [Element.from_words(weights[:, k]) for k in range(last, last + batches)]
    factors.append(Element.base(0) - Element.from_words(weights[:, -1]) * Element.base(lift).inverse())
    basis = [Element(tuple(int(i == c) for i in range(DEGREE))) for c in range(DEGREE)]
    return spread_weights(own), spread_weights(stack([factor * unit for factor in factors for unit in basis]))


@kernel
def _batch_rows(
    scratch: Words,
    at: Numbers,
    widths: Numbers,
    buses: Numbers,
    batches: Numbers,
    phi: Words,
    minus_beta: Wide,
    offsets: Wide,
    terms: Words,
    rows: int,
) -> None:
    """The LogUp constraint of each batch on the first rows of `scratch` and `phi`, then the sum of all phi, six columns of `terms` each."""
    count = batches.shape[0]
    for i in range(0, rows, LANES):
        total = extension.splat_packed(extension.ZERO_WORDS)
        for k in range(count):
            a, b = int(batches[k, 0]), int(batches[k, 1])
            fraction = extension.load_packed(phi, DEGREE * k, i)
            total = extension.add(total, fraction)
            d = denominator(scratch, i, int(at[a]) + 1, int(widths[a]), int(buses[a]), minus_beta, offsets)
            x = extension.mul(fraction, d)
            x = (x[0] - load(scratch, (at[a], i)), x[1], x[2], x[3], x[4], x[5])
            if b >= 0:
                other = denominator(scratch, i, int(at[b]) + 1, int(widths[b]), int(buses[b]), minus_beta, offsets)
                x = extension.sub(extension.mul(x, other), extension.scale(d, load(scratch, (at[b], i))))
            extension.store_packed(terms, DEGREE * k, i, x)
        extension.store_packed(terms, DEGREE * count, i, total)


def accumulator_combination(log_height: int, acc: Words, claimed: Element, weight: Words) -> Words:
    """`uint32[6][2n]`: weight times (acc(w X) - acc(X) - claimed / n) over the extended domain; acc `uint32[6][2n]`."""
    each = claimed * Element.base(1 << log_height).inverse()
    out = np.empty_like(acc)
    parallel_for(lambda start, stop: _step_rows(log_height, acc, each.words(), weight, out, start, stop), acc.shape[1], 1 << 14)
    return out


@kernel
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


def quotient_coefficients(combined: Words) -> Words:
    """`uint32[12][n]`: coefficients of q0 and q1, where combined `uint32[6][2n]` = (X^n - 1)(q0 + X^n q1) on the extended domain.

    X^n is s^n on its first half and -s^n on the second, s its shift. Changes `combined`.
    """
    height = combined.shape[1] // 2
    start = shift(height.bit_length() - 1)
    power = pow(start, height, P)
    for half, value in ((combined[:, :height], power), (combined[:, height:], P - power)):
        scale_columns(half, inverse((value - 1) % P))
    coefficients = interpolate(combined, start)
    return np.concatenate([coefficients[:, :height], coefficients[:, height:]])


def scale_columns(columns: Words, factor: int) -> None:
    """Multiply in place by a canonical factor; rows a multiple of 16."""
    word = np.uint32(to_montgomery(factor))
    parallel_for(lambda start, stop: _scale_rows(columns, word, start, stop), columns.shape[1], 1 << 15)


@kernel
def _scale_rows(columns: Words, factor: np.uint32, start: int, stop: int) -> None:
    for c in range(columns.shape[0]):
        for row in range(start, stop, LANES):
            store(columns, (c, row), load(columns, (c, row)) * splat(factor))


def extend_quotient(coefficients: Words, log_blowup: int) -> Words:
    """`uint32[12][N]`: the quotient columns over the extended domain."""
    return evaluate_columns(coefficients, shift(coefficients.shape[1].bit_length() - 1), log_blowup)
