"""once: a row looks up a fact once. The second of two equal lookups says nothing new.

    "bus.lookup"(%one, %bits, %x) {bus = @range}
    "bus.lookup"(%one, %bits, %x) {bus = @range}      becomes      "bus.lookup"(%one, %bits, %x) {bus = @range}
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus
from zkc.compiler.ir.operation import Operation, Region
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class Once:
    """See above. within_arms: whether lookups of an arm are compared, too."""

    within_arms: bool = True
    name = "once"
    on = "row.table"

    def run(self, table: Operation, facts: Facts) -> None:
        """Removes lookups that are there already."""
        self._region(table.regions[0], set())

    def _region(self, region: Region, known: set[tuple[object, ...]]) -> None:
        kept: list[Operation] = []
        for op in region:
            key = (op.attributes.get("bus"), op.operands)
            if op.definition is bus.LOOKUP and key in known:
                continue
            if op.definition is bus.LOOKUP:
                known.add(key)
            kept.append(op)
            for inner in op.regions if self.within_arms else ():
                self._region(inner, set(known))
        region.operations = kept
