"""Expressions in two readings: field elements (`let`, `assert`, messages) and integers (`spec`, `hint`, `fault`, guards)."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.dsl import syntax as s
from zkc.dsl.built_in import BUILT_IN_CALLS, DIVISIONS
from zkc.dsl.check.calls import Calls
from zkc.dsl.check.context import MAX_ITEMS, Scope
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.types import ANY, UNKNOWN, WITNESS, Array, Felt, Record, Struct, Type, constant, join, name_of, of_constant

ENTRY = Record((("value", WITNESS), ("time", WITNESS), ("mark", WITNESS)))
"""What `latest` gives."""


@dataclass(frozen=True)
class Rounds:
    """How a loop goes round: `variable` is the type of its variable, `count` is None if that depends on something."""

    variable: Felt
    count: int | None


class Expressions(Calls):
    """Gives every expression its type."""

    def value(self, expr: s.Expr, scope: Scope) -> Type:
        """The type of an expression that is read in the field."""
        found = self._value(expr, scope)
        self.types[id(expr)] = found
        return found

    def _value(self, expr: s.Expr, scope: Scope) -> Type:
        match expr:
            case s.Number(value=value):
                return constant(value)
            case s.Name():
                return self._name(expr, scope)
            case s.Field(of=of, name=name):
                return self._field(self.value(of, scope), name, expr.span)
            case s.Index(of=of, index=index):
                return self._index(self.value(of, scope), self.value(index, scope), expr.span)
            case s.ArrayLiteral(items=items):
                return self.array([self.value(i, scope) for i in items], len(items), expr.span)
            case s.Comprehension():
                return self._comprehension(expr, scope)
            case s.Unary(op=op, operand=operand):
                given = self.value(operand, scope)
                if given == UNKNOWN:
                    return UNKNOWN
                return self.scalar_operator("-", constant(1 if op == "!" else 0), self.scalar(given, expr.span), expr.span)
            case s.Binary(left=left, right=right):
                return self.field_operator(expr, self.value(left, scope), self.value(right, scope), scope)
            case s.Conditional():
                return self._conditional(expr, scope)
            case s.Call():
                return self.one_result(expr, scope)
            case s.Last(bus=bus, key=key):
                return self._latest(bus, key, expr.span, scope)
            case s.Host(name=name, args=args):
                self.effect("host", self.known.host, name, args, expr.span, scope)
                return WITNESS

    def _name(self, expr: s.Name, scope: Scope) -> Type:
        name = expr.name
        if name in scope.env:
            scope.read(name)
            return scope.env[name]
        if name in self.declared.constant_items:
            self.mark("constant", name)
            return self._constants(name)
        help_ = did_you_mean(name, [*scope.env, *self.declared.constant_items])
        self.error("E0204", f"there is no `{name}` here", expr.span, help_)
        return UNKNOWN

    def _constants(self, name: str) -> Type:
        """The type of a declared constant, unknown if it has no value."""
        if name not in self.constant_types:
            values = self.declared.constants
            self.constant_types[name] = of_constant(values[name]) if name in values else UNKNOWN
        return self.constant_types[name]

    def _field(self, given: Type, name: str, span: s.Span) -> Type:
        if given == UNKNOWN:
            return UNKNOWN
        if isinstance(given, Struct):
            params = {p.name: p.type for p in self.declared.structs[given.name].fields}
            if name in params:
                return self.type_of_ref(params[name], given.kind)
            fields = list(params)
        elif isinstance(given, Record):
            found = given.field(name)
            if found is not None:
                return found
            fields = [n for n, _ in given.fields]
        else:
            fields = []
        help_ = did_you_mean(name, fields) or (f"it has {', '.join(fields)}" if fields else None)
        self.error("E0207", f"there is no field `{name}` in this {name_of(given)}", span, help_)
        return UNKNOWN

    def _index(self, given: Type, index: Type, span: s.Span) -> Type:
        if given == UNKNOWN:
            return UNKNOWN
        if not isinstance(given, Array):
            self.error("E0207", f"only arrays have elements, this is a {name_of(given)}", span)
            return UNKNOWN
        if index == UNKNOWN:
            return given.item
        if not isinstance(index, Felt) or index.kind in ("polynomial", "witness"):
            self.error("E0208", "an index is a constant", span)
            return given.item
        if given.length is not None and index.kind == "constant" and index.low is not None and index.high is not None and index.tight:
            last = given.length - 1
            if index.low < 0 or index.high > last:
                at = index.low if index.low < 0 or index.low > last else given.length if index.loops else index.high
                message = f"the index {at} is outside of the array, which has elements 0 to {last}"
                self.wrong_value("E0207", message, span)
        return given.item

    def _comprehension(self, expr: s.Comprehension, scope: Scope) -> Type:
        rounds = self.rounds(expr.start, expr.stop, scope, id(expr))
        with self.perhaps(bool(rounds.count)):
            item = self.value(expr.item, scope.around(expr.name, rounds.variable))
        if rounds.count == 0:
            return Array(UNKNOWN, 0)
        return self.array([item], rounds.count, expr.span)

    def rounds(self, start: s.Expr, stop: s.Expr, scope: Scope, number: int) -> Rounds:
        """How a loop goes round; `number` tells its variable from others."""
        bounds: list[Felt] = []
        for expr in (start, stop):
            given = self.value(expr, scope)
            if given != UNKNOWN and (not isinstance(given, Felt) or given.kind in ("polynomial", "witness")):
                self.error("E0208", "loop bounds are constants", expr.span)
                given = UNKNOWN
            bounds.append(given if isinstance(given, Felt) and given.kind == "constant" else Felt("constant", None, None, False))
        low, high = (b.value for b in bounds)
        if low is not None and high is not None:
            if high < low:
                self.wrong_value("E0208", f"a loop goes up, this one from {low} to {high}", start.span)
            elif high - low > MAX_ITEMS:
                message = f"this loop goes round {high - low} times; the most is {MAX_ITEMS}"
                self.wrong_value("E0215", message, start.span, "loops are unrolled")
            else:
                return Rounds(Felt("constant", low, high - 1, True, frozenset((number,))), high - low)
            return Rounds(Felt("constant", None, None, False), None)
        least, most = bounds[0].low, bounds[1].high
        loops = bounds[0].loops | bounds[1].loops | {number}
        return Rounds(Felt("constant", least, None if most is None else most - 1, False, loops), None)

    def _conditional(self, expr: s.Conditional, scope: Scope) -> Type:
        condition = self.value(expr.condition, scope)
        if condition != UNKNOWN and (not isinstance(condition, Felt) or condition.kind in ("polynomial", "witness")):
            message = "a condition outside hint and spec is a constant; multiply by a bit instead"
            self.error("E0208", message, expr.span)
        value = self.decided(expr, condition)
        with self.perhaps(value is not None and value != 0):
            then = self.value(expr.then, scope)
        with self.perhaps(value == 0):
            otherwise = self.value(expr.otherwise, scope)
        if value is not None:
            return then if value else otherwise
        return join(then, otherwise)

    def decided(self, expr: s.Conditional, condition: Type) -> int | None:
        """The value of a condition that is the same each time: a warning, unless declared constants decide it, which may be changed."""
        value = condition.value if isinstance(condition, Felt) and condition.kind == "constant" else None
        if value is not None and self.reached and not any(n in self.declared.constant_items for n in _names(expr.condition)):
            arm = expr.otherwise if value else expr.then
            self.warn("W0005", f"this is never taken: the condition is always {'true' if value else 'false'}", arm.span)
        return value

    def _latest(self, bus: str, key: s.Expr, span: s.Span, scope: Scope) -> Type:
        self.integer(key, scope)
        decl = self.declared.buses.get(bus)
        if decl is None or decl.remembers is None:
            remembering = [n for n, b in self.declared.buses.items() if b.remembers]
            message = f"the bus `{bus}` does not remember its latest message" if decl else f"there is no bus `{bus}`"
            self.error("E0601", message, span, did_you_mean(bus, remembering))
            return UNKNOWN
        self.executed(span, scope)
        return ENTRY

    # integer reading

    def integer(self, expr: s.Expr, scope: Scope) -> Type:
        """The type of an expression that is read as an integer."""
        found = self._integer(expr, scope)
        self.types[id(expr)] = found
        return found

    def _integer(self, expr: s.Expr, scope: Scope) -> Type:
        match expr:
            case s.Binary(op=op, left=left, right=right):
                return self.integer_operator(op, self.integer(left, scope), self.integer(right, scope), expr.span)
            case s.Unary(op=op, operand=operand):
                given = self.integer(operand, scope)
                if op == "-":
                    return self.integer_operator("-", constant(0), given, expr.span)
                value = given.value if isinstance(given, Felt) and given.kind == "constant" else None
                return ANY if value is None else constant(int(value == 0))
            case s.Conditional():
                return self._integer_conditional(expr, scope)
            case s.Call():
                return self._integer_call(expr, scope)
            case _:
                return self.integer_of(self.value(expr, scope), expr.span)

    def _integer_conditional(self, expr: s.Conditional, scope: Scope) -> Type:
        condition = self.integer(expr.condition, scope)
        self.decided(expr, condition)
        then, otherwise = self.integer(expr.then, scope), self.integer(expr.otherwise, scope)
        value = condition.value if isinstance(condition, Felt) and condition.kind == "constant" else None
        if value is not None:
            return then if value else otherwise
        return join(then, otherwise) if isinstance(then, Felt) and isinstance(otherwise, Felt) and then == otherwise else ANY

    def _integer_call(self, expr: s.Call, scope: Scope) -> Type:
        name = expr.name
        if name == "is":
            return self.is_arm(expr, scope)
        if name == "inverse" or name in DIVISIONS:
            wanted = 1 if name == "inverse" else 2
            if len(expr.args) != wanted or expr.named:
                self.error("E0210", f"it is `{name}({'a' if wanted == 1 else 'a, b'})`", expr.span)
            for arg in (*expr.args, *(e for _, e in expr.named)):
                self.integer(arg, scope)
            return ANY
        self.mark("call", name, scope.gadget)
        known = name in self.declared.gadgets or name in self.declared.structs or name in BUILT_IN_CALLS
        what = "written otherwise" if name in BUILT_IN_CALLS else "a gadget"
        if known:
            self.error("E0504", f"`{name}` is {what}; hints and specs use integer operators", expr.span)
        else:
            self.no_gadget(expr)
        return UNKNOWN


def _names(expr: s.Expr) -> set[str]:
    return {node.name for node in s.walk(expr) if isinstance(node, s.Name)}
