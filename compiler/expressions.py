"""Expressions, read as polynomials (let, assert, messages) or as integers (spec, hint, fault)."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from zkc.compiler import witness as w
from zkc.compiler.columns import Columns
from zkc.compiler.program import integer_operation
from zkc.compiler.table import Effect
from zkc.compiler.values import ArrayValue, RecordValue, Scalar, StructValue, Value, bounded, flatten, type_name
from zkc.compiler.witness import W
from zkc.dsl import syntax as s
from zkc.runtime.field.koalabear import P

Env = dict[str, Value]
DIVISIONS = ("divide_unsigned", "remainder_unsigned", "divide_signed", "remainder_signed")


@dataclass
class Scope:
    """Names in reach, what specs say about names to come, and the results an arm sets."""

    env: Env
    specs: dict[str, W] = field(default_factory=lambda: {})
    outputs: dict[str, s.TypeRef] = field(default_factory=lambda: {})
    results: Env = field(default_factory=lambda: {})
    result_spans: dict[str, s.Span] = field(default_factory=lambda: {})


class Expressions(Columns, ABC):
    """Evaluates expressions; a gadget call is up to the subclass, which knows statements."""

    @abstractmethod
    def call_gadget(self, name: str, args: list[Value], span: s.Span) -> list[Value]:
        """Inlines a gadget: its outputs, in order."""

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


def _closest(name: str, known: list[str]) -> str | None:
    found = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{found[0]}`?" if found else None
