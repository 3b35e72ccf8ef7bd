"""Straight-line programs over registers: values by number first, then as few registers as are alive at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from zkc.runtime.circuit.fill_program import Op

Row = tuple[int, int, int, int, int]
NUMBERS = (Op.RECORD, Op.ENTRY)
"""Instructions whose operand is no value."""


@dataclass(frozen=True)
class Instruction:
    """`operands` and `results` are numbers of values; `number` is what is none: a word, a function, the place of an effect."""

    op: Op
    operands: tuple[int, ...]
    results: tuple[int, ...] = ()
    number: int = 0


@dataclass
class Program:
    """Instructions in order; each value is made once. Constants are values that are there before the first instruction."""

    instructions: list[Instruction] = field(default_factory=lambda: list[Instruction]())
    constants: dict[int, int] = field(default_factory=lambda: dict[int, int]())
    values: int = 0

    def constant(self, number: int) -> int:
        """The value of a number below 2^64."""
        if number not in self.constants:
            self.constants[number] = self._new()
        return self.constants[number]

    def read(self, op: Op, number: int = 0) -> int:
        """A value of the record."""
        return self._made(Instruction(op, (), (self._new(),), number))[0]

    def add(self, op: Op, *operands: int) -> int:
        """The value that an instruction makes."""
        return self._made(Instruction(op, operands, (self._new(),)))[0]

    def call(self, function: int, operands: Sequence[int], results: int) -> tuple[int, ...]:
        """All results of a field function."""
        return self._made(Instruction(Op.CALL, tuple(operands), tuple(self._new() for _ in range(results)), function))

    def effect(self, op: Op, *operands: int, to: int) -> None:
        """An instruction that makes no value; `to` is its place."""
        self._made(Instruction(op, operands, (), to))

    def _new(self) -> int:
        self.values += 1
        return self.values - 1

    def _made(self, instruction: Instruction) -> tuple[int, ...]:
        self.instructions.append(instruction)
        return instruction.results


@dataclass
class Assembled:
    """Programs one after the other, in the form of runtime/circuit/fill_program.py (FillProgram)."""

    arms: list[tuple[int, int, int, int]] = field(default_factory=lambda: list[tuple[int, int, int, int]]())
    code: list[Row] = field(default_factory=lambda: list[Row]())
    constants: list[int] = field(default_factory=lambda: list[int]())
    lists: list[int] = field(default_factory=lambda: list[int]())
    registers: int = 1

    def add(self, program: Program) -> None:
        """Another program."""
        register = _allocate(program)
        code, constants = len(self.code), len(self.constants)
        self.code += _rows(program, register, self.lists)
        self.constants += [c if c < 1 << 63 else c - (1 << 64) for c in program.constants]
        self.arms.append((code, len(self.code), constants, len(self.constants)))
        self.registers = max(self.registers, *(r + 1 for r in register.values()), 1)


def assemble(programs: Iterable[Program]) -> Assembled:
    """Registers: constants, then values, each from where it is made to its last use, then results of calls, side by side and for good."""
    made = Assembled()
    for program in programs:
        made.add(program)
    return made


def _rows(program: Program, register: Mapping[int, int], lists: list[int]) -> list[Row]:
    """The instructions over registers; what calls are given is added to `lists`."""
    code: list[Row] = []
    for instruction in program.instructions:
        operands = [register[v] for v in instruction.operands]
        results = [register[v] for v in instruction.results]
        if instruction.op is Op.CALL:
            code.append((Op.CALL, len(lists), instruction.number, len(operands), results[0]))
            lists += operands
            continue
        if instruction.op in NUMBERS:
            operands = [instruction.number]
        a, b, c = (*operands, 0, 0, 0)[:3]
        code.append((instruction.op, a, b, c, results[0] if results else instruction.number))
    return code


def _allocate(program: Program) -> dict[int, int]:
    """The register of each value."""
    last = {v: at for at, instruction in enumerate(program.instructions) for v in instruction.operands}
    register = {value: i for i, value in enumerate(program.constants.values())}
    results = [v for instruction in program.instructions if instruction.op is Op.CALL for v in instruction.results]
    kept = {*register, *results}
    free: list[int] = []
    used = len(register)
    for at, instruction in enumerate(program.instructions):
        free += [register[v] for v in dict.fromkeys(instruction.operands) if v not in kept and last[v] == at]
        for v in instruction.results:
            if v in kept:
                continue
            if not free:
                free, used = [used], used + 1
            register[v] = free.pop()
            if v not in last:
                free.append(register[v])
    return register | {v: used + i for i, v in enumerate(results)}
