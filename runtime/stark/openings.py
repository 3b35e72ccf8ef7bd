"""Merkle openings of many leaves at once: siblings that can be computed are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from runtime.hash.blake3 import hash_nodes, hash_rows, key_words
from runtime.stark.proof import DIGEST_WORDS, Opening, TreePlan

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]

LEAF_KEY: Final = b"zkc merkle leaf".ljust(32, b"\0")
NODE_KEY: Final = b"zkc merkle node".ljust(32, b"\0")
LEAF_WORDS: Final = key_words(LEAF_KEY)
NODE_WORDS: Final = key_words(NODE_KEY)


def missing(positions: Indices) -> Indices:
    """The siblings of sorted `positions` that are not among them, in rising order."""
    siblings = positions ^ 1
    return np.sort(siblings[~np.isin(siblings, positions)])


def open_tree(plan: TreePlan, layers: Sequence[Words], matrices: Sequence[Sequence[Words]]) -> Opening:
    """Rows of every group (its matrices, columns `uint32[k][n]`, given in order) and the missing siblings; layers[0] `uint32[leaves][8]`."""
    rows = tuple(
        np.concatenate([np.ascontiguousarray(columns[:, positions].T) for columns in group], axis=1)
        for group, positions in zip(matrices, plan.group_positions, strict=True)
    )
    siblings = [layer[missing(positions)] for layer, positions in zip(layers[:-1], plan.positions, strict=False)]
    return Opening(rows, np.concatenate([np.empty((0, DIGEST_WORDS), dtype=np.uint32), *siblings]))


def check_opening(plan: TreePlan, opening: Opening, root: bytes) -> bool:
    """True if the opened rows and the siblings lead to `root`."""
    hashes = {group.log_height: hash_rows([np.ascontiguousarray(rows.T)], LEAF_WORDS) for group, rows in zip(plan.groups, opening.rows, strict=True)}
    layer = hashes.pop(plan.groups[0].log_height)
    used = 0
    for level, here in enumerate(plan.positions[:-1]):
        absent = missing(here)
        known = np.concatenate([layer, opening.siblings[used : used + len(absent)]])
        used += len(absent)
        children = known[np.argsort(np.concatenate([here, absent]), kind="stable")]
        layer = hash_nodes(children, hashes.pop(plan.groups[0].log_height - level - 1, None), NODE_WORDS)
    return layer.tobytes() == root and not hashes and used == len(opening.siblings)


class Tree:
    """A committed tree with the columns that it commits to, by group of equal height, tallest first."""

    def __init__(self, groups: Sequence[Sequence[Words]]) -> None:
        self.groups = groups
        rows = {group[0].shape[1]: hash_rows(group, LEAF_WORDS) for group in groups}
        self.layers = [rows.pop(groups[0][0].shape[1])]
        while len(self.layers[-1]) > 1:
            self.layers.append(hash_nodes(self.layers[-1], rows.pop(len(self.layers[-1]) // 2, None), NODE_WORDS))

    @property
    def root(self) -> bytes:
        return self.layers[-1].tobytes()

    def open(self, plan: TreePlan) -> Opening:
        return open_tree(plan, self.layers, self.groups)
