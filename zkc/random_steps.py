"""Steps that nobody wrote down: every instruction on corners and on random operands. What must come out is not known, so the specification
is held against the rows alone; a failure is printed as a test that can be put into a .circ file."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from zkc.dsl.check.steps import IMMEDIATE, PC
from zkc.runtime.circuit.machine import InsnInfo, immediate_value
from zkc.runtime.execution.one_step import After
from zkc.runtime.memory.map import WORD_BYTES
from zkc.step_tests import Ready, Step, Steps, said_of, text_of

CORNERS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFE, 0xFFFFFFFF)
TRIES: Final = 8
"""Operands that are tried until an instruction does not fail: the misaligned address is the likely one."""
Made = tuple[Ready, After]


@dataclass(frozen=True)
class Tried:
    """An instruction on operands that were chosen. steps: those that were made. failures: tests, and what is wrong with them."""

    insn: str
    steps: int
    failures: tuple[tuple[str, tuple[str, ...]], ...]


def tried(steps: Steps, name: str, count: int, seed: int) -> Tried:
    """An instruction on `count` operands; the same ones for the same seed, whatever else is tried."""
    return _Chooser(steps, name, seed).tried(count)


class _Chooser:
    def __init__(self, steps: Steps, name: str, seed: int) -> None:
        self.steps = steps
        self.random = random.Random(f"{seed} {name}")
        self.name = name
        self.operands = steps.subject(name).operands
        self.info = steps.insns[name]
        end = steps.program.constants["user_end"]
        self.end = end if isinstance(end, int) else 0

    def tried(self, count: int) -> Tried:
        made: list[Made] = []
        for _ in range(TRIES):
            made += self._made([self._step() for _ in range(count - len(made))])
        checked = self.steps.rows.failures([(ready.before, after) for ready, after in made]) if made else []
        memory = self.steps.rows.buses.memory
        failures = [
            (text_of(_said(ready, after), memory), tuple(map(said_of, found)))
            for (ready, after), found in zip(made, checked, strict=True)
            if found
        ]
        return Tried(self.name, len(made), tuple(failures))

    def _made(self, steps: list[Step]) -> list[Made]:
        """The steps that the specification makes, with something in all the words that they touch."""
        first = [(x, self.steps.executor.run(x.before)) for x in self._ready(steps)]
        filled = [self._with(x.step, after.stamps.keys() - x.before.memory.keys()) for x, after in first if after.fault is None]
        again = [(x, self.steps.executor.run(x.before)) for x in self._ready(filled)]
        return [(x, after) for x, after in again if after.fault is None]

    def _ready(self, steps: list[Step]) -> list[Ready]:
        return [x for x in self.steps.ready(steps) if isinstance(x, Ready)]

    def _with(self, step: Step, words: Iterable[int]) -> Step:
        """The step with something in more words of memory."""
        others = sorted(set(words) - {step.pc // WORD_BYTES})
        return replace(step, memory={**step.memory, **{address: self._word() for address in others}}) if others else step

    def _step(self) -> Step:
        fields = self._registers() | ({} if not self.info.immediate else {IMMEDIATE: self._immediate(self.info)})
        return Step(self.name, self.random.randrange(self.end // WORD_BYTES) * WORD_BYTES, {n: self._word() for n in self.operands}, fields)

    def _registers(self) -> dict[str, int]:
        """Now and then registers that may be the same."""
        if self.random.randrange(4):
            return {}
        return {name: self.random.randrange(4) for name in self.steps.free_registers(self.name)}

    def _word(self) -> int:
        """A corner, a small number, an address, or any word."""
        kind = self.random.randrange(4)
        if kind == 0:
            return self.random.choice(CORNERS)
        if kind == 1:
            return self.random.randrange(-64, 64) % 2**32
        if kind == 2:
            return self.random.randrange(self.end) & -self.random.choice((1, 4))
        return self.random.getrandbits(32)

    def _immediate(self, info: InsnInfo) -> int:
        """One that its format has: that of any word."""
        word = self.random.choice((0, 2**32 - 1, self.random.getrandbits(32), self.random.getrandbits(32)))
        return immediate_value(info, word)


def _said(ready: Ready, after: After) -> Step:
    """The step, with what the specification gives as what is expected."""
    results = {name: after.memory.get(address, 0) for name, address in ready.results.items() if address is not None}
    own = {*ready.results.values(), ready.before.pc // WORD_BYTES}
    before = ready.before.memory
    changed = {a: v for a, v in sorted(after.memory.items()) if a not in own and v != before.get(a, 0)}
    return replace(ready.step, results={**results, PC: after.pc}, memory_after=changed)
