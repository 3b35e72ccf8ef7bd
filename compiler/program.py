"""The items of a `.circ` directory by name, with constants, types and encodings worked out."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any

from zkc.compiler import chips
from zkc.compiler.intervals import Interval
from zkc.compiler.names import name_problems
from zkc.dsl import constants, numbered
from zkc.dsl import syntax as s
from zkc.dsl.built_in import AT, BUILT_IN_TYPES, WORD
from zkc.dsl.constants import ConstantError, ConstValue, shown
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError, did_you_mean
from zkc.runtime.field.koalabear import P


@dataclass(frozen=True)
class Encoding:
    """How one instruction is written: `mask` and `match` over the 32-bit word, fields as (high, low) bits, the immediate's pieces.

    op: its number; the ones after it are for rows of its family's other tables (see Variant).
    """

    name: str
    family: str
    op: int
    mask: int
    match: int
    fields: dict[str, tuple[int, int]]
    immediate: s.Immediate | None
    assembly: str
    span: s.Span


@dataclass(frozen=True)
class Variant:
    """Another table of a family, for instructions in which two fields are the same. number: of the table among these, from 1 on: executors
    know an instruction of such a row by a number that is so much greater."""

    family: s.Family
    frame: str
    number: int
    span: s.Span

    @property
    def name(self) -> str:
        """Of the table."""
        return f"{self.family.name}.{self.frame}"


@dataclass
class Program:
    """Everything declared, by name, in source order."""

    sources: dict[str, str]
    constants: dict[str, ConstValue] = field(default_factory=lambda: {})
    constant_items: dict[str, s.Const] = field(default_factory=lambda: {})
    type_items: dict[str, s.TypeAlias] = field(default_factory=lambda: {})
    ranges: dict[str, tuple[int, int]] = field(default_factory=lambda: {})
    structs: dict[str, s.Struct] = field(default_factory=lambda: {})
    buses: dict[str, s.BusDecl] = field(default_factory=lambda: {})
    fixed: dict[str, s.Fixed] = field(default_factory=lambda: {})
    gadgets: dict[str, s.Gadget] = field(default_factory=lambda: {})
    impls: dict[tuple[str, str, str], s.Impl] = field(default_factory=lambda: {})
    formats: dict[str, s.Format] = field(default_factory=lambda: {})
    frames: dict[str, s.Frame] = field(default_factory=lambda: {})
    families: dict[str, s.Family] = field(default_factory=lambda: {})
    services: dict[str, s.Service] = field(default_factory=lambda: {})
    tables: dict[str, s.TableDecl] = field(default_factory=lambda: {})
    claim: s.Claim | None = None
    tests: list[s.Test] = field(default_factory=lambda: [])
    step_tests: list[s.StepTest] = field(default_factory=lambda: [])
    encodings: dict[str, Encoding] = field(default_factory=lambda: {})
    diagnostics: list[Diagnostic] = field(default_factory=lambda: [])
    warnings: list[Diagnostic] = field(default_factory=lambda: [])
    _nesting: dict[str, int] = field(default_factory=lambda: {})

    def error(self, code: str, message: str, span: s.Span | None, **more: object) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, **more))  # type: ignore[arg-type]

    def fail(self, code: str, message: str, span: s.Span | None, **more: object) -> DiagnosticError:
        """For `raise`: the diagnostics so far and this one."""
        self.error(code, message, span, **more)
        return DiagnosticError(self.diagnostics, self.sources)

    def refuse(self, diagnostic: Diagnostic) -> DiagnosticError:
        """For `raise`: the diagnostics so far and this one."""
        self.diagnostics.append(diagnostic)
        return DiagnosticError(self.diagnostics, self.sources)

    def check(self) -> None:
        """Raises if anything was reported."""
        if self.diagnostics:
            raise DiagnosticError(self.diagnostics, self.sources)

    @property
    def has_steps(self) -> bool:
        """Whether some rows are steps of an executor, as those of instructions are. Otherwise it is a circuit: all rows are given."""
        return bool(self.frames or self.families or self.services or self.ticking())

    def ticking(self) -> list[s.TableDecl]:
        """Tables whose rows are steps that the clock asks for."""
        return [table for table in self.tables.values() if table.every is not None]

    def chips(self) -> list[str]:
        """Chips that have a table, in the order in which their rows can be filled: each before those that it asks."""
        return chips.in_order(self.gadgets, [name for name, bus in self.buses.items() if bus.asked])

    def variants(self) -> dict[str, Variant]:
        """The other tables of families, by name."""
        found = (Variant(f, x.frame, i + 1, x.span) for f in self.families.values() for i, x in enumerate(f.also))
        return {variant.name: variant for variant in found}

    def place_of(self, table: str) -> s.Span | None:
        """Where a table comes from."""
        if table in self.variants():
            return self.variants()[table].span
        item = self.families.get(table) or self.services.get(table) or self.tables.get(table) or (self.claim if table == "claim" else None)
        return item.span if item is not None else None

    def nesting(self, gadget: s.Gadget) -> int:
        """How deep the syntax of a gadget nests."""
        if gadget.name not in self._nesting:
            self._nesting[gadget.name] = s.nesting(gadget)
        return self._nesting[gadget.name]

    def interval(self, type_: str) -> Interval | None:
        """The integer bounds of a scalar type, None for felt."""
        if type_ == "bit":
            return Interval(0, 1)
        if type_ in self.ranges:
            low, high = self.ranges[type_]
            return Interval(low, high - 1)
        return None

    def types(self) -> dict[str, Interval]:
        """The bounds of all scalar types."""
        return {name: interval for name in self.ranges if (interval := self.interval(name)) is not None}


def collect(items: list[s.Item], sources: dict[str, str]) -> Program:
    """The items by kind, as `gather` gives them. Raises DiagnosticError for what is wrong with them."""
    program = gather(items, sources)
    program.check()
    return program


def gather(items: list[s.Item], sources: dict[str, str]) -> Program:
    """Sorts the items by kind, and evaluates constants, types and encodings. What is wrong is in `diagnostics`: of names declared twice
    the first is kept, and what has no value is left out of `constants` and `ranges`."""
    program = Program(sources)
    items = [*items, *numbered.used(items)]
    program.diagnostics += name_problems(items)
    items = [x for x in items if not (isinstance(x, s.TypeAlias) and x.number is None and x.parameter is not None)]
    register: dict[type, Any] = {
        s.Const: program.constant_items, s.TypeAlias: program.type_items, s.Struct: program.structs, s.BusDecl: program.buses,
        s.Fixed: program.fixed, s.Gadget: program.gadgets, s.Chip: program.gadgets, s.Format: program.formats, s.Frame: program.frames,
        s.Family: program.families, s.Service: program.services, s.TableDecl: program.tables,
    }  # fmt: skip
    for item in items:
        if isinstance(item, s.Claim):
            program.claim = program.claim or item
        elif isinstance(item, s.Test):
            program.tests.append(item)
        elif isinstance(item, s.StepTest):
            program.step_tests.append(item)
        elif isinstance(item, s.Impl):
            program.impls.setdefault((item.left, item.op, item.right), item)
        elif not isinstance(item, s.Use) and type(item) in register:
            register[type(item)].setdefault(item.name, item)
    for chip in chips.called(items):
        program.buses.setdefault(chip.name, chips.bus_of(chip))
        program.tables.setdefault(chip.name, chips.table_of(chip))
    _constants(program, program.constant_items)
    _ranges(program, items)
    _types(program, items)
    _impls(program)
    encodings(program)
    _frames(program)
    _buses(program)
    return program


def ordered(needs: Mapping[str, set[str]], program: Program, spans: Mapping[str, s.Span], what: str) -> list[str]:
    """The names so that each follows what it needs; those that need each other are left out, with an error (E0211)."""
    left = dict(needs)
    while True:
        try:
            return [name for name in TopologicalSorter(left).static_order() if name in left]
        except CycleError as error:
            around: list[str] = error.args[1][::-1]
            labels = tuple((spans[name], f"`{name}`") for name in around[1:-1][:4])
            path = " of ".join(f"`{name}`" for name in around[:6])
            program.error("E0211", f"the {what} `{around[0]}` is a part of itself: {path}", spans[around[0]], labels=labels)
            for name in around[1:]:
                del left[name]


def _constants(program: Program, declared: dict[str, s.Const]) -> None:
    """Each constant after those it needs, so that the order of files does not matter. One that needs a wrong one is no error by itself."""
    needs = {name: names_read(item.value) & declared.keys() for name, item in declared.items()}
    for name in ordered(needs, program, {n: item.span for n, item in declared.items()}, "constant"):
        if needs[name] <= program.constants.keys():
            with suppress(DiagnosticError):  # it is in program.diagnostics: the others are looked at as well
                program.constants[name] = evaluate_constant(declared[name].value, program.constants.get, program)


def _ranges(program: Program, items: list[s.Item]) -> None:
    wrong = program.constant_items.keys() - program.constants.keys()
    for item in program.type_items.values():
        if ((names_read(item.low) | names_read(item.high)) - {item.parameter}) & wrong:
            continue
        with suppress(DiagnosticError):
            low, high = (evaluate_constant(e, partial(_in_type, program, item), program) for e in (item.low, item.high))
            if not (isinstance(low, int) and isinstance(high, int)) or low != 0 or not 0 < high < P:
                use = next((x.span for of in items for x in s.walk(of) if isinstance(x, s.TypeRef) and x.name == item.name), item.span)
                labels = ((item.span, "declared here"),) if item.number is not None else ()
                message = f"type `{item.name}` must range over 0..n with n below the field size"
                program.error("E0301", message, item.span if item.number is None else use, labels=labels)
            else:
                program.ranges[item.name] = (low, high)


def _in_type(program: Program, item: s.TypeAlias, name: str) -> ConstValue | None:
    """What a name is in the range of a type."""
    return item.number if name == item.parameter else program.constants.get(name)


def _types(program: Program, items: list[s.Item]) -> None:
    """Every type that is named exists, and no struct contains itself."""
    known = {*BUILT_IN_TYPES, *program.type_items, *program.structs}
    for ref in (node for item in items for node in s.walk(item) if isinstance(node, s.TypeRef)):
        if ref.name not in known:
            program.error("E0206", f"there is no type `{ref.name}`", ref.span, help=did_you_mean(ref.name, known))
    needs = {name: {f.type.name for f in item.fields} & program.structs.keys() for name, item in program.structs.items()}
    ordered(needs, program, {name: item.span for name, item in program.structs.items()}, "struct")


def _impls(program: Program) -> None:
    """An operator stands on types that values have, and its gadget takes and gives what it must."""
    for item in program.impls.values():
        for name in (item.left, item.right):
            if name != "felt" and name not in program.structs:
                program.error("E0206", f"an operator is for structs and `felt`; `{name}` is neither", item.span)
        gadget = program.gadgets.get(item.gadget)
        if gadget is None:
            help_ = did_you_mean(item.gadget, program.gadgets)
            program.error("E0204", f"there is no gadget `{item.gadget}`", item.span, help=help_)
            continue
        labels = ((gadget.span, "declared here"),)
        if len(gadget.params) != 2 or len(gadget.outputs) != 1:
            program.error("E0210", f"an operator takes two values and gives one, `{item.gadget}` does not", item.span, labels=labels)
            continue
        given = tuple(p.type.name if p.type.name in program.structs else "felt" for p in gadget.params)
        if given != (item.left, item.right) or any(p.type.length is not None for p in gadget.params):
            message = f"`{item.gadget}` takes {' and '.join(p.type.name for p in gadget.params)}, not {item.left} and {item.right}"
            program.error("E0205", message, item.span, labels=labels)


def _frames(program: Program) -> None:
    for frame in program.frames.values():
        if not any(isinstance(stmt, s.RunBody) for stmt in frame.body):
            program.error("E0212", f"the frame `{frame.name}` says nowhere where the body stands: `body;`", frame.span)


REMEMBERED = ("address: felt", "value: u32", "time: felt", "mark: felt")
"""What the executor takes from messages of the bus that is memory."""


def _buses(program: Program) -> None:
    """The executor has one memory, of words."""
    for bus in program.buses.values():
        scalars = [p.name for p in bus.params if p.type.length is None and p.type.name not in program.structs]
        for by in (bus.chain, bus.known):
            if by is not None and by not in scalars:
                message = f"`{bus.name}` has no field `{by}` that is one element"
                program.error("E0608", message, bus.span, help=did_you_mean(by, scalars))
        _carried(program, bus)
    memories = [bus for bus in program.buses.values() if bus.remembers]
    for bus in memories[1:]:
        labels = ((memories[0].span, "this is the memory"),)
        program.error("E0608", f"the machine has one memory, `{bus.name}` is another bus that remembers", bus.span, labels=labels)
    for bus in memories:
        given = tuple(f"{p.name}: {p.type.name}{'[…]' if p.type.length is not None else ''}" for p in bus.params)
        if [g.split(": ")[1] for g in given] != [t.split(": ")[1] for t in REMEMBERED]:
            program.error("E0608", f"the executor takes ({', '.join(REMEMBERED)}) from `{bus.name}`, not ({', '.join(given)})", bus.span)
        elif bus.remembers and bus.remembers != bus.params[0].name:
            message = f"memory is by its first field `{bus.params[0].name}`, not by `{bus.remembers}`"
            program.error("E0608", message, bus.span, help=did_you_mean(bus.remembers, [p.name for p in bus.params]))


def _carried(program: Program, bus: s.BusDecl) -> None:
    """What a bus carries are fields of it, each once, and not the one that says how far the chain is."""
    fields = [p.name for p in bus.params]
    for i, name in enumerate(bus.carries):
        if name not in fields:
            message = f"`{bus.name}` has no field `{name}` to carry"
            program.error("E0608", message, bus.span, help=did_you_mean(name, fields))
        elif name in bus.carries[:i]:
            program.error("E0203", f"`{bus.name}` carries `{name}` twice", bus.span)
        elif name == bus.chain:
            program.error("E0608", f"`{name}` says how far a chain over `{bus.name}` is: it grows, and is not carried", bus.span)


def names_read(syntax: object) -> set[str]:
    """The names of values in a piece of syntax."""
    return {node.name for node in s.walk(syntax) if isinstance(node, s.Name)}


def evaluate_constant(expr: s.Expr, lookup: Callable[[str], ConstValue | None], program: Program) -> ConstValue:
    """An integer (or nested list) from literals, constants and arithmetic; `/` is floor division."""
    try:
        return constants.evaluate(expr, lookup, program.constants)
    except ConstantError as error:
        raise program.refuse(error.diagnostic) from None


def integer_operation(op: str, a: int, b: int, span: s.Span, program: Program) -> int:
    """`a op b` over the integers, of at most MAX_NUMBER_BITS bits."""
    try:
        return constants.integer_operation(op, a, b, span)
    except ConstantError as error:
        raise program.refuse(error.diagnostic) from None


MAX_INSTRUCTIONS = 1023
"""Numbers of instructions have ten bits in the executor's decoded words, and 0 is none."""
WORD_BITS = 32
GIVEN = ("clk", "pc", AT, "word", "real")
"""What rows of instructions, and of the table that decodes them, have by these names beside fields."""


