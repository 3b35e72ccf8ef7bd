"""The page hash: Poseidon2 (https://eprint.iacr.org/2023/323) over KoalaBear with S-box x^3 as a sponge, sixteen pages in sixteen lanes.

The numbers come from the compiled circuit, so that kernel and circuit cannot differ. The sponge overwrites its rate with each block and
permutes; its capacity starts as [tag, 0, ...]; the digest is the front of the last state. All words outside the kernels are canonical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import arrays, emit
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import R_SQUARED, P, inverse, mul
from zkc.runtime.field.packed import LANES, WORDS, lanewise, load, load_half_rows, splat, store, store_half_rows, transpose
from zkc.runtime.kernels.threads import parallel_for

Words = npt.NDArray[np.uint32]

WIDTH: Final = 24
RATE: Final = 16
DIGEST: Final = 8
_TILE: Final = 4 * LANES


def _emit_low_half(b: emit.Builder, x: emit.Value) -> emit.Value:
    return b.and_(x, emit.constant(WORDS, 0xFFFF))


def _emit_high_half(b: emit.Builder, x: emit.Value) -> emit.Value:
    return b.lshr(x, emit.constant(WORDS, 16))


_low_half, _high_half = lanewise(_emit_low_half, 1), lanewise(_emit_high_half, 1)


@dataclass(frozen=True, eq=False)
class Poseidon2Parameters:
    """Canonical: external `uint32[rounds][24]` (half before the internal rounds), internal `uint32[rounds]`, diagonal `uint32[24]`."""

    external: Words
    internal: Words
    diagonal: Words

    @classmethod
    def from_constants(cls, constants: Mapping[str, Any]) -> Poseidon2Parameters:
        """From a circuit's `poseidon2_external`, `poseidon2_internal`, `poseidon2_diagonal` (numerators, denominators), nested or flat."""
        flat = {name: _flat(constants[f"poseidon2_{name}"]) for name in ("external", "internal", "diagonal")}
        fractions = zip(flat["diagonal"][::2], flat["diagonal"][1::2], strict=True)
        return cls(
            external=np.array(flat["external"], dtype=np.uint32).reshape(-1, WIDTH),
            internal=np.array(flat["internal"], dtype=np.uint32),
            diagonal=np.array([a * inverse(b) % P for a, b in fractions], dtype=np.uint32),
        )


def _flat(numbers: Any) -> list[int]:
    return [x for item in numbers for x in _flat(item)] if isinstance(numbers, Sequence) else [int(numbers)]


class Poseidon2:
    """The hash of pages and the sponge step, for one set of parameters."""

    def __init__(self, parameters: Poseidon2Parameters) -> None:
        external, internal, diagonal = (
            np.ascontiguousarray(words, dtype=np.uint32).copy() for words in (parameters.external, parameters.internal, parameters.diagonal)
        )
        if external.ndim != 2 or external.shape[1] != WIDTH or len(external) % 2 or internal.ndim != 1 or diagonal.shape != (WIDTH,):
            shapes = f"{external.shape}, {internal.shape}, {diagonal.shape}"
            raise ValueError(f"Poseidon2 parameters of shapes {shapes} are not for width {WIDTH}")
        for words in (external, internal, diagonal):
            arrays.to_montgomery(words)
        self._constants = (external, internal, diagonal)

    def hash_data_pages(self, words: Words, tag: int) -> Words:
        """`uint32[n][8]` from `uint32[n][8 r]`, any words: r blocks of eight words, each as its low and its high 16 bits."""
        return self._hash_pages(words, tag, halves=True)

    def hash_table_pages(self, digests: Words, tag: int) -> Words:
        """`uint32[n][8]` from `uint32[n][r][8]`, canonical: r blocks of one digest and eight zeros."""
        return self._hash_pages(digests.reshape(len(digests), -1), tag, halves=False)

    def absorb(self, capacity: Words, limbs: Words) -> Words:
        """The capacity `uint32[8]` after overwriting the rate with each block of `uint32[n][16]` and permuting: 2 us each."""
        state = np.concatenate([np.zeros(RATE, dtype=np.uint32), capacity]).astype(np.uint32)
        _absorb_blocks(state, np.ascontiguousarray(limbs, dtype=np.uint32), *self._constants)
        return state[RATE:]

    def permute(self, states: Words) -> Words:
        """The permutation of one state `uint32[24]`, or of each of `uint32[n][24]`."""
        result = np.array(states, dtype=np.uint32).reshape(-1, WIDTH)
        parallel_for(lambda start, stop: _permute_states(result, *self._constants, start, stop), len(result), _TILE)
        return result.reshape(states.shape)

    def _hash_pages(self, pages: Words, tag: int, *, halves: bool) -> Words:
        if pages.ndim != 2 or pages.shape[1] % DIGEST or pages.shape[1] == 0:
            raise ValueError(f"pages must be rows of blocks of {DIGEST} words, not {pages.shape}")
        if not 0 <= tag < P:
            raise ValueError(f"tag {tag} is not a canonical field element")
        pages, digests = np.ascontiguousarray(pages, dtype=np.uint32), np.empty((len(pages), DIGEST), dtype=np.uint32)
        parallel_for(
            lambda start, stop: _hash_pages(pages, halves, np.uint32(tag), *self._constants, digests, start, stop), len(pages), _TILE
        )
        return digests


