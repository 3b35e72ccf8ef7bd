"""Fixed columns: their values at a point for the verifier, and their extension for the prover, which is the same in every proof."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit import Table
from zkc.runtime.field.arrays import to_montgomery
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import GENERATOR, P
from zkc.runtime.poly.barycentric import evaluate_columns, weights
from zkc.runtime.poly.ntt import extend
from zkc.runtime.stark.parameters import LOG_BLOWUP

Words = npt.NDArray[np.uint32]


@lru_cache(maxsize=64)
def fixed_words(table: Table) -> Words:
    """The fixed columns of a table, Montgomery."""
    words = np.ascontiguousarray(table.fixed, dtype=np.uint32).copy()
    to_montgomery(words)
    return words


@lru_cache(maxsize=16)
def fixed_extension(table: Table, lift: int) -> Words:
    """`uint32[fixed][2 n']`, Montgomery: the fixed columns over g^lift * <W_2n'>."""
    words = fixed_words(table)
    return extend(words, pow(GENERATOR, lift, P), LOG_BLOWUP) if len(words) else words


def fixed_at(table: Table, point: Element) -> Words:
    """`uint32[6][fixed]`: the fixed columns' polynomials at a point outside of the trace domain."""
    height = table.fixed.shape[1].bit_length() - 1
    return np.ascontiguousarray(evaluate_columns(fixed_words(table), weights(height, point.words())).T)
