"""The prover's LogUp columns: for each batch of messages one extension column phi of fractions, and one accumulator over all tables.

An evaluator's output (see evaluators.py) is a scratch `uint32[values][rows]`; `MessageLayout` says where in it the messages are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.errors import InputError
from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import DEGREE, Element
from zkc.runtime.field.koalabear import P
from zkc.runtime.field.packed import LANES, load, splat, store
from zkc.runtime.kernels.arena import empty, zeros
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.stark.blocks import for_blocks
from zkc.runtime.stark.constraints import Fingerprint, program_of
from zkc.runtime.stark.evaluators import Evaluate, outputs
from zkc.runtime.stark.inversion import INVERSION_COLUMNS, invert_rows
from zkc.runtime.stark.lifting import lift_and_add
from zkc.runtime.stark.sums import Wide, add_products, constant_sums, reduced, spread_weights

Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MessageLayout:
    """Where an evaluator puts the values of a table: message m has its multiplicity in row `at[m]`, then `widths[m]` arguments."""

    values: int
    constraints: int
    at: Numbers
    widths: Numbers
    buses: Numbers
    batches: Numbers


@lru_cache(maxsize=256)
def layout_of(table: Table) -> MessageLayout:
    """The layout of a well-formed table."""
    program = program_of(table)
    widths = program.starts[1:] - program.starts[:-1]
    at = len(table.constraints) + program.starts[:-1] + np.arange(len(widths))
    return MessageLayout(len(outputs(table)), len(table.constraints), at, widths, program.buses, program.batches)


@dataclass(frozen=True, eq=False)
class SpreadFingerprint:
    """A fingerprint's -beta^k and alpha + (bus + 1) beta^W as `spread_weights`."""

    minus_beta: Wide
    offsets: Wide

    @staticmethod
    def of(fingerprint: Fingerprint) -> SpreadFingerprint:
        """From the challenges' tables."""
        minus = (np.uint32(P) - fingerprint.beta) % np.uint32(P)
        return SpreadFingerprint(spread_weights(minus), spread_weights(fingerprint.offsets))


def fractions(table: Table, columns: Sequence[Words], evaluate: Evaluate, fingerprint: SpreadFingerprint, out: Words) -> None:
    """Writes the phi columns `uint32[6 * batches][n]` over the trace domain to `out`; columns: the committed and the fixed ones."""
    layout = layout_of(table)
    where = (layout.at, layout.widths, layout.buses, layout.batches)

    def work(scratch: Words, start: int, stop: int) -> None:
        if not _fraction_rows(scratch, *where, fingerprint.minus_beta, fingerprint.offsets, out, start, stop):
            raise InputError(f"table {table.name}: a message has denominator zero", hint="a chance of 2^-150: prove another input")

    if len(table.batches):
        for_blocks(columns, evaluate, layout.values, work)


@kernel
def denominator(scratch: Words, i: int, first: int, width: int, bus: int, minus_beta: Wide, offsets: Wide) -> Any:
    """Sixteen denominators: alpha + (bus + 1) beta^W - sum of beta^k scratch[first + k]; weights as in `SpreadFingerprint`."""
    total = constant_sums(offsets, bus)
    for k in range(0, width, 2):
        second = load(scratch, (first + k + 1, i)) if k + 1 < width else splat(np.uint32(0))
        total = add_products(total, load(scratch, (first + k, i)), second, minus_beta, k)
    return reduced(total)


@kernel
def _fraction_rows(
    scratch: Words,
    at: Numbers,
    widths: Numbers,
    buses: Numbers,
    batches: Numbers,
    minus_beta: Wide,
    offsets: Wide,
    out: Words,
    row: int,
    stop: int,
) -> bool:
    """The phi of all batches for the first rows of `scratch`, to rows `row .. stop - 1` of `out`. False if a denominator is zero."""
    rows = stop - row
    work = np.empty((INVERSION_COLUMNS, rows + LANES), dtype=np.uint32)
    for k in range(batches.shape[0]):
        for part in range(2):
            m = batches[k, part]
            if m < 0:
                continue
            first, width, bus = int(at[m]) + 1, int(widths[m]), int(buses[m])
            for i in range(0, rows, LANES):
                extension.store_packed(work, 0, i, denominator(scratch, i, first, width, bus, minus_beta, offsets))
            if not invert_rows(work, rows):
                return False
            for i in range(0, rows, LANES):
                phi = extension.scale(extension.load_packed(work, 0, i), load(scratch, (at[m], i)))
                if part == 1:
                    phi = extension.add(phi, extension.load_packed(out, DEGREE * k, row + i))
                extension.store_packed(out, DEGREE * k, row + i, phi)
    return True


