"""The tree against a direct recursive definition, and openings against every kind of tampering."""

from __future__ import annotations

from typing import Any

import blake3
import numpy as np
import pytest

from zkc.runtime.field.koalabear import P
from zkc.runtime.hash import merkle
from zkc.runtime.hash.merkle import Tree, digest_words, leaf_hashes, tree_over, verify_rows

Words = np.ndarray[Any, np.dtype[np.uint32]]
DEPTH = 5
INDICES = [[0], [31], [4, 5], [0, 3, 9, 30, 31], list(range(32))]


def columns(width: int = 23, rows: int = 1 << DEPTH) -> Words:
    return np.random.default_rng(1).integers(0, P, (width, rows), dtype=np.uint32)


def node(given: Words, size: int, index: int) -> bytes:
    """The definition: the digest of node `index` in the layer of `size` nodes."""
    if size == given.shape[1]:
        return blake3.blake3(given[:, index].tobytes(), key=merkle.LEAF_KEY.tobytes()).digest()
    left, right = (node(given, 2 * size, 2 * index + side) for side in range(2))
    return blake3.blake3(left + right, key=merkle.NODE_KEY.tobytes()).digest()


@pytest.mark.parametrize(("width", "rows"), [(3, 32), (4, 1), (300, 2), (1, 16)])
def test_root(width: int, rows: int) -> None:
    given = columns(width, rows)
    assert merkle.tree_over(merkle.leaf_hashes(given)).root == node(given, 1, 0)


def opened(indices: list[int], log_top: int = 0) -> tuple[Tree, Words, Words]:
    given = columns()
    tree = merkle.tree_over(merkle.leaf_hashes(given))
    return tree, given[:, indices].T.copy(), tree.siblings(indices, log_top)


@pytest.mark.parametrize("log_top", [0, 1, 3, 5, 9])
@pytest.mark.parametrize("indices", INDICES)
def test_openings_verify(indices: list[int], log_top: int) -> None:
    tree, rows, siblings = opened(indices, log_top)
    top = tree.top(log_top)
    assert len(top) == 1 << min(log_top, DEPTH)
    assert merkle.verify_rows(top, DEPTH, indices, rows, siblings)
    wrong = top.copy()
    wrong[:, 7] ^= 1
    assert not merkle.verify_rows(wrong, DEPTH, indices, rows, siblings)


def test_root_is_the_top() -> None:
    tree, rows, siblings = opened([3, 17])
    assert merkle.digest_words(tree.root).tolist() == tree.top(0).tolist()
    assert not merkle.verify_rows(merkle.digest_words(bytes(32)), DEPTH, [3, 17], rows, siblings)


def test_siblings_are_shared() -> None:
    assert [len(opened(indices)[2]) for indices in ([0], [0, 1], [0, 31], list(range(32)))] == [5, 4, 8, 0]


def changed(words: Words, place: tuple[int, ...], by: int) -> Words:
    result = words.copy()
    result[place] = np.uint32((int(result[place]) + by) % 2**32)
    return result


def test_tampering_is_found() -> None:
    indices = [0, 3, 9, 30]
    tree, rows, siblings = opened(indices)
    bad = [(rows, changed(siblings, (k, word), 1)) for k in range(len(siblings)) for word in (0, 7)]
    bad += [(changed(rows, (r, c), by), siblings) for r in range(len(rows)) for c in (0, 22) for by in (1, P)]
    bad += [(rows, siblings[:-1]), (rows, np.concatenate([siblings, siblings[-1:]])), (rows, siblings[::-1])]
    bad += [(rows, siblings[:, :7]), (rows, siblings.astype(np.uint64))]
    bad += [(rows[:-1], siblings), (rows[:, :-1], siblings), (rows[::-1], siblings), (rows.astype(np.uint64), siblings)]
    assert merkle.verify_rows(tree.top(0), DEPTH, indices, rows, siblings)
    assert not any(merkle.verify_rows(tree.top(0), DEPTH, indices, *pair) for pair in bad)
    assert not merkle.verify_rows(tree.top(0), DEPTH, [1, 3, 9, 30], rows, siblings)
    assert not merkle.verify_rows(tree.top(0), DEPTH + 1, indices, rows, siblings)


@pytest.mark.parametrize("indices", [[], [1, 1], [2, 1], [32], [-1], [1, 32], [1, 2, 2], [1, 3, 2], [-1, 1], [[1]]])
def test_bad_indices(indices: Any) -> None:
    tree, rows, siblings = opened([1])
    with pytest.raises(ValueError, match="ascending"):
        tree.siblings(indices)
    with pytest.raises(ValueError, match="ascending"):
        merkle.verify_rows(tree.top(0), DEPTH, indices, rows, siblings)


def test_group_rows() -> None:
    given = np.arange(48, dtype=np.uint32).reshape(2, 24)
    grouped = merkle.group_rows(given, 8)
    assert grouped.shape == (16, 3)
    assert grouped[:, 1].tolist() == [*range(8, 16), *range(32, 40)]
    with pytest.raises(ValueError, match="power of two"):
        merkle.tree_over(merkle.leaf_hashes(grouped))


def test_rows_hold_field_elements() -> None:
    """A tree over words of p or more, which anyone can make: its paths are right, the rows are refused."""
    for word, allowed in ((P - 1, True), (P, False), (P + 1, False), (2**31, False), (2**32 - 1, False)):
        for row, column in ((0, 0), (7, 0), (0, 4), (7, 4), (3, 2)):
            rows = np.zeros((8, 5), dtype=np.uint32)
            rows[row, column] = word
            tree = tree_over(leaf_hashes(np.ascontiguousarray(rows.T)))
            assert verify_rows(digest_words(tree.root), 3, range(8), rows, tree.siblings(range(8))) == allowed


def test_rows_are_as_many_as_positions_and_of_words() -> None:
    rows = np.arange(40, dtype=np.uint32).reshape(8, 5)
    tree = tree_over(leaf_hashes(np.ascontiguousarray(rows.T)))
    top, siblings = digest_words(tree.root), tree.siblings([2, 5])
    assert verify_rows(top, 3, [2, 5], rows[[2, 5]], siblings)
    two = rows[[2, 5]]
    for wrong in (two[:1], rows[[2, 5, 5]], rows[:0], two.astype(np.int64), two.astype(np.uint64), two.reshape(-1)):
        assert not verify_rows(top, 3, [2, 5], wrong, siblings)
    for wrong in (siblings[:-1], np.concatenate([siblings, siblings[:1]]), siblings[:0], siblings[:, :7], siblings.astype(np.int64)):
        assert not verify_rows(top, 3, [2, 5], rows[[2, 5]], wrong)
    for word in range(8):
        other = top.copy()
        other[0, word] ^= 1
        assert not verify_rows(other, 3, [2, 5], rows[[2, 5]], siblings)


def test_no_tree_without_leaves() -> None:
    for count in (0, 3, 6, 7):
        with pytest.raises(ValueError, match="a power of two of leaves"):
            tree_over(np.zeros((count, 8), dtype=np.uint32))
