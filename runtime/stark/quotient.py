"""The prover's quotient: all constraints over the extended domains, combined by powers of lambda, and divided by X^n - 1.

The constraints of the tables of one height m vanish on <w_m> by themselves, so they are divided by Y^m - 1, Y = X^(n/m), before they are
lifted. Masks make that quotient longer than the extended domain; what is above it follows from a few points of a second coset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P, add, inverse, mul, root_of_unity, sub, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat, store
from zkc.runtime.kernels.arena import empty, zeros
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.ntt import evaluate as evaluate_columns
from zkc.runtime.poly.ntt import interpolate
from zkc.runtime.stark.blocks import block_of, copy_rows, for_blocks
from zkc.runtime.stark.evaluators import Evaluate
from zkc.runtime.stark.logup import SpreadFingerprint, denominator, layout_of, next_row
from zkc.runtime.stark.parameters import second_coset, shift
from zkc.runtime.stark.shape import Part
from zkc.runtime.stark.stacks import add_scaled
from zkc.runtime.stark.sums import Wide, add_weighted_rows, spread_weights

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


def combination(part: Part, columns: Sequence[Words], phi: Words, evaluate: Evaluate, challenges: Weights) -> Words:
    """`uint32[6][rows]`: a part's constraints times their weights.

    columns: the committed and the fixed ones, `uint32[.][rows]`; phi `uint32[6 * batches][rows]`.
    """
    layout = layout_of(part.table)
    out = zeros(DEGREE, columns[0].shape[1])
    own, batch = part_weights(part, challenges.weights)
    where = (layout.at, layout.widths, layout.buses, layout.batches)
    spread = challenges.fingerprint

    def work(scratch: Words, start: int, stop: int) -> None:
        if layout.constraints:
            add_weighted_rows(scratch[: layout.constraints], start, own, out, start, stop)
        if len(layout.batches):
            local, terms = block_of(len(phi)), block_of(len(phi))
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


def part_weights(part: Part, weights: Words) -> tuple[Wide, Wide]:
    """Weights of the constraints, and of the base columns of `_batch_rows`: of coefficient c of a batch, that of the batch times x^c."""
    count, batches = len(part.table.constraints), len(part.table.batches)
    own = weights[:, part.constraint : part.constraint + count]
    last = part.constraint + count
    return spread_weights(own), spread_weights(times_basis(weights[:, last : last + batches]))


def times_basis(words: Words) -> Words:
    """`uint32[6][6 count]`: elements `uint32[6][count]`, Montgomery, times 1, x, … x^5, each with all of them; x^6 = -x^3 - 1."""
    now = words.astype(np.int64)
    out = np.empty((*words.shape, DEGREE), dtype=np.uint32)
    for c in range(DEGREE):
        out[:, :, c] = now
        now = np.stack([-now[5], now[0], now[1], now[2] - now[5], now[3], now[4]]) % P
    return out.reshape(DEGREE, -1)


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
    """The LogUp constraint of each batch on the first rows of `scratch` and `phi`, six columns of `terms` each."""
    for i in range(0, rows, LANES):
        for k in range(batches.shape[0]):
            a, b = int(batches[k, 0]), int(batches[k, 1])
            fraction = extension.load_packed(phi, DEGREE * k, i)
            d = denominator(scratch, i, int(at[a]) + 1, int(widths[a]), int(buses[a]), minus_beta, offsets)
            x = extension.mul(fraction, d)
            x = (x[0] - load(scratch, (at[a], i)), x[1], x[2], x[3], x[4], x[5])
            if b >= 0:
                other = denominator(scratch, i, int(at[b]) + 1, int(widths[b]), int(buses[b]), minus_beta, offsets)
                x = extension.sub(extension.mul(x, other), extension.scale(d, load(scratch, (at[b], i))))
            extension.store_packed(terms, DEGREE * k, i, x)


def accumulator_combination(log_height: int, acc: Words, sums: Words, claimed: Element, weight: Words) -> Words:
    """`uint32[6][2n]`: weight times (acc(w X) - acc(X) - sums - claimed / n) over the extended domain; acc, sums `uint32[6][2n]`."""
    each = claimed * Element.base(1 << log_height).inverse()
    out = empty(*acc.shape)
    parallel_for(lambda start, stop: _step_rows(log_height, acc, sums, each.words(), weight, out, start, stop), acc.shape[1], 1 << 14)
    return out


@kernel
def _step_rows(log_height: int, acc: Words, sums: Words, each: Words, weight: Words, out: Words, start: int, stop: int) -> None:
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
        less = extension.add(claimed, extension.load_packed(sums, 0, row))
        extension.store_packed(out, 0, row, extension.mul(factor, extension.sub(step, less)))


def local_quotient(log_height: int, log_rows: int, combined: Words) -> Words:
    """`uint32[k][2M]`: coefficients modulo Y^2M - s^2M of combined / (Y^m - 1), for 2^log_height = M and 2^log_rows = m.

    combined: `uint32[k][2M]` on the extended domain of shift s; it is changed.
    """
    for piece, value in pieces(log_height, log_rows, combined):
        scale_columns(piece, inverse((value - 1) % P))
    return interpolate(combined, shift(log_height))


def select_rows(log_height: int, log_rows: int, columns: Words) -> None:
    """Columns `uint32[k][2M]` on the extended domain times (Y^M - 1) / (Y^m - 1), for M = 2m: what is not among the m rows becomes zero."""
    for piece, value in pieces(log_height, log_rows, columns):
        scale_columns(piece, (value + 1) % P)


def pieces(log_height: int, log_rows: int, columns: Words) -> list[tuple[Words, int]]:
    """Columns `uint32[k][2M]` on the extended domain in pieces on which Y^m is one value, and that value, canonical; 2^log_rows = m.

    Bit-reversed, the rows of a piece are those whose exponents are equal modulo the number of pieces.
    """
    log_pieces = log_height + 1 - log_rows
    start, root = pow(shift(log_height), 1 << log_rows, P), root_of_unity(log_pieces)
    exponents = [int(f"{k:0{log_pieces}b}"[::-1], 2) for k in range(1 << log_pieces)]
    return [(piece, start * pow(root, e, P) % P) for piece, e in zip(np.split(columns, 1 << log_pieces, axis=1), exponents, strict=True)]


def whole_quotient(log_height: int, low: Words, second: Words) -> Words:
    """`uint32[6][2m + R]`: coefficients of Q = N / (Y^m - 1), from `low`, Q modulo Y^2m - s^2m, and N `second` on the second coset.

    With Q = low + (Y^2m - s^2m) E the second coset t <w> tells E, whose degree is below three times the masks.
    """
    height, (rows, start) = 1 << log_height, second_coset(log_height)
    residue = np.empty((DEGREE, rows), dtype=np.uint32)
    reduce_coefficients(low, np.uint32(to_montgomery(pow(start, rows, P))), residue)
    values, end = evaluate_columns(residue, start), pow(shift(log_height), 2 * height, P)
    over = pow(start, height, P)
    scale_columns(second, inverse((over - 1) % P))
    rest = subtract(second, values)
    scale_columns(rest, inverse((over * over - end) % P))
    out = zeros(DEGREE, 2 * height + rows)
    out[:, : 2 * height], out[:, 2 * height :] = low, interpolate(rest, start)
    add_scaled(np.ascontiguousarray(out[:, 2 * height :]), np.uint32(to_montgomery(P - end)), out)
    return out


@kernel
def reduce_coefficients(coefficients: Words, tau: np.uint32, out: Words) -> None:
    """Coefficients `uint32[k][n]` modulo Y^R - tau, to `out` `uint32[k][R]`, by Horner."""
    rows = out.shape[1]
    for k in range(out.shape[0]):
        for i in range(rows):
            total = np.uint32(0)
            for at in range(coefficients.shape[1] - rows + i, -1, -rows):
                total = add(mul(total, tau), coefficients[k, at])
            out[k, i] = total


@kernel
def subtract(x: Words, y: Words) -> Words:
    """x - y."""
    out = np.empty_like(x)
    for k in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[k, i] = sub(x[k, i], y[k, i])
    return out


def split(coefficients: Words, height: int, count: int) -> Words:
    """`uint32[6 * count][height]`: a polynomial `uint32[6][.]` in parts of `height` coefficients, six rows each."""
    padded = zeros(DEGREE, count * height)
    padded[:, : coefficients.shape[1]] = coefficients
    return np.ascontiguousarray(padded.reshape(DEGREE, count, height).transpose(1, 0, 2)).reshape(count * DEGREE, height)


def add_lifted(coefficients: Words, step: int, out: Words) -> None:
    """out(X) += the polynomials with these coefficients at X^step."""
    parallel_for(lambda start, stop: _add_lifted(coefficients, step, out, start, stop), coefficients.shape[1], 1 << 13)


@kernel
def _add_lifted(coefficients: Words, step: int, out: Words, start: int, stop: int) -> None:
    for c in range(DEGREE):
        for i in range(start, stop):
            out[c, i * step] = add(out[c, i * step], coefficients[c, i])


def scale_columns(columns: Words, factor: int) -> None:
    """Multiply in place by a canonical factor; rows a multiple of 16."""
    word = np.uint32(to_montgomery(factor))
    parallel_for(lambda start, stop: _scale_rows(columns, word, start, stop), columns.shape[1], 1 << 15)


@kernel
def _scale_rows(columns: Words, factor: np.uint32, start: int, stop: int) -> None:
    for c in range(columns.shape[0]):
        for row in range(start, stop, LANES):
            store(columns, (c, row), load(columns, (c, row)) * splat(factor))
