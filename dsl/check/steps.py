"""Tests of instructions and environment calls: `test add(rs1 = 5, rs2 = 7) == 12;`, whose places must be there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zkc.dsl import syntax as s
from zkc.dsl.check.context import Declarations
from zkc.dsl.check.reporter import Reporter
from zkc.dsl.diagnostics import did_you_mean

INSTRUCTION, SERVICE = "instruction", "service"
"""The frames around the bodies of instructions and of environment calls."""
PC: Final = "pc"
WORD: Final = "insn"
IMMEDIATE: Final = "imm"


@dataclass(frozen=True)
class Subject:
    """What a test runs: an instruction, or an environment call. operands: those of its frame that it reads, all for a call, which may read
    them as memory; results: those that it sets, in the order of the frame. family, insn: the instruction, or the one that makes the call.
    """

    frame: s.Frame
    family: s.Family
    insn: s.Insn
    operands: tuple[str, ...]
    results: tuple[str, ...]


def subject_of(d: Declarations, name: str) -> Subject | None:
    """The instruction or the environment call of that name, if it is there, and what it stands in."""
    insns = {insn.name: (family, insn) for family in d.families.values() for insn in family.insns}
    service = d.services.get(name)
    if name not in insns and (service is None or service.on not in insns):
        return None
    family, insn = insns[name] if name in insns else insns[service.on if service is not None else name]
    frame = d.frames.get(INSTRUCTION if name in insns else SERVICE)
    if frame is None:
        return None
    if service is not None and name not in insns:
        every = tuple(stmt.name for stmt in frame.body if isinstance(stmt, s.Operand))
        return Subject(frame, family, insn, every, _set(frame, service.body))
    bodies = family.shared, insn.body
    return Subject(frame, family, insn, _read(frame, bodies), _set(frame, bodies))


def _read(frame: s.Frame, bodies: object) -> tuple[str, ...]:
    """The operands that bodies name, or what the frame does besides."""
    others = tuple(stmt for stmt in frame.body if not isinstance(stmt, s.Operand))
    names = {node.name for node in s.walk((bodies, others)) if isinstance(node, s.Name)}
    return tuple(stmt.name for stmt in frame.body if isinstance(stmt, s.Operand) and stmt.name in names)


def _set(frame: s.Frame, bodies: object) -> tuple[str, ...]:
    names = {node.name for node in s.walk(bodies) if isinstance(node, s.Set)}
    return tuple(stmt.name for stmt in frame.body if isinstance(stmt, s.Result) and stmt.name in names)


def step_test(reporter: Reporter, test: s.StepTest) -> None:
    """E0204 for names that are not there, E0205 for what is no number, E0210 for a place that is given twice."""
    d = reporter.declared
    for expr in _constants(test):
        if isinstance(reporter.constant_of(expr), list):
            reporter.error("E0205", "a number is needed here, this is a list", expr.span)
    subject = subject_of(d, test.insn)
    if subject is None:
        known = [*(i.name for f in d.families.values() for i in f.insns), *d.services]
        help_ = did_you_mean(test.insn, known) or 'tests of gadgets stand in `test "name" { … }`'
        reporter.error("E0204", f"there is no instruction or environment call `{test.insn}`", test.span, help_)
        return
    if test.result is not None and not subject.results:
        help_ = "say what is there after it: `{ pc == 4; }`"
        reporter.error("E0204", f"`{test.insn}` sets nothing that it could be equal to", test.result.span, help_)
    layout = d.formats.get(subject.family.format)
    fixed = {f.name for f in (*subject.family.fixed, *subject.insn.fixed)}
    free = [f.name for f in layout.fields if f.name is not None and f.name not in fixed] if layout is not None else []
    immediate = [IMMEDIATE] if layout is not None and layout.immediate is not None else []
    _places(reporter, test, test.given, "reads", [*subject.operands, *immediate, PC], free)
    _places(reporter, test, test.after or (), "sets", [*subject.results, PC], [])


def _places(
    reporter: Reporter, test: s.StepTest, settings: Iterable[s.Setting], verb: str, known: list[str], fields: list[str]
) -> None:
    """What stands before a step, or after it: names that are known there, free fields of the instruction, and memory."""
    seen: set[tuple[str, str | None]] = set()
    for x in settings:
        if x.index is not None:
            if x.name not in (memories := [bus.name for bus in reporter.declared.buses.values() if bus.remembers]):
                reporter.error("E0204", f"there is no bus `{x.name}` that remembers", x.span, did_you_mean(x.name, memories))
            continue
        names, name = (known, x.name) if x.field is None else (fields, x.field)
        if name not in names:
            what = f"{verb} no `{name}`" if x.field is None else f"has no field `{name}` to choose"
            help_ = did_you_mean(name, names) or (f"there are {', '.join(names)}" if names else None)
            reporter.error("E0204", f"`{test.insn}` {what}", x.span, help_)
        if (x.name, x.field) in seen:
            reporter.error("E0210", f"`{name}` is given twice", x.span)
        seen.add((x.name, x.field))


def _constants(test: s.StepTest) -> Iterable[s.Expr]:
    """The constants of a test."""
    for x in (*test.given, *(test.after or ())):
        yield x.value
        if x.index is not None:
            yield x.index
    if test.result is not None:
        yield test.result
