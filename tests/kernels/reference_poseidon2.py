"""Poseidon2 over KoalaBear, width 24, on Python integers, matrices written out (https://eprint.iacr.org/2023/323, sections 5 and 6)."""

from __future__ import annotations

import json
from pathlib import Path

from zkc.runtime.field.koalabear import P, inverse

TABLE = json.loads((Path(__file__).parents[1] / "data" / "poseidon2_koalabear_24.json").read_text())
EXTERNAL = [[int(word, 16) for word in row] for name in ("external_initial", "external_final") for row in TABLE[name]]
INTERNAL = [int(word, 16) for word in TABLE["internal"]]
FRACTIONS = [(-2, 1), (1, 1), (2, 1), (1, 2), (3, 1), (4, 1), (-1, 2), (-3, 1), (-4, 1)]
FRACTIONS += [(1, 2**8), (1, 4), (1, 8), (1, 16), (1, 32), (1, 64), (1, 2**24)]
FRACTIONS += [(-1, 2**8), (-1, 8), (-1, 16), (-1, 32), (-1, 64), (-1, 2**7), (-1, 2**9), (-1, 2**24)]
DIAGONAL = [a * inverse(b) % P for a, b in FRACTIONS]

BLOCK = [2, 3, 1, 1]
EXTERNAL_MATRIX = [[(2 if i // 4 == j // 4 else 1) * BLOCK[(j - i) % 4] for j in range(24)] for i in range(24)]
INTERNAL_MATRIX = [[1 + (DIAGONAL[i] if i == j else 0) for j in range(24)] for i in range(24)]


def apply(matrix: list[list[int]], state: list[int]) -> list[int]:
    return [sum(a * x for a, x in zip(row, state, strict=True)) % P for row in matrix]


def permute(state: list[int]) -> list[int]:
    state = apply(EXTERNAL_MATRIX, state)
    for constants in EXTERNAL[:4]:
        state = apply(EXTERNAL_MATRIX, [pow(x + c, 3, P) for x, c in zip(state, constants, strict=True)])
    for constant in INTERNAL:
        state = apply(INTERNAL_MATRIX, [pow(state[0] + constant, 3, P), *state[1:]])
    for constants in EXTERNAL[4:]:
        state = apply(EXTERNAL_MATRIX, [pow(x + c, 3, P) for x, c in zip(state, constants, strict=True)])
    return state


def sponge(blocks: list[list[int]], tag: int) -> list[int]:
    capacity = [tag] + [0] * 7
    state: list[int] = []
    for block in blocks:
        state = permute(block + capacity)
        capacity = state[16:]
    return state[:8]