def encodings(program: Program) -> None:
    """Fills `program.encodings`; reports what does not fit the 32 bits of a word, and words of two instructions."""
    wrong = {layout.name for layout in program.formats.values() if not _check_format(program, layout)}
    _check_registers(program)
    number = 1
    for family in program.families.values():
        layout = program.formats.get(family.format)
        if layout is None:
            help_ = did_you_mean(family.format, program.formats)
            program.error("E0101", f"there is no format `{family.format}`", family.span, help=help_)
            continue
        if layout.name in wrong:
            continue
        _check_assembly(program, family, layout)
        for insn in family.insns:
            encoding = _encoding(program, family, layout, insn, number)
            number += 1 + len(family.also)
            for other in program.encodings.values():
                common = encoding.mask & other.mask
                if encoding.match & common == other.match & common:
                    labels = ((other.span, f"`{other.name}` is here"),)
                    program.error("E0103", f"`{insn.name}` and `{other.name}` share an encoding", insn.span, labels=labels)
            program.encodings[insn.name] = encoding
            if encoding.op - 1 <= MAX_INSTRUCTIONS < number - 1:
                message = f"a machine has at most {MAX_INSTRUCTIONS} instructions, one more for each `also`; `{insn.name}` is beyond that"
                program.error("E0215", message, insn.span)


