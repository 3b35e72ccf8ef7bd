"""lower-step: what the executor does in a step, one function for each arm of a table whose rows are steps.

    "bus.send"(%one, %address, %lo, %hi, %now, %mark) {bus = @memory}       becomes      "step.store"(%a, %word, %t, %m, %once)
    "bus.send"(%one, %clk, %pc) {bus = @exec}                                            "step.next"(%c, %p, %once)

What is sent on a bus that remembers is stored, and what is sent on the bus with the clock is the next step, both as the integers that the
message stands for, as often as the message says. Effects keep the order of the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus, row, step
from zkc.compiler.ir.operation import Attribute, OpDef, Operation, Symbol, Value, constant_of
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.flatten import Flat, closed

COPIED = frozenset((step.LOAD, step.HOST, step.FAULT, step.PERFORM, step.RETIRE))


@dataclass(frozen=True)
class LowerStep:
    """See above."""

    name = "lower-step"

    def run(self, table: Operation, facts: Facts) -> list[Operation]:
        """A function for each arm; none for a table whose rows are given."""
        arms = row.table_arms(table)
        if arms is None:
            return []
        return [_Step(facts, arm).run(table) for arm in arms.names("names")]

    def guards(self, guards: Operation, facts: Facts) -> Operation:
        """What chooses among environment calls."""
        return _Step(facts, "guards").guards(guards)


class _Step:
    def __init__(self, facts: Facts, arm: str) -> None:
        self.facts = facts
        self.arm = arm
        self.flat = Flat(facts, arm)
        self.roots: list[Operation] = []

    def run(self, table: Operation) -> Operation:
        for op in self.flat.walk(table.regions[0]):
            if op.definition in COPIED:
                self._copy(op)
            elif op.definition is bus.SEND:
                self._send(op)
        name, op_number = table.text("sym_name"), self.facts.number(table, self.arm)
        attributes: dict[str, Attribute] = {"sym_name": f"{name}.{self.arm}", "arm": self.arm, "table": Symbol(name), "op": op_number}
        return Operation(step.FUNC, (), attributes, (), (closed(self.roots),), table.loc)

    def guards(self, guards: Operation) -> Operation:
        names = guards.names("names")
        for op in self.flat.walk(guards.regions[0]):
            if op.definition is step.LOAD:
                self._copy(op)
            elif op.definition is row.YIELD:
                for name, value in zip(names, op.operands, strict=True):
                    self._root(step.CHOICE, [self.flat.values.get(value, value)], {"name": name})
        return Operation(step.GUARDS, (), {"sym_name": "guards", "names": names}, (), (closed(self.roots),), guards.loc)

    def _root(self, definition: OpDef, operands: list[Value], attributes: dict[str, Attribute]) -> Operation:
        made = self.flat.b.create(definition, operands, attributes)
        self.roots.append(made)
        return made

    def _copy(self, op: Operation) -> None:
        operands = [self.flat.values.get(v, v) for v in op.operands]
        made = self._root(op.definition, operands, dict(op.attributes))
        self.flat.values.update(zip(op.results, made.results, strict=True))

    def _send(self, op: Operation) -> None:
        name = op.text("bus")
        facts = self.facts.buses[name]
        if facts.remembers is None and facts.clock is None:
            return
        times = self.flat.integer(op.operands[0], op.loc)
        if constant_of(times) == 0:
            return
        fields = self.flat.fields(op, facts).values()
        if facts.remembers is not None:
            self._root(step.STORE, [*fields, times], {"bus": Symbol(name)})
        else:
            self._root(step.NEXT, [*fields, times], {})
