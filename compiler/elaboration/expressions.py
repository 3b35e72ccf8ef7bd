"""Expressions: values of the language (of let, assert, messages) and integers (of spec, hint, fault)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NoReturn

from zkc.compiler.dialects import circ, felt, integer, step
from zkc.compiler.elaboration.context import MAX_ITEMS, Context
from zkc.compiler.elaboration.values import ArrayValue, Number, RecordValue, Scalar, Single, StructValue, Value, type_name
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.operation import INT, OpDef, Operation, Region, constant_of
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.spans import Span
from zkc.runtime.execution import operations
from zkc.runtime.field.koalabear import P


def _operations(prefix: str, own: int) -> dict[str, int]:
    """Number of arguments of the runtime's functions of that prefix, by the rest of their names; `own` parameters are the runtime's."""
    found: dict[str, int] = {}
    for name, function in vars(operations).items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = function.py_func.__code__.co_argcount - own
    return found


HOST = _operations("host_", 2)
PERFORM = _operations("perform_", 3)
"""What `host` can ask and `perform` can do, with the number of arguments: what runtime/execution/operations.py defines."""


@dataclass
class Scope:
    """What values of the body at hand are, and what it gets by name. settable: results of the frame, which an arm may set; results: those
    that it has set, and where; defaults: what results are where nothing sets them."""

    values: dict[ir.Value, Value] = field(default_factory=lambda: {})
    given: Mapping[str, Value] = field(default_factory=lambda: {})
    settable: Mapping[str, Operation] | None = None
    results: dict[str, Value] = field(default_factory=lambda: {})
    result_spans: dict[str, Span | None] = field(default_factory=lambda: {})
    defaults: dict[str, Value] = field(default_factory=lambda: {})


Found = Value | Sequence[Value] | None
"""What an operation gives: one value, several, or none."""


class Expressions(Context, ABC):
    """Evaluates operations of the dialect `circ`; gadgets and statements are up to the subclass."""

    @abstractmethod
    def call_gadget(self, name: str, args: Sequence[Value], span: Span | None) -> Sequence[Value]:
        """Inlines a gadget: its outputs, in order."""

    @abstractmethod
    def run(self, region: Region, scope: Scope) -> list[Value]:
        """Evaluates a region: what it gives."""

    # operands

    def operand(self, op: Operation, index: int, scope: Scope) -> Value:
        """The value of an operand. E0204 if it has none: a result that nothing set."""
        value = scope.values.get(op.operands[index])
        if value is None:
            message = "a value that this uses is none here: a loop without rounds gives it, or a result that nothing sets"
            self.fail("E0204", message, op.loc.span)
        return value

    def operands(self, op: Operation, scope: Scope) -> list[Value]:
        """The values of all operands."""
        return [self.operand(op, i, scope) for i in range(len(op.operands))]

    def whole(self, op: Operation, index: int, scope: Scope) -> ir.Value:
        """The integer that an operand is."""
        value = self.operand(op, index, scope)
        return value.value if isinstance(value, Scalar) and value.value.type is INT else self.integer_of(value, op.loc.span)

    def wholes(self, op: Operation, scope: Scope) -> list[ir.Value]:
        """The integers that all operands are."""
        return [self.whole(op, i, scope) for i in range(len(op.operands))]

    # values of the language

    def number(self, op: Operation, scope: Scope) -> Value:
        value = op.number("value")
        return Scalar(integer.constant(self.b, value)) if op.result.type is INT else Number(value)

    def constant(self, op: Operation, scope: Scope) -> Value:
        value = self.declared.constant(op.text("name"))
        if value is None:
            self._nothing(op.text("name"), op.loc.span, self.declared.of(circ.CONST))
        return value

    def get(self, op: Operation, scope: Scope) -> Value:
        value = scope.given.get(op.text("name"))
        if value is None:
            self._nothing(op.text("name"), op.loc.span, scope.given)
        return value

    def defined(self, op: Operation, scope: Scope) -> Value:
        value = scope.values.get(op.operands[0])
        if value is None:
            self._nothing(op.text("name"), op.loc.span, ())
        return value

    def _nothing(self, name: str, span: Span | None, known: Sequence[str] | Mapping[str, object]) -> NoReturn:
        self.fail("E0204", f"there is no `{name}` here", span, help=did_you_mean(name, known))

    def field(self, op: Operation, scope: Scope) -> Value:
        value, name = self.operand(op, 0, scope), op.text("name")
        if isinstance(value, StructValue | RecordValue) and name in value.fields:
            return value.fields[name]
        fields = list(value.fields) if isinstance(value, StructValue | RecordValue) else []
        help_ = did_you_mean(name, fields) or (f"it has {', '.join(fields)}" if fields else None)
        self.fail("E0207", f"there is no field `{name}` in this {type_name(value)}", op.loc.span, help=help_)

    def element(self, op: Operation, scope: Scope) -> Value:
        value, index = self.operands(op, scope)
        span, at = op.loc.span, self.as_constant(index)
        if not isinstance(value, ArrayValue):
            self.fail("E0207", f"only arrays have elements, this is a {type_name(value)}", span)
        if at is None:
            self.fail("E0208", "an index is a constant", span)
        if not 0 <= at < len(value.items):
            self.fail("E0207", f"the index {at} is outside of the array, which has elements 0 to {len(value.items) - 1}", span)
        return value.items[at]

    def array(self, op: Operation, scope: Scope) -> Value:
        return self._array(self.operands(op, scope), op.loc.span)

    def concat(self, op: Operation, scope: Scope) -> Value:
        left, right = self.operands(op, scope)
        return self._operator("+", left, right, op.loc.span)

    def collect(self, op: Operation, scope: Scope) -> Value:
        (region,) = op.regions
        items: list[Value] = []
        for i in self.rounds(op, scope):
            scope.values[region.arguments[0]] = Number(i)
            items += self.run(region, scope)
        return self._array(items, op.loc.span)

    def bound(self, op: Operation, scope: Scope) -> Value:
        value = self.operand(op, 0, scope)
        if self.as_constant(value) is None:
            self.fail("E0208", "loop bounds are constants", op.loc.span)
        return value

    def rounds(self, op: Operation, scope: Scope) -> range:
        """The numbers from the first operand to before the second."""
        bounds = [self.as_constant(self.operand(op, i, scope)) for i in (0, 1)]
        start = op.operands[0].op
        span = op.loc.span if start is None else start.loc.span
        low, high = bounds
        if low is None or high is None:
            self.fail("E0208", "loop bounds are constants", span)
        if high < low:
            self.fail("E0208", f"a loop goes up, this one from {low} to {high}", span)
        if high - low > MAX_ITEMS:
            self.fail("E0215", f"this loop goes round {high - low} times; the most is {MAX_ITEMS}", span, help="loops are unrolled")
        self.spend(high - low, span)
        return range(low, high)

    def _array(self, items: list[Value], span: Span | None) -> ArrayValue:
        """An array of values of one type."""
        if len(items) > MAX_ITEMS:
            self.fail("E0215", f"this array has {len(items)} elements; the most is {MAX_ITEMS}", span)
        kinds = {type_name(item): None for item in items}
        if len(kinds) > 1 or "record" in kinds:
            self.fail("E0205", f"an array has elements of one type, this has {', '.join(kinds)}", span)
        self.spend(len(items), span)
        return ArrayValue(tuple(items))

    def conditional(self, op: Operation, scope: Scope) -> Found:
        condition = self.as_constant(self.operand(op, 0, scope))
        if condition is None:
            self.fail("E0208", "a condition outside hint and spec is a constant; multiply by a bit instead", op.loc.span)
        return self.run(op.regions[0 if condition else 1], scope)

    def binary(self, op: Operation, scope: Scope) -> Value:
        operator, span = op.text("operator"), op.loc.span
        if op.result.type is INT:
            a, b = self.wholes(op, scope)
            return Scalar(self.integer_operation(operator, a, b, span))
        left, right = self.operands(op, scope)
        return self._operator(operator, left, right, span)

    def _operator(self, operator: str, left: Value, right: Value, span: Span | None) -> Value:
        """What an operator stands for between these values."""
        if isinstance(left, ArrayValue) and isinstance(right, ArrayValue) and operator == "+":
            return self._array([*left.items, *right.items], span)
        gadget = self.declared.impl(type_name(left), operator, type_name(right))
        if gadget is not None:
            return self.call_gadget(gadget, [left, right], span)[0]
        if isinstance(left, Number | Scalar) and isinstance(right, Number | Scalar):
            return self._arithmetic(operator, left, right, span)
        message = f"no gadget proves `{type_name(left)} {operator} {type_name(right)}`"
        self.fail("E0209", message, span, help=self._other_operator(type_name(left), operator, type_name(right)))

    def _other_operator(self, left: str, operator: str, right: str) -> str:
        """What to write instead of an operator that these types do not have."""
        known = [name.split(" ") for name in self.declared.of(circ.IMPL)]
        between = [o for a, o, b in known if (a, b) == (left, right)]
        if between:
            return f"between {left} and {right} there are {' '.join(f'`{o}`' for o in between)}; declare others with `impl`"
        words = sorted({a for a, o, b in known if o == operator and a == b and "felt" in (left, right)})
        made = f"`{words[0]}(…)` makes a {words[0]} of field elements, or " if words else ""
        return f"{made}declare the operator with `impl {left} {operator} {right} by …;`"

    def _arithmetic(self, operator: str, left: Single, right: Single, span: Span | None) -> Single:
        a, b = self.as_constant(left), self.as_constant(right)
        if a is not None and b is not None:
            return Number(self.declared.integer_operation(operator, a, b, span))
        if any(isinstance(x, Scalar) and x.value.type is INT for x in (left, right)):
            return self.single(self.integer_operation(operator, self.integer_of(left, span), self.integer_of(right, span), span))
        x, y = self.felt_of(left, span), self.felt_of(right, span)
        with self.at(span):
            if operator in _POLYNOMIAL:
                return self.single(self.b.value(_POLYNOMIAL[operator], x, y))
            if operator == "/" and b is not None and b % P:
                inverse = felt.constant(self.b, Fraction(1, b))
                return self.single(self.b.value(felt.MUL, x, inverse))
        self.fail("E0209", f"`{operator}` is not a polynomial operation", span, help="use it in a `hint` or `spec`, or write a gadget")

    # calls

    def call(self, op: Operation, scope: Scope) -> Found:
        return self.call_gadget(op.text("callee"), self.operands(op, scope), op.loc.span)

    def make(self, op: Operation, scope: Scope) -> Value:
        name, values = op.text("type"), self.operands(op, scope)
        params = self.declared.structs[name]
        for param, value in zip(params, values, strict=True):
            self.check_type(param, value, op.loc.span)
        return StructValue(name, {p.name: v for p, v in zip(params, values, strict=True)})

    def as_column(self, op: Operation, scope: Scope) -> Value:
        return self.column(self.scalar(self.operand(op, 0, scope), op.loc.span), op.loc.span)

    def sum(self, op: Operation, scope: Scope) -> Value:
        span = op.loc.span
        items = [self.scalar(item, span) for item in self._items(op, "sum", scope)]
        self.spend(len(items), span)
        total: Single = Number(0)
        for item in items:
            total = self._arithmetic("+", total, item, span)
        return total

    def slice(self, op: Operation, scope: Scope) -> Value:
        items = self._items(op, "slice", scope)
        low, high = (self.as_constant(self.operand(op, i, scope)) for i in (1, 2))
        if low is None or high is None or not 0 <= low <= high <= len(items):
            self.fail("E0207", f"a slice goes from a constant to a constant, inside of 0 to {len(items)}", op.loc.span)
        return ArrayValue(tuple(items[low:high]))

    def _items(self, op: Operation, name: str, scope: Scope) -> Sequence[Value]:
        array = self.operand(op, 0, scope)
        if not isinstance(array, ArrayValue):
            self.fail("E0205", f"`{name}` takes an array, this is a {type_name(array)}", op.loc.span)
        return array.items

    def is_arm(self, op: Operation, scope: Scope) -> Value:
        if op.text("arm") not in self.selectors:
            self.fail("E0204", "`is(name)` takes the name of an instruction of this family", op.loc.span)
        return Scalar(self.selectors[op.text("arm")])

    def latest(self, op: Operation, scope: Scope) -> Value:
        address = self.whole(op, 0, scope)
        self.running(op.loc.span)
        with self.at(op.loc.span):
            value, time, mark = self.b.create(step.LOAD, (address,), {"bus": op.attributes["bus"]}).results
        return RecordValue({"value": Scalar(value), "time": Scalar(time), "mark": Scalar(mark)})

    def as_felt(self, op: Operation, scope: Scope) -> Value:
        return Scalar(self.felt_of(self.operand(op, 0, scope), op.loc.span))

    # integers

    def as_integer(self, op: Operation, scope: Scope) -> Value:
        return Scalar(self.integer_of(self.operand(op, 0, scope), op.loc.span))

    def select(self, op: Operation, scope: Scope) -> Value:
        return Scalar(self.b.value(integer.SELECT, *self.wholes(op, scope)))

    def inverse(self, op: Operation, scope: Scope) -> Value:
        return Scalar(self.b.value(integer.INVERSE, *self.wholes(op, scope)))

    def divide(self, op: Operation, scope: Scope) -> Value:
        return Scalar(self.b.value(integer.DIVISIONS[op.text("name")], *self.wholes(op, scope)))

    def host(self, op: Operation, scope: Scope) -> Value:
        operands, name = self.wholes(op, scope), op.text("name")
        self.effect_known("host", HOST, name, len(operands), op.loc.span)
        with self.at(op.loc.span):
            return Scalar(self.b.create(step.HOST, operands, {"name": name}).result)

    def effect_known(self, keyword: str, known: dict[str, int], name: str, count: int, span: Span | None) -> None:
        """What is asked of the runtime is something it can do, with as many arguments as it takes."""
        if name not in known:
            help_ = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            self.fail("E0204", f"the runtime has no `{keyword} {name}`", span, help=help_)
        if count != known[name]:
            self.fail("E0210", f"`{keyword} {name}` takes {known[name]} arguments, {count} are given", span)
        self.running(span)

    def running(self, span: Span | None) -> None:
        """E0212 in a table whose rows no instruction executes."""
        if self.rows_given:
            self.fail("E0212", "rows of this table are not executed: only instructions and environment calls do this", span)

    def integer_operation(self, operator: str, a: ir.Value, b: ir.Value, span: Span | None) -> ir.Value:
        """An operator between integers. E0304 if what it gives may be too large: meanings of meanings grow without end."""
        value = self._integer_operation(operator, a, b, span)
        bits = max(bound.bit_length() for bound in self.b.ranges.of(value))
        if bits > integer.MAX_BITS:
            self.fail("E0304", f"this integer may have {bits} bits; the most is {integer.MAX_BITS}", span, help="reduce it with `%`")
        return value

    def _integer_operation(self, operator: str, a: ir.Value, b: ir.Value, span: Span | None) -> ir.Value:
        x, y = constant_of(a), constant_of(b)
        if isinstance(x, int) and isinstance(y, int) and operator not in ("<s", ">=s"):
            return integer.constant(self.b, self.declared.integer_operation(operator, x, y, span))
        low, high = self.b.ranges.of(b)
        if operator in ("<<", ">>", "**") and not 0 <= low <= high <= P - 1:
            self.fail("E0304", f"a shift by {_bounds(low, high)} bits: it is at least 0 and below the field size", span)
        with self.at(span):
            match operator:
                case "+" | "-" | "*" | "&" | "|" | "^" | "==" | "!=" | "<u" | ">=u":
                    return self.b.value(_INTEGER[operator], a, b)
                case "/" if isinstance(y, int) and y > 0:
                    return integer.quotient(self.b, a, y)
                case "%" if isinstance(y, int) and y > 0:
                    return integer.modulo(self.b, a, y)
                case "%" if b.op is not None and b.op.definition is integer.SHL and low > 0:
                    return self.b.value(integer.AND, a, self.b.value(integer.SUB, b, integer.constant(self.b, 1)))
                case "**" if x == 2:
                    return self._shift_left(integer.constant(self.b, 1), b)
                case "<<":
                    return self._shift_left(a, b)
                case ">>" if isinstance(y, int) and y <= integer.FAR:
                    return integer.quotient(self.b, a, 1 << y)
                case ">>":
                    return self.b.value(integer.SHR, a, b)
                case "<s" | ">=s":
                    signed = (self.b.value(integer.SIGNED, v) for v in (a, b))
                    return self.b.value(integer.LT if operator == "<s" else integer.GE, *signed)
                case "and" | "or":
                    truth = (self.b.value(integer.NE, v, integer.constant(self.b, 0)) for v in (a, b))
                    return self.b.value(integer.AND if operator == "and" else integer.OR, *truth)
                case _:
                    self.fail("E0504", f"`{operator}` is not defined on these integers (divisors are positive constants)", span)

    def _shift_left(self, a: ir.Value, b: ir.Value) -> ir.Value:
        bits = constant_of(b)
        if isinstance(bits, int) and bits <= integer.FAR:
            return self.b.value(integer.MUL, a, integer.constant(self.b, 1 << bits))
        return self.b.value(integer.SHL, a, b)


_POLYNOMIAL: Final[dict[str, OpDef]] = {"+": felt.ADD, "-": felt.SUB, "*": felt.MUL}
_INTEGER: Final[dict[str, OpDef]] = {
    "+": integer.ADD, "-": integer.SUB, "*": integer.MUL, "&": integer.AND, "|": integer.OR, "^": integer.XOR,
    "==": integer.EQ, "!=": integer.NE, "<u": integer.LT, ">=u": integer.GE,
}  # fmt: skip


def _bounds(low: int, high: int) -> str:
    return " to ".join(str(x) if abs(x) < 2**64 else f"{'-' if x < 0 else ''}2^{abs(x).bit_length()}" for x in (low, high))
