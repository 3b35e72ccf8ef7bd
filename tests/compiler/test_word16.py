"""A processor whose words have 16 bits, in `.circ` alone: another instruction set, in 16 bits, in place of RISC-V's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest

from tests.compiler.variants import MACHINES
from tests.extension.test_new_instructions import encode
from tests.machine.check import check
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.machines import load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

CODE, DATA = 0x1000, 0x2000
pytestmark = pytest.mark.xdist_group("machine of 16 bits")
MASK: Final = 0xFFFF


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    yield load_machine(MACHINES["word16"](tmp_path_factory.mktemp("word16") / "circuits"))


def run(machine: Machine, words: list[int]) -> Execution:
    code = b"".join(w.to_bytes(4, "little") for w in words)
    elf = make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(0x100), flags=6)), entry=CODE)
    return execute(machine, load_elf(elf, machine.memory_map), b"", snapshots=True)


def program(machine: Machine) -> tuple[list[int], list[int]]:
    """Fibonacci beyond 2^16 in a loop, and each other instruction; what it leaves at DATA, as words of memory."""
    insns = {i.name: i for i in machine.spec.insns}
    words: list[int] = []
    expected: list[int] = []

    def put(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> None:
        words.append(encode(insns[name], rd, rs1, rs2, imm))

    def constant(register: int, value: int) -> None:
        put("high", register, imm=value >> 8)
        put("low", 14, imm=value & 0xFF)
        put("add", register, register, 14)

    def store(register: int, value: int) -> None:
        put("sw", rs1=6, rs2=register)
        put("add", 6, 6, 4)
        expected.append(value & MASK)

    constant(6, DATA)
    for register, value in ((1, 1), (4, 4), (7, 0), (8, 1), (9, 30)):
        put("low", register, imm=value)
    constant(13, CODE + 4 * (len(words) + 3))
    a, b = 0, 1
    for _ in range(30):
        a, b = b, a + b
    put("add", 3, 7, 8)
    put("add", 7, 8, 0)
    put("add", 8, 3, 0)
    put("sub", 9, 9, 1)
    put("skip", rs1=9, rs2=0)
    put("jump", rs1=13)
    store(8, b)
    put("sub", 9, 0, 1)
    store(9, -1)
    put("and", 3, 9, 8)
    store(3, b)
    put("shl", 3, 8, 4)
    store(3, b << 4)
    put("sub", 3, 6, 4)
    put("lw", 3, 3)
    store(3, b << 4)
    put("add", 0, 9, 9)
    store(0, 0)
    constant(11, DATA)
    for values in ((64, 3, 4 * len(expected)), (93, 0, 0)):
        for register, value in zip((5, 10, 12), values, strict=True):
            put("low", register, imm=value)
        put("ecall")
    return words, expected


@pytest.mark.slow
def test_it_computes_in_16_bits(machine: Machine) -> None:
    words, expected = program(machine)
    assert max(words) <= MASK
    assert np.frombuffer(run(machine, words).journal, dtype="<u4").tolist() == expected


@pytest.mark.slow
def test_a_word_of_more_than_16_bits_is_no_instruction(machine: Machine) -> None:
    words, _ = program(machine)
    with pytest.raises(GuestFault, match="illegal instruction"):
        run(machine, [words[0] | 1 << 16, *words[1:]])


@pytest.mark.slow
@pytest.mark.prove
def test_it_is_proven_and_a_changed_result_is_not(machine: Machine) -> None:
    (segment,) = run(machine, program(machine)[0]).segments
    traces, claim = trace(machine, segment)
    assert not check(machine.circuit, traces, claim)
    for table, result in (("sums", "sum|difference"), ("bits", "both.lo"), ("shifts", "rd")):
        columns = next(t.columns for t in machine.circuit.tables if t.name == table)
        bent = {n: t.copy() for n, t in traces.items()}
        bent[table][len(columns) - 1 - columns[::-1].index(result), 0] ^= 1
        assert check(machine.circuit, bent, claim)
    verify(machine.circuit, claim, prove(machine.circuit, traces, claim))
