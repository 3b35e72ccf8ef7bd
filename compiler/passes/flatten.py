"""The row of one arm as a straight line: what all rows share, that arm, and what follows it. Read by lower-step and lower-fill."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from zkc.compiler.dialects import integer, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import Operation, Region, Value
from zkc.compiler.ir.rewrite import copy
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes.facts import BusFacts, Facts
from zkc.compiler.passes.lift import Lift

NO_INTEGER = "this value has no integer meaning that a hint or spec could use"


class Flat:
    """Copies the row of an arm into `b` and says, for each operation with an effect and each column, what its operands have become.

    leaf: what stands for an integer that the row is given; itself, if left out.
    """

    def __init__(self, facts: Facts, arm: str | None, leaf: Callable[[Operation], Value | None] = lambda op: None) -> None:
        self.facts = facts
        self.arm = arm
        self.leaf = leaf
        self.body = Region()
        self.b = Builder(self.body)
        self.values: dict[Value, Value] = {}
        self.lift = Lift(Degrees())

    def walk(self, region: Region) -> Iterator[Operation]:
        """The operations that the caller has a use for, in order. What they use is in `values`, what they make is up to the caller."""
        for op in region:
            self.b.loc = op.loc
            if op.definition is row.ARMS:
                yield from self._arm(op)
            elif op.definition is row.MERGE:
                self.values[op.result] = self.values[op.operands[0]]
            elif op.definition is integer.IS:
                self.values[op.result] = self._selected(op)
            elif op.definition is row.GIVEN:
                found = self.leaf(op)
                if found is None:
                    copy(self.b, op, self.values)
                else:
                    self.values[op.result] = found
            elif op.definition.effect or op.definition.terminator:
                yield op
            else:
                copy(self.b, op, self.values)
                if op.definition is row.IS:
                    self.b.integers[self.values[op.result]] = self._selected(op)
                if "slot" in op.attributes:
                    yield op

    def _selected(self, op: Operation) -> Value:
        return integer.constant(self.b, int(op.text("arm") == self.arm))

    def _arm(self, op: Operation) -> Iterator[Operation]:
        names = op.names("names")
        region = op.regions[names.index(self.arm)] if self.arm in names else None
        if region is None:
            return
        yield from self.walk_arm(region)
        for result, value in zip(op.results, region.terminator.operands, strict=True):
            self.values[result] = self.values.get(value, value)

    def walk_arm(self, region: Region) -> Iterator[Operation]:
        """The operations of an arm but for its end."""
        body = Region()
        body.operations = region.operations[:-1]
        yield from self.walk(body)

    def integer(self, value: Value, loc: Location) -> Value:
        """The integer of a value of the row. Reports E0502 if it has none."""
        found = self.lift(self.b, self.values.get(value, value))
        if found is None:
            self.facts.report("E0502", NO_INTEGER, loc)
            return integer.constant(self.b, 0)
        return found

    def fields(self, message: Operation, facts: BusFacts, without: Container[str] = ()) -> dict[str, Value]:
        """The fields of a message as integers: the elements of one field are put together."""
        b = self.b
        found: dict[str, Value] = {}
        for (name, low), value in zip(facts.fields, message.operands[1:], strict=True):
            if name not in without:
                placed = b.value(integer.MUL, self.integer(value, message.loc), integer.constant(b, 1 << low))
                found[name] = placed if name not in found else b.value(integer.ADD, found[name], placed)
        return found


def closed(roots: list[Operation]) -> Region:
    """A body of these operations, in order, each after what it needs."""
    body = Region()
    done: set[Operation] = set()

    def place(op: Operation) -> None:
        done.add(op)
        body.operations.append(op)

    for root in roots:
        bottom_up(root, done, lambda op: [v.op for v in op.operands if v.op is not None], place)
    return body
