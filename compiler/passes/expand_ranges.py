"""expand-ranges: the type of a column becomes what proves it.

    "row.range"(%x) {type = "bit"}     becomes    x (1 - x) == 0
    "row.range"(%x) {type = "u16"}     becomes    "bus.lookup"(%one, %sixteen, %x) {bus = @range}
    "row.range"(%x) {type = "digit"}   becomes    "bus.lookup"(%one, %x) {bus = @digit}
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus, felt, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Operation, Symbol
from zkc.compiler.ir.rewrite import rewrite
from zkc.compiler.passes.facts import Facts
from zkc.dsl.built_in import RANGE


@dataclass(frozen=True)
class ExpandRanges:
    """See above."""

    name = "expand-ranges"

    def run(self, table: Operation, facts: Facts) -> None:
        """Replaces every `row.range`."""

        def rule(b: Builder, op: Operation) -> bool:
            if op.definition is not row.RANGE:
                return False
            self._prove(b, op, facts)
            return True

        rewrite(table.regions[0], rule)

    def _prove(self, b: Builder, op: Operation, facts: Facts) -> None:
        (column,), type_, label = op.operands, op.text("type"), op.text("label")
        if type_ == "bit":
            product = b.value(felt.MUL, column, felt.complement(b, column))
            b.create(row.ASSERT, (product, felt.constant(b, 0)), {"label": f"{label} is a bit", "checks": True})
            return
        above = facts.types[type_].high + 1
        power = above & (above - 1) == 0
        arguments = [felt.constant(b, above.bit_length() - 1), column] if power else [column]
        attributes = {"bus": Symbol(RANGE if power else type_), "label": label, "checks": True}
        b.create(bus.LOOKUP, [felt.constant(b, 1), *arguments], attributes)
