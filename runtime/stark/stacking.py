"""Stacks on the extended domain: F(X) = sum_i X^i f_i(X^K) from the values of K columns f_i on a domain shorter by K, in log2 K levels.

One level halves the columns and doubles the rows: h(Z) = f(Z^2) + Z f'(Z^2) for f = f_i, f' = f_(i + K/2). In bit-reversed order rows 2b
and 2b + 1 of h are its values at z and -z, where z^2 is the point of row b. So this is the end of a transform that the columns have begun.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import emit
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.field.compiled import intrinsic, kernel
from zkc.runtime.field.koalabear import add, mul
from zkc.runtime.field.packed import LANES, load, packed_type, splat, store
from zkc.runtime.kernels.arena import empty
from zkc.runtime.kernels.later import types
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import turns
from zkc.runtime.stark.parameters import shift

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]

ROWS: Final = 1 << 11


def level_shifts(log_height: int, levels: int) -> Words:
    """The shifts of the domains that `levels` levels lead to, from columns of 2^log_height rows on; Montgomery."""
    words = np.array([shift(log_height + level + 1) for level in range(levels)], dtype=np.uint32)
    to_montgomery(words)
    return words


@intrinsic
def interleave(typingctx: Any, x: Any, y: Any) -> Any:
    """`interleave(x, y)`: x0 y0 x1 y1 … as two Packed."""
    kind = types.UniTuple(packed_type(), 2)

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> Any:
        picks = [k for i in range(LANES) for k in (i, LANES + i)]
        return context.make_tuple(b, kind, [emit.shuffle(b, args[0], args[1], half) for half in (picks[:LANES], picks[LANES:])])

    return kind(packed_type(), packed_type()), emitter


@kernel
def _level(source: Words, target: Words, rows: int, half: int, used: int, points: Words, first: int, scale: np.uint32) -> None:
    """One level over rows `first …` of a domain: columns of `rows` words, flat in `source`, `used` of 2 half of them not zero.

    points[b]: z of row b over `scale`, the shift of the new domain.
    """
    for r in range(0, rows, LANES):
        z = splat(scale) * load(points, first + r)
        for i in range(min(half, used)):
            x = load(source, i * rows + r)
            pair = interleave(x, x)
            if i + half < used:
                y = z * load(source, (i + half) * rows + r)
                pair = interleave(x + y, x - y)
            store(target, 2 * (i * rows + r), pair[0])
            store(target, 2 * (i * rows + r) + LANES, pair[1])


@kernel
def stack_rows(
    columns: Words, column: int, step: int, used: int, first: int, rows: int, points: Words, shifts: Words, work: Words, out: Words
) -> None:
    """Rows `first K … (first + rows) K - 1` of one stack into `out` `uint32[rows K]`, K = 2^len(shifts); rows a multiple of 16.

    Slot i < used is `columns[column + i step]`, the others are zero. points: `turns(_, 1)`. work: `uint32[2][rows K]`.
    """
    half = 1 << len(shifts) >> 1
    source = out if half == 0 else work[0]
    for i in range(used):
        for r in range(0, rows, LANES):
            store(source, i * rows + r, load(columns, (column + i * step, first + r)))
    for level in range(len(shifts)):
        target = out if level + 1 == len(shifts) else work[(level + 1) & 1]
        _level(work[level & 1], target, rows, half, used, points, first, shifts[level])
        rows, first, used, half = 2 * rows, 2 * first, min(half, used), half >> 1


@kernel
def stack_values(columns: Words, column: int, step: int, used: int, log_slots: int, rows: Indices, x: Words, out: Words) -> None:
    """out[q] = F at row rows[q] of the domain, whose point is x[q]; slots as in `stack_rows`."""
    for q in range(len(rows)):
        row = rows[q] >> log_slots
        total = columns[column + (used - 1) * step, row]
        for i in range(used - 2, -1, -1):
            total = add(mul(total, x[q]), columns[column + i * step, row])
        out[q] = total


def spread(values: Words, log_height: int) -> Words:
    """One level for six coefficients: `uint32[6][2k][n]` on the extended domain of 2^log_height to `uint32[6][k][2n]` on the next."""
    count, columns, rows = values.shape
    out = empty(count, columns // 2, 2 * rows)
    points, scale = turns(rows.bit_length() - 1, 1), level_shifts(log_height, 1)[0]
    parallel_for(lambda start, stop: _spread_rows(values, out, points, scale, start, stop), rows, ROWS)
    return out


@kernel
def _spread_rows(values: Words, out: Words, points: Words, scale: np.uint32, start: int, stop: int) -> None:
    half = out.shape[1]
    for r in range(start, stop, LANES):
        z = splat(scale) * load(points, r)
        for c in range(values.shape[0]):
            for i in range(half):
                x, y = load(values, (c, i, r)), z * load(values, (c, i + half, r))
                pair = interleave(x + y, x - y)
                store(out, (c, i, 2 * r), pair[0])
                store(out, (c, i, 2 * r + LANES), pair[1])
