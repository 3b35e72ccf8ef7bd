"""A machine with three sources, two results, names with dots and more than 255 instructions, by `.circ` files alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.compiler.variants import MACHINES, MANY
from tests.extension.test_new_instructions import CODE, DATA, encode
from tests.machine.check import check
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.machines import load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import Executor, Limits, execute
from zkc.runtime.execution.fuel import CLK
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

pytestmark = pytest.mark.xdist_group("machine of other fields")
MASK = 0xFFFFFFFF


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    yield load_machine(MACHINES["fields"](tmp_path_factory.mktemp("fields") / "circuits"))


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
    for i in (0, MANY // 2, MANY - 1):  # one branch of the executor is for all of them
        put(f"copy.{i}", rd=9, rs1=8)
        store(9, 1000)
        put("addi", rd=9)
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
            self.state[CLK] = self.clock.last - 60

        def _end(self) -> None:
            super()._end()
            ends.append(int(self.state[CLK]))

    elf, expected = program(machine)
    image = Image.from_program(load_elf(elf, machine.memory_map), machine.memory_map)
    run = Late(machine, image, None, b"", Limits(), snapshots=False).run(lambda fd, data: None, lambda phase, done, total: None)
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == expected
    clock = machine.spec.clock
    assert len(ends) > 2 and clock.last - 60 < max(ends) <= clock.last + clock.slots


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
