"""The buses of a step, as frames say which they are: one hands clock and pc from row to row, one says what the instruction at a pc is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zkc.compiler.program import Program
from zkc.dsl import syntax as s


@dataclass(frozen=True)
class StepBuses:
    """state: frames receive it and send it on. program: frames receive the number of the instruction (`insn.op`) from it; number,
    immediate: its fields for `insn.op` and `insn.imm`. None for what there is not."""

    state: s.BusDecl | None
    program: s.BusDecl | None
    number: str | None
    immediate: s.Param | None


def step_buses(program: Program) -> StepBuses:
    """What the frames of a program say. Of several, the first."""
    found = [(bus, param, _of_insn(arg)) for frame in program.frames.values() for bus, param, arg in _received(program, frame)]
    source = next((bus for bus, _, field in found if field == "op"), None)
    number = next((param.name for bus, param, field in found if bus is source and field == "op"), None)
    immediate = next((param for bus, param, field in found if bus is source and field == "imm"), None)
    state = next((bus for frame in _rounds(program) for bus in states(program, frame)), None)
    return StepBuses(state, source, number, immediate)


def _rounds(program: Program) -> list[s.Frame | s.TableDecl]:
    """What stands around steps: frames, and tables of steps that the clock asks for."""
    return [*program.frames.values(), *program.ticking()]


def states(program: Program, frame: s.Frame | s.TableDecl) -> list[s.BusDecl]:
    """The buses that a frame receives from and sends on."""
    sent = {m.bus for m in _messages(frame, "send")}
    received = dict.fromkeys(m.bus for m in _messages(frame, "recv") if m.bus in sent and m.bus in program.buses)
    return [program.buses[name] for name in received if program.buses[name].remembers is None]


def check_step_buses(program: Program) -> None:
    """E0608 for frames that do not say what the executor needs: a step that follows from a step, and an instruction."""
    found = step_buses(program)
    for frame in _rounds(program):
        if states(program, frame) != [found.state]:
            names = ", ".join(f"`{bus.name}`" for bus in states(program, frame)) or "none"
            what = "frame" if isinstance(frame, s.Frame) else "table"
            message = f"the {what} `{frame.name}` takes clock and pc from one bus, and gives those of the next step to it, as all frames do"
            program.error("E0608", message, frame.span, help=f"buses that it receives from and sends on: {names}")
    wanted = ["clk: felt", "pc: felt"]
    if found.state is not None and (given := [_param(p) for p in found.state.params]) != wanted:
        message = f"the executor takes ({', '.join(wanted)}) from `{found.state.name}`, not ({', '.join(given)})"
        program.error("E0608", message, found.state.span)
    for bus, param, arg in (x for frame in program.frames.values() for x in _received(program, frame)):
        name = _of_insn(arg)
        if bus is found.program and name not in (None, "op", param.name):
            message = f"frames receive `insn.{name}` as `{param.name}` of `{bus.name}`: a field of the instruction has one name"
            program.error("E0608", message, param.span)
    if found.program is not None and found.program.known is None:
        message = f"`{found.program.name}` says what the instruction at a pc is: it is `known by` the pc"
        program.error("E0608", message, found.program.span)


def _param(param: s.Param) -> str:
    return f"{param.name}: {param.type.name}{'[…]' if param.type.length is not None else ''}"


def _messages(frame: s.Frame | s.TableDecl, direction: str) -> Iterator[s.MessageStmt]:
    return (node for node in s.walk(frame) if isinstance(node, s.MessageStmt) and node.direction == direction)


def _received(program: Program, frame: s.Frame) -> Iterator[tuple[s.BusDecl, s.Param, s.Expr]]:
    for message in _messages(frame, "recv"):
        bus = program.buses.get(message.bus)
        if bus is not None:
            yield from ((bus, param, arg) for param, arg in zip(bus.params, message.args, strict=False))


def _of_insn(arg: s.Expr) -> str | None:
    """The field of the instruction that an argument is."""
    return arg.name if isinstance(arg, s.Field) and isinstance(arg.of, s.Name) and arg.of.name == "insn" else None
