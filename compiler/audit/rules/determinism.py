"""E0506: what a row sends must follow from what it receives.

Two rows that agree on all they receive must agree on how often they send and what. The key of a bus that `remembers latest by` it, or is
`known by` it, must follow even where it is received: a row that picks its own address picks its value. What a chip answers
follows from what it is asked. What is free on purpose says so beside its statement (`free "…"`), and is given where the propagation ends
without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import RANGE, Finding
from zkc.compiler.audit.polynomials import bits_of, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.solver import Solver
from zkc.compiler.audit.table import TableAudit, stem
from zkc.runtime.field.koalabear import P

Goal = tuple[int, int, str]
"""A message of the table, a node of the row that must follow, what that is."""


class Determinism:
    """The rule for one row. Sets what is shared in the row."""

    def __init__(self, table: TableAudit, label: str, arm: str | None, row: Row) -> None:
        self.table = table
        self.label = label
        self.arm = arm
        self.row = row
        self.goals = list(self._goals())
        self.wanted = 0
        for _, node, _ in self.goals:
            self.wanted |= row.support[node]
        self.solver = Solver(row, table.circuit.fixed)
        self.solver.run(self.wanted)

    def findings(self) -> Iterator[Finding]:
        """What is wrong, and what is free on purpose."""
        if self.row.impossible:
            return
        yield from self._counts()
        yield from self._free()
        for i, node, what in self.goals:
            if not self.solver.has(node):
                op = self.table.messages[i]
                text = f"`{what}` of `{op.text('label')}` is not determined by what is received"
                yield self._report(i, text, self.solver.unknown(node))

    def _goals(self) -> Iterator[Goal]:
        for i, times, args in self.row.messages:
            op = self.table.messages[i]
            bus = op.text("bus")
            constant = self.row.value(times)
            if constant is None:
                yield i, times, "how often"
            decl = self.table.circuit.program.buses[bus]
            key = decl.remembers or decl.known
            for field, node in zip(self.table.circuit.fields[bus], args, strict=True):
                if constant is None or self._sign(i, constant) > 0 or field.of == key:
                    yield i, node, field.name
                else:
                    self.row.shared.append(node)

    def _sign(self, message: int, times: int) -> int:
        """1 for what is sent. Where rows begin or end what a bus remembers or carries, one statement may do either: the row says which."""
        op = self.table.messages[message]
        bus = self.table.circuit.program.buses[op.text("bus")]
        either = self.arm is None and bus.chain is None and (bus.remembers is not None or bus.carries)
        return (1 if signed(times) > 0 else -1) if either else op.number("sign")

    def _counts(self) -> Iterator[Finding]:
        for i, times, _ in self.row.messages:
            constant, op = self.row.value(times), self.table.messages[i]
            if constant is not None and signed(constant) != self._sign(i, constant):
                yield self._report(i, f"`{op.text('label')}` happens {signed(constant)} times", 0)

    def _free(self) -> Iterator[Finding]:
        """Where the propagation ends, columns that are free on purpose are given."""
        if not self.wanted & ~self.solver.known:
            return
        given = 0
        for c in range(len(self.table.columns)):
            owner = self.table.owner(c, self.arm)
            if "free" not in owner.attributes or self.solver.known >> c & 1:
                continue
            given |= 1 << c
            name = self.table.column_name(c, self.arm)
            yield Finding(self.table.name, self.label, "free on purpose", (stem(name),), owner.loc.span, owner.text("free"))
            yield from self._stays_in_type(c, name)
        self.solver.known |= given
        if given:
            self.solver.run(self.wanted)

    def _stays_in_type(self, column: int, name: str) -> Iterator[Finding]:
        """E0507: what the prover chooses is of its type all the same."""
        type_ = self.table.columns[column].text("type")
        bounds = self.table.circuit.program.interval(type_)
        if bounds is not None and self.solver.columns.get(column, P) > bounds.high + 1:
            text = f"`{name}` is chosen by the prover and nothing keeps it a {type_}"
            yield Finding(self.table.name, self.label, text, (name,), self.table.column_span(column, self.arm), code=RANGE)

    def _report(self, message: int, text: str, unknown: int) -> Finding:
        columns = list(bits_of(unknown))
        spans = tuple(dict.fromkeys(s for c in columns if (s := self.table.column_span(c, self.arm)) is not None))
        names = tuple(self.table.column_name(c, self.arm) for c in columns)
        return Finding(self.table.name, self.label, text, names, self.table.messages[message].loc.span, None, spans)
