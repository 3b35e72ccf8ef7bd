"""Section 8, the hash of pages and of the journal: Poseidon2 of width 24 over the field, as the constants of the circuit say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .field import P

WIDTH, RATE, DIGEST = 24, 16, 8

Digest = tuple[int, ...]
"""Eight field elements."""


class Poseidon2:
    def __init__(self, constants: dict[str, Any]) -> None:
        self.external: list[list[int]] = constants["poseidon2_external"]
        self.internal: list[int] = constants["poseidon2_internal"]
        self.diagonal = [a * pow(b, -1, P) % P for a, b in constants["poseidon2_diagonal"]]

    def permute(self, state: list[int]) -> list[int]:
        half, state = len(self.external) // 2, _external(state)
        for constants in self.external[:half]:
            state = self._full_round(state, constants)
        for constant in self.internal:
            state[0] = pow(state[0] + constant, 3, P)
            total = sum(state)
            state = [(total + d * x) % P for d, x in zip(self.diagonal, state)]
        for constants in self.external[half:]:
            state = self._full_round(state, constants)
        return state

    def _full_round(self, state: list[int], constants: Sequence[int]) -> list[int]:
        return _external([pow(x + c, 3, P) for x, c in zip(state, constants)])

    def sponge(self, capacity: Sequence[int], blocks: Sequence[Sequence[int]]) -> list[int]:
        """The state after each block of 16 has overwritten the rate and been permuted."""
        state = [0] * RATE + list(capacity)
        for block in blocks:
            state = self.permute([*block, *state[RATE:]])
        return state

    def data_page(self, words: Sequence[int], tag: int) -> Digest:
        """Blocks of eight words, each as its low and its high half."""
        blocks = [halves(words[i : i + DIGEST]) for i in range(0, len(words), DIGEST)]
        return tuple(self.sponge([tag] + [0] * 7, blocks)[:DIGEST])

    def table_page(self, digests: Sequence[Digest], tag: int) -> Digest:
        """Blocks of one digest and eight zeros."""
        return tuple(self.sponge([tag] + [0] * 7, [[*digest, *[0] * 8] for digest in digests])[:DIGEST])


def halves(words: Sequence[int]) -> list[int]:
    """Low and high 16 bits of each word, in turn."""
    return [half for word in words for half in (word & 0xFFFF, word >> 16)]


def _external(state: Sequence[int]) -> list[int]:
    """[2, 3, 1, 1] and its rotations on each four, then to each element the sum of those in its place in all fours."""
    mixed = list[int]()
    for i in range(0, WIDTH, 4):
        a, b, c, d = state[i : i + 4]
        total = a + b + c + d
        mixed += [total + a + 2 * b, total + b + 2 * c, total + c + 2 * d, total + d + 2 * a]
    sums = [sum(mixed[k::4]) for k in range(4)]
    return [(x + sums[i % 4]) % P for i, x in enumerate(mixed)]
