"""Small matrices over the field."""

from __future__ import annotations

from collections.abc import Sequence

from zkc.runtime.field.koalabear import P

Rows = Sequence[Sequence[int]]


def independent(rows: Rows, new: Sequence[int]) -> bool:
    """Whether `new` is no combination of the rows, which are independent themselves."""
    work = [list(r) for r in rows]
    rest = list(new)
    for r in work:
        pivot = next(i for i, x in enumerate(r) if x)
        k = pow(r[pivot], -1, P)
        for other in (*work, rest):
            if other is not r and other[pivot]:
                factor = other[pivot] * k % P
                other[:] = [(x - factor * y) % P for x, y in zip(other, r, strict=True)]
    return any(rest)


def inverse(rows: Rows) -> list[list[int]]:
    """The inverse of a square matrix of independent rows."""
    n = len(rows)
    work = [list(r) + [int(i == j) for j in range(n)] for i, r in enumerate(rows)]
    for i in range(n):
        pivot = next(j for j in range(i, n) if work[j][i])
        work[i], work[pivot] = work[pivot], work[i]
        k = pow(work[i][i], -1, P)
        work[i] = [x * k % P for x in work[i]]
        for j in range(n):
            if j != i and work[j][i]:
                factor = work[j][i]
                work[j] = [(x - factor * y) % P for x, y in zip(work[j], work[i], strict=True)]
    return [r[n:] for r in work]
