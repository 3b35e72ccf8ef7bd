"""Expressions in their two readings: as values of the language (`let`, `assert`, messages), and as integers (`hint`, `spec`, `fault`)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from zkc.compiler.dialects import circ
from zkc.compiler.importer.types import declared_type, field_type, is_array, item_of, joined, of_constant, operator_name
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import (
    ANY,
    FELT,
    INT,
    NOTHING,
    Attribute,
    OpDef,
    Operation,
    Region,
    Symbol,
    Type,
    Value,
    array_type,
    struct_type,
)
from zkc.compiler.program import Program
from zkc.dsl import syntax as s
from zkc.dsl.built_in import BUILT_IN_CALLS, DIVISIONS
from zkc.dsl.diagnostics import did_you_mean

BUILT_IN = {"column": ("column(e)", 1), "sum": ("sum(array)", 1), "slice": ("slice(array, first, end)", 3)}
"""What is built in and has a value in the field: how it is called, and its number of arguments."""
MOST_POSITIONAL = 6
"""Arguments that may be given without names."""


class Expressions:
    """Makes the operations of one body. env: names in reach. given: types of what the frame around it has. immediate: the struct that
    carries immediates. doubtful: values that a name may not have."""

    def __init__(self, program: Program, region: Region, *, given: Mapping[str, Type] | None = None, immediate: str | None = None) -> None:
        self.program = program
        self.region = region
        self.env: dict[str, Value] = {}
        self.given: Mapping[str, Type] = given or {}
        self.immediate = immediate
        self.doubtful: set[Value] = set()

    def create(
        self, definition: OpDef, span: s.Span, operands: Sequence[Value] = (), attributes: Mapping[str, Attribute] = NOTHING, *,
        results: Sequence[Type] | None = None, regions: Sequence[Region] = (),
    ) -> Operation:  # fmt: skip
        """An operation at the end of the region."""
        op = Operation(definition, operands, attributes, results, regions, Location(span))
        self.region.operations.append(op)
        return op

    def make(self, definition: OpDef, span: s.Span, *operands: Value, type_: Type | None = None, **attributes: Attribute) -> Value:
        """The result of an operation; `type_` if its declaration does not say it."""
        return self.create(definition, span, operands, attributes, results=None if type_ is None else (type_,)).result

    @contextmanager
    def inside(self, region: Region) -> Generator[None]:
        """What is made inside stands in the region, and names that are bound there end with it."""
        before = self.region, self.env
        self.region, self.env = region, dict(self.env)
        try:
            yield
        finally:
            self.region, self.env = before

    # names

    def known(self, name: str) -> bool:
        """Whether a name is one of a value."""
        return name in self.env or name in self.given

    def named(self, name: str, span: s.Span) -> Value:
        """What a name means here."""
        if name in self.env:
            value = self.env[name]
            return self.make(circ.DEFINED, span, value, type_=value.type, name=name) if value in self.doubtful else value
        if name in self.given:
            value = self.env[name] = self.make(circ.GET, span, type_=self.given[name], name=name)
            return value
        if name in self.program.constants:
            return self.make(circ.CONSTANT, span, type_=of_constant(self.program.constants[name]), name=name)
        help_ = did_you_mean(name, [*self.env, *self.given, *self.program.constants])
        raise self.program.fail("E0204", f"there is no `{name}` here", span, help=help_)

    # values of the language

    def value(self, expr: s.Expr) -> Value:
        """The expression as a value of the language."""
        span = expr.span
        match expr:
            case s.Number(value=value):
                return self.make(circ.NUMBER, span, type_=FELT, value=value)
            case s.Name(name=name):
                return self.named(name, span)
            case s.Field(of=of, name=name):
                value = self.value(of)
                return self.make(circ.FIELD, span, value, type_=field_type(self.program, value.type, name, self.immediate), name=name)
            case s.Index(of=of, index=index):
                array = self.value(of)
                return self.make(circ.ELEMENT, span, array, self.value(index), type_=item_of(array.type))
            case s.ArrayLiteral(items=items):
                values = [self.value(i) for i in items]
                return self.make(circ.ARRAY, span, *values, type_=array_type(joined(v.type for v in values)))
            case s.Comprehension():
                return self._comprehension(expr)
            case s.Unary(op=op, operand=operand):
                value = self.value(operand)
                start = self.make(circ.NUMBER, span, type_=FELT, value=1 if op == "!" else 0)
                return self.make(circ.BINARY, span, start, value, type_=FELT, operator="-")
            case s.Binary():
                return self._binary(expr.op, self.value(expr.left), self.value(expr.right), span)
            case s.Conditional():
                return self._conditional(expr)
            case s.Call():
                return self._one(expr)
            case s.Last(bus=bus, key=key):
                return self.make(circ.LATEST, span, self.integer(key), bus=Symbol(bus))
            case s.Host(name=name, args=args):
                return self.make(circ.HOST, span, *[self.integer(a) for a in args], type_=FELT, name=name)

    def bound(self, expr: s.Expr) -> Value:
        """A number that rounds start or end with."""
        return self.make(circ.BOUND, expr.span, self.value(expr))

    def _comprehension(self, expr: s.Comprehension) -> Value:
        bounds = [self.bound(expr.start), self.bound(expr.stop)]
        region = Region((FELT,))
        with self.inside(region):
            self.env[expr.name] = region.arguments[0]
            item = self.value(expr.item)
            self.create(circ.YIELD, expr.span, (item,))
        return self.create(circ.COLLECT, expr.span, bounds, results=(array_type(item.type),), regions=(region,)).result

    def _conditional(self, expr: s.Conditional) -> Value:
        condition = self.value(expr.condition)
        regions = Region(), Region()
        types: list[Type] = []
        for region, arm in zip(regions, (expr.then, expr.otherwise), strict=True):
            with self.inside(region):
                value = self.value(arm)
                types.append(value.type)
                self.create(circ.YIELD, expr.span, (value,))
        return self.create(circ.IF, expr.span, (condition,), results=(joined(types),), regions=regions).result

    def _binary(self, op: str, left: Value, right: Value, span: s.Span) -> Value:
        """An operator, as what it stands for between values of these types."""
        if op == "+" and is_array(left.type) and is_array(right.type):
            return self.make(circ.CONCAT, span, left, right, type_=array_type(joined((item_of(left.type), item_of(right.type)))))
        a, b = operator_name(left.type), operator_name(right.type)
        impl = None if a is None or b is None else self.program.impls.get((a, op, b))
        if impl is not None:
            return self.call_gadget(impl.gadget, [left, right], span)[0]
        return self.make(circ.BINARY, span, left, right, type_=FELT if a == b == "felt" else ANY, operator=op)

    # calls

    def _one(self, expr: s.Call) -> Value:
        results = self.call(expr)
        if len(results) != 1:
            raise self.program.fail("E0210", f"`{expr.name}` gives {len(results)} values; one is needed here", expr.span)
        return results[0]

    def call(self, expr: s.Call) -> Sequence[Value]:
        """What a call gives: of what is built in, of a struct or of a gadget."""
        name, span = expr.name, expr.span
        if name == "is":
            return [self._is_arm(expr)]
        if name in BUILT_IN_CALLS:
            return [self._built_in(expr)]
        args = [self.value(a) for a in expr.args]
        named = {n: self.value(e) for n, e in expr.named}
        if len(named) < len(expr.named):
            raise self.program.fail("E0210", f"`{name}` is given one argument twice", span)
        if name in self.program.structs:
            return [self._make(name, args, named, span)]
        if name not in self.program.gadgets:
            known = [*self.program.gadgets, *self.program.structs, *BUILT_IN_CALLS]
            raise self.program.fail("E0204", f"there is no gadget `{name}`", span, help=did_you_mean(name, known))
        return self.call_gadget(name, self._arguments(name, args, named, span), span)

    def call_gadget(self, name: str, args: Sequence[Value], span: s.Span) -> Sequence[Value]:
        """A call of a gadget: its outputs, in order."""
        results = [declared_type(self.program, p.type) for p in self.program.gadgets[name].outputs]
        return self.create(circ.CALL, span, args, {"callee": Symbol(name)}, results=results).results

    def _built_in(self, expr: s.Call) -> Value:
        """`column(e)`, `sum(array)`, `slice(array, i, j)`."""
        shape = BUILT_IN.get(expr.name)
        if shape is None:
            raise self.program.fail("E0504", f"`{expr.name}` is for hints and specs: its value is no polynomial", expr.span)
        if len(expr.args) != shape[1] or expr.named:
            raise self.program.fail("E0210", f"it is `{shape[0]}`", expr.span)
        args = [self.value(a) for a in expr.args]
        if expr.name == "slice":
            return self.make(circ.SLICE, expr.span, *args, type_=args[0].type if is_array(args[0].type) else ANY)
        return self.make(circ.COLUMN if expr.name == "column" else circ.SUM, expr.span, *args)

    def _is_arm(self, expr: s.Call) -> Value:
        name = s.insn_name(expr)
        if name is None:
            raise self.program.fail("E0204", "`is(name)` takes the name of an instruction of this family", expr.span)
        return self.make(circ.IS, expr.span, arm=name)

    def _make(self, name: str, args: list[Value], named: dict[str, Value], span: s.Span) -> Value:
        wanted = [p.name for p in self.program.structs[name].fields]
        shape = f"`{name}({', '.join(f'{n} = …' for n in wanted)})`"
        if args:
            raise self.program.fail("E0210", f"`{name}` is made with named fields: {shape}", span)
        if sorted(wanted) != sorted(named):
            raise self.program.fail("E0210", f"`{name}` is made with all its fields: {shape}", span)
        return self.make(circ.MAKE, span, *[named[n] for n in wanted], type_=struct_type(name), type=name)

    def _arguments(self, name: str, args: list[Value], named: dict[str, Value], span: s.Span) -> list[Value]:
        """The arguments of a gadget, in the order of its parameters."""
        params = [p.name for p in self.program.gadgets[name].params]
        if not named and len(params) > MOST_POSITIONAL:
            raise self.program.fail("E0210", f"`{name}` takes {len(params)} arguments: name them", span)
        given = dict(zip(params, args, strict=False)) | named
        if len(args) + len(named) != len(params) or set(given) != set(params):
            unknown = [f"; it has no `{n}`" for n in named if n not in params]
            count = len(args) + len(named)
            message = f"`{name}` takes {', '.join(params) or 'nothing'}; {count} given{''.join(unknown)}"
            raise self.program.fail("E0210", message, span)
        return [given[p] for p in params]

    # integers

    def integer(self, expr: s.Expr) -> Value:
        """The expression as an integer, with unlimited operators."""
        span = expr.span
        match expr:
            case s.Number(value=value):
                return self.make(circ.NUMBER, span, type_=INT, value=value)
            case s.Binary(op=op, left=left, right=right):
                return self._integer_binary(op, self.integer(left), self.integer(right), span)
            case s.Unary(op="-", operand=operand):
                return self._integer_binary("-", self.make(circ.NUMBER, span, type_=INT, value=0), self.integer(operand), span)
            case s.Unary(op="!", operand=operand):
                return self._integer_binary("==", self.integer(operand), self.make(circ.NUMBER, span, type_=INT, value=0), span)
            case s.Conditional(condition=c, then=a, otherwise=b):
                return self.make(circ.SELECT, span, self.integer(c), self.integer(a), self.integer(b))
            case s.Call():
                return self._integer_call(expr)
            case s.Host(name=name, args=args):
                return self.make(circ.HOST, span, *[self.integer(a) for a in args], type_=INT, name=name)
            case _:
                return self.make(circ.INTEGER, span, self.value(expr))

    def _integer_binary(self, op: str, a: Value, b: Value, span: s.Span) -> Value:
        return self.make(circ.BINARY, span, a, b, type_=INT, operator=op)

    def _integer_call(self, expr: s.Call) -> Value:
        name, args, span = expr.name, expr.args, expr.span
        if name == "inverse" and len(args) == 1:
            return self.make(circ.INVERSE, span, self.integer(args[0]))
        if name in DIVISIONS and len(args) == 2:
            return self.make(circ.DIVIDE, span, *map(self.integer, args), name=name)
        if name == "is":
            return self.make(circ.INTEGER, span, self._is_arm(expr))
        what = "written otherwise" if name in BUILT_IN_CALLS else "a gadget"
        raise self.program.fail("E0504", f"`{name}` is {what}; hints and specs use integer operators", span)


