"""Weighted sums with extension weights: products are added in 64 bits and reduced once.

Sums of sixteen rows are six coefficients times two vectors of eight 64-bit lanes (even rows, odd rows), held as twelve Packed. A lane
stays below K = p 2^32: two products may be added (K + 2 (p - 1)^2 < 2^64) before K is subtracted where it can be. Montgomery reduction
of a lane below K gives a word below p.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from zkc.runtime.field import emit, extension, koalabear
from zkc.runtime.field.compiled import intrinsic, kernel
from zkc.runtime.field.extension import DEGREE
from zkc.runtime.field.koalabear import P_INVERSE, P
from zkc.runtime.field.packed import LANES, lane, load, packed_type, store
from zkc.runtime.kernels.later import cgutils, types
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.stark.shape import StackClass

GROUP: Final = 8
"""Columns that are added to a sum between its load and its store."""
ROWS: Final = 1024
"""Rows a task; their sums (48 KiB) stay in the second-level cache."""

ROW_TILE: Final = 1 << 11
"""Rows a task when columns are summed; their weights in 64 bits (96 KiB) stay in the second-level cache."""

Words = npt.NDArray[np.uint32]
Wide = npt.NDArray[np.uint64]

HALF: Final = LANES // 2
WORDS: Final = ir.VectorType(emit.I32, LANES)
WIDE: Final = ir.VectorType(emit.I64, HALF)
LIMIT: Final = P << 32

assert LIMIT + 2 * (P - 1) ** 2 < 2**64 and 2 * (P - 1) ** 2 < LIMIT

# ***** columns *****


def add_slot_sums(columns: Words, each: StackClass, weights: Words, out: Words) -> None:
    """out[:, i stride] += sum of weights times the columns in slot i, `uint32[6][slots][rows]`, over all stacks of a class.

    columns: `uint32[unit * columns][rows]`, those of the class; weights `uint32[6][words]`; rows a multiple of 16.
    """
    full = len(columns) // each.unit - (each.polynomials - 1) * each.slots
    whole, short = spread_weights(weights), spread_weights(weights[:, : each.words - each.unit])
    tiles = -(-columns.shape[1] // ROWS)
    by_slot = (columns, each.log_slots, each.log_stride, each.unit, each.words, full, whole, short, out)
    parallel_for(lambda start, stop: _add_slots(*by_slot, tiles, start, stop), each.used * tiles, max(1, 4096 // columns.shape[1]))


@kernel
def _add_slots(
    columns: Words,
    log_slots: int,
    log_stride: int,
    unit: int,
    words: int,
    full: int,
    whole: Wide,
    short: Wide,
    out: Words,
    tiles: int,
    start: int,
    stop: int,
) -> None:
    """Tasks `start .. stop - 1`, of `tiles` a slot. The last stack has `full` slots; there the sum goes over all words."""
    for task in range(start, stop):
        slot, first = task // tiles, task % tiles * ROWS
        last = min(first + ROWS, columns.shape[1])
        if slot < full:
            _add_slot_rows(columns, slot, log_slots, unit, words, whole, out[:, slot << log_stride], first, last)
        else:
            _add_slot_rows(columns, slot, log_slots, unit, words - unit, short, out[:, slot << log_stride], first, last)


@kernel
def _add_slot_rows(
    columns: Words, slot: int, log_slots: int, unit: int, words: int, weights: Wide, out: Words, start: int, stop: int
) -> None:
    """`add_weighted_rows` over the words of one slot: word k is of stack k / unit, coefficient k mod unit."""
    sums = np.zeros(((stop - start) // LANES, 2 * DEGREE * LANES), dtype=np.uint32)
    where = np.empty(weights.shape[0], dtype=np.int64)
    for k in range(len(where)):
        j = min(k, words - 1)
        where[k] = (((j // unit) << log_slots) + slot) * unit + j % unit
    for group in range(0, words, GROUP):
        for i in range(sums.shape[0]):
            row = start + LANES * i
            total = load_sums(sums, i)
            for k in range(group, group + GROUP, 2):
                total = add_products(total, load(columns, (where[k], row)), load(columns, (where[k + 1], row)), weights, k)
            store_sums(sums, i, total)
    for i in range(sums.shape[0]):
        row = start + LANES * i
        extension.store_packed(out, 0, row, extension.add(extension.load_packed(out, 0, row), reduced(load_sums(sums, i))))


def spread_weights(weights: Words) -> Wide:
    """`uint64[k'][6][8]`: weights `uint32[6][k]` in all lanes, k' a multiple of GROUP, filled up with zeros."""
    count = weights.shape[1]
    out = np.zeros((-(-count // GROUP) * GROUP, DEGREE, HALF), dtype=np.uint64)
    out[:count] = weights.T[:, :, None]
    return out


@kernel
def add_weighted_rows(columns: Words, first: int, weights: Wide, out: Words, start: int, stop: int) -> None:
    """out += sum of weights[i] columns[i] for rows `start .. stop - 1` of `out`, from rows `start - first` on of at least one column.

    Columns pass in groups, so that few streams are open at a time: columns of 2^k rows compete for the same lines of a cache.
    """
    sums = np.zeros(((stop - start) // LANES, 2 * DEGREE * LANES), dtype=np.uint32)
    last = columns.shape[0] - 1
    for group in range(0, columns.shape[0], GROUP):
        for i in range(sums.shape[0]):
            row = start - first + LANES * i
            total = load_sums(sums, i)
            for k in range(group, group + GROUP, 2):
                total = add_products(total, load(columns, (min(k, last), row)), load(columns, (min(k + 1, last), row)), weights, k)
            store_sums(sums, i, total)
    for i in range(sums.shape[0]):
        row = start + LANES * i
        extension.store_packed(out, 0, row, extension.add(extension.load_packed(out, 0, row), reduced(load_sums(sums, i))))


@kernel
def load_sums(words: Words, slot: int) -> Any:
    """Sums from row `slot` of `uint32[.][192]`."""
    return (load(words, (slot, 0)), load(words, (slot, 16)), load(words, (slot, 32)), load(words, (slot, 48)),
            load(words, (slot, 64)), load(words, (slot, 80)), load(words, (slot, 96)), load(words, (slot, 112)),
            load(words, (slot, 128)), load(words, (slot, 144)), load(words, (slot, 160)), load(words, (slot, 176)))  # fmt: skip


@kernel
def store_sums(words: Words, slot: int, value: Any) -> None:
    """Sums to row `slot` of `uint32[.][192]`."""
    for k in range(2 * DEGREE):
        store(words, (slot, LANES * k), value[k])


def weighted_row_sums(columns: Words, weights: Words) -> Words:
    """`uint32[k][6]`: for each column of `uint32[k][n]` the sum of its rows times weights `uint32[6][n]`; n a multiple of 32."""
    count, rows = columns.shape
    parts = np.empty((-(-rows // ROW_TILE), count, DEGREE), dtype=np.uint32)
    parallel_for(lambda start, stop: _row_sums(columns, weights, parts[start // ROW_TILE], start, stop), rows, ROW_TILE)
    return (parts.sum(axis=0, dtype=np.uint64) % P).astype(np.uint32)


@kernel
def _row_sums(columns: Words, weights: Words, out: Words, start: int, stop: int) -> None:
    """Rows `start .. stop - 1`, all columns, into `out` `uint32[k][6]`."""
    vectors = (stop - start) // LANES
    halves = np.empty((vectors, 2 * DEGREE, HALF), dtype=np.uint64)
    for i in range(vectors):
        for c in range(DEGREE):
            for j in range(HALF):
                halves[i, 2 * c, j] = weights[c, start + LANES * i + 2 * j]
                halves[i, 2 * c + 1, j] = weights[c, start + LANES * i + 2 * j + 1]
    for k in range(columns.shape[0]):
        total = constant_sums(np.zeros((1, DEGREE, HALF), dtype=np.uint64), 0)
        for i in range(0, vectors, 2):
            row = start + LANES * i
            total = add_row_products(total, load(columns, (k, row)), load(columns, (k, row + LANES)), halves, i)
        words = reduced(total)
        for c in range(DEGREE):
            out[k, c] = 0
            for j in range(LANES):
                out[k, c] = koalabear.add(out[k, c], lane(words[c], j))


# ***** sums *****

def _sums_type() -> Any:
    return types.UniTuple(packed_type(), 2 * DEGREE)


@intrinsic
def constant_sums(typingctx: Any, weights: Any, number: Any) -> Any:
    """`constant_sums(weights, i)`: sums that reduce to weights[i], of `spread_weights`: that times 2^32."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
        parts = [b.shl(_weight(context, b, sig.args[0], args[0], args[1], c), emit.constant(WIDE, 32)) for c in range(DEGREE)]
        return context.make_tuple(b, _sums_type(), [b.bitcast(part, WORDS) for part in parts for _ in range(2)])

    return _sums_type()(weights, types.intp), emitter


def _weight(context: Any, b: emit.Builder, kind: Any, weights: Any, number: Any, coefficient: int) -> Any:
    """The eight lanes `weights[number, coefficient]` of `uint64[.][.][8]`, known to be below 2^32."""
    struct = context.make_array(kind)(context, b, weights)
    indices = [number, ir.Constant(emit.I64, coefficient), ir.Constant(emit.I64, 0)]
    pointer = cgutils.get_item_pointer(context, b, kind, struct, indices, wraparound=False)
    lanes = b.load(b.bitcast(pointer, WIDE.as_pointer()))
    lanes.align = 8
    return b.and_(lanes, emit.constant(WIDE, 0xFFFFFFFF))


def _limited(b: emit.Builder, total: Any) -> Any:
    """total - K where that is not negative."""
    return emit.smaller(b, total, b.sub(total, emit.constant(WIDE, LIMIT)))


def _products(row_weights: bool) -> Any:
    """`add_products`, or with weights of their own for the even and the odd rows `add_row_products`."""

    @intrinsic
    def products(typingctx: Any, sums: Any, x: Any, y: Any, weights: Any, number: Any) -> Any:
        def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
            totals = [b.bitcast(v, WIDE) for v in cgutils.unpack_tuple(b, args[0])]
            for offset, value in enumerate(args[1:3]):
                halves = emit.halves(b, value)
                at = b.add(args[4], ir.Constant(emit.I64, offset))
                for k in range(2 * DEGREE):
                    weight = _weight(context, b, sig.args[3], args[3], at, k if row_weights else k // 2)
                    totals[k] = b.add(totals[k], b.mul(halves[k % 2], weight))
            return context.make_tuple(b, _sums_type(), [b.bitcast(_limited(b, total), WORDS) for total in totals])

        return _sums_type()(sums, x, y, weights, types.intp), emitter

    return products


add_products = _products(False)
"""`add_products(sums, x, y, weights, i)`: sums + x weights[i] + y weights[i + 1]; x, y Packed below p, weights of `spread_weights`."""
add_row_products = _products(True)
"""The same with weights `uint64[.][12][8]`: for each coefficient those of the even rows, then those of the odd rows."""


@intrinsic
def reduced(typingctx: Any, sums: Any) -> Any:
    """`reduced(sums)`: six Packed."""
    kind = types.UniTuple(packed_type(), DEGREE)

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
        parts = cgutils.unpack_tuple(b, args[0])
        return context.make_tuple(b, kind, [_reduced(b, parts[2 * c], parts[2 * c + 1]) for c in range(DEGREE)])

    return kind(sums), emitter


def _reduced(b: emit.Builder, even: Any, odd: Any) -> Any:
    """One coefficient's sixteen words."""
    lows = [k for i in range(HALF) for k in (2 * i, LANES + 2 * i)]
    highs = [k + 1 for k in lows]
    quotient = b.mul(emit.shuffle(b, even, odd, lows), emit.constant(WORDS, P_INVERSE))
    back = [b.bitcast(b.mul(half, emit.constant(WIDE, P)), WORDS) for half in emit.halves(b, quotient)]
    return emit.sub(b, emit.shuffle(b, even, odd, highs), emit.shuffle(b, back[0], back[1], highs))
