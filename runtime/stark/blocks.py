"""Blocks of rows in the second-level cache: columns of a table are copied there, evaluated, and worked on.

Columns of 2^k rows compete for the same lines of a cache; a block's columns are LANES words longer than its rows, so that they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.packed import LANES, load, store
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.stark.evaluators import Evaluate

BLOCK: Final = 1024
"""Rows evaluated at a time: a few hundred values of them stay in the second-level cache."""

Words = npt.NDArray[np.uint32]


def block_of(columns: int) -> Words:
    """Room for a block: `uint32[columns][BLOCK + 16]`, not initialised."""
    return np.empty((columns, BLOCK + LANES), dtype=np.uint32)


@kernel
def copy_rows(columns: Words, start: int, stop: int, block: Words, first: int) -> None:
    """Rows `start .. stop - 1` of `columns` to the front of columns `first` and later of `block`."""
    for c in range(columns.shape[0]):
        for row in range(start, stop, LANES):
            store(block, (first + c, row - start), load(columns, (c, row)))


def for_blocks(parts: Sequence[Words], evaluate: Evaluate, values: int, work: Callable[[Words, int, int], None]) -> None:
    """`work(scratch, start, stop)` for all blocks of rows: scratch holds the `values` values of `evaluate` on rows `start .. stop - 1`.

    parts: columns of the table, committed and fixed, `uint32[.][n]` each.
    """
    width = sum(len(part) for part in parts)

    def tile(start: int, stop: int) -> None:
        local, scratch = block_of(width), block_of(values)
        first = 0
        for part in parts:
            copy_rows(part, start, stop, local, first)
            first += len(part)
        evaluate(local, 0, stop - start, scratch)
        work(scratch, start, stop)

    parallel_for(tile, parts[0].shape[1], BLOCK)
