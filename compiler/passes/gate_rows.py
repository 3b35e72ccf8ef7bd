"""gate-rows: what belongs to some arms is multiplied by the sum of their selectors; what fails on padding, by the sum of all. What a row
receives is counted negative from here on.

    "air.constraint"(%d) {arms = ["add", "sub"]}      becomes      %s = "felt.add"(%is_add, %is_sub)
                                                                   %e = "felt.mul"(%s, %d)
                                                                   "air.constraint"(%e)

Padding rows are zeros but for computed columns, which hold the value of their polynomial there, so that their definitions hold as they
are. E0401 and E0402 for degrees above those that the proof system has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkc.compiler.dialects import air, felt
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.ir.rewrite import rewrite
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes.facts import Facts
from zkc.runtime.field.koalabear import P


@dataclass(frozen=True)
class GateRows:
    """See above. max_degree: of equations. max_times: of how often a message is sent."""

    max_degree: int = 3
    max_times: int = 2
    name = "gate-rows"

    def run(self, table: Operation, facts: Facts) -> None:
        """Gates equations and messages."""
        gating = _Gating(self, table, facts)
        rewrite(table.regions[0], gating.rule)


class _Gating:
    def __init__(self, options: GateRows, table: Operation, facts: Facts) -> None:
        self.options = options
        self.facts = facts
        self.arms = table.names("arms")
        self.degrees = Degrees()
        self.padding = Padding(table)
        columns = [op.result for op in table.regions[0] if op.definition is air.COLUMN]
        self.selectors = dict(zip(self.arms, columns, strict=False))

    def rule(self, b: Builder, op: Operation) -> bool:
        if op.definition is air.CONSTRAINT:
            self._constraint(b, op)
        elif op.definition is air.MESSAGE:
            self._message(b, op)
        return False

    def _sum(self, b: Builder, arms: tuple[str, ...]) -> Value:
        return felt.total(b, [self.selectors[a] for a in arms or self.arms])

    def _constraint(self, b: Builder, op: Operation) -> None:
        arms, kind = op.names("arms"), op.attributes["kind"]
        (value,) = op.operands
        if arms or (self.arms and kind not in ("selector", "definition") and self.padding.value(value)):
            op.operands = (b.value(felt.MUL, self._sum(b, arms), value),)
        degree = self.degrees.of(op.operands[0])
        if degree > self.options.max_degree:
            message = f"`{op.text('label')}` has degree {degree}; the most is {self.options.max_degree}"
            notes = (f"degree {self.degrees.of(value)} of the equation, and 1 for the instruction selector",)
            self.facts.report("E0401", message, op.loc, notes=notes, help="put a factor in `column(…)`")
        elif arms and kind == "definition":
            message = f"`{op.text('label')}` computes a column in some arms; one that is computed is so in all rows"
            self.facts.report("E0401", message, op.loc)

    def _message(self, b: Builder, op: Operation) -> None:
        times = op.operands[0]
        if self.arms:
            times = b.value(felt.MUL, self._sum(b, op.names("arms")), times)
        degree = self.degrees.of(times)
        if degree > self.options.max_times:
            message = f"the multiplicity of `{op.text('label')}` has degree {degree}; the most is {self.options.max_times}"
            self.facts.report("E0402", message, op.loc)
        signed = times if op.attributes["sign"] == 1 else b.value(felt.SUB, felt.constant(b, 0), times)
        op.operands = (signed, *op.operands[1:])


class Padding:
    """Values of polynomials on padding rows."""

    def __init__(self, table: Operation) -> None:
        self._known: dict[Value, int] = {}
        self._computed: dict[Value, Value] = {}
        for op in table.regions[0]:
            if op.definition is air.CONSTRAINT and op.attributes["kind"] == "definition":
                difference = op.operands[0].op
                assert difference is not None
                self._computed[difference.operands[0]] = difference.operands[1]

    def value(self, value: Value) -> int:
        """The value of a polynomial, canonical."""
        bottom_up(value, self._known, self._needs, self._visit)
        return self._known[value]

    def _needs(self, value: Value) -> Sequence[Value]:
        assert value.op is not None
        return (self._computed[value],) if value in self._computed else value.op.operands

    def _visit(self, value: Value) -> None:
        op, operands = value.op, [self._known[v] for v in self._needs(value)]
        assert op is not None
        if op.definition is air.COLUMN:
            self._known[value] = operands[0] if operands else 0
        else:
            assert op.definition.evaluate is not None
            self._known[value] = op.definition.evaluate(op, *operands) % P
