"""Matrices of one tree in memory: those of one height are rows of one array.

Transforms take sixteen columns at a time, whichever table they belong to, and a leaf of the tree is a row of the whole array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.poly.ntt import extend
from zkc.runtime.stark.parameters import LOG_BLOWUP
from zkc.runtime.stark.shape import Matrix

Words = npt.NDArray[np.uint32]


class Stack:
    """`views[k]` `uint32[width][rows]` is matrix k, a part of the array of its height in `arrays`; matrices of width 0 are in no array."""

    def __init__(self, matrices: Sequence[Matrix], arrays: dict[int, Words] | None = None) -> None:
        self.matrices = matrices
        self.arrays = empty_arrays(matrices) if arrays is None else arrays
        used = dict.fromkeys(self.arrays, 0)
        self.views: list[Words] = []
        for matrix in matrices:
            start = used.get(matrix.log_height, 0)
            used[matrix.log_height] = start + matrix.width
            self.views.append(self.arrays[matrix.log_height][start : start + matrix.width] if matrix.width else empty(0, 0))

    def extended(self, shift: Callable[[int], int]) -> Stack:
        """All columns over the extended domains; shift: from log2 of the height."""
        arrays = {h: extend(array, shift(h), LOG_BLOWUP) for h, array in self.arrays.items()}
        return Stack(self.matrices, arrays)


def empty_arrays(matrices: Sequence[Matrix]) -> dict[int, Words]:
    """Room for the matrices of each height."""
    widths: dict[int, int] = {}
    for matrix in matrices:
        if matrix.width:
            widths[matrix.log_height] = widths.get(matrix.log_height, 0) + matrix.width
    return {h: empty(width, 1 << h) for h, width in widths.items()}


def empty(columns: int, rows: int) -> Words:
    """`uint32[columns][rows]`, not initialised."""
    return np.empty((columns, rows), dtype=np.uint32)
