"""The proof as bytes: fixed order, fixed sizes, no lengths inside. Everything but the heights follows from circuit and parameters.

Reading is strict: every field element is below p, there are no trailing bytes, and a size is compared with the bytes that are left
before anything is allocated. Bad bytes raise VerificationError and nothing else. Field elements are little-endian Montgomery words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.errors import VerificationError
from zkc.runtime.hash.merkle import parents
from zkc.runtime.stark.parameters import DEGREE, LOG_FIXED_TOP, MODULUS
from zkc.runtime.stark.shape import Shape

DIGEST_BYTES: Final = 32
DIGEST_WORDS: Final = 8

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """What the transcript absorbs. openings: `uint32[openings][6]`; final: `uint32[final][6]`; roots are 32 bytes each."""

    roots: tuple[bytes, bytes, bytes]
    openings: Words
    layer_roots: tuple[bytes, ...]
    final: Words
    nonce: int


@dataclass(frozen=True, eq=False)
class Opening:
    """Of one tree: `rows` `uint32[k][width]`, and `siblings` `uint32[s][8]`, the digests that complete the paths (see `Tree.siblings`).

    Of a tree of columns, the rows are the opened leaves. Of a FRI layer, they are the values (width 6) of the opened leaves that do not
    follow from what is before: those at the positions that are looked up are computed by the verifier.
    """

    rows: Words
    siblings: Words


@dataclass(frozen=True, eq=False)
class TreePlan:
    """What is opened of a tree of 2^depth leaves: `leaves`, ascending and distinct; `rows` rows of `width` words, and `siblings` digests.

    Paths end in the layer of 2^log_top nodes.
    """

    depth: int
    log_top: int
    leaves: Indices
    rows: int
    width: int

    @cached_property
    def siblings(self) -> int:
        """Number of digests that complete the paths: of n positions in a layer with m parents, 2m - n siblings are missing."""
        count, below = 0, self.leaves
        for _ in range(self.depth - self.log_top):
            above = parents(below)
            count, below = count + 2 * len(above) - len(below), above
        return count

    @property
    def bytes(self) -> int:
        """Encoded size."""
        return 4 * self.width * self.rows + DIGEST_BYTES * self.siblings


@dataclass(frozen=True, eq=False)
class LayerPlan(TreePlan):
    """A FRI layer, 2^fold values a leaf: `positions` are looked up, ascending and distinct; `missing` are the others of their leaves."""

    fold: int
    positions: Indices
    missing: Indices


def distinct(positions: Indices) -> Indices:
    """Ascending, each once; as `np.unique`, which imports masked arrays for it."""
    found = np.sort(positions)
    return np.concatenate([found[:1], found[1:][found[1:] != found[:-1]]])


def tree_plans(shape: Shape, positions: Indices) -> list[TreePlan]:
    """Plans for the trees of columns, for distinct query positions, ascending. A lower tree has one row for 2^k of the domain."""
    out: list[TreePlan] = []
    for tree in shape.trees:
        leaves = distinct(positions >> (shape.log_height - tree.log_height))
        depth = tree.log_height + shape.parameters.log_blowup
        out.append(TreePlan(depth, min(LOG_FIXED_TOP, depth) if tree is shape.fixed else 0, leaves, len(leaves), tree.words))
    return out


def layer_plans(shape: Shape, positions: Indices) -> list[LayerPlan]:
    """Plans for the FRI layers."""
    out: list[LayerPlan] = []
    depth = shape.log_extended
    for fold in shape.folds:
        depth -= fold
        leaves = distinct(positions >> fold)
        missing = np.setdiff1d(((leaves << fold)[:, None] + np.arange(1 << fold)).reshape(-1), positions, assume_unique=True)
        out.append(LayerPlan(depth, 0, leaves, len(missing), DEGREE, fold, positions, missing))
        positions = leaves
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


def read_heights(reader: Reader, tables: int) -> list[int]:
    """The height of each table of the circuit, 0 of one that is absent. Not checked here."""
    return reader.words(1, tables)[0].tolist()


def read_head(reader: Reader, shape: Shape) -> Head:
    """Everything up to the queries."""
    roots = (reader.bytes(DIGEST_BYTES), reader.bytes(DIGEST_BYTES), reader.bytes(DIGEST_BYTES))
    openings = reader.elements(shape.openings, DEGREE)
    layer_roots = tuple(reader.bytes(DIGEST_BYTES) for _ in shape.folds)
    final = reader.elements(shape.final, DEGREE)
    return Head(roots, openings, layer_roots, final, int.from_bytes(reader.bytes(8), "little"))


def read_openings(reader: Reader, plan: Sequence[TreePlan]) -> list[Opening]:
    """What is opened of every tree, and the end of the proof."""
    needed = sum(tree.bytes for tree in plan)
    if needed != len(reader.data) - reader.at:
        raise VerificationError(f"the proof has {len(reader.data)} bytes, {reader.at + needed} expected")
    openings = [Opening(reader.elements(tree.rows, tree.width), reader.words(tree.siblings, DIGEST_WORDS)) for tree in plan]
    reader.finish()
    return openings


def expected_proof_bytes(shape: Shape) -> int:
    """Encoded size of a proof of this shape, but for the leaves and siblings that its queries happen to share: a percent or two."""
    positions = distinct(np.array(random.Random(0).choices(range(1 << shape.log_extended), k=shape.parameters.queries), dtype=np.int64))
    elements = shape.openings + shape.final
    head = 4 * len(shape.heights) + DIGEST_BYTES * (3 + len(shape.folds)) + 4 * DEGREE * elements + 8
    return head + sum(plan.bytes for plan in (*tree_plans(shape, positions), *layer_plans(shape, positions)))


def encode(heights: Sequence[int], head: Head, openings: Sequence[Opening]) -> bytes:
    """The proof's bytes."""
    parts = [word_bytes(np.array(heights)), *head.roots, word_bytes(head.openings), *head.layer_roots, word_bytes(head.final)]
    parts.append(head.nonce.to_bytes(8, "little"))
    for opening in openings:
        parts += [word_bytes(opening.rows), word_bytes(opening.siblings)]
    return b"".join(parts)


def word_bytes(words: Words) -> bytes:
    """Row-major little-endian words."""
    return np.ascontiguousarray(words, dtype="<u4").tobytes()
