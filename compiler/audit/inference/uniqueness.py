"""z3 is asked whether a small cluster of unknown columns is determined: for values that come near p."""

from __future__ import annotations

from collections.abc import Sequence

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, Linear, bits_of
from zkc.compiler.audit.query import Query

MOST = 6
"""Columns of a cluster."""
STEPS = 500_000
"""Of z3, for one question: those that are answered take a tenth of it."""
Inverse = tuple[int, Linear, Linear]
"""An equation e * column + rest == 0, e, rest."""


def apply(state: State, near: int) -> bool:
    """Learns from the first cluster that says something. Whether there is one."""
    done = 0
    for column in bits_of(near):
        if not (done | state.known) >> column & 1:
            cluster = state.component(1 << column)
            done |= cluster
            if 1 < cluster.bit_count() <= MOST and _Cluster(state, cluster).learn():
                return True
    return False


class _Cluster:
    def __init__(self, state: State, cluster: int) -> None:
        self.state = state
        self.row = state.row
        self.cluster = cluster
        self.facts = [n for n in self.row.zero if self._inside(n)]
        self.shared = [n for n in self.row.shared if self._inside(n)]
        self.ranges = [(n, high) for n, high in state.ranges if self._inside(n)]

    def _inside(self, node: int) -> bool:
        unknown = self.state.unknown(node)
        return bool(unknown) and not unknown & ~self.cluster

    def learn(self) -> bool:
        """Whether a column is shown to be equal in both copies."""
        hints = {c: f for c in bits_of(self.cluster) if (f := self._inverse(c)) is not None}
        q = self._two_copies(list(hints.values()))
        learned = 0
        for column in bits_of(self.cluster):
            if column not in hints:
                q.solver.push()
                if q.refutes(q.variable(column, "a") != q.variable(column, "b"), STEPS):
                    learned |= 1 << column
                q.solver.pop()
        return self.state.learn(learned)

    def _two_copies(self, inverses: Sequence[Inverse]) -> Query:
        q, known = Query(self.row), self.state.known
        for copy in "ab":
            for n in self.facts:
                inverse = next((h for h in inverses if h[0] == n), None)
                if inverse is not None:
                    e, rest = (q.residue(x, copy, known) for x in inverse[1:])
                    q.solver.add(q.implies(e == 0, rest == 0))
                elif self._encodable(n):
                    q.vanishes(n, copy, known)
            for n, high in self.ranges:
                if self._linear(n):
                    q.solver.add(q.residue(self.row.linear(n), copy, known) < high)
        for n in self.shared:
            if self._linear(n):
                a, b = (q.residue(self.row.linear(n), copy, known) for copy in "ab")
                q.solver.add(a == b)
        return q

    def _linear(self, node: int) -> bool:
        return self.state.form(node) is not None

    def _encodable(self, node: int) -> bool:
        linear = self.row.linear(node)
        atom = next(iter(linear), ONE)
        factors = self.row.factors(atom) if len(linear) == 1 and atom != ONE else [node]
        return all(self._linear(f) for f in factors)

    def _inverse(self, column: int) -> Inverse | None:
        """A column that stands once, in e * column + rest == 0: all that says is that rest is 0 where e is."""
        row, bit = self.row, 1 << column
        where = [n for n in self.facts if row.support[n] & bit]
        if len(where) != 1 or any(row.support[n] & bit for n in (*self.shared, *(n for n, _ in self.ranges))):
            return None
        linear = row.linear(where[0])
        atoms = [x for x in linear if x != ONE and row.support[x] & bit]
        others = [f for f in row.factors(atoms[0]) if not row.support[f] & bit]
        if len(atoms) != 1 or len(row.factors(atoms[0])) != 2 or len(others) != 1 or not self._linear(others[0]):
            return None
        rest = {x: c for x, c in linear.items() if x != atoms[0]}
        unknown = {x: c for x, c in rest.items() if x != ONE and self.state.unknown(x)}
        return None if row.columns_in(unknown) is None else (where[0], row.linear(others[0]), rest)
