"""A row of one arm as facts about integers: variables with bounds, polynomials that are 0 modulo p, lookups.

Every linear form that is looked up or is a bit becomes a variable of its own, with an equation (`a.lo == b0 + 256 b1`): so there are no
fractions left, and almost every equation is too small to wrap. What is too large to expand is left out: fewer facts prove less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, bits_of, signed
from zkc.compiler.audit.row import Row
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL
from zkc.runtime.field.koalabear import P

Poly = dict[tuple[int, ...], int]
"""Monomials (variables in order) with coefficients modulo p."""
Interval = tuple[int, int]
"""From, to; both belong to it."""
FIRST_OWN: Final = 1 << 16
"""Variables below are columns."""
MOST: Final = 400
"""Monomials of a product."""


class TooLarge(Exception):
    """A polynomial that is not expanded."""


def scaled(a: Poly, k: int) -> Poly:
    return {m: c * k % P for m, c in a.items() if c * k % P}


def plus(a: Poly, b: Poly, k: int = 1) -> Poly:
    """a + k b."""
    total = dict(a)
    for m, c in b.items():
        total[m] = (total.get(m, 0) + k * c) % P
    return {m: c for m, c in total.items() if c}


def times(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > MOST:
        raise TooLarge
    total: Poly = {}
    for m, c in a.items():
        for n, d in b.items():
            key = tuple(sorted(m + n))
            total[key] = (total.get(key, 0) + c * d) % P
    return {m: c for m, c in total.items() if c}


@dataclass(frozen=True)
class Equation:
    """One of `factors` is 0; if all of `when` are."""

    factors: tuple[Poly, ...]
    when: tuple[Poly, ...] = ()


class Facts:
    """given: bounds of what the row receives. Variables have bounds in `bounds`, from 0; any element of the field is a number below p.

    A column that may be negative is a variable and a constant: `least` of it.
    """

    def __init__(self, row: Row, tables: FixedTables, given: Mapping[int, Interval]) -> None:
        self.row = row
        self.state = State(row, 0, tables, 0)
        self.bounds: dict[int, int] = {column: high - 1 for column, high in self.state.columns.items()}
        self.least: dict[int, int] = {}
        for column, (low, high) in given.items():
            self.bounds[column] = min(high - low, self.bounds.get(column, P - 1))
            self.least[column] = low
        self._memo: dict[int, Poly] = {}
        self._named: dict[int, int] = {}
        self.equations: list[Equation] = []
        used = self._name_forms()
        self.equations += [e for n in row.zero if n not in used and (e := self._equation(n)) is not None]
        self.lookups = [(t, [self.poly(a) for a in args]) for t, args in row.lookups]

    def bound(self, m: tuple[int, ...]) -> int:
        """The most that a monomial can be."""
        return math.prod(self.bounds.get(v, P - 1) for v in m)

    def integral(self, poly: Poly) -> tuple[int, dict[tuple[int, ...], int], Interval]:
        """A power of two, integers that are the polynomial times it modulo p, and the interval of their sum."""
        scale = min((1 << s for s in range(49)), key=lambda k: max((abs(signed(c * k)) for c in poly.values()), default=0))
        terms = {m: signed(c * scale) for m, c in poly.items()}
        constant = terms.get((), 0)
        low = constant + sum(c * self.bound(m) for m, c in terms.items() if c < 0 and m)
        high = constant + sum(c * self.bound(m) for m, c in terms.items() if c > 0 and m)
        return scale, terms, (low, high)

    def poly(self, node: int) -> Poly:
        """A node as a polynomial in variables."""
        stack = [node]
        while stack:
            top = stack[-1]
            op, a, b = self.row.nodes[top]
            waiting = [x for x in (a, b) if x not in self._memo] if op > CONSTANT else []
            if top in self._memo or not waiting:
                stack.pop()
                if top not in self._memo:
                    self._memo[top] = {(self._named[top],): 1} if top in self._named else self._of(op, a, b)
            else:
                stack += waiting
        return self._memo[node]

    def _of(self, op: int, a: int, b: int) -> Poly:
        if op == COLUMN:
            return plus({(a,): 1}, {(): self.least.get(a, 0)})
        if op == CONSTANT:
            return {(): a} if a else {}
        if op == MUL:
            return times(self._memo[a], self._memo[b])
        return plus(self._memo[a], self._memo[b], 1 if op == ADD else -1)

    # forms that have bounds

    def _name_forms(self) -> set[int]:
        """The equations that say that a form is a bit."""
        used: set[int] = set()
        for node, high in self.state.ranges:
            self._name(node, high)
        for zero in self.row.zero:
            factors = self.row.direct_factors(zero)
            for x, y in (factors, factors[::-1]) if len(factors) == 2 else ():
                if zero not in used and self.row.complements(x, y) and self.row.mask_of(self.row.linear(x)):
                    used.add(zero)
                    self._name(x, 2)
        return used

    def _name(self, node: int, high: int) -> None:
        if self.row.column_of(node) is not None or not self.row.mask_of(self.row.linear(node)):
            return
        own = FIRST_OWN + node
        if node not in self._named:
            self.equations.append(Equation((plus(self.poly(node), {(own,): 1}, -1),)))
            self._named[node] = own
            self._memo.clear()
        self.bounds[own] = min(high - 1, self.bounds.get(own, high))

    # equations

    def _equation(self, node: int) -> Equation | None:
        linear = self.row.linear(node)
        atom = next(iter(linear), ONE)
        factors = self.row.factors(atom) if len(linear) == 1 and atom != ONE else [node]
        try:
            if len(factors) == 1 and (free := self._inverses(node)):
                return self._with_inverses(self.poly(node), free)
            return Equation(tuple(self.poly(f) for f in factors))
        except TooLarge:
            return None

    def _inverses(self, node: int) -> set[int]:
        """Columns without bounds that stand nowhere else."""
        return {c for c in bits_of(self.row.support[node]) if c not in self.bounds and self.row.stands_once(node, 1 << c)}

    def _with_inverses(self, poly: Poly, free: set[int]) -> Equation | None:
        """E i + … + R is 0 for some i: R is 0 where all E are."""
        when: dict[int, Poly] = {}
        rest: Poly = {}
        for m, c in poly.items():
            own = [v for v in m if v in free]
            if len(own) > 1:
                return None
            if own:
                when.setdefault(own[0], {})[tuple(v for v in m if v != own[0])] = c
            else:
                rest[m] = c
        if any(e.keys() == {()} for e in when.values()):
            return Equation((poly,))
        return Equation((rest,), tuple(when.values()))
