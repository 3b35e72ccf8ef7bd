"""Bounds of integer values, from what makes them."""

from __future__ import annotations

from collections.abc import Sequence

from zkc.compiler.ir.operation import Range, Value, constant_of
from zkc.compiler.ir.walk import bottom_up


class Ranges:
    """Least and greatest value of each integer; of an operation without a rule, and of arguments, what was said with `learn`."""

    def __init__(self) -> None:
        self._known: dict[Value, Range] = {}

    def learn(self, value: Value, low: int, high: int) -> None:
        """The value is within these bounds."""
        self._known[value] = (low, high)

    def of(self, value: Value) -> Range:
        """The bounds of an integer."""
        if value not in self._known:
            bottom_up(value, self._known, _sources, self._visit)
        return self._known[value]

    def _visit(self, value: Value) -> None:
        op, constant = value.op, constant_of(value)
        if constant is not None:
            self._known[value] = (int(constant), int(constant))
        else:
            assert op is not None and op.definition.range is not None
            self._known[value] = op.definition.range(op, value.index, [self._known[v] for v in _sources(value)])


def _sources(value: Value) -> Sequence[Value]:
    """What bounds a value. KeyError if nothing does."""
    op = value.op
    if constant_of(value) is not None:
        return ()
    if op is None or op.definition.range is None:
        raise KeyError(f"nothing bounds a result of {op.name if op else 'a region'}")
    return op.operands if op.definition.bounded_by is None else op.definition.bounded_by(op, value.index)