def _check_format(program: Program, layout: s.Format) -> bool:
    """Whether its fields are those of a word."""
    before = len(program.diagnostics)
    for part in layout.fields:
        if not 0 < part.width <= WORD_BITS:
            program.error("E0102", f"a field has 1 to {WORD_BITS} bits, not {shown(part.width)}", part.span)
    total = sum(part.width for part in layout.fields)
    if total != WORD_BITS:
        program.error("E0102", f"the fields of format `{layout.name}` have {shown(total)} bits, not {WORD_BITS}", layout.span)
    if layout.immediate is not None:
        _check_immediate(program, layout.immediate)
    return len(program.diagnostics) == before


def register_fields(program: Program) -> list[str]:
    """The fields of formats that frames speak of, as `insn.rd`: the decode table has one sum for each."""
    declared = {part.name for layout in program.formats.values() for part in layout.fields}
    return [name for name in fields_of_insn(tuple(program.frames.values())) if name in declared]


def step_fields(program: Program) -> list[str]:
    """What frames receive of an instruction beside its number and its immediate: fields of its word, and where it stands."""
    return [*register_fields(program), *(AT for name in fields_of_insn(tuple(program.frames.values())) if name == AT)]


def field_width(program: Program, name: str) -> int:
    """Bits of a register field."""
    return next(part.width for layout in program.formats.values() for part in layout.fields if part.name == name)


