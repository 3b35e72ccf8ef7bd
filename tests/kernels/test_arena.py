"""Memory that is lent: pieces never overlap, come back with the last view, and join their neighbours."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from zkc.runtime.kernels import arena
from zkc.runtime.kernels.arena import LARGE, Arena

SIZE = 64 << 20


def spans(arrays: list[np.ndarray]) -> list[tuple[int, int]]:
    return sorted((a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays)


@pytest.mark.parametrize("seed", range(3))
def test_pieces_never_overlap_and_all_come_back(seed: int) -> None:
    chosen, lender = random.Random(seed), Arena(SIZE)
    held: dict[int, np.ndarray] = {}
    for number in range(2000):
        piece = lender.lend(chosen.randrange(1, 6 << 20))
        if piece is not None:
            piece[:: 1 << 16] = number % 251
            held[number] = piece[:: 1 << 16]
        del piece
        while held and (len(held) > 20 or chosen.random() < 0.4):
            gone = chosen.choice(list(held))
            assert (held[gone] == gone % 251).all()
            del held[gone]
        found = spans(list(held.values()))
        assert all(a[1] <= b[0] for a, b in pairwise(found))
    held.clear()
    assert lender.free() == SIZE
    assert lender.lend(SIZE) is not None, "all of it is one piece again"


def test_a_view_keeps_its_piece() -> None:
    lender = Arena(SIZE)
    whole = lender.lend(SIZE)
    assert whole is not None
    view = whole.view(np.uint32).reshape(4, -1)[1:3, 5:9].T
    del whole
    gc.collect()
    assert lender.lend(1) is None
    del view
    assert lender.free() == SIZE


def test_pieces_end_in_any_thread() -> None:
    lender = Arena(SIZE)

    def borrow(number: int) -> bool:
        piece = lender.lend(1 << 20)
        if piece is None:
            return True
        piece[:] = number % 256
        return bool((piece == number % 256).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(borrow, range(2000)))
    assert lender.free() == SIZE


def test_zeros_are_zero_where_something_was() -> None:
    words = LARGE // 4
    for _ in range(3):
        found = arena.zeros(3, words)
        assert found.shape == (3, words) and found.dtype == np.uint32 and not found.any()
        found[:] = 7
        del found


def test_rows_of_parts_follow_each_other() -> None:
    parts = [np.arange(i, i + 2 * LARGE, dtype=np.uint32).reshape(2, -1) for i in range(3)]
    assert (arena.concatenate(parts) == np.concatenate(parts)).all()
    assert (arena.concatenate(iter([part[:, :3].copy() for part in parts])) == np.concatenate([part[:, :3] for part in parts])).all()


def test_what_is_given_back_to_the_system_can_be_lent_again() -> None:
    lender = Arena(SIZE)
    kept, gone = lender.lend(1 << 20), lender.lend(SIZE // 2)
    assert kept is not None and gone is not None
    kept[:], gone[:] = 5, 6
    del gone
    lender.trim()
    again = lender.lend(SIZE // 2)
    assert again is not None and (kept == 5).all() and not again.any(), "fresh pages are zero"


def test_without_room_arrays_are_ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on addresses must not stop a proof."""
    monkeypatch.setattr(arena, "_arenas", {})
    monkeypatch.setattr(arena, "machine_memory", lambda: 1 << 62)
    assert arena.empty(2, LARGE).shape == (2, LARGE)
    assert arena.arena().free() == 0
    arena.arena().trim()
    monkeypatch.setattr(arena, "_arenas", {})
    monkeypatch.setattr(arena, "machine_memory", lambda: 1 << 16)
    assert not arena.zeros(2, LARGE).any()


def test_a_forked_child_has_an_arena_of_its_own() -> None:
    script = """
import os
from zkc.runtime.kernels import arena
mine = arena.empty(1 << 20)
mine[:] = 1
child = os.fork()
if child == 0:
    other = arena.empty(1 << 20)
    other[:] = 2
    os._exit(0 if (mine == 1).all() else 1)
assert os.waitpid(child, 0)[1] == 0 and (mine == 1).all()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
