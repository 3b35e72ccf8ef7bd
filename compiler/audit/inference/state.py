"""What is known of one row under some assumptions."""

from __future__ import annotations

from functools import cached_property

from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.polynomials import ONE, Linear
from zkc.compiler.audit.row import Row
from zkc.runtime.field.koalabear import P


class State:
    """known: the columns that are equal in two rows which agree on what is shared, as a mask. facts: nodes that have one value in both
    rows. depth: cases within cases that may be tried."""

    def __init__(self, row: Row, known: int, tables: FixedTables, depth: int) -> None:
        self.row = row
        self.known = known
        self.tables = tables
        self.depth = depth
        self.facts: list[int] = [*row.zero, *row.shared]
        self.split_on: set[tuple[int, int, int]] = set()

    def unknown(self, node: int) -> int:
        """The columns of a node that are not known."""
        return self.row.support[node] & ~self.known

    def has(self, node: int) -> bool:
        """The node has one value in both rows, even if its columns do not."""
        return not self.unknown(node) or node in self.facts

    def learn(self, mask: int) -> bool:
        """These columns are known. Whether that is news."""
        new = mask & ~self.known
        self.known |= new
        return bool(new)

    def form(self, node: int) -> Linear | None:
        """The unknown part of a node as a linear form over columns, None if it is not linear with constant coefficients."""
        return self.row.columns_in({x: c for x, c in self.row.linear(node).items() if x != ONE and self.unknown(x)})

    def component(self, start: int) -> int:
        """The unknown columns that equations tie to these."""
        masks = [m for n in {*self.row.zero, *self.facts} if (m := self.unknown(n))]
        near = 0
        more = start
        while more != near:
            near = more
            for m in masks:
                if m & more:
                    more |= m
        return near

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """(node, R): the node is below R, because it is looked up."""
        found: list[tuple[int, int]] = []
        for table, args in self.row.lookups:
            values = tuple(self.row.value(a) for a in args)
            highs = self.tables.highs(table, values)
            found += [(a, high) for a, value, high in zip(args, values, highs, strict=True) if value is None]
        return found

    @cached_property
    def columns(self) -> dict[int, int]:
        """Columns and what they are below, by lookups and bit equations."""
        row = self.row
        found: dict[int, int] = {}
        for node, high in self.ranges:
            column = row.column_of(node)
            if column is not None:
                found[column] = min(high, found.get(column, P))
        for node in row.zero:
            factors = row.factors(node)
            if len(factors) == 2:
                for x, y in (factors, factors[::-1]):
                    column = row.column_of(x)
                    if column is not None and row.complements(x, y):
                        found[column] = min(2, found.get(column, P))
        return found
