"""The runtime's page hash against the oracle, as the page tree and the journal use it."""

from __future__ import annotations

import numpy as np

from tests.machine_runtime.plain_poseidon2 import FINAL, INITIAL, INTERNAL, PlainHasher, diagonal
from tests.machine_runtime.support import DATA, MAP
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.hash.poseidon2 import Poseidon2, Poseidon2Parameters
from zkc.runtime.memory.image import Image, PageTree
from zkc.runtime.receipts.claims import journal_state

PARAMETERS = (np.array(numbers, np.uint32) for numbers in (INITIAL + FINAL, INTERNAL, diagonal()))
HASHER = Poseidon2(Poseidon2Parameters(*PARAMETERS))


def test_image_ids_agree() -> None:
    image = Image.from_program(load_elf(DATA / "fib.elf", MAP), MAP)
    fast, plain = PageTree.of(image, HASHER), PageTree.of(image, PlainHasher())
    assert fast.image_id() == plain.image_id()
    noise = np.random.default_rng(1).integers(0, 2**32, (20, 256), np.uint32)
    numbers = np.random.default_rng(2).choice(MAP.table_page, 20, replace=False).tolist()
    fast.update_batch(numbers, noise)
    plain.update_batch(numbers, noise)
    assert fast.image_id() == plain.image_id()
    assert all(np.array_equal(ours, theirs) for page in numbers for (_, ours), (_, theirs) in zip(fast.opening(page), plain.opening(page)))


def test_journal_states_agree() -> None:
    for length in (0, 32, 33, 1000):
        journal = bytes(range(256)) * 4
        assert journal_state(journal[:length], MAP, HASHER) == journal_state(journal[:length], MAP, PlainHasher())
