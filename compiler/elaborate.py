"""Elaboration: gadgets are inlined and every statement becomes columns, constraints, messages and effects of one table.

It is symbolic execution: a value carries a polynomial and the integer it stands for, so that constraints, witness and executor
come from the same text. Two readings of an expression: `poly` (let, assert, messages) and `integer` (spec, hint, fault).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NoReturn

from compiler import witness as w
from compiler.polynomials import Interval, Polynomials
from compiler.program import ConstValue, Program, integer_operation
from compiler.table import Effect, Origin, Sent, TableBuilder
from compiler.values import ArrayValue, RecordValue, Scalar, StructValue, Value, bounded, flatten, type_name, word_of_limbs
from compiler.witness import W
from dsl import syntax as s
from runtime.field.koalabear import P

Env = dict[str, Value]
FELT_HIGH = P - 1
DIVISIONS = ("divide_unsigned", "remainder_unsigned", "divide_signed", "remainder_signed")


@dataclass
class FieldFunction:
    """A gadget that computes in the field, as polynomials of its inputs without columns of its own."""

    name: str
    poly: Polynomials
    inputs: int
    outputs: list[int]


@dataclass
class Scope:
    """Names in reach, what specs say about names to come, and the results an arm sets."""

    env: Env
    specs: dict[str, W] = field(default_factory=lambda: {})
    outputs: dict[str, s.TypeRef] = field(default_factory=lambda: {})
    results: Env = field(default_factory=lambda: {})
    result_spans: dict[str, s.Span] = field(default_factory=lambda: {})


class Elaborator:
    """Elaborates statements into one table. `pure`: for field functions, where `column(e)` is just e."""

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

    def length(self, ref: s.TypeRef, env: Env) -> int | None:
        if ref.length is None:
            return None
        value = self.as_constant(self.evaluate(ref.length, Scope(env)))
        if value is None or not 0 < value <= 4096:
            self.fail("E0205", "an array length is a constant from 1 to 4096", ref.span)
        return value

    def new_value(self, name: str, ref: s.TypeRef, whole: W | None, env: Env, span: s.Span, *, trusted: bool, because: str | None) -> Value:
        """Columns for a value of the type, with the constraints of the type unless trusted."""
        count = self.length(ref, env)
        if count is not None:
            element = s.TypeRef(ref.span, ref.name)
            names = [f"{name}[{i}]" for i in range(count)]
            return ArrayValue(tuple(self.new_value(n, element, None, env, span, trusted=trusted, because=because) for n in names))
        if ref.name in self.program.structs:
            return self._new_struct(name, ref, whole, env, span, trusted=trusted, because=because)
        return self._new_scalar(name, ref, whole, span, trusted=trusted, because=because)

    def _new_struct(
        self, name: str, ref: s.TypeRef, whole: W | None, env: Env, span: s.Span, *, trusted: bool, because: str | None
    ) -> Value:
        fields: dict[str, Value] = {}
        for i, part in enumerate(self.program.structs[ref.name].fields):
            limb = None if whole is None else w.shift_right(w.modulo(whole, 1 << (16 * (i + 1))), w.const(16 * i))
            fields[part.name] = self.new_value(f"{name}.{part.name}", part.type, limb, env, span, trusted=trusted, because=because)
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

    # expressions, polynomial reading

    def evaluate(self, expr: s.Expr, scope: Scope) -> Value:
        match expr:
            case s.Number(value=value):
                return self.constant(value)
            case s.Name(name=name):
                return self._name(name, expr.span, scope)
            case s.Field(of=of, name=name):
                return self._field(self.evaluate(of, scope), name, expr.span)
            case s.Index(of=of, index=index):
                return self._index(self.evaluate(of, scope), self.evaluate(index, scope), expr.span)
            case s.ArrayLiteral(items=items):
                return ArrayValue(tuple(self.evaluate(i, scope) for i in items))
            case s.Comprehension():
                return self._comprehension(expr, scope)
            case s.Unary(op=op, operand=operand):
                value = self.evaluate(operand, scope)
                start = self.constant(1 if op == "!" else 0)
                return self._arithmetic("-", start, self.scalar(value, expr.span), expr.span)
            case s.Binary():
                return self._binary(expr, scope)
            case s.Conditional():
                return self._conditional(expr, scope)
            case s.Call():
                return self._call(expr, scope)
            case s.Last(bus=bus, key=key):
                return self._latest(bus, self.integer(key, scope), expr.span)
            case s.Host():
                return Scalar(None, self.integer(expr, scope))

    def _name(self, name: str, span: s.Span, scope: Scope) -> Value:
        if name in scope.env:
            return scope.env[name]
        if name in self.program.constants:
            return self.constant_value(self.program.constants[name])
        self.fail("E0204", f"there is no `{name}` here", span, help=_closest(name, [*scope.env, *self.program.constants]))

    def _field(self, value: Value, name: str, span: s.Span) -> Value:
        if isinstance(value, StructValue | RecordValue) and name in value.fields:
            return value.fields[name]
        self.fail("E0207", f"there is no field `{name}` in this {type_name(value)}", span)

    def _index(self, value: Value, index: Value, span: s.Span) -> Value:
        at = self.as_constant(index)
        if not isinstance(value, ArrayValue) or at is None or not 0 <= at < len(value.items):
            self.fail("E0207", "an index is a constant inside the array", span)
        return value.items[at]

    def _comprehension(self, expr: s.Comprehension, scope: Scope) -> Value:
        items: list[Value] = []
        for i in self._range(expr.start, expr.stop, scope):
            inner = Scope({**scope.env, expr.name: self.constant(i)}, scope.specs, scope.outputs, scope.results)
            items.append(self.evaluate(expr.item, inner))
        return ArrayValue(tuple(items))

    def _range(self, start: s.Expr, stop: s.Expr, scope: Scope) -> range:
        low, high = (self.as_constant(self.evaluate(e, scope)) for e in (start, stop))
        if low is None or high is None or high - low > 4096:
            self.fail("E0208", "loop bounds are constants", start.span)
        return range(low, high)

    def _conditional(self, expr: s.Conditional, scope: Scope) -> Value:
        condition = self.as_constant(self.evaluate(expr.condition, scope))
        if condition is None:
            self.fail("E0208", "a condition outside hint and spec is a constant; multiply by a bit instead", expr.span)
        return self.evaluate(expr.then if condition else expr.otherwise, scope)

    def _binary(self, expr: s.Binary, scope: Scope) -> Value:
        left, right = self.evaluate(expr.left, scope), self.evaluate(expr.right, scope)
        if isinstance(left, ArrayValue) and isinstance(right, ArrayValue) and expr.op == "+":
            return ArrayValue(left.items + right.items)
        impl = self.program.impls.get((type_name(left), expr.op, type_name(right)))
        if impl is not None:
            return self.call_gadget(impl.gadget, [left, right], expr.span)[0]
        if not (isinstance(left, Scalar) and isinstance(right, Scalar)):
            message = f"no gadget proves `{type_name(left)} {expr.op} {type_name(right)}`"
            self.fail("E0209", message, expr.span, help="declare one with `impl`")
        return self._arithmetic(expr.op, left, right, expr.span)

    def _arithmetic(self, op: str, left: Scalar, right: Scalar, span: s.Span) -> Scalar:
        a, b = self.as_constant(left), self.as_constant(right)
        if a is not None and b is not None:
            return self.constant(integer_operation(op, a, b, span, self.program))
        if left.poly is None or right.poly is None:
            return Scalar(None, self._integer_operation(op, left.wit or w.const(0), right.wit or w.const(0), span))
        wit = None
        if left.wit is not None and right.wit is not None and op in ("+", "-", "*"):
            wit = bounded({"+": w.add, "-": w.sub, "*": w.mul}[op](left.wit, right.wit))
        match op:
            case "+":
                return Scalar(self.poly.add(left.poly, right.poly), wit)
            case "-":
                return Scalar(self.poly.sub(left.poly, right.poly), wit)
            case "*":
                return Scalar(self._degree(self.poly.mul(left.poly, right.poly), span), wit)
            case "/" if b is not None and b % P:
                exact = None if left.wit is None else w.floor_divide(left.wit, b)
                return Scalar(self.poly.divide(left.poly, b), exact)
            case _:
                self.fail("E0209", f"`{op}` is not a polynomial operation", span, help="use it in a `hint` or `spec`, or write a gadget")

    def _degree(self, node: int, span: s.Span) -> int:
        if self.poly.degrees[node] > 3 and not self.pure:
            message = f"this product has degree {self.poly.degrees[node]}; the most is 3"
            self.fail("E0401", message, span, help="put a factor in `column(…)`")
        return node

    def _call(self, expr: s.Call, scope: Scope) -> Value:
        outputs = self.call(expr, scope)
        if len(outputs) != 1:
            self.fail("E0210", f"`{expr.name}` gives {len(outputs)} values; one is needed here", expr.span)
        return outputs[0]

    def call(self, expr: s.Call, scope: Scope) -> list[Value]:
        """A builtin, a struct constructor or a gadget."""
        name = expr.name
        if name == "is":
            return [self._is_arm(expr)]
        args = [self.evaluate(a, scope) for a in expr.args]
        if name == "column" and len(args) == 1:
            return [self.column(self.scalar(args[0], expr.span), expr.span)]
        if name == "sum" and len(args) == 1:
            total = self.constant(0)
            for item in flatten(args[0]):
                total = self._arithmetic("+", total, item, expr.span)
            return [total]
        if name == "slice" and len(args) == 3:
            low, high = self.as_constant(args[1]), self.as_constant(args[2])
            if isinstance(args[0], ArrayValue) and low is not None and high is not None:
                return [ArrayValue(args[0].items[low:high])]
        named = {n: self.evaluate(e, scope) for n, e in expr.named}
        if name in self.program.structs:
            return [self._construct(name, named, expr.span)]
        if name not in self.program.gadgets:
            self.fail("E0204", f"there is no gadget `{name}`", expr.span, help=_closest(name, list(self.program.gadgets)))
        return self.call_gadget(name, self._arguments(name, args, named, expr.span), expr.span)

    def _is_arm(self, expr: s.Call) -> Value:
        name = expr.args[0].name if len(expr.args) == 1 and isinstance(expr.args[0], s.Name) else ""
        if name not in self.table.selectors:
            self.fail("E0204", "`is(name)` takes the name of an instruction of this family", expr.span)
        return Scalar(self.table.selectors[name], w.arm_is(name))

    def _construct(self, name: str, named: dict[str, Value], span: s.Span) -> Value:
        wanted = [p.name for p in self.program.structs[name].fields]
        if sorted(wanted) != sorted(named):
            self.fail("E0210", f"`{name}` is made with {', '.join(wanted)}", span)
        fields = {n: named[n] for n in wanted}
        return StructValue(name, fields, self._whole(fields))

    def _arguments(self, name: str, args: list[Value], named: dict[str, Value], span: s.Span) -> list[Value]:
        params = [p.name for p in self.program.gadgets[name].params]
        if not named and len(params) > 6:
            self.fail("E0210", f"`{name}` takes {len(params)} arguments: name them", span)
        given = dict(zip(params, args, strict=False)) | named
        if len(args) + len(named) != len(params) or set(given) != set(params):
            self.fail("E0210", f"`{name}` takes {', '.join(params) or 'nothing'}", span)
        return [given[p] for p in params]

    def call_gadget(self, name: str, args: list[Value], span: s.Span) -> list[Value]:
        """Inlines a gadget: its outputs, in order."""
        gadget = self.program.gadgets[name]
        if name in self.stack:
            self.fail("E0211", f"the gadget `{name}` calls itself", span)
        self.stack.append(name)
        try:
            env: Env = {}
            for param, arg in zip(gadget.params, args, strict=True):
                self._check_type(param, arg, env, span)
                env[param.name] = arg
            scope = Scope(env, outputs={p.name: p.type for p in gadget.outputs})
            self._run_gadget(gadget, scope)
            outputs = [self._output(gadget, p, scope) for p in gadget.outputs]
        finally:
            self.stack.pop()
        return self._field_meaning(gadget, args, outputs)

    def _check_type(self, param: s.Param, arg: Value, env: Env, span: s.Span) -> None:
        count = self.length(param.type, env)
        if count is not None:
            ok = isinstance(arg, ArrayValue) and len(arg.items) == count
        elif param.type.name in self.program.structs:
            ok = isinstance(arg, StructValue) and arg.type == param.type.name
        else:
            ok = isinstance(arg, Scalar)
        if not ok:
            self.fail("E0205", f"`{param.name}` is a {param.type.name}{f'[{count}]' if count else ''}; given a {type_name(arg)}", span)

    def _run_gadget(self, gadget: s.Gadget, scope: Scope) -> None:
        defined = _defined_names(gadget.body)
        for stmt in gadget.body:
            if isinstance(stmt, s.Spec):
                if stmt.name not in scope.outputs:
                    self.fail("E0503", f"`{stmt.name}` is not an output of this gadget", stmt.span)
                meaning = self.integer(stmt.value, scope)
                scope.specs[stmt.name] = meaning
                if stmt.name not in defined:
                    type_ = scope.outputs[stmt.name]
                    scope.env[stmt.name] = self.new_value(
                        stmt.name, type_, meaning, scope.env, stmt.span, trusted=False, because="the gadget's own meaning"
                    )
            else:
                self.statement(stmt, scope)

    def _output(self, gadget: s.Gadget, param: s.Param, scope: Scope) -> Value:
        if param.name not in scope.env:
            self.fail("E0503", f"the gadget `{gadget.name}` never defines its output `{param.name}`", param.span)
        return self.with_meaning(scope.env[param.name], scope.specs.get(param.name))

    def with_meaning(self, value: Value, meaning: W | None) -> Value:
        """The value, with the integer that a spec says it is."""
        if meaning is None:
            return value
        if isinstance(value, Scalar):
            return Scalar(value.poly, meaning)
        if isinstance(value, StructValue):
            fields: dict[str, Value] = {}
            for i, (name, part) in enumerate(value.fields.items()):
                assert isinstance(part, Scalar)
                fields[name] = Scalar(part.poly, w.shift_right(w.modulo(meaning, 1 << (16 * (i + 1))), w.const(16 * i)))
            return StructValue(value.type, fields, meaning)
        return value

    def _field_meaning(self, gadget: s.Gadget, args: list[Value], outputs: list[Value]) -> list[Value]:
        """Outputs without an integer meaning get that of the gadget as a function in the field, if the inputs are known."""
        scalars = [x for a in args for x in flatten(a)]
        missing = [o for o in outputs if any(x.wit is None and x.poly is not None for x in flatten(o))]
        if self.pure or self.stack or not missing or len(outputs) != 1 or any(x.wit is None for x in scalars):
            return outputs
        function = self.function(gadget)
        wits = tuple(x.wit for x in scalars if x.wit is not None)
        items = flatten(outputs[0])
        values = tuple(Scalar(x.poly, w.field_call(function.name, i, wits)) for i, x in enumerate(items))
        return [ArrayValue(values)] if isinstance(outputs[0], ArrayValue) else [values[0]]

    def function(self, gadget: s.Gadget) -> FieldFunction:
        """The gadget as polynomials of its inputs alone."""
        if gadget.name not in self.functions:
            table = TableBuilder(gadget.name, [])
            inner = Elaborator(self.program, table, self.functions, pure=True)
            args = [inner.new_value(p.name, p.type, None, {}, p.span, trusted=True, because=None) for p in gadget.params]
            count = len(table.columns)
            outputs = inner.call_gadget(gadget.name, args, gadget.span)
            nodes = [inner.poly_of(x, gadget.span) for x in flatten(outputs[0])]
            self.functions[gadget.name] = FieldFunction(gadget.name, table.poly, count, nodes)
        return self.functions[gadget.name]

    def _latest(self, bus: str, address: W, span: s.Span) -> Value:
        decl = self.program.buses.get(bus)
        if decl is None or decl.remembers is None:
            self.fail("E0601", f"the bus `{bus}` does not remember its latest message", span)
        sequence = self.table.next_sequence()
        self.table.effect(Effect("load", bus, (address,), sequence))
        value = w.latest("value", sequence, 2**32 - 1)
        return RecordValue({
            "value": Scalar(None, value),
            "time": Scalar(None, w.latest("time", sequence, 2**30 - 1)),
            "mark": Scalar(None, w.latest("mark", sequence, 3)),
        })  # fmt: skip

    # expressions, integer reading

    def integer(self, expr: s.Expr, scope: Scope) -> W:
        """The expression as an integer, with unlimited operators."""
        match expr:
            case s.Binary(op=op, left=left, right=right):
                return self._integer_operation(op, self.integer(left, scope), self.integer(right, scope), expr.span)
            case s.Unary(op="-", operand=operand):
                return w.sub(w.const(0), self.integer(operand, scope))
            case s.Unary(op="!", operand=operand):
                return w.negation(self.integer(operand, scope))
            case s.Conditional(condition=c, then=a, otherwise=b):
                return w.select(self.integer(c, scope), self.integer(a, scope), self.integer(b, scope))
            case s.Call(name="inverse", args=(argument,)):
                return w.inverse(self.integer(argument, scope))
            case s.Call(name=name, args=(a, b)) if name in DIVISIONS:
                return w.division(name, self.integer(a, scope), self.integer(b, scope))
            case s.Call(name="is"):
                return self.integer_of(self._is_arm(expr), expr.span)
            case s.Call():
                self.fail("E0504", f"`{expr.name}` is a gadget; hints and specs use integer operators", expr.span)
            case s.Host(name=name, args=args):
                sequence = self.table.next_sequence()
                self.table.effect(Effect("host", name, tuple(self.integer(a, scope) for a in args), sequence))
                return w.host(name, sequence, 2**32 - 1)
            case _:
                return self.integer_of(self.evaluate(expr, scope), expr.span)

    def _integer_operation(self, op: str, a: W, b: W, span: s.Span) -> W:
        match op:
            case "+":
                return w.add(a, b)
            case "-":
                return w.sub(a, b)
            case "*":
                return w.mul(a, b)
            case "/" if b.const is not None and b.const > 0:
                return w.floor_divide(a, b.const)
            case "%" if b.const is not None and b.const > 0:
                return w.modulo(a, b.const)
            case "%" if b.op == "shl" and b.low > 0:
                return w.bitwise("and", a, w.sub(b, w.const(1)))
            case "**" if a.const == 2:
                return w.shift_left(w.const(1), b)
            case "<<":
                return w.shift_left(a, b)
            case ">>":
                return w.shift_right(a, b)
            case "&" | "|" | "^":
                return w.bitwise({"&": "and", "|": "or", "^": "xor"}[op], a, b)
            case "==" | "!=" | "<u" | ">=u":
                return w.compare({"==": "eq", "!=": "ne", "<u": "lt", ">=u": "ge"}[op], a, b)
            case "<s" | ">=s":
                return w.compare("lt" if op == "<s" else "ge", w.signed_word(a), w.signed_word(b))
            case "and":
                return w.bitwise("and", w.compare("ne", a, w.const(0)), w.compare("ne", b, w.const(0)))
            case "or":
                return w.bitwise("or", w.compare("ne", a, w.const(0)), w.compare("ne", b, w.const(0)))
            case _:
                self.fail("E0504", f"`{op}` is not defined on these integers (divisors are positive constants)", span)

    # statements

    def run(self, body: s.Body, scope: Scope) -> None:
        for stmt in body:
            self.statement(stmt, scope)

    def statement(self, stmt: s.Stmt, scope: Scope) -> None:
        match stmt:
            case s.Let():
                self._let(stmt, scope)
            case s.Hint():
                meaning = self.integer(stmt.value, scope)
                scope.env[stmt.name] = self.new_value(
                    stmt.name, stmt.type, meaning, scope.env, stmt.span, trusted=stmt.trusted, because=stmt.because
                )
            case s.Input():
                scope.env[stmt.name] = self._input(stmt.name, stmt.type, scope.env, stmt.span)
            case s.Assert():
                self._assert(stmt, scope)
            case s.MessageStmt():
                self._message(stmt, scope)
            case s.For(name=name, start=start, stop=stop, body=body):
                for i in self._range(start, stop, scope):
                    scope.env[name] = self.constant(i)
                    self.run(body, scope)
            case s.Fault(message=message, when=when):
                self.table.effect(Effect("fault", message, (self.integer(when, scope),)))
            case s.CallStmt(call=call):
                if self.call(call, scope):
                    self.fail("E0505", f"a result of `{call.name}` is dropped", stmt.span)
            case s.Set(name=name, value=value):
                scope.results[name] = self.evaluate(value, scope)
                scope.result_spans[name] = stmt.span
            case s.If():
                self._if(stmt, scope)
            case s.Retire(when=when):
                self.table.effect(Effect("retire", "", (w.const(1) if when is None else self.integer(when, scope),)))
            case s.Perform(name=name, args=args):
                self.table.effect(Effect("perform", name, tuple(self.integer(a, scope) for a in args)))
            case _:
                self.fail("E0212", "this statement does not belong here", stmt.span)

    def _let(self, stmt: s.Let, scope: Scope) -> None:
        if len(stmt.names) == 1:
            value = self.evaluate(stmt.value, scope)
            scope.env[stmt.names[0]] = self.with_meaning(value, scope.specs.get(stmt.names[0]))
            return
        if not isinstance(stmt.value, s.Call):
            self.fail("E0210", "several names take the results of a gadget", stmt.span)
        values = self.call(stmt.value, scope)
        if len(values) != len(stmt.names):
            self.fail("E0210", f"`{stmt.value.name}` gives {len(values)} values", stmt.span)
        for name, value in zip(stmt.names, values, strict=True):
            scope.env[name] = self.with_meaning(value, scope.specs.get(name))

    def _input(self, name: str, ref: s.TypeRef, env: Env, span: s.Span) -> Value:
        """Columns that the runtime fills: `name`, `name[i]`, `name.lo`, …"""
        before = len(self.table.columns)
        value = self.new_value(name, ref, w.source(name, 0, FELT_HIGH), env, span, trusted=False, because="given by the runtime")
        new = self.table.columns[before:]
        wits: dict[int, W] = {}
        for column in new:
            interval = self.program.interval(column.type)
            self.table.inputs.append(column.name)
            wits[column.node] = column.by_arm[self.table.arm] = w.source(column.name, 0, interval.high if interval else FELT_HIGH)
        self._rebind_messages(wits)
        return self._with_inputs(value, wits)

    def _rebind_messages(self, wits: dict[int, W]) -> None:
        """Range lookups made for the columns just now take their integers from the inputs."""
        for i, m in enumerate(self.table.messages):
            if any(a in wits for a in m.args):
                args = tuple(wits.get(a, x) for a, x in zip(m.args, m.args_wit, strict=True))
                self.table.messages[i] = replace(m, args_wit=args)

    def _with_inputs(self, value: Value, wits: dict[int, W]) -> Value:
        if isinstance(value, Scalar):
            return Scalar(value.poly, wits[value.poly or 0])
        if isinstance(value, ArrayValue):
            return ArrayValue(tuple(self._with_inputs(v, wits) for v in value.items))
        assert isinstance(value, StructValue)
        fields = {n: self._with_inputs(v, wits) for n, v in value.fields.items()}
        return StructValue(value.type, fields, self._whole(fields))

    def _assert(self, stmt: s.Assert, scope: Scope) -> None:
        left = self.scalar(self.evaluate(stmt.left, scope), stmt.left.span)
        right = self.scalar(self.evaluate(stmt.right, scope), stmt.right.span)
        difference = self.poly.sub(self.poly_of(left, stmt.left.span), self.poly_of(right, stmt.right.span))
        self._check_wrap(stmt, left, right)
        if stmt.when is not None:
            difference = self.poly.mul(self.poly_of(self.evaluate(stmt.when, scope), stmt.when.span), difference)
        self.table.constrain(difference, stmt.label or "assert", stmt.span)
        self._learn_bit(difference)

    def _check_wrap(self, stmt: s.Assert, left: Scalar, right: Scalar) -> None:
        """An equation over bounded integers must not be able to hold only modulo p."""
        if self.as_constant(right) == 0 and isinstance(stmt.left, s.Binary) and stmt.left.op == "*":
            assert left.poly is not None
            for factor in self._factors(left.poly):
                self._check_difference(stmt, self.poly.interval(factor), Interval(0, 0))
        elif left.poly is not None and right.poly is not None:
            self._check_difference(stmt, self.poly.interval(left.poly), self.poly.interval(right.poly))

    def _factors(self, node: int) -> list[int]:
        op, a, b = self.poly.nodes[node]
        return [*self._factors(a), *self._factors(b)] if op == 4 else [node]

    def _check_difference(self, stmt: s.Assert, a: Interval | None, b: Interval | None) -> None:
        if a is None or b is None:
            return
        d = a.denominator * b.denominator
        (al, ah), (bl, bh) = a.scaled(d), b.scaled(d)
        if max(abs(al - bh), abs(ah - bl)) >= P:
            self.program.error(
                "E0301", "this equation can hold without being true over the integers", stmt.span,
                notes=(f"left side times {d}: {al} .. {ah}", f"right side times {d}: {bl} .. {bh}", f"the field has {P} elements"),
                help="narrow a type, or split the equation",
            )  # fmt: skip

    def _learn_bit(self, node: int) -> None:
        """After x (1 - x) == 0 is asserted, x is a bit."""
        op, a, b = self.poly.nodes[node]
        if op == 4:
            for x, y in ((a, b), (b, a)):
                if self.poly.nodes[y] == (3, self.poly.constant(1), x):
                    self.poly.learn(x, Interval(0, 1))

    def _message(self, stmt: s.MessageStmt, scope: Scope) -> None:
        bus = self.program.buses.get(stmt.bus)
        params = bus.params if bus else self.program.fixed[stmt.bus].params if stmt.bus in self.program.fixed else None
        if params is None:
            self.fail("E0601", f"there is no bus or fixed table `{stmt.bus}`", stmt.span)
        if (stmt.direction == "lookup") == (bus is not None):
            self.fail("E0602", f"`{stmt.bus}` takes `{'send` or `recv' if bus else 'lookup'}`", stmt.span)
        if len(params) != len(stmt.args):
            self.fail("E0603", f"`{stmt.bus}` carries {len(params)} values, {len(stmt.args)} are given", stmt.span)
        values = [self.evaluate(a, scope) for a in stmt.args]
        for param, value in zip(params, values, strict=True):
            self._check_type(param, value, {}, stmt.span)
        scalars = [x for v in values for x in flatten(v)]
        times = stmt.times if stmt.times is not None else stmt.when
        count = self.constant(1) if times is None else self.scalar(self.evaluate(times, scope), stmt.span)
        nodes = tuple(self.message_argument(x, stmt.span) for x in scalars)
        sign = -1 if stmt.direction == "recv" else 1
        label = f"{stmt.direction} {stmt.bus}"
        arg_wits = tuple(x.wit for x in scalars)
        self.table.send(Sent(self.table.arm, stmt.bus, sign, self.poly_of(count, stmt.span), count.wit, nodes, arg_wits, label, stmt.span))
        bits = self.as_constant(scalars[0]) if stmt.bus == "range" and times is None else None
        if bits is not None:
            self.poly.learn(nodes[1], Interval(0, (1 << bits) - 1))
        if sign > 0 and bus is not None:
            self._sent_effect(bus, values, stmt.span)

    def _sent_effect(self, bus: s.BusDecl, values: list[Value], span: s.Span) -> None:
        """For the executor, sending on a remembering bus stores, and sending on `exec` is the next step."""
        if not self.table.arms:
            return
        if bus.remembers:
            self.table.effect(Effect("store", bus.name, tuple(self.integer_of(v, span) for v in values)))
        elif bus.name == "exec":
            self.table.effect(Effect("step", bus.name, tuple(self.integer_of(v, span) for v in values)))

    def _if(self, stmt: s.If, scope: Scope) -> None:
        condition = self.scalar(self.evaluate(stmt.condition, scope), stmt.condition.span)
        for inner in stmt.body:
            if not isinstance(inner, s.Set):
                self.fail("E0212", "only results are set under a condition", inner.span)
            old = scope.results.get(inner.name, scope.env.get(f"default {inner.name}"))
            new = self.evaluate(inner.value, scope)
            if old is None:
                self.fail("E0212", f"`{inner.name}` has no default, so it cannot be set under a condition", inner.span)
            scope.result_spans[inner.name] = inner.span
            scope.results[inner.name] = self._choose(condition, self.scalar(new, inner.span), self.scalar(old, inner.span), inner.span)

    def _choose(self, c: Scalar, a: Scalar, b: Scalar, span: s.Span) -> Scalar:
        """b + c (a - b)."""
        delta = self._arithmetic("-", a, b, span)
        mixed = self._arithmetic("+", b, self._arithmetic("*", c, delta, span), span)
        assert c.wit is not None and a.wit is not None and b.wit is not None
        return Scalar(mixed.poly, w.select(c.wit, a.wit, b.wit))

    @contextmanager
    def in_arm(self, arm: str) -> Generator[None]:
        self.table.enter(arm)
        try:
            yield
        finally:
            self.table.leave()


def _defined_names(body: s.Body) -> set[str]:
    names: set[str] = set()
    for stmt in body:
        if isinstance(stmt, s.Let):
            names.update(stmt.names)
        elif isinstance(stmt, s.Hint | s.Input):
            names.add(stmt.name)
        elif isinstance(stmt, s.For):
            names |= _defined_names(stmt.body)
    return names


def _closest(name: str, known: list[str]) -> str | None:
    import difflib

    found = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{found[0]}`?" if found else None
