"""`zkc profile`: where a program's instructions and their cost in cells go, by function, source line, instruction and call stack.

A cell is a number that the prover commits to. A row costs the columns of its table and six cells for each two bus messages. What belongs
to no row of the program (decoding, paging, padding, fixed tables) is counted apart.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from zkc.calls import CALLS, RETURNS, STAYS, transfers
from zkc.runtime.circuit.machine import OP_MASK
from zkc.runtime.execution.sizes import row_cells, table_sizes

if TYPE_CHECKING:
    from zkc.advice import Finding
    from zkc.api import Run
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.execution.executor import Execution
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.guest.elf import Program

Numbers = npt.NDArray[np.int64]
Stack = tuple[str, ...]

CLK, PC, ENTRY = range(3)
"""Columns of a traced row."""
DEEPEST: Final = 200
"""Frames of a call stack that are told apart; recursion below is one frame."""


@dataclass
class Weight:
    """Steps, and the cells of their rows. An environment call takes several steps."""

    steps: int = 0
    cells: int = 0

    def add(self, steps: int, cells: int) -> None:
        self.steps += steps
        self.cells += cells


@dataclass
class Profile:
    """What a run costs. `overhead` names cells that belong to no row of the program; `stacks` has steps and cells by call stack."""

    run: Run
    functions: dict[str, Weight] = field(default_factory=lambda: {})
    lines: dict[str, Weight] = field(default_factory=lambda: {})
    mnemonics: dict[str, Weight] = field(default_factory=lambda: {})
    stacks: dict[Stack, Weight] = field(default_factory=lambda: {})
    overhead: dict[str, int] = field(default_factory=lambda: {})
    findings: list[Finding] = field(default_factory=lambda: [])


class Profiler:
    """Adds up segments."""

    def __init__(self, machine: Machine, program: Program, run: Run) -> None:
        self.machine = machine
        self.symbols = program.symbols
        self.profile = Profile(run)
        self.cost = {table.name: row_cells(table) for table in machine.circuit.tables}
        self.steps = {table.name for table in machine.spec.step_tables if not table.ticking}
        self.stack: list[str] = []
        self.names: dict[int, str] = {}
        self.places: dict[int, str] = {}

    def add(self, segment: Segment) -> None:
        """One segment, traced again from its snapshot."""
        from zkc.runtime.execution.trace import Tracer

        tracer = Tracer(self.machine, segment)
        code = dict(zip(segment.code.tolist(), tracer.mem[segment.code].tolist(), strict=True))
        records = {name: rows for name, rows in tracer.run().items() if name in self.steps}
        clk, pc, op, cells = self._steps(records)
        self._by_place(pc, op, cells, code)
        order = np.argsort(clk, kind="stable")
        self._by_stack(pc[order], cells[order], code)
        for name, count in self._overhead(segment).items():
            self.profile.overhead[name] = self.profile.overhead.get(name, 0) + count

    def _steps(self, records: Mapping[str, npt.NDArray[np.uint32]]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Time, pc, instruction number and cells of every step."""
        parts: list[Numbers] = []
        for name, rows in records.items():
            numbers = rows[:, : ENTRY + 1].astype(np.int64)
            parts.append(np.stack([numbers[:, CLK], numbers[:, PC], numbers[:, ENTRY] & OP_MASK, np.full(len(rows), self.cost[name])]))
        every = np.concatenate(parts, axis=1)
        return every[0], every[1], every[2], every[3]

    def _by_place(self, pc: Numbers, op: Numbers, cells: Numbers, code: Mapping[int, int]) -> None:
        """Functions, lines and instructions."""
        mnemonic = {insn.op: insn.name for insn in self.machine.spec.insns}
        mnemonic |= {number: arm for t in self.machine.spec.step_tables if t.base for number, arm in zip(t.numbers, t.arms, strict=True)}
        places, where = np.unique(pc, return_inverse=True)
        steps = np.bincount(where, minlength=len(places))
        cost = np.bincount(where, weights=cells, minlength=len(places)).astype(np.int64)
        number = np.zeros(len(places), dtype=np.int64)
        number[where] = op
        for at, count, total, which in zip(places.tolist(), steps.tolist(), cost.tolist(), number.tolist(), strict=True):
            for weights, key in (
                (self.profile.functions, self.function(at)),
                (self.profile.lines, self.place(at)),
                (self.profile.mnemonics, mnemonic.get(which, f"0x{code.get(at // 4, 0):08x}")),
            ):
                weights.setdefault(key, Weight()).add(count, total)

    def function(self, pc: int) -> str:
        """The name of the function, or its address."""
        if pc not in self.names:
            found = self.symbols.function(pc)
            self.names[pc] = found.name if found is not None else f"0x{pc:08x}"
        return self.names[pc]

    def place(self, pc: int) -> str:
        """The source line, or the function if there is none."""
        if pc not in self.places:
            found = self.symbols.line(pc)
            self.places[pc] = str(found) if found is not None else f"{self.function(pc)} (no line)"
        return self.places[pc]

    # call stacks

    def _by_stack(self, pc: Numbers, cells: Numbers, code: Mapping[int, int]) -> None:
        """Walks the steps in order: a jump that links its return address calls, `jalr` to such an address returns."""
        places, where = np.unique(pc, return_inverse=True)
        names = [self.function(at) for at in places.tolist()]
        kinds = transfers(pc, code)
        group = {name: number for number, name in enumerate(dict.fromkeys(names))}
        function = np.array([group[name] for name in names])[where]
        # A run of steps in one function between transfers is one piece.
        starts = np.flatnonzero(np.concatenate([[True], (function[1:] != function[:-1]) | (kinds[:-1] != STAYS)]))
        totals = np.add.reduceat(cells, starts)
        lengths = np.diff(np.concatenate([starts, [len(pc)]]))
        before = np.concatenate([[STAYS], kinds[:-1]])[starts]
        known = list(group)
        for start, kind, length, total in zip(function[starts].tolist(), before.tolist(), lengths.tolist(), totals.tolist(), strict=True):
            self._enter(known[start], kind)
            self.profile.stacks.setdefault(tuple(self.stack[:DEEPEST]), Weight()).add(length, total)

    def _enter(self, name: str, kind: int) -> None:
        """The stack after a transfer of that kind into the function `name`."""
        if not self.stack:
            self.stack = [name]
        elif kind == CALLS:
            self.stack.append(name)
        elif kind == RETURNS and name in self.stack[:-1]:
            while self.stack.pop() and self.stack and self.stack[-1] != name:
                pass
        elif self.stack[-1] != name:
            self.stack[-1] = name

    # what belongs to no row of the program

    def _overhead(self, segment: Segment) -> dict[str, int]:
        """Cells of decoding, paging, fixed tables, steps of the clock and padding in one segment."""
        names = {"decode": "decoding", "boundary": "boundary"} | dict.fromkeys(("data_page", "dirty_page", "table_page"), "paging")
        found: Counter[str] = Counter()
        for size in table_sizes(self.machine.circuit, segment.rows):
            if size.name not in self.steps:
                found["fixed tables" if size.fixed else names.get(size.name, size.name)] += size.used
            found["padding"] += size.padding
        return dict(found)


