"""Calls: gadgets, structs and what is built in; what a runtime answers and does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from zkc.dsl import syntax as s
from zkc.dsl.built_in import BUILT_IN_CALLS
from zkc.dsl.check.context import Declarations, Scope, Surroundings
from zkc.dsl.check.operators import Operators
from zkc.dsl.diagnostics import did_you_mean
from zkc.dsl.types import UNKNOWN, Array, Felt, Record, Struct, Type, constant, name_of

MOST_POSITIONAL = 6
"""Arguments that may be given without names."""


class Calls(Operators, ABC):
    """Checks names and arguments of calls."""

    def __init__(self, declared: Declarations, known: Surroundings) -> None:
        super().__init__(declared, known)
        self.constant_types: dict[str, Type] = {}

    @abstractmethod
    def value(self, expr: s.Expr, scope: Scope) -> Type:
        """The type of an expression that is read in the field."""

    @abstractmethod
    def integer(self, expr: s.Expr, scope: Scope) -> Type:
        """The type of an expression that is read as an integer."""

    def one_result(self, expr: s.Call, scope: Scope) -> Type:
        """The type of a call that stands for a value."""
        results = self.results(expr, scope)
        if results is None:
            return UNKNOWN
        if len(results) != 1:
            self.error("E0210", f"`{expr.name}` gives {len(results)} values; one is needed here", expr.span)
            return UNKNOWN
        return results[0]

    def results(self, expr: s.Call, scope: Scope) -> list[Type] | None:
        """The types that a call gives, None if that is unknown after an error. For later stages, several are a record."""
        found = self._results(expr, scope)
        outputs = self.declared.gadgets[expr.name].outputs if expr.name in self.declared.gadgets else ()
        if found is None:
            self.types[id(expr)] = UNKNOWN
        else:
            self.types[id(expr)] = found[0] if len(found) == 1 else Record(tuple(zip((p.name for p in outputs), found, strict=True)))
        return found

    def _results(self, expr: s.Call, scope: Scope) -> list[Type] | None:
        name = expr.name
        if name == "is":
            return [self.is_arm(expr, scope)]
        if name in BUILT_IN_CALLS:
            return [self._built_in(expr, scope)]
        self.mark("call", name, scope.gadget)
        args = [self.value(a, scope) for a in expr.args]
        named = {n: self.value(e, scope) for n, e in expr.named}
        if len(named) < len(expr.named):
            self.error("E0210", f"`{name}` is given one argument twice", expr.span)
        if name in self.declared.structs:
            return [self._construct(name, args, named, expr.span)]
        gadget = self.declared.gadgets.get(name)
        if gadget is None:
            self.no_gadget(expr)
            return None
        self.called(gadget, expr.span, scope)
        if len(named) == len(expr.named):
            self._arguments(gadget, args, named, expr.span)
        return [self.type_of_ref(p.type) for p in gadget.outputs]

    def no_gadget(self, expr: s.Call) -> None:
        """E0204 for a call of something that there is not."""
        known = [*self.declared.gadgets, *self.declared.structs, *BUILT_IN_CALLS]
        module, dot, _ = expr.name.partition(".")
        help_ = f"the names of a module are known in a file that says `use {module};`" if dot else did_you_mean(expr.name, known)
        self.error("E0204", f"there is no gadget `{expr.name}`", expr.span, help_)

    def _construct(self, name: str, args: list[Type], named: Mapping[str, Type], span: s.Span) -> Type:
        fields = self.declared.structs[name].fields
        shape = f"`{name}({', '.join(f'{p.name} = …' for p in fields)})`"
        if args:
            self.error("E0210", f"`{name}` is made with named fields: {shape}", span)
        elif sorted(p.name for p in fields) != sorted(named):
            self.error("E0210", f"`{name}` is made with all its fields: {shape}", span)
        else:
            for param in fields:
                self.fits(param, named[param.name], span)
        return Struct(name)

    def _arguments(self, gadget: s.Gadget, args: list[Type], named: Mapping[str, Type], span: s.Span) -> None:
        params = [p.name for p in gadget.params]
        if not named and len(params) > MOST_POSITIONAL:
            self.error("E0210", f"`{gadget.name}` takes {len(params)} arguments: name them", span)
            return
        given = dict(zip(params, args, strict=False)) | dict(named)
        count = len(args) + len(named)
        if count != len(params) or set(given) != set(params):
            self.error("E0210", wrong_arguments(gadget, count, named), span)
            return
        for param in gadget.params:
            self.fits(param, given[param.name], span)

    def is_arm(self, expr: s.Call, scope: Scope) -> Type:
        """`is(name)`: the selector of an instruction."""
        if s.insn_name(expr) not in scope.arms:
            self.error("E0204", "`is(name)` takes the name of an instruction of this family", expr.span)
        return Felt("polynomial")

    def _built_in(self, expr: s.Call, scope: Scope) -> Type:
        """`column(e)`, `sum(array)`, `slice(array, i, j)`."""
        shape = {"column": "column(e)", "sum": "sum(array)", "slice": "slice(array, first, end)"}.get(expr.name)
        given = [self.value(a, scope) for a in (*expr.args, *(e for _, e in expr.named))]
        if shape is None:
            self.error("E0504", f"`{expr.name}` is for hints and specs: its value is no polynomial", expr.span)
            return UNKNOWN
        if len(expr.args) != shape.count(",") + 1 or expr.named:
            self.error("E0210", f"it is `{shape}`", expr.span)
            return UNKNOWN
        first, *rest = given
        if first == UNKNOWN:
            return UNKNOWN
        if expr.name == "column":
            return self.polynomial(first, expr.span)
        if not isinstance(first, Array):
            self.error("E0205", f"`{expr.name}` takes an array, this is a {name_of(first)}", expr.span)
            return UNKNOWN
        return self._sum(first, expr.span) if expr.name == "sum" else self._slice(first, rest, expr.span)

    def _sum(self, given: Array, span: s.Span) -> Type:
        if given.length == 0:
            return constant(0)
        item = self.scalar(given.item, span)
        if item.kind == "constant":
            return Felt("constant", None, None, False) if given.length != 1 else item
        return item

    def _slice(self, given: Array, bounds: list[Type], span: s.Span) -> Type:
        low, high = (b.value if isinstance(b, Felt) and b.kind == "constant" else None for b in bounds)
        never = any(b != UNKNOWN and (not isinstance(b, Felt) or b.kind in ("polynomial", "witness")) for b in bounds)
        beyond = given.length is not None and any(b is not None and not 0 <= b <= given.length for b in (low, high))
        turned = low is not None and high is not None and not 0 <= low <= high
        if never or beyond or turned:
            inside = f"inside of 0 to {given.length}" if given.length is not None else "inside of the array"
            report = self.error if never else self.wrong_value
            report("E0207", f"a slice goes from a constant to a constant, {inside}", span)
            return Array(given.item, None)
        return Array(given.item, high - low if low is not None and high is not None else None)

    # the runtime

    def effect(self, keyword: str, known: Mapping[str, int], name: str, args: tuple[s.Expr, ...], span: s.Span, scope: Scope) -> None:
        """What is asked of the runtime is something it can do, with as many arguments as it takes."""
        for arg in args:
            self.integer(arg, scope)
        if name not in known:
            help_ = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            self.error("E0204", f"the runtime has no `{keyword} {name}`", span, help_)
        elif len(args) != known[name]:
            self.error("E0210", f"`{keyword} {name}` takes {known[name]} arguments, {len(args)} are given", span)
        self.executed(span, scope)

    def executed(self, span: s.Span, scope: Scope) -> None:
        """E0212 in a table whose rows no instruction executes; a gadget is looked at where it is called."""
        if scope.place == "table":
            self.not_executed(span)
        elif scope.gadget is not None:
            self.executed_in.setdefault(scope.gadget, span)


def wrong_arguments(gadget: s.Gadget, count: int, named: Mapping[str, object]) -> str:
    """The message for arguments that are too few, too many or of other names."""
    params = [p.name for p in gadget.params]
    unknown = [f"; it has no `{n}`" for n in named if n not in params]
    return f"`{gadget.name}` takes {', '.join(params) or 'nothing'}; {count} given{''.join(unknown)}"
