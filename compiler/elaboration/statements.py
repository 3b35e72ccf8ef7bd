"""Elaboration of bodies: gadgets are inlined, loops unrolled, and every statement becomes operations of one row.

It is symbolic execution: constraints, witness and executor come from the same text. Values have two readings (see expressions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from zkc.compiler.dialects import bus as messages
from zkc.compiler.dialects import circ, felt, integer, row, step
from zkc.compiler.dialects.circ import Shape, shape_of
from zkc.compiler.elaboration.chip_calls import call_chip, proven
from zkc.compiler.elaboration.context import Free
from zkc.compiler.elaboration.declared import Param, params_of
from zkc.compiler.elaboration.expressions import PERFORM, Expressions, Found, Scope
from zkc.compiler.elaboration.values import ArrayValue, Number, Scalar, Single, StructValue, Value, flatten, rebuilt
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.operation import FELT, INT, OpDef, Operation, Region, Symbol, constant_of
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.spans import Span
from zkc.runtime.field.koalabear import P

FELT_HIGH = P - 1
MAX_NESTING = 150
"""Regions that are evaluated inside of each other; one takes at most five Python frames."""
ROW_INPUTS = ("clk", "pc")
"""What the runtime gives to every row of an instruction."""
MESSAGES: Final[Mapping[OpDef, OpDef]] = {circ.SEND: messages.SEND, circ.RECV: messages.RECV, circ.LOOKUP: messages.LOOKUP}


class Elaborator(Expressions):
    """Elaborates bodies into one table."""

    # regions

    def run(self, region: Region, scope: Scope) -> list[Value]:
        """Evaluates a region: what it gives."""
        self._enter(region)
        found: list[Value] = []
        for op in region.operations:
            if op.definition.terminator:
                found = self.operands(op, scope)
            else:
                self.evaluate(op, scope)
        self.depth -= 1
        return found

    def evaluate(self, op: Operation, scope: Scope) -> None:
        """One operation; what it gives is in the scope afterwards."""
        self.spend(1, op.loc.span)
        handler = HANDLERS.get(op.definition)
        if handler is None:
            self.fail("E0212", "this does not belong here", op.loc.span)
        found = handler(self, op, scope)
        if isinstance(found, Sequence):
            scope.values.update(zip(op.results, found, strict=True))
        elif found is not None:
            scope.values[op.result] = found

    # gadgets

    def call_gadget(self, name: str, args: Sequence[Value], span: Span | None) -> Sequence[Value]:
        """Inlines a gadget, or asks a chip: its outputs, in order."""
        gadget = self.declared.of(circ.GADGET)[name]
        if name in self.stack:
            self.fail("E0211", f"the gadget `{name}` calls itself", span)
        if not self._is_chip(name) or self.pure:
            return self._field_meaning(gadget, args, self._inlined(gadget, args, span))
        params, outputs = params_of(gadget, "params", "types"), params_of(gadget, "outputs", "results")
        if name == self.name:
            return proven(self, outputs, self._inlined(gadget, args, span), span)
        return call_chip(
            self, name, params, outputs, args, span,
            lambda given: self._field_meaning(gadget, given, self._inlined(gadget, given, span), called=False),
        )  # fmt: skip

    def _is_chip(self, name: str) -> bool:
        return self.declared.of(circ.GADGET)[name].flag("chip")

    def _inlined(self, gadget: Operation, args: Sequence[Value], span: Span | None) -> list[Value]:
        """What the body of a gadget gives."""
        name = gadget.text("sym_name")
        (region,) = gadget.regions
        params = params_of(gadget, "params", "types")
        calls = self.calls
        self.stack.append(name)
        try:
            for param, arg in zip(params, args, strict=True):
                self.check_type(param, arg, span)
            self.calls = (*calls, (name, span)) if span is not None else calls
            return self.run(region, Scope(dict(zip(region.arguments, args, strict=True))))
        finally:
            self.stack.pop()
            self.calls = calls

    def output(self, op: Operation, scope: Scope) -> Value:
        value = scope.values.get(op.operands[0])
        if value is None:
            gadget = self.stack[-1] if self.stack else self.name
            self.fail("E0503", f"the gadget `{gadget}` never defines its output `{op.text('name')}`", op.loc.span)
        self.check_type(Param(op.text("name"), shape_of(op.text("type"))), value, op.loc.span)
        return self.with_meaning(value, self.whole(op, 1, scope) if len(op.operands) == 2 else None)

    def _field_meaning(self, gadget: Operation, args: Sequence[Value], outputs: list[Value], *, called: bool = True) -> list[Value]:
        """Outputs without an integer get that of the gadget as a function in the field, if the integers of the arguments are known.
        called: by another gadget, if there is one around it, which gets such a meaning itself."""
        inside = called and bool(self.stack) and not self._is_chip(self.stack[-1])
        if self.pure or inside or (called and len(outputs) != 1):
            return outputs
        items = [x for output in outputs for x in flatten(output)]
        if all(isinstance(x, Number) or x.value.type is INT or self.maybe_integer(x) is not None for x in items):
            return outputs
        given = [self.maybe_integer(x) for a in args for x in flatten(a)]
        known = [v for v in given if v is not None]
        if len(known) < len(given):
            return outputs
        name = gadget.text("sym_name")
        self.function(name)
        values: list[Value] = []
        for i, item in enumerate(items):
            meaning = self.b.value(integer.CALL, *known, callee=Symbol(name), index=i)
            values.append(self.with_meaning(item, meaning))
        given = iter(values)
        return [rebuilt(output, given) for output in outputs]

    def function(self, name: str) -> Operation:
        """The gadget as a function of its inputs alone."""
        known = self.functions.by_name
        if name not in known:
            gadget = self.declared.of(circ.GADGET)[name]
            inner = Elaborator(self.declared, name, self.functions, pure=True)
            args = [inner.parameter(p.type) for p in params_of(gadget, "params", "types")]
            outputs = inner.call_gadget(name, args, gadget.loc.span)
            results = [inner.felt_of(x, gadget.loc.span) for output in outputs for x in flatten(output)]
            inner.b.create(felt.RETURN, results)
            known[name] = Operation(felt.FUNC, (), {"sym_name": name}, (), (inner.body,))
        return known[name]

    def parameter(self, shape: Shape) -> Value:
        """A parameter of a field function: arguments of its body, one for each element."""
        name, count = shape
        if count is not None:
            return ArrayValue(tuple(self.parameter((name, None)) for _ in range(count)))
        if name in self.declared.structs:
            return StructValue(name, {f.name: self.parameter(f.type) for f in self.declared.structs[name]})
        return Scalar(self.body.new_argument(FELT))

    # columns

    def spec(self, op: Operation, scope: Scope) -> Found:
        return self.run(op.regions[0], scope)

    def meant(self, op: Operation, scope: Scope) -> Value:
        return self.with_meaning(self.operand(op, 0, scope), self.whole(op, 1, scope))

    def hint(self, op: Operation, scope: Scope) -> Value:
        span = op.loc.span
        (given,) = self.run(op.regions[0], scope)
        meaning = self.integer_of(given, span)
        because = op.text("because") if "because" in op.attributes else None
        free = free_of(op)
        if free:
            self._only_computes(span, "a choice of the prover")
        name, shape = op.text("name"), shape_of(op.text("type"))
        return self.new_value(name, shape, meaning, span, trusted=op.flag("trusted"), because=because, free=free)

    def input(self, op: Operation, scope: Scope) -> Value:
        return self._input(op.text("name"), shape_of(op.text("type")), op.loc.span, free_of(op))

    def _input(self, name: str, shape: Shape, span: Span | None, free: Free) -> Value:
        """Columns that the runtime fills: `name`, `name[i]`, `name.lo`, …"""
        type_, count = shape
        if count is not None:
            return ArrayValue(tuple(self._input(f"{name}[{i}]", (type_, None), span, free) for i in range(count)))
        if type_ in self.declared.structs:
            return StructValue(type_, {f.name: self._input(f"{name}.{f.name}", f.type, span, free) for f in self.declared.structs[type_]})
        self._only_computes(span, "an `input`")
        if name in self.inputs:
            self.fail("E0203", f"the input `{name}` of `{self.name}` is declared twice", span)
        if self.selectors and name not in ROW_INPUTS:
            self.fail("E0204", f"a row of an instruction is given {' and '.join(ROW_INPUTS)}, no `{name}`", span)
        self.inputs.append(name)
        interval = self.declared.interval(type_)
        given = self.given(name, 0, interval.high if interval else FELT_HIGH)
        return self.new_value(name, shape, given, span, trusted=False, because="given by the runtime", free=free)

    def given(self, name: str, low: int, high: int) -> ir.Value:
        """An integer that the row is given."""
        return self.b.value(row.GIVEN, name=name, low=low, high=high)

    # equations, messages, effects

    def equation(self, op: Operation, scope: Scope) -> None:
        operands = [self.felt_of(v, op.loc.span) for v in self.operands(op, scope)]
        with self.at(op.loc.span):
            self.b.create(row.ASSERT, operands, {"label": op.text("label")})

    def message(self, op: Operation, scope: Scope) -> None:
        name, span = op.text("bus"), op.loc.span
        if op.definition is not circ.LOOKUP:
            self._only_computes(span, f"a message on `{name}`")
        count, *values = self.operands(op, scope)
        params = self.declared.buses[name]
        if len(params) != len(values):
            self.fail("E0603", f"`{name}` carries {len(params)} values, {len(values)} are given", span)
        for param, value in zip(params, values, strict=True):
            self.check_type(param, value, span)
        operands = [self.felt_of(count, span), *(self.felt_of(x, span) for v in values for x in flatten(v))]
        kind = MESSAGES[op.definition]
        with self.at(span):
            attributes: dict[str, ir.Attribute] = {"bus": Symbol(name), "label": f"{kind.name.removeprefix('bus.')} {name}"}
            if "because" in op.attributes:
                attributes["because"] = op.attributes["because"]
            self.b.create(kind, operands, attributes)

    def _only_computes(self, span: Span | None, what: str) -> None:
        """E0212 inside of a chip: its row stands for every request of the same, however often."""
        chip = next((name for name in self.stack if self._is_chip(name)), None)
        if chip is not None:
            message = f"the chip `{chip}` has {what}: a chip only computes what it gives from what it is given"
            self.fail("E0212", message, span, help="let those who call it do that")

    def loop(self, op: Operation, scope: Scope) -> Found:
        (region,) = op.regions
        variable, *arguments = region.arguments
        carried = [scope.values.get(v) for v in op.operands[2:]]
        for i in self.rounds(op, scope):
            scope.values[variable] = Number(i)
            self._bind(scope, arguments, carried)
            self._run_round(region, scope)
            carried = [scope.values.get(v) for v in region.terminator.operands]
        self._bind(scope, op.results, carried)
        return None

    def _run_round(self, region: Region, scope: Scope) -> None:
        """The operations of a round; what its last one names may have no value."""
        self._enter(region)
        for op in region.operations[:-1]:
            self.evaluate(op, scope)
        self.depth -= 1

    def _enter(self, region: Region) -> None:
        """One level deeper. E0214 if that is too deep."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            message = f"gadgets and loops are inside each other more than {MAX_NESTING} levels deep"
            self.fail("E0214", message, region.operations[0].loc.span)

    def _bind(self, scope: Scope, names: Sequence[ir.Value], values: Sequence[Value | None]) -> None:
        for name, value in zip(names, values, strict=True):
            if value is None:
                scope.values.pop(name, None)
            else:
                scope.values[name] = value

    def fault(self, op: Operation, scope: Scope) -> None:
        self._only_computes(op.loc.span, "a `fault`")
        condition = self.whole(op, 0, scope)
        if constant_of(condition) != 0:
            with self.at(op.loc.span):
                self.b.create(step.FAULT, (condition,), {"message": op.text("message")})

    def retire(self, op: Operation, scope: Scope) -> None:
        count = self.whole(op, 0, scope)
        self.running(op.loc.span)
        with self.at(op.loc.span):
            self.b.create(step.RETIRE, (count,))

    def perform(self, op: Operation, scope: Scope) -> None:
        operands, name = self.wholes(op, scope), op.text("name")
        self.effect_known("perform", PERFORM, name, len(operands), op.loc.span)
        with self.at(op.loc.span):
            self.b.create(step.PERFORM, operands, {"name": name})

    # results

    def set(self, op: Operation, scope: Scope) -> None:
        """Sets a result, where the condition is 1 if there is one."""
        result, name, span = self._result_named(op, scope), op.text("name"), op.loc.span
        value = self.operand(op, 0, scope)
        self.check_type(Param(name, shape_of(result.text("type"))), value, span)
        if len(op.operands) == 2:
            value = self._set_if(self.operand(op, 1, scope), value, name, scope, span)
        elif name in scope.results:
            before = scope.result_spans.get(name)
            labels = () if before is None else ((before, "first here"),)
            self.fail("E0203", f"the result `{name}` is set twice", span, labels=labels)
        scope.results[name] = value
        scope.result_spans[name] = span

    def _set_if(self, condition: Value, value: Value, name: str, scope: Scope, span: Span | None) -> Single:
        old = scope.results.get(name, scope.defaults.get(name))
        if old is None:
            self.fail("E0212", f"`{name}` has no default, so it cannot be set under a condition", span)
        return self._choose(self.scalar(condition, span), self.scalar(value, span), self.scalar(old, span), span)

    def _result_named(self, op: Operation, scope: Scope) -> Operation:
        """The result of the frame that a statement sets."""
        name, span = op.text("name"), op.loc.span
        if scope.settable is None:
            message = f"`{name} = …` sets a result, which only the body of an instruction or an environment call does"
            self.fail("E0212", message, span, help="`let` names a value")
        if name not in scope.settable:
            help_ = did_you_mean(name, scope.settable) or f"there are {', '.join(scope.settable)}"
            self.fail("E0204", f"the frame has no result `{name}`", span, help=help_)
        return scope.settable[name]

    def _choose(self, c: Single, a: Single, b: Single, span: Span | None) -> Single:
        """a where c is 1, b where it is 0."""
        operands = [self.felt_of(x, span) for x in (c, a, b)]
        with self.at(span):
            return self.single(self.b.value(row.CHOOSE, *operands))


