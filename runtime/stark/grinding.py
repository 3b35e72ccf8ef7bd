"""The prover's search for a nonce: sixteen at a time, in order, so that the least one is found whatever the number of threads."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.packed import LANES, lane, load, splat
from zkc.runtime.hash.blake3 import IV, compress
from zkc.runtime.kernels.threads import parallel_for, threads
from zkc.runtime.stark.transcript import GRIND, Transcript

TILE: Final = 1 << 12
ONE_BLOCK: Final = 1 | 2 | 8
"""BLAKE3 flags of a message that is one block: first of its chunk, last of its chunk, root."""
BYTES: Final = 48

Words = npt.NDArray[np.uint32]


def grind(transcript: Transcript, bits: int) -> int:
    """The least nonce whose proof of work over the present state ends in `bits` zero bits."""
    prefix = np.frombuffer(GRIND + transcript.state, dtype="<u4").astype(np.uint32)
    mask = np.uint32((1 << bits) - 1)
    span = TILE * threads()
    found = np.full(threads(), -1, dtype=np.int64)
    for first in range(0, 1 << 62, span):
        parallel_for(lambda start, stop: _search_tile(prefix, first, mask, found, start, stop), span, TILE)  # noqa: B023
        hits = found[found >= 0]
        if len(hits):
            return int(hits.min())
    raise AssertionError("no nonce in 2^62")


@kernel
def _search_tile(prefix: Words, first: int, mask: np.uint32, found: npt.NDArray[np.int64], start: int, stop: int) -> None:
    """found[tile] becomes the least nonce in first + [start, stop) that is accepted, if there is one."""
    v = np.array(IV, dtype=np.uint32)
    chaining = (splat(v[0]), splat(v[1]), splat(v[2]), splat(v[3]), splat(v[4]), splat(v[5]), splat(v[6]), splat(v[7]))
    low = np.empty(LANES, dtype=np.uint32)
    p, z = prefix, splat(np.uint32(0))
    tag, low_half = (splat(p[0]), splat(p[1])), (splat(p[2]), splat(p[3]), splat(p[4]), splat(p[5]))
    state = tag + low_half + (splat(p[6]), splat(p[7]), splat(p[8]), splat(p[9]))
    for nonce in range(first + start, first + stop, LANES):
        for i in range(LANES):
            low[i] = np.uint32((nonce + i) & 0xFFFFFFFF)
        block = state + (load(low, 0), splat(np.uint32(nonce >> 32)), z, z, z, z)  # noqa: RUF005
        digest = compress(chaining, block, 0, BYTES, ONE_BLOCK)
        for i in range(LANES):
            if lane(digest[0], i) & mask == 0:
                found[start // TILE] = nonce + i
                return
