"""Of a few unknown columns, linear forms can differ between two rows by 0 (equations), by less than R (lookups), or by one of few values
(products of the same form plus constants). All differences are enumerated; a column for which only 0 is left is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from zkc.compiler.audit.inference.linear_algebra import independent, inverse
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, Linear, bits_of
from zkc.runtime.field.koalabear import P

FEW = 4
"""The most columns of a form."""
MAX_POINTS = 1 << 19
Allowed = int | tuple[int, ...]
"""What a difference can be: anything between -R and R, or one of some values."""
Form = tuple[tuple[tuple[int, int], ...], Allowed]
Points = npt.NDArray[np.int64]


def apply(state: State) -> bool:
    """Learns from small clusters of unknown columns. Whether there is news."""
    by_columns: dict[int, list[tuple[Linear, Allowed]]] = {}
    for form, allowed in _forms(state):
        by_columns.setdefault(sum(1 << c for c in form), []).append((form, allowed))
    clusters = {*by_columns, *(1 << c for mask in by_columns for c in bits_of(mask))} - {0}
    new = False
    for cluster in sorted(clusters, key=lambda m: (m.bit_count(), m)):
        if cluster & state.known:
            continue
        columns = list(bits_of(cluster))
        place = {c: i for i, c in enumerate(columns)}
        inside = {
            (tuple(sorted((place[c], k) for c, k in form.items())), allowed)
            for part in _within(cluster)
            for form, allowed in by_columns.get(part, ())
        }
        for i in bits_of(determined(len(columns), tuple(sorted(inside, key=repr)))):
            new = state.learn(1 << columns[i]) or new
    return new


def _within(mask: int) -> Iterator[int]:
    """All masks of some of these columns, of at most FEW: a table may have thousands of forms."""
    part = mask
    while part:
        yield part
        part = (part - 1) & mask
    yield 0


def _forms(state: State) -> Iterator[tuple[Linear, Allowed]]:
    """Linear forms of few unknown columns, and what they can differ by."""
    for node in state.facts:
        if state.unknown(node).bit_count() <= FEW and (form := state.form(node)):
            yield form, (0,)
    for node in state.row.zero:
        if 0 < state.unknown(node).bit_count() <= FEW and (found := _roots(state, node)) is not None:
            yield found
    for node, high in state.ranges:
        if 0 < state.unknown(node).bit_count() <= FEW and (form := state.form(node)):
            yield form, high


def _roots(state: State, node: int) -> tuple[Linear, Allowed] | None:
    """A product of the same linear form plus different constants: the form takes one of few values."""
    row = state.row
    linear = row.linear(node)
    factors = row.factors(next(iter(linear))) if len(linear) == 1 and ONE not in linear else []
    if len(factors) < 2:
        return None
    first = next((x for x in row.linear(factors[0]) if x != ONE and state.unknown(x)), None)
    forms: list[Linear] = []
    constants: list[int] = []
    for f in factors:
        form = dict(row.linear(f))
        constant = form.pop(ONE, 0)
        if first is None or first not in form:
            return None
        k = pow(form[first], -1, P)
        forms.append({x: c * k % P for x, c in form.items()})
        constants.append(constant * k % P)
    if any(f != forms[0] for f in forms):
        return None
    columns = row.columns_in({x: c for x, c in forms[0].items() if state.unknown(x)})
    return None if columns is None else (columns, tuple(sorted({(a - b) % P for a in constants for b in constants})))


@lru_cache(maxsize=100_000)
def determined(count: int, forms: tuple[Form, ...]) -> int:
    """Which of `count` columns (a mask) must have difference 0. Exact: enumerates the differences of `count` independent forms with few
    values and drops those that another form forbids."""
    chosen: list[Form] = []
    rows: list[list[int]] = []
    for form in sorted(forms, key=lambda f: _size(f[1])):
        dense = [dict(form[0]).get(i, 0) for i in range(count)]
        if len(chosen) < count and independent(rows, dense):
            chosen.append(form)
            rows.append(dense)
    if len(chosen) < count or prod(_size(f[1]) for f in chosen) > MAX_POINTS:
        return 0
    grids = np.meshgrid(*[_values(f[1]) for f in chosen], indexing="ij")
    points = [g.ravel() % P for g in grids]
    columns = [_combine(weights, points) for weights in inverse(rows)]
    for form, allowed in forms:
        value = _combine([dict(form).get(i, 0) for i in range(count)], columns)
        keep = (value < allowed) | (value > P - allowed) if isinstance(allowed, int) else np.isin(value, _values(allowed) % P)
        columns = [c[keep] for c in columns]
    return sum(1 << i for i, c in enumerate(columns) if not np.any(c))


def _size(allowed: Allowed) -> int:
    return 2 * allowed - 1 if isinstance(allowed, int) else len(allowed)


def _values(allowed: Allowed) -> Points:
    return np.arange(-allowed + 1, allowed, dtype=np.int64) if isinstance(allowed, int) else np.array(allowed, dtype=np.int64)


def _combine(weights: Sequence[int], points: Sequence[Points]) -> Points:
    total = np.zeros_like(points[0])
    for w, x in zip(weights, points, strict=True):
        if w:
            total = (total + w * x % P) % P
    return total
