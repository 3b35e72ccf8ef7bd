"""Polynomials over the columns of one table, as a hash-consed list of nodes (the format of zkc.runtime.circuit.Table.nodes)."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from zkc.runtime.circuit import ADD, COLUMN, CONSTANT, MUL, SUB
from zkc.runtime.field.koalabear import P

Node = tuple[int, int, int]
BOUND = 1 << 96  # beyond this a value counts as any field element


@dataclass(frozen=True)
class Interval:
    """Integers numerator / denominator with low <= numerator <= high."""

    low: int
    high: int
    denominator: int = 1

    def scaled(self, denominator: int) -> tuple[int, int]:
        k = denominator // self.denominator
        return self.low * k, self.high * k


def add_intervals(a: Interval, b: Interval, sign: int) -> Interval:
    d = lcm(a.denominator, b.denominator)
    (al, ah), (bl, bh) = a.scaled(d), b.scaled(d)
    return Interval(al + bl, ah + bh, d) if sign > 0 else Interval(al - bh, ah - bl, d)


def mul_intervals(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return Interval(min(corners), max(corners), a.denominator * b.denominator)


class Polynomials:
    """The nodes of one table. Equal expressions are the same node; constants fold.

    `interval` bounds a node over the integers where that is known.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.degrees: list[int] = []
        self.at_zero: list[int] = []
        self.known: dict[int, Interval] = {}
        self._derived: dict[int, Interval | None] = {}
        self._ids: dict[Node, int] = {}

    def _node(self, node: Node, degree: int, at_zero: int) -> int:
        found = self._ids.get(node)
        if found is None:
            found = self._ids[node] = len(self.nodes)
            self.nodes.append(node)
            self.degrees.append(degree)
            self.at_zero.append(at_zero)
        return found

    def learn(self, node: int, interval: Interval | None) -> None:
        """The node is within these bounds."""
        if interval is not None:
            self.known[node] = interval
            self._derived.clear()

    def restore(self, known: dict[int, Interval]) -> None:
        """Forgets what was learned since `known` was copied."""
        self.known = known
        self._derived.clear()

    def interval(self, node: int) -> Interval | None:
        """Bounds of the node over the integers, from what is known of its columns; None if it may be any field element."""
        stack = [node]
        while stack:
            top = stack[-1]
            if top in self.known or top in self._derived:
                stack.pop()
                continue
            op, a, b = self.nodes[top]
            if op == COLUMN:
                self._derived[top] = None
                continue
            waiting = [x for x in (a, b) if x not in self.known and x not in self._derived]
            if waiting:
                stack += waiting
                continue
            self._derived[top] = self._combine(op, a, b)
        return self.known.get(node) or self._derived.get(node)

    def _combine(self, op: int, a: int, b: int) -> Interval | None:
        ia, ib = (self.known.get(x) or self._derived.get(x) for x in (a, b))
        if ia is None or ib is None:
            return None
        found = mul_intervals(ia, ib) if op == MUL else add_intervals(ia, ib, 1 if op == ADD else -1)
        return None if max(-found.low, found.high, found.denominator) > BOUND else found

    def column(self, index: int, interval: Interval | None) -> int:
        node = self._node((COLUMN, index, 0), 1, 0)
        self.learn(node, interval)
        return node

    def constant(self, value: int, interval: Interval | None = None) -> int:
        """A constant; `interval` is given for a rational, else the value is an integer."""
        node = self._node((CONSTANT, value % P, 0), 0, value % P)
        if node not in self.known:
            self.known[node] = interval or Interval(value, value)
        return node

    def constant_value(self, node: int) -> int | None:
        op, value, _ = self.nodes[node]
        return value if op == CONSTANT else None

    def add(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        if ca is not None and cb is not None:
            return self.constant(ca + cb, self._combine(ADD, a, b))
        if ca == 0:
            return b
        if cb == 0:
            return a
        if a > b:
            a, b = b, a
        return self._node((ADD, a, b), max(self.degrees[a], self.degrees[b]), (self.at_zero[a] + self.at_zero[b]) % P)

    def sub(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        if ca is not None and cb is not None:
            return self.constant(ca - cb, self._combine(SUB, a, b))
        if cb == 0:
            return a
        if a == b:
            return self.constant(0)
        return self._node((SUB, a, b), max(self.degrees[a], self.degrees[b]), (self.at_zero[a] - self.at_zero[b]) % P)

    def mul(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        if ca is not None and cb is not None:
            return self.constant(ca * cb, self._combine(MUL, a, b))
        if ca == 0 or cb == 0:
            return self.constant(0)
        if ca == 1:
            return b
        if cb == 1:
            return a
        if a > b:
            a, b = b, a
        return self._node((MUL, a, b), self.degrees[a] + self.degrees[b], self.at_zero[a] * self.at_zero[b] % P)

    def divide(self, a: int, value: int) -> int:
        """a / value in the field, for a constant value != 0."""
        sign = -1 if value < 0 else 1
        return self.mul(a, self.constant(pow(value, -1, P), Interval(sign, sign, abs(value))))

    def sum(self, terms: list[int]) -> int:
        total = self.constant(0)
        for term in terms:
            total = self.add(total, term)
        return total

    def reachable(self, roots: list[int]) -> list[int]:
        """The nodes that the roots need, in order."""
        needed = set(roots)
        for i in range(max(roots, default=-1), -1, -1):
            if i in needed and self.nodes[i][0] >= ADD:
                needed.update(self.nodes[i][1:])
        return sorted(needed)

    def evaluate(self, node: int, columns: list[int]) -> int:
        """The value mod p for the given column values (a plain reference)."""
        values: dict[int, int] = {}
        for i in self.reachable([node]):
            op, a, b = self.nodes[i]
            if op == COLUMN:
                values[i] = columns[a]
            elif op == CONSTANT:
                values[i] = a
            elif op == ADD:
                values[i] = (values[a] + values[b]) % P
            elif op == SUB:
                values[i] = (values[a] - values[b]) % P
            else:
                values[i] = values[a] * values[b] % P
        return values[node]
