"""Checks that operations are what their declarations say, and stand where they may.

A module that comes from a text or from a pass need not be well formed; what comes after the verifier may rely on it. Everything that is
wrong is reported (E0702), each with the operation and its location.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import zkc.compiler.dialects.all  # noqa: F401  # pyright: ignore[reportUnusedImport]  # declarations of all operations
from zkc.compiler.errors import located
from zkc.compiler.ir.attributes import kind_of
from zkc.compiler.ir.operation import ANY, Attribute, OpDef, Operation, Region, Symbol, Type, Value
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.ir.stages import STAGE_OF_DIALECT, STAGES, is_legal
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError, did_you_mean

CODE: Final = "E0702"
NAMES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("bus.send", "bus"): ("circ.bus",),
    ("bus.recv", "bus"): ("circ.bus",),
    ("bus.lookup", "bus"): ("circ.fixed",),
    ("air.message", "bus"): ("circ.bus", "circ.fixed"),
    ("step.load", "bus"): ("circ.bus",),
    ("step.store", "bus"): ("circ.bus",),
    ("int.call", "callee"): ("felt.func",),
    ("circ.call", "callee"): ("circ.gadget",),
    ("circ.impl", "gadget"): ("circ.gadget",),
    ("circ.send", "bus"): ("circ.bus",),
    ("circ.recv", "bus"): ("circ.bus",),
    ("circ.lookup", "bus"): ("circ.fixed",),
    ("circ.latest", "bus"): ("circ.bus",),
    ("circ.insn", "format"): ("circ.format",),
    ("circ.service", "on"): ("circ.insn",),
    ("fill.count", "table"): ("circ.fixed",),
}
"""For an operation and its attribute that names a symbol, the operations that declare it. (`table` of `step.func` says where it comes from:
that table may have been lowered.)"""
MESSAGES: Final = frozenset(("bus.send", "bus.recv", "bus.lookup", "air.message"))
"""Operations whose first operand says how often, and whose others are a message."""
COUNTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "circ.call": (0, "params", "outputs"),
    "circ.send": (1, "params"),
    "circ.recv": (1, "params"),
    "circ.lookup": (1, "fields"),
}
"""Operations of the stage `circ` that name a symbol: the operands before those that it declares, and the attributes that declare its
operands and results."""
TYPE, STRUCT = "circ.type", "circ.struct"
TYPED: Final = ("type", "types", "results")
"""Attributes that hold types as the language writes them."""
BUILT_IN: Final = frozenset(("felt", "bit"))
"""Types of columns that nobody declares."""


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
        self.declared = _declarations(operations)
        self.fields = {(op.name, op.attributes.get("sym_name")): op.attributes.get("fields") for op in operations}
        self.symbols = {(op.name, str(op.attributes.get("sym_name"))): op for op in operations}
        self.closed = closed
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
        return self.found

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
        definition = op.definition
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
        for region in op.regions:
            self._region(region, definition.symbol)
        if len(self.found) == before and definition.verify is not None and (wrong := definition.verify(op)) is not None:
            self._report(op, wrong)

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
                self._reference(op, name, value)

    def _reference(self, op: Operation, name: str, value: Attribute) -> None:
        """What an attribute names is declared."""
        if isinstance(value, Symbol):
            kinds = NAMES.get((op.name, name), ())
            self._named(op, value.name, f"@{value.name}", kinds)
            if op.name in MESSAGES:
                self._width(op, value.name, kinds)
            elif op.name in COUNTS:
                self._counts(op, value.name, kinds)
        elif name in TYPED:
            for text in value if isinstance(value, tuple) else (value,):
                type_ = str(text).partition("[")[0]
                if type_ not in BUILT_IN:
                    self._named(op, type_, f"the type `{type_}`", (TYPE, STRUCT) if op.name.startswith("circ.") else (TYPE,))

    def _named(self, op: Operation, name: str, shown: str, kinds: tuple[str, ...]) -> None:
        known = {symbol for kind in kinds for symbol in self.declared.get(kind, ())}
        if name not in known and (known or (kinds and self.closed)):
            self._report(op, f"{shown} is declared nowhere: no {' or '.join(kinds)} has that name", did_you_mean(name, known))

    def _width(self, op: Operation, name: str, kinds: tuple[str, ...]) -> None:
        """A message has an element for each field of its bus, or fixed table."""
        widths = {len(fields) for kind in kinds if isinstance(fields := self.fields.get((kind, name)), tuple)}
        given = len(op.operands) - 1
        if given >= 0 and widths and given not in widths:
            self._report(op, f"@{name} has messages of {' or '.join(map(str, sorted(widths)))} elements, this has {given}")

    def _counts(self, op: Operation, name: str, kinds: tuple[str, ...]) -> None:
        """A call has an argument for each parameter of its gadget, and a result for each output; a message has each field of its bus."""
        first, *lists = COUNTS[op.name]
        found = next((self.symbols[kind, name] for kind in kinds if (kind, name) in self.symbols), None)
        given = (len(op.operands) - first, len(op.results))
        for attribute, count in zip(lists, given, strict=False):
            declared = found.attributes.get(attribute) if found is not None else None
            if isinstance(declared, tuple) and len(declared) != count:
                self._report(op, f"`{attribute}` of @{name} are {len(declared)}, here are {count}")

    # regions

    def _shape(self, op: Operation, definition: OpDef) -> None:
        if definition.symbol and op is not self.symbol:
            self._report(op, "declares a symbol, so it stands in a module")
        if not definition.regions and op.regions:
            self._report(op, "has no region")
        elif definition.regions and not op.regions:
            self._report(op, "needs a region")
        elif definition.symbol and len(op.regions) > 1:
            self._report(op, f"has one region, not {len(op.regions)}")

    def _region(self, region: Region, isolated: bool) -> None:
        outside = self.visible
        if isolated:
            self.visible = set()
        visible = self.visible
        visible.update(region.arguments)
        for op in region.operations:
            self._operation(op)
            visible.update(op.results)
            if op.definition.terminator and op is not region.operations[-1]:
                self._report(op, "ends a region, and something follows it")
        if isolated:
            self.visible = outside
            return
        visible.difference_update(region.arguments)
        for op in region.operations:
            visible.difference_update(op.results)


def _declarations(operations: Sequence[Operation]) -> dict[str, set[str]]:
    """Names of symbols by the operation that declares them."""
    found: dict[str, set[str]] = {}
    for op in operations:
        name = op.attributes.get("sym_name")
        if isinstance(name, str):
            found.setdefault(op.name, set()).add(name)
    return found


def _matches(given: list[Type], declared: tuple[Type, ...], variadic: bool) -> bool:
    if variadic:
        declared = (*declared[:-1], *declared[-1:] * (len(given) - len(declared) + 1))
    return len(given) == len(declared) and all(map(_fits, given, declared))


def _fits(given: Type, declared: Type) -> bool:
    return given is declared or declared is ANY


def _types(types: Sequence[Type], variadic: bool = False) -> str:
    """Types in words: `(felt, int, …)`."""
    return f"({', '.join([t.name for t in types])}{', …' if variadic else ''})"
