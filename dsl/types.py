"""Types of values. A type says what a value is made of, and what is known of it before gadgets are inlined and loops unrolled.

A scalar is a field element and an integer at once. What can be done with it depends on where it comes from (`Kind`): an index is a
constant, an operator of an equation takes polynomials, what only the witness knows is in no equation. A parameter may be any of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zkc.dsl.constants import ConstValue

Kind = Literal["constant", "polynomial", "witness", "any"]
"""`constant`: known to the compiler. `polynomial`: over columns. `witness`: no polynomial. `any`: depends on the arguments of a call."""


@dataclass(frozen=True)
class Felt:
    """A field element or an integer. A constant lies in low..high (both included, None if not known), and takes these two values in some
    round of the loops if `tight`; `loops` are the loop variables in it, by number."""

    kind: Kind = "any"
    low: int | None = None
    high: int | None = None
    tight: bool = True
    loops: frozenset[int] = frozenset()

    @property
    def value(self) -> int | None:
        """The value of a constant that is the same in all rounds."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True)
class Struct:
    """A value of a declared struct; `kind` is that of its scalars."""

    name: str
    kind: Kind = "any"


@dataclass(frozen=True)
class Array:
    """Values of one type; `length` is None where it depends on a call or a round of a loop."""

    item: Type
    length: int | None


@dataclass(frozen=True)
class Record:
    """Named values that are no type of the language: an entry of a bus, the fields of an instruction."""

    fields: tuple[tuple[str, Type], ...]

    def field(self, name: str) -> Type | None:
        """The type of a field, None if there is none."""
        return dict(self.fields).get(name)


@dataclass(frozen=True)
class Unknown:
    """After an error: everything can be done with it, so that one mistake is reported once."""


Type = Felt | Struct | Array | Record | Unknown
UNKNOWN = Unknown()
ANY = Felt()
POLYNOMIAL = Felt("polynomial")
WITNESS = Felt("witness")


def constant(value: int) -> Felt:
    """The type of a number."""
    return Felt("constant", value, value)


def of_constant(value: ConstValue) -> Type:
    """The type of a declared constant."""
    if isinstance(value, int):
        return constant(value)
    item: Type = UNKNOWN
    for i, part in enumerate(value):
        item = of_constant(part) if i == 0 else join(item, of_constant(part))
    return Array(item, len(value))


def name_of(type_: Type) -> str:
    """What a value is called in messages."""
    match type_:
        case Struct(name=name):
            return name
        case Array():
            return "array"
        case Record():
            return "record"
        case _:
            return "felt"


def join(a: Type, b: Type) -> Type:
    """What is known of a value that is one or the other."""
    match a, b:
        case Felt(), Felt():
            if a == b:
                return a
            if a.kind == b.kind == "constant":
                return Felt("constant", _least(a.low, b.low), _greatest(a.high, b.high), False, a.loops | b.loops)
            return Felt(a.kind if a.kind == b.kind else "any")
        case Struct(), Struct() if a.name == b.name:
            return a if a.kind == b.kind else Struct(a.name)
        case Array(), Array():
            return Array(join(a.item, b.item), a.length if a.length == b.length else None)
        case _:
            return a if a == b else UNKNOWN


def _least(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else min(a, b)


def _greatest(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


def widened(type_: Type) -> Type:
    """What is known of a value that a loop replaces by others of its type."""
    match type_:
        case Felt():
            return ANY
        case Struct(name=name):
            return Struct(name)
        case Array(item=item):
            return Array(widened(item), None)
        case _:
            return UNKNOWN


def arithmetic(op: str, a: Felt, b: Felt) -> Felt:
    """The type of `a op b`, for operands that the operator takes. Constants of one value are the caller's."""
    if a.kind == b.kind == "constant":
        return _of_constants(op, a, b)
    if "witness" in (a.kind, b.kind):
        return WITNESS
    if op == "*" and 0 in (a.value, b.value):
        return constant(0)
    return ANY if "any" in (a.kind, b.kind) else POLYNOMIAL


def _of_constants(op: str, a: Felt, b: Felt) -> Felt:
    tight = a.tight and b.tight and not a.loops & b.loops
    loops = a.loops | b.loops
    nothing = Felt("constant", None, None, False, loops)
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return nothing
    match op:
        case "+":
            return Felt("constant", a.low + b.low, a.high + b.high, tight, loops)
        case "-":
            return Felt("constant", a.low - b.high, a.high - b.low, tight, loops)
        case "*":
            ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
            return Felt("constant", min(ends), max(ends), tight, loops)
        case "/" if b.value is not None and b.value > 0:
            return Felt("constant", a.low // b.value, a.high // b.value, tight, loops)
        case "%" if b.value is not None and b.value > 0:
            inside = a.low >= 0 and a.high < b.value
            return Felt("constant", a.low, a.high, tight, loops) if inside else Felt("constant", 0, b.value - 1, False, loops)
        case "==" | "!=" | "<u" | ">=u" | "and" | "or":
            return _decided(op, a, b) or Felt("constant", 0, 1, False, loops)
        case _:
            return nothing


def _decided(op: str, a: Felt, b: Felt) -> Felt | None:
    """A comparison that comes out the same in all rounds."""
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    apart = a.high < b.low or b.high < a.low
    if op in ("==", "!=") and apart:
        return constant(int(op == "!="))
    if op in ("<u", ">=u") and (a.high < b.low or a.low >= b.high):
        return constant(int((a.high < b.low) is (op == "<u")))
    return None
