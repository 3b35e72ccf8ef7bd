"""Calls of chips: columns for what a chip gives, filled with what its body computes, and the message that ties them to the chip's table.

The body is evaluated where it adds nothing to the row, on values that are exactly those of a row of the chip's table; of that only the
integers that its outputs stand for are kept. So witness and table follow one text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from zkc.compiler.dialects import bus, felt, integer, row
from zkc.compiler.dialects.circ import Shape
from zkc.compiler.elaboration.declared import Param
from zkc.compiler.elaboration.expressions import Expressions
from zkc.compiler.elaboration.values import ArrayValue, Single, StructValue, Value, flatten
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.operation import Region, Symbol
from zkc.compiler.ir.rewrite import copy
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes.intervals import Intervals
from zkc.dsl.spans import Span
from zkc.runtime.field.koalabear import P

Inline = Callable[[Sequence[Value]], Sequence[Value]]
"""Evaluates the body of a chip: from its arguments to its outputs."""


def call_chip(
    e: Expressions, name: str, params: Sequence[Param], outputs: Sequence[Param], args: Sequence[Value], span: Span | None, inline: Inline
) -> Sequence[Value]:  # fmt: skip
    """What a chip gives, in columns that a message over its bus determines."""
    for param, arg in zip(params, args, strict=True):
        e.check_type(param, arg, span)
    asked = [x for arg in args for x in flatten(arg)]
    meanings = iter(_computed(e, name, params, asked, span, inline))
    because = f"the table of the chip `{name}` shows it"
    given = [_filled(e, p, meanings, because, span) for p in outputs]
    with e.at(span):
        elements = [e.felt_of(x, span) for x in (*asked, *(x for value in given for x in flatten(value)))]
        e.b.create(bus.RECV, [felt.constant(e.b, 1), *elements], {"bus": Symbol(name), "label": f"call {name}"})
    return given


def proven(e: Expressions, outputs: Sequence[Param], values: Sequence[Value], span: Span | None) -> Sequence[Value]:
    """What a chip's own row gives, shown to be of the types that it says: callers believe that."""
    found: list[Value] = []
    for param, value in zip(outputs, values, strict=True):
        singles = iter(flatten(value))
        found.append(_columns(e, param.name, param.type, lambda n, t, of=singles: _proven(e, n, t[0], next(of), span)))
    return found


def _proven(e: Expressions, name: str, type_: str, value: Single, span: Span | None) -> Value:
    element, bounds = e.felt_of(value, span), e.declared.interval(type_)
    if bounds is None:
        return value
    known = Intervals(e.declared.types).of(element)
    if known is not None and known.denominator == 1 and bounds.low <= known.low and known.high <= bounds.high:
        return value
    column = e.new_value(name, (type_, None), e.integer_of(value, span), span, trusted=False, because="the body says what it is")
    with e.at(span):
        e.b.create(row.ASSERT, (e.felt_of(column, span), element), {"label": f"`{name}` is what the body gives"})
    return column


def _computed(
    e: Expressions, name: str, params: Sequence[Param], asked: Sequence[Single], span: Span | None, inline: Inline
) -> list[ir.Value]:  # fmt: skip
    """The integers of what the body gives for these arguments."""
    integers = iter([_reduced(e, _integer(e, name, x, span)) for x in asked])
    region = Region()
    with e.aside(region):
        args = [_filled(e, p, integers, "an argument of a chip", span) for p in params]
        found = [e.maybe_integer(x) for value in inline(args) for x in flatten(value)]
    results: list[ir.Value] = []
    for value in found:
        if value is None:
            e.fail("E0502", f"what the chip `{name}` gives has no integer meaning that a row which calls it could be filled with", span)
        results.append(_reduced(e, _kept(e, value, region)))
    return results


def _integer(e: Expressions, name: str, value: Single, span: Span | None) -> ir.Value:
    """The integer that is asked of a chip."""
    found = e.maybe_integer(value)
    if found is None:
        message = f"what is asked of the chip `{name}` has no integer meaning, so nobody could fill in what it answers"
        e.fail("E0502", message, span, help="let a gadget compute it: what a gadget gives in the field has one")
    return found


def _reduced(e: Expressions, value: ir.Value) -> ir.Value:
    """The integer as an element of the field is written: 0 to p - 1."""
    low, high = e.b.ranges.of(value)
    return value if low >= 0 and high < P else integer.modulo(e.b, value, P)


def _kept(e: Expressions, value: ir.Value, region: Region) -> ir.Value:
    """The value, made of operations that stand in the row; those of the region are made once more."""
    inside = {result for op in region for result in op.results}
    values: dict[ir.Value, ir.Value] = {}

    def needs(x: ir.Value) -> Sequence[ir.Value]:
        return x.op.operands if x.op is not None and x in inside else ()

    def visit(x: ir.Value) -> None:
        if x.op is None or x not in inside:
            values[x] = x
        else:
            copy(e.b, x.op, values)

    before = e.b.loc
    bottom_up(value, values, needs, visit)
    e.b.loc = before
    return values[value]


def _filled(e: Expressions, param: Param, integers: Iterator[ir.Value], because: str, span: Span | None) -> Value:
    """Columns of the type, filled with the integers."""
    return _columns(e, param.name, param.type, lambda n, t: e.new_value(n, t, next(integers), span, trusted=True, because=because))


def _columns(e: Expressions, name: str, shape: Shape, make: Callable[[str, Shape], Value]) -> Value:
    """A value of the type of single values, made one by one in order."""
    type_, count = shape
    if count is not None:
        return ArrayValue(tuple(_columns(e, f"{name}[{i}]", (type_, None), make) for i in range(count)))
    if type_ in e.declared.structs:
        return StructValue(type_, {p.name: _columns(e, f"{name}.{p.name}", p.type, make) for p in e.declared.structs[type_]})
    return make(name, shape)

