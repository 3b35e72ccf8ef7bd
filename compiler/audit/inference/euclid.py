"""The lemma of Euclid: q d + r = n over the integers with 0 <= r < d determines q and r.

The equations of a product with known factors are summed so that carries cancel. What remains must be Q D + R = known, with Q and R linear
forms of unknown columns, D one of known columns. Every equation summed must hold over the integers, because it is too small to wrap;
R < D is shown by z3 from the other equations of the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zkc.compiler.audit.inference.rational import Exact, Rational
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE
from zkc.compiler.audit.query import Query

Weights = dict[int, Fraction]
"""A linear form over columns with rational coefficients."""


def columns(state: State, near: int) -> int:
    """Columns that the lemma determines, as a mask."""
    found = 0
    for e in without_carries(Exact(state).equations(near), state.known):
        parts = divide(e, state.known)
        if parts is None:
            continue
        quotient, divisor, rest = parts
        if not divisor:
            found |= _digits(state, rest)
        elif _below(state, rest, divisor):
            found |= _digits(state, quotient) | _digits(state, rest)
    return found


def _digits(state: State, form: Weights) -> int:
    """The columns of a form whose integer value is known, if they are its digits."""
    total = Fraction(0)
    for c, weight in sorted(form.items(), key=lambda item: item[1]):
        if c not in state.columns or weight <= total:
            return 0
        total += weight * (state.columns[c] - 1)
    return sum(1 << c for c in form)


def without_carries(polynomials: Sequence[Rational], known: int) -> list[Rational]:
    """Sums in which the unknown columns that are linear in exactly two polynomials cancel."""
    work = list(polynomials)
    while (step := _carry(work, known)) is not None:
        column, i, j = step
        a, b = work[i], work[j]
        k = -a[(column,)] / b[(column,)]
        total = dict(a)
        for m, c in b.items():
            total[m] = total.get(m, Fraction(0)) + k * c
        work = [w for n, w in enumerate(work) if n not in (i, j)] + [{m: c for m, c in total.items() if c}]
    return work


def _carry(work: Sequence[Rational], known: int) -> tuple[int, int, int] | None:
    places: dict[int, list[tuple[int, int]]] = {}
    for i, w in enumerate(work):
        for m in w:
            for x in m:
                places.setdefault(x, []).append((i, len(m)))
    for x, where in places.items():
        if not known >> x & 1 and len(where) == 2 and all(n == 1 for _, n in where) and where[0][0] != where[1][0]:
            return x, where[0][0], where[1][0]
    return None


def divide(e: Rational, known: int) -> tuple[Weights, Weights, Weights] | None:
    """Q, D and R with e = Q D + R + something known."""
    table: dict[tuple[int, int], Fraction] = {}
    rest: Weights = {}
    for m, c in e.items():
        unknown = [x for x in m if not known >> x & 1]
        if len(unknown) > 1:
            return None
        if len(m) == 2 and unknown:
            table[unknown[0], m[0] if m[1] == unknown[0] else m[1]] = c
        elif unknown:
            rest[unknown[0]] = c
    if not table:
        return {}, {}, rest
    x0, y0 = min(table, key=lambda xy: abs(table[xy]))
    divisor = {y: c for (x, y), c in table.items() if x == x0}
    quotient = {x: c / table[x0, y0] for (x, y), c in table.items() if y == y0}
    if table != {(x, y): a * b for x, a in quotient.items() for y, b in divisor.items()}:
        return None
    return None if any(a.denominator != 1 for a in quotient.values()) else (quotient, divisor, rest)


def _below(state: State, rest: Weights, divisor: Weights) -> bool:
    """0 <= R < D in every row."""
    if any(c < 0 for c in (*rest.values(), *divisor.values())):
        return False
    row, r, d = state.row, _mask(rest), _mask(divisor)
    both = r | d
    for n in row.zero:
        if row.support[n] & r and row.support[n] & d and _plain(state, n):
            both |= row.support[n]
    q = Query(row)
    for n in row.zero:
        if row.support[n] and not row.support[n] & ~both and _plain(state, n):
            q.vanishes(n)
    for n in _nonzero(state):
        if not row.support[n] & ~both and _plain(state, n):
            q.solver.add(q.residue(row.linear(n)) != 0)
    for c in (*rest, *divisor):
        q.variable(c)
    for c, high in state.columns.items():
        q.bound(c, high)
    scale = max(c.denominator for c in (*rest.values(), *divisor.values()))

    def total(form: Weights) -> Any:
        return sum(int(k * scale) * q.variable(c) for c, k in form.items())

    return q.refutes(total(rest) >= total(divisor))


def _mask(form: Weights) -> int:
    return sum(1 << c for c in form)


def _nonzero(state: State) -> list[int]:
    """Nodes that have an inverse: a product of them is a constant."""
    found: list[int] = []
    for n in state.row.zero:
        linear = state.row.linear(n)
        atoms = [x for x in linear if x != ONE]
        if len(atoms) == 1 and ONE in linear:
            found += state.row.direct_factors(atoms[0])
    return found


def _plain(state: State, node: int) -> bool:
    """A product of forms of bounded columns."""
    row = state.row
    linear = row.linear(node)
    atom = next(iter(linear), ONE)
    factors = row.factors(atom) if len(linear) == 1 and atom != ONE else [node]
    forms = [row.columns_in(row.linear(f)) for f in factors]
    return all(form is not None and form.keys() <= state.columns.keys() for form in forms)
