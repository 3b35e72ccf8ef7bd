"""Values of expressions while a body is elaborated: numbers, single values of the representation, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zkc.compiler.ir import operation as ir


@dataclass(frozen=True)
class Number:
    """A constant. It becomes an operation where a polynomial or an integer is made of it."""

    value: int


@dataclass(frozen=True)
class Scalar:
    """An element of the field, or an integer that only the witness knows."""

    value: ir.Value


@dataclass(frozen=True)
class StructValue:
    """A value of a struct type."""

    type: str
    fields: dict[str, Value]


@dataclass(frozen=True)
class ArrayValue:
    items: tuple[Value, ...]


@dataclass(frozen=True)
class RecordValue:
    """Named values that are not a type of the language: an entry of a bus, the fields of an instruction."""

    fields: dict[str, Value]


Single = Number | Scalar
Value = Number | Scalar | StructValue | ArrayValue | RecordValue


def flatten(value: Value) -> list[Single]:
    """The single values of a value, in order."""
    if isinstance(value, Number | Scalar):
        return [value]
    if isinstance(value, ArrayValue):
        return [s for item in value.items for s in flatten(item)]
    return [s for item in value.fields.values() for s in flatten(item)]


def rebuilt(value: Value, items: Iterator[Value]) -> Value:
    """The value with others in the place of its single values, in order."""
    if isinstance(value, Number | Scalar):
        return next(items)
    if isinstance(value, ArrayValue):
        return ArrayValue(tuple(rebuilt(item, items) for item in value.items))
    fields = {name: rebuilt(part, items) for name, part in value.fields.items()}
    return StructValue(value.type, fields) if isinstance(value, StructValue) else RecordValue(fields)


def type_name(value: Value) -> str:
    """What messages call the type of a value."""
    if isinstance(value, StructValue):
        return value.type
    if isinstance(value, Number | Scalar):
        return "felt"
    return "record" if isinstance(value, RecordValue) else "array"
