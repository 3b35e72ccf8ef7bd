"""Checks that operations are what their declarations say, and stand where they may.

A module that comes from a text or from a pass need not be well formed; what comes after the verifier may rely on it. Everything that is
wrong is reported (E0702), each with the operation and its location.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import zkc.compiler.dialects.all  # noqa: F401  # pyright: ignore[reportUnusedImport]  # declarations of all operations
from zkc.compiler.dialects.integer import MAX_BITS
from zkc.compiler.errors import located
from zkc.compiler.ir.attributes import kind_of
from zkc.compiler.ir.operation import ANY, INT, MANY, OpDef, Operation, Region, Type, Value
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.ir.references import References
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.ir.stages import STAGE_OF_DIALECT, STAGES, is_legal
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError, did_you_mean
from zkc.runtime.field.koalabear import P

CODE: Final = "E0702"


def verify(module: Iterable[Operation], stage: str | None = None, *, closed: bool = False) -> list[Diagnostic]:
    """What is wrong with a module.

    stage: only operations of this stage are legal; None holds each symbol to the stage that its dialect names. closed: what is named has
    to be declared in the module, even if nothing of its kind is.
    """
    assert stage is None or stage in STAGES, stage
    return _Verifier(list(module), stage, closed).run()


def check(module: Iterable[Operation], stage: str | None = None, *, closed: bool = False, sources: Mapping[str, str] | None = None) -> None:
    """Raises DiagnosticError with what `verify` finds. sources: texts of the files that locations name."""
    found = verify(module, stage, closed=closed)
    if found:
        raise DiagnosticError(found, dict(sources or {}))


class _Verifier:
    def __init__(self, operations: list[Operation], stage: str | None, closed: bool) -> None:
        self.operations = operations
        self.stage = stage
        self.found: list[Diagnostic] = []
        self.visible: set[Value] = set()
        self.symbol: Operation | None = None
        self.references = References(operations, closed)
        self.wrong: set[Operation] = set()
        """Operations with something wrong in them, or inside of them."""
        self._legal: dict[tuple[str, str], bool] = {}

    def run(self) -> list[Diagnostic]:
        taken: set[tuple[str, str]] = set()
        for op in self.operations:
            self.symbol = op
            before = len(self.found)
            if not op.definition.symbol:
                self._report(op, "declares no symbol, so it does not stand in a module")
            self._operation(op)
            if len(self.found) == before:
                self._unique(op, taken)
            self._rules(op)
        if not self.found:
            self._references()
        return self.found

    def _rules(self, symbol: Operation) -> None:
        """Rules of operations, which look at what makes their operands, and at those inside: all that is what its declaration says."""
        for op in _all(symbol):
            rule = op.definition.verify
            if rule is None or op in self.wrong or any(v.op in self.wrong for v in op.operands):
                continue
            if (wrong := rule(op)) is not None:
                self._report(op, wrong)
                self.wrong.update((op, symbol))
        if symbol in self.wrong:
            return
        self._bits(symbol)
        if symbol.definition.inside is not None:
            for inner, wrong in symbol.definition.inside(symbol):
                self._report(inner, wrong)

    def _bits(self, symbol: Operation) -> None:
        """Integers have few bits: what is computed of them does not grow without end. Reports the first that has more."""
        ranges = Ranges()
        for region in (r for op in _all(symbol) for r in op.regions):
            for value in region.arguments:
                ranges.learn(value, 0, P - 1)
        for op in _all(symbol):
            for value in op.results:
                if value.type is INT and op.definition.range is not None:
                    bits = max(x.bit_length() for x in ranges.of(value))
                    if bits > MAX_BITS:
                        self._report(op, f"this integer may have {bits} bits; the most is {MAX_BITS}")
                        self.wrong.add(symbol)
                        return

    def _references(self) -> None:
        """Rules of what is named, which look at other symbols."""
        for symbol in self.operations:
            self.symbol = symbol
            for op in _all(symbol):
                for message, help_ in self.references.of_operation(op):
                    self._report(op, message, help_)

    def _unique(self, op: Operation, taken: set[tuple[str, str]]) -> None:
        key = (op.name, op.text("sym_name"))
        if key in taken:
            self._report(op, f"@{key[1]} is declared twice")
        taken.add(key)

    def _report(self, op: Operation, message: str, help_: str | None = None) -> None:
        span, labels = located(CODE, op.loc)
        self.found.append(Diagnostic(CODE, f"`{op.name}`: {message}", span, self._where(op), help_, labels))

    def _where(self, op: Operation) -> tuple[str, ...]:
        """In which symbol the operation stands."""
        if self.symbol is None or op is self.symbol:
            return ()
        name = self.symbol.attributes.get("sym_name")
        return (f"in `{self.symbol.name}`{f' @{name}' if isinstance(name, str) else ''}",)

    # operations

    def _operation(self, op: Operation) -> None:
        before = len(self.found)
        self._itself(op, op.definition)
        for region in op.regions:
            self._region(region, op)
        if len(self.found) > before:
            self.wrong.add(op)

    def _itself(self, op: Operation, definition: OpDef) -> None:
        if DEFINITIONS.get(definition.name) is not definition:
            self._report(op, "there is no such operation", did_you_mean(op.name, DEFINITIONS))
            return
        stage = self._stage()
        if not self._is_legal(op.name, stage):
            self._report(op, f"has no place in the stage `{stage}`")
        for i, value in enumerate(op.operands):
            if value not in self.visible:
                self._report(op, f"operand {i} is not defined before it, or not visible here")
        self._signature(op, definition)
        if op.attributes or definition.attributes:
            self._attributes(op, definition)
        self._shape(op, definition)

    def _stage(self) -> str | None:
        """The stage that the symbol at hand is in, None if it is in all."""
        if self.stage is not None or self.symbol is None:
            return self.stage
        return STAGE_OF_DIALECT.get(self.symbol.name.partition(".")[0])

    def _is_legal(self, name: str, stage: str | None) -> bool:
        if stage is None:
            return True
        known = self._legal.get((name, stage))
        if known is None:
            known = self._legal[name, stage] = is_legal(name, stage)
        return known

    def _signature(self, op: Operation, definition: OpDef) -> None:
        operands, results = [v.type for v in op.operands], [v.type for v in op.results]
        if not _matches(operands, definition.operands, definition.variadic):
            self._report(op, f"takes {_types(definition.operands, definition.variadic)}, not {_types(operands)}")
        if not _matches(results, definition.results, definition.results_variadic):
            self._report(op, f"gives {_types(definition.results, definition.results_variadic)}, not {_types(results)}")

    # attributes

    def _attributes(self, op: Operation, definition: OpDef) -> None:
        for name in definition.attributes:
            if name not in op.attributes:
                self._report(op, f"has no attribute `{name}`")
        for name, value in op.attributes.items():
            if name not in definition.attributes and name not in definition.optional:
                known = (*definition.attributes, *definition.optional)
                self._report(op, f"takes no attribute `{name}`", did_you_mean(name, known))
                continue
            kind = kind_of(op.name, name)
            if not kind.holds(value):
                self._report(op, f"`{name}` is {kind.name}")
            else:
                for message, help_ in self.references.of_attribute(op, name, value):
                    self._report(op, message, help_)

    # regions

    def _shape(self, op: Operation, definition: OpDef) -> None:
        if definition.symbol and op is not self.symbol:
            self._report(op, "declares a symbol, so it stands in a module")
        wanted = definition.regions
        if not wanted and op.regions:
            self._report(op, "has no region")
        elif wanted and not op.regions:
            self._report(op, "needs a region")
        elif wanted not in (MANY, len(op.regions)):
            self._report(op, f"has {'one region' if wanted == 1 else f'{wanted} regions'}, not {len(op.regions)}")
        for region in op.regions:
            self._arguments(op, region, definition.arguments)

    def _arguments(self, op: Operation, region: Region, wanted: Type | None) -> None:
        if wanted is None and region.arguments:
            self._report(op, "its regions have no arguments")
        elif wanted is not None and not all(_fits(v.type, wanted) for v in region.arguments):
            self._report(op, f"arguments of its region are of the type {wanted.name}")

    def _place(self, op: Operation, around: Operation) -> None:
        within = op.definition.within
        if within and around.name not in within and self._is_legal(op.name, self._stage()):
            self._report(op, f"stands in {' or '.join(f'`{name}`' for name in within)}, not in `{around.name}`")

    def _region(self, region: Region, around: Operation) -> None:
        outside, isolated = self.visible, around.definition.symbol
        if isolated:
            self.visible = set()
        visible = self.visible
        visible.update(region.arguments)
        for op in region.operations:
            self._operation(op)
            self._place(op, around)
            visible.update(op.results)
            if op.definition.terminator and op is not region.operations[-1]:
                self._report(op, "ends a region, and something follows it")
        if isolated:
            self.visible = outside
            return
        visible.difference_update(region.arguments)
        for op in region.operations:
            visible.difference_update(op.results)


def _all(symbol: Operation) -> Iterator[Operation]:
    """An operation, and those inside of it."""
    yield symbol
    for region in symbol.regions:
        yield from region.walk()


def _matches(given: list[Type], declared: tuple[Type, ...], variadic: bool) -> bool:
    if variadic:
        declared = (*declared[:-1], *declared[-1:] * (len(given) - len(declared) + 1))
    return len(given) == len(declared) and all(map(_fits, given, declared))


def _fits(given: Type, declared: Type) -> bool:
    return given is declared or declared is ANY


def _types(types: Sequence[Type], variadic: bool = False) -> str:
    """Types in words: `(felt, int, …)`."""
    return f"({', '.join([t.name for t in types])}{', …' if variadic else ''})"
