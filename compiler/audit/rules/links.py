"""A row as a link of a chain: what it takes and gives there, what else it tells, and what that is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from zkc.compiler.audit.polynomials import bits_of
from zkc.compiler.audit.rules.determinism import Determinism
from zkc.compiler.audit.rules.handed import Message, carried, messages, same, state
from zkc.runtime.circuit.circuit import SUB


class Link:
    """A row in one arm or mode. rule: what must follow in it. taken, given: its messages of the chain. others: the rest. bound: columns
    that are said to be bound, and by the messages of which bus."""

    def __init__(self, rule: Determinism, chain: str | None) -> None:
        self.rule = rule
        self.table = table = rule.table
        self.row = row = rule.row
        here = messages(table, row)
        self.taken, self.given = ([m for m in here if m.bus == chain and m.sign == sign] for sign in (-1, 1))
        self.others = [m for m in here if m.bus != chain]
        owners = ((c, table.owner(c, rule.arm)) for c in range(len(table.columns)))
        self.bound = {c: op.text("bound") for c, op in owners if "bound" in op.attributes}

    @property
    def chain(self) -> list[Message]:
        """What it takes and gives on the chain."""
        return [*self.taken, *self.given]

    @cached_property
    def carried(self) -> list[int]:
        """What the chain carries here."""
        return [n for m in self.chain[:1] for _, n in carried(self.table, m)]

    @cached_property
    def needed(self) -> dict[int, str]:
        """What is bound, is told others, and is nothing that another row gave: columns, and the buses that bind them."""
        given = [m for m in self.others if m.sign > 0]
        received = [m for m in self.others if m.sign < 0 and not any(self._answers(m, g) for g in given)]
        columns = {self.row.column_of(n) for m in received for n in m.args}
        told = self.reach(n for m in (*given, *self.given) for n in m.args)
        return {c: bus for c, bus in self.bound.items() if told >> c & 1 and c not in columns}

    def needed_by_bus(self) -> Iterator[tuple[str, int]]:
        """Each bus that is to bind something, and the columns, as a mask."""
        for bus in sorted(set(self.needed.values())):
            yield bus, sum(1 << c for c, by in self.needed.items() if by == bus)

    def _answers(self, taken: Message, given: Message) -> bool:
        """Whether they speak of the same: a row may take what it gives itself."""
        if taken.bus != given.bus:
            return False
        key = self.table.circuit.program.buses[taken.bus].remembers
        place = None if key is None else self.table.circuit.place(taken.bus, key)
        pairs = enumerate(zip(taken.args, given.args, strict=True))
        return any(same(self.row, t, g) and (i == place or self.row.support[t] != 0) for i, (t, g) in pairs)

    def about(self, bus: str) -> list[Message]:
        """The messages of a bus that tell all that the chain carries, but for constants."""
        keys = [n for n in self.carried if self.row.support[n]]
        return [m for m in self.others if m.bus == bus and all(any(same(self.row, k, n) for n in m.args) for k in keys)]

    def may_meet(self, other: Link) -> bool:
        """Whether both can be rows of one chain: no two constants that are carried differ."""
        pairs = ((self.row.value(a), other.row.value(b)) for a, b in zip(self.carried, other.carried, strict=True))
        return all(a is None or b is None or a == b for a, b in pairs)

    def sinks(self, binding: Iterable[str]) -> list[tuple[Message, str, int]]:
        """What the row is to be made into: the elements of the state that it gives, or of the messages that bind, with their names."""
        if self.given:
            return [(m, name, n) for m in self.given for name, n in state(self.table, m)]
        found = [(m, name, n) for bus in binding for m in self.about(bus) for name, n in carried(self.table, m)]
        return [(m, name, n) for m, name, n in found if not any(same(self.row, n, k) for k in self.carried)]

    def reach(self, nodes: Iterable[int]) -> int:
        """The columns that the nodes are made of, as a mask: those in them, and in what these are defined as."""
        found, more = 0, self._support(nodes)
        while more:
            found |= more
            more = self._behind(more) & ~found
        return found

    def _support(self, nodes: Iterable[int]) -> int:
        mask = 0
        for n in nodes:
            mask |= self.row.support[n]
        return mask

    def _behind(self, mask: int) -> int:
        found = 0
        for c in bits_of(mask):
            found |= self._definitions.get(c, 0)
        return found

    @cached_property
    def _definitions(self) -> dict[int, int]:
        """Columns that are equal to something, and the columns in that."""
        found: dict[int, int] = {}
        for n in self.row.zero:
            op, a, b = self.row.nodes[n]
            column = self.row.column_of(a) if op == SUB else None
            if column is not None and not self.row.support[b] >> column & 1:
                found[column] = found.get(column, 0) | self.row.support[b]
        return found
