"""Elaboration: gadgets are inlined and every statement becomes columns, constraints, messages and effects of one table.

It is symbolic execution: a value carries a polynomial and the integer it stands for, so that constraints, witness and executor
come from the same text. Two readings of an expression: `poly` (let, assert, messages) and `integer` (spec, hint, fault).
"""
from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from zkc.compiler import witness as w
from zkc.compiler.columns import FieldFunction
from zkc.compiler.expressions import PERFORM, Env, Expressions, Scope
from zkc.compiler.polynomials import Interval
from zkc.compiler.table import Effect, Sent, TableBuilder
from zkc.compiler.values import ArrayValue, Scalar, StructValue, Value, flatten
from zkc.compiler.witness import W
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean
from zkc.runtime.field.koalabear import P

FELT_HIGH = P - 1
MAX_CALL_NESTING = 250
"""Levels of syntax of all gadgets that are inlined into each other: a level takes at most two Python frames."""
ROW_INPUTS = ("clk", "pc")
"""What the runtime gives to every row of an instruction."""


class Elaborator(Expressions):
    """Elaborates statements into one table."""

    # gadgets

    def call_gadget(self, name: str, args: list[Value], span: s.Span) -> list[Value]:
        """Inlines a gadget: its outputs, in order."""
        gadget = self.program.gadgets[name]
        if name in self.stack:
            self.fail("E0211", f"the gadget `{name}` calls itself", span)
        calls, depth = self.table.calls, self.depth
        self.depth += self.program.nesting(gadget)
        if self.depth > MAX_CALL_NESTING:
            self.fail("E0214", f"gadgets are inlined into each other more than {MAX_CALL_NESTING} levels deep", span)
        self.stack.append(name)
        try:
            env: Env = {}
            for param, arg in zip(gadget.params, args, strict=True):
                self.check_type(param, arg, span)
                env[param.name] = arg
            self.table.calls = (*calls, (name, span))
            scope = Scope(env, outputs={p.name: p.type for p in gadget.outputs})
            self._run_gadget(gadget, scope)
            outputs = [self._output(gadget, p, scope) for p in gadget.outputs]
        finally:
            self.stack.pop()
            self.table.calls, self.depth = calls, depth
        return self._field_meaning(gadget, args, outputs)

    def _run_gadget(self, gadget: s.Gadget, scope: Scope) -> None:
        defined = _defined_names(gadget.body)
        specs: dict[str, s.Span] = {}
        for stmt in gadget.body:
            if isinstance(stmt, s.Spec):
                if stmt.name not in scope.outputs:
                    help_ = did_you_mean(stmt.name, scope.outputs)
                    self.fail("E0503", f"`{stmt.name}` is not an output of this gadget", stmt.span, help=help_)
                if stmt.name in specs:
                    labels = ((specs[stmt.name], "first here"),)
                    self.fail("E0203", f"the meaning of `{stmt.name}` is given twice", stmt.span, labels=labels)
                specs[stmt.name] = stmt.span
                self.one_integer(scope.outputs[stmt.name], stmt.span)
                meaning = self.integer(stmt.value, scope)
                scope.specs[stmt.name] = meaning
                if stmt.name not in defined:
                    type_ = scope.outputs[stmt.name]
                    scope.env[stmt.name] = self.new_value(
                        stmt.name, type_, meaning, stmt.span, trusted=False, because="the gadget's own meaning"
                    )
            else:
                self.statement(stmt, scope)

    def _output(self, gadget: s.Gadget, param: s.Param, scope: Scope) -> Value:
        if param.name not in scope.env:
            self.fail("E0503", f"the gadget `{gadget.name}` never defines its output `{param.name}`", param.span)
        self.check_type(param, scope.env[param.name], param.span)
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
                assert isinstance(part, Scalar)  # see one_integer
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
            args = [inner.new_value(p.name, p.type, None, p.span, trusted=True, because=None) for p in gadget.params]
            count = len(table.columns)
            outputs = inner.call_gadget(gadget.name, args, gadget.span)
            nodes = [inner.poly_of(x, gadget.span) for x in flatten(outputs[0])]
            self.functions[gadget.name] = FieldFunction(gadget.name, table.poly, count, nodes)
        return self.functions[gadget.name]

    # statements

    def run(self, body: s.Body, scope: Scope) -> None:
        for stmt in body:
            self.statement(stmt, scope)

    def statement(self, stmt: s.Stmt, scope: Scope) -> None:
        self.spend(1, stmt.span)
        match stmt:
            case s.Let():
                self._let(stmt, scope)
            case s.Hint():
                self.one_integer(stmt.type, stmt.span)
                meaning = self.integer(stmt.value, scope)
                scope.env[stmt.name] = self.new_value(
                    stmt.name, stmt.type, meaning, stmt.span, trusted=stmt.trusted, because=stmt.because
                )
            case s.Input():
                scope.env[stmt.name] = self._input(stmt.name, stmt.type, stmt.span)
            case s.Assert():
                self._assert(stmt, scope)
            case s.MessageStmt():
                self._message(stmt, scope)
            case s.For(name=name, start=start, stop=stop, body=body):
                for i in self._range(start, stop, scope):
                    scope.env[name] = self.constant(i)
                    self.run(body, scope)
            case s.Fault(message=message, when=when):
                condition = self.integer(when, scope)
                if condition.const != 0:
                    self.table.effect(Effect("fault", message, (condition,), span=stmt.span))
            case s.CallStmt(call=call):
                if self.call(call, scope):
                    self.fail("E0505", f"a result of `{call.name}` is dropped", stmt.span)
            case s.Set(name=name, value=value):
                result = self._result_named(stmt, scope)
                if name in scope.results:
                    labels = ((scope.result_spans[name], "first here"),)
                    self.fail("E0203", f"the result `{name}` is set twice", stmt.span, labels=labels)
                scope.results[name] = self.evaluate(value, scope)
                self.check_type(s.Param(result.span, name, result.type), scope.results[name], stmt.span)
                scope.result_spans[name] = stmt.span
            case s.If():
                self._if(stmt, scope)
            case s.Retire(when=when):
                self.running(stmt.span)
                self.table.effect(Effect("retire", "", (w.const(1) if when is None else self.integer(when, scope),), span=stmt.span))
            case s.Perform(name=name, args=args):
                self.effect_known("perform", PERFORM, name, len(args), stmt.span)
                self.table.effect(Effect("perform", name, tuple(self.integer(a, scope) for a in args), span=stmt.span))
            case _:
                self.fail("E0212", "this statement does not belong here", stmt.span)

    def _result_named(self, stmt: s.Set, scope: Scope) -> s.Result:
        """The result of the frame that a statement sets."""
        if scope.settable is None:
            message = f"`{stmt.name} = …` sets a result, which only the body of an instruction or an environment call does"
            self.fail("E0212", message, stmt.span, help="`let` names a value")
        if stmt.name not in scope.settable:
            help_ = did_you_mean(stmt.name, scope.settable) or f"there are {', '.join(scope.settable)}"
            labels = tuple((r.span, "this is one") for r in list(scope.settable.values())[:1])
            self.fail("E0204", f"the frame has no result `{stmt.name}`", stmt.span, help=help_, labels=labels)
        return scope.settable[stmt.name]

    def _let(self, stmt: s.Let, scope: Scope) -> None:
        if len(set(stmt.names)) < len(stmt.names):
            self.fail("E0203", "one `let` gives two values the same name", stmt.span)
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

    def _input(self, name: str, ref: s.TypeRef, span: s.Span) -> Value:
        """Columns that the runtime fills: `name`, `name[i]`, `name.lo`, …"""
        before = len(self.table.columns)
        value = self.new_value(name, ref, w.source(name, 0, FELT_HIGH), span, trusted=False, because="given by the runtime")
        new = self.table.columns[before:]
        for column in new:
            if column.name in self.table.inputs:
                self.fail("E0203", f"the input `{column.name}` of `{self.table.name}` is declared twice", span)
            if self.table.arms and column.name not in ROW_INPUTS:
                self.fail("E0204", f"a row of an instruction is given {' and '.join(ROW_INPUTS)}, no `{column.name}`", span)
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
            self.error(
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
            help_ = did_you_mean(stmt.bus, [*self.program.buses, *self.program.fixed])
            self.fail("E0601", f"there is no bus or fixed table `{stmt.bus}`", stmt.span, help=help_)
        if (stmt.direction == "lookup") == (bus is not None):
            self.fail("E0602", f"`{stmt.bus}` takes `{'send` or `recv' if bus else 'lookup'}`", stmt.span)
        if len(params) != len(stmt.args):
            self.fail("E0603", f"`{stmt.bus}` carries {len(params)} values, {len(stmt.args)} are given", stmt.span)
        values = [self.evaluate(a, scope) for a in stmt.args]
        for param, value in zip(params, values, strict=True):
            self.check_type(param, value, stmt.span)
        scalars = [x for v in values for x in flatten(v)]
        times = stmt.times if stmt.times is not None else stmt.when
        count = self.constant(1) if times is None else self.scalar(self.evaluate(times, scope), stmt.span)
        nodes = tuple(self.message_argument(x, stmt.span) for x in scalars)
        sign = -1 if stmt.direction == "recv" else 1
        label = f"{stmt.direction} {stmt.bus}"
        arg_wits = tuple(x.wit for x in scalars)
        self.table.send(Sent(self.table.arm, stmt.bus, sign, self.poly_of(count, stmt.span), count.wit, nodes, arg_wits, label, stmt.span))
        bits = self.as_constant(scalars[0]) if stmt.bus == "range" and times is None else None
        if bits is not None and 0 <= bits < 32:
            self.poly.learn(nodes[1], Interval(0, (1 << bits) - 1))
        if sign > 0 and bus is not None:
            self._sent_effect(bus, values, stmt.span)

    def _sent_effect(self, bus: s.BusDecl, values: list[Value], span: s.Span) -> None:
        """For the executor, sending on a remembering bus stores, and sending on `exec` is the next step."""
        if not self.table.arms:
            return
        if bus.remembers:
            self.table.effect(Effect("store", bus.name, tuple(self.integer_of(v, span) for v in values), span=span))
        elif bus.name == "exec":
            self.table.effect(Effect("step", bus.name, tuple(self.integer_of(v, span) for v in values), span=span))

    def _if(self, stmt: s.If, scope: Scope) -> None:
        condition = self.scalar(self.evaluate(stmt.condition, scope), stmt.condition.span)
        for inner in stmt.body:
            if not isinstance(inner, s.Set):
                self.fail("E0212", "only results are set under a condition", inner.span)
            self._result_named(inner, scope)
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
        return Scalar(mixed.poly, w.select(*(self.integer_of(x, span) for x in (c, a, b))))

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
