"""Integers to code over words of 64 bits: an instruction per operation, signed or unsigned as the ranges ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from zkc.compiler.dialects import integer
from zkc.compiler.ir.operation import OpDef, Operation, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes.lift import INT64_MAX, INT64_MIN, UINT64_MAX
from zkc.compiler.passes.packing import Place
from zkc.compiler.targets.functions import FieldFunctions
from zkc.dsl.spans import Span
from zkc.runtime.circuit.fill_program import Op
from zkc.runtime.field.koalabear import P

Name = TypeVar("Name")
_PLAIN: Final = {
    integer.ADD: Op.ADD, integer.SUB: Op.SUB, integer.MUL: Op.MUL, integer.AND: Op.AND, integer.OR: Op.OR, integer.XOR: Op.XOR,
    integer.SHL: Op.SHL, integer.EQ: Op.EQ, integer.SELECT: Op.SELECT, integer.SIGNED: Op.SIGNED, integer.INVERSE: Op.INVERSE,
    **{definition: Op[name.upper()] for name, definition in integer.DIVISIONS.items()},
}  # fmt: skip
_NEGATED: Final[dict[OpDef, OpDef]] = {integer.NE: integer.EQ, integer.GE: integer.LT}


class NotComputable(Exception):
    """An integer that the generated code cannot compute."""

    def __init__(self, message: str, op: Operation) -> None:
        self.op = op
        super().__init__(message)


class Uncomputable(Exception):
    """An integer that an executor or a filler cannot compute, and where."""

    def __init__(self, message: str, span: Span | None) -> None:
        self.span = span
        super().__init__(message)


class Code(Protocol[Name]):
    """Where instructions are written; values have names."""

    def constant(self, number: int) -> Name:
        """The value of a number below 2^64."""
        ...

    def add(self, op: Op, *operands: Name) -> Name:
        """The value that an instruction makes."""
        ...

    def call(self, function: int, operands: Sequence[Name], results: int) -> Sequence[Name]:
        """All results of a field function."""
        ...


def check_fits(op: Operation, ranges: Ranges) -> None:
    """Raises NotComputable unless machine integers hold the operands and the value: all signed, or all unsigned 64 bits."""
    if not _fits(op, ranges):
        kind = op.name.removeprefix("int.")
        operands = [f"{low} to {high}" for low, high in map(ranges.of, op.operands)]
        text = f"`{kind}` of integers that are {' and '.join(operands)} fits no machine integer of 64 bits"
        raise NotComputable(text if len(text) < 400 else f"`{kind}` of such large integers fits no machine integer of 64 bits", op)


def _fits(op: Operation, ranges: Ranges) -> bool:
    low, high = ranges.of(op.result)
    operands = [ranges.of(v) for v in op.operands]
    if op.definition in (integer.SHL, integer.SHR) and not 0 <= operands[1][0] <= operands[1][1] <= 63:
        return False
    if high > INT64_MAX or any(h > INT64_MAX for _, h in operands):
        operands_fit = all(x >= 0 and y <= UINT64_MAX for x, y in operands)
        return operands_fit and low >= INT64_MIN and high <= UINT64_MAX and not (op.definition is integer.SUB and low < 0)
    return all(x >= INT64_MIN for x, _ in ((low, high), *operands))


class Integers(Generic[Name]):
    """Writes what values need into `code`, once each. `leaf` gives the name of what is no operation of the dialect `int`."""

    def __init__(self, code: Code[Name], leaf: Callable[[Value], Name], functions: FieldFunctions, ranges: Ranges) -> None:
        self.code = code
        self.leaf = leaf
        self.functions = functions
        self.ranges = ranges
        self._known: dict[Value, Name] = {}
        self._calls: dict[tuple[object, ...], Sequence[Name]] = {}

    def emit(self, value: Value) -> Name:
        """The name of a value. Raises NotComputable."""
        bottom_up(value, self._known, needs, self._define)
        return self._known[value]

    def _define(self, value: Value) -> None:
        self._known[value] = self._made(value)

    def _made(self, value: Value) -> Name:
        op, constant = value.op, constant_of(value)
        if constant is not None and op is not None:
            if not INT64_MIN <= constant <= UINT64_MAX:
                raise NotComputable("a number of more than 64 bits fits no machine integer", op)
            return self.code.constant(int(constant))
        if op is None or not op.name.startswith("int."):
            return self.leaf(value)
        check_fits(op, self.ranges)
        operands = [self._known[v] for v in op.operands]
        return self._call(op, operands) if op.definition is integer.CALL else self._operation(op, operands)

    def _operation(self, op: Operation, operands: list[Name]) -> Name:
        add, constant, kind = self.code.add, self.code.constant, op.definition
        bounds = [self.ranges.of(v) for v in op.operands]
        unsigned = any(high > INT64_MAX for _, high in bounds)
        if kind is integer.INVERSE:
            operands = self._in_field(op, operands)
        if kind in _PLAIN:
            return add(_PLAIN[kind], *operands)
        if kind in _NEGATED:
            found = Op.EQ if kind is integer.NE else Op.LT_UNSIGNED if unsigned else Op.LT
            return add(Op.XOR, add(found, *operands), constant(1))
        if kind is integer.LT:
            return add(Op.LT_UNSIGNED if unsigned else Op.LT, *operands)
        shift = Op.SHR_UNSIGNED if bounds[0][0] >= 0 else Op.SHR
        if kind is integer.SHR:
            return add(shift, *operands)
        by = op.number("by")
        remainder = kind is integer.MOD
        if by & (by - 1) == 0:
            return add(Op.AND, operands[0], constant(by - 1)) if remainder else add(shift, operands[0], constant(by.bit_length() - 1))
        exact = (Op.MOD_UNSIGNED if remainder else Op.FLOORDIV_UNSIGNED) if unsigned else Op.MOD if remainder else Op.FLOORDIV
        return add(exact, operands[0], constant(by))

    def _call(self, op: Operation, operands: list[Name]) -> Name:
        name = op.text("callee")
        key = (name, *op.operands)
        if key not in self._calls:
            given = self._in_field(op, operands)
            self._calls[key] = self.code.call(self.functions.number(name), given, self.functions.results(name))
        return self._calls[key][op.number("index")]

    def _in_field(self, op: Operation, operands: list[Name]) -> list[Name]:
        """Operands of what is computed modulo p: instructions take registers to be signed, so what may be beyond them is reduced."""
        beyond = [self.ranges.of(v)[1] > INT64_MAX for v in op.operands]
        p = self.code.constant(P) if any(beyond) else None
        return [x if p is None or not far else self.code.add(Op.MOD_UNSIGNED, x, p) for x, far in zip(operands, beyond, strict=True)]


def needs(value: Value) -> tuple[Value, ...]:
    """The operands of an operation of `int`; a leaf has its own source."""
    op = value.op
    return op.operands if op is not None and op.name.startswith("int.") else ()


def unpacked(code: Code[Name], entry: Name, place: Place) -> Name:
    """A field of a decoded instruction, which is `entry`."""
    shifted = code.add(Op.SHR if place.signed else Op.SHR_UNSIGNED, entry, code.constant(place.low))
    return shifted if place.signed else code.add(Op.AND, shifted, code.constant((1 << place.bits) - 1))
