"""The text of operations: MLIR's generic syntax (MLIR Language Reference, "Generic operation"), a location behind every operation.

    %2 = "felt.add"(%0, %1) : (!zkc.felt, !zkc.felt) -> !zkc.felt loc("add.circ":3:9)

Values are numbered anew in each operation that is printed, arguments of regions apart from results, so an edit of one table changes the
text of that table alone. Where a module declares symbols of several kinds, each run of one kind stands in a nested module without a name:
MLIR has one table of symbols in a module, and a table and a fixed table may share a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from zkc.compiler.ir.locations import Location, quoted
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Attribute, Operation, Region, Symbol, Type, Value

INDENT = "  "
NARROWEST = 64
"""Bits of the type of integers; larger ones have a multiple."""


def print_module(module: Module, *, locations: bool = True) -> str:
    """The module as text, with a line end."""
    where = " loc(unknown)" if locations else ""
    kinds = [list(run) for _, run in groupby(module, key=lambda op: op.name)]
    lines = ['"builtin.module"() ({']
    for run in kinds:
        if len(kinds) == 1:
            lines += _symbols(run, INDENT, locations)
        else:
            lines += [f'{INDENT}"builtin.module"() ({{', *_symbols(run, INDENT * 2, locations), f"{INDENT}}}) : () -> (){where}"]
    lines.append(f"}}) : () -> (){where}\n")
    return "\n".join(lines)


def _symbols(operations: Iterable[Operation], indent: str, locations: bool) -> Iterator[str]:
    for op in operations:
        printer = Printer(locations=locations)
        printer.operation(op, indent)
        yield from printer.lines


def print_operation(op: Operation, *, locations: bool = True) -> str:
    """The operation as text, with a line end. Values from outside of it are `%in0`, `%in1`, … in the order of their first use."""
    printer = Printer(locations=locations)
    printer.operation(op, "")
    return "\n".join([*printer.lines, ""])


class Printer:
    """Collects lines. Names are given in the order of the text, and stay: what was printed before may be named later."""

    def __init__(self, *, locations: bool = True) -> None:
        self.lines: list[str] = []
        self._locations = locations
        self._names: dict[Value, str] = {}
        self._results = 0
        self._arguments = 0
        self._outside = 0
        self._texts: dict[int, str] = {}

    def operation(self, op: Operation, indent: str) -> None:
        """The operation with its regions."""
        names = self._names
        operands = ", ".join([names.get(v) or self._foreign(v) for v in op.operands])
        head = f'{indent}{self._definition(op)}"{op.name}"({operands})'
        if op.regions:
            self.lines.append(f"{head} ({{")
            self._regions(op.regions, indent)
            head = f"{indent}}})"
        attributes = f" {attributes_text(op)}" if op.attributes else ""
        self.lines.append(f"{head}{attributes} : {_signature(op)}{self._location(op.loc)}")

    def _definition(self, op: Operation) -> str:
        """The names of the results, with ` = `."""
        if not op.results:
            return ""
        name = f"%{self._results}"
        self._results += 1
        if len(op.results) == 1:
            self._names[op.results[0]] = name
            return f"{name} = "
        for i, value in enumerate(op.results):
            self._names[value] = f"{name}#{i}"
        return f"{name}:{len(op.results)} = "

    def _regions(self, regions: Sequence[Region], indent: str) -> None:
        for i, region in enumerate(regions):
            if i:
                self.lines.append(f"{indent}}}, {{")
            self.region(region, indent)

    def region(self, region: Region, indent: str) -> None:
        """What stands between the braces."""
        if region.arguments:
            for value in region.arguments:
                self._names[value] = f"%arg{self._arguments}"
                self._arguments += 1
            arguments = ", ".join(f"{self._names[v]}: {type_text(v.type)}" for v in region.arguments)
            self.lines.append(f"{indent}^bb0({arguments}):")
        for op in region.operations:
            self.operation(op, indent + INDENT)

    def _foreign(self, value: Value) -> str:
        name = self._names[value] = f"%in{self._outside}"
        self._outside += 1
        return name

    def _location(self, loc: Location) -> str:
        if not self._locations:
            return ""
        found = self._texts.get(id(loc))  # the operations keep their locations, so none has the id of another
        if found is None:
            found = self._texts[id(loc)] = f" loc({loc})"
        return found


def attributes_text(op: Operation) -> str:
    """The attributes in braces."""
    return "{" + ", ".join([f"{name} = {attribute_text(value)}" for name, value in op.attributes.items()]) + "}"


def attribute_text(value: Attribute) -> str:
    """An attribute as MLIR writes it: an integer has a type that holds it as a signed one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value} : i{integer_bits(value)}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Symbol):
        return f"@{value.name}" if _is_bare(value.name) else f"@{quoted(value.name)}"
    return f"[{', '.join(map(attribute_text, value))}]"


def integer_bits(value: int) -> int:
    """Bits of the type that an integer is printed with."""
    needed = (value if value >= 0 else ~value).bit_length() + 1
    return max(1, -(-needed // NARROWEST)) * NARROWEST


def _is_bare(name: str) -> bool:
    """Whether a symbol needs no quotes."""
    return name.isascii() and (name[:1].isalpha() or name[:1] == "_") and all(c.isalnum() or c in "_$." for c in name)


def type_text(type_: Type) -> str:
    """A type of ours."""
    return f"!zkc.{type_.name}"


def _signature(op: Operation) -> str:
    operands = ", ".join([type_text(v.type) for v in op.operands])
    if len(op.results) == 1:
        return f"({operands}) -> {type_text(op.results[0].type)}"
    return f"({operands}) -> ({', '.join([type_text(v.type) for v in op.results])})"
