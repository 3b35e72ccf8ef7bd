"""merge-arms: an equation that several arms have is one, and so is the n-th equal message of each.

    "air.constraint"(%d) {arms = ["add"]}
    "air.constraint"(%d) {arms = ["sub"]}      becomes      "air.constraint"(%d) {arms = ["add", "sub"]}

What all arms have, all rows have: `arms` is left out. A message of all rows and one of an arm stay two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zkc.compiler.dialects import air
from zkc.compiler.ir.operation import Attribute, Operation
from zkc.compiler.passes.facts import Facts


@dataclass
class _Group:
    first: Operation
    arms: list[str] = field(default_factory=lambda: list[str]())
    everywhere: bool = False

    def add(self, op: Operation) -> None:
        arms = op.names("arms")
        self.everywhere = self.everywhere or not arms
        self.arms += [a for a in arms if a not in self.arms]


@dataclass(frozen=True)
class MergeArms:
    """See above."""

    name = "merge-arms"

    def run(self, table: Operation, facts: Facts) -> None:
        """Merges equations and messages; each stands where the first of its group stood."""
        names = table.names("arms")
        body = table.regions[0]
        groups: dict[tuple[object, ...], _Group] = {}
        counts: dict[tuple[object, ...], int] = {}
        kept: list[Operation] = []
        for op in body:
            if op.definition not in (air.CONSTRAINT, air.MESSAGE):
                kept.append(op)
                continue
            key = self._key(op, counts)
            if key not in groups:
                groups[key] = _Group(op)
                kept.append(op)
            groups[key].add(op)
        for group in groups.values():
            attributes: dict[str, Attribute] = {k: v for k, v in group.first.attributes.items() if k != "arms"}
            if not group.everywhere and len(group.arms) < len(names):
                attributes["arms"] = tuple(group.arms)
            group.first.attributes = attributes
        body.operations = kept

    def _key(self, op: Operation, counts: dict[tuple[object, ...], int]) -> tuple[object, ...]:
        arms = op.names("arms")
        if op.definition is air.CONSTRAINT:
            return (op.operands, op.attributes["kind"] == "selector")
        key = (not arms, op.attributes["bus"], op.attributes["sign"], op.operands)
        place = counts[arms, key] = counts.get((arms, key), 0) + 1
        return (*key, place)
