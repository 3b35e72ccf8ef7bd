"""Merkle trees over rows of equal length, with openings of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.blake3 import hash_nodes, hash_rows, key_words

Words = npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]

LEAF_KEY: Final = key_words(b"zkc merkle tree: row of matrices".ljust(32, b"."))
NODE_KEY: Final = key_words(b"zkc merkle tree: inner node".ljust(32, b"."))


@dataclass(frozen=True, eq=False)
class Tree:
    """layers: digests `uint32[m][8]`, from the leaves to the root."""

    layers: tuple[Words, ...]

    @property
    def root(self) -> bytes:
        """The 32 bytes of the root."""
        return self.layers[-1].astype("<u4").tobytes()

    def top(self, log_nodes: int) -> Words:
        """`uint32[2^log_nodes][8]`: the layer of so many nodes, or the leaves where there are fewer of them."""
        return self.layers[max(0, len(self.layers) - 1 - log_nodes)]

    def siblings(self, indices: Sequence[int] | Positions, log_top: int = 0) -> Words:
        """`uint32[s][8]`: what is missing to hash these leaves (ascending, distinct) up to the root, layer by layer, each ascending.

        Or up to the layer `top(log_top)`.
        """
        positions = checked_positions(indices, len(self.layers[0]))
        found = [np.empty((0, 8), dtype=np.uint32)]
        for layer in self.layers[: max(0, len(self.layers) - 1 - log_top)]:
            found.append(layer[_missing(positions)])
            positions = parents(positions)
        return np.concatenate(found)


def leaf_hashes(columns: Words) -> Words:
    """`uint32[n][8]`: the hash of each row of `uint32[k][n]`, C-contiguous."""
    return hash_rows([columns], LEAF_KEY)


def tree_over(hashes: Words) -> Tree:
    """The tree with these leaf hashes `uint32[n][8]`, n a power of two."""
    if len(hashes) & (len(hashes) - 1) or not len(hashes):
        raise ValueError(f"a tree has a power of two of leaves, not {len(hashes)}")
    layers = [hashes]
    while len(layers[-1]) > 1:
        layers.append(hash_nodes(layers[-1], NODE_KEY))
    return Tree(tuple(layers))


def digest_words(root: bytes) -> Words:
    """`uint32[1][8]`: a root as the top layer of its tree."""
    return np.frombuffer(root, dtype="<u4").reshape(-1, 8).astype(np.uint32)


def verify_rows(top: Words, depth: int, indices: Sequence[int] | Positions, rows: Words, siblings: Words) -> bool:
    """Whether a tree of 2^depth leaves has the rows `uint32[q][k]` at these indices (ascending, distinct).

    top: `uint32[2^i][8]`, a layer of the tree that is known: the root, or one below it. siblings: as of `Tree.siblings`, no more and no
    less. Words must be below p.
    """
    positions = checked_positions(indices, 1 << depth)
    if rows.dtype != np.uint32 or rows.shape[:1] != positions.shape or (rows >= P).any():
        return False
    digests = leaf_hashes(np.ascontiguousarray(rows.T))
    for _ in range(depth + 1 - len(top).bit_length()):
        count = len(_missing(positions))
        children = _children(positions, digests, siblings[:count])
        if children is None:
            return False
        siblings, positions = siblings[count:], parents(positions)
        digests = hash_nodes(children, NODE_KEY)
    return len(siblings) == 0 and np.array_equal(digests, top[positions])


def group_rows(columns: Words, size: int) -> Words:
    """The leaves of a FRI layer, `uint32[k * size][n / size]`: row r holds, column by column, rows size r .. size r + size - 1."""
    k, n = columns.shape
    return np.ascontiguousarray(columns.reshape(k, n // size, size).transpose(0, 2, 1)).reshape(k * size, n // size)


def checked_positions(indices: Sequence[int] | Positions, height: int) -> Positions:
    """The indices as an array; ValueError unless they are ascending, distinct and below `height`."""
    positions = np.asarray(indices, dtype=np.int64)
    if positions.ndim != 1 or positions.size == 0 or positions[0] < 0 or positions[-1] >= height or (np.diff(positions) <= 0).any():
        raise ValueError(f"indices must be ascending, distinct and below {height}")
    return positions


@kernel
def parents(positions: Positions) -> Positions:
    """The distinct halves of ascending positions."""
    out = np.empty(len(positions), dtype=np.int64)
    count = 0
    for position in positions:
        if count == 0 or out[count - 1] != position >> 1:
            out[count] = position >> 1
            count += 1
    return out[:count]


@kernel
def _missing(positions: Positions) -> Positions:
    """Neighbours that are not among the (ascending, distinct) positions."""
    out = np.empty(len(positions), dtype=np.int64)
    count = 0
    for i in range(len(positions)):
        other = positions[i] ^ 1
        before = i > 0 and positions[i - 1] == other
        after = i + 1 < len(positions) and positions[i + 1] == other
        if not (before or after):
            out[count] = other
            count += 1
    return out[:count]


def _children(positions: Positions, digests: Words, siblings: Words) -> Words | None:
    """Digests of both children of every parent, in order; None if there are not enough siblings or they are malformed."""
    if siblings.shape != (len(_missing(positions)), 8) or siblings.dtype != np.uint32:
        return None
    out = np.empty((2 * len(parents(positions)), 8), dtype=np.uint32)
    _merge(positions, digests, np.ascontiguousarray(siblings), out)
    return out


@kernel
def _copy(out: Words, place: int, digests: Words, i: int) -> None:
    """Word by word: Numba takes more than a second to compile an assignment of arrays, with the text of what may be wrong with it."""
    for word in range(8):
        out[place, word] = digests[i, word]


@kernel
def _merge(positions: Positions, digests: Words, siblings: Words, out: Words) -> None:
    """Each digest beside its neighbour's, or beside the next sibling where the neighbour is not among the positions."""
    place = used = i = 0
    while i < len(positions):
        side = positions[i] & 1
        _copy(out, place + side, digests, i)
        if i + 1 < len(positions) and positions[i + 1] == positions[i] ^ 1:
            i += 1
            _copy(out, place + 1, digests, i)
        else:
            _copy(out, place + 1 - side, siblings, used)
            used += 1
        place, i = place + 2, i + 1
