"""Frames, and what stands in them: families of instructions, environment calls and their conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zkc.compiler.dialects import circ
from zkc.compiler.importer.statements import Statements
from zkc.compiler.importer.types import declared_text, declared_type
from zkc.compiler.importer.uses import family_uses, variant_fields
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import ANY, FELT, INSN, Attribute, Operation, Region, Symbol, Type, struct_type
from zkc.compiler.program import Program, Variant, step_fields
from zkc.compiler.step_buses import step_buses
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean

WORD_OF: Final = "insn"
"""What the instruction is called in frames and in what stands in them."""
IMMEDIATE: Final = "imm"


def immediate_struct(program: Program) -> str | None:
    """The struct that carries immediates: the type of `insn.imm` where frames receive it. None if it is no struct."""
    immediate = step_buses(program).immediate
    ref = immediate.type if immediate is not None else None
    return None if ref is None or ref.name not in program.structs or ref.length is not None else ref.name


def instruction_attributes(program: Program) -> dict[str, Attribute]:
    """The fields that frames speak of, and the struct that carries immediates."""
    struct = immediate_struct(program)
    fields: dict[str, Attribute] = {"fields": tuple(step_fields(program))}
    return fields if struct is None else {**fields, "type": struct}


class Frame(Statements):
    """Imports one frame. reach: what bodies get by name, with its type."""

    def __init__(self, program: Program, frame: s.Frame) -> None:
        super().__init__(program, Region(), given={WORD_OF: INSN, IMMEDIATE: ANY}, immediate=immediate_struct(program))
        self.reach: Mapping[str, Type] = {}
        for stmt in frame.body:
            match stmt:
                case s.Operand():
                    self._operand(stmt)
                case s.RunBody():
                    self._body(stmt)
                case s.Result():
                    self._result(stmt)
                case _:
                    self.run((stmt,), None)
        attributes: dict[str, Attribute] = {"sym_name": frame.name, **instruction_attributes(program)}
        self.made = Operation(circ.FRAME, (), attributes, (), (self.region,), Location(frame.span))

    def _operand(self, stmt: s.Operand) -> None:
        region = Region()
        with self.inside(region):
            self.create(circ.YIELD, stmt.span, (self.value(stmt.value),))
        attributes: dict[str, Attribute] = {"name": stmt.name, "type": declared_text(self.program, stmt.type)}
        type_ = declared_type(self.program, stmt.type)
        self.env[stmt.name] = self.create(circ.OPERAND, stmt.span, (), attributes, results=(type_,), regions=(region,)).result

    def _body(self, stmt: s.RunBody) -> None:
        own = {name: v for name, v in self.env.items() if v.op is None or v.op.definition is not circ.GET}
        self.reach = {name: value.type for name, value in own.items()}
        self.create(circ.BODY, stmt.span, list(own.values()), {"names": tuple(own)})

    def _result(self, stmt: s.Result) -> None:
        """What a result is by default, and what is done with it. A frame has results that nothing sets, and that have no default."""
        default, body = Region(), Region((declared_type(self.program, stmt.type),))
        if stmt.default is not None:
            with self.inside(default):
                self.create(circ.YIELD, stmt.default.span, (self.value(stmt.default),))
        with self.inside(body):
            self.env[stmt.name] = body.arguments[0]
            self.run(stmt.body, None)
        attributes: dict[str, Attribute] = {"name": stmt.name, "type": declared_text(self.program, stmt.type)}
        value = self.create(circ.RESULT, stmt.span, (), attributes, results=(body.arguments[0].type,), regions=(default, body)).result
        self.env[stmt.name] = value
        self.doubtful.add(value)


class InFrame:
    """Imports what stands in a frame."""

    def __init__(self, program: Program, frame: Frame | None) -> None:
        self.program = program
        self.frame = frame

    def _statements(self, immediate: Type | None = None) -> Statements:
        reach = {} if self.frame is None else self.frame.reach
        given = {WORD_OF: INSN, **reach} | ({} if immediate is None else {IMMEDIATE: immediate})
        return Statements(self.program, Region(), given=given, immediate=immediate_struct(self.program))

    def family(self, family: s.Family, variant: Variant | None = None) -> Operation:
        """Instructions of one table: the one of the family, or another."""
        body = self._statements(self._immediate(family))
        body.run(family.shared, None)
        for insn in family.insns:
            region = Region()
            with body.inside(region):
                body.run(insn.body, frozenset())
            body.create(circ.ARM, insn.span, (), {"name": insn.name}, regions=(region,))
        uses = family_uses(self.program, family)
        attributes: dict[str, Attribute] = {"sym_name": family.name, "uses": uses.fields}
        if uses.immediate is not None:
            attributes |= {"type": uses.immediate, "low": uses.low, "high": uses.high}
        if variant is not None:
            same = variant_fields(self.program, variant)
            attributes |= {"sym_name": variant.name, "frame": Symbol(variant.frame), "same": same, "variant": variant.number}
        return Operation(circ.FAMILY, (), attributes, (), (body.region,), Location(family.span))

    def _immediate(self, family: s.Family) -> Type | None:
        """The type of the immediate, None if there is none."""
        immediate = self.program.formats[family.format].immediate
        if immediate is None:
            return None
        return struct_type(immediate.type.name) if immediate.type.name in self.program.structs else FELT

    def service(self, service: s.Service) -> Operation:
        """An environment call. E0204 for names of others that there are not."""
        if service.on not in self.program.encodings:
            help_ = did_you_mean(service.on, self.program.encodings)
            raise self.program.fail("E0204", f"there is no instruction `{service.on}`", service.span, help=help_)
        for other in service.beside:
            if other.name not in self.program.services or self.program.services[other.name].on != service.on:
                help_ = did_you_mean(other.name, self.program.services)
                raise self.program.fail("E0204", f"there is no environment call `{other.name}` by `{service.on}`", other.span, help=help_)
        body = self._statements()
        body.run(service.body, frozenset())
        attributes: dict[str, Attribute] = {"sym_name": service.name, "on": Symbol(service.on)}
        return Operation(circ.SERVICE, (), attributes, (), (body.region,), Location(service.span))

    def guards(self) -> Operation:
        """The conditions of all environment calls, in order."""
        body = self._statements()
        found = [(x.name, body.integer(x.when), x.span) for x in self.program.services.values()]
        operation = Operation(circ.YIELD, [value for _, value, _ in found])
        body.region.operations.append(operation)
        attributes: dict[str, Attribute] = {"sym_name": "guards", "names": tuple(name for name, _, _ in found)}
        return Operation(circ.GUARDS, (), attributes, (), (body.region,))