# ***** kernels *****


@kernel
def _external_layer(state: Words) -> None:
    """The circulant [2, 3, 1, 1] on each four, then each element plus the sum of its column."""
    sums = (splat(np.uint32(0)), splat(np.uint32(0)), splat(np.uint32(0)), splat(np.uint32(0)))
    for i in range(0, WIDTH, 4):
        a, b, c, d = load(state, (i, 0)), load(state, (i + 1, 0)), load(state, (i + 2, 0)), load(state, (i + 3, 0))
        total = a + b + (c + d)
        mixed = (total + a + (b + b), total + b + (c + c), total + c + (d + d), total + d + (a + a))
        for k in range(4):
            store(state, (i + k, 0), mixed[k])
        sums = (sums[0] + mixed[0], sums[1] + mixed[1], sums[2] + mixed[2], sums[3] + mixed[3])
    for i in range(0, WIDTH, 4):
        for k in range(4):
            store(state, (i + k, 0), load(state, (i + k, 0)) + sums[k])


@kernel
def _internal_layer(state: Words, diagonal: Words) -> None:
    """1 + diag(diagonal)."""
    total = load(state, (0, 0))
    for i in range(1, WIDTH):
        total = total + load(state, (i, 0))
    for i in range(WIDTH):
        store(state, (i, 0), total + load(state, (i, 0)) * splat(diagonal[i]))


@kernel
def _substitute(state: Words, i: int, constant: np.uint32) -> None:
    x = load(state, (i, 0)) + splat(constant)
    store(state, (i, 0), x * x * x)


@kernel
def _external_rounds(state: Words, constants: Words) -> None:
    for r in range(len(constants)):
        for i in range(WIDTH):
            _substitute(state, i, constants[r, i])
        _external_layer(state)


@kernel
def _permute(state: Words, external: Words, internal: Words, diagonal: Words) -> None:
    """All lanes of `uint32[24][16]`, in place, Montgomery."""
    half = len(external) // 2
    _external_layer(state)
    _external_rounds(state, external[:half])
    for r in range(len(internal)):
        _substitute(state, 0, internal[r])
        _internal_layer(state, diagonal)
    _external_rounds(state, external[half:])


@kernel
def _permute_states(states: Words, external: Words, internal: Words, diagonal: Words, start: int, stop: int) -> None:
    lanes = np.zeros((WIDTH, LANES), dtype=np.uint32)
    for first in range(start, stop, LANES):
        count = min(LANES, stop - first)
        for k in range(count):
            for i in range(WIDTH):
                lanes[i, k] = mul(states[first + k, i], np.uint32(R_SQUARED))
        _permute(lanes, external, internal, diagonal)
        for k in range(count):
            for i in range(WIDTH):
                states[first + k, i] = mul(lanes[i, k], np.uint32(1))


@kernel
def _absorb_blocks(state: Words, blocks: Words, external: Words, internal: Words, diagonal: Words) -> None:
    """Overwrites the rate of one state `uint32[24]` with each block `uint32[16]` and permutes; one lane of sixteen is used."""
    lanes = np.zeros((WIDTH, LANES), dtype=np.uint32)
    for i in range(WIDTH):
        lanes[i, 0] = mul(state[i], np.uint32(R_SQUARED))
    for block in range(len(blocks)):
        for i in range(RATE):
            lanes[i, 0] = mul(blocks[block, i], np.uint32(R_SQUARED))
        _permute(lanes, external, internal, diagonal)
    for i in range(WIDTH):
        state[i] = mul(lanes[i, 0], np.uint32(1))


@kernel
def _hash_pages(
    pages: Words, halves: bool, tag: np.uint32, external: Words, internal: Words, diagonal: Words, digests: Words, start: int, stop: int
) -> None:
    state = np.empty((WIDTH, LANES), dtype=np.uint32)
    for page in range(start, stop, LANES):
        state[:] = 0
        state[RATE] = mul(tag, np.uint32(R_SQUARED))
        for word in range(0, pages.shape[1], DIGEST):
            _overwrite(state, transpose(load_half_rows(pages, page, word, len(pages))), halves)
            _permute(state, external, internal, diagonal)
        one = splat(np.uint32(1))
        digest = (load(state, (0, 0)) * one, load(state, (1, 0)) * one, load(state, (2, 0)) * one, load(state, (3, 0)) * one,
                  load(state, (4, 0)) * one, load(state, (5, 0)) * one, load(state, (6, 0)) * one, load(state, (7, 0)) * one)  # fmt: skip
        store_half_rows(digests, page, 0, len(pages), transpose(digest + digest))


@kernel
def _overwrite(state: Words, block: Any, halves: bool) -> None:
    """Eight words into the rate, in front with zeros behind, or each as two 16-bit halves."""
    factor = splat(np.uint32(R_SQUARED))
    for i in range(DIGEST):
        if halves:
            store(state, (2 * i, 0), _low_half(block[i]) * factor)
            store(state, (2 * i + 1, 0), _high_half(block[i]) * factor)
        else:
            store(state, (i, 0), block[i] * factor)
            store(state, (DIGEST + i, 0), splat(np.uint32(0)))
