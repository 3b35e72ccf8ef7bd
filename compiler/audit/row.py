"""The row of one arm or mode of a table: what vanishes, what is looked up, what is sent and received."""

from __future__ import annotations

from collections.abc import Mapping

from zkc.compiler.audit.polynomials import ONE, Polynomials
from zkc.runtime.circuit.circuit import CONSTANT, MUL
from zkc.runtime.field.koalabear import P


class Row(Polynomials):
    """Selectors are replaced by their values and constants folded.

    zero: nodes that vanish. shared: nodes that have one value in both of the rows that are compared. lookups: (fixed table, arguments).
    calls: of chips, (what is asked, what is answered), a function of it. messages: (number in the table, how often, arguments); what is
    received is counted negative. impossible: no columns fit. pinned: values of columns that an equation says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.zero: list[int] = []
        self.shared: list[int] = []
        self.lookups: list[tuple[str, tuple[int, ...]]] = []
        self.calls: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.messages: list[tuple[int, int, tuple[int, ...]]] = []
        self.impossible = False
        self.pinned: dict[int, int] = {}

    def vanish(self, node: int) -> None:
        """The node is 0."""
        value = self.value(node)
        if value is None:
            self.zero.append(node)
            self._pin(node)
        elif value:
            self.impossible = True

    def _pin(self, node: int) -> None:
        """An equation of one column says its value; two of them may contradict each other."""
        linear = self.linear(node)
        form = self.columns_in(linear) if len(linear) <= 2 else None
        if form is not None and len(form) == 1:
            ((column, c),) = form.items()
            value = -linear.get(ONE, 0) * pow(c, -1, P) % P
            self.impossible |= self.pinned.setdefault(column, value) != value

    def substituted(self, columns: Mapping[int, int], replaced: Mapping[int, int]) -> Row:
        """The row where columns and nodes have these values."""
        row = Row()
        to = row.import_nodes(self.nodes, columns, replaced)
        for n in self.zero:
            row.vanish(to[n])
        row.shared = [to[n] for n in self.shared]
        row.lookups = [(t, tuple(to[a] for a in args)) for t, args in self.lookups]
        row.calls = [(tuple(to[a] for a in asked), tuple(to[a] for a in given)) for asked, given in self.calls]
        row.messages = [(i, to[m], tuple(to[a] for a in args)) for i, m, args in self.messages]
        row.impossible = row.impossible or self.impossible
        return row

    def without_shared(self) -> Row:
        """The row by itself: nothing is received."""
        row = self.substituted({}, {})
        row.shared = []
        return row

    def without_factor(self, gate: int) -> list[int]:
        """What vanishes too where `gate` does not: products that have it as a factor, without it."""
        found: list[int] = []
        for node in self.zero:
            linear = self.linear(node)
            atom = next(iter(linear), ONE)
            if len(linear) == 1 and atom != ONE and self.nodes[atom][0] == MUL:
                factors = self.factors(atom)
                rest = [f for f in factors if f != gate]
                if gate in factors and rest:
                    found.append(self.product(rest))
        return found

    def used(self) -> list[int]:
        """The nodes of lookups, calls and messages."""
        looked_up = [a for _, args in self.lookups for a in args] + [a for call in self.calls for part in call for a in part]
        return looked_up + [a for _, times, args in self.messages for a in (times, *args)]

    def reachable(self) -> set[int]:
        """Nodes that some equation or argument of a message needs."""
        found = {
            *self.zero,
            *self.shared,
            *(a for _, args in self.lookups for a in args),
            *(a for call in self.calls for part in call for a in part),
            *(a for _, _, args in self.messages for a in args),
        }
        for i in range(len(self.nodes) - 1, -1, -1):
            if i in found and self.nodes[i][0] > CONSTANT:
                found.update(self.nodes[i][1:])
        return found

    def stands_once(self, node: int, mask: int) -> bool:
        """Whether these columns are in this equation only."""
        return not any(self.support[n] & mask for n in (*self.zero, *self.used()) if n != node)
