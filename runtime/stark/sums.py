"""Weighted sums of many base columns with extension weights: products are added in 64 bits and reduced once.

Sixteen sums are two vectors of eight 64-bit lanes (even rows, odd rows) for each of six coefficients. A lane stays below K = p 2^32: two products
may be added (K + 2 (p - 1)^2 < 2^64) before K is subtracted where it can be. Montgomery reduction of a lane below K gives a word below p.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils

from runtime.field import emit
from runtime.field.compiled import intrinsic, kernel
from runtime.field.extension import DEGREE
from runtime.field.koalabear import P, P_INVERSE
from runtime.field.packed import LANES, load, packed, store
from runtime.threads import parallel_for

GROUP: Final = 8
"""Columns that are added to a sum between its load and its store."""
ROWS: Final = 1024
"""Rows a task; their sums (48 KiB) stay in the second-level cache."""

Words = npt.NDArray[np.uint32]
Wide = npt.NDArray[np.uint64]

HALF: Final = LANES // 2
WIDE: Final = ir.VectorType(emit.I64, HALF)
LIMIT: Final = P << 32

assert LIMIT + 2 * (P - 1) ** 2 < 2**64 and 2 * (P - 1) ** 2 < LIMIT


def add_weighted_columns(columns: Words, weights: Words, out: Words) -> None:
    """out += sum of weights[:, i] columns[i]; columns `uint32[k][n]`, weights `uint32[6][k]`, out `uint32[6][n]`; n a multiple of 16."""
    if len(columns):
        spread = spread_weights(weights)
        parallel_for(lambda start, stop: _add_rows(columns, spread, out, start, stop), columns.shape[1], ROWS)


def spread_weights(weights: Words) -> Wide:
    """`uint64[k'][6][8]`: weights `uint32[6][k]` in all lanes, k' a multiple of GROUP, filled up with zeros."""
    count = weights.shape[1]
    out = np.zeros((-(-count // GROUP) * GROUP, DEGREE, HALF), dtype=np.uint64)
    out[:count] = weights.T[:, :, None]
    return out


@kernel
def _add_rows(columns: Words, weights: Wide, out: Words, start: int, stop: int) -> None:
    sums = np.zeros(((stop - start) // LANES, 2 * DEGREE, HALF), dtype=np.uint64)
    for first in range(0, weights.shape[0], GROUP):
        for i in range(sums.shape[0]):
            _add_group(columns, first, columns.shape[0] - 1, start + LANES * i, weights, sums, i)
    for i in range(sums.shape[0]):
        row = start + LANES * i
        for c in range(DEGREE):
            store(out, (c, row), load(out, (c, row)) + _reduced(sums, i, 2 * c))


def _lanes(context: Any, b: emit.Builder, array_type: Any, array: Any, indices: list[Any]) -> Any:
    """Pointer to the eight lanes `array[i, j]` of `uint64[.][.][8]`."""
    struct = context.make_array(array_type)(context, b, array)
    pointer = cgutils.get_item_pointer(context, b, array_type, struct, [*indices, ir.Constant(emit.I64, 0)], wraparound=False)
    return b.bitcast(pointer, WIDE.as_pointer())


def _read(b: emit.Builder, pointer: Any) -> Any:
    value = b.load(pointer)
    value.align = 8
    return value


def _limited(b: emit.Builder, total: Any) -> Any:
    """total - K where that is not negative."""
    return emit.smaller(b, total, b.sub(total, emit.constant(WIDE, LIMIT)))


@intrinsic
def _add_group(typingctx: Any, columns: Any, first: Any, last: Any, row: Any, weights: Any, sums: Any, slot: Any) -> Any:
    """sums[slot] += weights[first + g] times rows `row .. row + 15` of columns `first + g`, g < GROUP; column `last` stands in for later ones."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
        def at(value: Any, offset: int) -> Any:
            return b.add(value, ir.Constant(emit.I64, offset))

        places = [_lanes(context, b, sig.args[5], args[5], [args[6], ir.Constant(emit.I64, k)]) for k in range(2 * DEGREE)]
        totals = [_read(b, place) for place in places]
        struct = context.make_array(sig.args[0])(context, b, args[0])
        for g in range(GROUP):
            number = at(args[1], g)
            column = b.select(b.icmp_signed("<", number, args[2]), number, args[2])
            pointer = cgutils.get_item_pointer(context, b, sig.args[0], struct, [column, args[3]], wraparound=False)
            x = b.load(b.bitcast(pointer, ir.VectorType(emit.I32, LANES).as_pointer()))
            x.align = 4
            halves = emit.halves(b, x)
            for c in range(DEGREE):
                weight = _read(b, _lanes(context, b, sig.args[4], args[4], [number, ir.Constant(emit.I64, c)]))
                weight = b.and_(weight, emit.constant(WIDE, 0xFFFFFFFF))
                for half in range(2):
                    total = b.add(totals[2 * c + half], b.mul(halves[half], weight))
                    totals[2 * c + half] = _limited(b, total) if g % 2 else total
        for place, total in zip(places, totals, strict=True):
            b.store(total, place).align = 8
        return context.get_dummy_value()

    return types.void(columns, types.intp, types.intp, types.intp, weights, sums, types.intp), emitter


@intrinsic
def _reduced(typingctx: Any, sums: Any, slot: Any, number: Any) -> Any:
    """The sixteen words of sums[slot, number] (even rows) and sums[slot, number + 1] (odd rows)."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
        after = b.add(args[2], ir.Constant(emit.I64, 1))
        words = ir.VectorType(emit.I32, LANES)
        even, odd = (b.bitcast(_read(b, _lanes(context, b, sig.args[0], args[0], [args[1], k])), words) for k in (args[2], after))
        lows = [k for i in range(HALF) for k in (2 * i, LANES + 2 * i)]
        highs = [k + 1 for k in lows]
        quotient = b.mul(emit.shuffle(b, even, odd, lows), emit.constant(words, P_INVERSE))
        back = [b.bitcast(b.mul(half, emit.constant(WIDE, P)), words) for half in emit.halves(b, quotient)]
        return emit.sub(b, emit.shuffle(b, even, odd, highs), emit.shuffle(b, back[0], back[1], highs))

    return packed(sums, types.intp, types.intp), emitter
