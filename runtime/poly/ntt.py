"""Transforms of many columns: interpolation, evaluation on cosets, low-degree extension.

Sixteen columns are transformed together as a tile of 64-byte rows, one lane a column. With n = A B, row a B + b, an inverse transform
does its small strides inside the A contiguous blocks of B rows ("low" levels) and then its large ones over the B combs of A rows ("high"
levels); a forward transform does the reverse. An extension so passes over the tile three times: low levels in, high levels back and forth
(the coefficients live only there), low levels out.

The forward step splits X^m - c into (X^(m/2) - z)(X^(m/2) + z), z^2 = c, so that a coset shift lives in the twiddles z alone, input is in
natural order, output in bit-reversed order, and a block is itself a transform on a coset: the one that starts at its first point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P_INVERSE, TWO_ADICITY, P, from_montgomery, inverse, mul, to_montgomery
from zkc.runtime.field.packed import LANES, load, load_rows, mul_prepared, prepare, splat, store, store_rows, transpose
from zkc.runtime.kernels.arena import empty
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import turns

Words = npt.NDArray[np.uint32]

_COMBS = 4
"""Combs that are transformed together, for whole cache lines and few pages; 2^11 rows of them are half a megabyte."""
_TILE_ROWS = 1 << 14


def interpolate(columns: Words, shift: int = 1) -> Words:
    """Coefficients `uint32[k][n]`, natural order, from values on shift * <w_n> in bit-reversed order. Montgomery, but shift canonical."""
    result = empty(*columns.shape)
    _transform(columns, result, shift, ())
    return result


@dataclass(frozen=True, eq=False)
class Tail:
    """What a transform adds to polynomials of degree < n, and what it keeps of them.

    terms: `uint32[k][h]`, h a multiple of 16 up to n: coefficients r. Columns given by values on <w_n> get (X^n - 1) r added, which leaves
    these as they are; columns given by coefficients get X^n r. residue: `uint32[k][R]`, filled with the coefficients modulo X^R - tau of
    the columns without `terms`; R a power of two up to n, at least its square root, and 2^10 or n; tau canonical. Either may have no rows.
    """

    terms: Words
    residue: Words
    tau: int


NO_TAIL = Tail(np.empty((0, 0), dtype=np.uint32), np.empty((0, 0), dtype=np.uint32), 0)


def evaluate(coefficients: Words, shift: int = 1, log_blowup: int = 0, tail: Tail = NO_TAIL) -> Words:
    """Values `uint32[k][n 2^log_blowup]` on shift * <w> in bit-reversed order, from coefficients `uint32[k][n]` in natural order."""
    return _on_cosets(coefficients, None, shift, log_blowup, tail)


def extend(columns: Words, shift: int, log_blowup: int = 1, tail: Tail = NO_TAIL, room: Words | None = None) -> Words:
    """The low-degree extension: from values on <w_n> to values on shift * <w_N>, N = n 2^log_blowup, both in bit-reversed order.

    columns: `uint32[k][n]`, Montgomery, n a power of two, N at most 2^24. Result: `uint32[k][N]`. shift: canonical, not zero. room: where
    the result goes, a new array if it is None; the columns may be its `last_words`, and are lost then.
    """
    return _on_cosets(columns, 1, shift, log_blowup, tail, room)


def last_words(room: Words, log_blowup: int) -> Words:
    """The end of `uint32[k][n 2^log_blowup]` as `uint32[k][n]`.

    Transforms take sixteen columns at a time, the first ones first. When those are written, what is overwritten of the end was read.
    """
    k, extended = room.shape
    return room.reshape(-1)[k * (extended - (extended >> log_blowup)) :].reshape(k, extended >> log_blowup)


def _on_cosets(columns: Words, source: int | None, shift: int, log_blowup: int, tail: Tail, room: Words | None = None) -> Words:
    k, n = columns.shape
    result = empty(k, n << log_blowup) if room is None else room
    if n < _TILE_ROWS and room is not None:
        columns = columns.copy()  # groups of short columns are transformed at the same time
    points = turns(log_blowup, n.bit_length() - 1)
    _transform(columns, result, source, tuple(shift * from_montgomery(int(point)) % P for point in points), tail)
    return result


# ***** plan *****


@dataclass(frozen=True)
class _Plan:
    """Levels and twiddle bases of one transform. Cosets follow each other in the result."""

    log_a: int
    log_b: int
    back: bool
    scale: np.uint32
    back_roots: Words
    back_starts: Words
    back_heap: Words
    roots: Words
    starts: Words
    heaps: Words


@lru_cache(maxsize=64)
def _plan(log_n: int, source: int | None, cosets: tuple[int, ...]) -> _Plan:
    log_b = log_n if log_n <= 10 else (log_n + 1) // 2
    log_a = log_n - log_b
    roots, back_roots = turns(max(log_a, log_b), 1), turns(max(log_a, log_b), 1, backwards=True)
    back_shift = inverse(source) if source else 1
    starts = [_scaled(turns(log_a, log_b), shift) for shift in cosets]
    heaps = [_heap(np.uint32(to_montgomery(pow(shift, 1 << log_b, P))), roots, log_a) for shift in cosets]
    return _Plan(
        log_a=log_a,
        log_b=log_b,
        back=source is not None,
        scale=np.uint32(to_montgomery(inverse(1 << log_n) if source else 1)),
        back_roots=back_roots,
        back_starts=_scaled(turns(log_a, log_b, backwards=True), back_shift),
        back_heap=_heap(np.uint32(to_montgomery(pow(back_shift, 1 << log_b, P))), back_roots, log_a),
        roots=roots,
        starts=np.concatenate(starts or [np.empty(0, dtype=np.uint32)]),
        heaps=np.stack(heaps) if heaps else np.empty((0, 2, 1), dtype=np.uint32),
    )


def _scaled(points: Words, factor: int) -> Words:
    values = points.astype(np.uint64) * np.uint64(factor) % np.uint64(P)
    return values.astype(np.uint32)


def _transform(columns: Words, result: Words, source: int | None, cosets: tuple[int, ...], tail: Tail = NO_TAIL) -> None:
    """From values on source * <w_n> (None: from coefficients) to values on the cosets, one after the other (none: to coefficients)."""
    k, n = columns.shape
    log_n = n.bit_length() - 1
    if n != 1 << log_n or log_n > TWO_ADICITY:
        raise ValueError(f"cannot transform {n} rows: not a power of two up to 2^{TWO_ADICITY}")
    if tail.terms.shape[1] % LANES or max(tail.terms.shape[1], tail.residue.shape[1]) > n:
        raise ValueError(f"cannot add {tail.terms.shape[1]} terms or keep {tail.residue.shape[1]} of {n}")
    plan, groups = _plan(log_n, source, cosets), -(-k // LANES)
    extra = _Extra(tail, _term_weights(log_n, source, cosets), np.uint32(to_montgomery(tail.tau)))
    if n < LANES:
        _transform_short(columns, result, groups, plan, extra)
    elif n < _TILE_ROWS:
        parallel_for(lambda start, stop: _transform_groups(columns, result, n, plan, extra, start, stop), groups, 1)
    else:
        _transform_groups(columns, result, n, plan, extra, 0, groups)


@dataclass(frozen=True, eq=False)
class _Extra:
    """A tail as kernels want it: on coset j, where X^n is a constant, its terms count weights[j] times."""

    tail: Tail
    weights: Words
    tau: np.uint32


def _term_weights(log_n: int, source: int | None, cosets: tuple[int, ...]) -> Words:
    """X^n on each coset, less one if the columns are given by values: X^n - 1 times the terms is added there."""
    words = [(pow(shift, 1 << log_n, P) - (source is not None)) % P for shift in cosets]
    return np.array([to_montgomery(word) for word in words], dtype=np.uint32)


def _transform_short(columns: Words, result: Words, groups: int, plan: _Plan, extra: _Extra) -> None:
    """Fewer rows than lanes: the tiles read and write sixteen rows, so give them room."""
    wide, wide_result = (np.zeros((array.shape[0], array.shape[1] + LANES), dtype=np.uint32) for array in (columns, result))
    wide[:, : columns.shape[1]] = columns
    _transform_groups(wide, wide_result, columns.shape[1], plan, extra, 0, groups)
    result[:] = wide_result[:, : result.shape[1]]


def _transform_groups(columns: Words, result: Words, n: int, plan: _Plan, extra: _Extra, start: int, stop: int) -> None:
    """Groups `start .. stop - 1` of sixteen columns, in one scratch."""
    scratch = np.empty((max(1, len(plan.heaps)), max(n, LANES), LANES), dtype=np.uint32)
    terms = np.empty((extra.tail.terms.shape[1], LANES), dtype=np.uint32)
    residue = np.empty((extra.tail.residue.shape[1], LANES), dtype=np.uint32)
    for group in range(start, stop):
        _transform_group(columns, result, group * LANES, plan, extra, scratch, terms, residue)


def _transform_group(
    columns: Words, result: Words, first: int, plan: _Plan, extra: _Extra, scratch: Words, terms: Words, residue: Words
) -> None:
    def low_in(start: int, stop: int) -> None:
        _low_in(columns, first, scratch[0], start, stop, plan.log_b, plan.back, plan.back_starts, plan.back_roots)

    def high(start: int, stop: int) -> None:
        shape = (plan.log_a, plan.log_b, plan.back, plan.scale, plan.back_heap, plan.heaps)
        _high(scratch, start, stop, *shape, terms, extra.weights, residue, extra.tau)

    def low_out(start: int, stop: int) -> None:
        _low_out(scratch, result, first, start, stop, plan.log_a, plan.log_b, len(plan.heaps) > 0, plan.starts, plan.roots)

    blocks = max(1, _TILE_ROWS >> plan.log_b)
    _tile_in(extra.tail.terms, first, terms)
    parallel_for(low_in, 1 << plan.log_a, blocks)
    parallel_for(high, 1 << plan.log_b, max(_COMBS, _TILE_ROWS >> plan.log_a))
    parallel_for(low_out, len(scratch) << plan.log_a, blocks)
    _tile_out(residue, extra.tail.residue, first)


# ***** passes *****


@kernel
def _low_in(columns: Words, first: int, tile: Words, start: int, stop: int, log_b: int, back: bool, starts: Words, roots: Words) -> None:
    """Columns `first .. first + 15` into blocks `start .. stop - 1` of the tile, and the inverse low levels there."""
    block = 1 << log_b
    flat = tile.reshape(-1)
    for a in range(start, stop):
        for row in range(a * block, (a + 1) * block, LANES):
            store_rows(tile, row, 0, row + LANES, transpose(load_rows(columns, first, row, columns.shape[0])))
        if back:
            _inverse_levels(flat[a * block * LANES :], log_b, LANES, _heap(starts[a], roots, log_b))


@kernel
def _tile_in(columns: Words, first: int, tile: Words) -> None:
    """Columns `first .. first + 15`, of a multiple of 16 rows, into a tile."""
    for row in range(0, len(tile), LANES):
        store_rows(tile, row, 0, row + LANES, transpose(load_rows(columns, first, row, columns.shape[0])))


@kernel
def _tile_out(tile: Words, columns: Words, first: int) -> None:
    """A tile out to columns `first .. first + 15`."""
    for row in range(0, len(tile), LANES):
        store_rows(columns, first, row, columns.shape[0], transpose(load_rows(tile, row, 0, tile.shape[0])))


@kernel
def _high(
    scratch: Words,
    start: int,
    stop: int,
    log_a: int,
    log_b: int,
    back: bool,
    scale: np.uint32,
    back_heap: Words,
    heaps: Words,
    terms: Words,
    weights: Words,
    residue: Words,
    tau: np.uint32,
) -> None:
    """Combs `start .. stop - 1` of the first tile: inverse high levels, then the forward high levels of every coset into its own tile.

    In between, where the coefficients are, each coset gets `terms` times its weight, and `residue` what they leave modulo X^R - tau.
    """
    combs = min(_COMBS, stop - start)
    width = combs * LANES
    height = 1 << log_a
    coefficients = np.empty(height * width, dtype=np.uint32)
    work = np.empty(height * width, dtype=np.uint32)
    for comb in range(start, stop, combs):
        _gather(scratch[0], comb, log_b, width, coefficients)
        if back:
            _inverse_levels(coefficients, log_a, width, back_heap)
            for i in range(0, coefficients.size, LANES):
                store(coefficients, i, load(coefficients, i) * splat(scale))
        if len(residue):
            _reduce(coefficients, comb, log_b, width, tau, residue)
        for coset in range(len(heaps)):
            for i in range(0, work.size, LANES):
                store(work, i, load(coefficients, i))
            _add_terms(work, comb, log_b, width, terms, weights[coset])
            _forward_levels(work, log_a, width, heaps[coset])
            _scatter(work, comb, log_b, width, scratch[coset])
        if len(heaps) == 0:
            _scatter(coefficients, comb, log_b, width, scratch[0])


@kernel
def _add_terms(buffer: Words, comb: int, log_b: int, width: int, terms: Words, weight: np.uint32) -> None:
    """Adds `terms` times the weight to the first coefficients, as far as they are in these combs."""
    flat = terms.reshape(-1)
    for a in range(buffer.size // width):
        if (a << log_b) + comb >= len(terms):
            break
        for i in range(0, width, LANES):
            store(buffer, a * width + i, load(buffer, a * width + i) + load(flat, ((a << log_b) + comb) * LANES + i) * splat(weight))


@kernel
def _reduce(buffer: Words, comb: int, log_b: int, width: int, tau: np.uint32, residue: Words) -> None:
    """Coefficients modulo X^R - tau, R = len(residue) at least 2^log_b: from the last block of R to the first, by Horner."""
    flat = residue.reshape(-1)
    rows = len(residue) >> log_b
    count = buffer.size // width
    for a in range(rows):
        for i in range(0, width, LANES):
            total = load(buffer, (count - rows + a) * width + i)
            for row in range(count - 2 * rows + a, -1, -rows):
                total = total * splat(tau) + load(buffer, row * width + i)
            store(flat, ((a << log_b) + comb) * LANES + i, total)


@kernel
def _gather(tile: Words, comb: int, log_b: int, width: int, buffer: Words) -> None:
    flat = tile.reshape(-1)
    for a in range(buffer.size // width):
        for i in range(0, width, LANES):
            store(buffer, a * width + i, load(flat, ((a << log_b) + comb) * LANES + i))


@kernel
def _scatter(buffer: Words, comb: int, log_b: int, width: int, tile: Words) -> None:
    flat = tile.reshape(-1)
    for a in range(buffer.size // width):
        for i in range(0, width, LANES):
            store(flat, ((a << log_b) + comb) * LANES + i, load(buffer, a * width + i))


@kernel
def _low_out(
    scratch: Words,
    result: Words,
    first: int,
    start: int,
    stop: int,
    log_a: int,
    log_b: int,
    forward: bool,
    starts: Words,
    roots: Words,
) -> None:
    """Forward low levels of blocks `start .. stop - 1` of all tiles, and out to columns `first .. first + 15`."""
    block = 1 << log_b
    for index in range(start, stop):
        tile = scratch[index >> log_a]
        a = index & ((1 << log_a) - 1)
        if forward:
            _forward_levels(tile.reshape(-1)[a * block * LANES :], log_b, LANES, _heap(starts[index], roots, log_b))
        for row in range(0, block, LANES):
            rows = transpose(load_rows(tile, a * block + row, 0, tile.shape[0]))
            store_rows(result, first, index * block + row, result.shape[0], rows)


# ***** levels *****


@kernel
def _heap(shift: np.uint32, roots: Words, log_m: int) -> Words:
    """Twiddles `uint32[2][2^log_m]` of the coset shift * <w_m>: split j of level t is entry 2^t + j; 2 i and 2 i + 1 split the parts of i.

    Row 0 is the Montgomery word z = shift^(m / 2^(t + 1)) roots[j], row 1 is z / p mod 2^32. roots[j] is phi(j) / 2 of a turn.
    """
    heap = np.empty((2, 1 << log_m), dtype=np.uint32)
    for t in range(log_m - 1, -1, -1):
        size = 1 << t
        for j in range(0, size if size >= LANES else 0, LANES):
            z = splat(shift) * load(roots, j)
            store(heap, (0, size + j), z)
            store(heap, (1, size + j), prepare(z))
        for j in range(size if size < LANES else 0):
            heap[0, size + j] = mul(shift, roots[j])
            heap[1, size + j] = np.uint32(heap[0, size + j] * np.uint32(P_INVERSE))
        shift = mul(shift, shift)
    return heap


@kernel
def _forward_levels(values: Words, log_m: int, width: int, heap: Words) -> None:
    """2^log_m rows of `width` words, flat: all levels, two at a time after a first single one if their number is odd."""
    if log_m & 1:
        half = width << (log_m - 1)
        z, z_low = splat(heap[0, 1]), splat(heap[1, 1])
        for i in range(0, half, LANES):
            x, y = load(values, i), mul_prepared(load(values, i + half), z, z_low)
            store(values, i, x + y)
            store(values, i + half, x - y)
    for t in range(log_m & 1, log_m, 2):
        quarter = width << (log_m - t - 2)
        for j in range(1 << t):
            node = (1 << t) + j
            z0, z0_low = splat(heap[0, node]), splat(heap[1, node])
            z1, z1_low = splat(heap[0, 2 * node]), splat(heap[1, 2 * node])
            z2, z2_low = splat(heap[0, 2 * node + 1]), splat(heap[1, 2 * node + 1])
            for i in range(4 * j * quarter, (4 * j + 1) * quarter, LANES):
                a, b = load(values, i), load(values, i + quarter)
                c = mul_prepared(load(values, i + 2 * quarter), z0, z0_low)
                d = mul_prepared(load(values, i + 3 * quarter), z0, z0_low)
                left, right = mul_prepared(b + d, z1, z1_low), mul_prepared(b - d, z2, z2_low)
                store(values, i, a + c + left)
                store(values, i + quarter, a + c - left)
                store(values, i + 2 * quarter, a - c + right)
                store(values, i + 3 * quarter, a - c - right)


@kernel
def _inverse_levels(values: Words, log_m: int, width: int, heap: Words) -> None:
    """`_forward_levels` undone, up to a factor of 2^log_m; the heap is made of inverses."""
    for t in range(log_m - 2, -1, -2):
        quarter = width << (log_m - t - 2)
        for j in range(1 << t):
            node = (1 << t) + j
            z0, z0_low = splat(heap[0, node]), splat(heap[1, node])
            z1, z1_low = splat(heap[0, 2 * node]), splat(heap[1, 2 * node])
            z2, z2_low = splat(heap[0, 2 * node + 1]), splat(heap[1, 2 * node + 1])
            for i in range(4 * j * quarter, (4 * j + 1) * quarter, LANES):
                a, b = load(values, i), load(values, i + quarter)
                c, d = load(values, i + 2 * quarter), load(values, i + 3 * quarter)
                left, right = mul_prepared(a - b, z1, z1_low), mul_prepared(c - d, z2, z2_low)
                store(values, i, a + b + (c + d))
                store(values, i + quarter, left + right)
                store(values, i + 2 * quarter, mul_prepared(a + b - (c + d), z0, z0_low))
                store(values, i + 3 * quarter, mul_prepared(left - right, z0, z0_low))
    if log_m & 1:
        half = width << (log_m - 1)
        z, z_low = splat(heap[0, 1]), splat(heap[1, 1])
        for i in range(0, half, LANES):
            x, y = load(values, i), load(values, i + half)
            store(values, i, x + y)
            store(values, i + half, mul_prepared(x - y, z, z_low))
