"""Our BLAKE3 against the package `blake3` and the published test vectors."""

from __future__ import annotations

import blake3
import numpy as np
import pytest

from zkc.runtime.hash.blake3 import hash_bytes, hash_nodes, hash_rows, key_words
from zkc.runtime.kernels.threads import set_threads, threads

KEY = b"whats the Elvish word for friend"
LENGTHS = [0, 1, 3, 4, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2048, 2049, 3072, 4096, 5121, 8192, 16385, 102400]

# From BLAKE3's test_vectors.json: input of 0, 1, 2, ... 250, 0, 1, ...; (length, hash, keyed hash), first 32 bytes.
PUBLISHED = [
    (
        0,
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26",
    ),
    (
        1,
        "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
        "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b",
    ),
]


def pattern(length: int) -> bytes:
    return bytes(i % 251 for i in range(length))


@pytest.mark.parametrize(("length", "plain", "keyed"), PUBLISHED)
def test_published_vectors(length: int, plain: str, keyed: str) -> None:
    assert hash_bytes(pattern(length)).hex() == plain
    assert hash_bytes(pattern(length), KEY).hex() == keyed


@pytest.mark.parametrize("length", LENGTHS)
def test_bytes(length: int) -> None:
    data = pattern(length)
    assert hash_bytes(data) == blake3.blake3(data).digest()
    assert hash_bytes(data, KEY) == blake3.blake3(data, key=KEY).digest()


@pytest.mark.parametrize("widths", [[1], [15], [16], [17], [48], [256], [255, 2], [100, 412], [1, 512], [769], [1300]])
@pytest.mark.parametrize("n", [1, 8, 16, 48, 1024])
def test_rows(widths: list[int], n: int) -> None:
    rng = np.random.default_rng(n)
    matrices = [rng.integers(0, 2**32, (k, n), dtype=np.uint32) for k in widths]
    before, digests = threads(), []
    for count in (1, 2):
        set_threads(count)
        digests.append(hash_rows(matrices, key_words(KEY)))
    set_threads(before)
    assert (digests[0] == digests[1]).all()
    rows = np.concatenate(matrices).T
    for row in {0, 1 % n, n // 2, n - 1}:
        assert digests[0][row].tobytes() == blake3.blake3(rows[row].astype("<u4").tobytes(), key=KEY).digest()


@pytest.mark.parametrize("m", [1, 2, 15, 16, 100])
def test_nodes(m: int) -> None:
    rng = np.random.default_rng(m)
    children = rng.integers(0, 2**32, (2 * m, 8), dtype=np.uint32)
    digests = hash_nodes(children, key_words(KEY))
    for i in range(m):
        assert digests[i].tobytes() == blake3.blake3(children[2 * i : 2 * i + 2].tobytes(), key=KEY).digest()


def test_bad_shapes() -> None:
    zeros = np.zeros((2, 16), dtype=np.uint32)
    with pytest.raises(ValueError, match="one height"):
        hash_rows([zeros, zeros[:, :8].copy()], key_words(KEY))
    with pytest.raises(ValueError, match="without columns"):
        hash_rows([zeros[:0]], key_words(KEY))
    with pytest.raises(ValueError, match="contiguous"):
        hash_rows([zeros.T.copy().T], key_words(KEY))
    with pytest.raises(ValueError, match="32 bytes"):
        hash_bytes(b"", b"short")
