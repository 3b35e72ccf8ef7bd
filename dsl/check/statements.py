"""Statements: names they bind, types they need, and where they belong."""

from __future__ import annotations

from typing import Final

from zkc.dsl import syntax as s
from zkc.dsl.check.context import Binding, Scope
from zkc.dsl.check.expressions import Expressions
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.types import UNKNOWN, Felt, Record, Type, widened

OUT_OF_PLACE = "this statement does not belong here"
TERM: Final = "term"
SURVIVE: Final = {
    "Hint": ("delete", "widen", TERM),
    "Input": ("delete", "widen"),
    "Assert": ("delete", TERM),
    "Let": (TERM,),
    "Spec": (TERM,),
    "lookup": ("delete", TERM),
    "recv": ("constant", "swap", TERM),
    "send": ("slot", TERM),
    "Const": ("more",),
}
"""Statements, and the changes to each that `survives` may speak of: the type or the equation is deleted, the type is a bit wider, a field
is 0 or trades places with the next, the time is one later, a constant is one more, a term of a sum is dropped."""
Saying = s.Const | s.Hint | s.Input | s.Assert | s.Let | s.Spec | s.MessageStmt
"""What may say that a change survives."""


class Statements(Expressions):
    """Checks the statements of a body in order."""

    def run(self, body: s.Body, scope: Scope) -> None:
        """All statements of a body."""
        for stmt in body:
            self.statement(stmt, scope)

    def statement(self, stmt: s.Stmt, scope: Scope) -> None:
        """One statement, anywhere but at the top of a gadget, a frame or a table, which know more."""
        if isinstance(stmt, Saying):
            self.survives(stmt)
        match stmt:
            case s.Let():
                self._let(stmt, scope)
            case s.Hint(name=name, type=ref):
                self.one_integer(ref, stmt.span)
                self.integer(stmt.value, scope)
                self._bound(stmt.free)
                what = "trusted" if stmt.trusted else "hint"
                scope.bind(Binding((name,), what, stmt.span), [self.type_of_ref(ref, "polynomial")])
            case s.Input():
                self._input(stmt, scope)
            case s.Assert():
                self._assert(stmt, scope)
            case s.MessageStmt():
                self._message(stmt, scope)
            case s.For():
                self._for(stmt, scope)
            case s.Fault(when=when):
                self.integer(when, scope)
            case s.CallStmt(call=call):
                if self.results(call, scope):
                    self.error("E0505", f"a result of `{call.name}` is dropped", stmt.span)
            case s.Set():
                self._set(stmt, scope)
            case s.If():
                self._if(stmt, scope)
            case s.Retire(when=when):
                self.executed(stmt.span, scope)
                if when is not None:
                    self.integer(when, scope)
            case s.Perform(name=name, args=args):
                self.effect("perform", self.known.perform, name, args, stmt.span, scope)
            case _:
                self.error("E0212", OUT_OF_PLACE, stmt.span)

    def _let(self, stmt: s.Let, scope: Scope) -> None:
        names = stmt.names
        if len(set(names)) < len(names):
            self.error("E0203", "one `let` gives two values the same name", stmt.span)
        types: list[Type] = [UNKNOWN] * len(names)
        if len(names) == 1:
            types = [self.value(stmt.value, scope)]
        elif isinstance(stmt.value, s.Call):
            results = self.results(stmt.value, scope)
            if results is not None and len(results) != len(names):
                self.error("E0210", f"`{stmt.value.name}` gives {len(results)} values", stmt.span)
            elif results is not None:
                types = results
        else:
            self.value(stmt.value, scope)
            self.error("E0210", "several names take the results of a gadget", stmt.span)
        scope.bind(Binding(names, "let", stmt.span), types)

    def _assert(self, stmt: s.Assert, scope: Scope) -> None:
        left, right = (self.polynomial(self.value(side, scope), side.span) for side in (stmt.left, stmt.right))
        if stmt.when is not None:
            self.polynomial(self.value(stmt.when, scope), stmt.when.span)
        elif left.value is not None and right.value is not None and (left.value - right.value) % self.known.field:
            self.wrong_value("E0306", f"this equation never holds: {left.value} is not {right.value}", stmt.span)

    def survives(self, stmt: Saying) -> None:
        """Changes that are said to survive are some that a statement of this kind can have."""
        is_message = isinstance(stmt, s.MessageStmt)
        kinds = SURVIVE[stmt.direction if is_message else type(stmt).__name__]
        decl = self.declared.buses.get(stmt.bus) if is_message else None
        fields = [p.name for p in decl.params] if decl is not None else []
        for said in stmt.survives:
            if said.kind not in kinds:
                help_ = did_you_mean(said.kind, kinds) or f"what survives is {' or '.join(f'`{k}`' for k in kinds)}"
                self.error("E0212", f"this statement has no change `{said.kind}`", said.span, help_)
            elif said.kind == TERM:
                self._has_term(stmt, said)
            elif said.of is not None and said.field not in fields:
                help_ = did_you_mean(said.field, fields) if said.field is not None else "a field is a name"
                self.error("E0204", f"this statement has no field `{said.field or '…'}`", said.span, help_)

    def _has_term(self, stmt: Saying, said: s.Survives) -> None:
        """What is said to be dropped stands in a sum of the statement."""
        sums = list(s.terms_of(stmt))
        if not any(said.of is None or s.alike(said.of, operand) for x in sums for operand in (x.left, x.right)):
            self.error("E0204", "this statement has no such term in a sum", said.span, "write the term as it stands there, in brackets")

    def _bound(self, free: s.Free | None) -> None:
        """A value is bound by messages that carry something."""
        if free is None or free.bus is None:
            return
        bus, carrying = self.declared.buses.get(free.bus), [n for n, b in self.declared.buses.items() if b.carries]
        if bus is None:
            self.error("E0601", f"there is no bus `{free.bus}`", free.span, did_you_mean(free.bus, carrying))
        elif not bus.carries:
            help_ = f"`{'`, `'.join(carrying)}` carry something" if carrying else f"`bus {free.bus}(…) carries …;` says what"
            self.error("E0602", f"`{free.bus}` carries nothing, so it binds nothing", free.span, help_)

    def _input(self, stmt: s.Input, scope: Scope) -> None:
        self._bound(stmt.free)
        if stmt.name in scope.inputs:
            self._input_twice(stmt, scope)
        if scope.gadget is not None:
            self.inputs_in.setdefault(scope.gadget, stmt)
        elif scope.place != "table":
            self.not_given(stmt)
        scope.inputs.setdefault(stmt.name, stmt.span)
        scope.env[stmt.name] = self.type_of_ref(stmt.type, "polynomial")

    def _input_twice(self, stmt: s.Input, scope: Scope) -> None:
        self.error("E0203", f"the input `{self.first_column(stmt)}` of `{scope.table}` is declared twice", stmt.span)

    def _message(self, stmt: s.MessageStmt, scope: Scope) -> None:
        bus, fixed = self.declared.buses.get(stmt.bus), self.declared.fixed.get(stmt.bus)
        decl = bus or fixed
        values = [self.value(a, scope) for a in stmt.args]
        if decl is None:
            help_ = did_you_mean(stmt.bus, [*self.declared.buses, *self.declared.fixed])
            self.error("E0601", f"there is no bus or fixed table `{stmt.bus}`", stmt.span, help_)
        elif (stmt.direction == "lookup") == (bus is not None):
            self.error("E0602", f"`{stmt.bus}` takes `{'send` or `recv' if bus else 'lookup'}`", stmt.span)
        elif bus is not None and bus.asked and scope.table != bus.name:
            self.error("E0602", f"`{stmt.bus}` is a chip: only its own table answers, and a call asks", stmt.span, "call it")
        elif len(decl.params) != len(values):
            self.error("E0603", f"`{stmt.bus}` carries {len(decl.params)} values, {len(values)} are given", stmt.span)
        else:
            for param, given in zip(decl.params, values, strict=True):
                self.fits(param, given, stmt.span)
                if isinstance(given, Felt):
                    self.polynomial(given, stmt.span)
        if stmt.times is not None and stmt.when is not None:
            self.error("E0212", "a message has `times` or `when`, not both: they mean the same", stmt.span)
        for count in (stmt.times, stmt.when):
            if count is not None:
                self.polynomial(self.value(count, scope), stmt.span)

    def _for(self, stmt: s.For, scope: Scope) -> None:
        rounds = self.rounds(stmt.start, stmt.stop, scope, id(stmt))
        before, results = dict(scope.env), dict(scope.results)
        if rounds.count != 1:
            for name in bound_in(stmt.body) & before.keys():
                scope.env[name] = widened(before[name])
        scope.env[stmt.name] = rounds.variable
        inputs = dict(scope.inputs)
        with self.perhaps(bool(rounds.count)):
            self.run(stmt.body, scope)
        if rounds.count == 0:
            scope.env, scope.results, scope.inputs = before, results, inputs
            return
        last = rounds.variable.high
        scope.env[stmt.name] = Felt("constant", last, last) if rounds.count is not None else Felt("constant", None, None, False)
        if rounds.count is not None and rounds.count > 1:
            self._once_only(scope, results, inputs, stmt)

    def _once_only(self, scope: Scope, results: dict[str, s.Span], inputs: dict[str, s.Span], stmt: s.For) -> None:
        """What is done once in a table is not done in a loop that goes round more often."""
        if not self.reached:
            return
        for node in _plain(stmt.body):
            if isinstance(node, s.Set) and node.name in scope.results and node.name not in results:
                labels = ((scope.results[node.name], "first here"),)
                self.error("E0203", f"the result `{node.name}` is set twice", node.span, labels=labels)
            if isinstance(node, s.Input) and node.name not in inputs and scope.place != "gadget":
                self._input_twice(node, scope)

    def _set(self, stmt: s.Set, scope: Scope) -> None:
        given = self.value(stmt.value, scope)
        result = self._result_named(stmt, scope)
        if result is None:
            return
        if stmt.name in scope.results:
            self.error("E0203", f"the result `{stmt.name}` is set twice", stmt.span, labels=((scope.results[stmt.name], "first here"),))
        self.fits(s.Param(result.span, stmt.name, result.type), given, stmt.span)
        scope.results[stmt.name] = stmt.span

    def _result_named(self, stmt: s.Set, scope: Scope) -> s.Result | None:
        """The result of the frame that a statement sets."""
        if scope.settable is None:
            message = f"`{stmt.name} = …` sets a result, which only the body of an instruction or an environment call does"
            self.error("E0212", message, stmt.span, "`let` names a value")
            return None
        if stmt.name not in scope.settable:
            help_ = did_you_mean(stmt.name, scope.settable) or f"there are {', '.join(scope.settable)}"
            labels = tuple((r.span, "this is one") for r in list(scope.settable.values())[:1])
            self.error("E0204", f"the frame has no result `{stmt.name}`", stmt.span, help_, labels)
            return None
        return scope.settable[stmt.name]

    def _if(self, stmt: s.If, scope: Scope) -> None:
        self.scalar(self.value(stmt.condition, scope), stmt.condition.span)
        for inner in stmt.body:
            if not isinstance(inner, s.Set):
                self.error("E0212", "only results are set under a condition", inner.span)
                continue
            given = self.value(inner.value, scope)
            result = self._result_named(inner, scope)
            if result is None:
                continue
            if inner.name not in scope.results and result.default is None:
                message = f"`{inner.name}` has no default, so it cannot be set under a condition"
                self.error("E0212", message, inner.span)
            elif self._is_word(result) and given != UNKNOWN:
                self.scalar(self.type_of_ref(result.type), inner.span)
            else:
                self.polynomial(given, inner.span)
            scope.results[inner.name] = inner.span

    def _is_word(self, result: s.Result) -> bool:
        """Whether a result is no field element, so that it cannot be chosen by multiplication."""
        return result.type.length is not None or result.type.name in self.declared.structs

    def decode(self, stmt: s.Decode, scope: Scope) -> None:
        """`decode word as insn;` in a table."""
        if "word" in scope.inputs:
            self.error("E0203", "one row decodes one word; this is the second `decode`", stmt.span)
        if not (isinstance(stmt.word, s.Name) and stmt.word.name == "word"):
            self.error("E0212", "the runtime gives the word: it is `decode word as …;`", stmt.word.span)
        for name in ("word", "real"):
            scope.inputs.setdefault(name, stmt.span)
        fields = [(n, self.type_of_name(t, "polynomial")) for n, t in self.known.decoded.items()]
        scope.env[stmt.name] = Record(tuple(fields))


def bound_in(body: s.Body) -> set[str]:
    """Names that the statements of a body give to values, those of loops inside included."""
    names: set[str] = set()
    for stmt in _plain(body):
        if isinstance(stmt, s.Let):
            names.update(stmt.names)
        elif isinstance(stmt, s.Hint | s.Input | s.For):
            names.add(stmt.name)
    return names


def _plain(body: s.Body) -> list[s.Stmt]:
    """The statements of a body and of the loops in it."""
    found: list[s.Stmt] = []
    stack = list(reversed(body))
    while stack:
        stmt = stack.pop()
        found.append(stmt)
        if isinstance(stmt, s.For):
            stack += reversed(stmt.body)
    return found
