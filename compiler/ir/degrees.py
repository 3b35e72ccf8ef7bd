"""Degrees of polynomials, from what makes them."""

from __future__ import annotations

from zkc.compiler.ir.operation import INT, Value
from zkc.compiler.ir.walk import bottom_up


class Degrees:
    """The degree of each element over the columns of a row. An argument of a region has degree 1."""

    def __init__(self) -> None:
        self._known: dict[Value, int] = {}

    def of(self, value: Value) -> int:
        """The degree of a value of type felt."""
        if value not in self._known:
            bottom_up(value, self._known, _elements, self._visit)
        return self._known[value]

    def _visit(self, value: Value) -> None:
        rule = value.op.definition.degree if value.op is not None else None
        self._known[value] = 1 if rule is None else rule([self._known[v] for v in _elements(value)])


def _elements(value: Value) -> list[Value]:
    """The operands that the degree depends on."""
    op = value.op
    return [] if op is None or op.definition.degree is None else [v for v in op.operands if v.type is not INT]
