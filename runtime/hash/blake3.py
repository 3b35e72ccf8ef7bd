"""BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs): sixteen table rows in sixteen lanes, tree nodes, and plain byte strings.

Digests and keys are `uint32[8]`, little-endian words of the 32 bytes. Only the 32-byte output of the plain and keyed modes is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from zkc.runtime.field import emit
from zkc.runtime.field.compiled import intrinsic, kernel
from zkc.runtime.field.packed import (
    LANES,
    column_addresses,
    load,
    load_address,
    load_rows,
    packed_type,
    splat,
    store,
    store_half_rows,
    transpose,
)
from zkc.runtime.kernels.later import cgutils, types
from zkc.runtime.kernels.threads import parallel_for

Words = npt.NDArray[np.uint32]

IV: Final = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER: Final = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_ROUNDS: Final = 7
_START, _END, _PARENT, _ROOT, _KEYED = 1, 2, 4, 8, 16
_BLOCK_WORDS: Final = 16
_CHUNK_WORDS: Final = 256
_MAX_DEPTH: Final = 54
"""Enough for 2^64 bytes."""
_MAX_LANE_DEPTH: Final = 16
"""Enough for rows of 2^16 chunks, sixteen million columns."""

_SUBTILES: Final = 32
"""Groups of sixteen rows that go through the columns together, so that a visit to a column reads two KiB of it."""


def hash_bytes(data: bytes, key: bytes | None = None) -> bytes:
    """The 32-byte BLAKE3 hash of a byte string, keyed if a 32-byte key is given."""
    blocks = max(1, -(-len(data) // 64))
    words = np.frombuffer(data.ljust(64 * blocks, b"\0"), dtype="<u4")
    start = np.array(IV, dtype=np.uint32) if key is None else key_words(key)
    return np.asarray(_hash_words(words, len(data), start, 0 if key is None else _KEYED), dtype="<u4").tobytes()


def key_words(key: bytes) -> Words:
    """The words of a 32-byte key or digest."""
    if len(key) != 32:
        raise ValueError(f"a key has 32 bytes, not {len(key)}")
    return np.frombuffer(key, dtype="<u4").astype(np.uint32)


def hash_rows(matrices: Sequence[Words], key: Words) -> Words:
    """`uint32[n][8]`: the keyed hash of each row: all columns (at least one) of all `uint32[k_i][n]`, in order, as little-endian words."""
    n = matrices[0].shape[1]
    if any(matrix.shape[1] != n for matrix in matrices):
        raise ValueError("matrices hashed by row must have one height")
    if n % LANES:
        matrices = [np.pad(matrix, ((0, 0), (0, -n % LANES))) for matrix in matrices]
    addresses = column_addresses(matrices)
    if addresses.size == 0:
        raise ValueError("a row without columns has no hash")
    digests = np.empty((n, 8), dtype=np.uint32)
    parallel_for(lambda start, stop: _hash_rows(addresses, key, digests, start, stop), n, LANES * _SUBTILES)
    return digests


def hash_nodes(children: Words, key: Words) -> Words:
    """`uint32[m][8]`: keyed hashes of left child | right child, neighbours in `uint32[2m][8]`."""
    pairs = children.reshape(-1, 16)
    digests = np.empty((len(pairs), 8), dtype=np.uint32)
    parallel_for(lambda start, stop: _hash_nodes(pairs, key, digests, start, stop), len(pairs), 1 << 12)
    return digests


# ***** compression *****


def _emit_compress(b: emit.Builder, cv: list[emit.Value], block: list[emit.Value], tail: list[emit.Value]) -> list[emit.Value]:
    kind = cv[0].type

    def rotated(x: emit.Value, bits: int) -> emit.Value:
        return b.or_(b.lshr(x, emit.constant(kind, bits)), b.shl(x, emit.constant(kind, 32 - bits)))

    v = [*cv, *(emit.constant(kind, word) for word in IV[:4]), *tail]

    def mix(i: int, j: int, k: int, n: int, x: emit.Value, y: emit.Value) -> None:
        for word, turn_n, turn_j in ((x, 16, 12), (y, 8, 7)):
            v[i] = b.add(b.add(v[i], v[j]), word)
            v[n] = rotated(b.xor(v[n], v[i]), turn_n)
            v[k] = b.add(v[k], v[n])
            v[j] = rotated(b.xor(v[j], v[k]), turn_j)

    for _ in range(_ROUNDS):
        for column in range(4):
            mix(column, 4 + column, 8 + column, 12 + column, block[2 * column], block[2 * column + 1])
        for column in range(4):
            j, k, n = 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4
            mix(column, j, k, n, block[8 + 2 * column], block[9 + 2 * column])
        block = [block[k] for k in _ORDER]
    return [b.xor(v[i], v[i + 8]) for i in range(8)]


@intrinsic
def compress(typingctx: Any, cv: Any, block: Any, counter: Any, length: Any, flags: Any) -> Any:
    """`compress(cv, block, counter, length, flags)`: the next chaining value.

    cv and block are eight and sixteen uint32 or Packed; counter (uint64), length and flags (uint32) are the same in all lanes.
    """

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        old, words = (cgutils.unpack_tuple(b, arg) for arg in args[:2])
        high = b.lshr(args[2], ir.Constant(emit.I64, 32))
        tail = [b.trunc(args[2], emit.I32), b.trunc(high, emit.I32), *args[3:]]
        if sig.args[0].dtype == packed_type():
            empty = ir.Constant(old[0].type, ir.Undefined)
            lanes = [b.insert_element(empty, word, ir.Constant(emit.I32, 0)) for word in tail]
            tail = [emit.shuffle(b, x, x, [0] * LANES) for x in lanes]
        return context.make_tuple(b, sig.return_type, _emit_compress(b, old, words, tail))

    if not (isinstance(cv, types.UniTuple) and isinstance(block, types.UniTuple) and cv.dtype == block.dtype):
        return None
    return cv(cv, block, types.uint64, types.uint32, types.uint32), emitter


@kernel
def _tuple8(words: Words) -> Any:
    return words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7]


@kernel
def _splat8(words: Words) -> Any:
    return (splat(words[0]), splat(words[1]), splat(words[2]), splat(words[3]),
            splat(words[4]), splat(words[5]), splat(words[6]), splat(words[7]))  # fmt: skip


@kernel
def _store8(words: Words, value: Any) -> None:
    for i in range(8):
        words[i] = value[i]


# ***** one byte string *****


@kernel
def _hash_words(words: Words, length: int, key: Words, mode: int) -> Words:
    """The root of the chunk tree over `length` bytes in whole blocks of words, padded with zeros."""
    chunks = max(1, -(-length // 1024))
    stack = np.empty((_MAX_DEPTH, 8), dtype=np.uint32)
    digest = np.empty(8, dtype=np.uint32)
    depth = 0
    for chunk in range(chunks):
        end = min(length, 1024 * (chunk + 1))
        root = _ROOT if chunks == 1 else 0
        _store8(digest, _chunk(words, 1024 * chunk, end, _tuple8(key), chunk, mode, root))
        for _ in range(_merges(chunk, chunks, depth)):
            depth -= 1
            root = _ROOT if chunk == chunks - 1 and depth == 0 else 0
            _store8(digest, _parent(_tuple8(key), _tuple8(stack[depth]), _tuple8(digest), mode | root))
        _store8(stack[depth], _tuple8(digest))
        depth += 1
    return digest


@kernel
def _merges(chunk: int, chunks: int, depth: int) -> int:
    """How many subtrees chunk number `chunk` completes: the trailing ones of its number, or everything if it is the last."""
    if chunk == chunks - 1:
        return depth
    count = 0
    while chunk >> count & 1:
        count += 1
    return count


@kernel
def _chunk(words: Words, start: int, end: int, cv: Any, chunk: int, mode: int, root: int) -> Any:
    """Chaining value of bytes `start .. end - 1`, one chunk."""
    blocks = max(1, -(-(end - start) // 64))
    for i in range(blocks):
        w = words[start // 4 + i * 16 :]
        flags = mode | (_START if i == 0 else 0) | (_END | root if i == blocks - 1 else 0)
        block = (w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15])
        cv = compress(cv, block, chunk, min(64, end - start - 64 * i), flags)
    return cv


@kernel
def _parent(key: Any, left: Any, right: Any, flags: int) -> Any:
    return compress(key, left + right, 0, 64, flags | _PARENT)


# ***** rows in lanes *****


@kernel
def _hash_rows(addresses: npt.NDArray[np.uint64], key: Words, digests: Words, start: int, stop: int) -> None:
    chunks = -(-addresses.size // _CHUNK_WORDS)
    key_lanes = _splat8(key)
    states = np.empty((_SUBTILES, 8, LANES), dtype=np.uint32)
    stack = np.empty((_MAX_LANE_DEPTH if chunks > 1 else 1, _SUBTILES, 8, LANES), dtype=np.uint32)
    for row in range(start, stop, LANES * _SUBTILES):
        subtiles = min(_SUBTILES, -(-(stop - row) // LANES))
        depth = 0
        for chunk in range(chunks):
            _chunk_lanes(addresses, chunk, row, subtiles, key_lanes, states, _ROOT if chunks == 1 else 0)
            for _ in range(_merges(chunk, chunks, depth)):
                depth -= 1
                root = _ROOT if chunk == chunks - 1 and depth == 0 else 0
                for sub in range(subtiles):
                    joined = _parent(key_lanes, _load8(stack[depth, sub]), _load8(states[sub]), _KEYED | root)
                    _store8_lanes(states[sub], joined)
            if chunks > 1:
                for sub in range(subtiles):
                    _store8_lanes(stack[depth, sub], _load8(states[sub]))
                depth += 1
        for sub in range(subtiles):
            _write_digests(_load8(states[sub]), digests, row + LANES * sub)


@kernel
def _chunk_lanes(addresses: npt.NDArray[np.uint64], chunk: int, row: int, subtiles: int, key_lanes: Any, states: Words, root: int) -> None:
    first = chunk * _CHUNK_WORDS
    stop = min(addresses.size, first + _CHUNK_WORDS)
    for word in range(first, stop, _BLOCK_WORDS):
        flags = _KEYED | (_START if word == first else 0) | (_END | root if word + _BLOCK_WORDS >= stop else 0)
        for sub in range(subtiles):
            cv = key_lanes if word == first else _load8(states[sub])
            block = _block(addresses, word, row + LANES * sub)
            _store8_lanes(states[sub], compress(cv, block, chunk, 4 * min(_BLOCK_WORDS, stop - word), flags))


@kernel
def _word(addresses: npt.NDArray[np.uint64], word: int, row: int) -> Any:
    return load_address(addresses[word], row) if word < addresses.size else splat(np.uint32(0))


@kernel
def _block(addresses: npt.NDArray[np.uint64], word: int, row: int) -> Any:
    a, w, r = addresses, word, row
    return (_word(a, w, r), _word(a, w + 1, r), _word(a, w + 2, r), _word(a, w + 3, r),
            _word(a, w + 4, r), _word(a, w + 5, r), _word(a, w + 6, r), _word(a, w + 7, r),
            _word(a, w + 8, r), _word(a, w + 9, r), _word(a, w + 10, r), _word(a, w + 11, r),
            _word(a, w + 12, r), _word(a, w + 13, r), _word(a, w + 14, r), _word(a, w + 15, r))  # fmt: skip


@kernel
def _load8(words: Words) -> Any:
    return (load(words, (0, 0)), load(words, (1, 0)), load(words, (2, 0)), load(words, (3, 0)),
            load(words, (4, 0)), load(words, (5, 0)), load(words, (6, 0)), load(words, (7, 0)))  # fmt: skip


@kernel
def _store8_lanes(words: Words, value: Any) -> None:
    for i in range(8):
        store(words, (i, 0), value[i])


@kernel
def _write_digests(value: Any, digests: Words, row: int) -> None:
    store_half_rows(digests, row, 0, len(digests), transpose(value + value))


@kernel
def _hash_nodes(pairs: Words, key: Words, digests: Words, start: int, stop: int) -> None:
    key_lanes = _splat8(key)
    for node in range(start, stop, LANES):
        block = transpose(load_rows(pairs, node, 0, len(pairs)))
        _write_digests(compress(key_lanes, block, 0, 64, _KEYED | _START | _END | _ROOT), digests, node)
