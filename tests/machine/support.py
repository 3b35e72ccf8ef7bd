"""The machine under test, an assembler made from its own encodings, and single steps of its executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np

from tests.oracle.unicorn_machine import USER_END, Step
from zkc.compiler.machines import load_machine
from zkc.runtime.circuit.machine import InsnInfo, Machine, immediate_value
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution import events
from zkc.runtime.execution.executor import Cut, Executor, Limits
from zkc.runtime.execution.fuel import CLK, EVENT, FUEL, PC
from zkc.runtime.execution.pager import close
from zkc.runtime.memory.image import Image

CODE: Final = 0x10000
"""Where single instructions and random programs lie."""

WORDS: Final = (
    0, 1, 2, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x80000001, 0xFFFF, 0x10000, 0xFFFF0000, 0x8000, 0x7F, 0x80, 0xFF, 0xFFFFFF00,
    31, 32, 0x7F000001, 0x55555555, 0x12345678,
)  # fmt: skip
"""Operands that have gone wrong somewhere: signs, borders of halves and bytes, shift amounts, the modulus of the field."""


@cache
def machine() -> Machine:
    """The compiled machine."""
    return load_machine()


@cache
def instructions() -> dict[str, InsnInfo]:
    """Encodings by name."""
    return {insn.name: insn for insn in machine().spec.insns}


def encode(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> int:
    """The word of an instruction. An immediate that the format cannot hold is refused."""
    insn = instructions()[name]
    word = insn.match
    for field, number in (("rd", rd), ("rs1", rs1), ("rs2", rs2)):
        if field in insn.fields:
            word |= number << insn.fields[field][1]
    rest = imm
    for high, low, _, literal in reversed(insn.immediate):
        width = high - low + 1
        if not literal:
            word |= (rest & (1 << width) - 1) << low
        rest >>= width
    assert not insn.immediate or immediate_value(insn, word) in (imm, imm & 0xFFFFFFFF), f"{name} with immediate {imm}"
    return word


def immediates(name: str) -> list[int]:
    """Every corner of what the format of an instruction can hold."""
    insn = instructions()[name]
    if not insn.immediate:
        return [0]
    width = sum(high - low + 1 for high, low, _, _ in insn.immediate)
    least = sum(high - low + 1 for high, low, _, literal in insn.immediate if literal)
    signed = any(sext for _, _, sext, _ in insn.immediate)
    low, high = (-(1 << width - 1), (1 << width - 1) - (1 << least)) if signed else (0, (1 << width) - (1 << least))
    if high < 32:
        return list(range(high + 1))
    unit = 1 << least
    found = {low, low + unit, high, high - unit, 0, unit, 2 * unit, 3 * unit, 4 * unit, high // unit // 3 * unit}
    return sorted(found | {-unit, -2 * unit} if signed else found)


class Steps:
    """The executor, one instruction at a time on states of your choice; one instance serves many."""

    def __init__(self) -> None:
        self.executor = Executor(machine(), Image(machine().memory_map), None, b"", Limits(), snapshots=False)
        self.executor._begin()
        self.registers = self.executor.mem[self.executor.system_word :][:32]

    def step(self, word: int, registers: Sequence[int], memory: Mapping[int, int] | None = None, *, pc: int = CODE) -> Step:
        """The state after `word` at `pc`, as `Stepper.step` gives it; the changed words stand in for the stored bytes."""
        before = {address: value for address, value in (memory or {}).items() if address < USER_END} | {pc: word}
        for address, value in before.items():
            self.executor.mem[address // 4] = value
        self.registers[:] = registers
        fault = self._run(pc)
        after = tuple(int(x) for x in self.registers)
        stores = self._restore(before)
        target = int(self.executor.state[PC])
        if fault is None and (target % 4 or not 0 <= target < USER_END):
            fault = "jump to a bad address"
        return Step(tuple(registers), pc, {}, fault) if fault else Step(after, target, stores)

    def untouched(self) -> bool:
        """Whether all of user memory is zero again."""
        return not self.executor.mem[: self.executor.system_word].any()

    def _run(self, pc: int) -> str | None:
        """The fault of the instruction at `pc`, if any."""
        executor = self.executor
        executor.state[PC], executor.state[CLK] = pc, executor.clock.first
        while True:
            executor.state[FUEL] = 1
            try:
                if executor._enter() == events.FUEL:
                    return None
                executor._handle(int(executor.state[EVENT]), lambda fd, data: None)
            except GuestFault as fault:
                return fault.message
            except Cut:
                return "an instruction overwrites itself"

    def _restore(self, before: Mapping[int, int]) -> dict[int, bytes]:
        """Clears what was stored; the words that changed."""
        executor = self.executor
        book, touched = executor.book, executor._lists()[0]
        written = np.concatenate([np.flatnonzero(book.words[page * 256 :][:256]) + page * 256 for page in touched])
        words = {*(int(w) * 4 for w in written), *before}
        changed = {a: int(executor.mem[a // 4]) for a in words if a < USER_END and int(executor.mem[a // 4]) != before.get(a, 0)}
        for address in words:
            if address < USER_END:
                book.mem[address // 4] = book.decoded[address // 4] = book.words[address // 4] = 0
        close(book)
        executor._begin()
        return {address: value.to_bytes(4, "little") for address, value in changed.items()}


def names_of(column: str) -> list[str]:
    """The names that a column has in the arms of its table."""
    return column.partition("#")[0].split("|")
