"""Values and the columns behind them: what a type costs, and who checks its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from zkc.compiler import witness as w
from zkc.compiler.polynomials import Polynomials
from zkc.compiler.program import ConstValue, Program, evaluate_constant
from zkc.compiler.table import Origin, Sent, TableBuilder
from zkc.compiler.values import ArrayValue, Scalar, StructValue, Value, type_name, word_of_limbs
from zkc.compiler.witness import W
from zkc.dsl import syntax as s


@dataclass
class FieldFunction:
    """A gadget that computes in the field, as polynomials of its inputs without columns of its own."""

    name: str
    poly: Polynomials
    inputs: int
    outputs: list[int]


class Columns:
    """Makes values of one table. `pure`: for field functions, where `column(e)` is just e."""

    def __init__(self, program: Program, table: TableBuilder, functions: dict[str, FieldFunction], *, pure: bool = False) -> None:
        self.program = program
        self.table = table
        self.poly = table.poly
        self.functions = functions
        self.pure = pure
        self.stack: list[str] = []

    # errors

    def fail(self, code: str, message: str, span: s.Span, **more: object) -> NoReturn:
        raise self.program.fail(code, message, span, **more)

    # making values

    def constant(self, value: int) -> Scalar:
        return Scalar(self.poly.constant(value), w.const(value))

    def constant_value(self, value: ConstValue) -> Value:
        if isinstance(value, int):
            return self.constant(value)
        return ArrayValue(tuple(self.constant_value(v) for v in value))

    def as_constant(self, value: Value) -> int | None:
        """The integer, if the value is a constant."""
        if isinstance(value, Scalar) and value.wit is not None and (value.poly is None or self.poly.constant_value(value.poly) is not None):
            return value.wit.const
        return None

    def scalar(self, value: Value, span: s.Span) -> Scalar:
        if not isinstance(value, Scalar):
            self.fail("E0205", f"a field element is needed here, this is a {type_name(value)}", span)
        return value

    def poly_of(self, value: Value, span: s.Span) -> int:
        node = self.scalar(value, span).poly
        if node is None:
            self.fail("E0501", "this value is only known to the witness: bring it in with `hint`", span)
        return node

    def integer_of(self, value: Value, span: s.Span) -> W:
        """The integer a value stands for."""
        node = value.wit if isinstance(value, Scalar) else value.whole if isinstance(value, StructValue) else None
        if node is None:
            self.fail("E0502", "this value has no integer meaning that a hint or spec could use", span)
        return node

    def length(self, ref: s.TypeRef) -> int | None:
        """The length of an array type, None for any other."""
        if ref.length is None:
            return None
        value = evaluate_constant(ref.length, self.program.constants.get, self.program)
        if not isinstance(value, int) or not 0 < value <= 4096:
            self.fail("E0205", "an array length is a constant from 1 to 4096", ref.span)
        return value

    def new_value(self, name: str, ref: s.TypeRef, whole: W | None, span: s.Span, *, trusted: bool, because: str | None) -> Value:
        """Columns for a value of the type, with the constraints of the type unless trusted."""
        count = self.length(ref)
        if count is not None:
            element = s.TypeRef(ref.span, ref.name)
            names = [f"{name}[{i}]" for i in range(count)]
            return ArrayValue(tuple(self.new_value(n, element, None, span, trusted=trusted, because=because) for n in names))
        if ref.name in self.program.structs:
            return self._new_struct(name, ref, whole, span, trusted=trusted, because=because)
        return self._new_scalar(name, ref, whole, span, trusted=trusted, because=because)

    def _new_struct(
        self, name: str, ref: s.TypeRef, whole: W | None, span: s.Span, *, trusted: bool, because: str | None
    ) -> Value:
        fields: dict[str, Value] = {}
        for i, part in enumerate(self.program.structs[ref.name].fields):
            limb = None if whole is None else w.shift_right(w.modulo(whole, 1 << (16 * (i + 1))), w.const(16 * i))
            fields[part.name] = self.new_value(f"{name}.{part.name}", part.type, limb, span, trusted=trusted, because=because)
        return StructValue(ref.name, fields, whole if whole is not None else self._whole(fields))

    def _whole(self, fields: dict[str, Value]) -> W | None:
        limbs = list(fields.values())
        if len(limbs) == 2 and all(isinstance(v, Scalar) for v in limbs):
            lo, hi = limbs
            assert isinstance(lo, Scalar) and isinstance(hi, Scalar)
            return word_of_limbs(lo.wit, hi.wit)
        return None

    def _new_scalar(self, name: str, ref: s.TypeRef, wit: W | None, span: s.Span, *, trusted: bool, because: str | None) -> Scalar:
        type_ = ref.name
        interval = self.program.interval(type_)
        if type_ != "felt" and interval is None:
            self.fail("E0206", f"there is no type `{type_}`", ref.span)
        column = self.table.new_column(name, type_, wit, interval, span)
        column.origins[self.table.arm] = Origin(name, because, trusted, span)
        if not trusted:
            self.check_range(column.node, wit, type_, f"{name}: {type_}", span)
        return Scalar(column.node, wit)

    def check_range(self, node: int, wit: W | None, type_: str, label: str, span: s.Span) -> None:
        """The constraint of a type: x (1 - x) for a bit, else a lookup."""
        if type_ == "bit":
            self.table.constrain(self.poly.mul(node, self.poly.sub(self.poly.constant(1), node)), f"{label} is a bit", span, owner=node)
        elif type_ != "felt":
            high = self.program.ranges[type_][1]
            if high & (high - 1) == 0:
                bits = high.bit_length() - 1
                self.lookup("range", [Scalar(self.poly.constant(bits), w.const(bits)), Scalar(node, wit)], label, span, owner=node)
            elif type_ in self.program.fixed:
                self.lookup(type_, [Scalar(node, wit)], label, span, owner=node)
            else:
                self.fail("E0302", f"the range of `{type_}` needs a fixed table of that name", span)

    def lookup(self, table: str, args: list[Scalar], label: str, span: s.Span, *, owner: int) -> None:
        one = self.poly.constant(1)
        nodes = tuple(self.message_argument(a, span) for a in args)
        self.table.send(Sent(self.table.arm, table, 1, one, w.const(1), nodes, tuple(a.wit for a in args), label, span, owner))

    def message_argument(self, value: Scalar, span: s.Span) -> int:
        """A node of degree at most 1: what is higher gets a column."""
        node = self.poly_of(value, span)
        return node if self.poly.degrees[node] <= 1 else self.poly_of(self.column(value, span), span)

    def column(self, value: Scalar, span: s.Span) -> Scalar:
        """A column equal to the value (`column(e)`)."""
        node = self.poly_of(value, span)
        if self.pure or self.poly.degrees[node] == 0:
            return value
        wit = value.wit if self.poly.degrees[node] < 3 else None
        column = self.table.new_column("column", "felt", wit, self.poly.interval(node), span)
        if wit is None:
            column.polynomial = node
            self.poly.at_zero[column.node] = self.poly.at_zero[node]  # it is computed on padding rows as well
        self.table.constrain(self.poly.sub(column.node, node), "a column for an intermediate value", span, definition=wit is None)
        return Scalar(column.node, wit)
