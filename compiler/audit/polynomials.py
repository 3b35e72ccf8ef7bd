"""Polynomials over the columns of a row as numbered nodes (the format of Table.nodes of the circuit): equal ones are one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from zkc.compiler.ir.walk import bottom_up
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, SUB
from zkc.runtime.field.koalabear import P

Node = tuple[int, int, int]
Linear = dict[int, int]
"""A sum of atoms with coefficients: atoms are nodes, -1 is the constant 1."""
ONE = -1


def signed(value: int) -> int:
    """The integer nearest to 0 that a field element is."""
    value %= P
    return value - P if value > P // 2 else value


def bits_of(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Polynomials:
    """Nodes, only ever added to. support: for each node the columns in it, as a mask."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.support: list[int] = []
        self._ids: dict[Node, int] = {}
        self._linear: dict[int, Linear] = {}

    def _node(self, op: int, a: int, b: int) -> int:
        key = (op, a, b)
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.nodes)
            self.nodes.append(key)
            self.support.append(1 << a if op == COLUMN else 0 if op == CONSTANT else self.support[a] | self.support[b])
        return found

    def constant(self, value: int) -> int:
        return self._node(CONSTANT, value % P, 0)

    def column(self, index: int) -> int:
        return self._node(COLUMN, index, 0)

    def value(self, node: int) -> int | None:
        """The constant that the node is."""
        op, a, _ = self.nodes[node]
        return a if op == CONSTANT else None

    def column_of(self, node: int) -> int | None:
        """The column that the node is."""
        op, a, _ = self.nodes[node]
        return a if op == COLUMN else None

    def make(self, op: int, a: int, b: int) -> int:
        """a op b, folded."""
        ca, cb = self.value(a), self.value(b)
        if ca is not None and cb is not None:
            return self.constant(ca + cb if op == ADD else ca - cb if op == SUB else ca * cb)
        if op == MUL:
            if ca == 0 or cb == 0:
                return self.constant(0)
            if ca == 1 or cb == 1:
                return b if ca == 1 else a
            return self._node(MUL, min(a, b), max(a, b))
        if cb == 0:
            return a
        if op == ADD:
            return b if ca == 0 else self._node(ADD, min(a, b), max(a, b))
        return self.constant(0) if a == b else self._node(SUB, a, b)

    def import_nodes(self, nodes: Sequence[Node], columns: Mapping[int, int], replaced: Mapping[int, int]) -> list[int]:
        """Our number of each node, with columns and nodes replaced by constants."""
        out: list[int] = []
        for i, (op, a, b) in enumerate(nodes):
            if i in replaced:
                out.append(self.constant(replaced[i]))
            elif op == COLUMN:
                out.append(self.constant(columns[a]) if a in columns else self.column(a))
            elif op == CONSTANT:
                out.append(self.constant(a))
            else:
                out.append(self.make(op, out[a], out[b]))
        return out

    def linear(self, node: int) -> Linear:
        """The node as a sum of atoms: columns, and products that are not of a constant."""
        if node not in self._linear:
            bottom_up(node, self._linear, self._parts, self._visit)
        return self._linear[node]

    def _parts(self, node: int) -> Sequence[int]:
        op, a, b = self.nodes[node]
        return (a, b) if op > CONSTANT and not self._is_atom(node) else ()

    def _visit(self, node: int) -> None:
        self._linear[node] = self._expand(node)

    def _is_atom(self, node: int) -> bool:
        op, a, b = self.nodes[node]
        return op == COLUMN or (op == MUL and self.value(a) is None and self.value(b) is None)

    def _expand(self, node: int) -> Linear:
        op, a, b = self.nodes[node]
        if self._is_atom(node):
            return {node: 1}
        if op == CONSTANT:
            return {ONE: a} if a else {}
        if op == MUL:
            a, b = (b, a) if self.value(a) is not None else (a, b)
            k = self.value(b) or 0
            return {x: c * k % P for x, c in self._linear[a].items()}
        total = dict(self._linear[a])
        for x, c in self._linear[b].items():
            total[x] = (total.get(x, 0) + (c if op == ADD else -c)) % P
        return {x: c for x, c in total.items() if c}

    def factors(self, node: int) -> list[int]:
        """Factors of a product, but for constants."""
        op, a, b = self.nodes[node]
        if op == MUL:
            return [f for x in (a, b) for f in (self.factors(x) if self.value(x) is None else [])]
        return [node]

    def direct_factors(self, node: int) -> list[int]:
        """Factors of a product, each with its constants."""
        op, a, b = self.nodes[node]
        return [a, b] if op == MUL else [node]

    def product(self, factors: Sequence[int]) -> int:
        """The product of one factor or more."""
        node = factors[0]
        for f in factors[1:]:
            node = self.make(MUL, node, f)
        return node

    def complements(self, x: int, y: int) -> bool:
        """Whether y is 1 - x."""
        return self.nodes[y] == (SUB, self.constant(1), x)

    def columns_in(self, linear: Mapping[int, int]) -> dict[int, int] | None:
        """The columns of a linear form with their coefficients, but for its constant; None if it has a product in it."""
        found: dict[int, int] = {}
        for atom, c in linear.items():
            column = None if atom == ONE else self.column_of(atom)
            if column is not None:
                found[column] = c
            elif atom != ONE:
                return None
        return found

    def mask_of(self, linear: Mapping[int, int]) -> int | None:
        """The columns of a linear form as a mask, None if it has a product in it."""
        columns = self.columns_in(linear)
        return None if columns is None else sum(1 << c for c in columns)
