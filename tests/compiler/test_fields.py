"""A machine with three sources, two results, names with dots and more than 255 instructions, by `.circ` files alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.extension.test_new_instructions import CODE, DATA, encode
from tests.machine.check import check
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.machines import circuits_directory, load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import Executor, Limits, execute
from zkc.runtime.execution.pager import CLK
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

pytestmark = pytest.mark.xdist_group("machine of other fields")
MASK = 0xFFFFFFFF
MANY = 215
EDITS = (
    ("rs2: felt, imm: u32)", "rs2: felt, rs3: felt, rd2: felt, imm: u32)"),
    ("insn.rs1, insn.rs2, insn.imm);", "insn.rs1, insn.rs2, insn.rs3, insn.rd2, insn.imm);"),
    ("insn.op, 0, 0, 0, u32(", "insn.op, 0, 0, 0, 0, 0, u32("),
    ("  let     memory_time = clk + 2;\n", "  let     memory_time = clk + 2;\n  operand rs3: u32 = read_register(insn.rs3, clk + 4);\n"),
    ("  result  pc: felt = pc + 4 { send exec(clk + 4, pc); }", "  result  rd2: u32 { write_register(insn.rd2, clk + 5, rd2); }\n"
     "  result  pc: felt = pc + 4 { send exec(clk + 6, pc); }"),
    ("insn.uses_rs2 * insn.rs2, insn.imm) times uses;", "insn.uses_rs2 * insn.rs2, insn.uses_rs3 * insn.rs3, rd2, insn.imm) times uses;"),
    ("  send   program(pc, insn.op, rd,", "  let    rd2 = insn.uses_rd2 * insn.rd2 + word_sink * insn.uses_rd2 * is_zero(insn.rd2);\n"
     "  send   program(pc, insn.op, rd,"),
)  # fmt: skip


def many() -> str:
    """A family of MANY instructions that each copy rs1."""
    insns = (f"  insn copy.{i} funct7=0b{i >> 3:07b} funct3=0b{i & 7:03b} {{ rd = rs1; }}" for i in range(MANY))
    return 'family copies {\n  format r opcode=0b1011011;  assembly "{name} {rd}, {rs1}";\n' + "\n".join(insns) + "\n}\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    directory = tmp_path_factory.mktemp("fields") / "circuits"
    shutil.copytree(circuits_directory(), directory)
    shutil.copy(Path(__file__).parent / "fields.circ", directory)
    (directory / "many.circ").write_text(many())
    cpu = (directory / "cpu.circ").read_text()
    for old, new in EDITS:
        assert old in cpu, old
        cpu = cpu.replace(old, new)
    (directory / "cpu.circ").write_text(cpu)
    yield load_machine(directory)


def program(machine: Machine) -> tuple[bytes, list[int]]:
    """Every new instruction on values that tell its fields apart, x0 as each result too; and what they leave at DATA."""
    insns = {i.name: i for i in machine.spec.insns}
    words: list[int] = []
    expected: list[int] = []

    def put(name: str, more: int = 0, **fields: int) -> None:
        words.append(encode(insns[name], **fields) | more)

    def store(register: int, value: int) -> None:
        put("sw", rs1=5, rs2=register, imm=4 * len(expected))
        expected.append(value & MASK)

    words.append(encode(insns["lui"], rd=5) | DATA)
    for register, value in ((6, 700), (7, -42), (8, 1000)):
        put("addi", rd=register, imm=value)
    put("mul.add", 8 << 27, rd=9, rs1=6, rs2=7)
    store(9, 700 * -42 + 1000)
    put("mul.sub", 8 << 27, rd=9, rs1=6, rs2=7)
    store(9, 700 * -42 - 1000)
    put("sum.diff", 10 << 27, rd=9, rs1=6, rs2=7)
    store(9, 700 - 42)
    store(10, 700 + 42)
    put("sum.diff", 0 << 27, rd=0, rs1=6, rs2=7)
    store(0, 0)
    put(f"copy.{MANY - 1}", rd=9, rs1=8)
    store(9, 1000)
    for register, value in ((17, 64), (10, 3), (12, 4 * len(expected))):
        put("addi", rd=register, imm=value)
    put("addi", rd=11, rs1=5, imm=0)
    put("ecall")
    put("addi", rd=17, imm=93)
    put("addi", rd=10, imm=0)
    put("ecall")
    code = b"".join(w.to_bytes(4, "little") for w in words)
    return make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(4096), flags=6)), entry=CODE), expected


def test_they_execute(machine: Machine) -> None:
    assert len(machine.spec.insns) > 255
    elf, expected = program(machine)
    run = execute(machine, load_elf(elf, machine.memory_map), b"")
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == expected


def test_the_clock_stays_in_its_range_where_steps_are_longer(machine: Machine) -> None:
    """How far a step moves the clock stood in the executor, as 4: segments of longer steps went on after the end of the clock."""
    assert (machine.spec.clock.slots, load_machine().spec.clock.slots) == (6, 4)
    ends: list[int] = []

    class Late(Executor):
        def _begin(self) -> None:
            super()._begin()
            self.state[CLK] = self.clock.last - 100

        def _end(self) -> None:
            super()._end()
            ends.append(int(self.state[CLK]))

    elf, expected = program(machine)
    image = Image.from_program(load_elf(elf, machine.memory_map), machine.memory_map)
    run = Late(machine, image, None, b"", Limits(), snapshots=False).run(lambda fd, data: None, lambda phase, done, total: None)
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == expected
    clock = machine.spec.clock
    assert len(ends) > 2 and clock.last - 100 < max(ends) <= clock.last + clock.slots


def test_they_are_disassembled(machine: Machine) -> None:
    """All fields that name registers are shown as such, whatever they are called."""
    insns = {i.name: i for i in machine.spec.insns}
    assert machine.disassemble(encode(insns["mul.add"], rd=10, rs1=11, rs2=12) | 13 << 27, 0) == "mul.add a0, a1, a2, a3"
    assert machine.disassemble(encode(insns["sum.diff"], rd=10, rs1=11, rs2=12) | 13 << 27, 0) == "sum.diff a0, a3, a1, a2"


@pytest.mark.slow
@pytest.mark.prove
def test_they_are_proven(machine: Machine) -> None:
    elf, _ = program(machine)
    (segment,) = execute(machine, load_elf(elf, machine.memory_map), b"", snapshots=True).segments
    traces, claim = trace(machine, segment)
    assert not check(machine.circuit, traces, claim)
    verify(machine.circuit, claim, prove(machine.circuit, traces, claim))
