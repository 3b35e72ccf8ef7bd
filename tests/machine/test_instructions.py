"""Every instruction with corner and random operands: the executor does what unicorn does to registers, pc and memory."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from unicorn import UcError

from tests.machine.support import CODE, WORDS, Steps, encode, immediates, instructions, machine
from tests.oracle.unicorn_machine import ENCODINGS, USER_END, Step, Stepper, is_rv32im
from zkc.runtime.circuit.machine import immediate_value

REGISTER_FORMS = ("add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and")
MULTIPLY_FORMS = ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")
IMMEDIATE_FORMS = ("addi", "slti", "sltiu", "xori", "ori", "andi", "slli", "srli", "srai")
LOADS = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4}
STORES = {"sb": 1, "sh": 2, "sw": 4}
JUMPS = ("jal", "jalr", "beq", "bne", "blt", "bge", "bltu", "bgeu")
DATA = 0x20000
ALIASES = [*product((0, 5, 6), repeat=3)]
"""rd, rs1, rs2: equal or not, x0 or not."""
NAMES = [name for name in instructions() if name != "ecall"]


@dataclass(frozen=True)
class Case:
    """One instruction word and the state it meets."""

    word: int
    registers: Sequence[int]
    memory: Mapping[int, int]
    pc: int = CODE

    def __str__(self) -> str:
        values = ", ".join(f"x{i}=0x{value:x}" for i, value in enumerate(self.registers) if value)
        words = ", ".join(f"[0x{address:x}]=0x{value:x}" for address, value in self.memory.items())
        return f"{machine().disassemble(self.word, self.pc)} (0x{self.word:08x}) at 0x{self.pc:x}; {values}; {words}"


def registers(**values: int) -> list[int]:
    found = [0] * 32
    for name, value in values.items():
        found[int(name[1:])] = value & 0xFFFFFFFF
    return found


@pytest.fixture(scope="module")
def ours() -> Iterator[Steps]:
    steps = Steps()
    yield steps
    assert steps.untouched(), "some instruction stored where it should not"


STEPPERS: list[Stepper] = []


def unicorn_step(case: Case) -> Step:
    """One step of unicorn; its stepper cannot take back a store outside memory, and is thrown away after one."""
    stepper = STEPPERS.pop() if STEPPERS else Stepper()
    try:
        step = stepper.step(case.word, case.registers, case.memory, pc=case.pc)
    except UcError as error:
        return Step(tuple(case.registers), case.pc, {}, str(error))
    STEPPERS.append(stepper)
    return step


def expected(case: Case) -> Step:
    """What unicorn does; a jump out of user memory is a fault, and stores are whole words."""
    step = unicorn_step(case)
    if step.fault or step.pc >= USER_END:
        return Step(tuple(case.registers), case.pc, {}, step.fault or "jump out of user memory")
    before = dict(case.memory) | {case.pc: case.word}
    words = dict(before)
    for address, data in step.stores.items():
        old = bytearray(words.get(address & ~3, 0).to_bytes(4, "little"))
        old[address % 4 : address % 4 + len(data)] = data
        words[address & ~3] = int.from_bytes(old, "little")
    changed = {a: v.to_bytes(4, "little") for a, v in words.items() if a < USER_END and v != before.get(a, 0)}
    return Step(step.registers, step.pc, changed)


def compare(ours: Steps, cases: Sequence[Case]) -> None:
    for case in cases:
        theirs, mine = expected(case), ours.step(case.word, case.registers, case.memory, pc=case.pc)
        assert (mine.fault is None) == (theirs.fault is None), f"{case}: we say {mine.fault}, unicorn {theirs.fault}"
        assert (mine.registers, mine.pc, dict(mine.stores)) == (theirs.registers, theirs.pc, dict(theirs.stores)), str(case)


def register_cases(name: str) -> Iterator[Case]:
    for a, b in product(WORDS, repeat=2):
        yield Case(encode(name, rd=7, rs1=5, rs2=6), registers(x5=a, x6=b, x7=0xDEAD), {})
    for (rd, rs1, rs2), (a, b) in product(ALIASES, [(0x80000000, 0xFFFFFFFF), (7, 3), (0xFFFF0001, 0)]):
        yield Case(encode(name, rd=rd, rs1=rs1, rs2=rs2), registers(x5=a, x6=b), {})


def immediate_cases(name: str) -> Iterator[Case]:
    for value, imm in product(WORDS, immediates(name)):
        yield Case(encode(name, rd=7, rs1=5, imm=imm), registers(x5=value), {})
    for (rd, rs1, _), imm in product(ALIASES[::3], immediates(name)[:4]):
        yield Case(encode(name, rd=rd, rs1=rs1, imm=imm), registers(x5=0x8000FFFF, x6=1), {})


def upper_cases(name: str) -> Iterator[Case]:
    for imm, rd, pc in product(immediates(name), (0, 1, 31), (0, CODE, USER_END - 4)):
        yield Case(encode(name, rd=rd, imm=imm), registers(x1=1), {}, pc)


def branch_cases(name: str) -> Iterator[Case]:
    for a, b, imm in product(WORDS, WORDS, (8, -4)):
        yield Case(encode(name, rs1=5, rs2=6, imm=imm), registers(x5=a, x6=b), {})
    for (_, rs1, rs2), imm, pc in product(ALIASES, immediates(name), (0, CODE, USER_END - 4)):
        yield Case(encode(name, rs1=rs1, rs2=rs2, imm=imm), registers(x5=1, x6=0x80000000), {}, pc)


def jump_cases(name: str) -> Iterator[Case]:
    if name == "jal":
        for imm, rd, pc in product(immediates(name), (0, 1, 5), (0, CODE, USER_END - 4)):
            yield Case(encode(name, rd=rd, imm=imm), registers(x5=9), {}, pc)
        return
    targets = [CODE + k for k in range(-4, 9)] + [0, 1, USER_END - 1, USER_END - 4, USER_END, USER_END + 1]
    targets += [0xFFFFFFFF, 0xFFFFFFFC, 0x80000000]
    for target, imm, rd, rs1 in product(targets, (0, 1, -1, 2, 3, 4, -2048, 2047), (0, 1, 5), (0, 5)):
        yield Case(encode(name, rd=rd, rs1=rs1, imm=imm), registers(x5=target - imm), {}, CODE)


def borders(size: int) -> list[int]:
    """Addresses at every lane and around every border that the machine knows."""
    near = [-size, -2, -1, 0, 1, 2, 3, 4]
    starts = [DATA, DATA + 1024, CODE + 2048, 0x0BFF0000, USER_END, 0x0D000000, 0, 0x80000000, 0x10000000]
    return sorted({(start + k) & 0xFFFFFFFF for start in starts for k in near})


def memory_at(address: int) -> dict[int, int]:
    """Words around an address, each byte with another value and sign."""
    first = (address & ~3) - 4
    values = {first: 0x817263F4, first + 4: 0x7F80FF01, first + 8: 0xF0E1C2A3}
    return {a: value for a, value in values.items() if 0 <= a < USER_END}


def load_cases(name: str) -> Iterator[Case]:
    for address, imm in product(borders(LOADS[name]), (0, 4, -1, 2047, -2048)):
        yield Case(encode(name, rd=7, rs1=5, imm=imm), registers(x5=address - imm, x7=1), memory_at(address))
    for (rd, rs1, _), lane in product(ALIASES[::3], range(4)):
        yield Case(encode(name, rd=rd, rs1=rs1, imm=lane), registers(x5=DATA, x6=DATA + 4), memory_at(DATA) | {0: 0x8182F3F4})


def store_cases(name: str) -> Iterator[Case]:
    for address, imm in product(borders(STORES[name]), (0, 4, -1, 2047, -2048)):
        yield Case(encode(name, rs1=5, rs2=6, imm=imm), registers(x5=address - imm, x6=0xA1B2C3D4), memory_at(address))
    for (_, rs1, rs2), lane, value in product(ALIASES, range(4), (0, 0xFFFFFF80)):
        yield Case(encode(name, rs1=rs1, rs2=rs2, imm=lane), registers(x5=DATA, x6=value), memory_at(DATA))


def fence_cases(name: str) -> Iterator[Case]:
    for extra in (0, 0xFFFFFFFF, 0x0FF00000, 0x8330000F, 0x00000F80):
        yield Case(instructions()[name].match | extra & ~instructions()[name].mask, registers(x1=5, x31=6), {})


def corner_cases(name: str) -> Iterator[Case]:
    insn = instructions()[name]
    if name in LOADS:
        return load_cases(name)
    if name in STORES:
        return store_cases(name)
    if name in ("jal", "jalr"):
        return jump_cases(name)
    if name in JUMPS:
        return branch_cases(name)
    if name == "fence":
        return fence_cases(name)
    if "rs2" in insn.fields:
        return register_cases(name)
    return immediate_cases(name) if "rs1" in insn.fields else upper_cases(name)


@pytest.mark.parametrize("name", NAMES)
def test_corner_operands(name: str, ours: Steps) -> None:
    compare(ours, list(corner_cases(name)))


@pytest.mark.parametrize("name", NAMES)
def test_random_operands(name: str, ours: Steps) -> None:
    insn, rng, cases = instructions()[name], random.Random(name), list[Case]()
    for _ in range(150):
        word = insn.match | rng.getrandbits(32) & ~insn.mask
        state = [0] + [rng.choice((rng.getrandbits(32), rng.choice(WORDS), rng.randrange(-64, 64) & 0xFFFFFFFF)) for _ in range(31)]
        address = DATA + rng.randrange(4096)
        if name in LOADS or name in STORES:
            state[word >> 15 & 31] = (address - immediate_value(insn, word)) & 0xFFFFFFFF if word >> 15 & 31 else 0
        cases.append(Case(word, state, memory_at(address), CODE + 4 * rng.randrange(1000)))
    compare(ours, cases)


def test_the_cases_cover_what_they_should() -> None:
    """Each instruction is seen with every aliasing of x0, and both faulting and not."""
    assert set(NAMES) == {*REGISTER_FORMS, *MULTIPLY_FORMS, *IMMEDIATE_FORMS, *LOADS, *STORES, *JUMPS, "lui", "auipc", "fence"}
    for name in (*LOADS, *STORES, "jalr"):
        faults = {expected(case).fault is None for case in corner_cases(name)}
        assert faults == {True, False}, name
    for name in JUMPS:
        taken = {expected(case).pc != case.pc + 4 for case in corner_cases(name)}
        assert taken == {True, False}, name


def test_encodings_are_those_of_the_manual() -> None:
    """Every word within one bit of an instruction, and random words, are decoded exactly when they should be."""
    rng = random.Random(2)
    words = [match ^ flip for _, match in ENCODINGS for flip in (0, *(1 << k for k in range(32)))]
    words += [rng.getrandbits(32) & 0xFFFFFF80 | rng.choice((0x33, 0x13, 0x63, 0x03, 0x23, 0x67, 0x73, 0x0F, 0x17)) for _ in range(20000)]
    words += [0x00100073, 0, 0xFFFFFFFF, 0xC0001073, 0x02001013, 0x0000100F, 0x30200073]
    decode = machine().module("fast", "executor").decode
    wrong = [f"0x{word:08x}" for word in words if bool(decode(word)) != is_rv32im(word)]
    assert not wrong
    names = {machine().disassemble(word, 0).split()[0] for word in words if is_rv32im(word)}
    assert names == set(instructions())
