"""Instructions added by a .circ file and nothing else: executed, disassembled, traced, proven and verified."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.machine.check import check
from tests.machine.support import names_of
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.machines import circuits_directory, load_machine
from zkc.runtime.circuit.machine import InsnInfo, Machine, immediate_value
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

CODE, DATA = 0x10000, 0x20000
MASK = 0xFFFFFFFF
WORDS = (0, 1, MASK, 0x80000000, 0x7FFFFFFF, 0xFFFF, 0x10000, 0x12345678)


def signed(x: int) -> int:
    return x - (x >> 31 << 32)


MEANINGS: dict[str, Callable[[int, int, int], int]] = {
    "andn": lambda a, b, _: a & ~b & MASK,
    "orn": lambda a, b, _: (a | ~b) & MASK,
    "xnor": lambda a, b, _: ~(a ^ b) & MASK,
    "min": lambda a, b, _: min(a, b, key=signed),
    "minu": lambda a, b, _: min(a, b),
    "max": lambda a, b, _: max(a, b, key=signed),
    "maxu": lambda a, b, _: max(a, b),
    "add3": lambda a, b, imm: (a + b + imm) & MASK,
    "mac": lambda a, b, imm: (a * b + imm) & MASK,
}
IMMEDIATES = (-64, -1, 0, 63)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    yield extended()


@cache
def extended() -> Machine:
    """The machine with the new file in its directory."""
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "circuits"
        shutil.copytree(circuits_directory(), directory)
        shutil.copy(Path(__file__).parent / "zbb.circ", directory)
        return load_machine(directory)


def encode(insn: InsnInfo, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> int:
    word = insn.match
    for name, number in (("rd", rd), ("rs1", rs1), ("rs2", rs2)):
        if name in insn.fields:
            word |= number << insn.fields[name][1]
    rest = imm
    for high, low, _, _ in reversed(insn.immediate):
        word |= (rest & (1 << (high - low + 1)) - 1) << low
        rest >>= high - low + 1
    assert not insn.immediate or immediate_value(insn, word) in (imm, imm & MASK)
    return word


def program(machine: Machine) -> tuple[bytes, list[int]]:
    """An ELF that does every new instruction on corners, and the words it must leave from DATA on."""
    insns = {i.name: i for i in machine.spec.insns}
    words: list[int] = []
    expected: list[int] = []

    def put(name: str, **fields: int) -> None:
        words.append(encode(insns[name], **fields))

    def constant(register: int, value: int) -> None:
        low = (value & 0xFFF) - ((value & 0x800) << 1)
        words.append(encode(insns["lui"], rd=register) | ((value - low) & 0xFFFFF000))
        put("addi", rd=register, rs1=register, imm=low)

    constant(5, DATA)
    pairs = [(a, b) for a in WORDS for b in WORDS]
    for number, (name, meaning) in enumerate(MEANINGS.items()):
        for k, (a, b) in enumerate(pairs[number::3]):
            imm = IMMEDIATES[k % 4] if insns[name].immediate else 0
            constant(6, a)
            constant(7, b)
            put(name, rd=8, rs1=6, rs2=7, imm=imm)
            put("sw", rs1=5, rs2=8, imm=0)
            put("addi", rd=5, rs1=5, imm=4)
            expected.append(meaning(a, b, imm))
        put(name, rd=8, rs1=8, rs2=8)
        put("sw", rs1=5, rs2=8, imm=0)
        put("addi", rd=5, rs1=5, imm=4)
        expected.append(meaning(expected[-1], expected[-1], 0))
    constant(17, 64)
    constant(10, 3)
    constant(11, DATA)
    constant(12, 4 * len(expected))
    put("ecall")
    constant(17, 93)
    constant(10, 0)
    put("ecall")
    code = b"".join(w.to_bytes(4, "little") for w in words)
    return make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(4096), flags=6)), entry=CODE), expected


def test_they_execute(machine: Machine) -> None:
    elf, expected = program(machine)
    run = execute(machine, load_elf(elf, machine.memory_map), b"")
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == expected


def test_they_are_disassembled(machine: Machine) -> None:
    insns = {i.name: i for i in machine.spec.insns}
    assert machine.disassemble(encode(insns["andn"], rd=10, rs1=11, rs2=12), 0) == "andn a0, a1, a2"
    assert machine.disassemble(encode(insns["add3"], rd=10, rs1=11, rs2=12, imm=-3), 0) == "add3 a0, a1, a2, -3"


@pytest.mark.slow
@pytest.mark.prove
def test_they_are_proven_and_a_changed_result_is_not(machine: Machine) -> None:
    elf, _ = program(machine)
    (segment,) = execute(machine, load_elf(elf, machine.memory_map), b"", snapshots=True).segments
    traces, claim = trace(machine, segment)
    assert not check(machine.circuit, traces, claim)
    for family, result in (("bitwise_not", "rd.lo"), ("min_max", "rd.lo"), ("custom_0", "sum.lo")):
        columns = next(t.columns for t in machine.circuit.tables if t.name == family)
        bent = {n: t.copy() for n, t in traces.items()}
        bent[family][next(i for i, c in enumerate(columns) if result in names_of(c)), 3] ^= 1
        assert check(machine.circuit, bent, claim)
    verify(machine.circuit, claim, prove(machine.circuit, traces, claim))
