"""Kernels in nanoseconds per element, on random data: `python -m benchmarks.kernels` prints JSON."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.measure import best
from zkc.compiler.machines import load_machine
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.blake3 import hash_rows, key_words
from zkc.runtime.hash.merkle import leaf_hashes, tree_over
from zkc.runtime.poly.barycentric import evaluate_columns, weights
from zkc.runtime.poly.ntt import Tail, extend

ROWS = 1 << 18
COLUMNS = 32


def kernels() -> dict[str, float]:
    """Nanoseconds per cell (per permutation for the page hash), over all cores."""
    rng = np.random.default_rng(1)
    columns = rng.integers(0, P, (COLUMNS, ROWS), dtype=np.uint32)
    point = rng.integers(1, P, 6, dtype=np.uint32)
    states = rng.integers(0, P, (1 << 14, 24), dtype=np.uint32)
    row_weights = weights(ROWS.bit_length() - 1, point)
    tail = Tail(columns[:, :304].copy(), np.empty((COLUMNS, 1 << 10), dtype=np.uint32), 5)
    hasher = load_machine().hasher
    cell = 1e9 / columns.size
    return {
        "low-degree extension, ns a cell": best(4, lambda: extend(columns, 3)) * cell,
        "the same with masks, ns a cell": best(4, lambda: extend(columns, 3, 1, tail)) * cell,
        "BLAKE3 of rows, ns a cell": best(4, lambda: hash_rows([columns], key_words(bytes(32)))) * cell,
        "Merkle tree, ns a cell": best(4, lambda: tree_over(leaf_hashes(columns))) * cell,
        "evaluation at a point, ns a cell": best(4, lambda: evaluate_columns(columns, row_weights)) * cell,
        "Poseidon2, ns a permutation": best(4, lambda: hasher.permute(states)) * 1e9 / len(states),
    }


if __name__ == "__main__":
    print(json.dumps(kernels()))