def fields_of_insn(node: object) -> list[str]:
    """What a piece of syntax names of the instruction, as `insn.rd`, in order."""
    found = (n for n in s.walk(node) if isinstance(n, s.Field) and isinstance(n.of, s.Name) and n.of.name == "insn")
    return list(dict.fromkeys(n.name for n in found))


def _check_registers(program: Program) -> None:
    """The decode table has one sum for each register field, so it stands at one place in all formats."""
    first: dict[str, tuple[int, int, s.Span]] = {}
    registers = register_fields(program)
    for layout in program.formats.values():
        top = WORD_BITS
        for part in layout.fields:
            top -= part.width
            if part.name not in registers:
                continue
            low, width, span = first.setdefault(part.name, (top, part.width, part.span))
            labels = ((span, "here it stands elsewhere" if low != top else f"here it has {width}"),)
            if part.name in GIVEN:
                program.error("E0203", f"`{part.name}` is built into the language: frames cannot receive a field of this name", part.span)
            elif part.width != width:
                program.error("E0104", f"`{part.name}` has {shown(part.width)} bits here, and others elsewhere", part.span, labels=labels)
            elif low != top:
                program.error("E0104", f"`{part.name}` stands in different places in different formats", part.span, labels=labels)


def _check_immediate(program: Program, immediate: s.Immediate) -> None:
    most = {WORD: WORD_BITS, "felt": 30}.get(immediate.type.name, 0)
    if most == 0 or immediate.type.length is not None:
        program.error("E0105", "an immediate is a `u32` or a `felt`", immediate.type.span)
        return
    width = 0
    for number, piece in enumerate(immediate.pieces):
        if piece.literal is None and not 0 <= piece.low <= piece.high < WORD_BITS:
            message = f"bits of a word are inst[{WORD_BITS - 1}..0], the higher first"
            program.error("E0105", message, piece.span)
            return
        if piece.sext and number:
            program.error("E0105", "`sext(…)` is the first piece of an immediate", piece.span)
        if piece.literal:
            program.error("E0105", "literal bits of an immediate are zeros", piece.span)
        width += piece.high - piece.low + 1
    if width > most:
        program.error("E0105", f"this immediate has {width} bits; a `{immediate.type.name}` has at most {most}", immediate.span)


