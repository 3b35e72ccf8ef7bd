"""Whole arrays between canonical values and Montgomery words, in place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import R_SQUARED, mul
from zkc.runtime.field.packed import LANES, load, splat, store
from zkc.runtime.kernels.threads import parallel_for

_TILE = 1 << 16


def to_montgomery(array: npt.NDArray[np.uint32]) -> None:
    """Replace canonical values (any uint32 is reduced) by their Montgomery words. array: C-contiguous, any shape."""
    _scale(array, R_SQUARED)


def from_montgomery(array: npt.NDArray[np.uint32]) -> None:
    """Replace Montgomery words by canonical values. array: C-contiguous, any shape."""
    _scale(array, 1)


def _scale(array: npt.NDArray[np.uint32], factor: int) -> None:
    if not array.flags.c_contiguous:
        raise ValueError("only a C-contiguous array can be converted in place")
    flat = array.reshape(-1)
    parallel_for(lambda start, stop: _multiply(flat, np.uint32(factor), start, stop), flat.size, _TILE)


@kernel
def _multiply(words: npt.NDArray[np.uint32], factor: np.uint32, start: int, stop: int) -> None:
    whole = start + (stop - start) // LANES * LANES
    for i in range(start, whole, LANES):
        store(words, i, load(words, i) * splat(factor))
    for i in range(whole, stop):
        words[i] = mul(words[i], factor)
