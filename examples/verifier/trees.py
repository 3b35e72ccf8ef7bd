"""Section 3, Merkle trees: leaves that are opened, and the siblings that complete their paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .blake3 import blake3
from .refused import require

LEAF_KEY = b"zkc merkle tree: row of matrices"
NODE_KEY = b"zkc merkle tree: inner node....."
LOG_FIXED_TOP = 13
DIGEST = 32


def leaf_hash(leaf: bytes) -> bytes:
    return blake3(leaf, LEAF_KEY)


def node_hash(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, NODE_KEY)


def distinct(positions: Iterable[int]) -> list[int]:
    """Rising, each once."""
    return sorted(set(positions))


def siblings_needed(positions: Sequence[int], levels: int) -> int:
    """How many hashes complete the paths of the leaves at these positions, `levels` levels up."""
    count, here = 0, set(positions)
    for _ in range(levels):
        count += sum(1 for i in here if i ^ 1 not in here)
        here = {i >> 1 for i in here}
    return count


def check_paths(leaves: Mapping[int, bytes], siblings: Sequence[bytes], known: Sequence[bytes], depth: int) -> None:
    """The leaves of a tree of 2^depth lead to the nodes `known`, a whole layer: the root alone, or the upper layer of the fixed tree."""
    layer, rest = {i: leaf_hash(leaf) for i, leaf in leaves.items()}, iter(siblings)
    for _ in range(depth - (len(known).bit_length() - 1)):
        here = sorted(layer)
        for i in here:
            if i ^ 1 not in layer:
                layer[i ^ 1] = next(rest)
        layer = {i: node_hash(layer[2 * i], layer[2 * i + 1]) for i in distinct(i >> 1 for i in here)}
    require(all(known[i] == node for i, node in layer.items()), "an opened leaf does not lead to its root")
