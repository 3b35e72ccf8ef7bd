"""Equations over the integers: nodes as polynomials with rational coefficients, and whether they can hold only modulo p."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from math import prod

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, signed
from zkc.runtime.circuit.circuit import MUL
from zkc.runtime.field.koalabear import P

Monomial = tuple[int, ...]
"""Columns, in order; () is 1."""
Rational = dict[Monomial, Fraction]
MAX_SHIFT = 24
SMALL = 1 << 17


def fraction(value: int) -> Fraction:
    """The fraction with a power of two below it that a field element stands for, if there is a short one."""
    for k in range(MAX_SHIFT + 1):
        v = signed(value << k)
        if abs(v) <= SMALL:
            return Fraction(v, 1 << k)
    return Fraction(signed(value))


class Exact:
    """Equations of a row that hold over the integers."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.row = state.row

    def equations(self, near: int) -> list[Rational]:
        """Equations with products of two forms that bear on the columns `near` and cannot wrap; () if there is only one such product."""
        group = [n for n in self.row.zero if self.state.unknown(n) & near and self._has_products(n)]
        if len(group) < 2:
            return []
        return [q for n in group if (q := self._expand(n)) is not None and self._cannot_wrap(n)]

    def _has_products(self, node: int) -> bool:
        linear = self.row.linear(node)
        products = [x for x in linear if x != ONE and self.row.nodes[x][0] == MUL]
        return bool(products) and len(linear) > 1 and all(len(self.row.factors(x)) == 2 for x in products)

    def _expand(self, node: int) -> Rational | None:
        out: Rational = {}
        for atom, c in self.row.linear(node).items():
            k = fraction(c)
            parts = [{(): Fraction(1)}] if atom == ONE else [self._affine(x) for x in self.row.direct_factors(atom)]
            known = [p for p in parts if p is not None]
            if len(known) < len(parts):
                return None
            for terms in itertools.product(*(p.items() for p in known)):
                key = tuple(sorted(x for m, _ in terms for x in m))
                out[key] = out.get(key, Fraction(0)) + k * prod((c for _, c in terms), start=Fraction(1))
        return {m: c for m, c in out.items() if c}

    def _affine(self, node: int) -> Rational | None:
        """A factor: a column, or a form that is looked up and small enough to be the same over the rationals."""
        linear = self.row.linear(node)
        if self.row.columns_in(linear) is None:
            return None
        out: Rational = {(() if x == ONE else (self.row.nodes[x][1],)): fraction(c) for x, c in linear.items()}
        if any(c != 1 or not m for m, c in out.items()) and not self._small(out, self._bound(linear) or 0):
            return None
        return out

    def _small(self, form: Rational, high: int) -> bool:
        """The form times its denominator, minus that times a value below `high`, stays below p."""
        d = max(c.denominator for c in form.values())
        if d > 1 and not high:
            return False
        return d * high + sum(int(abs(c * d)) * prod(self.state.columns.get(x, P) for x in m) for m, c in form.items()) < P

    def _bound(self, linear: Mapping[int, int]) -> int | None:
        """What a form that is looked up is below."""
        return next((high for n, high in self.state.ranges if self.row.linear(n) == linear), None)

    def _cannot_wrap(self, node: int) -> bool:
        """All terms together are below p."""
        total = Fraction(0)
        for atom, c in self.row.linear(node).items():
            k = fraction(c)
            if k.denominator != 1:
                return False
            total += abs(k) * (1 if atom == ONE else prod(self._high(f) for f in self.row.direct_factors(atom)))
        return total < P

    def _high(self, node: int) -> int:
        column = self.row.column_of(node)
        high = self.state.columns.get(column) if column is not None else self._bound(self.row.linear(node))
        return P if high is None else high
