"""Witness fillers: for each arm of a table a program over 64-bit registers (runtime/circuit/fill_program.py), and computed columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zkc.compiler.dialects import fill
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes import packing
from zkc.compiler.passes.lift import INT64_MAX
from zkc.compiler.passes.packing import Place
from zkc.compiler.targets.functions import FieldFunctions, int64s
from zkc.compiler.targets.integers import Integers, NotComputable, Uncomputable, unpacked
from zkc.compiler.targets.registers import Program, assemble
from zkc.compiler.targets.table import node_list
from zkc.dsl.spans import Span
from zkc.runtime.circuit.fill_program import FillProgram, Op
from zkc.runtime.circuit.machine import OP_BITS
from zkc.runtime.field.koalabear import P


@dataclass(frozen=True)
class Histogram:
    """Where each fixed table's counts start in the common histogram."""

    starts: dict[str, int]
    size: int


class RowEmitter:
    """Writes the program of one arm (or of a table without arms)."""

    def __init__(self, histogram: Histogram, places: Mapping[str, Place], functions: FieldFunctions) -> None:
        self.histogram = histogram
        self.places = places
        self.program = Program()
        self.ranges = Ranges()
        self.integers = Integers(self.program, self._leaf, functions, self.ranges)
        self._entry: int | None = None

    def emit(self, op: Operation) -> Program:
        """The program. Raises Uncomputable for an integer that it cannot compute."""
        at: Span | None = None
        try:
            for effect in op.regions[0]:
                at = effect.loc.span
                if effect.definition is fill.WRITE:
                    self._write(effect)
                elif effect.definition is fill.COUNT:
                    index, times = (self.integers.emit(v) for v in effect.operands)
                    self.program.effect(Op.COUNT, index, times, to=self.histogram.starts[effect.text("table")])
        except NotComputable as error:
            raise Uncomputable(str(error), at) from None
        return self.program

    def _write(self, op: Operation) -> None:
        value = self.integers.emit(op.operands[0])
        low, high = self.ranges.of(op.operands[0])
        if not (low >= 0 and high < P):
            value = self.program.add(Op.MOD if high <= INT64_MAX else Op.MOD_UNSIGNED, value, self.program.constant(P))
        self.program.effect(Op.WRITE, value, to=op.number("column"))

    def _leaf(self, value: Value) -> int:
        """A word of the record, the clock, the pc, or a field of the decoded instruction."""
        assert value.op is not None
        if value.op.definition is fill.RECORD:
            return self.program.read(Op.RECORD, value.op.number("word"))
        name = value.op.text("name")
        if name in packing.STATE:
            return self.program.read(Op.RECORD, packing.STATE.index(name))
        if name not in self.places:
            return self.program.constant(0)
        if self._entry is None:
            self._entry = self.program.read(Op.ENTRY)
        return unpacked(self.program, self._entry, self.places[name])


def emit_fill(
    table: Operation, histogram: Histogram, places: Mapping[str, Mapping[str, Place]], functions: Mapping[str, Operation]
) -> FillProgram:
    """What fills the rows of a table; `places` are those of the fields of decoded instructions, `functions` those of the field."""
    arms = [op for op in table.regions[0] if op.definition is fill.FUNC]
    called = FieldFunctions(functions)
    made = assemble(RowEmitter(histogram, places.get(arm.text("arm"), {}), called).emit(arm) for arm in arms)
    arm_of = np.zeros(0, dtype=np.int64)
    if len(arms) > 1:  # a record of another instruction fills nothing
        arm_of = np.full(1 << OP_BITS, len(arms), dtype=np.int64)
        arm_of[[arm.number("op") for arm in arms]] = range(len(arms))
        made.add(Program())
    columns, roots = _polynomials(table)
    nodes, number = node_list([op.operands[0] for op in roots], columns)
    return FillProgram(
        arm_of, int64s(made.arms, 4), int64s(made.code, 5), int64s(made.constants), int64s(made.lists), *called.arrays(), made.registers,
        int64s(nodes, 3), tuple(number[op.operands[0]] for op in roots), int64s([op.number("column") for op in roots]),
    )  # fmt: skip


def _polynomials(table: Operation) -> tuple[dict[Value, int], list[Operation]]:
    """Columns that are read, and columns that are computed from them."""
    computed = [o for op in table.regions[0] if op.definition is fill.POLYNOMIALS for o in op.regions[0]]
    columns = {op.result: op.number("column") for op in computed if op.definition is fill.COLUMN}
    return columns, [op for op in computed if op.definition is fill.COMPUTED]
