"""The mixed-height Merkle tree over table rows, with openings of many rows at once.

At the bottom are the hashes of the rows of the tallest matrices. Going up, where a layer has as many nodes as shorter matrices have rows,
their row hash enters the node: H(left | right | row hash). A row is all columns of all matrices of its height, in order. Big row b of a
tree of height n sees row b >> log2(n / m) of a matrix of height m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.blake3 import hash_nodes, hash_rows, key_words

Words = npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]
Shape = Sequence[tuple[int, int]]

LEAF_KEY: Final = key_words(b"zkc merkle tree: row of matrices".ljust(32, b"."))
NODE_KEY: Final = key_words(b"zkc merkle tree: inner node".ljust(32, b"."))


@dataclass(frozen=True, eq=False)
class Tree:
    """A commitment and all it was made of. groups: matrices by falling height; layers: digests `uint32[m][8]`, from bottom to root."""

    groups: tuple[tuple[Words, ...], ...]
    layers: tuple[Words, ...]

    @property
    def root(self) -> bytes:
        """The 32 bytes of the root."""
        return self.layers[-1].astype("<u4").tobytes()

    @property
    def shape(self) -> tuple[tuple[int, int], ...]:
        """(height, columns) of each group, heights falling."""
        return tuple((group[0].shape[1], sum(len(matrix) for matrix in group)) for group in self.groups)


@dataclass(frozen=True, eq=False)
class Opening:
    """Opened rows and what is missing to hash up to the root.

    rows: per group `uint32[q][columns]`, one for each distinct position, ascending. siblings: `uint32[s][8]`, layer by layer from the
    bottom, ascending, only those that do not follow from the rows.
    """

    rows: tuple[Words, ...]
    siblings: Words


def commit(matrices: Sequence[Words]) -> Tree:
    """The tree over `uint32[k_i][n_i]`, C-contiguous, every n_i a power of two; matrices of one height stay in order."""
    heights = sorted({matrix.shape[1] for matrix in matrices}, reverse=True)
    if any(height & (height - 1) or not height for height in heights):
        raise ValueError(f"heights must be powers of two: {heights}")
    groups = tuple(tuple(matrix for matrix in matrices if matrix.shape[1] == height) for height in heights)
    hashes = {height: hash_rows(group, LEAF_KEY) for height, group in zip(heights, groups, strict=True)}
    layers = [hashes[heights[0]]]
    while len(layers[-1]) > 1:
        layers.append(hash_nodes(layers[-1], hashes.get(len(layers[-1]) // 2), NODE_KEY))
    return Tree(groups, tuple(layers))


def open_many(tree: Tree, indices: Sequence[int] | Positions) -> Opening:
    """Open rows of the tallest matrices by number (ascending, distinct), and the rows of the shorter ones that they see."""
    height = len(tree.layers[0])
    positions = _checked(indices, height)
    rows = []
    for group in tree.groups:
        seen = np.unique(positions // (height // group[0].shape[1]))
        rows.append(np.concatenate([matrix[:, seen].T for matrix in group], axis=1))
    siblings = []
    for layer in tree.layers[:-1]:
        siblings.append(layer[_missing(positions)])
        positions = np.unique(positions >> 1)
    return Opening(tuple(rows), np.concatenate([np.empty((0, 8), dtype=np.uint32), *siblings]))


def verify_many(root: bytes, shape: Shape, indices: Sequence[int] | Positions, opening: Opening) -> bool:
    """Whether the opening has exactly the rows of these indices (ascending, distinct), words below p, in a tree of this shape and root.

    shape: (height, columns) by falling height, powers of two, from the verifier's own knowledge.
    """
    height = shape[0][0]
    positions = _checked(indices, height)
    seen = [np.unique(positions // (height // h)) for h, _ in shape]
    if [rows.shape for rows in opening.rows] != [(len(s), columns) for s, (_, columns) in zip(seen, shape, strict=True)]:
        return False
    if any(rows.dtype != np.uint32 or (rows >= P).any() for rows in opening.rows):
        return False
    hashes = {h: hash_rows([np.ascontiguousarray(rows.T)], LEAF_KEY) for (h, _), rows in zip(shape, opening.rows, strict=True)}
    digests, siblings = hashes[height], opening.siblings
    while height > 1:
        count = len(_missing(positions))
        children = _children(positions, digests, siblings[:count])
        if children is None:
            return False
        siblings, positions, height = siblings[count:], np.unique(positions >> 1), height // 2
        digests = hash_nodes(children, hashes.get(height), NODE_KEY)
    return len(siblings) == 0 and digests.astype("<u4").tobytes() == root


def group_rows(columns: Words, size: int) -> Words:
    """The leaves of a FRI layer, `uint32[k * size][n / size]`: row r holds, column by column, rows size r .. size r + size - 1."""
    k, n = columns.shape
    return np.ascontiguousarray(columns.reshape(k, n // size, size).transpose(0, 2, 1)).reshape(k * size, n // size)


def _checked(indices: Sequence[int] | Positions, height: int) -> Positions:
    positions = np.asarray(indices, dtype=np.int64)
    if positions.ndim != 1 or positions.size == 0 or positions[0] < 0 or positions[-1] >= height or (np.diff(positions) <= 0).any():
        raise ValueError(f"indices must be ascending, distinct and below {height}")
    return positions


def _missing(positions: Positions) -> Positions:
    """Neighbours that are not among the (ascending, distinct) positions."""
    return np.setdiff1d(positions ^ 1, positions, assume_unique=True)


def _children(positions: Positions, digests: Words, siblings: Words) -> Words | None:
    """Digests of both children of every parent, in order; None if there are not enough siblings or they are malformed."""
    missing = _missing(positions)
    if siblings.shape != (len(missing), 8) or siblings.dtype != np.uint32:
        return None
    order = np.argsort(np.concatenate([positions, missing]), kind="stable")
    return np.concatenate([digests, siblings])[order]
