"""Statements, in bodies of gadgets, of tables, of frames and of what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zkc.compiler.dialects import circ
from zkc.compiler.importer.expressions import Expressions
from zkc.compiler.importer.types import declared_text, declared_type
from zkc.compiler.ir.operation import ANY, FELT, INT, Attribute, Region, Symbol, Type, Value
from zkc.compiler.program import Program, names_read
from zkc.dsl import syntax as s

Live = frozenset[str] | None
"""Names that are read after a statement; None: any may be."""
MESSAGES = {"send": circ.SEND, "recv": circ.RECV, "lookup": circ.LOOKUP}


class Statements(Expressions):
    """Makes the operations of statements. specs: the integers that values to come are."""

    def __init__(self, program: Program, region: Region, *, given: Mapping[str, Type] | None = None, immediate: str | None = None) -> None:
        super().__init__(program, region, given=given, immediate=immediate)
        self.specs: dict[str, Value] = {}

    def run(self, body: s.Body, live: Live) -> None:
        """The statements of a body in order."""
        for i, stmt in enumerate(body):
            self.statement(stmt, body[i + 1 :], live)

    def statement(self, stmt: s.Stmt, after: s.Body, live: Live) -> None:
        """One statement; `after` are those that follow it in its body."""
        span = stmt.span
        match stmt:
            case s.For():
                self._for(stmt, None if live is None else live | names_read(after))
            case s.Let():
                self._let(stmt)
            case s.Hint():
                more = {**_said("because", stmt.because), **_free(stmt), **_said("trusted", stmt.trusted or None)}
                self.env[stmt.name] = self.hinted(stmt.name, stmt.type, self.region_of(stmt.value), more, span)
            case s.Input(name=name, type=ref):
                attributes = {"name": name, "type": declared_text(self.program, ref), **_free(stmt)}
                self.env[name] = self.create(circ.INPUT, span, (), attributes, results=(declared_type(self.program, ref),)).result
            case s.Assert():
                sides = (stmt.left, stmt.right, *(() if stmt.when is None else (stmt.when,)))
                operands = [self.make(circ.FELT_OF, e.span, self.value(e)) for e in sides]
                self.create(circ.ASSERT, span, operands, {"label": stmt.label or "assert"})
            case s.MessageStmt():
                self._message(stmt)
            case s.Fault(message=message, when=when):
                self.create(circ.FAULT, span, (self.integer(when),), {"message": message})
            case s.CallStmt(call=call):
                if self.call(call):
                    raise self.program.fail("E0505", f"a result of `{call.name}` is dropped", span)
            case s.Set(name=name, value=value):
                self.create(circ.SET, span, (self.value(value),), {"name": name})
            case s.If():
                self._if(stmt)
            case s.Retire(when=when):
                count = self.make(circ.NUMBER, span, type_=INT, value=1) if when is None else self.integer(when)
                self.create(circ.RETIRE, span, (count,))
            case s.Perform(name=name, args=args):
                self.create(circ.PERFORM, span, [self.integer(a) for a in args], {"name": name})
            case _:
                raise self.program.fail("E0212", "this statement does not belong here", span)

    def region_of(self, expr: s.Expr) -> Region:
        """A region that gives the expression as an integer."""
        region = Region()
        with self.inside(region):
            self.create(circ.YIELD, expr.span, (self.integer(expr),))
        return region

    def hinted(self, name: str, ref: s.TypeRef, region: Region, more: Mapping[str, Attribute], span: s.Span) -> Value:
        """Columns of the type, filled with what the region gives."""
        attributes = {"name": name, "type": declared_text(self.program, ref), **more}
        return self.create(circ.HINT, span, (), attributes, results=(declared_type(self.program, ref),), regions=(region,)).result

    def _let(self, stmt: s.Let) -> None:
        if len(set(stmt.names)) < len(stmt.names):
            raise self.program.fail("E0203", "one `let` gives two values the same name", stmt.span)
        if len(stmt.names) == 1:
            values: Sequence[Value] = [self.value(stmt.value)]
        elif isinstance(stmt.value, s.Call):
            values = self.call(stmt.value)
            if len(values) != len(stmt.names):
                raise self.program.fail("E0210", f"`{stmt.value.name}` gives {len(values)} values", stmt.span)
        else:
            raise self.program.fail("E0210", "several names take the results of a gadget", stmt.span)
        for name, value in zip(stmt.names, values, strict=True):
            meant = self.specs.get(name)
            self.env[name] = value if meant is None else self.make(circ.MEANT, stmt.span, value, meant, type_=value.type)

    def _message(self, stmt: s.MessageStmt) -> None:
        values = [self.value(a) for a in stmt.args]
        times = stmt.times if stmt.times is not None else stmt.when
        count = self.make(circ.NUMBER, stmt.span, type_=FELT, value=1) if times is None else self.value(times)
        self.create(MESSAGES[stmt.direction], stmt.span, (count, *values), {"bus": Symbol(stmt.bus), **_said("because", stmt.because)})

    def _if(self, stmt: s.If) -> None:
        condition = self.value(stmt.condition)
        for inner in stmt.body:
            if not isinstance(inner, s.Set):
                raise self.program.fail("E0212", "only results are set under a condition", inner.span)
            self.create(circ.SET, inner.span, (self.value(inner.value), condition), {"name": inner.name})

    # loops

    def _for(self, stmt: s.For, live: Live) -> None:
        """A loop; names that it binds and that are read in the next round or after it go from round to round."""
        bounds = self.bound(stmt.start), self.bound(stmt.stop)
        read = names_read(stmt.body)
        bound = dict.fromkeys((*bound_in(stmt.body), stmt.name))
        carried = [n for n in bound if live is None or n in live or (n != stmt.name and n in read and self.known(n))]
        before = [self._start(n, stmt.span) for n in carried]
        types = [v.type for v in before]
        region, found = self._rounds(stmt, carried, types, live)
        common = [a if a is b else ANY for a, b in zip(types, found, strict=True)]
        if common != types:
            types = common
            region, _ = self._rounds(stmt, carried, types, live)
        results = self.create(circ.FOR, stmt.span, (*bounds, *before), results=types, regions=(region,)).results
        for name, value, start in zip(carried, results, before, strict=True):
            self.env[name] = value
            if start.op is not None and start.op.definition is circ.UNDEFINED:
                self.doubtful.add(value)

    def _start(self, name: str, span: s.Span) -> Value:
        """What a name is before the first round."""
        if name in self.env:
            return self.env[name]
        return self.named(name, span) if name in self.given else self.make(circ.UNDEFINED, span, type_=ANY)

    def _rounds(self, stmt: s.For, carried: Sequence[str], types: Sequence[Type], live: Live) -> tuple[Region, list[Type]]:
        """The region of a loop for such values, and the types of what it gives."""
        region = Region((FELT, *types))
        with self.inside(region):
            self.env |= zip(carried, region.arguments[1:], strict=True)
            self.env[stmt.name] = region.arguments[0]
            self.run(stmt.body, None if live is None else live | frozenset(carried))
            values = [self.env[n] for n in carried]
            self.create(circ.YIELD, stmt.span, values)
        return region, [v.type for v in values]


def _said(name: str, value: Attribute | None) -> dict[str, Attribute]:
    """An attribute that may be left out."""
    return {} if value is None else {name: value}


def _free(stmt: s.Hint | s.Input) -> dict[str, Attribute]:
    """Why the prover may choose the value, and the bus that binds it."""
    return {} if stmt.free is None else {"free": stmt.free.why, **_said("bound", stmt.free.bus)}


def bound_in(body: s.Body) -> list[str]:
    """Names that statements give to values, those of loops inside included."""
    names: list[str] = []
    for stmt in body:
        if isinstance(stmt, s.Let):
            names += stmt.names
        elif isinstance(stmt, s.Hint | s.Input):
            names.append(stmt.name)
        elif isinstance(stmt, s.For):
            names += (*bound_in(stmt.body), stmt.name)
    return names
