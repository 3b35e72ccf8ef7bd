"""Matrices of one tree in memory: those of one height are rows of one array.

Transforms take sixteen columns at a time, whichever table they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P, add, mul, to_montgomery
from zkc.runtime.kernels.arena import empty, zeros
from zkc.runtime.poly.ntt import Tail, evaluate, extend, interpolate, last_words
from zkc.runtime.stark.parameters import second_coset, shift
from zkc.runtime.stark.shape import Layout

Words = npt.NDArray[np.uint32]


NO_WORDS: Final = np.empty((0, 0), dtype=np.uint32)


class Stack:
    """`views[k]` `uint32[unit * width][rows]` is matrix k, a part of the array of its height in `arrays`; an empty one is in none.

    rooms: by height, where the extension goes; the array is its end.
    """

    def __init__(self, layout: Layout, arrays: dict[int, Words] | None = None, rooms: dict[int, Words] | None = None) -> None:
        self.layout = layout
        self.arrays = empty_rows(layout) if arrays is None else arrays
        self.rooms = rooms or {}
        used = dict.fromkeys(self.arrays, 0)
        self.views: list[Words] = []
        for matrix in layout.matrices:
            start, size = used.get(matrix.log_height, 0), layout.unit * matrix.width
            used[matrix.log_height] = start + size
            self.views.append(self.arrays[matrix.log_height][start : start + size] if size else empty(0, 0))

    @staticmethod
    def in_room(layout: Layout, log_blowup: int) -> Stack:
        """Columns to be filled in, which are lost when they are extended: no other memory is needed for that. Thin ones are small."""
        rooms = {h: room for h, room in empty_arrays(layout, log_blowup).items() if h not in thin_heights(layout)}
        return Stack(layout, empty_rows(layout) | {h: last_words(room, log_blowup) for h, room in rooms.items()}, rooms)

    def extended(self, log_blowup: int) -> Stack:
        """All columns over the extended domains; none is thin."""
        return Stack(self.layout, {h: extend(array, shift(h), log_blowup, room=self.rooms.get(h)) for h, array in self.arrays.items()})

    def masked(self, log_blowup: int, masks: dict[int, Words]) -> Masked:
        """All columns, each f + (Y^m - 1) r with its mask r, m its rows; masks: by height, `uint32[unit * columns][.]`.

        Thin ones have room for it below their height, so that nothing is left above it or to ask of a second coset.
        """
        extended: dict[int, Words] = {}
        above: dict[int, Words] = {}
        second: dict[int, Words] = {}
        thin = thin_heights(self.layout)
        for log_height, array in self.arrays.items():
            own = masks[log_height]
            if log_height in thin:
                extended[log_height] = evaluate(thin_coefficients(array, own), shift(log_height), log_blowup)
                above[log_height] = second[log_height] = empty(len(array), 0)
                continue
            count, start = second_coset(log_height)
            residue = empty(len(array), count)
            tail = Tail(own, residue, pow(start, count, P))
            extended[log_height] = extend(array, shift(log_height), log_blowup, tail, self.rooms.get(log_height))
            over = np.uint32(to_montgomery((pow(start, 1 << log_height, P) - 1) % P))
            add_scaled(own, over, residue)
            above[log_height], second[log_height] = own, evaluate(residue, start)
        return Masked(Stack(self.layout, extended), Stack(self.layout, above), Stack(self.layout, second))


@dataclass(frozen=True, eq=False)
class Masked:
    """Columns over the extended domains, with their coefficients from Y^m on and their values on the second cosets, if they are masked."""

    extended: Stack
    masks: Stack | None = None
    values: Stack | None = None

    @property
    def second(self) -> Stack:
        """The values on the second cosets."""
        if self.values is None:
            raise ValueError("these columns are not masked: there is no second coset")
        return self.values


@kernel
def add_scaled(rows: Words, factor: np.uint32, out: Words) -> None:
    """out[:, i] += factor rows[:, i] for all rows and columns of `rows`."""
    for k in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            out[k, i] = add(out[k, i], mul(factor, rows[k, i]))


def thin_heights(layout: Layout) -> set[int]:
    """log2 of the heights of thin columns."""
    return {each.log_height for each in layout.classes if each.log_rows < each.log_height}


def thin_coefficients(columns: Words, masks: Words) -> Words:
    """`uint32[k][2m]`: coefficients of f + (Y^m - 1) r from the values of f on <w_m> `uint32[k][m]` and r `uint32[k][h]`, h below m."""
    k, rows = columns.shape
    out = zeros(k, 2 * rows)
    out[:, :rows] = interpolate(columns)
    out[:, rows : rows + masks.shape[1]] = masks
    add_scaled(masks, np.uint32(to_montgomery(P - 1)), out)
    return out


def empty_arrays(layout: Layout, log_blowup: int = 0) -> dict[int, Words]:
    """Room for the columns of each height, over domains that are larger by 2^log_blowup."""
    return {each.log_height: empty(layout.unit * len(each.columns), 1 << each.log_height + log_blowup) for each in layout.classes}


def empty_rows(layout: Layout) -> dict[int, Words]:
    """Room for the rows of the columns of each height."""
    return {each.log_height: empty(layout.unit * len(each.columns), 1 << each.log_rows) for each in layout.classes}


def first_rows(columns: Words, rows: int) -> Words:
    """The first `rows` rows, C-contiguous; the array itself if it has no more."""
    return np.ascontiguousarray(columns[:, :rows])
