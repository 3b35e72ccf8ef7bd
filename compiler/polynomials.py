"""Polynomials over the columns of one table, as a hash-consed list of nodes (the format of runtime.circuit.Table.nodes)."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from runtime.circuit import ADD, COLUMN, CONSTANT, MUL, SUB
from runtime.field.koalabear import P

Node = tuple[int, int, int]


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
    """The nodes of one table. Equal expressions are the same node; constants fold; `intervals` bounds a node over the integers where known."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.degrees: list[int] = []
        self.at_zero: list[int] = []
        self.intervals: dict[int, Interval] = {}
        self._ids: dict[Node, int] = {}

    def _node(self, node: Node, degree: int, at_zero: int, interval: Interval | None) -> int:
        found = self._ids.get(node)
        if found is None:
            found = self._ids[node] = len(self.nodes)
            self.nodes.append(node)
            self.degrees.append(degree)
            self.at_zero.append(at_zero)
        if interval is not None and found not in self.intervals:
            self.intervals[found] = interval
        return found

    def column(self, index: int, interval: Interval | None) -> int:
        return self._node((COLUMN, index, 0), 1, 0, interval)

    def constant(self, value: int, interval: Interval | None = None) -> int:
        """A constant; `interval` is given for a rational, else the value is an integer."""
        return self._node((CONSTANT, value % P, 0), 0, value % P, interval or Interval(value, value))

    def constant_value(self, node: int) -> int | None:
        op, value, _ = self.nodes[node]
        return value if op == CONSTANT else None

    def add(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        interval = self._combine(a, b, 1)
        if ca is not None and cb is not None:
            return self.constant(ca + cb, interval)
        if ca == 0:
            return b
        if cb == 0:
            return a
        if a > b:
            a, b = b, a
        return self._node((ADD, a, b), max(self.degrees[a], self.degrees[b]), (self.at_zero[a] + self.at_zero[b]) % P, interval)

    def sub(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        interval = self._combine(a, b, -1)
        if ca is not None and cb is not None:
            return self.constant(ca - cb, interval)
        if cb == 0:
            return a
        if a == b:
            return self.constant(0)
        return self._node((SUB, a, b), max(self.degrees[a], self.degrees[b]), (self.at_zero[a] - self.at_zero[b]) % P, interval)

    def mul(self, a: int, b: int) -> int:
        ca, cb = self.constant_value(a), self.constant_value(b)
        ia, ib = self.intervals.get(a), self.intervals.get(b)
        interval = mul_intervals(ia, ib) if ia and ib else None
        if ca is not None and cb is not None:
            return self.constant(ca * cb, interval)
        if ca == 0 or cb == 0:
            return self.constant(0)
        if ca == 1 and interval == ib:
            return b
        if cb == 1 and interval == ia:
            return a
        if a > b:
            a, b = b, a
        return self._node((MUL, a, b), self.degrees[a] + self.degrees[b], self.at_zero[a] * self.at_zero[b] % P, interval)

    def divide(self, a: int, value: int) -> int:
        """a / value in the field, for a constant value != 0."""
        sign = -1 if value < 0 else 1
        return self.mul(a, self.constant(pow(value, -1, P), Interval(sign, sign, abs(value))))

    def _combine(self, a: int, b: int, sign: int) -> Interval | None:
        ia, ib = self.intervals.get(a), self.intervals.get(b)
        return add_intervals(ia, ib, sign) if ia and ib else None

    def sum(self, terms: list[int]) -> int:
        total = self.constant(0)
        for term in terms:
            total = self.add(total, term)
        return total

    def import_from(self, other: Polynomials, node: int, columns: list[int]) -> int:
        """The node of `other`, with its column k replaced by our node columns[k]."""
        done: dict[int, int] = {}
        for i in other.reachable([node]):
            op, a, b = other.nodes[i]
            if op == COLUMN:
                done[i] = columns[a]
            elif op == CONSTANT:
                done[i] = self.constant(a)
            else:
                done[i] = {ADD: self.add, SUB: self.sub, MUL: self.mul}[op](done[a], done[b])
        return done[node]

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