def _check_assembly(program: Program, family: s.Family, layout: s.Format) -> None:
    """What stands in braces is the name, a field of the format or its immediate, as it is."""
    known = {"name", *(f.name for f in layout.fields if f.name), *(("imm",) if layout.immediate is not None else ())}
    try:
        pieces = list(string.Formatter().parse(family.assembly))
    except ValueError as error:
        program.error("E0101", f"the assembly text of `{family.name}` is malformed: {error}", family.span)
        return
    for _, name, spec, conversion in pieces:
        if name is not None and (name not in known or spec or conversion):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            help_ = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            message = f"the assembly text of `{family.name}` names `{{{shown}}}`, no field of its format"
            program.error("E0101", message, family.span, help=help_)


def _encoding(program: Program, family: s.Family, layout: s.Format, insn: s.Insn, op: int) -> Encoding:
    fields: dict[str, tuple[int, int]] = {}
    mask = match = 0
    top = WORD_BITS
    for part in layout.fields:
        high, low = top - 1, top - part.width
        top = low
        if part.name is None:
            mask |= ((1 << part.width) - 1) << low
            match |= part.value << low
        else:
            fields[part.name] = (high, low)
    for fixed in (*family.fixed, *insn.fixed):
        if fixed.name not in fields:
            help_ = did_you_mean(fixed.name, fields)
            program.error("E0101", f"format `{layout.name}` has no field `{fixed.name}`", fixed.span, help=help_)
            continue
        high, low = fields[fixed.name]
        if fixed.value >> (high - low + 1):
            program.error("E0102", f"`{fixed.name}` has {high - low + 1} bits; this value needs more", fixed.span)
            continue
        mask |= ((1 << (high - low + 1)) - 1) << low
        match |= fixed.value << low
    return Encoding(insn.name, family.name, op, mask, match, fields, layout.immediate, family.assembly, insn.span)
