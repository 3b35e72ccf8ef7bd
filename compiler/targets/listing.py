"""Listings of executors, as they are written; runtime/execution/listing.py says what the lines mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zkc.compiler.passes.packing import Place
from zkc.runtime.circuit.fill_program import Op


@dataclass
class Listing:
    """Lines, and how many values they name: v0, v1, … Constants are their numbers."""

    lines: list[str] = field(default_factory=lambda: list[str]())
    indent: str = "  "
    values: int = 0

    def line(self, text: str) -> None:
        """A line that makes no value."""
        self.lines.append(self.indent + text)

    def value(self, text: str) -> str:
        """A line that makes a value; its name."""
        name = self.name()
        self.line(f"{name} = {text}")
        return name

    def name(self) -> str:
        """A name that no value has yet."""
        self.values += 1
        return f"v{self.values - 1}"

    def constant(self, number: int) -> str:
        """See `integers.Code`."""
        return str(number)

    def add(self, op: Op, *operands: str) -> str:
        """See `integers.Code`."""
        return self.value(" ".join((op.name.lower(), *operands)))

    def call(self, function: int, operands: Sequence[str], results: int) -> list[str]:
        """See `integers.Code`. Arguments and results stand in the array `scratch`."""
        for i, operand in enumerate(operands):
            self.line(f"put scratch {i} {operand}")
        self.line(f"call field_function {function} functions nodes outputs scratch")
        return [self.get("scratch", i) for i in range(results)]

    def field(self, place: Place) -> str:
        """A field of the instruction at `word`."""
        return self.value(f"{'signed_field' if place.signed else 'field'} decoded word {place.low} {place.bits}")

    def get(self, array: str, index: str | int) -> str:
        """An element of an array."""
        return self.value(f"get {array} {index}")
