"""Fixed columns as the prover evaluates constraints on them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.field.koalabear import P
from zkc.runtime.field.koalabear import to_montgomery as montgomery_word
from zkc.runtime.poly.ntt import evaluate, interpolate
from zkc.runtime.stark.parameters import second_coset
from zkc.runtime.stark.quotient import reduce_coefficients

Words = npt.NDArray[np.uint32]


@lru_cache(maxsize=64)
def fixed_words(table: Table) -> Words:
    """The fixed columns of a table, Montgomery."""
    words = np.ascontiguousarray(table.fixed, dtype=np.uint32).copy()
    to_montgomery(words)
    return words


@lru_cache(maxsize=64)
def second_fixed(table: Table, log_height: int) -> Words:
    """`uint32[fixed][R]`: the fixed columns on the second coset of a table of 2^log_height rows, which may be more than they have."""
    coefficients = interpolate(fixed_words(table))
    count, start = second_coset(log_height)
    lifted = np.zeros((len(coefficients), 1 << log_height), dtype=np.uint32)
    lifted[:, :: lifted.shape[1] // coefficients.shape[1]] = coefficients
    residue = np.empty((len(lifted), count), dtype=np.uint32)
    reduce_coefficients(lifted, np.uint32(montgomery_word(pow(start, count, P))), residue)
    return evaluate(residue, start)


def repeated(columns: Words, rows: int) -> Words:
    """Columns of a lower height as columns of `rows` rows: row b is row b >> k of the lower one."""
    return columns if columns.shape[1] in (0, rows) else np.repeat(columns, rows // columns.shape[1], axis=1)
