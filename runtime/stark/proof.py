"""The proof as bytes: fixed order, fixed sizes, no lengths inside. Everything but the table heights follows from circuit and parameters.

Reading is strict: every field element is below p, there are no trailing bytes, and a size is compared with the bytes that are left
before anything is allocated. Bad bytes raise VerificationError and nothing else. Field elements are little-endian Montgomery words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.errors import VerificationError
from zkc.runtime.hash.merkle import Opening
from zkc.runtime.stark.parameters import DEGREE, LOG_BLOWUP, MODULUS
from zkc.runtime.stark.shape import Group, Matrix, Shape, groups

DIGEST_BYTES: Final = 32
DIGEST_WORDS: Final = 8

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """What the transcript absorbs. openings: `uint32[openings][6]`; final: `uint32[2^log_final][6]`; roots are 32 bytes each."""

    roots: tuple[bytes, bytes, bytes]
    openings: Words
    layer_roots: tuple[bytes, ...]
    final: Words
    nonce: int


@dataclass(frozen=True)
class TreePlan:
    """Which leaves of each group of a tree are opened, in rising order, and how many siblings that takes. Height of the tree: `depth`."""

    groups: tuple[Group, ...]
    depth: int
    positions: tuple[Indices, ...]

    @property
    def group_positions(self) -> tuple[Indices, ...]:
        """Opened rows of each group: the positions in the layer with as many nodes as the group has leaves."""
        return tuple(self.positions[self.depth - group.log_height - LOG_BLOWUP] for group in self.groups)

    @property
    def shape(self) -> list[tuple[int, int]]:
        """(leaves, columns) of each group, tallest first."""
        return [(1 << (group.log_height + LOG_BLOWUP), group.width) for group in self.groups]

    @property
    def siblings(self) -> int:
        """Number of digests that complete the paths: of n positions in a layer with m parents, 2m - n siblings are missing."""
        pairs = zip(self.positions, self.positions[1:], strict=False)
        return sum(2 * len(above) - len(below) for below, above in pairs)


def tree_plan(tree: tuple[Group, ...], indices: Indices) -> TreePlan:
    """The plan for opening the leaves `indices` of the tallest group."""
    depth = tree[0].log_height + LOG_BLOWUP
    positions = [np.unique(indices)]
    for _ in range(depth):
        positions.append(np.unique(positions[-1] >> 1))
    return TreePlan(tree, depth, tuple(positions))


def layer_groups(shape: Shape) -> list[tuple[Group, ...]]:
    """FRI layer k as a tree of one group: 2^fold consecutive values a leaf. Heights are given as if extended by the blow-up."""
    height = shape.log_height
    out: list[tuple[Group, ...]] = []
    for fold in shape.folds:
        height -= fold
        out.append((Group(height, (Matrix(height, DEGREE << fold, 0),)),))
    return out


def plans(shape: Shape, indices: Indices) -> list[TreePlan]:
    """Plans for all trees: trace, LogUp, quotient, then every FRI layer, for query positions in the extended domain."""
    out = [tree_plan(groups(tree), indices) for tree in shape.trees]
    for layer, fold in zip(layer_groups(shape), shape.folds, strict=True):
        indices = indices >> fold
        out.append(tree_plan(layer, indices))
    return out


class Reader:
    """Reads words and digests from the front of `data`; raises VerificationError at the end or at a word that is no field element."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise VerificationError("the proof is too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def words(self, rows: int, columns: int) -> Words:
        """`uint32[rows][columns]`, any words."""
        return np.frombuffer(self.bytes(4 * rows * columns), dtype="<u4").reshape(rows, columns)

    def elements(self, rows: int, columns: int) -> Words:
        """`uint32[rows][columns]`, each below p."""
        words = self.words(rows, columns)
        if words.size and int(words.max()) >= MODULUS:
            raise VerificationError("the proof holds a word that is not a field element")
        return words

    def finish(self) -> None:
        if self.at != len(self.data):
            raise VerificationError("the proof is too long")


def read_log_heights(reader: Reader, tables: int) -> list[int]:
    """One byte for each table of the circuit, 0 for one without rows. Not checked here."""
    return list(reader.bytes(tables))


def read_head(reader: Reader, shape: Shape) -> Head:
    """Everything up to the queries."""
    roots = (reader.bytes(DIGEST_BYTES), reader.bytes(DIGEST_BYTES), reader.bytes(DIGEST_BYTES))
    openings = reader.elements(shape.openings, DEGREE)
    layer_roots = tuple(reader.bytes(DIGEST_BYTES) for _ in shape.folds)
    final = reader.elements(1 << shape.parameters.log_final, DEGREE)
    return Head(roots, openings, layer_roots, final, int.from_bytes(reader.bytes(8), "little"))


def read_openings(reader: Reader, plan: Sequence[TreePlan]) -> list[Opening]:
    """The opened leaves of every tree, and the end of the proof."""
    needed = sum(tree_bytes(tree) for tree in plan)
    if needed != len(reader.data) - reader.at:
        raise VerificationError(f"the proof has {len(reader.data)} bytes, {reader.at + needed} expected")
    out: list[Opening] = []
    for tree in plan:
        sizes = zip(tree.groups, tree.group_positions, strict=True)
        rows = tuple(reader.elements(len(positions), group.width) for group, positions in sizes)
        out.append(Opening(rows, reader.words(tree.siblings, DIGEST_WORDS)))
    reader.finish()
    return out


def tree_bytes(plan: TreePlan) -> int:
    """Encoded size of one tree's openings."""
    sizes = zip(plan.groups, plan.group_positions, strict=True)
    return 4 * sum(group.width * len(positions) for group, positions in sizes) + DIGEST_BYTES * plan.siblings


def expected_proof_bytes(shape: Shape) -> int:
    """Encoded size of a proof of this shape, but for the leaves and siblings that its queries happen to share: a percent or two."""
    queries = np.random.default_rng(0).integers(0, 1 << shape.log_extended, shape.parameters.queries)
    elements = shape.openings + (1 << shape.parameters.log_final)
    head = len(shape.log_heights) + DIGEST_BYTES * (3 + len(shape.folds)) + 4 * DEGREE * elements + 8
    return head + sum(tree_bytes(tree) for tree in plans(shape, queries))


def encode(log_heights: Sequence[int], head: Head, openings: Sequence[Opening]) -> bytes:
    """The proof's bytes."""
    parts = [bytes(log_heights), *head.roots, word_bytes(head.openings), *head.layer_roots, word_bytes(head.final)]
    parts.append(head.nonce.to_bytes(8, "little"))
    for opening in openings:
        parts += [*(word_bytes(rows) for rows in opening.rows), word_bytes(opening.siblings)]
    return b"".join(parts)


def word_bytes(words: Words) -> bytes:
    """Row-major little-endian words."""
    return np.ascontiguousarray(words, dtype="<u4").tobytes()
