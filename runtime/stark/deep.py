"""The prover's DEEP polynomial: sum of gamma^i (f_i(X) - f_i(zeta)) / (X - zeta) over all lifted columns, and the same for acc at w zeta."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from runtime.field import extension
from runtime.field.extension import DEGREE, Element
from runtime.field.koalabear import GENERATOR, add, to_montgomery
from runtime.field.packed import LANES, load, splat
from runtime.poly.domain import domain
from runtime.threads import parallel_for

ROWS = 1 << 11

Words = npt.NDArray[np.uint32]


def divide(here: Words, claimed: Element, there: Words, claimed_next: Element, zeta: Element, next_zeta: Element) -> Words:
    """(here - claimed) / (X - zeta) + (there - claimed_next) / (X - next_zeta) over the extended domain, `uint32[6][2n]`; written to `here`."""
    constants = np.array([e.words() for e in (claimed, claimed_next, zeta, next_zeta)], dtype=np.uint32)
    points = domain(here.shape[1].bit_length() - 1)
    shift = np.uint32(to_montgomery(GENERATOR))
    parallel_for(lambda start, stop: _divide_rows(here, there, constants, points, shift, start, stop), here.shape[1], ROWS)
    return here


@njit(cache=True, nogil=True)
def _divide_rows(here: Words, there: Words, constants: Words, points: Words, shift: np.uint32, start: int, stop: int) -> None:
    """constants `uint32[4][6]`: claimed, claimed_next, zeta, next_zeta; points are those of the subgroup."""
    by_column = constants.T.copy()
    claimed, claimed_next = extension.splat_packed(extension.read(by_column, 0)), extension.splat_packed(extension.read(by_column, 1))
    zeta, next_zeta = extension.splat_packed(extension.read(by_column, 2)), extension.splat_packed(extension.read(by_column, 3))
    for row in range(start, stop, LANES):
        x = splat(shift) * load(points, row)
        first = _quotient(extension.load_packed(here, 0, row), claimed, x, zeta)
        second = _quotient(extension.load_packed(there, 0, row), claimed_next, x, next_zeta)
        extension.store_packed(here, 0, row, extension.add(first, second))


@njit(cache=True, nogil=True)
def _quotient(value, claimed, x, point):
    """(value - claimed) / (x - point), x in the base field; sixteen at once."""
    negative = extension.inverse((point[0] - x, point[1], point[2], point[3], point[4], point[5]))
    return extension.mul(extension.sub(claimed, value), negative)


def add_columns(columns: Words, out: Words) -> None:
    """out += columns, both `uint32[k][n]` Montgomery."""
    parallel_for(lambda start, stop: _add_rows(columns, out, start, stop), out.shape[1], 1 << 15)


@njit(cache=True, nogil=True)
def _add_rows(columns: Words, out: Words, start: int, stop: int) -> None:
    for k in range(out.shape[0]):
        for row in range(start, stop):
            out[k, row] = add(out[k, row], columns[k, row])
