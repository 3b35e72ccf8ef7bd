"""Values of the elaborator: a scalar is a polynomial and an integer expression for the same thing; structs and arrays are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zkc.compiler import witness as w
from zkc.compiler.witness import W


@dataclass(frozen=True)
class Scalar:
    """`poly` is a node of the table (None: only a witness value); `wit` the integer it stands for (None: a field element)."""

    poly: int | None
    wit: W | None


@dataclass(frozen=True)
class StructValue:
    """A value of a struct type; `whole` is the integer that a two-limb word stands for."""

    type: str
    fields: dict[str, Value]
    whole: W | None


@dataclass(frozen=True)
class ArrayValue:
    items: tuple[Value, ...]


@dataclass(frozen=True)
class RecordValue:
    """Named values that are not a type of the language: an entry of a bus, the fields of an instruction."""

    fields: dict[str, Value]


Value = Scalar | StructValue | ArrayValue | RecordValue


def flatten(value: Value) -> list[Scalar]:
    """The scalars of a value, in order."""
    if isinstance(value, Scalar):
        return [value]
    if isinstance(value, ArrayValue):
        return [s for item in value.items for s in flatten(item)]
    return [s for item in value.fields.values() for s in flatten(item)]


def bounded(node: W | None) -> W | None:
    """The node, or None if it may not fit the machine integers of the generated code."""
    if node is None or node.low < w.INT64_MIN or node.high > w.UINT64_MAX or (node.low < 0 and node.high > w.INT64_MAX):
        return None
    return node


def word_of_limbs(lo: W | None, hi: W | None) -> W | None:
    """lo + 2^16 hi."""
    if lo is None or hi is None:
        return None
    return bounded(w.add(lo, w.mul(hi, w.const(1 << 16))))


def type_name(value: Any) -> str:
    if isinstance(value, StructValue):
        return value.type
    if isinstance(value, Scalar):
        return "felt"
    return "record" if isinstance(value, RecordValue) else "array"
