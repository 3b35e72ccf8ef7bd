"""What an instruction does, it does in the order of its text and as often as it says: executor, witness and constraints agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.compiler.variants import MACHINES
from tests.extension.test_new_instructions import CODE, DATA, encode
from tests.machine.check import check
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.machines import load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf

pytestmark = pytest.mark.xdist_group("machine with effects")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    yield load_machine(MACHINES["effects"](tmp_path_factory.mktemp("effects") / "circuits"))


def program(machine: Machine) -> bytes:
    """Each new instruction twice, on values that tell the cases apart; then the words at DATA go to the journal."""
    insns = {i.name: i for i in machine.spec.insns}
    words: list[int] = []

    def put(name: str, **fields: int) -> None:
        words.append(encode(insns[name], **fields))

    def store(register: int, at: int) -> None:
        put("sw", rs1=5, rs2=register, imm=at)

    words.append(encode(insns["lui"], rd=5) | DATA)
    put("addi", rd=6, imm=700)
    put("addi", rd=7, imm=42)
    put("through", rd=8, rs1=6, rs2=7)
    store(8, 0)
    put("through", rd=8, rs1=8, rs2=7)
    store(8, 4)
    store(9, 8)
    put("addi", rd=10, rs1=5, imm=12)
    put("swnz", rd=11, rs1=10, rs2=0)  # leaves the 0 that is there
    put("addi", rd=10, rs1=5, imm=16)
    put("swnz", rd=11, rs1=10, rs2=6)
    put("swnz", rd=11, rs1=10, rs2=0)  # leaves the 700 that is there
    for register, value in ((17, 64), (10, 3), (12, 20)):
        put("addi", rd=register, imm=value)
    put("addi", rd=11, rs1=5, imm=0)
    put("ecall")
    put("addi", rd=17, imm=93)
    put("addi", rd=10, imm=0)
    put("ecall")
    code = b"".join(w.to_bytes(4, "little") for w in words)
    return make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(4096), flags=6)), entry=CODE)


EXPECTED = [742, 784, 784, 0, 700]


def test_write_then_read_and_store_under_a_condition(machine: Machine) -> None:
    """Both were silently wrong: the executor read a register before it wrote it, and stored whatever the condition was."""
    run = execute(machine, load_elf(program(machine), machine.memory_map), b"")
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == EXPECTED


def test_the_witness_agrees(machine: Machine) -> None:
    (segment,) = execute(machine, load_elf(program(machine), machine.memory_map), b"", snapshots=True).segments
    traces, claim = trace(machine, segment)
    assert not check(machine.circuit, traces, claim)
