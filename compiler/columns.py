"""Values and the columns behind them: what a type costs, and who checks its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from zkc.compiler import witness as w
from zkc.compiler.polynomials import Polynomials
from zkc.compiler.program import ConstValue, Program, evaluate_constant
from zkc.compiler.table import Calls, Origin, Sent, TableBuilder
from zkc.compiler.values import ArrayValue, Scalar, StructValue, Value, type_name, word_of_limbs
from zkc.compiler.witness import W
from zkc.dsl import syntax as s
from zkc.runtime.field.koalabear import P

MAX_STEPS = 500_000
"""Expressions evaluated, columns made and loops gone round for one table: about ten seconds."""
MAX_COLUMNS = 4096
MAX_ITEMS = 4096
"""Elements of an array, and rounds of a loop."""
OF_ARGUMENTS = frozenset(("E0205", "E0208", "E0209", "E0304", "E0401", "E0402", "E0501", "E0502"))
"""Errors that depend on what a gadget is given: they are shown at the outermost call, then inside."""


def located(code: str, span: s.Span | None, calls: Calls) -> tuple[s.Span | None, tuple[tuple[s.Span, str], ...]]:
    """Where an error is shown, and the call chain as labels. The first place is what the author of the outermost call wrote if the error
    is one of the arguments, and the place inside of the gadget if not."""
    if span is None or not calls:
        return span, ()
    places = [place for _, place in calls] + [span]
    labels = [(place, f"in `{name}`, called at {places[i]}") for i, ((name, _), place) in enumerate(zip(calls, places[1:], strict=True))]
    if code in OF_ARGUMENTS:
        return places[0], tuple(labels)
    return span, ((calls[0][1], f"`{calls[-1][0]}` is inlined into this"),)


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
        self.depth = 0
        self.rows_given = False

    # errors

    def fail(self, code: str, message: str, span: s.Span, **more: object) -> NoReturn:
        raise self.program.fail(code, message, self._place(code, span, more), **more)

    def error(self, code: str, message: str, span: s.Span, **more: object) -> None:
        """As `fail`, and goes on."""
        self.program.error(code, message, self._place(code, span, more), **more)

    def _place(self, code: str, span: s.Span, more: dict[str, object]) -> s.Span:
        place, labels = located(code, span, self.table.calls)
        more.setdefault("labels", labels)
        return place or span

    def spend(self, count: int, span: s.Span) -> None:
        """Counts work done for this table; E0215 when it is too much."""
        self.table.steps += count
        if self.table.steps > MAX_STEPS:
            message = f"unrolled, `{self.table.name}` takes more than {MAX_STEPS} steps; this is where they ran out"
            self.fail("E0215", message, span, help="shorten the loops around this")

    # types

    def check_type(self, param: s.Param, value: Value, span: s.Span) -> None:
        """E0205 unless the value is what the parameter takes. Ranges are not compared: they are checked where a value is made."""
        count = self.length(param.type)
        items = [value]
        if count is not None:
            items = list(value.items) if isinstance(value, ArrayValue) else []
        if len(items) != (count or 1) or not all(self._is_one(param.type.name, item) for item in items):
            wanted = f"{param.type.name}{f'[{count}]' if count else ''}"
            given = type_name(value) + (f" of {len(value.items)}" if isinstance(value, ArrayValue) else "")
            self.fail("E0205", f"`{param.name}` is a {wanted}; given {'an' if given[0] in 'aeiou' else 'a'} {given}", span)

    def _is_one(self, type_: str, value: Value) -> bool:
        if type_ in self.program.structs:
            return isinstance(value, StructValue) and value.type == type_
        return isinstance(value, Scalar)

    def one_integer(self, ref: s.TypeRef, span: s.Span) -> None:
        """E0205 for a type that one integer does not fill: an array, or a struct of others."""
        parts = self.program.structs[ref.name].fields if ref.name in self.program.structs else ()
        if ref.length is not None or any(p.type.length is not None or p.type.name in self.program.structs for p in parts):
            self.fail("E0205", f"one integer is no {ref.name}{'[…]' if ref.length is not None else ''}: name the parts one by one", span)

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
        self.field_constant(value, span)
        node = self.scalar(value, span).poly
        if node is None:
            self.fail("E0501", "this value is only known to the witness: bring it in with `hint`", span)
        return node

    def field_constant(self, value: Value, span: s.Span) -> None:
        """A constant in a polynomial stands for itself only if it is less than p away from 0."""
        number = self.as_constant(value)
        if number is not None and not -P < number < P:
            shown = number if abs(number) < 2**64 else f"this constant of {number.bit_length()} bits"
            message = f"{shown} is no element of the field: its elements are 0 to {P - 1}, and -{P - 1} to -1 the same once more"
            self.fail("E0304", message, span, help="reduce it by hand if you mean it modulo p")

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
        if not isinstance(value, int) or not 0 < value <= MAX_ITEMS:
            self.fail("E0205", f"an array length is a constant from 1 to {MAX_ITEMS}", ref.span)
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
        self.room(span)
        column = self.table.new_column(name, type_, wit, interval, span)
        column.origins[self.table.arm] = Origin(name, because, trusted, span)
        if not trusted:
            self.check_range(column.node, wit, type_, f"{name}: {type_}", span)
        return Scalar(column.node, wit)

    def room(self, span: s.Span) -> None:
        """E0215 if the table can have no further column."""
        self.spend(1, span)
        if len(self.table.columns) >= MAX_COLUMNS:
            self.fail("E0215", f"`{self.table.name}` has more than {MAX_COLUMNS} columns", span, help="split the work over several rows")

    def check_range(self, node: int, wit: W | None, type_: str, label: str, span: s.Span) -> None:
        """The constraint of a type: x (1 - x) for a bit, else a lookup."""
        if type_ == "bit":
            self.table.constrain(self.poly.mul(node, self.poly.sub(self.poly.constant(1), node)), f"{label} is a bit", span, owner=node)
        elif type_ != "felt":
            high = self.program.ranges[type_][1]
            if high & (high - 1) == 0:
                bits = high.bit_length() - 1
                if len(self.program.fixed["range"].params if "range" in self.program.fixed else ()) != 2:
                    self.fail("E0302", "ranges of powers of two need the fixed table `range(bits, v)`", span)
                self.lookup("range", [Scalar(self.poly.constant(bits), w.const(bits)), Scalar(node, wit)], label, span, owner=node)
            elif type_ in self.program.fixed and len(self.program.fixed[type_].params) == 1:
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
        self.room(span)
        wit = value.wit if self.poly.degrees[node] < 3 else None
        column = self.table.new_column("column", "felt", wit, self.poly.interval(node), span)
        if wit is None:
            column.polynomial = node
            self.poly.at_zero[column.node] = self.poly.at_zero[node]  # it is computed on padding rows as well
        self.table.constrain(self.poly.sub(column.node, node), "a column for an intermediate value", span, definition=wit is None)
        return Scalar(column.node, wit)
