"""The prover's commitment to the columns of one tree: stacked by height (see shape.StackClass), hashed chunk by chunk, opened by position.

The stacked polynomials are nowhere in memory as a whole: a chunk of their values is made from the columns, hashed and forgotten, and opened
rows are computed from the columns again. The verifier's side of a tree is `hash.merkle.verify_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.hash.merkle import Tree, checked_positions, digest_words, leaf_hashes, tree_over
from zkc.runtime.kernels.arena import empty
from zkc.runtime.kernels.threads import parallel_for
from zkc.runtime.poly.domain import turns
from zkc.runtime.stark.fri import opened_points
from zkc.runtime.stark.hiding import Salts
from zkc.runtime.stark.parameters import LOG_FIXED_TOP, SALT_WORDS
from zkc.runtime.stark.proof import Opening
from zkc.runtime.stark.shape import StackClass, fixed_layout, log_fixed_height
from zkc.runtime.stark.stacking import level_shifts, stack_rows, stack_values
from zkc.runtime.stark.stacks import Stack

LOG_CHUNK: Final = 14
"""log2 of the rows hashed at a time: what one stack needs of them (two of 64 KiB) stays in the second-level cache."""
TASK: Final = 4
"""Stacked polynomials made by one task."""

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


class Commitment:
    """A tree, with its columns over the extended domains. Leaves end with a row of `mask` `uint32[.][N]`, if any, and a salt, if any."""

    def __init__(self, columns: Stack, log_blowup: int, salts: Salts | None = None, mask: Words | None = None) -> None:
        self.columns, self.layout, self.salts, self.mask = columns, columns.layout, salts, mask
        self.log_rows = self.layout.log_height + log_blowup
        self.tree: Tree = tree_over(self._leaf_hashes())

    @property
    def root(self) -> bytes:
        return self.tree.root

    def open(self, positions: Indices, log_top: int = 0) -> Opening:
        """The rows at these positions (ascending, distinct), and the siblings up to the layer of 2^log_top nodes."""
        checked_positions(positions, 1 << self.log_rows)
        out = np.empty((self.layout.words, len(positions)), dtype=np.uint32)
        x = opened_points(positions, self.layout.log_height, self.log_rows - self.layout.log_height)
        for each in self.layout.classes:
            array = self.columns.arrays[each.log_height]
            for word in range(each.words):
                stack_values(array, *_slots(each, word), each.log_slots, positions, x, out[each.word + word])
        self._blind(positions, out)
        return Opening(np.ascontiguousarray(out.T), self.tree.siblings(positions, log_top))

    def _leaf_hashes(self) -> Words:
        """`uint32[2^log_rows][8]`."""
        deepest = max(each.log_slots for each in self.layout.classes)
        size = 1 << min(self.log_rows, max(LOG_CHUNK, deepest + 4))
        chunk = empty(self.layout.words, size)
        hashes = empty(1 << self.log_rows, 8)
        half_turns = turns(self.log_rows - 1, 1)
        tasks = [(each, word) for each in self.layout.classes for word in range(0, each.words, TASK)]
        for first in range(0, 1 << self.log_rows, size):

            def work(start: int, stop: int, first: int = first) -> None:
                for each, word in tasks[start:stop]:
                    self._fill(each, range(word, min(word + TASK, each.words)), first, half_turns, chunk)

            parallel_for(work, len(tasks), 1)
            self._blind(np.arange(first, first + size), chunk)
            hashes[first : first + size] = leaf_hashes(chunk)
        return hashes

    def _blind(self, rows: Indices, out: Words) -> None:
        """The random words of these leaves, the last ones of `out` `uint32[words][rows]`."""
        if self.mask is not None:
            first = self.layout.column_words
            out[first : first + len(self.mask)] = self.mask[:, rows]
        if self.salts is not None:
            out[-SALT_WORDS:] = self.salts.of(rows)

    def _fill(self, each: StackClass, words: range, first: int, half_turns: Words, chunk: Words) -> None:
        """Rows `first …` of some words of a class, to `chunk`."""
        array, rows = self.columns.arrays[each.log_height], chunk.shape[1] >> each.log_slots
        shifts = level_shifts(each.log_height, each.log_slots)
        buffers = np.empty((2, chunk.shape[1] if each.log_slots else 0), dtype=np.uint32)
        for word in words:
            slots = _slots(each, word)
            stack_rows(array, *slots, first >> each.log_slots, rows, half_turns, shifts, buffers, chunk[each.word + word])


def _slots(each: StackClass, word: int) -> tuple[int, int, int]:
    """Of one word of a class: the row of its array that is slot 0, the step to the next slot, and how many slots are used."""
    polynomial, coefficient = divmod(word, each.unit)
    return polynomial * each.slots * each.unit + coefficient, each.unit, each.used_in(polynomial)


# ***** fixed columns *****


@lru_cache(maxsize=4)
def fixed_commitment(circuit: Circuit, log_blowup: int) -> Commitment | None:
    """The tree of the fixed columns of all tables, the same in every proof; None if there are none."""
    layout = fixed_layout(circuit, log_fixed_height(circuit))
    if layout is None:
        return None
    columns = Stack(layout)
    for table, view in zip((t for t in circuit.tables if len(t.fixed)), columns.views, strict=True):
        view[:] = table.fixed
        to_montgomery(view)
    return Commitment(columns.extended(log_blowup), log_blowup)


def compiled_fixed_top(circuit: Circuit, log_blowup: int) -> bytes:
    """The digests of `fixed_top` as the circuit holds them; nothing if there are no fixed columns."""
    commitment = fixed_commitment(circuit, log_blowup)
    return commitment.tree.top(LOG_FIXED_TOP).astype("<u4").tobytes() if commitment else b""


@dataclass(frozen=True, eq=False)
class FixedTree:
    """What a verifier knows of the tree of fixed columns: its root, and the layer in which paths end (nothing without fixed columns)."""

    root: bytes
    top: Words


@lru_cache(maxsize=16)
def fixed_tree(circuit: Circuit, log_blowup: int) -> FixedTree:
    """From the circuit as compiled, which its digest covers; a circuit that has no tree on board is committed to here."""
    found = circuit.fixed_tops.get(log_blowup)
    top = digest_words(compiled_fixed_top(circuit, log_blowup) if found is None else found)
    return FixedTree(tree_over(top).root if len(top) else b"", top)
