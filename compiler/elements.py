"""The elements of the field that values of a type are made of, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zkc.compiler.intervals import Interval
from zkc.compiler.program import Program, evaluate_constant
from zkc.dsl import syntax as s

LIMB_BITS = 16
"""Bits of a field of a struct whose type has no bounds."""


@dataclass(frozen=True)
class Element:
    """One element: its own name (`value.lo`, `digest[3]`), the parameter it belongs to, and the bits of that below it, where one integer
    stands for the whole."""

    name: str
    of: str
    low: int


def limbs(program: Program, struct: str) -> list[tuple[int, int]]:
    """Bits of each field of a struct, and how many bits of those before it lie below."""
    return limbs_of(program.interval(part.type.name) for part in program.structs[struct].fields)


def limbs_of(intervals: Iterable[Interval | None]) -> list[tuple[int, int]]:
    """As `limbs`, of the bounds of the fields."""
    found: list[tuple[int, int]] = []
    low = 0
    for interval in intervals:
        bits = LIMB_BITS if interval is None else interval.high.bit_length()
        found.append((bits, low))
        low += bits
    return found


def elements(program: Program, params: Sequence[s.Param]) -> list[Element]:
    """The elements of parameters."""
    return [e for p in params for e in _elements(program, p.name, p.name, p.type, 0)]


def _elements(program: Program, name: str, of: str, ref: s.TypeRef, low: int) -> list[Element]:
    if ref.length is not None:
        count = evaluate_constant(ref.length, program.constants.get, program)
        assert isinstance(count, int)
        one = s.TypeRef(ref.span, ref.name)
        return [e for i in range(count) for e in _elements(program, f"{name}[{i}]", f"{of}[{i}]", one, 0)]
    if ref.name in program.structs:
        parts = zip(program.structs[ref.name].fields, limbs(program, ref.name), strict=True)
        return [e for part, (_, below) in parts for e in _elements(program, f"{name}.{part.name}", of, part.type, low + below)]
    return [Element(name, of, low)]
