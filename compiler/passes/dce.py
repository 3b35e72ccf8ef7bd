"""dce: pure operations whose results nothing uses go away.

    %0 = "felt.add"(%a, %b)        becomes        (nothing, if %0 is used nowhere, or only by such)

What is not pure stays: columns, commits, messages, equations, effects, results, arms, and what they are computed from. An integer that the
row is given (`row.given`) stays, too: its place in the record is one of an interface.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import row
from zkc.compiler.ir.graph import dataflow
from zkc.compiler.ir.operation import Operation, Region
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class Dce:
    """See above."""

    name = "dce"

    def run(self, table: Operation, facts: Facts) -> None:
        """Removes what nobody needs, from the innermost regions outwards."""
        for region in table.regions:
            self._region(region)

    def _region(self, region: Region) -> None:
        for op in region:
            for inner in op.regions:
                self._region(inner)
        dead = {op for op in dataflow(region).dead() if op.definition is not row.GIVEN}
        if dead:
            region.operations = [op for op in region if op not in dead]
