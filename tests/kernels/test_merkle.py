"""The mixed-height tree against a direct recursive definition, and openings against every kind of tampering."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import blake3
import numpy as np
import pytest

from zkc.runtime.field.koalabear import P
from zkc.runtime.hash import merkle
from zkc.runtime.hash.merkle import Opening, Tree

Words = np.ndarray[Any, np.dtype[np.uint32]]
WIDTHS = [(3, 32), (2, 8), (20, 32), (1, 8), (300, 2)]


def matrices(widths: list[tuple[int, int]]) -> list[Words]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, P, shape, dtype=np.uint32) for shape in widths]


def node(given: list[Words], size: int, index: int) -> bytes:
    """The definition: the digest of node `index` in the layer of `size` nodes."""
    tallest = max(matrix.shape[1] for matrix in given)
    same = [matrix[:, index] for matrix in given if matrix.shape[1] == size]
    row = blake3.blake3(np.concatenate(same).tobytes(), key=merkle.LEAF_KEY.tobytes()).digest() if same else b""
    if size == tallest:
        return row
    left, right = (node(given, 2 * size, 2 * index + side) for side in range(2))
    return blake3.blake3(left + right + row, key=merkle.NODE_KEY.tobytes()).digest()


@pytest.mark.parametrize("widths", [WIDTHS, WIDTHS[:1], [(4, 1)], [(1, 16), (1, 1)]])
def test_root(widths: list[tuple[int, int]]) -> None:
    given = matrices(widths)
    assert merkle.commit(given).root == node(given, 1, 0)


def opened(indices: list[int]) -> tuple[Tree, Opening]:
    tree = merkle.commit(matrices(WIDTHS))
    return tree, merkle.open_many(tree, indices)


@pytest.mark.parametrize("indices", [[0], [31], [4, 5], [0, 3, 9, 30, 31], list(range(32))])
def test_openings_verify(indices: list[int]) -> None:
    tree, opening = opened(indices)
    assert tree.shape == ((32, 23), (8, 3), (2, 300))
    assert merkle.verify_many(tree.root, tree.shape, indices, opening)
    tall = np.concatenate([matrix for matrix in tree.groups[0]])
    assert (opening.rows[0] == tall[:, indices].T).all()
    assert len(opening.rows[1]) == len({i >> 2 for i in indices})
    assert not merkle.verify_many(bytes(32), tree.shape, indices, opening)


def test_siblings_are_shared() -> None:
    assert [len(opened(indices)[1].siblings) for indices in ([0], [0, 1], [0, 31], list(range(32)))] == [5, 4, 8, 0]


def changed(words: Words, place: tuple[int, ...], by: int) -> Words:
    result = words.copy()
    result[place] = np.uint32((int(result[place]) + by) % 2**32)
    return result


def test_tampering_is_found() -> None:
    indices = [0, 3, 9, 30]
    tree, good = opened(indices)
    bad = [replace(good, siblings=changed(good.siblings, (k, 7), 1)) for k in range(len(good.siblings))]
    bad += [
        replace(good, rows=tuple(changed(rows, (r, 0), by) if g == k else rows for g, rows in enumerate(good.rows)))
        for k in range(3)
        for r in range(len(good.rows[k]))
        for by in (1, P)
    ]
    bad += [replace(good, siblings=good.siblings[:-1]), replace(good, siblings=np.concatenate([good.siblings, good.siblings[-1:]]))]
    bad += [replace(good, siblings=good.siblings[:, :7]), replace(good, siblings=good.siblings.astype(np.uint64))]
    bad += [
        replace(good, rows=good.rows[:-1]),
        replace(good, rows=(good.rows[0][:, :-1], *good.rows[1:])),
        replace(good, rows=good.rows[::-1]),
    ]
    bad += [replace(good, rows=(good.rows[0][::-1], *good.rows[1:]))]
    assert not any(merkle.verify_many(tree.root, tree.shape, indices, opening) for opening in bad)
    assert not merkle.verify_many(tree.root, tree.shape, [1, 3, 9, 30], good)


@pytest.mark.parametrize("indices", [[], [1, 1], [2, 1], [32], [-1]])
def test_bad_indices(indices: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        opened(indices)


def test_group_rows() -> None:
    columns = np.arange(48, dtype=np.uint32).reshape(2, 24)
    grouped = merkle.group_rows(columns, 8)
    assert grouped.shape == (16, 3)
    assert grouped[:, 1].tolist() == [*range(8, 16), *range(32, 40)]
    with pytest.raises(ValueError, match="powers of two"):
        merkle.commit([grouped])