def free_of(op: Operation) -> Free:
    """What an operation says of why the prover may choose its columns."""
    return {name: op.attributes[name] for name in ("free", "bound") if name in op.attributes}


def nothing(e: Elaborator, op: Operation, scope: Scope) -> None:
    """What is before a loop that defines it."""
    scope.values.pop(op.results[0], None)


Handler = Callable[[Elaborator, Operation, Scope], Found]
HANDLERS: Final[dict[OpDef, Handler]] = {
    circ.NUMBER: Elaborator.number, circ.CONSTANT: Elaborator.constant, circ.GET: Elaborator.get, circ.UNDEFINED: nothing,
    circ.DEFINED: Elaborator.defined, circ.FIELD: Elaborator.field, circ.ELEMENT: Elaborator.element, circ.ARRAY: Elaborator.array,
    circ.CONCAT: Elaborator.concat, circ.COLLECT: Elaborator.collect, circ.BOUND: Elaborator.bound, circ.BINARY: Elaborator.binary,
    circ.IF: Elaborator.conditional, circ.CALL: Elaborator.call, circ.MAKE: Elaborator.make, circ.COLUMN: Elaborator.as_column,
    circ.SUM: Elaborator.sum, circ.SLICE: Elaborator.slice, circ.IS: Elaborator.is_arm, circ.LATEST: Elaborator.latest,
    circ.HOST: Elaborator.host, circ.FELT_OF: Elaborator.as_felt, circ.INTEGER: Elaborator.as_integer, circ.SELECT: Elaborator.select,
    circ.INVERSE: Elaborator.inverse, circ.DIVIDE: Elaborator.divide, circ.SPEC: Elaborator.spec, circ.MEANT: Elaborator.meant,
    circ.HINT: Elaborator.hint, circ.INPUT: Elaborator.input, circ.ASSERT: Elaborator.equation, circ.SEND: Elaborator.message,
    circ.RECV: Elaborator.message, circ.LOOKUP: Elaborator.message, circ.FOR: Elaborator.loop, circ.FAULT: Elaborator.fault,
    circ.RETIRE: Elaborator.retire, circ.PERFORM: Elaborator.perform, circ.SET: Elaborator.set, circ.OUTPUT: Elaborator.output,
}  # fmt: skip
"""What is made of each operation."""
