"""Makes values of one table: constants, columns of a type, and the two readings of what there is."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from zkc.compiler.dialects import circ, felt, integer, row
from zkc.compiler.dialects.circ import Shape, shape_text
from zkc.compiler.elaboration.declared import Declared, Param
from zkc.compiler.elaboration.values import ArrayValue, Number, Scalar, Single, StructValue, Value, type_name
from zkc.compiler.errors import located
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.degrees import Degrees
from zkc.compiler.ir.locations import Calls, Location
from zkc.compiler.ir.operation import INT, NOTHING, Attribute, Operation, Region, constant_of
from zkc.compiler.passes.lift import Lift
from zkc.dsl.built_in import RANGE
from zkc.dsl.spans import Span
from zkc.runtime.field.koalabear import P

Free = Mapping[str, Attribute]
"""Why the prover may choose a value (`free`), and the bus that it is bound by (`bound`): attributes of the column, if there are any."""
MAX_STEPS = 500_000
"""Operations evaluated, columns made and loops gone round for one table: about ten seconds."""
MAX_COLUMNS = 4096
MAX_ITEMS = 4096
"""Elements of an array, and rounds of a loop."""


class Functions:
    """The field functions of a program, made when they are first needed."""

    def __init__(self) -> None:
        self.by_name: dict[str, Operation] = {}


class Context:
    """Where a body is elaborated. `pure`: a field function, where `column(e)` is just e. `rows_given`: no instruction executes its rows."""

    def __init__(self, declared: Declared, name: str, functions: Functions, *, pure: bool = False, rows_given: bool = False) -> None:
        self.declared = declared
        self.name = name
        self.functions = functions
        self.pure = pure
        self.rows_given = rows_given
        self.body = Region()
        self.b = Builder(self.body)
        self.degrees = Degrees()
        self.lift = Lift(self.degrees)
        self.stack: list[str] = []
        self.depth = 0
        self.calls: Calls = ()
        self.selectors: dict[str, ir.Value] = {}
        self.inputs: list[str] = []
        self._steps = 0
        self._columns = 0

    # errors

    def fail(self, code: str, message: str, span: Span | None, **more: object) -> NoReturn:
        self.declared.fail(code, message, self._place(code, span, more), **more)

    def error(self, code: str, message: str, span: Span | None, **more: object) -> None:
        """As `fail`, and goes on."""
        self.declared.error(code, message, self._place(code, span, more), **more)

    def _place(self, code: str, span: Span | None, more: dict[str, object]) -> Span | None:
        place, labels = located(code, Location(span, self.calls))
        more.setdefault("labels", labels)
        return place or span

    def spend(self, count: int, span: Span | None) -> None:
        """Counts work done for this table; E0215 when it is too much."""
        self._steps += count
        if self._steps > MAX_STEPS:
            message = f"unrolled, `{self.name}` takes more than {MAX_STEPS} steps; this is where they ran out"
            self.fail("E0215", message, span, help="shorten the loops around this")

    @contextmanager
    def at(self, span: Span | None) -> Generator[None]:
        """What is made inside comes from this place."""
        before = self.b.loc
        self.b.loc = Location(span, self.calls)
        try:
            yield
        finally:
            self.b.loc = before

    @contextmanager
    def aside(self, region: Region) -> Generator[None]:
        """What is made inside stands in a region of its own, and costs no column."""
        before = self.b, self._columns
        self.b = self.b.nested(region)
        try:
            yield
        finally:
            self.b, self._columns = before

    # types

    def check_type(self, param: Param, value: Value, span: Span | None) -> None:
        """E0205 unless the value is what the parameter takes. Ranges are not compared: they are checked where a value is made."""
        name, count = param.type
        items: Sequence[Value] = [value]
        if count is not None:
            items = value.items if isinstance(value, ArrayValue) else []
        if len(items) != (count or 1) or not all(self._is_one(name, item) for item in items):
            given = type_name(value) + (f" of {len(value.items)}" if isinstance(value, ArrayValue) else "")
            wanted = shape_text(name, count)
            self.fail("E0205", f"`{param.name}` is a {wanted}; given {'an' if given[0] in 'aeiou' else 'a'} {given}", span)

    def _is_one(self, type_: str, value: Value) -> bool:
        if type_ in self.declared.structs:
            return isinstance(value, StructValue) and value.type == type_
        return isinstance(value, Number | Scalar)

    # constants

    def as_constant(self, value: Value) -> int | None:
        """The integer, if the value is a constant."""
        return value.value if isinstance(value, Number) else None

    def single(self, value: ir.Value) -> Single:
        """A value of the representation; a number if it folded to one."""
        constant = constant_of(value)
        return Number(constant) if isinstance(constant, int) else Scalar(value)

    # the two readings

    def scalar(self, value: Value, span: Span | None) -> Single:
        if not isinstance(value, Number | Scalar):
            self.fail("E0205", f"a field element is needed here, this is a {type_name(value)}", span)
        return value

    def felt_of(self, value: Value, span: Span | None) -> ir.Value:
        """The value as an element of the field."""
        single = self.scalar(value, span)
        self.field_constant(single, span)
        if isinstance(single, Number):
            return felt.constant(self.b, single.value)
        if single.value.type is INT:
            self.fail("E0501", "this value is only known to the witness: bring it in with `hint`", span)
        return single.value

    def field_constant(self, value: Value, span: Span | None) -> None:
        """A constant in a polynomial stands for itself only if it is less than p away from 0."""
        number = self.as_constant(value)
        if number is not None and not -P < number < P:
            shown = number if abs(number) < 2**64 else f"this constant of {number.bit_length()} bits"
            message = f"{shown} is no element of the field: its elements are 0 to {P - 1}, and -{P - 1} to -1 the same once more"
            self.fail("E0304", message, span, help="reduce it by hand if you mean it modulo p")

    def maybe_integer(self, value: Value) -> ir.Value | None:
        """The integer a value stands for, None if it has none."""
        if isinstance(value, Number):
            return integer.constant(self.b, value.value)
        if isinstance(value, Scalar):
            return self.lift(self.b, value.value)
        return self._whole(value) if isinstance(value, StructValue) else None

    def integer_of(self, value: Value, span: Span | None) -> ir.Value:
        """The integer a value stands for. E0502 if it has none."""
        found = self.maybe_integer(value)
        if found is None:
            self.fail("E0502", "this value has no integer meaning that a hint or spec could use", span)
        return found

    def _whole(self, value: StructValue) -> ir.Value | None:
        """lo + 2^16 hi + …: each field follows the bits of those before it."""
        total = integer.constant(self.b, 0)
        for part, (_, low) in zip(value.fields.values(), self.declared.limbs(value.type), strict=True):
            limb = self.maybe_integer(part) if isinstance(part, Number | Scalar) else None
            if limb is None:
                return None
            total = self.b.value(integer.ADD, total, self.b.value(integer.MUL, limb, integer.constant(self.b, 1 << low)))
        return total if len(value.fields) > 1 else None

    def limb(self, whole: ir.Value, bits: int, low: int) -> ir.Value:
        """`bits` bits of an integer, above `low`."""
        return integer.quotient(self.b, integer.modulo(self.b, whole, 1 << (low + bits)), 1 << low)

    def with_meaning(self, value: Value, meaning: ir.Value | None) -> Value:
        """The value, with the integer that a spec says it is."""
        if meaning is None or isinstance(value, Number):
            return value
        if isinstance(value, Scalar):
            return value if value.value.type is INT else Scalar(self.b.value(row.MEANING, value.value, meaning))
        if isinstance(value, StructValue):
            fields: dict[str, Value] = {}
            for (name, part), (bits, low) in zip(value.fields.items(), self.declared.limbs(value.type), strict=True):
                fields[name] = self.with_meaning(part, self.limb(meaning, bits, low))
            return StructValue(value.type, fields)
        return value

    # columns

    def new_value(
        self, name: str, shape: Shape, whole: ir.Value | None, span: Span | None, *,
        trusted: bool, because: str | None, free: Free = NOTHING,
    ) -> Value:
        """Columns for a value of the type, filled with the integer, with the constraints of the type unless trusted."""
        type_, count = shape
        if count is not None:
            one: Shape = type_, None
            names = [f"{name}[{i}]" for i in range(count)]
            return ArrayValue(tuple(self.new_value(n, one, None, span, trusted=trusted, because=because, free=free) for n in names))
        if type_ not in self.declared.structs:
            return self._new_scalar(name, type_, whole, span, trusted=trusted, because=because, free=free)
        fields: dict[str, Value] = {}
        parts = self.declared.structs[type_]
        places = self.declared.limbs(type_) if whole is not None else [(0, 0)] * len(parts)
        for part, (bits, low) in zip(parts, places, strict=True):
            limb = None if whole is None else self.limb(whole, bits, low)
            fields[part.name] = self.new_value(f"{name}.{part.name}", part.type, limb, span, trusted=trusted, because=because, free=free)
        return StructValue(type_, fields)

    def _new_scalar(
        self, name: str, type_: str, hint: ir.Value | None, span: Span | None, *,
        trusted: bool, because: str | None, free: Free,
    ) -> Scalar:
        self.room(span)
        with self.at(span):
            column = self.new_column(name, type_, hint, trusted=trusted, because=because, free=free)
            if not trusted and type_ != "felt":
                self.check_range(column, type_, f"{name}: {type_}", span)
        return Scalar(column)

    def new_column(
        self, name: str, type_: str, hint: ir.Value | None, *,
        trusted: bool = False, because: str | None = None, free: Free = NOTHING, insn: str | None = None,
    ) -> ir.Value:
        """A column of the table, without the constraint of its type."""
        attributes: dict[str, Attribute] = {"name": name, "type": type_}
        if insn is not None:
            attributes["insn"] = insn
        if because is not None:
            attributes["because"] = because
        attributes |= free
        if trusted:
            attributes["trusted"] = True
        return self.b.create(row.COLUMN, () if hint is None else (hint,), attributes).result

    def check_range(self, column: ir.Value, type_: str, label: str, span: Span | None) -> None:
        """The column is of the type. E0302 if there is no table to look that up."""
        if type_ != "bit":
            size = self.declared.types[type_].high + 1
            fixed = self.declared.of(circ.FIXED)
            if size & (size - 1) == 0:
                if len(fixed[RANGE].names("fields") if RANGE in fixed else ()) != 2:
                    self.fail("E0302", f"ranges of powers of two need the fixed table `{RANGE}(bits, v)`", span)
            elif type_ not in fixed or len(fixed[type_].names("fields")) != 1:
                self.fail("E0302", f"the range of `{type_}` needs a fixed table of that name", span)
        self.b.create(row.RANGE, (column,), {"type": type_, "label": label})

    def room(self, span: Span | None) -> None:
        """E0215 if the table can have no further column."""
        self.spend(1, span)
        self._columns += 1
        if self._columns > MAX_COLUMNS:
            self.fail("E0215", f"`{self.name}` has more than {MAX_COLUMNS} columns", span, help="split the work over several rows")

    def column(self, value: Single, span: Span | None) -> Single:
        """A column equal to the value (`column(e)`)."""
        element = self.felt_of(value, span)
        if self.pure or isinstance(value, Number):
            return value
        self.room(span)
        with self.at(span):
            return Scalar(self.b.create(row.COMMIT, (element,)).result)
