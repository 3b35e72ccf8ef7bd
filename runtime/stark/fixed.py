"""Fixed columns as the prover evaluates constraints on them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit import Table
from zkc.runtime.field.arrays import to_montgomery

Words = npt.NDArray[np.uint32]


@lru_cache(maxsize=64)
def fixed_words(table: Table) -> Words:
    """The fixed columns of a table, Montgomery."""
    words = np.ascontiguousarray(table.fixed, dtype=np.uint32).copy()
    to_montgomery(words)
    return words
