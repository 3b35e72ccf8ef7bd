"""What a proof is masked with: random field elements and salts, from the operating system. See docs/rationale/hiding.md.

A column f of height m is committed to as f + (Y^m - 1) r, r random with as many coefficients as values that depend on it are opened: these
are then independent of f. A leaf ends with a salt, so that the hash of one that is not opened tells nothing of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.extension import DEGREE
from zkc.runtime.field.koalabear import P
from zkc.runtime.field.packed import LANES
from zkc.runtime.hash.merkle import leaf_hashes
from zkc.runtime.stark.parameters import SALT_WORDS
from zkc.runtime.stark.shape import Layout, Shape

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]

KEY_WORDS: Final = 8
CHUNK: Final = 1 << 20
"""Words asked of the system at a time."""


def random_elements(rows: int, columns: int) -> Words:
    """`uint32[rows][columns]`, uniform below p and independent: words of 31 bits, those of p and above thrown away."""
    out, at = np.empty(rows * columns, dtype=np.uint32), 0
    while at < out.size:
        wanted = min(out.size - at, CHUNK)
        words = np.frombuffer(os.urandom(4 * (wanted + wanted // 64 + 8)), dtype=np.uint32) & np.uint32(2**31 - 1)
        found = words[words < P][:wanted]
        out[at : at + len(found)] = found
        at += len(found)
    return out.reshape(rows, columns)


def masks_of(layout: Layout, masks: int, twice: int | None = None) -> dict[int, Words]:
    """By log2 of the height: `uint32[columns][h]`, the masks r of the base columns of a tree; h a multiple of 16.

    twice: number of the extension column, the last of its height, that has twice as many coefficients.
    """
    found: dict[int, Words] = {}
    for each in layout.classes:
        columns, width = layout.unit * len(each.columns), rounded(2 * masks if twice in each.columns else masks)
        found[each.log_height] = np.zeros((columns, width), dtype=np.uint32)
        found[each.log_height][:, :masks] = random_elements(columns, masks)
        if twice in each.columns:
            found[each.log_height][-DEGREE:, masks : 2 * masks] = random_elements(DEGREE, masks)
    return found


def rounded(count: int) -> int:
    """The next multiple of 16: what transforms take."""
    return -(-count // LANES) * LANES


def random_polynomial(shape: Shape) -> tuple[Words, Words]:
    """Coefficients below n and from n on, `uint32[6][.]` each, of a random polynomial below the degree bound."""
    return random_elements(DEGREE, shape.height), random_elements(DEGREE, shape.degree_bound - shape.height)


@dataclass(frozen=True, eq=False)
class Salts:
    """Pseudo-random salts: of leaf b the first words of the hash of a secret key, which is used for nothing else, and b."""

    key: Words

    @staticmethod
    def fresh() -> Salts:
        """With a key of the operating system."""
        return Salts(np.frombuffer(os.urandom(4 * KEY_WORDS), dtype=np.uint32))

    def of(self, leaves: Indices) -> Words:
        """`uint32[5][leaves]`, field elements."""
        padded = rounded(len(leaves))
        rows = np.zeros((KEY_WORDS + 1, padded), dtype=np.uint32)
        rows[:KEY_WORDS] = self.key[:, None]
        rows[KEY_WORDS, : len(leaves)] = leaves
        words = leaf_hashes(rows)[: len(leaves), :SALT_WORDS].T & np.uint32(2**31 - 1)
        return np.where(words < P, words, words - np.uint32(P))
