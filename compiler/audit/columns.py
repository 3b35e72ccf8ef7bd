"""Rows of a table without arms, all at once: the reference interpreter, with an array for each element of the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.compiler.audit.table import Circuit
from zkc.compiler.dialects import bus, felt, row
from zkc.compiler.interpret import NoMeaning
from zkc.compiler.ir.operation import FELT, Operation, Region, Value
from zkc.runtime.field.koalabear import P

Felts = npt.NDArray[np.int64]
"""An element of the field for each row, canonical."""
Message = tuple[Operation, Felts, list[Felts]]
"""What is sent or received: how often, and its fields."""
FELTS: Final[Mapping[object, Callable[..., Felts]]] = {
    felt.ADD: lambda a, b: (a + b) % P,
    felt.SUB: lambda a, b: (a - b) % P,
    felt.MUL: lambda a, b: a * b % P,
    row.CHOOSE: lambda c, a, b: (b + c * (a - b) % P) % P,
    row.COMMIT: lambda a: a,
    row.MEANING: lambda a, _: a,
}
"""What is computed for all rows at once: all that the permutation is made of."""


class Columns:
    """`count` rows. given: what they are given, by name. broken: equations and lookups that do not hold in some row. messages: all."""

    def __init__(self, circuit: Circuit, given: Mapping[str, Sequence[int]], count: int) -> None:
        self.circuit = circuit
        self.given = given
        self.count = count
        self.broken: list[Operation] = []
        self.messages: list[Message] = []
        self._values: dict[Value, Any] = {}

    def run(self, region: Region) -> None:
        """Everything in order. NoMeaning if a value needs more than the row."""
        for op in region:
            if op.definition is row.ASSERT:
                self._assert(op)
            elif op.definition in bus.MESSAGES:
                self._message(op)
            elif op.results:
                self._values[op.result] = self._of(op)

    def _of(self, op: Operation) -> Any:
        """An array for an element of the field, a list for an integer."""
        if op.definition in FELTS:
            return FELTS[op.definition](*(self._values[v] for v in op.operands))
        if op.definition is row.GIVEN:
            return list(self.given[op.text("name")])
        if op.definition is row.COLUMN and op.operands:
            return self._felts(self._values[op.operands[0]])
        if op.definition is row.COLUMN:
            return self._felts(self.given[op.text("name")])
        evaluate = op.definition.evaluate
        if evaluate is None:
            raise NoMeaning
        operands = [self._values[v] for v in op.operands]
        found = [evaluate(op, *parts) for parts in zip(*operands, strict=True)] if operands else [evaluate(op)] * self.count
        return self._felts(found) if op.result.type is FELT else found

    def _felts(self, integers: Sequence[int]) -> Felts:
        return np.array([int(x) % P for x in integers], dtype=np.int64)

    def _assert(self, op: Operation) -> None:
        left, right, *times = (self._values[v] for v in op.operands)
        wrong = left != right
        if (wrong & (times[0] != 0) if times else wrong).any():
            self.broken.append(op)

    def _message(self, op: Operation) -> None:
        times, *fields = (self._values[v] for v in op.operands)
        if op.definition is not bus.LOOKUP:
            self.messages.append((op, times, fields))
            return
        looked_up = {tuple(row) for row in np.stack(fields, axis=1)[times != 0].tolist()}
        if not all(self.circuit.fixed.has(op.text("bus"), row) for row in looked_up):
            self.broken.append(op)
