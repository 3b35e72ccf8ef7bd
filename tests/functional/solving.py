"""Facts of a row as linear terms of z3 over the integers. A product of variables is any integer within its bounds,
but for one by 0 or 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import z3

from tests.functional.facts import Facts, Poly
from zkc.compiler.audit.query import LIMITS
from zkc.runtime.field.koalabear import P

STEPS: Final = 5_000_000
"""Of z3, for one claim: its own units, which do not depend on how busy the machine is."""
AND_OF_BYTES: Final[Any] = z3.Function("and_of_bytes", z3.IntSort(), z3.IntSort(), z3.IntSort())


def _and_of_bytes(x: Any, y: Any, both: Any) -> list[Any]:
    return [AND_OF_BYTES(x, y) == both, both <= x, both <= y, x + y - both <= 255]


OF_BYTES: Final[Mapping[str, Any]] = {
    name: z3.Function(name, z3.IntSort(), z3.IntSort()) for name in ("leading_zeros", "trailing_zeros", "byte_ones")
}
"""Functions of a byte, as the fixed tables have them."""


def _zeros(name: str) -> Callable[..., list[Any]]:
    def meaning(x: Any, zeros: Any, none: Any) -> list[Any]:
        return [OF_BYTES[name](x) == zeros, zeros >= 0, zeros <= 8, none == z3.If(x == 0, 1, 0), z3.Implies(x == 0, zeros == 8)]

    return meaning


def _byte_ones(x: Any, ones: Any) -> list[Any]:
    return [OF_BYTES["byte_ones"](x) == ones, ones >= 0, ones <= 8]


MEANINGS: Final[Mapping[str, Callable[..., list[Any]]]] = {
    "bytes_and": _and_of_bytes,
    "byte_ones": _byte_ones,
    **{name: _zeros(name) for name in ("leading_zeros", "trailing_zeros")},
}
"""What is true of the fields of a fixed table; a test compares all of its rows."""


class Solver:
    """What is known of a row, and questions about it."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.z3: Any = z3.Solver()
        self.z3.set(**LIMITS)
        self._variables: dict[object, Any] = {}
        self._values: dict[object, Any] = {}
        for e in facts.equations:
            claim = z3.Or([self.is_zero(f) for f in e.factors])
            self.z3.add(z3.Implies(z3.And([self.is_zero(w) for w in e.when]), claim) if e.when else claim)
        for table, fields in facts.lookups:
            if table in MEANINGS:
                self.z3.add(*MEANINGS[table](*(self.value(f) for f in fields)))

    def variable(self, key: object, low: int, high: int) -> Any:
        """An integer within bounds."""
        if key not in self._variables:
            v = self._variables[key] = z3.Int(f"v{len(self._variables)}")
            self.z3.add(v >= low, v <= high)
        return self._variables[key]

    def monomial(self, m: tuple[int, ...]) -> Any:
        """A product. One of a bit is the rest of it, or 0."""
        new = m not in self._variables
        v = self.variable(m, 0, self.facts.bound(m))
        bits = [x for x in m if self.facts.bound((x,)) == 1]
        if new and bits and len(m) > 1:
            rest = list(m)
            rest.remove(bits[0])
            self.z3.add(v == z3.If(self.monomial((bits[0],)) == 1, self.monomial(tuple(rest)), 0))
        elif new and len(m) > 1:
            for i, x in enumerate(m):
                one = self.monomial((x,))
                self.z3.add(z3.Implies(one == 0, v == 0))
                if self.facts.bound((x,)) == P - 1:
                    self.z3.add(z3.Implies(one == 1, v == self.monomial(m[:i] + m[i + 1 :])))
        return v

    def total(self, poly: Mapping[tuple[int, ...], int]) -> Any:
        """The sum."""
        return z3.Sum([z3.IntVal(0), *(c * self.monomial(m) if m else z3.IntVal(c) for m, c in poly.items())])

    def bytes(self) -> list[Any]:
        """What the row has that is a byte."""
        return [self.monomial((v,)) for v, high in self.facts.bounds.items() if high == 255]

    def is_zero(self, poly: Poly) -> Any:
        """Modulo p."""
        _, terms, (low, high) = self.facts.integral(poly)
        if -(-low // P) > high // P:
            return z3.BoolVal(False)
        return self.total(terms) == self._multiple(low, high)

    def value(self, poly: Poly) -> Any:
        """The number in 0..p that the polynomial is."""
        scale, terms, (low, high) = self.facts.integral(poly)
        if scale == 1 and low >= 0 and high < P:
            return self.total(terms)
        key = frozenset(poly.items())
        if key not in self._values:
            v = self._values[key] = self.variable(("value", key), 0, P - 1)
            self.z3.add(self.total(terms) - scale * v == self._multiple(low - scale * (P - 1), high))
        return self._values[key]

    def _multiple(self, low: int, high: int) -> Any:
        least, most = -(-low // P), high // P
        assert least <= most
        return z3.IntVal(least * P) if least == most else P * self.variable(("multiple", len(self._variables)), least, most)

    def proves(self, claim: Any, *assumed: Any) -> bool:
        """Whether the claim holds of every row, where what is assumed does. No if z3 does not find out in so many of its steps."""
        return self._check(z3.Not(claim), *assumed) == z3.unsat

    def possible(self) -> bool:
        """Whether any row fits."""
        return self._check() != z3.unsat

    def constant(self, term: Any) -> int | None:
        """The only value that an integer can have."""
        self.z3.set("rlimit", STEPS)
        if self.z3.check() != z3.sat:
            return None
        found = self.z3.model().eval(term, model_completion=True).as_long()
        return found if self.proves(term == found) else None

    def like(self, terms: Sequence[Any], others: Sequence[Any]) -> list[list[Any]]:
        """For each term those of the others that have its value in some row."""
        self.z3.set("rlimit", STEPS)
        if self.z3.check() != z3.sat:
            return [[] for _ in terms]
        values = [self.z3.model().eval(x, model_completion=True).as_long() for x in (*terms, *others)]
        return [[o for o, x in zip(others, values[len(terms) :], strict=True) if x == v] for v in values[: len(terms)]]

    def _check(self, *claims: Any) -> Any:
        self.z3.push()
        self.z3.add(*claims)
        self.z3.set("rlimit", STEPS)
        answer = self.z3.check()
        self.z3.pop()
        return answer
