"""The items of a program as symbols of a module: what is declared, and the bodies of what uses it."""

from __future__ import annotations

from typing import Final

from zkc.compiler.dialects import circ
from zkc.compiler.elements import elements
from zkc.compiler.errors import reporting
from zkc.compiler.importer import bodies
from zkc.compiler.importer.frames import Frame, InFrame
from zkc.compiler.importer.types import declared_text
from zkc.compiler.importer.uses import INSTRUCTION, SERVICE, family_uses, frame_of
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Attribute, OpDef, Operation, Symbol
from zkc.compiler.program import ConstValue, Program
from zkc.compiler.step_buses import StepBuses, step_buses
from zkc.dsl import syntax as s

Item = tuple[str, str]
"""Something declared: its kind (the field of Program that has it) and its name."""
CLAIM: Final[Item] = ("claim", "claim")
GUARDS: Final[Item] = ("guards", "guards")
"""What chooses among all environment calls."""


def declarations(program: Program) -> list[Operation]:
    """What bodies name: types, structs, constants, buses, fixed tables, operators, formats and instructions."""
    found = [_declared(circ.TYPE, name, program.type_items[name].span, low=x.low, high=x.high) for name, x in program.types().items()]
    found += [_fields(program, circ.STRUCT, item, item.fields) for item in program.structs.values()]
    found += constants(program)
    steps = step_buses(program)
    found += [_bus(program, bus, steps) for bus in program.buses.values()]
    found += [_fields(program, circ.FIXED, item, item.params) for item in program.fixed.values()]
    found += [_declared(circ.IMPL, " ".join(key), item.span, gadget=Symbol(item.gadget)) for key, item in program.impls.items()]
    found += [_format(layout) for layout in program.formats.values()]
    return found + _instructions(program)


def constants(program: Program) -> list[Operation]:
    """Declared constants."""
    return [_declared(circ.CONST, n, program.constant_items[n].span, value=_constant(v)) for n, v in program.constants.items()]


def _declared(definition: OpDef, name: str, span: s.Span, **attributes: Attribute) -> Operation:
    return Operation(definition, (), {"sym_name": name, **attributes}, (), (), Location(span))


def _constant(value: ConstValue) -> Attribute:
    return value if isinstance(value, int) else tuple(_constant(v) for v in value)


def _fields(program: Program, definition: OpDef, item: s.Struct | s.Fixed, fields: tuple[s.Param, ...]) -> Operation:
    names, types = tuple(f.name for f in fields), tuple(declared_text(program, f.type) for f in fields)
    return _declared(definition, item.name, item.span, fields=names, types=types)


def _bus(program: Program, bus: s.BusDecl, steps: StepBuses) -> Operation:
    parts = elements(program, bus.params)
    said = {
        "remembers": bus.remembers,
        "known": bus.known,
        "clock": bus.params[0].name if bus is steps.state else None,
        "number": steps.number if bus is steps.program else None,
    }
    more: dict[str, Attribute] = {name: value for name, value in said.items() if value is not None}
    params, types = tuple(p.name for p in bus.params), tuple(declared_text(program, p.type) for p in bus.params)
    fields, lows = tuple(e.of for e in parts), tuple(e.low for e in parts)
    return _declared(circ.BUS, bus.name, bus.span, fields=fields, lows=lows, **more, params=params, types=types)


def _format(layout: s.Format) -> Operation:
    fields: list[tuple[str, int, int]] = []
    top = 32
    for part in layout.fields:
        top -= part.width
        if part.name is not None:
            fields.append((part.name, top, part.width))
    names, lows, widths = (tuple(f[i] for f in fields) for i in range(3))
    more: dict[str, Attribute] = {}
    if layout.immediate is not None:
        pieces = tuple((p.high, p.low, int(p.sext), int(p.literal is None)) for p in layout.immediate.pieces)
        more = {"type": layout.immediate.type.name, "pieces": pieces}
    return _declared(circ.FORMAT, layout.name, layout.span, fields=names, lows=lows, widths=widths, **more)


def _instructions(program: Program) -> list[Operation]:
    framed = INSTRUCTION in program.frames
    uses = {name: family_uses(program, family) for name, family in program.families.items()} if framed else {}
    found: list[Operation] = []
    for e in program.encodings.values():
        more: dict[str, Attribute] = {"mask": e.mask, "match": e.match, "format": Symbol(program.families[e.family].format)}
        if e.family in uses:
            more |= {"uses": uses[e.family].fields, "immediate": uses[e.family].immediate is not None}
        found.append(_declared(circ.INSN, e.name, e.span, op=e.op, **more))
    return found


class Importer:
    """Imports the items of one program; frames once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._frames: dict[str, Frame] = {}

    def frame(self, name: str, span: s.Span) -> Frame:
        """The frame of that name."""
        if name not in self._frames:
            self._frames[name] = Frame(self.program, frame_of(self.program, name, span))
        return self._frames[name]

    def body(self, item: Item) -> Operation:
        """A table, the claim, a family, another table of one, an environment call, the conditions of all, or a gadget."""
        program, (kind, name) = self.program, item
        match kind:
            case "families":
                family = program.families[name]
                return InFrame(program, self.frame(INSTRUCTION, family.span)).family(family)
            case "variants":
                variant = program.variants()[name]
                frame = self.frame(variant.frame, variant.span)
                return InFrame(program, frame).family(variant.family, variant)
            case "services":
                service = program.services[name]
                return InFrame(program, self.frame(SERVICE, service.span)).service(service)
            case "guards":
                first = next(iter(program.services.values()), None)
                return InFrame(program, None if first is None else self.frame(SERVICE, first.span)).guards()
            case "tables":
                return bodies.declared_table(program, program.tables[name])
            case "gadgets":
                return bodies.gadget(program, program.gadgets[name])
            case _:
                if program.claim is None:
                    raise program.fail("E0605", "there is no claim", None)
                return bodies.table(program, name, "claim", program.claim.body, program.claim.span)

    def used(self) -> list[Operation]:
        """What bodies use: all that is declared, gadgets, and the frames of what was imported so far."""
        gadgets = [bodies.gadget(self.program, item) for item in self.program.gadgets.values()]
        return [*declarations(self.program), *gadgets, *(frame.made for frame in self._frames.values())]

    def rows(self) -> list[Operation]:
        """Which rows of fixed tables arguments are, for those that say it."""
        return [bodies.row_at(self.program, item) for item in self.program.fixed.values() if item.at is not None]


def step_tables(program: Program) -> list[Item]:
    """Tables whose rows are steps: of families, each with its others, of environment calls, and of the clock. What families do by
    environment calls alone has none."""
    called = {x.on for x in program.services.values()}
    families = [f for f in program.families.values() if not all(i.name in called for i in f.insns)]
    others = [(x.family, ("variants", name)) for name, x in program.variants().items()]
    instructions = [item for f in families for item in (("families", f.name), *(x for family, x in others if family is f))]
    return [*instructions, *(("services", name) for name in program.services), *(("tables", t.name) for t in program.ticking())]


def given_tables(program: Program) -> list[Item]:
    """Tables whose rows the runtime gives."""
    return [("tables", name) for name, table in program.tables.items() if table.every is None]


def import_program(program: Program) -> Module:
    """A program in the stage `circ`. Raises DiagnosticError with what was found in all of it."""
    importer = Importer(program)
    items = [*step_tables(program), *given_tables(program), CLAIM, GUARDS]
    found = [op for item in items if (op := reporting(program.diagnostics, lambda item=item: importer.body(item))) is not None]
    program.check()
    return Module([*importer.used(), *importer.rows(), *found])
