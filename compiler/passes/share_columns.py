"""share-columns: each column gets its number. Arms share: the k-th column of a type in one arm is the k-th of that type in another.

    arm add { row.column {type = "u16"} }        becomes      … {slot = 7}
    arm sub { row.column {type = "u16"} }                     … {slot = 7}

A result (`row.merge`) that is the same polynomial in all arms, of degree 1 at most, needs no column: it is `agreed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zkc.compiler.dialects import row
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.operation import Operation, Region, Value
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes.facts import Facts

OWN = frozenset((row.COLUMN, row.COMMIT, row.IS))
"""Operations that are a column."""


def column_type(op: Operation) -> str:
    """The type of the column that an operation is."""
    return op.text("type") if op.definition is row.COLUMN else "bit" if op.definition is row.IS else "felt"


@dataclass(frozen=True)
class ShareColumns:
    """See above."""

    name = "share-columns"

    def run(self, table: Operation, facts: Facts) -> None:
        """Sets `slot` and `agreed`."""
        _Sharing().region(table.regions[0])


@dataclass
class _Sharing:
    """The number of columns so far, and for each type those that arms may share."""

    count: int = 0
    pools: dict[str, list[int]] = field(default_factory=lambda: dict[str, list[int]]())
    degrees: Degrees = field(default_factory=Degrees)
    same: Polynomials = field(default_factory=lambda: Polynomials())

    def region(self, region: Region) -> None:
        for op in region:
            if op.definition in OWN:
                op.attributes = op.having(slot=self._new())
            elif op.definition is row.ARMS:
                for arm in op.regions:
                    self._arm(arm)
            elif op.definition is row.MERGE:
                self._merge(op)

    def _new(self) -> int:
        self.count += 1
        return self.count - 1

    def _arm(self, region: Region) -> None:
        taken: dict[str, int] = {}
        for op in region:
            if op.definition in OWN:
                type_ = column_type(op)
                pool = self.pools.setdefault(type_, [])
                place = taken[type_] = taken.get(type_, -1) + 1
                if place == len(pool):
                    pool.append(self._new())
                op.attributes = op.having(slot=pool[place])

    def _merge(self, op: Operation) -> None:
        values = yielded(op)
        agreed = len({self.same.number(v) for v in values}) == 1 and self.degrees.of(values[0]) <= 1
        op.attributes = op.having(agreed=True) if agreed else op.having(slot=self._new())


def yielded(merge: Operation) -> list[Value]:
    """What each arm yields for a `row.merge`."""
    value = merge.operands[0]
    assert value.op is not None and value.op.definition is row.ARMS
    return [region.terminator.operands[value.index] for region in value.op.regions]


class Polynomials:
    """Numbers for polynomials over columns: equal if they are built alike, from columns of the same slots."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._known: dict[Value, int] = {}

    def number(self, value: Value) -> int:
        """The number of a polynomial."""
        bottom_up(value, self._known, lambda v: _needs(v.op), self._visit)
        return self._known[value]

    def _visit(self, value: Value) -> None:
        op = value.op
        same = op is not None and op.definition in _SAME
        self._known[value] = self._known[_needs(op)[0]] if same else self._number(op, value)

    def _number(self, op: Operation | None, value: Value) -> int:
        if op is None:
            key: tuple[object, ...] = ("argument", value)
        elif "slot" in op.attributes:
            key = ("slot", op.attributes["slot"])
        else:
            operands = [self._known[v] for v in op.operands]
            key = (op.name, *(sorted(operands) if op.definition.commutative else operands), *op.attributes.items())
        return self._numbers.setdefault(key, len(self._numbers))


_SAME = frozenset((row.MEANING, row.RESULT))


def _needs(op: Operation | None) -> list[Value]:
    if op is None or "slot" in op.attributes:
        return []
    return list(op.operands[:1] if op.definition in _SAME else op.operands)
