"""A table as the audit reads it: its polynomials from the stage `air`, and who its columns are from the stage `row`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE
from zkc.compiler.audit.row import Row
from zkc.compiler.dialects import air
from zkc.compiler.elements import Element, elements
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.lower_air import column_name
from zkc.compiler.pipeline import Lowered
from zkc.compiler.program import Program
from zkc.compiler.targets.table import node_list
from zkc.dsl.spans import Span

MOST_MODES: Final = 1 << 12
"""Ways in which the bits of a row may say what it is; a table that decodes words has one for each instruction."""


@dataclass(frozen=True)
class Circuit:
    """What rules ask about the whole program. functions: in the field. fields: the elements of a message of each bus."""

    program: Program
    facts: Facts
    guards: Operation
    functions: Mapping[str, Operation]
    fixed: FixedTables
    fields: Mapping[str, tuple[Element, ...]]

    @staticmethod
    def of(program: Program, facts: Facts, guards: Operation, functions: Mapping[str, Operation]) -> Circuit:
        fields = {name: tuple(elements(program, bus.params)) for name, bus in program.buses.items()}
        return Circuit(program, facts, guards, functions, FixedTables(program), fields)

    def place(self, bus: str, field: str) -> int:
        """Which element of a message the field is."""
        return [e.name for e in self.fields[bus]].index(field)


class TableAudit:
    """One table. columns, messages: its operations, in order."""

    def __init__(self, circuit: Circuit, lowered: Lowered) -> None:
        self.circuit = circuit
        self.lowered = lowered
        self.name = lowered.name
        body = lowered.air.regions[0]
        self.arms = lowered.air.names("arms")
        self.columns = [op for op in body if op.definition is air.COLUMN]
        self.constraints = [op for op in body if op.definition is air.CONSTRAINT]
        self.messages = [op for op in body if op.definition is air.MESSAGE]
        roots = [v for op in (*self.constraints, *self.messages) for v in op.operands]
        self.nodes, self._number = node_list(roots, {c.result: i for i, c in enumerate(self.columns)})
        self._owners = dict(_owners(lowered.row))

    def owner(self, column: int, arm: str | None) -> Operation:
        """The operation of the stage `row` that the column is in an arm; of a column that the arm has no use for, the one of `air`."""
        return self._owners.get((column, arm)) or self._owners.get((column, None)) or self.columns[column]

    def column_name(self, column: int, arm: str | None) -> str:
        """What the column is called in an arm."""
        owner = self.owner(column, arm)
        return owner.text("name") if owner.definition is air.COLUMN else column_name(owner)

    def column_span(self, column: int, arm: str | None) -> Span | None:
        return self.owner(column, arm).loc.span

    def free(self) -> Iterator[tuple[str, Operation]]:
        """The columns that are free on purpose, by the names that their statements give them."""
        for op in self._owners.values():
            if "free" in op.attributes:
                yield stem(column_name(op)), op

    def has_steps(self) -> bool:
        """Whether it takes steps or gives them on: the rules about how long they last need no row of another table."""
        return any(op.text("bus") == self.circuit.facts.steps() for op in self.messages)

    def rows(self, arms: set[str] | None = None) -> Iterator[tuple[str, str | None, Row]]:
        """What to call it, the arm, and the row: of each arm (of those in `arms` only); of a table without arms, of each mode."""
        for arm in self.arms:
            if arms is None or arm in arms:
                yield arm, arm, self.row(self.selection(arm))
        if not self.arms:
            for mode in self.modes():
                yield " + ".join(self.column_name(c, None) for c, v in mode.items() if v), None, self.row(mode)

    def selection(self, arm: str | None) -> dict[int, int]:
        """The values of the selectors in an arm: the first columns."""
        return {i: int(a == arm) for i, a in enumerate(self.arms)}

    def row(self, values: Mapping[int, int]) -> Row:
        """The polynomials of a row whose selectors or bits have these values, by column."""
        row = Row()
        to = row.import_nodes(self.nodes, values, {})
        for op in self.constraints:
            row.vanish(to[self._number[op.operands[0]]])
        for i, op in enumerate(self.messages):
            times, *arguments = (to[self._number[v]] for v in op.operands)
            if op.text("bus") in self.circuit.program.fixed:
                if row.value(times):
                    row.lookups.append((op.text("bus"), tuple(arguments)))
            elif op.number("sign") < 0 and self.circuit.program.buses[op.text("bus")].asked:
                if row.value(times) != 0:
                    row.calls.append(self._call(op.text("bus"), tuple(arguments)))
            elif row.value(times) != 0:
                row.messages.append((i, times, tuple(arguments)))
        return row

    def _call(self, chip: str, arguments: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What is asked of a chip, and what it answers."""
        asked = self.circuit.program.buses[chip].asked
        count = sum(stem(field.name) in asked for field in self.circuit.fields[chip])
        return arguments[:count], arguments[count:]

    @property
    def is_countable(self) -> bool:
        """Whether its modes are few enough to look at each: they are not where equations leave many bits to themselves."""
        return bool(self.arms) or math.prod(map(len, self._choices)) <= MOST_MODES

    def modes(self) -> Iterator[dict[int, int]]:
        """The bits that messages are multiplied by, in every way that the equations may allow; none if they are too many to look at each,
        which `rules/modes.py` reports."""
        if not self.is_countable:
            return
        for combination in itertools.product(*self._choices):
            yield {c: v for part in combination for c, v in part.items()}

    @cached_property
    def _choices(self) -> list[list[dict[int, int]]]:
        """Bits that exclude each other, and others one by one: the values that they may have."""
        row = self.row({})
        state = State(row, 0, self.circuit.fixed, 0)
        used = 0
        for _, times, _ in row.messages:
            used |= row.support[times]
        left = {c for c, high in state.columns.items() if high == 2 and used >> c & 1}
        choices: list[list[dict[int, int]]] = []
        for group in _exclusive(row, left):
            if group <= left:
                left -= group
                choices.append([dict.fromkeys(group, 0)] + [dict.fromkeys(group, 0) | {c: 1} for c in sorted(group)])
        return choices + [[{c: 0}, {c: 1}] for c in sorted(left)]


def stem(name: str) -> str:
    """The name that a statement gives, without the index or field of a part."""
    return name.split("[")[0].split(".")[0]


def _owners(table: Operation) -> Iterator[tuple[tuple[int, str | None], Operation]]:
    """(column, arm) -> operation; the arm is None for what all rows have."""
    for op in table.regions[0]:
        if "slot" in op.attributes:
            yield (op.number("slot"), None), op
        for arm, region in zip(op.names("names") if op.regions else (), op.regions, strict=True):
            yield from (((inner.number("slot"), arm), inner) for inner in region if "slot" in inner.attributes)


def _exclusive(row: Row, bits: set[int]) -> Iterator[set[int]]:
    """Groups of bits whose sum is a bit."""
    for n in row.zero:
        factors = row.factors(n)
        if len(factors) != 2 or any(row.column_of(f) is not None for f in factors):
            continue
        for x, y in (factors, factors[::-1]):
            form = row.columns_in(row.linear(x))
            plain = form is not None and ONE not in row.linear(x) and all(c == 1 for c in form.values())
            if form is not None and plain and row.complements(x, y) and form.keys() <= bits:
                yield set(form)
