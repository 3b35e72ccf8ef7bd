"""What passes ask about a program: types, buses and fixed tables, and where they report what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zkc.compiler.errors import located
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import Operation, Value
from zkc.dsl.diagnostics import Diagnostic


@dataclass(frozen=True)
class BusFacts:
    """A bus. fields: for each element that a message carries, its field and the bits of that below it. remembers: the field that the
    latest message is remembered by, None if it is not. known: the field that a message is true of. clock: of the bus over which steps
    follow each other. number: of an instruction, on the bus that says what instructions are."""

    fields: tuple[tuple[str, int], ...]
    remembers: str | None = None
    known: str | None = None
    clock: str | None = None
    number: str | None = None


@dataclass(frozen=True)
class Facts:
    """What is declared. types: bounds of scalar types. ops: numbers of instructions. fixed: fields of fixed tables. indices: which row
    arguments are (`row.index`)."""

    types: Mapping[str, Interval]
    buses: Mapping[str, BusFacts]
    fixed: Mapping[str, tuple[str, ...]]
    ops: Mapping[str, int] = field(default_factory=lambda: dict[str, int]())
    indices: Mapping[str, Operation] = field(default_factory=lambda: dict[str, Operation]())
    diagnostics: list[Diagnostic] = field(default_factory=lambda: list[Diagnostic]())

    def steps(self) -> str | None:
        """The bus over which steps follow each other."""
        return next((name for name, bus in self.buses.items() if bus.clock is not None), None)

    def instructions(self) -> str | None:
        """The bus that says what instructions are."""
        return next((name for name, bus in self.buses.items() if bus.number is not None), None)

    def number(self, table: Operation, arm: str) -> int:
        """The number by which executors know the instruction of an arm of a table (`row.table`), 0 if it is none."""
        if arm not in self.ops:
            return 0
        return self.ops[arm] + (table.number("variant") if "variant" in table.attributes else 0)

    def field(self, op: Operation, name: str) -> Value:
        """A field of a message: its operands begin with how often."""
        return op.operands[1 + [of for of, _ in self.buses[op.text("bus")].fields].index(name)]

    def report(self, code: str, message: str, loc: Location, **more: object) -> None:
        """An error at a location, with the calls that lead there."""
        place, labels = located(code, loc)
        more.setdefault("labels", labels)
        self.diagnostics.append(Diagnostic(code, message, place, **more))  # type: ignore[arg-type]
