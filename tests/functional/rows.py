"""What the row of an arm receives and sends, as an instruction sees it: its fields, its pc, the words that it reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, bits_of, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.circuit.circuit import COLUMN, CONSTANT, MUL, SUB
from zkc.runtime.field.koalabear import P

Halves = tuple[int, int]
"""The nodes of the low and of the high half of a word."""


@dataclass(frozen=True)
class Access:
    """A word that is taken and given back. key: the node of its address; slot: when, from the beginning of the step."""

    key: int
    slot: int
    old: Halves
    new: Halves


class Messages:
    """The messages of a row, by bus and direction."""

    def __init__(self, table: TableAudit, row: Row) -> None:
        self.table = table
        self.row = row

    def of(self, bus: str, sign: int) -> list[tuple[int, ...]]:
        ops = self.table.messages
        return [args for i, _, args in self.row.messages if ops[i].text("bus") == bus and ops[i].number("sign") == sign]

    def one(self, bus: str, sign: int, field: str) -> int:
        """The node of a field of the only message of its kind."""
        (args,) = self.of(bus, sign)
        return args[self.table.circuit.place(bus, field)]

    def fields(self, *names: str) -> list[int]:
        """Nodes of fields of the instruction."""
        return [self.one("program", -1, name) for name in names]

    def moves_with_its_pc(self) -> bool:
        """Whether a row fits wherever its pc is, and then the next pc moves with it and nothing else does: polynomials are the same where
        both columns are more by one number, at a point that is drawn."""
        pc, after = self.one("exec", -1, "pc"), self.one("exec", 1, "pc")
        columns = {c for n in (pc, after) if (c := self.row.column_of(n)) is not None}
        random = Random("a point")
        point, by = [random.randrange(P) for _ in self.table.columns], random.randrange(P)
        there = [(x + by) % P if c in columns else x for c, x in enumerate(point)]
        before, moved = self._at(point), self._at(there)
        told = [n for i, _, args in self.row.messages for n in args if n not in (pc, after)]
        fixed = [*self.row.zero, *told, *(n for _, args in self.row.lookups for n in args)]
        return (moved[after] - before[after]) % P == by and all(moved[n] == before[n] for n in fixed)

    def _at(self, point: Sequence[int]) -> list[int]:
        """The value of each node where the columns have these."""
        found: list[int] = []
        for op, a, b in self.row.nodes:
            if op in (COLUMN, CONSTANT):
                found.append(point[a] if op == COLUMN else a)
            else:
                x, y = found[a], found[b]
                found.append((x * y if op == MUL else x - y if op == SUB else x + y) % P)
        return found

    def difference(self, a: int, b: int) -> int | None:
        """a - b as a constant."""
        linear = self.row.linear(self.row.make(SUB, a, b))
        return signed(linear.get(ONE, 0)) if linear.keys() <= {ONE} else None

    def accesses(self) -> list[Access]:
        """In the order in which they happen."""
        clk = self.one("exec", -1, "clk")
        taken = self.of("memory", -1)
        found: list[Access] = []
        for key, low, high, time, _ in self.of("memory", 1):
            old = next(args for args in taken if args[0] == key)
            taken.remove(old)
            slot = self.difference(time, clk)
            assert slot is not None
            found.append(Access(key, slot, (old[1], old[2]), (low, high)))
        assert not taken
        return sorted(found, key=lambda a: a.slot)


BITS = 5
"""So many bits are constants in a case at most; others that something is multiplied by are left to the solver."""


def cases(table: TableAudit, row: Row, bits: int = BITS) -> Iterator[Row]:
    """The row for each row of the small fixed tables that it looks up, and for each value of some bits by which something is multiplied,
    so that these are constants."""
    of_tables = next(_tables(table, row), None)
    split = of_tables or (next(_bits(table, row), None) if bits else None)
    for given in split or ():
        yield from cases(table, row.substituted(given, {}), bits if of_tables else bits - 1)
    if split is None and not row.impossible:
        yield row


def named_cases(table: TableAudit, row: Row, bits: Sequence[str]) -> Iterator[Row]:
    """The row for each value of the bits of these names, with what then is a constant, too."""
    if not bits:
        yield row
        return
    column = next(i for i, op in enumerate(table.columns) if op.text("name") == bits[0])
    for value in (0, 1):
        given = row.substituted({column: value}, {})
        while given.pinned and not given.impossible:
            given = given.substituted(given.pinned, {})
        if not given.impossible and all(_is_there(table, given, name, args) for name, args in given.lookups):
            yield from named_cases(table, given, bits[1:])


def _is_there(table: TableAudit, row: Row, name: str, args: Sequence[int]) -> bool:
    """Whether a lookup may hold; it may not if all of it is constant and no such row is there."""
    values = [row.value(a) for a in args]
    known = tuple(v for v in values if v is not None)
    return len(known) < len(values) or table.circuit.fixed.has(name, known)


def _tables(table: TableAudit, row: Row) -> Iterator[list[dict[int, int]]]:
    for name, args in row.lookups:
        columns = [row.column_of(a) for a in args]
        fitting = table.circuit.fixed.cases(name, tuple(row.value(a) for a in args))
        if fitting and any(c is not None for c in columns):
            yield [{c: x % P for c, x in zip(columns, v, strict=True) if c is not None} for v in fitting]


def _bits(table: TableAudit, row: Row) -> Iterator[list[dict[int, int]]]:
    bits = sum(1 << c for c, high in State(row, 0, table.circuit.fixed, 0).columns.items() if high == 2)
    for n in sorted(row.reachable()):
        op, x, y = row.nodes[n]
        if op == MUL and row.support[x] and row.support[y] and not (row.complements(x, y) or row.complements(y, x)):
            for factor in (x, y):
                if not row.support[factor] & ~bits:
                    yield from ([{c: 0}, {c: 1}] for c in bits_of(row.support[factor]))
