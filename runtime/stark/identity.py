"""The identity that a proof is about, at zeta. For the verifier, and for the prover's check of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import VerificationError
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import inverse
from zkc.runtime.stark.constraints import Fingerprint, element_powers, table_sum
from zkc.runtime.stark.parameters import MODULUS
from zkc.runtime.stark.shape import Shape, check_circuit

Words = npt.NDArray[np.uint32]


def checked_claim(circuit: Circuit, claim: Sequence[int]) -> tuple[int, ...]:
    """The claim as Python integers. Raises unless there is one canonical value for each public column of a well-formed circuit."""
    check_circuit(circuit)
    if len(claim) != len(circuit.claim.columns) or not all(0 <= value < MODULUS for value in claim):
        raise VerificationError(f"the claim needs {len(circuit.claim.columns)} values below {MODULUS}")
    return tuple(int(value) for value in claim)


def identity_holds(shape: Shape, opened: Words, fingerprint: Fingerprint, lam: Words, zeta: Element, claimed: Element) -> bool:
    """True if the constraints hold at zeta, as far as the opened values tell."""
    return identity_defect(shape, opened, fingerprint, lam, zeta, claimed) == Element.base(0)


def identity_defect(shape: Shape, opened: Words, fingerprint: Fingerprint, lam: Words, zeta: Element, claimed: Element) -> Element:
    """The combined constraint at zeta less (zeta^n - 1)(q0 + zeta^n q1 + …). What thin parts give is zero but on their rows: it is
    multiplied by zeta^(n/2) + 1.

    opened `uint32[6][openings]`: all columns at zeta in order, then the accumulator at w zeta. claimed: the claim's sum.
    """
    weights = element_powers(lam, shape.constraints)
    total = Element.base(0)
    sums = claimed * Element.base(inverse(shape.height))
    fixed, one = fixed_openings(shape), Element.base(1)
    even = zeta ** (shape.height // 2) + one
    for part, trace, logup in zip(shape.parts, shape.trace.matrices, shape.logup.matrices, strict=False):
        columns = opened[:, trace.offset : trace.offset + trace.width]
        if part.index in fixed:
            columns = np.concatenate([columns, opened[:, fixed[part.index]]], axis=1)
        phi = np.ascontiguousarray(opened[:, logup.offset : logup.offset + logup.width])
        count = len(part.table.constraints) + len(part.table.batches)
        own = weights[:, part.constraint : part.constraint + count]
        total = total + table_sum(part.table, columns, phi, own, fingerprint) * (even if part.thin else one)
        sums = sums + sum_elements(phi) * (even if part.thin else one) * Element.base(inverse(shape.height >> part.log_rows))
    acc, *parts, following = (Element.from_words(opened[:, k]) for k in range(shape.accumulator, shape.openings))
    total = total + Element.from_words(weights[:, -1]) * (following - acc - sums)
    power, quotient = zeta**shape.height, Element.base(0)
    for part in reversed(parts):
        quotient = quotient * power + part
    return total - (power - Element.base(1)) * quotient


def fixed_openings(shape: Shape) -> dict[int, slice]:
    """By number of the table: where its fixed columns are among the openings."""
    matrices = shape.fixed.matrices if shape.fixed else ()
    indices = [k for k, table in enumerate(shape.circuit.tables) if len(table.fixed)]
    return {k: slice(m.offset, m.offset + m.width) for k, m in zip(indices, matrices, strict=True)}


def sum_elements(elements: Words) -> Element:
    """The sum of `uint32[6][count]`."""
    return Element.from_words(elements.sum(axis=1, dtype=np.uint64) % MODULUS)
