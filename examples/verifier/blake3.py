"""BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) with 32 bytes of output, plain or keyed."""

from __future__ import annotations

import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16
BLOCK, CHUNK = 64, 1024
MASK = 0xFFFFFFFF

Words = tuple[int, ...]


def _schedule() -> list[tuple[int, int, int, int, int, int]]:
    """The 56 steps of a compression: four words of the state and two of the message."""
    order, steps = list(range(16)), list[tuple[int, int, int, int, int, int]]()
    for _ in range(7):
        steps += [(*quarter, order[2 * i], order[2 * i + 1]) for i, quarter in enumerate(QUARTERS)]
        order = [order[i] for i in PERMUTATION]
    return steps


SCHEDULE = _schedule()


def compress(chain: Words, block: bytes, counter: int, length: int, flags: int) -> Words:
    """The new chaining value, eight words. block: 64 bytes."""
    m = struct.unpack("<16I", block)
    v = [*chain, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for a, b, c, d, x, y in SCHEDULE:
        va, vb, vc, vd = v[a], v[b], v[c], v[d]
        va = va + vb + m[x] & MASK
        vd ^= va
        vd = (vd >> 16 | vd << 16) & MASK
        vc = vc + vd & MASK
        vb ^= vc
        vb = (vb >> 12 | vb << 20) & MASK
        va = va + vb + m[y] & MASK
        vd ^= va
        vd = (vd >> 8 | vd << 24) & MASK
        vc = vc + vd & MASK
        vb ^= vc
        v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & MASK, vc, vd
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def _chunk(data: bytes, key: Words, counter: int, flags: int, end: int) -> Words:
    """The chaining value of at most 1024 bytes. end: more flags for the last block."""
    chain, blocks = key, [data[i : i + BLOCK] for i in range(0, len(data), BLOCK)] or [b""]
    for i, block in enumerate(blocks):
        marks = flags | (CHUNK_START if i == 0 else 0) | (CHUNK_END | end if i == len(blocks) - 1 else 0)
        chain = compress(chain, block.ljust(BLOCK, b"\0"), counter, len(block), marks)
    return chain


def _tree(data: bytes, key: Words, counter: int, flags: int, end: int) -> Words:
    """The chaining value of any data: the left half is the largest power of two of chunks that leaves something on the right."""
    if len(data) <= CHUNK:
        return _chunk(data, key, counter, flags, end)
    left = 1 << ((len(data) - 1) // CHUNK).bit_length() - 1
    parts = (_tree(data[: left * CHUNK], key, counter, flags, 0), _tree(data[left * CHUNK :], key, counter + left, flags, 0))
    return compress(key, struct.pack("<16I", *parts[0], *parts[1]), 0, BLOCK, flags | PARENT | end)


def blake3(data: bytes, key: bytes = b"") -> bytes:
    """32 bytes; keyed if a key of 32 bytes is given."""
    words, flags = (struct.unpack("<8I", key), KEYED) if key else (IV, 0)
    return struct.pack("<8I", *_tree(data, words, 0, flags, ROOT))
