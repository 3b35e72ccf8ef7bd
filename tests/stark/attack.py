"""What somebody who has a proof can compute: whether a guess of the witness explains all that is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from tests.stark.circuits import Example
from tests.stark.reference.common import KOALABEAR
from tests.stark.reference.field import Element, evaluate, to_coefficients
from zkc.runtime.field.arrays import from_montgomery
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark import verifier
from zkc.runtime.stark.deep import Batch
from zkc.runtime.stark.parameters import Parameters
from zkc.runtime.stark.shape import StackClass

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Seen:
    """What a proof opens: the values at zeta, the leaf of every tree at each point x. Canonical."""

    batch: Batch
    opened: list[Element]
    zeta: Element
    leaves: list[list[list[int]]]
    x: list[int]


def seen_in(made: Example, proof: bytes, parameters: Parameters) -> Seen:
    """Reads a proof as a verifier does."""
    found: list[Seen] = []
    whole = verifier.deep_values

    def look(batch: Batch, leaves: list[Words], x: Words) -> Words:
        opened = [tuple(element) for element in canonical(batch.opened.T)]
        zeta = tuple(canonical(batch.zeta.words()))
        found.append(Seen(batch, opened, zeta, [canonical(each) for each in leaves], canonical(x)))
        return whole(batch, leaves, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "deep_values", look)
        verifier.verify(made.circuit, made.claim, proof, parameters, allow_insecure=True)
    return found[0]


def canonical(words: Words) -> list:  # type: ignore[type-arg]
    """Lists of canonical numbers."""
    words = np.array(words, dtype=np.uint32, order="C")
    from_montgomery(words)
    return words.tolist()


def explains(seen: Seen, traces: Mapping[str, npt.NDArray[np.uint32]], masks: int, *, thin: bool | None = None) -> bool:
    """Whether masks of so many coefficients exist with which these traces open to what was seen of the trace tree.

    thin: looks at columns of thin parts alone, or at the others alone.
    """
    shape = seen.batch.shape
    columns = [to_coefficients(KOALABEAR, list(map(int, c[part.rows]))) for part in shape.parts for c in traces[part.table.name]]
    tree = len(shape.trees) - 3
    first = shape.trace.matrices[0].offset
    return all(
        consistent(equations(seen, tree, each, j, [columns[k - first] for k in stack_of(each, j)], masks))
        for each in shape.trace.classes
        if thin is None or thin == (each.log_rows < each.log_height)
        for j in range(each.polynomials)
    )


def stack_of(each: StackClass, polynomial: int) -> Sequence[int]:
    return each.columns[polynomial * each.slots : (polynomial + 1) * each.slots]


def equations(seen: Seen, tree: int, each: StackClass, polynomial: int, guess: list[list[int]], masks: int) -> list[list[int]]:
    """Rows over F_p in the coefficients of the masks of one stack, the right side last: six for each column at zeta, one for each point."""
    f, rows_of_part, slots = KOALABEAR, 1 << each.log_rows, len(guess)
    k = 1 << each.log_slots
    z = f.power(seen.zeta, k)
    rows: list[list[int]] = []
    over = f.sub(f.power(z, rows_of_part), f.lift(1))
    powers = [f.mul(over, power) for power in f.powers(z, masks)[:masks]]
    for slot, column in enumerate(guess):
        rest = f.sub(seen.opened[stack_of(each, polynomial)[slot]], evaluate(f, column, z))
        for c in range(6):
            row = [0] * (slots * masks)
            row[slot * masks : (slot + 1) * masks] = [power[c] for power in powers]
            rows.append([*row, rest[c]])
    for leaf, x in zip(seen.leaves[tree], seen.x, strict=True):
        y = pow(x, k, P)
        own = sum(pow(x, i, P) * evaluate(f, column, f.lift(y))[0] for i, column in enumerate(guess))
        row = [pow(x, i, P) * (pow(y, rows_of_part, P) - 1) * pow(y, j, P) % P for i in range(slots) for j in range(masks)]
        rows.append([*row, (leaf[each.word + polynomial] - own) % P])
    return rows


def consistent(rows: list[list[int]]) -> bool:
    """Whether a linear system over F_p, right sides last, has a solution."""
    matrix = np.array(rows, dtype=np.int64)
    return rank(matrix[:, :-1]) == rank(matrix)


def rank(matrix: npt.NDArray[np.int64]) -> int:
    """Over F_p."""
    matrix, found = matrix.copy() % P, 0
    for column in range(matrix.shape[1]):
        below = np.flatnonzero(matrix[found:, column])
        if not len(below):
            continue
        pivot = found + int(below[0])
        matrix[[found, pivot]] = matrix[[pivot, found]]
        matrix[found] = matrix[found] * pow(int(matrix[found, column]), -1, P) % P
        for other in found + 1 + np.flatnonzero(matrix[found + 1 :, column]):
            matrix[other] = (matrix[other] - matrix[other, column] * matrix[found]) % P
        found += 1
        if found == len(matrix):
            break
    return found
