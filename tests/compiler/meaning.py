"""What a table means at a seeded point: the same before and after a pass that keeps meaning.

Both readings are seen. Integers are computed from what the row is given, loads and answers of the host, which are pseudorandom; columns are
pseudorandom elements of the field and not what they are filled with, so that every equation says something. A committed polynomial is
what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from zkc.compiler.dialects import air, bus, felt, integer, row, step
from zkc.compiler.interpret import Interpreter
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Operation, Region, Value
from zkc.runtime.field.koalabear import P

Fact = tuple[object, ...]


class Point(Interpreter):
    """A row of one arm. facts: what must hold, is sent, and what columns are filled with; effects: what the executor does, in order.
    slots: columns by number, once they have one."""

    def __init__(self, functions: Mapping[str, Operation], types: Mapping[str, Interval], seed: object, arm: str | None) -> None:
        super().__init__(functions, {})
        self.types = types
        self.seed = seed
        self.arm = arm
        self.facts: Counter[Fact] = Counter()
        self.effects: list[Fact] = []
        self.slots: dict[int, int] = {}
        self.committed: set[int] = set()
        self._named: Counter[Fact] = Counter()

    def random(self, *what: object) -> Random:
        """A number for each thing of a name, by how many there were before."""
        self._named[what] += 1
        return Random(repr((self.seed, what, self._named[what])))

    def run(self, region: Region) -> None:
        for op in region:
            if op.definition is row.ARMS:
                self._arms(op)
            elif op.definition is step.LOAD:
                address = self.of(op.operands[0])
                self.effects.append(("load", address))
                random = self.random("load")
                self._values |= zip(op.results, (random.randrange(1 << 32), random.randrange(1 << 24), random.randrange(2)), strict=True)
            elif op.definition.effect and op.definition is not row.RANGE:
                self._effect(op)
            elif op.definition is row.RANGE:
                self._type(op)
            elif op.results:
                self._values[op.result] = self._of(op)
                self._place(op)

    def _arms(self, op: Operation) -> None:
        (region,) = (r for name, r in zip(op.names("names"), op.regions, strict=True) if name == self.arm)
        self.run(region)
        self._values |= {result: self.of(v) for result, v in zip(op.results, region.terminator.operands, strict=True)}

    def _of(self, op: Operation) -> int:
        kind = op.definition
        if kind in (row.IS, integer.IS):
            return int(op.text("arm") == self.arm)
        if kind is row.GIVEN:
            return self.random("given", op.text("name")).randint(op.number("low"), op.number("high"))
        if kind is row.COLUMN:
            if op.operands:
                self.facts["filled", op.text("name"), self.of(op.operands[0])] += 1
            return self.random("column", op.text("name")).randrange(P)
        if kind in (row.MERGE, row.RESULT):
            return self.of(op.operands[0])
        return super()._of(op)

    def _place(self, op: Operation) -> None:
        if "slot" in op.attributes:
            self.slots[op.number("slot")] = self.of(op.result)
            if op.definition in (row.COMMIT, row.MERGE):
                self.committed.add(op.number("slot"))

    def _felt(self, value: Value) -> int:
        return self.of(value) % P

    def _effect(self, op: Operation) -> None:
        if op.definition is row.ASSERT:
            left, right, *times = map(self._felt, op.operands)
            self.facts["zero", (left - right) * (times[0] if times else 1) % P] += 1
        elif op.definition in bus.MESSAGES:
            self.facts[op.name, op.text("bus"), *map(self._felt, op.operands)] += 1
            if op.definition is not bus.LOOKUP:
                self.effects.append((op.name, op.text("bus"), *map(self._felt, op.operands)))
        elif op.definition not in (row.COLUMN, row.COMMIT):
            if op.definition is step.HOST:
                self._values[op.result] = self.random("host", op.text("name")).randrange(1 << 32)
            said = op.attributes.get("name", op.attributes.get("message"))
            self.effects.append((op.name, said, *map(self.of, op.operands)))

    def _type(self, op: Operation) -> None:
        """As `expand-ranges` proves it."""
        name, x = op.text("type"), self._felt(op.operands[0])
        above = 2 if name == "bit" else self.types[name].high + 1
        if name == "bit":
            self.facts["zero", x * (1 - x) % P] += 1
        elif above & (above - 1):
            self.facts["bus.lookup", name, 1, x] += 1
        else:
            self.facts["bus.lookup", "range", 1, above.bit_length() - 1, x] += 1


def point(table: Operation, functions: Mapping[str, Operation], types: Mapping[str, Interval], seed: object, arm: str | None) -> Point:
    """What a table of the stage `row` means at a point."""
    found = Point(functions, types, seed, arm)
    found.run(table.regions[0])
    return found


def of_polynomials(table: Operation, columns: Mapping[int, int], arm: str | None, *, gated: bool) -> tuple[set[int], Counter[Fact]]:
    """Values of equations that do not vanish, and messages, of a table of the stage `air` in a row that holds `columns` and is of the arm.

    gated: equations and messages are multiplied by selectors, and what is received is counted negative.
    """
    values: dict[Value, int] = {}
    broken: set[int] = set()
    messages: Counter[Fact] = Counter()
    for number, op in enumerate(o for o in table.regions[0] if o.definition is air.COLUMN):
        values[op.result] = columns[number]
    for op in table.regions[0]:
        here = gated or not op.names("arms") or arm in op.names("arms")
        if op.definition is air.CONSTRAINT and here and values[op.operands[0]]:
            broken.add(values[op.operands[0]])
        elif op.definition is air.MESSAGE and here:
            times, *arguments = (values[v] for v in op.operands)
            signed = times if gated else times * op.number("sign") % P
            if signed:
                messages[op.text("bus"), signed, *arguments] += 1
        elif op.results and op.result not in values:
            assert op.definition.evaluate is not None and op.definition in (felt.CONSTANT, felt.ADD, felt.SUB, felt.MUL)
            values[op.result] = op.definition.evaluate(op, *(values[v] for v in op.operands)) % P
    return broken, messages
