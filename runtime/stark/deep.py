"""The prover's DEEP polynomial: sum of gamma^i (f_i(X) - f_i(zeta)) / (X - zeta) over all lifted columns, then acc at w zeta."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.field import extension
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import GENERATOR, to_montgomery
from zkc.runtime.field.packed import LANES, load, splat
from zkc.runtime.poly.domain import domain
from zkc.runtime.stark.inversion import INVERSION_COLUMNS, invert_rows
from zkc.runtime.threads import parallel_for

ROWS: Final = 1 << 11

Words = npt.NDArray[np.uint32]


def divide(here: Words, claimed: Element, there: Words, claimed_next: Element, zeta: Element, next_zeta: Element) -> Words:
    """(here - claimed) / (X - zeta) + (there - claimed_next) / (X - next_zeta) over the extended domain; `uint32[6][2n]`, in `here`."""
    constants = np.array([e.words() for e in (claimed, claimed_next, zeta, next_zeta)], dtype=np.uint32)
    points = domain(here.shape[1].bit_length() - 1)
    shift = np.uint32(to_montgomery(GENERATOR))
    parallel_for(lambda start, stop: _divide_rows(here, there, constants, points, shift, start, stop), here.shape[1], ROWS)
    return here


@kernel
def _divide_rows(here: Words, there: Words, constants: Words, points: Words, shift: np.uint32, start: int, stop: int) -> None:
    """constants `uint32[4][6]`: claimed, claimed_next, zeta, next_zeta; points are those of the subgroup."""
    by_column = constants.T.copy()
    work = np.empty((INVERSION_COLUMNS, stop - start + LANES), dtype=np.uint32)
    for part in range(2):
        values = here if part == 0 else there
        claimed = extension.splat_packed(extension.read(by_column, part))
        zeta = extension.splat_packed(extension.read(by_column, 2 + part))
        for row in range(start, stop, LANES):
            x = splat(shift) * load(points, row)
            extension.store_packed(work, 0, row - start, (zeta[0] - x, zeta[1], zeta[2], zeta[3], zeta[4], zeta[5]))
        invert_rows(work, stop - start)
        for row in range(start, stop, LANES):
            difference = extension.sub(claimed, extension.load_packed(values, 0, row))
            quotient = extension.mul(difference, extension.load_packed(work, 0, row - start))
            if part == 1:
                quotient = extension.add(quotient, extension.load_packed(here, 0, row))
            extension.store_packed(here, 0, row, quotient)
