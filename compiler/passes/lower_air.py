"""lower-air: from rows to what prover and verifier see: one list of columns, polynomials over them, equations and messages.

    arm add { %c = "row.column"(%i) {slot = 7}        becomes     %7 = "air.column"() {name = "sum.lo"}
              "row.assert"(%x, %y) }                              %d = "felt.sub"(%x, %y)
                                                                  "air.constraint"(%d) {arms = ["add"]}
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from zkc.compiler.dialects import air, bus, felt, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import Attribute, Operation, Region, Value, constant_of
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.lift import COMPUTED_DEGREE, Lift
from zkc.compiler.passes.share_columns import OWN, column_type, yielded

SIGNS = {bus.SEND: 1, bus.LOOKUP: 1, bus.RECV: -1}


@dataclass
class _Column:
    """A column: the names it has in the arms, in order."""

    names: list[str] = field(default_factory=lambda: list[str]())
    type: str = "felt"
    op: Operation | None = None


@dataclass(frozen=True)
class LowerAir:
    """See above."""

    name = "lower-air"

    def run(self, table: Operation, facts: Facts) -> Operation:
        """The table in the stage `air`."""
        return _Lowering(table).run()


class _Lowering:
    def __init__(self, table: Operation) -> None:
        self.table = table
        self.body = Region()
        self.b = Builder(self.body)
        self.degrees = Degrees()
        self.lift, self.scratch = Lift(Degrees()), Builder(Region())
        self.values: dict[Value, Value] = {}
        arms = row.table_arms(table)
        self.arms: tuple[str, ...] = arms.names("names") if arms is not None else ()
        self.columns = [c.result for c in self._columns()]

    def run(self) -> Operation:
        self._selectors()
        self._region(self.table.regions[0], None)
        attributes: dict[str, Attribute] = {"sym_name": self.table.text("sym_name"), "arms": self.arms}
        return Operation(air.TABLE, (), attributes, (), (self.body,), self.table.loc)

    def _columns(self) -> list[Operation]:
        found: dict[int, _Column] = {}
        for op in self.table.regions[0].walk():
            if "slot" in op.attributes:
                column = found.setdefault(op.number("slot"), _Column(type=column_type(op), op=op))
                name = column_name(op)
                if name not in column.names:
                    column.names.append(name)
        made: list[Operation] = []
        times: Counter[str] = Counter()
        for slot in sorted(found):
            column = found[slot]
            assert column.op is not None
            name = "|".join(column.names)
            times[name] += 1
            attributes: dict[str, Attribute] = {"name": name if times[name] == 1 else f"{name}#{times[name]}", "type": column.type}
            made.append(self.b.create(air.COLUMN, (), attributes, loc=column.op.loc))
        return made

    def _selectors(self) -> None:
        """Every selector is a bit, and one of them is 1 at most."""
        selectors = [self.columns[op.number("slot")] for op in self.table.regions[0] if op.definition is row.IS]
        for selector in selectors:
            self._constrain(self.b.value(felt.MUL, selector, felt.complement(self.b, selector)), "a selector is a bit", "selector", None)
        if len(selectors) > 1:
            real = felt.total(self.b, selectors)
            product = self.b.value(felt.MUL, real, felt.complement(self.b, real))
            self._constrain(product, "a row is at most one instruction", "selector", None)

    def _constrain(self, value: Value, label: str, kind: str, arm: str | None, checks: Operation | None = None) -> None:
        if constant_of(value) == 0:
            return
        attributes: dict[str, Attribute] = {"label": label, "kind": kind}
        if arm is not None:
            attributes["arms"] = (arm,)
        if checks is not None:
            attributes["checks"] = checks.number("slot")
        self.b.create(air.CONSTRAINT, (value,), attributes)

    def _region(self, region: Region, arm: str | None) -> None:
        for op in region:
            self.b.loc = op.loc
            if op.definition is row.ARMS:
                for name, inner in zip(op.names("names"), op.regions, strict=True):
                    self._region(inner, name)
            elif op.definition in OWN:
                self._own(op, arm)
            elif op.definition is row.MERGE:
                self._merge(op)
            elif op.definition is row.ASSERT:
                self._assert(op, arm)
            elif op.definition in SIGNS:
                self._message(op, arm)
            elif op.definition in _SAME:
                self.values[op.result] = self.values[op.operands[0]]
            elif op.definition is row.CHOOSE:
                self.values[op.result] = self._choice(*(self.values[v] for v in op.operands))
            elif op.definition is felt.CONSTANT:
                self.values[op.result] = felt.constant(self.b, felt.in_field(constant_of(op.result) or 0))
            elif op.name.startswith("felt."):
                self.values[op.result] = self.b.share(op.definition, [self.values[v] for v in op.operands], op.attributes)

    def _own(self, op: Operation, arm: str | None) -> None:
        column = self.values[op.result] = self.columns[op.number("slot")]
        if op.definition is row.COMMIT:
            value = self.values[op.operands[0]]
            computed = self.degrees.of(value) >= COMPUTED_DEGREE or not (self.arms or self._has_integer(op.operands[0]))
            kind = "definition" if computed else "column"
            self._constrain(self.b.value(felt.SUB, column, value), "a column for an intermediate value", kind, arm)

    def _has_integer(self, value: Value) -> bool:
        """Whether a polynomial of the row stands for an integer; what is made of computed columns does not."""
        return self.lift(self.scratch, value) is not None

    def _merge(self, op: Operation) -> None:
        values = yielded(op)
        if op.flag("agreed"):
            self.values[op.result] = self.values[values[0]]
            return
        column = self.values[op.result] = self.columns[op.number("slot")]
        for arm, value in zip(self.arms, values, strict=True):
            if value.op is not None:
                self.b.loc = value.op.loc
            self._constrain(self.b.value(felt.SUB, column, self.values[value]), f"{op.text('name')} of {arm}", "result", arm)

    def _choice(self, c: Value, a: Value, b: Value) -> Value:
        return self.b.value(felt.ADD, b, self.b.value(felt.MUL, c, self.b.value(felt.SUB, a, b)))

    def _assert(self, op: Operation, arm: str | None) -> None:
        left, right, *factor = (self.values[v] for v in op.operands)
        value = self.b.value(felt.SUB, left, right)
        for x in factor:
            value = self.b.value(felt.MUL, x, value)
        checks = checked(op.operands[0]) if op.flag("checks") else None
        self._constrain(value, op.text("label"), "type" if checks else "assert", arm, checks)

    def _message(self, op: Operation, arm: str | None) -> None:
        attributes: dict[str, Attribute] = {"bus": op.attributes["bus"], "sign": SIGNS[op.definition], "label": op.text("label")}
        attributes |= {name: op.attributes[name] for name in ("because",) if name in op.attributes}
        if arm is not None:
            attributes["arms"] = (arm,)
        if op.flag("checks"):
            attributes["checks"] = own(op.operands[-1]).number("slot")
        self.b.create(air.MESSAGE, [self.values[v] for v in op.operands], attributes)


_SAME = frozenset((row.MEANING, row.RESULT))


def column_name(op: Operation) -> str:
    """What a column is called in its arm."""
    if op.definition is row.IS:
        return f"is_{op.text('arm')}"
    return "column" if op.definition is row.COMMIT else op.text("name")


def own(value: Value) -> Operation:
    """The operation that is this column."""
    assert value.op is not None and value.op.definition in OWN
    return value.op


def checked(product: Value) -> Operation:
    """The column x of x (1 - x)."""
    assert product.op is not None
    return next(own(v) for v in product.op.operands if v.op is not None and v.op.definition in OWN)
