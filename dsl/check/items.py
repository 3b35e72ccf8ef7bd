"""Items: every gadget, frame, family, service, fixed table, table, claim and test, whether anything uses it or not."""

from __future__ import annotations

from collections.abc import Mapping

from zkc.dsl import syntax as s
from zkc.dsl.built_in import AT
from zkc.dsl.check.calls import wrong_arguments
from zkc.dsl.check.context import Scope
from zkc.dsl.check.statements import Statements, bound_in
from zkc.dsl.check.steps import INSTRUCTION, SERVICE, step_test
from zkc.dsl.check.table_tests import table_test
from zkc.dsl.constants import INTEGER_OPERATIONS
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.types import UNKNOWN, Array, Felt, Record, Struct, Type, of_constant


class Items(Statements):
    """Checks the items of a program. Frames come before what stands in them."""

    def everything(self) -> None:
        """All items, in the order of their kinds."""
        d = self.declared
        for const in d.constant_items.values():
            self.mark_constants(const.value)
            self.survives(const)
        for alias in d.type_items.values():
            self.mark_constants((alias.low, alias.high))
        for struct in d.structs.values():
            for param in struct.fields:
                self.type_of_ref(param.type, inside=struct.name)
        for bus in d.buses.values():
            self._types(bus.params)
        for impl in d.impls.values():
            self.mark("call", impl.gadget)
            self.mark("type", impl.left)
            self.mark("type", impl.right)
        for fixed in d.fixed.values():
            self.fixed_table(fixed)
        for layout in d.formats.values():
            if layout.immediate is not None:
                self.mark("type", layout.immediate.type.name)
        for gadget in d.gadgets.values():
            self.gadget(gadget)
        self.rows()
        for table in d.tables.values():
            self._ticking(table) if table.every is not None else self.table(table.name, table.body)
        if d.claim is not None:
            self.table("claim", d.claim.body)
        for test in d.tests:
            for check in test.checks:
                self.test(check)
            table_test(self, test)
        for each in d.step_tests:
            step_test(self, each)

    def _types(self, params: tuple[s.Param, ...]) -> dict[str, Type]:
        return {p.name: self.type_of_ref(p.type) for p in params}

    # gadgets

    def gadget(self, gadget: s.Gadget) -> None:
        """Parameters, body, meanings and results of a gadget."""
        scope = Scope("gadget", gadget.name, self._types(gadget.params), {p.name: p.type for p in gadget.outputs}, gadget=gadget.name)
        scope.arms = self.all_arms
        self._types(gadget.outputs)
        defined = bound_in(gadget.body)
        for stmt in gadget.body:
            if isinstance(stmt, s.Spec):
                self.survives(stmt)
                self._spec(stmt, scope, defined)
            else:
                self.statement(stmt, scope)
        for param in gadget.outputs:
            if param.name not in scope.env:
                self.error("E0503", f"the gadget `{gadget.name}` never defines its output `{param.name}`", param.span)
            else:
                self.fits(param, scope.env[param.name], param.span)
        self.unused_in(scope, frozenset(p.name for p in gadget.outputs))
        for param in gadget.params:
            if param.name not in scope.reads and not param.name.startswith("_"):
                help_ = "leave it out, or let its name begin with `_`"
                self.warn("W0004", f"`{gadget.name}` does not use its parameter `{param.name}`", param.span, help_)

    def _spec(self, stmt: s.Spec, scope: Scope, defined: set[str]) -> None:
        """The meaning of an output; it becomes columns if nothing else defines it."""
        self.integer(stmt.value, scope)
        if stmt.name not in scope.outputs:
            help_ = did_you_mean(stmt.name, scope.outputs)
            self.error("E0503", f"`{stmt.name}` is not an output of this gadget", stmt.span, help_)
            return
        if stmt.name in scope.specs:
            labels = ((scope.specs[stmt.name], "first here"),)
            self.error("E0203", f"the meaning of `{stmt.name}` is given twice", stmt.span, labels=labels)
            return
        scope.specs[stmt.name] = stmt.span
        self.one_integer(scope.outputs[stmt.name], stmt.span)
        if stmt.name not in defined:
            scope.env[stmt.name] = self.type_of_ref(scope.outputs[stmt.name], "polynomial")

    def unused_in(self, scope: Scope, exempt: frozenset[str] = frozenset()) -> None:
        """W0001 for values that nothing reads."""
        for binding in scope.bindings:
            if not any(n in scope.reads or n in exempt or n.startswith("_") for n in binding.names):
                names = ", ".join(f"`{n}`" for n in binding.names)
                self.warn("W0001", f"nothing uses {names}", binding.span, "leave it out, or let its name begin with `_`")

    # instructions and environment calls

    @property
    def all_arms(self) -> frozenset[str]:
        """Names of all instructions and environment calls."""
        return frozenset((*(i.name for f in self.declared.families.values() for i in f.insns), *self.declared.services))

    def rows(self) -> None:
        """Frames, then the families and services in them."""
        families, services = list(self.declared.families.values()), list(self.declared.services.values())
        frames = self.declared.frames
        scopes = {name: self._frame(frame) for name, frame in frames.items()}
        if INSTRUCTION in frames:
            for family in families:
                self._family(frames[INSTRUCTION], family, scopes[INSTRUCTION][0])
        if SERVICE in frames:
            for service in services:
                self._service(frames[SERVICE], service, scopes[SERVICE][0])
        others = self._others(families)
        for name in others if INSTRUCTION in frames else ():
            self._takes_the_place(frames[name], scopes)
        for name in (n for n in (INSTRUCTION, SERVICE, *others) if n in frames):
            before, after = scopes[name]
            after.bindings = [*before.bindings, *after.bindings]
            after.reads |= before.reads
            self.unused_in(after)
        if INSTRUCTION not in self.declared.frames:
            for family in families:
                self._no_frame(INSTRUCTION, family.span)
        if SERVICE not in self.declared.frames:
            for service in services:
                self._no_frame(SERVICE, service.span)
        names = {i.name for f in families for i in f.insns}
        for service in services:
            if service.on not in names:
                self.error("E0204", f"there is no instruction `{service.on}`", service.span, did_you_mean(service.on, names))

    def _others(self, families: list[s.Family]) -> list[str]:
        """The frames of the other tables of families."""
        found: dict[str, None] = {}
        for also in (x for family in families for x in family.also):
            frame = self.declared.frames.get(also.frame)
            if frame is None:
                self._no_frame(also.frame, also.span)
            elif frame.same is None:
                text = f"the frame `{frame.name}` does not say for which instructions it is"
                self.error("E0212", text, also.span, "write `when FIELD == FIELD` after its name", ((frame.span, "declared here"),))
            else:
                found[also.frame] = None
        return list(found)

    def _takes_the_place(self, frame: s.Frame, scopes: Mapping[str, tuple[Scope, Scope]]) -> None:
        """A frame has what bodies get of that of all instructions, and does something with the results that they set."""
        (usual, _), (before, _) = scopes[INSTRUCTION], scopes[frame.name]
        before.reads |= usual.reads
        for name, type_ in usual.env.items():
            if before.env.get(name) != type_:
                text = f"the frame `{frame.name}` gives bodies no `{name}` as `{INSTRUCTION}` does"
                self.error("E0204", text, frame.span)
        results = {r.name: r.type.name for r in frame.body if isinstance(r, s.Result)}
        for result in (r for r in self.declared.frames[INSTRUCTION].body if isinstance(r, s.Result)):
            if results.get(result.name) != result.type.name:
                text = f"the frame `{frame.name}` takes no result `{result.name}` as `{INSTRUCTION}` does"
                self.error("E0204", text, frame.span, labels=((result.span, "here"),))

    def _no_frame(self, name: str, span: s.Span) -> None:
        self.error("E0204", f"there is no frame `{name}` around this", span, did_you_mean(name, self.declared.frames))

    def _frame(self, frame: s.Frame) -> tuple[Scope, Scope]:
        """What is in reach where the body stands, and at the end."""
        for name in (n for n in frame.same or () if n not in self.known.instruction):
            self.error("E0204", f"frames receive no `insn.{name}`", frame.span, did_you_mean(name, self.known.instruction))
        instruction = Record(tuple((n, self.type_of_name(t, "polynomial")) for n, t in self.known.instruction.items()))
        scope = before = Scope("frame", frame.name, {"insn": instruction}, arms=self.all_arms)
        for stmt in frame.body:
            match stmt:
                case s.Operand(name=name, type=ref):
                    self.fits(s.Param(stmt.span, name, ref), self.value(stmt.value, scope), stmt.span)
                    scope.env[name] = self.type_of_ref(ref)
                case s.RunBody() if scope is before:
                    scope = Scope("frame", frame.name, dict(before.env), arms=self.all_arms, outer=before, inputs=before.inputs)
                case s.Result():
                    self._result(stmt, scope, after=scope is not before)
                case _:
                    self.statement(stmt, scope)
        return before, scope

    def _result(self, stmt: s.Result, scope: Scope, *, after: bool) -> None:
        """What a frame does with a result of its bodies."""
        if not after:
            self.error("E0212", f"the result `{stmt.name}` stands before `body;`, which sets it", stmt.span)
        if stmt.default is not None:
            self.fits(s.Param(stmt.span, stmt.name, stmt.type), self.value(stmt.default, scope), stmt.default.span)
        scope.env[stmt.name] = self.type_of_ref(stmt.type)
        self.run(stmt.body, scope)

    def _family(self, frame: s.Frame, family: s.Family, before: Scope) -> None:
        layout = self.declared.formats.get(family.format)
        arms = frozenset(i.name for i in family.insns)
        shared = Scope("shared", family.name, dict(before.env), arms=arms, outer=before, inputs=dict(before.inputs))
        if layout is None:
            shared.env["imm"] = UNKNOWN
        elif layout.immediate is not None:
            shared.env["imm"] = self.type_of_name(layout.immediate.type.name, "polynomial")
        self.run(family.shared, shared)
        self._moves(frame, (*family.shared, *(stmt for i in family.insns for stmt in i.body)))
        sets = {i: self._arm(frame, i.body, shared) for i in family.insns}
        self.unused_in(shared)
        for result in frame.body:
            if isinstance(result, s.Result) and result.default is None and any(result.name in r for r in sets.values()):
                for insn, results in sets.items():
                    if result.name not in results:
                        text = f"`{insn.name}` does not set `{result.name}`, which its family does"
                        there = next(r[result.name] for r in sets.values() if result.name in r)
                        self.error("E0213", text, insn.span, labels=((there, "set here"), (result.span, "and there is no default")))

    def _arm(self, frame: s.Frame, body: s.Body, around: Scope) -> dict[str, s.Span]:
        """The results that a body sets."""
        settable = {r.name: r for r in frame.body if isinstance(r, s.Result)}
        scope = Scope("arm", around.table, dict(around.env), settable=settable, arms=around.arms, outer=around, inputs=around.inputs)
        self.run(body, scope)
        self.unused_in(scope)
        return scope.results

    def _moves(self, frame: s.Frame, body: s.Body) -> None:
        """Where a row may stand at another pc than its instruction, bodies add to that pc, and do nothing else with it (E0212)."""
        inputs = {stmt.name for stmt in frame.body if isinstance(stmt, s.Input)}
        moved = {stmt.name for stmt in frame.body if isinstance(stmt, s.Result)} & inputs if AT in self.known.instruction else set[str]()
        ends = [node for node in s.walk(body) if isinstance(node, s.Set) and node.name in moved]
        added = {id(term) for end in ends for term in _added(end.value) if isinstance(term, s.Name) and term.name == end.name}
        for node in s.walk(body):
            if isinstance(node, s.Name) and node.name in moved and id(node) not in added:
                text = f"`{node.name}` is that of the row, which need not be that of the instruction: a body adds to it, and nothing else"
                self.error("E0212", text, node.span, f"the address of the instruction is `insn.{AT}`")
        for end in ends:
            if sum(isinstance(term, s.Name) and term.name == end.name for term in _added(end.value)) != 1:
                text = f"`{end.name}` is set to a place that does not go on from `{end.name}`, once"
                self.error("E0212", text, end.span, f"write `{end.name} + …`; to go to an address, add `{end.name} - insn.{AT}`")

    def _service(self, frame: s.Frame, service: s.Service, before: Scope) -> None:
        env = dict(before.env)
        guard = Scope("guard", "guards", env, outer=before)
        self.integer(service.when, guard)
        arms = frozenset((service.name,))
        self._moves(frame, service.body)
        self._arm(frame, service.body, Scope("shared", service.name, env, arms=arms, outer=before, inputs=dict(before.inputs)))

    def _ticking(self, table: s.TableDecl) -> None:
        """A table whose rows are steps that the clock asks for."""
        assert table.every is not None
        self.row_expression(table.every, set())
        scope = Scope("shared", table.name, {}, arms=frozenset((table.name,)))
        self.run(table.body, scope)
        self.unused_in(scope)

    # tables

    def table(self, name: str, body: s.Body) -> None:
        """A table whose rows the runtime gives, or the claim."""
        scope = Scope("table", name, {})
        for stmt in body:
            if isinstance(stmt, s.Decode):
                self.decode(stmt, scope)
            else:
                self.statement(stmt, scope)
        self.unused_in(scope)

    def fixed_table(self, item: s.Fixed) -> None:
        """Rows and `at` of a fixed table: constant expressions over the loops, an integer over the fields."""
        self._types(item.params)
        if len(item.row) != len(item.params):
            self.error("E0603", f"`{item.name}` has {len(item.params)} fields, its rows have {len(item.row)}", item.span)
        for param in item.params:
            if param.type.length is not None or param.type.name in self.declared.structs:
                self.error("E0205", f"a fixed table holds field elements; `{param.name}` is none", param.span)
        known: set[str] = set()
        for generator in item.generators:
            for expr in (generator.start, generator.stop):
                self.row_expression(expr, known)
            known.add(generator.name)
        for expr in item.row:
            self.row_expression(expr, known)
        if item.at is not None:
            self.integer(item.at, Scope("at", item.name, {p.name: Felt() for p in item.params}))

    def row_expression(self, expr: s.Expr, loops: set[str]) -> None:
        """A constant expression in which loop variables stand (E0204)."""
        match expr:
            case s.Number():
                pass
            case s.Name(name=name):
                if name in loops:
                    return
                self.mark("constant", name)
                if name not in self.declared.constant_items:
                    help_ = did_you_mean(name, self.declared.constant_items)
                    self.error("E0204", f"`{name}` is not a constant", expr.span, help_)
            case s.ArrayLiteral(items=items):
                for part in items:
                    self.row_expression(part, loops)
            case s.Unary(op="-", operand=operand):
                self.row_expression(operand, loops)
            case s.Binary(op=op, left=left, right=right):
                self.row_expression(left, loops)
                self.row_expression(right, loops)
                if op not in INTEGER_OPERATIONS:
                    self.error("E0204", f"`{op}` is not defined on integers", expr.span)
            case _:
                self.error("E0204", "this is not a constant expression", expr.span)

    # tests

    def test(self, check: s.Check) -> None:
        """A line of a `test`: constants go into a gadget, and as many come out as it has results."""
        call = check.call
        self.mark("call", call.name)
        given = {id(e): self.tested(e) for e in (*call.args, *(e for _, e in call.named))}
        expected = self.tested(check.expected)
        gadget = self.declared.gadgets.get(call.name)
        if gadget is None:
            self.error("E0204", f"there is no gadget `{call.name}`", call.span, did_you_mean(call.name, self.declared.gadgets))
            return
        names = [p.name for p in gadget.params]
        args = dict(zip(names, call.args, strict=False)) | dict(call.named)
        count = len(call.args) + len(call.named)
        if count != len(names) or set(args) != set(names):
            self.error("E0210", wrong_arguments(gadget, count, dict(call.named)), call.span)
            return
        for param in gadget.params:
            self._test_argument(param, given[id(args[param.name])], args[param.name].span)
        outputs = len(gadget.outputs)
        values = expected.length if outputs != 1 and isinstance(expected, Array) else 1
        if expected != UNKNOWN and values != outputs:
            self.error("E0210", f"`{call.name}` gives {outputs} values", check.expected.span, "expect `[a, b]`")

    def _test_argument(self, param: s.Param, given: Type, span: s.Span) -> None:
        """A word is given as one integer."""
        one = self.type_of_name(param.type.name)
        if param.type.length is None and isinstance(one, Struct) and isinstance(given, Felt):
            return
        if isinstance(given, Array) and param.type.length is not None and isinstance(one, Struct) and isinstance(given.item, Felt):
            given = Array(one, given.length)
        self.fits(param, given, span)

    def tested(self, expr: s.Expr) -> Type:
        """The type of a constant of a test."""
        value = self.constant_of(expr)
        return UNKNOWN if value is None else of_constant(value)


def _added(expr: s.Expr) -> list[s.Expr]:
    """The terms of a sum that are added, not taken away."""
    found: list[s.Expr] = []
    stack = [(expr, True)]
    while stack:
        top, added = stack.pop()
        if isinstance(top, s.Binary) and top.op in ("+", "-"):
            stack += [(top.right, added is (top.op == "+")), (top.left, added)]
        elif added:
            found.append(top)
    return found
