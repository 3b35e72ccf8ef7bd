"""Questions to z3 about columns, over integers below p with explicit multiples of p."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from zkc.compiler.audit.polynomials import ONE, signed
from zkc.compiler.audit.row import Row
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P

STEPS: Final = 20_000_000
"""What z3 may spend on one question, in its own units: the answer does not depend on how busy the machine is."""
ANSWERS_KEPT: Final = 50_000
LIMITS: Final = {"arith.enable_hnf": False, "timeout": 100_000}
"""Without cuts from Hermite normal forms: their numbers grow without end, which z3 does not count as steps. The time, in ms, is for what
else it may not count."""


class _Answers(threading.local):
    """Questions that were asked before, as z3 writes them."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}


_answers = _Answers()


class Query:
    """A question about one row or about copies of a few columns of it. The solver may be used directly.

    Each question has a context of its own, so that its answer does not depend on what was asked before, nor on other threads.
    """

    def __init__(self, row: Row) -> None:
        try:
            import z3  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise InputError("the audit needs z3", hint="pip install z3-solver") from None
        self.z3: Any = z3
        self.row = row
        self.context: Any = z3.Context()
        self.solver: Any = z3.Solver(ctx=self.context)
        self.solver.set(**LIMITS)
        self._variables: dict[object, Any] = {}
        self._order: dict[object, int] = {}

    # terms of this question

    def integer(self, name: str) -> Any:
        """An integer without bounds."""
        return self.z3.Int(name, self.context)

    def number(self, value: int) -> Any:
        return self.z3.IntVal(value, self.context)

    def all(self, claims: Iterable[Any]) -> Any:
        return self.z3.And(self.z3.BoolVal(True, self.context), *claims)

    def any(self, claims: Iterable[Any]) -> Any:
        return self.z3.Or(self.z3.BoolVal(False, self.context), *claims)

    def no(self, claim: Any) -> Any:
        return self.z3.Not(claim, self.context)

    def implies(self, claim: Any, other: Any) -> Any:
        return self.z3.Implies(claim, other, self.context)

    def choose(self, claim: Any, a: Any, b: Any) -> Any:
        """a if the claim holds, else b."""
        return self.z3.If(claim, a, b, self.context)

    # columns

    def variable(self, key: object, copy: str = "") -> Any:
        """An element of the field; columns are keys."""
        name = (key, copy)
        if name not in self._variables:
            v = self._variables[name] = self.integer(f"x{self._order.setdefault(key, len(self._order))}{copy}")
            self.solver.add(v >= 0, v < P)
        return self._variables[name]

    def bound(self, column: int, high: int) -> None:
        """The column is below this; nothing if the question does not speak of it."""
        if (column, "") in self._variables:
            self.solver.add(self._variables[column, ""] < high)

    def residue(self, linear: Mapping[int, int], copy: str = "", shared: int = 0) -> Any:
        """The value in 0..p of a linear form over columns; atoms within `shared` (a mask) are one opaque value of all copies."""
        row = self.row
        opaque = frozenset((x, c) for x, c in linear.items() if x != ONE and not row.support[x] & ~shared)
        terms: list[tuple[int, Any]] = [(1, self.variable(opaque))] if opaque else []
        for x, c in linear.items():
            if x != ONE and (x, c) not in opaque:
                column = row.column_of(x)
                assert column is not None
                terms.append((c, self.variable(column, copy)))
        v = self.variable(("value", len(self._variables)), copy)
        k = self.integer(f"k{len(self._variables)}")
        terms.append((-1 % P, v))
        scale = min((1 << s for s in range(25)), key=lambda m: max(abs(signed(c * m)) for c, _ in terms))
        total = self.z3.Sum([signed(c * scale) * t for c, t in terms])
        self.solver.add(total + signed(linear.get(ONE, 0) * scale) == P * k)
        return v

    def vanishes(self, node: int, copy: str = "", shared: int = 0) -> None:
        """The node is 0: a product has a factor that is."""
        linear = self.row.linear(node)
        atom = next(iter(linear), ONE)
        if len(linear) == 1 and atom != ONE:
            factors = self.row.factors(atom)
            self.solver.add(self.any(self.residue(self.row.linear(f), copy, shared) == 0 for f in factors))
        else:
            self.solver.add(self.residue(linear, copy, shared) == 0)

    def refutes(self, claim: Any, steps: int = STEPS) -> bool:
        """Whether no values satisfy everything and `claim`; no if z3 does not find out in so many of its steps."""
        self.solver.add(claim)
        key = self.solver.sexpr()
        known = _answers.known
        if key not in known:
            if len(known) >= ANSWERS_KEPT:
                known.clear()
            self.solver.set("rlimit", steps)
            known[key] = self.solver.check() == self.z3.unsat
        return known[key]
