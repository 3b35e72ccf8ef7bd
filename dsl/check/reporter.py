"""What a check finds, and what it remembers for later: types of expressions, uses of declared names, calls between gadgets."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from zkc.dsl import syntax as s
from zkc.dsl.check.context import MAX_ITEMS, Declarations, Place, Scope, Surroundings
from zkc.dsl.constants import ConstantError, ConstValue, evaluate
from zkc.dsl.diagnostics import Diagnostic
from zkc.dsl.types import ANY, UNKNOWN, Array, Felt, Kind, Struct, Type, name_of

Labels = tuple[tuple[s.Span, str], ...]
"""Further places of an error, with what is there."""


@dataclass(frozen=True)
class OuterCall:
    """A call of a gadget from elsewhere than a gadget."""

    place: Place
    gadget: str
    span: s.Span


class Reporter:
    """Collects. `reached`: whether what is looked at comes to pass, so that a value that cannot be is an error.

    types: by identity of expressions. used: names of items that are used, by kind. calls: what each gadget calls, and where first.
    executed_in, inputs_in: gadgets that need an instruction around them, and those that take inputs, with the first place.
    """

    def __init__(self, declared: Declarations, known: Surroundings) -> None:
        self.declared = declared
        self.known = known
        self.diagnostics: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self.types: dict[int, Type] = {}
        self.used: dict[str, set[str]] = {"constant": set(), "type": set(), "call": set()}
        self.calls: dict[str, dict[str, s.Span]] = {}
        self.outer_calls: list[OuterCall] = []
        self.executed_in: dict[str, s.Span] = {}
        self.inputs_in: dict[str, s.Input] = {}
        self.reached = True
        self._lengths: dict[int, int | None] = {}

    # findings

    def error(self, code: str, message: str, span: s.Span, help_: str | None = None, labels: Labels = ()) -> None:
        """One mistake more."""
        self.diagnostics.append(Diagnostic(code, message, span, help=help_, labels=labels))

    def wrong_value(self, code: str, message: str, span: s.Span, help_: str | None = None) -> None:
        """A mistake if this comes to pass."""
        if self.reached:
            self.error(code, message, span, help_)

    def warn(self, code: str, message: str, span: s.Span, help_: str | None = None) -> None:
        """Something that does no harm, but that nobody wants."""
        self.warnings.append(Diagnostic(code, message, span, help=help_))

    @contextmanager
    def perhaps(self, certain: bool) -> Generator[None]:
        """What stands in a loop or an arm: it comes to pass only if that does."""
        before = self.reached
        self.reached = before and certain
        try:
            yield
        finally:
            self.reached = before

    # declared names

    def mark(self, kind: str, name: str, inside: str | None = None) -> None:
        """Something declared is used, from elsewhere than from inside of itself."""
        if name != inside:
            self.used[kind].add(name)

    def called(self, gadget: s.Gadget, span: s.Span, scope: Scope) -> None:
        """A gadget is inlined."""
        if scope.gadget is not None:
            self.calls.setdefault(scope.gadget, {}).setdefault(gadget.name, span)
        elif scope.place != "frame":  # what a frame inlines depends on its bodies
            self.outer_calls.append(OuterCall(scope.place, gadget.name, span))

    def not_executed(self, span: s.Span, labels: Labels = ()) -> None:
        """E0212 for what needs an instruction."""
        message = "rows of this table are not executed: only instructions and environment calls do this"
        self.error("E0212", message, span, labels=labels)

    def not_given(self, stmt: s.Input, labels: Labels = ()) -> None:
        """E0204 for an input of an instruction that the runtime does not give."""
        column = self.first_column(stmt)
        if column not in self.known.row_inputs:
            message = f"a row of an instruction is given {' and '.join(self.known.row_inputs)}, no `{column}`"
            self.error("E0204", message, stmt.span, labels=labels)

    def first_column(self, stmt: s.Input) -> str:
        """The name of the first column of an input."""
        fields = self.declared.structs[stmt.type.name].fields if stmt.type.name in self.declared.structs else ()
        return stmt.name + ("[0]" if stmt.type.length is not None else "") + (f".{fields[0].name}" if fields else "")

    def constant_of(self, expr: s.Expr) -> ConstValue | None:
        """The value of a constant expression; None after an error."""
        self.mark_constants(expr)
        if self.without_value(expr):
            return None
        try:
            return evaluate(expr, self.declared.constants.get, self.declared.constants)
        except ConstantError as error:
            self.diagnostics.append(error.diagnostic)
            return None

    def mark_constants(self, expr: object) -> None:
        """The constants named in a piece of syntax are used."""
        self.used["constant"].update(node.name for node in s.walk(expr) if isinstance(node, s.Name))

    def without_value(self, expr: s.Expr) -> bool:
        """Whether a constant in it has no value, because of an error that is known."""
        names = {node.name for node in s.walk(expr) if isinstance(node, s.Name)}
        return bool(names & (self.declared.constant_items.keys() - self.declared.constants.keys()))

    # types

    def length(self, ref: s.TypeRef) -> int | None:
        """The length of an array type, None if it is unknown after an error. Only for those that are arrays."""
        if id(ref) not in self._lengths:
            assert ref.length is not None
            value = self.constant_of(ref.length)
            fits = isinstance(value, int) and 0 < value <= MAX_ITEMS
            if value is not None and not fits:
                self.error("E0205", f"an array length is a constant from 1 to {MAX_ITEMS}", ref.span)
            self._lengths[id(ref)] = value if isinstance(value, int) and fits else None
        return self._lengths[id(ref)]

    def type_of_ref(self, ref: s.TypeRef, kind: Kind = "any", inside: str | None = None) -> Type:
        """The type that a declaration names. `inside`: the struct that it is part of."""
        one = self.type_of_name(ref.name, kind, inside)
        return one if ref.length is None else Array(one, self.length(ref))

    def type_of_name(self, name: str, kind: Kind = "any", inside: str | None = None) -> Type:
        """The type of that name."""
        self.mark("type", name, inside)
        if name in self.declared.structs:
            return Struct(name, kind)
        if name in ("felt", "bit") or name in self.declared.type_items:
            return ANY if kind == "any" else Felt(kind)
        return UNKNOWN

    def fits(self, param: s.Param, given: Type, span: s.Span) -> None:
        """E0205 unless a value is what a parameter takes. Ranges are not compared: they are checked where a value is made."""
        wanted = self.type_of_ref(param.type)
        if not _is(wanted, given):
            count = None if param.type.length is None else self.length(param.type)
            shown = f"{param.type.name}{f'[{count}]' if count else ''}"
            name = name_of(given) + (f" of {given.length}" if isinstance(given, Array) and given.length is not None else "")
            self.error("E0205", f"`{param.name}` is a {shown}; given {'an' if name[0] in 'aeiou' else 'a'} {name}", span)

    def scalar(self, given: Type, span: s.Span) -> Felt:
        """The value as a field element (E0205)."""
        if isinstance(given, Felt):
            return given
        if given != UNKNOWN:
            self.error("E0205", f"a field element is needed here, this is a {name_of(given)}", span)
        return ANY

    def polynomial(self, given: Type, span: s.Span) -> Felt:
        """The value as a polynomial: a field element (E0205) that not only the witness knows (E0501), no number too large (E0304)."""
        felt = self.scalar(given, span)
        if felt.kind == "witness":
            self.error("E0501", "this value is only known to the witness: bring it in with `hint`", span)
        self.field_constant(felt, span)
        return felt

    def field_constant(self, felt: Felt, span: s.Span) -> None:
        """A constant in a polynomial stands for itself only if it is less than p away from 0."""
        if felt.kind != "constant" or felt.low is None or felt.high is None or not felt.tight:
            return
        p = self.known.field
        for number in (felt.low, felt.high):
            if not -p < number < p:
                shown = number if abs(number) < 2**64 else f"this constant of {number.bit_length()} bits"
                message = f"{shown} is no element of the field: its elements are 0 to {p - 1}, and -{p - 1} to -1 the same once more"
                self.wrong_value("E0304", message, span, "reduce it by hand if you mean it modulo p")
                return

    def one_integer(self, ref: s.TypeRef, span: s.Span) -> None:
        """E0205 for a type that one integer does not fill: an array, or a struct of others."""
        structs = self.declared.structs
        parts = structs[ref.name].fields if ref.name in structs else ()
        if ref.length is not None or any(p.type.length is not None or p.type.name in structs for p in parts):
            self.error("E0205", f"one integer is no {ref.name}{'[…]' if ref.length is not None else ''}: name the parts one by one", span)


def _is(wanted: Type, given: Type) -> bool:
    match wanted, given:
        case Felt(), Felt():
            return True
        case Struct(name=a), Struct(name=b):
            return a == b
        case Array(item=a, length=n), Array(item=b, length=m):
            return _is(a, b) and (n is None or m is None or n == m)
        case _:
            return UNKNOWN in (wanted, given)
