"""What the symbols of a module declare, by kind and name, for the elaboration of bodies; and where that reports what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from zkc.compiler.dialects import circ
from zkc.compiler.dialects.circ import Shape, shape_of
from zkc.compiler.elaboration.values import ArrayValue, Number, Value
from zkc.compiler.elements import limbs_of
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Attribute, OpDef, Operation
from zkc.dsl import constants
from zkc.dsl.constants import ConstantError
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.spans import Span

BIT = Interval(0, 1)


@dataclass(frozen=True)
class Param:
    """A field, parameter or output: its name and its declared type."""

    name: str
    type: Shape


def params_of(op: Operation, names: str, types: str) -> tuple[Param, ...]:
    """What two attributes of an operation declare; nothing if it does not have them."""
    return tuple(Param(name, shape_of(type_)) for name, type_ in zip(op.names(names), op.names(types), strict=False))


def value_of_constant(value: Attribute) -> Value:
    """A constant, or an array of constants, as a value."""
    if isinstance(value, tuple):
        return ArrayValue(tuple(value_of_constant(v) for v in value))
    assert isinstance(value, int)
    return Number(value)


class Declared:
    """Symbols of a module. diagnostics: what was reported so far. sources: texts of the files that locations name."""

    def __init__(self, operations: Iterable[Operation], diagnostics: list[Diagnostic], sources: Mapping[str, str]) -> None:
        self.diagnostics = diagnostics
        self.sources = dict(sources)
        self._kinds: dict[OpDef, dict[str, Operation]] = {}
        for op in operations:
            self._kinds.setdefault(op.definition, {})[op.text("sym_name")] = op
        self._constants: dict[str, Value] = {}
        self._limbs: dict[str, list[tuple[int, int]]] = {}

    def of(self, kind: OpDef) -> Mapping[str, Operation]:
        """All symbols of a kind, by name."""
        return self._kinds.get(kind, {})

    @cached_property
    def types(self) -> Mapping[str, Interval]:
        """The bounds of declared scalar types."""
        return {name: Interval(op.number("low"), op.number("high")) for name, op in self.of(circ.TYPE).items()}

    @cached_property
    def structs(self) -> Mapping[str, tuple[Param, ...]]:
        """The fields of structs."""
        return {name: params_of(op, "fields", "types") for name, op in self.of(circ.STRUCT).items()}

    @cached_property
    def buses(self) -> Mapping[str, tuple[Param, ...]]:
        """What messages of buses and rows of fixed tables carry."""
        buses = {name: params_of(op, "params", "types") for name, op in self.of(circ.BUS).items()}
        return {**{name: params_of(op, "fields", "types") for name, op in self.of(circ.FIXED).items()}, **buses}

    def impl(self, left: str, operator: str, right: str) -> str | None:
        """The gadget that an operator stands for."""
        found = self.of(circ.IMPL).get(f"{left} {operator} {right}")
        return None if found is None else found.text("gadget")

    def constant(self, name: str) -> Value | None:
        """A declared constant. It is made once: arrays of constants are long, and named in loops."""
        if name not in self._constants:
            op = self.of(circ.CONST).get(name)
            if op is None:
                return None
            self._constants[name] = value_of_constant(op.attributes["value"])
        return self._constants[name]

    def interval(self, type_: str) -> Interval | None:
        """The bounds of a scalar type, None for felt."""
        return BIT if type_ == "bit" else self.types.get(type_)

    def limbs(self, struct: str) -> list[tuple[int, int]]:
        """Bits of each field of a struct, and how many bits of those before it lie below."""
        if struct not in self._limbs:
            self._limbs[struct] = limbs_of(self.interval(part.type[0]) for part in self.structs.get(struct, ()))
        return self._limbs[struct]

    # what is wrong

    def error(self, code: str, message: str, span: Span | None, **more: object) -> None:
        """Reports, and goes on."""
        self.diagnostics.append(Diagnostic(code, message, span, **more))  # type: ignore[arg-type]

    def fail(self, code: str, message: str, span: Span | None, **more: object) -> NoReturn:
        """Raises the diagnostics so far and this one."""
        self.error(code, message, span, **more)
        raise DiagnosticError(self.diagnostics, self.sources)

    def integer_operation(self, operator: str, a: int, b: int, span: Span | None) -> int:
        """`a op b` over the integers, of at most MAX_NUMBER_BITS bits. Raises the diagnostics so far and what is wrong with it."""
        try:
            return constants.integer_operation(operator, a, b, span)  # type: ignore[arg-type]  # what is read from a text may be anywhere
        except ConstantError as error:
            self.diagnostics.append(error.diagnostic)
            raise DiagnosticError(self.diagnostics, self.sources) from None
