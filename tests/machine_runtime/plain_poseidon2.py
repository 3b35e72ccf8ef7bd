"""Poseidon2 over KoalaBear, width 24, in plain Python integers: the oracle, written from the paper (section 5) and nothing else of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

PRIME = 2**31 - 2**24 + 1
WIDTH, RATE = 24, 16
_BLOCK = ((2, 3, 1, 1), (1, 2, 3, 1), (1, 1, 2, 3), (3, 1, 1, 2))
_TABLE = json.loads((Path(__file__).parents[1] / "data" / "poseidon2_koalabear_24.json").read_text())
INITIAL, FINAL = ([[int(word, 16) for word in row] for row in _TABLE[name]] for name in ("external_initial", "external_final"))
INTERNAL = [int(word, 16) for word in _TABLE["internal"]]


def _inverse_power(exponent: int) -> int:
    return pow(pow(2, exponent, PRIME), -1, PRIME)


_DIAGONAL = (
    [-2, 1, 2, _inverse_power(1), 3, 4, -_inverse_power(1), -3, -4]
    + [_inverse_power(exponent) for exponent in (8, 2, 3, 4, 5, 6, 24)]
    + [-_inverse_power(exponent) for exponent in (8, 3, 4, 5, 6, 7, 9, 24)]
)


def diagonal() -> list[int]:
    """The internal layer is 1 + diag(this), canonical."""
    return [element % PRIME for element in _DIAGONAL]


def _external(state: list[int]) -> list[int]:
    blocks = [[sum(a * x for a, x in zip(row, state[i : i + 4])) for row in _BLOCK] for i in range(0, WIDTH, 4)]
    sums = [sum(block[i] for block in blocks) for i in range(4)]
    return [(block[i] + sums[i]) % PRIME for block in blocks for i in range(4)]


def _internal(state: list[int]) -> list[int]:
    total = sum(state)
    return [(total + d * x) % PRIME for d, x in zip(_DIAGONAL, state)]


def permute(state: Sequence[int]) -> list[int]:
    """24 canonical elements to 24 canonical elements."""
    now = _external(list(state))
    for constants in INITIAL:
        now = _external([pow(x + c, 3, PRIME) for x, c in zip(now, constants)])
    for constant in INTERNAL:
        now = _internal([pow(now[0] + constant, 3, PRIME), *now[1:]])
    for constants in FINAL:
        now = _external([pow(x + c, 3, PRIME) for x, c in zip(now, constants)])
    return now


@cache
def sponge(blocks: tuple[tuple[int, ...], ...], tag: int) -> tuple[int, ...]:
    """Overwrite-mode sponge over blocks of 16 elements, `tag` first in the capacity; the first 8 elements of the last state."""
    state = [0] * RATE + [tag] + [0] * (WIDTH - RATE - 1)
    for block in blocks:
        state = permute([*block, *state[RATE:]])
    return tuple(state[:8])


def hash_data_page(words: Sequence[int], tag: int) -> tuple[int, ...]:
    """256 words, 8 a block, each as its low and high 16 bits."""
    limbs = [limb for word in words for limb in (int(word) & 0xFFFF, int(word) >> 16)]
    return sponge(tuple(tuple(limbs[i : i + RATE]) for i in range(0, len(limbs), RATE)), tag)


def hash_table_page(digests: Sequence[Sequence[int]], tag: int) -> tuple[int, ...]:
    """32 digests, one a block, each followed by 8 zeros."""
    return sponge(tuple((*(int(element) for element in digest), *[0] * 8) for digest in digests), tag)


class PlainHasher:
    """The interface of the runtime's page hash over the functions above."""

    def hash_data_pages(self, words: npt.NDArray[np.uint32], tag: int) -> npt.NDArray[np.uint32]:
        return np.array([hash_data_page(page.tolist(), tag) for page in words], np.uint32)

    def hash_table_pages(self, digests: npt.NDArray[np.uint32], tag: int) -> npt.NDArray[np.uint32]:
        return np.array([hash_table_page(page.tolist(), tag) for page in digests], np.uint32)

    def absorb(self, capacity: npt.NDArray[np.uint32], limbs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        state = capacity.tolist()
        for block in limbs.tolist():
            state = permute([*block, *state])[RATE:]
        return np.array(state, np.uint32)