def profile(
    machine: Machine, program: Program, execution: Execution, run: Run, progress: Callable[[str, int, int], None]
) -> Profile:
    """The profile of a run with snapshots."""
    from zkc.advice import advise

    profiler = Profiler(machine, program, run)
    for number, segment in enumerate(execution.segments):
        profiler.add(segment)
        progress("profile", number + 1, len(execution.segments))
    profiler.profile.findings = advise(machine, program.symbols, execution, execution.segments.__getitem__)
    return profiler.profile


def speedscope(found: Profile, name: str) -> str:
    """The call stacks as a file for the viewer at speedscope.app, once by cells and once by steps."""
    frames = list(dict.fromkeys(frame for stack in found.stacks for frame in stack))
    number = {frame: k for k, frame in enumerate(frames)}
    samples = [[number[frame] for frame in stack] for stack in found.stacks]

    def view(unit: str, weights: list[int]) -> dict[str, Any]:
        return {
            "type": "sampled", "name": f"{name}, {unit}", "unit": "none", "startValue": 0, "endValue": sum(weights), "samples": samples,
            "weights": weights,
        }  # fmt: skip

    profiles = [
        view("cells", [weight.cells for weight in found.stacks.values()]),
        view("steps", [weight.steps for weight in found.stacks.values()]),
    ]
    content = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": frame} for frame in frames]},
        "profiles": profiles,
        "exporter": "zkc",
    }
    return json.dumps(content)
