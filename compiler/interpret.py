"""The reference interpreter: what every value of a body is, from what its operations are declared to mean. One walk is witness, executor
and constraints at once: an integer is an integer, an element of the field is below p."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.compiler.dialects import integer, row
from zkc.compiler.ir.operation import Operation, Region, Value
from zkc.compiler.ir.walk import bottom_up
from zkc.runtime.field.koalabear import P

Rows = npt.NDArray[np.object_]
"""Exact integers, one for each row."""


ARITHMETIC: Final = (
    integer.ADD, integer.SUB, integer.MUL, integer.FLOORDIV, integer.MOD, integer.SHL, integer.SHR, integer.AND, integer.OR, integer.XOR,
)  # fmt: skip
"""What Python's operators alone say: what it means for a number it means for each of an array of them."""


def evaluate_rows(operations: Iterable[Operation], values: dict[Value, Rows]) -> None:
    """Adds to `values` what each operation gives, on all rows; every one has a meaning of its own (`evaluate`) or is there already."""
    for op in operations:
        if op.result not in values:
            evaluate: Any = op.definition.evaluate
            operands = [values[v] for v in op.operands]
            if operands and op.definition not in ARITHMETIC:
                values[op.result] = np.frompyfunc(partial(evaluate, op), len(operands), 1)(*operands)
            else:
                values[op.result] = evaluate(op, *operands)


class NoMeaning(Exception):
    """A value needs more than the row: memory, the host."""


class Interpreter:
    """Values of a row without arms. functions: field functions by name. given: what the row is given, by name."""

    def __init__(self, functions: Mapping[str, Operation], given: Mapping[str, int]) -> None:
        self.functions = functions
        self.given = given
        self._values: dict[Value, int] = {}

    def of(self, value: Value) -> int:
        """What a value is. NoMeaning if it could not be known."""
        if value not in self._values:
            raise NoMeaning
        return self._values[value]

    def needed(self, value: Value) -> int:
        """What a value is, by what it needs alone. NoMeaning if that needs the machine."""
        bottom_up(value, self._values, lambda v: v.op.operands if v.op is not None else (), self._evaluate)
        return self.of(value)

    def _evaluate(self, value: Value) -> None:
        if value.op is None or len(value.op.results) != 1:
            raise NoMeaning
        self._values[value] = self._of(value.op)

    def run(self, region: Region) -> None:
        """Every value of a body; raises NoMeaning at the first that needs the machine."""
        for op in region:
            if op.results:
                self._values[op.result] = self._of(op)

    def _of(self, op: Operation) -> int:
        if op.definition.evaluate is not None:
            return op.definition.evaluate(op, *(self._values[v] for v in op.operands))
        if op.definition is row.GIVEN:
            return self.given[op.text("name")]
        if op.definition is row.COLUMN and op.operands:
            return self._values[op.operands[0]] % P
        if op.definition in (row.COMMIT, row.MEANING):
            return self._values[op.operands[0]]
        if op.definition is row.CHOOSE:
            c, a, b = (self._values[v] for v in op.operands)
            return (b + c * (a - b)) % P
        if op.definition is integer.CALL:
            return self._call(op)
        raise NoMeaning

    def _call(self, op: Operation) -> int:
        """A result of a field function."""
        region = self.functions[op.text("callee")].regions[0]
        inner = Interpreter(self.functions, {})
        inner._values.update({a: self._values[v] % P for a, v in zip(region.arguments, op.operands, strict=True)})
        for o in region.operations[:-1]:
            inner._values[o.result] = inner._of(o)
        return inner._values[region.terminator.operands[op.number("index")]]
