"""Expressions, read as polynomials (let, assert, messages) or as integers (spec, hint, fault)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from zkc.compiler import witness as w
from zkc.compiler.columns import MAX_ITEMS, Columns
from zkc.compiler.names import BUILT_IN_CALLS, DIVISIONS
from zkc.compiler.program import integer_operation
from zkc.compiler.table import Effect
from zkc.compiler.values import ArrayValue, RecordValue, Scalar, StructValue, Value, bounded, type_name
from zkc.compiler.witness import W
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean
from zkc.runtime import machine_ops
from zkc.runtime.field.koalabear import P

Env = dict[str, Value]


def _operations(prefix: str, own: int) -> dict[str, int]:
    """Number of arguments of the runtime's functions of that prefix, by the rest of their names; `own` parameters are the runtime's."""
    found: dict[str, int] = {}
    for name, function in vars(machine_ops).items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = function.py_func.__code__.co_argcount - own
    return found


HOST = _operations("host_", 2)
PERFORM = _operations("perform_", 3)
"""What `host` can ask and `perform` can do, with the number of arguments: what runtime/machine_ops.py defines."""


@dataclass
class Scope:
    """Names in reach, what specs say about names to come, and the results an arm sets: `settable` are those there are, with their place."""

    env: Env
    specs: dict[str, W] = field(default_factory=lambda: {})
    outputs: dict[str, s.TypeRef] = field(default_factory=lambda: {})
    results: Env = field(default_factory=lambda: {})
    result_spans: dict[str, s.Span] = field(default_factory=lambda: {})
    settable: dict[str, s.Result] | None = None


class Expressions(Columns, ABC):
    """Evaluates expressions; a gadget call is up to the subclass, which knows statements."""

    @abstractmethod
    def call_gadget(self, name: str, args: list[Value], span: s.Span) -> list[Value]:
        """Inlines a gadget: its outputs, in order."""

    # expressions, polynomial reading

    def evaluate(self, expr: s.Expr, scope: Scope) -> Value:
        self.spend(1, expr.span)
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
                return self._array([self.evaluate(i, scope) for i in items], expr.span)
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
        self.fail("E0204", f"there is no `{name}` here", span, help=did_you_mean(name, [*scope.env, *self.program.constants]))

    def _field(self, value: Value, name: str, span: s.Span) -> Value:
        if isinstance(value, StructValue | RecordValue) and name in value.fields:
            return value.fields[name]
        fields = list(value.fields) if isinstance(value, StructValue | RecordValue) else []
        help_ = did_you_mean(name, fields) or (f"it has {', '.join(fields)}" if fields else None)
        self.fail("E0207", f"there is no field `{name}` in this {type_name(value)}", span, help=help_)

    def _index(self, value: Value, index: Value, span: s.Span) -> Value:
        at = self.as_constant(index)
        if not isinstance(value, ArrayValue):
            self.fail("E0207", f"only arrays have elements, this is a {type_name(value)}", span)
        if at is None:
            self.fail("E0208", "an index is a constant", span)
        if not 0 <= at < len(value.items):
            self.fail("E0207", f"the index {at} is outside of the array, which has elements 0 to {len(value.items) - 1}", span)
        return value.items[at]

    def _comprehension(self, expr: s.Comprehension, scope: Scope) -> Value:
        items: list[Value] = []
        for i in self._range(expr.start, expr.stop, scope):
            inner = Scope({**scope.env, expr.name: self.constant(i)}, scope.specs, scope.outputs, scope.results)
            items.append(self.evaluate(expr.item, inner))
        return self._array(items, expr.span)

    def _range(self, start: s.Expr, stop: s.Expr, scope: Scope) -> range:
        low, high = (self.as_constant(self.evaluate(e, scope)) for e in (start, stop))
        if low is None or high is None:
            self.fail("E0208", "loop bounds are constants", start.span if low is None else stop.span)
        if high < low:
            self.fail("E0208", f"a loop goes up, this one from {low} to {high}", start.span)
        if high - low > MAX_ITEMS:
            self.fail("E0215", f"this loop goes round {high - low} times; the most is {MAX_ITEMS}", start.span, help="loops are unrolled")
        self.spend(high - low, start.span)
        return range(low, high)

    def _array(self, items: list[Value], span: s.Span) -> ArrayValue:
        """An array of values of one type."""
        if len(items) > MAX_ITEMS:
            self.fail("E0215", f"this array has {len(items)} elements; the most is {MAX_ITEMS}", span)
        kinds = {type_name(item): None for item in items}
        if len(kinds) > 1 or "record" in kinds:
            self.fail("E0205", f"an array has elements of one type, this has {', '.join(kinds)}", span)
        self.spend(len(items), span)
        return ArrayValue(tuple(items))

    def _conditional(self, expr: s.Conditional, scope: Scope) -> Value:
        condition = self.as_constant(self.evaluate(expr.condition, scope))
        if condition is None:
            self.fail("E0208", "a condition outside hint and spec is a constant; multiply by a bit instead", expr.span)
        return self.evaluate(expr.then if condition else expr.otherwise, scope)

    def _binary(self, expr: s.Binary, scope: Scope) -> Value:
        left, right = self.evaluate(expr.left, scope), self.evaluate(expr.right, scope)
        if isinstance(left, ArrayValue) and isinstance(right, ArrayValue) and expr.op == "+":
            return self._array([*left.items, *right.items], expr.span)
        impl = self.program.impls.get((type_name(left), expr.op, type_name(right)))
        if impl is not None:
            return self.call_gadget(impl.gadget, [left, right], expr.span)[0]
        if not (isinstance(left, Scalar) and isinstance(right, Scalar)):
            message = f"no gadget proves `{type_name(left)} {expr.op} {type_name(right)}`"
            self.fail("E0209", message, expr.span, help=self._other_operator(type_name(left), expr.op, type_name(right)))
        return self._arithmetic(expr.op, left, right, expr.span)

    def _other_operator(self, left: str, op: str, right: str) -> str:
        """What to write instead of an operator that these types do not have."""
        known = [o for a, o, b in self.program.impls if (a, b) == (left, right)]
        if known:
            return f"between {left} and {right} there are {' '.join(f'`{o}`' for o in known)}; declare others with `impl`"
        words = sorted({a for a, o, b in self.program.impls if o == op and a == b and "felt" in (left, right)})
        made = f"`{words[0]}(…)` makes a {words[0]} of field elements, or " if words else ""
        return f"{made}declare the operator with `impl {left} {op} {right} by …;`"

    def _arithmetic(self, op: str, left: Scalar, right: Scalar, span: s.Span) -> Scalar:
        a, b = self.as_constant(left), self.as_constant(right)
        if a is not None and b is not None:
            return self.constant(integer_operation(op, a, b, span, self.program))
        if left.poly is None or right.poly is None:
            return Scalar(None, self._integer_operation(op, left.wit or w.const(0), right.wit or w.const(0), span))
        self.field_constant(left, span)
        self.field_constant(right, span)
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
        if name in BUILT_IN_CALLS:
            return [self._built_in(expr, scope)]
        args = [self.evaluate(a, scope) for a in expr.args]
        named = {n: self.evaluate(e, scope) for n, e in expr.named}
        if len(named) < len(expr.named):
            self.fail("E0210", f"`{name}` is given one argument twice", expr.span)
        if name in self.program.structs:
            if args:
                self.fail("E0210", f"`{name}` is made with named fields: `{name}({self._fields_of(name)})`", expr.span)
            return [self._construct(name, named, expr.span)]
        if name not in self.program.gadgets:
            known = [*self.program.gadgets, *self.program.structs, *BUILT_IN_CALLS]
            self.fail("E0204", f"there is no gadget `{name}`", expr.span, help=did_you_mean(name, known))
        return self.call_gadget(name, self._arguments(name, args, named, expr.span), expr.span)

    def _built_in(self, expr: s.Call, scope: Scope) -> Value:
        """`column(e)`, `sum(array)`, `slice(array, i, j)`."""
        shape = {"column": "column(e)", "sum": "sum(array)", "slice": "slice(array, first, end)"}.get(expr.name)
        if shape is None:
            self.fail("E0504", f"`{expr.name}` is for hints and specs: its value is no polynomial", expr.span)
        if len(expr.args) != shape.count(",") + 1 or expr.named:
            self.fail("E0210", f"it is `{shape}`", expr.span)
        first, *rest = (self.evaluate(a, scope) for a in expr.args)
        if expr.name == "column":
            return self.column(self.scalar(first, expr.span), expr.span)
        if not isinstance(first, ArrayValue):
            self.fail("E0205", f"`{expr.name}` takes an array, this is a {type_name(first)}", expr.span)
        if expr.name == "sum":
            items = [self.scalar(item, expr.span) for item in first.items]
            self.spend(len(items), expr.span)
            total = self.constant(0)
            for item in items:
                total = self._arithmetic("+", total, item, expr.span)
            return total
        low, high = (self.as_constant(value) for value in rest)
        if low is None or high is None or not 0 <= low <= high <= len(first.items):
            self.fail("E0207", f"a slice goes from a constant to a constant, inside of 0 to {len(first.items)}", expr.span)
        return ArrayValue(first.items[low:high])

    def _fields_of(self, name: str) -> str:
        return ", ".join(f"{p.name} = …" for p in self.program.structs[name].fields)

    def _is_arm(self, expr: s.Call) -> Value:
        name = expr.args[0].name if len(expr.args) == 1 and isinstance(expr.args[0], s.Name) and not expr.named else ""
        if name not in self.table.selectors:
            self.fail("E0204", "`is(name)` takes the name of an instruction of this family", expr.span)
        return Scalar(self.table.selectors[name], w.arm_is(name))

    def _construct(self, name: str, named: dict[str, Value], span: s.Span) -> Value:
        wanted = [p.name for p in self.program.structs[name].fields]
        if sorted(wanted) != sorted(named):
            self.fail("E0210", f"`{name}` is made with all its fields: `{name}({self._fields_of(name)})`", span)
        fields = {n: named[n] for n in wanted}
        for param in self.program.structs[name].fields:
            self.check_type(param, fields[param.name], span)
        return StructValue(name, fields, self._whole(fields))

    def _arguments(self, name: str, args: list[Value], named: dict[str, Value], span: s.Span) -> list[Value]:
        params = [p.name for p in self.program.gadgets[name].params]
        if not named and len(params) > 6:
            self.fail("E0210", f"`{name}` takes {len(params)} arguments: name them", span)
        given = dict(zip(params, args, strict=False)) | named
        if len(args) + len(named) != len(params) or set(given) != set(params):
            unknown = [f"; it has no `{n}`" for n in named if n not in params]
            given_count = len(args) + len(named)
            message = f"`{name}` takes {', '.join(params) or 'nothing'}; {given_count} given{''.join(unknown)}"
            self.fail("E0210", message, span)
        return [given[p] for p in params]

    def _latest(self, bus: str, address: W, span: s.Span) -> Value:
        decl = self.program.buses.get(bus)
        if decl is None or decl.remembers is None:
            remembering = [n for n, b in self.program.buses.items() if b.remembers]
            message = f"the bus `{bus}` does not remember its latest message" if decl else f"there is no bus `{bus}`"
            self.fail("E0601", message, span, help=did_you_mean(bus, remembering))
        self.running(span)
        sequence = self.table.next_sequence()
        self.table.effect(Effect("load", bus, (address,), sequence, span))
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
                what = "written otherwise" if expr.name in BUILT_IN_CALLS else "a gadget"
                self.fail("E0504", f"`{expr.name}` is {what}; hints and specs use integer operators", expr.span)
            case s.Host(name=name, args=args):
                self.effect_known("host", HOST, name, len(args), expr.span)
                sequence = self.table.next_sequence()
                self.table.effect(Effect("host", name, tuple(self.integer(a, scope) for a in args), sequence, expr.span))
                return w.host(name, sequence, 2**32 - 1)
            case _:
                return self.integer_of(self.evaluate(expr, scope), expr.span)

    def effect_known(self, keyword: str, known: dict[str, int], name: str, count: int, span: s.Span) -> None:
        """What is asked of the runtime is something it can do, with as many arguments as it takes."""
        if name not in known:
            help_ = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            self.fail("E0204", f"the runtime has no `{keyword} {name}`", span, help=help_)
        if count != known[name]:
            self.fail("E0210", f"`{keyword} {name}` takes {known[name]} arguments, {count} are given", span)
        self.running(span)

    def running(self, span: s.Span) -> None:
        """E0212 in a table whose rows no instruction executes."""
        if self.rows_given:
            self.fail("E0212", "rows of this table are not executed: only instructions and environment calls do this", span)

    def _integer_operation(self, op: str, a: W, b: W, span: s.Span) -> W:
        if a.const is not None and b.const is not None and op not in ("<s", ">=s"):
            return w.const(integer_operation(op, a.const, b.const, span, self.program))
        if op in ("<<", ">>", "**") and not 0 <= b.low <= b.high <= P - 1:
            self.fail("E0304", f"a shift by {_bounds(b)} bits: it is at least 0 and below the field size", span)
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


def _bounds(a: W) -> str:
    return " to ".join(str(x) if abs(x) < 2**64 else f"{'-' if x < 0 else ''}2^{abs(x).bit_length()}" for x in (a.low, a.high))
