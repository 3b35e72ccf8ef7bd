"""What operations name: that it is declared in the module, and fits where it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from zkc.compiler.ir.attributes import MAX_LENGTH
from zkc.compiler.ir.operation import Attribute, Operation, Symbol
from zkc.dsl.built_in import AT, BUILT_IN_TYPES, RANGE
from zkc.dsl.diagnostics import did_you_mean

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
    ("circ.family", "frame"): ("circ.frame",),
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
TYPE, STRUCT, FORMAT, FIXED = "circ.type", "circ.struct", "circ.format", "circ.fixed"
TYPED: Final = ("type", "types", "results")
"""Attributes that hold types as the language writes them."""
Found = tuple[str, str | None]
"""What is wrong, and what may help."""


class References:
    """The symbols of a module by name. closed: what is named has to be declared there, even if nothing of its kind is."""

    def __init__(self, operations: Sequence[Operation], closed: bool) -> None:
        self.operations = operations
        self.closed = closed
        self.kinds: dict[str, dict[str, Operation]] = {}
        for op in operations:
            name = op.attributes.get("sym_name")
            if isinstance(name, str):
                self.kinds.setdefault(op.name, {}).setdefault(name, op)
        self._elements: dict[str, int | None] = {}

    def of_attribute(self, op: Operation, name: str, value: Attribute) -> Iterator[Found]:
        """What an attribute names."""
        if isinstance(value, Symbol):
            kinds = NAMES.get((op.name, name), ())
            yield from self._named(value.name, f"@{value.name}", kinds)
            if op.name in MESSAGES:
                yield from self._width(op, value.name, kinds)
            elif op.name in COUNTS:
                yield from self._counts(op, value.name, kinds)
        elif name in TYPED:
            for text in value if isinstance(value, tuple) else (value,):
                type_ = str(text).partition("[")[0]
                if type_ not in BUILT_IN_TYPES:
                    yield from self._named(type_, f"the type `{type_}`", (TYPE, STRUCT) if op.name.startswith("circ.") else (TYPE,))

    def of_operation(self, op: Operation) -> Iterator[Found]:
        """What an operation whose attributes are right says of what it names."""
        rule = RULES.get(op.name)
        return rule(self, op) if rule is not None else iter(())

    # what is named is declared

    def _named(self, name: str, shown: str, kinds: tuple[str, ...]) -> Iterator[Found]:
        known = {symbol for kind in kinds for symbol in self.kinds.get(kind, ())}
        if name not in known and (known or (kinds and self.closed)):
            yield f"{shown} is declared nowhere: no {' or '.join(kinds)} has that name", did_you_mean(name, known)

    def _width(self, op: Operation, name: str, kinds: tuple[str, ...]) -> Iterator[Found]:
        """A message has an element for each field of its bus, or fixed table."""
        declared = [self.kinds[kind][name] for kind in kinds if name in self.kinds.get(kind, ())]
        widths = {len(fields) for x in declared if isinstance(fields := x.attributes.get("fields"), tuple)}
        given = len(op.operands) - 1
        if given >= 0 and widths and given not in widths:
            yield f"@{name} has messages of {' or '.join(map(str, sorted(widths)))} elements, this has {given}", None

    def _counts(self, op: Operation, name: str, kinds: tuple[str, ...]) -> Iterator[Found]:
        """A call has an argument for each parameter of its gadget, and a result for each output; a message has each field of its bus."""
        first, *lists = COUNTS[op.name]
        found = next((self.kinds[kind][name] for kind in kinds if name in self.kinds.get(kind, ())), None)
        given = (len(op.operands) - first, len(op.results))
        for attribute, count in zip(lists, given, strict=False):
            declared = found.attributes.get(attribute) if found is not None else None
            if isinstance(declared, tuple) and len(declared) != count:
                yield f"`{attribute}` of @{name} are {len(declared)}, here are {count}", None

    # rules of an operation

    def struct(self, op: Operation) -> Iterator[Found]:
        """A struct has few elements, so it does not hold itself."""
        if self.elements(op.text("sym_name")) is None:
            yield f"a struct has {MAX_LENGTH} elements at most, and holds no other that holds it", None

    def elements(self, type_: str) -> int | None:
        """How many elements of the field a value of a type is; None for too many, or without end."""
        name, _, length = type_.rstrip("]").partition("[")
        if name not in self._elements:
            self._elements[name] = None  # of a struct that holds itself
            struct = self.kinds.get(STRUCT, {}).get(name)
            parts = [1] if struct is None else [self.elements(part) for part in _texts(struct, "types")]
            self._elements[name] = _limited(sum(parts) if None not in parts else None)  # type: ignore[arg-type]
        one = self._elements[name]
        return None if one is None else _limited(one * int(length or 1))

    def bus(self, op: Operation) -> Iterator[Found]:
        """A bus carries the elements of its parameters."""
        if "types" in op.attributes:
            counts = [self.elements(type_) for type_ in _texts(op, "types")]
            if None not in counts and sum(counts) != len(op.names("fields")):  # type: ignore[arg-type]
                yield f"`types` have {sum(counts)} elements, `fields` are {len(op.names('fields'))}", None  # type: ignore[arg-type]

    def fixed(self, op: Operation) -> Iterator[Found]:
        """A row of a fixed table has one element for each of its fields."""
        for type_ in _texts(op, "types"):
            if "[" in type_ or type_ in self.kinds.get(STRUCT, ()):
                yield f"fields of a fixed table are single elements, no `{type_}`", None

    def row_of(self, op: Operation) -> Iterator[Found]:
        """Which row of a fixed table arguments are: they are its fields."""
        name = op.text("sym_name")
        yield from self._named(name, f"the fixed table @{name}", (FIXED,))
        declared = self.kinds.get(FIXED, {}).get(name)
        if declared is not None and len(op.regions[0].arguments) != len(declared.names("fields")):
            yield f"@{name} has {len(declared.names('fields'))} fields, its region has {len(op.regions[0].arguments)} arguments", None

    def impl(self, op: Operation) -> Iterator[Found]:
        """An operator is a gadget of two that gives one."""
        gadget = self.kinds.get("circ.gadget", {}).get(op.text("gadget"))
        if gadget is not None and (len(gadget.names("params")), len(gadget.names("outputs"))) != (2, 1):
            yield f"an operator takes two values and gives one, and @{op.text('gadget')} does not", None

    def insn(self, op: Operation) -> Iterator[Found]:
        """What an instruction needs are fields of its format."""
        layout = self.kinds.get(FORMAT, {}).get(op.text("format")) if "format" in op.attributes else None
        for name in op.names("uses") if layout is not None else ():
            if name not in (AT, *layout.names("fields")):  # type: ignore[union-attr]
                yield f"the format @{op.text('format')} has no field `{name}`", None

    def instruction(self, op: Operation) -> Iterator[Found]:
        """Fields of instructions are those of some format; their immediate is a struct of single elements."""
        known = {AT, *(name for layout in self.kinds.get(FORMAT, {}).values() for name in layout.names("fields"))}
        for name in (*op.names("fields"), *op.names("uses")):
            if name not in known:
                yield f"no `{FORMAT}` has a field `{name}`", did_you_mean(name, known)
        if "type" in op.attributes and op.name != "circ.family":
            struct = self.kinds.get(STRUCT, {}).get(op.text("type"))
            if struct is None or self.elements(op.text("type")) != len(struct.names("fields")):
                yield f"an immediate is a struct of single elements, no `{op.text('type')}`", None

    def decode(self, op: Operation) -> Iterator[Found]:
        """Words are taken apart by what all instructions say of theirs."""
        yield from self.instruction(op)
        bare = [name for name, insn in self.kinds.get("circ.insn", {}).items() if "format" not in insn.attributes]
        if bare:
            yield f"a word is not known to be `{bare[0]}`: @{bare[0]} has no `format`, `mask` and `match`", None

    def range(self, op: Operation) -> Iterator[Found]:
        """What proves the type of a column is there."""
        name = op.text("type")
        declared = self.kinds.get(TYPE, {}).get(name)
        if declared is None:
            return
        count = declared.number("high") + 1
        table, width = (RANGE, 2) if count & (count - 1) == 0 else (name, 1)
        yield from self._named(table, f"the fixed table @{table}, which proves this,", (FIXED,))
        found = self.kinds.get(FIXED, {}).get(table)
        if found is not None and len(found.names("fields")) != width:
            yield f"@{table} proves this, and has {width} field{'s' * (width > 1)}", None

    def function_call(self, op: Operation) -> Iterator[Found]:
        """A call of a field function has its arguments, and one of its results."""
        function = self.kinds.get("felt.func", {}).get(op.text("callee"))
        if function is None or not function.regions or not function.regions[0].operations:
            return
        (region,) = function.regions
        if len(op.operands) != len(region.arguments) or op.number("index") >= len(region.terminator.operands):
            yield f"@{op.text('callee')} takes {len(region.arguments)} and gives {len(region.terminator.operands)}", None

    def remembered(self, op: Operation) -> Iterator[Found]:
        """What is loaded and stored is on a bus that remembers."""
        bus = self.kinds.get("circ.bus", {}).get(op.text("bus"))
        if bus is not None and "remembers" not in bus.attributes:
            yield f"@{op.text('bus')} does not remember", None

    def make(self, op: Operation) -> Iterator[Found]:
        """A struct is made of all its fields."""
        struct = self.kinds.get(STRUCT, {}).get(op.text("type"))
        if struct is None or len(struct.names("fields")) != len(op.operands):
            fields = 0 if struct is None else len(struct.names("fields"))
            yield f"a struct is made of its fields: `{op.text('type')}` has {fields}, here are {len(op.operands)}", None


def _texts(op: Operation, attribute: str) -> tuple[str, ...]:
    """An attribute that may be no list, or not there."""
    value = op.attributes.get(attribute)
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _limited(count: int | None) -> int | None:
    return None if count is None or count > MAX_LENGTH else count


Rule = Callable[[References, Operation], Iterator[Found]]
RULES: Final[Mapping[str, Rule]] = {
    "circ.struct": References.struct,
    "circ.bus": References.bus,
    "circ.fixed": References.fixed,
    "circ.at": References.row_of,
    "circ.impl": References.impl,
    "circ.insn": References.insn,
    "circ.frame": References.instruction,
    "circ.family": References.instruction,
    "circ.decode": References.decode,
    "circ.make": References.make,
    "circ.latest": References.remembered,
    "row.index": References.row_of,
    "row.range": References.range,
    "step.load": References.remembered,
    "step.store": References.remembered,
    "int.call": References.function_call,
}
"""What an operation says of what it names."""
