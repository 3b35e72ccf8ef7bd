"""The prover's LogUp columns: for each batch of messages one extension column phi of fractions, and one accumulator over all tables.

An evaluator's output (see evaluators.py) is a scratch `uint32[values][rows]`; `MessageLayout` says where in it the messages are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from runtime.circuit import Table
from runtime.errors import InputError
from runtime.field import extension
from runtime.field.extension import DEGREE, ZERO_WORDS, Element
from runtime.field.koalabear import ONE
from runtime.field.packed import LANES, formula, lane, load, splat, store
from runtime.stark.constraints import Fingerprint, program_of
from runtime.stark.evaluators import Evaluate, outputs
from runtime.threads import parallel_for

BLOCK: Final = 1024
"""Rows evaluated at a time: a few hundred values of them stay in the second-level cache."""

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


def fractions(table: Table, columns: Words, evaluate: Evaluate, fingerprint: Fingerprint) -> Words:
    """`uint32[6 * batches][n]`: the phi columns over the trace domain; columns `uint32[committed + fixed][n]`."""
    layout = layout_of(table)
    height = columns.shape[1]
    out = np.empty((DEGREE * len(table.batches), height), dtype=np.uint32)

    def tile(start: int, stop: int) -> None:
        scratch = np.empty((layout.values, stop - start), dtype=np.uint32)
        evaluate(columns, start, stop, scratch)
        beta, offsets = fingerprint.beta, fingerprint.offsets
        if not _fraction_rows(scratch, layout.at, layout.widths, layout.buses, layout.batches, beta, offsets, out, start):
            raise InputError(f"table {table.name}: a message has denominator zero", hint="this has probability 2^-150; change any input and prove again")

    if len(table.batches):
        parallel_for(tile, height, min(BLOCK, height))
    return out


def _adjugate(a: Sequence[Any]) -> tuple[Any, ...]:
    """Of a (six coefficients; a seventh is ignored): six coefficients of t and a base element N with a t = N. Over y = x^3, y^2 = -y - 1.

    With a = a0 + a1 x + a2 x^2 over Fp(y): t0 = a0^2 - y a1 a2, t1 = y a2^2 - a0 a1, t2 = a1^2 - a0 a2, a (t0 + t1 x + t2 x^2) = m in Fp(y),
    and N = m conj(m).
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


adjugate = formula(_adjugate)
"""`adjugate(a)`: see `_adjugate`; seven Packed in and out."""


@njit(cache=True, nogil=True)
def denominator(scratch: Words, i: int, first: int, width: int, bus: int, beta: Words, offsets: Words) -> Any:
    """Sixteen denominators: alpha + (bus + 1) beta^W - sum of beta^k scratch[first + k]."""
    total = extension.splat_packed(extension.read(offsets, bus))
    for k in range(width):
        term = extension.scale(extension.splat_packed(extension.read(beta, k)), load(scratch, (first + k, i)))
        total = extension.sub(total, term)
    return total


@njit(cache=True, nogil=True)
def _fraction_rows(
    scratch: Words, at: Numbers, widths: Numbers, buses: Numbers, batches: Numbers, beta: Words, offsets: Words, out: Words, row: int
) -> bool:
    """The phi of all batches for the rows of `scratch`, to columns of `out` from `row` on. False if a denominator is zero.

    The norms of each lane share one inversion: prefix products on the way up, one inverse each way down.
    """
    rows = scratch.shape[1]
    work = np.empty((DEGREE + 2, rows), dtype=np.uint32)
    for k in range(batches.shape[0]):
        for part in range(2):
            m = batches[k, part]
            if m < 0:
                continue
            product = splat(np.uint32(ONE))
            for i in range(0, rows, LANES):
                d = denominator(scratch, i, at[m] + 1, widths[m], buses[m], beta, offsets)
                t = adjugate((d[0], d[1], d[2], d[3], d[4], d[5], d[0]))
                extension.store_packed(work, 0, i, (t[0], t[1], t[2], t[3], t[4], t[5]))
                store(work, (DEGREE, i), t[6])
                store(work, (DEGREE + 1, i), product)
                product = product * t[6]
            for j in range(LANES):
                if lane(product, j) == 0:
                    return False
            product = extension.base_inverse(product)
            for i in range(rows - LANES, -1, -LANES):
                factor = product * load(work, (DEGREE + 1, i)) * load(scratch, (at[m], i))
                product = product * load(work, (DEGREE, i))
                phi = extension.scale(extension.load_packed(work, 0, i), factor)
                if part == 1:
                    phi = extension.add(phi, extension.load_packed(out, DEGREE * k, row + i))
                extension.store_packed(out, DEGREE * k, row + i, phi)
    return True


def accumulator(log_height: int, phis: Sequence[Words], claimed: Element) -> tuple[Words, Element]:
    """`uint32[6][n]`, acc over the trace domain (0 at exponent 0), and the total that is zero if all buses balance.

    phis[t]: `uint32[6 * batches][n_t]`. acc(w x) - acc(x) = sum_t s_t^-1 sum_k phi_{t,k}(x^s_t) + claimed / n.
    """
    height = 1 << log_height
    steps = np.zeros((DEGREE, height), dtype=np.uint32)
    each = claimed * Element.base(height).inverse()
    steps[:] = each.words()[:, None]
    for phi in phis:
        lift = height // phi.shape[1]
        _add_lifted(phi, Element.base(lift).inverse().words()[0], lift.bit_length() - 1, steps)
    total = _accumulate(log_height, steps)
    return steps, Element.from_words(np.array(total, dtype=np.uint32))


@njit(cache=True, nogil=True)
def _add_lifted(phi: Words, factor: np.uint32, log_lift: int, steps: Words) -> None:
    """steps[:, b] += factor times the sum of all phi in row b >> log_lift."""
    lift = 1 << log_lift
    total = np.empty((DEGREE, LANES), dtype=np.uint32)
    for row in range(0, phi.shape[1], LANES):
        for c in range(DEGREE):
            value = splat(np.uint32(0))
            for column in range(c, phi.shape[0], DEGREE):
                value = value + load(phi, (column, row))
            store(total, (c, 0), value * splat(factor))
        for i in range(LANES):
            for b in range((row + i) * lift, (row + i + 1) * lift):
                extension.write(steps, b, extension.add(extension.read(steps, b), extension.read(total, i)))


@njit(cache=True, nogil=True)
def next_row(row: int, log_height: int) -> int:
    """The row of the next exponent, cyclic, in bit-reversed order: addition of one from the top bit down."""
    bit = 1 << log_height >> 1
    while row & bit:
        row ^= bit
        bit >>= 1
    return row ^ bit


@njit(cache=True, nogil=True)
def _accumulate(log_height: int, steps: Words) -> tuple[np.uint32, ...]:
    """Replace the steps by their sums before each row, in the order of exponents; returns the sum of all."""
    total = ZERO_WORDS
    row = 0
    for _ in range(1 << log_height):
        step = extension.read(steps, row)
        extension.write(steps, row, total)
        total = extension.add(total, step)
        row = next_row(row, log_height)
    return total