def accumulator(log_height: int, phis: Sequence[Words], claimed: Element, thin: Sequence[bool]) -> tuple[Words, Element]:
    """`uint32[6][n]`, acc over the trace domain (0 at exponent 0), and the total that is zero if all buses balance.

    phis[t]: `uint32[6 * batches][m_t]`, of one part. acc(w x) - acc(x) = sum_t s_t^-1 sum_k phi_{t,k}(x^s_t) + claimed / n, s_t the times
    that x^s_t is each row. Of a thin part, those are the x with x^(n/2) = 1, and it adds nothing to the others.
    """
    height = 1 << log_height
    each = claimed * Element.base(height).inverse()
    parts = [np.repeat(each.words()[:, None], height, axis=1)]
    for phi, half in zip(phis, thin, strict=True):
        if len(phi):
            total = scaled_sum(phi, Element.base(height // phi.shape[1] >> half).inverse())
            parts.append(_with_rows_between(total) if half else total)
    steps = lift_and_add(parts, height)
    total = _accumulate(log_height, steps)
    return steps, Element.from_words(total)


def _with_rows_between(total: Words) -> Words:
    """`uint32[k][2m]`: columns of m rows as columns of twice the height, zero between: those are the upper half, bit-reversed."""
    out = zeros(len(total), 2 * total.shape[1])
    out[:, : total.shape[1]] = total
    return out


def scaled_sum(phi: Words, factor: Element) -> Words:
    """`uint32[6][n]`: the sum of the extension columns `uint32[6 * batches][n]` times a base element."""
    out = empty(DEGREE, phi.shape[1])
    word = factor.words()[0]
    parallel_for(lambda start, stop: _scaled_sum_rows(phi, word, out, start, stop), phi.shape[1], 1 << 12)
    return out


@kernel
def _scaled_sum_rows(phi: Words, factor: np.uint32, out: Words, start: int, stop: int) -> None:
    for c in range(DEGREE):
        for row in range(start, stop, LANES):
            total = load(phi, (c, row))
            for column in range(c + DEGREE, phi.shape[0], DEGREE):
                total = total + load(phi, (column, row))
            store(out, (c, row), total * splat(factor))


@kernel
def next_row(row: int, log_height: int) -> int:
    """The row of the next exponent, cyclic, in bit-reversed order: addition of one from the top bit down."""
    bit = 1 << log_height >> 1
    while row & bit:
        row ^= bit
        bit >>= 1
    return row ^ bit


def _accumulate(log_height: int, steps: Words) -> Words:
    """Replace the steps by their sums before each row, in the order of exponents; returns the sum of all, `uint32[6]`.

    The exponents fall into sixteen consecutive runs. Those with the top four bits c are the rows with the low four bits rev(c): lane rev(c)
    of every vector of sixteen rows. So sixteen runs are summed at once, each from the total of the runs before it.
    """
    log_lanes = LANES.bit_length() - 1
    totals = np.zeros((DEGREE, LANES), dtype=np.uint32)
    _sum_lanes(steps, totals)
    starts = np.zeros((DEGREE, LANES), dtype=np.uint32)
    total = np.zeros(DEGREE, dtype=np.uint32)
    lane = 0
    for _ in range(LANES):
        starts[:, lane] = total
        total = ((total.astype(np.uint64) + totals[:, lane]) % P).astype(np.uint32)
        lane = next_row(lane, log_lanes)
    parallel_for(lambda first, stop: _run_sums(steps, starts, log_height - log_lanes, first, stop), DEGREE, 1)
    return total


@kernel
def _sum_lanes(steps: Words, totals: Words) -> None:
    """totals[c, i]: the sum of steps[c, i], steps[c, i + 16], …"""
    for c in range(DEGREE):
        total = load(totals, (c, 0))
        for row in range(0, steps.shape[1], LANES):
            total = total + load(steps, (c, row))
        store(totals, (c, 0), total)


@kernel
def _run_sums(steps: Words, starts: Words, log_vectors: int, first: int, stop: int) -> None:
    """Coefficients `first .. stop - 1`: in every lane the sums before each step, from `starts[c]` on."""
    for c in range(first, stop):
        total = load(starts, (c, 0))
        vector = 0
        for _ in range(steps.shape[1] // LANES):
            step = load(steps, (c, LANES * vector))
            store(steps, (c, LANES * vector), total)
            total = total + step
            vector = next_row(vector, log_vectors)
