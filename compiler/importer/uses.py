"""What bodies need of an instruction. A table that decodes words reads it of all instructions, without the gadgets that they call, so it
is part of what is declared of an instruction."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.program import Program, Variant, fields_of_insn, step_fields
from zkc.dsl import syntax as s
from zkc.dsl.built_in import AT
from zkc.dsl.diagnostics import did_you_mean

INSTRUCTION, SERVICE = "instruction", "service"
"""The frames of instructions and of environment calls."""


@dataclass(frozen=True)
class Uses:
    """Which parts of the instruction word a family needs; the others are sent as 0. immediate: its type, None if it is not needed.
    low, high: its least and greatest value."""

    fields: tuple[str, ...] = ()
    immediate: str | None = None
    low: int = 0
    high: int = 0


def frame_of(program: Program, name: str, span: s.Span) -> s.Frame:
    """The frame of that name. E0204 if there is none."""
    if name not in program.frames:
        raise program.fail("E0204", f"there is no frame `{name}` around this", span, help=did_you_mean(name, program.frames))
    return program.frames[name]


def variant_fields(program: Program, variant: Variant) -> tuple[str, str]:
    """The two fields that are the same in instructions of another table of a family. E0204 if the family does not need both, or if what
    it does is done by environment calls."""
    same = frame_of(program, variant.frame, variant.span).same
    assert same is not None
    uses = family_uses(program, variant.family)
    for name in same:
        if name not in uses.fields:
            message = f"`{variant.frame}` is for {same[0]} = {same[1]}, and `{variant.family.name}` needs no `{name}`"
            raise program.fail("E0204", message, variant.span)
    called = {service.on for service in program.services.values()}
    for insn in variant.family.insns:
        if insn.name in called:
            message = f"`{insn.name}` makes environment calls, which have the frame `{SERVICE}` alone"
            raise program.fail("E0204", message, variant.span)
    return same


def names_in(node: object) -> set[str]:
    """Names read and names set anywhere in a piece of syntax (a set name is `=name`)."""
    nodes = list(s.walk(node))
    return {n.name for n in nodes if isinstance(n, s.Name)} | {"=" + n.name for n in nodes if isinstance(n, s.Set)}


def family_uses(program: Program, family: s.Family) -> Uses:
    """What a family needs: fields that it names itself, or that stand in operands it reads and in results it sets. E0204 for what its
    format does not have."""
    bodies: object = (family.shared, tuple(i.body for i in family.insns))
    frame = frame_of(program, INSTRUCTION, family.span)
    needed = [bodies, *_of_frame(frame, names_in(bodies))]
    names = names_in(tuple(needed))
    found = fields_of_insn(tuple(needed))
    fields = tuple(name for name in step_fields(program) if name in found)
    layout = program.formats[family.format]
    for name in fields:
        if name not in {AT, *(part.name for part in layout.fields)}:
            message = f"`{family.name}` needs `{name}`, and its format `{layout.name}` has no field of this name"
            raise program.fail("E0204", message, _reason(frame, bodies, name) or family.span, help="choose another format")
    immediate = layout.immediate
    if immediate is None or "imm" not in names:
        return Uses(fields)
    return Uses(fields, immediate.type.name, *immediate_bounds(immediate))


def _reason(frame: s.Frame, bodies: object, field: str) -> s.Span | None:
    """Where bodies name what needs a field of the instruction: the field itself, an operand, or a result. None if they do not."""
    for node in s.walk(bodies):
        if isinstance(node, s.Field) and field in fields_of_insn(node):
            return node.span
        if isinstance(node, s.Name | s.Set):
            names = {node.name} if isinstance(node, s.Name) else {f"={node.name}"}
            if field in fields_of_insn(tuple(_of_frame(frame, names))):
                return node.span
    return None


def _of_frame(frame: s.Frame, names: set[str]) -> list[object]:
    """What a frame does for bodies that read and set these names: results that are set, operands that are read."""
    needed: list[object] = [stmt.body for stmt in frame.body if isinstance(stmt, s.Result) and "=" + stmt.name in names]
    names = names | names_in(tuple(needed))
    for stmt in reversed(frame.body):
        if isinstance(stmt, s.Operand) and stmt.name in names:
            needed.append(stmt.value)
            names |= names_in(stmt.value)
    return needed


def immediate_bounds(immediate: s.Immediate) -> tuple[int, int]:
    """Least and greatest value of an immediate."""
    width = sum(p.high + 1 if p.literal is not None else p.high - p.low + 1 for p in immediate.pieces)
    signed = any(p.sext for p in immediate.pieces)
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
