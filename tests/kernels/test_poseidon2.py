"""The page hash against plain integers and the published permutation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.reference_poseidon2 import DIAGONAL, EXTERNAL, FRACTIONS, INTERNAL, permute, sponge
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.poseidon2 import Poseidon2, Poseidon2Parameters
from zkc.runtime.kernels.threads import set_threads, threads

CONSTANTS = {"poseidon2_external": EXTERNAL, "poseidon2_internal": INTERNAL, "poseidon2_diagonal": [list(pair) for pair in FRACTIONS]}
PARAMETERS = Poseidon2Parameters.from_constants(CONSTANTS)
HASH = Poseidon2(PARAMETERS)


def test_published_permutation() -> None:
    assert HASH.permute(np.arange(24, dtype=np.uint32))[:4].tolist() == [723511737, 87131171, 587052829, 1323145575]


def test_round_counts() -> None:
    """8 external and 23 internal rounds: the counts for x^3; those for x^7 would be too few."""
    assert PARAMETERS.external.shape == (8, 24) and PARAMETERS.internal.shape == (23,)
    assert PARAMETERS.diagonal.tolist() == DIAGONAL
    flat = {name: np.array(value).ravel().tolist() for name, value in CONSTANTS.items()}
    assert (Poseidon2Parameters.from_constants(flat).external == PARAMETERS.external).all()


def test_permutation_of_corners() -> None:
    states = np.random.default_rng(1).integers(0, P, (37, 24), dtype=np.uint32)
    states[0], states[1], states[2, ::2] = 0, P - 1, 1
    assert HASH.permute(states).tolist() == [permute(state) for state in states.tolist()]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_blocks_are_absorbed_one_after_the_other(count: int) -> None:
    blocks = np.random.default_rng(count).integers(0, P, (count, 16), dtype=np.uint32)
    state = list(range(P - 8, P))
    new = HASH.absorb(np.array(state, dtype=np.uint32), blocks)
    for block in blocks.tolist():
        state = permute([*block, *state])[16:]
    assert new.tolist() == state


@pytest.mark.parametrize("count", [1, 16, 19])
def test_data_pages(count: int) -> None:
    words = np.random.default_rng(count).integers(0, 2**32, (count, 256), dtype=np.uint32)
    words[0], words[-1, :3] = 0, [2**32 - 1, 2**31, 2**16 - 1]
    digests = HASH.hash_data_pages(words, 1)
    for page in {0, count // 2, count - 1}:
        limbs = [half for word in words[page].tolist() for half in (word & 0xFFFF, word >> 16)]
        assert digests[page].tolist() == sponge([limbs[i : i + 16] for i in range(0, 512, 16)], 1)


@pytest.mark.parametrize("count", [1, 18])
def test_table_pages(count: int) -> None:
    children = np.random.default_rng(count).integers(0, P, (count, 32, 8), dtype=np.uint32)
    children[0, 0] = P - 1
    digests = HASH.hash_table_pages(children, P - 1)
    for page in {0, count - 1}:
        assert digests[page].tolist() == sponge([row + [0] * 8 for row in children[page].tolist()], P - 1)


def test_threads_do_not_matter() -> None:
    before, words, results = threads(), np.arange(200 * 256, dtype=np.uint32).reshape(200, 256), []
    for count in (1, 3):
        set_threads(count)
        results.append(HASH.hash_data_pages(words, 5).tolist())
    set_threads(before)
    assert results[0] == results[1]


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="blocks of 8"):
        HASH.hash_data_pages(np.zeros((2, 7), dtype=np.uint32), 1)
    with pytest.raises(ValueError, match="canonical"):
        HASH.hash_data_pages(np.zeros((2, 8), dtype=np.uint32), P)
    with pytest.raises(ValueError, match="width 24"):
        Poseidon2(Poseidon2Parameters(PARAMETERS.external[:, :16], PARAMETERS.internal, PARAMETERS.diagonal))
