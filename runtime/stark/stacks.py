"""Matrices of one tree in memory: those of one height are rows of one array.

Transforms take sixteen columns at a time, whichever table they belong to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zkc.runtime.poly.ntt import extend
from zkc.runtime.stark.parameters import shift
from zkc.runtime.stark.shape import Layout

Words = npt.NDArray[np.uint32]


class Stack:
    """`views[k]` `uint32[unit * width][rows]` is matrix k, a part of the array of its height in `arrays`; an empty one is in none."""

    def __init__(self, layout: Layout, arrays: dict[int, Words] | None = None) -> None:
        self.layout = layout
        self.arrays = empty_arrays(layout) if arrays is None else arrays
        used = dict.fromkeys(self.arrays, 0)
        self.views: list[Words] = []
        for matrix in layout.matrices:
            start, size = used.get(matrix.log_height, 0), layout.unit * matrix.width
            used[matrix.log_height] = start + size
            self.views.append(self.arrays[matrix.log_height][start : start + size] if size else empty(0, 0))

    def extended(self, log_blowup: int) -> Stack:
        """All columns over the extended domains."""
        return Stack(self.layout, {h: extend(array, shift(h), log_blowup) for h, array in self.arrays.items()})


def empty_arrays(layout: Layout) -> dict[int, Words]:
    """Room for the columns of each height."""
    return {each.log_height: empty(layout.unit * len(each.columns), 1 << each.log_height) for each in layout.classes}


def empty(columns: int, rows: int) -> Words:
    """`uint32[columns][rows]`, not initialised."""
    return np.empty((columns, rows), dtype=np.uint32)


def first_rows(columns: Words, rows: int) -> Words:
    """The first `rows` rows, C-contiguous; the array itself if it has no more."""
    return np.ascontiguousarray(columns[:, :rows])
