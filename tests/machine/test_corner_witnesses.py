"""The witness of every instruction on corner operands, thousands of rows at once; limits of time, input, journal and pages."""

from __future__ import annotations

from itertools import product

import pytest

from tests.machine.check import check
from tests.machine.programs import DATA, OPERATIONS, Assembler, RandomProgram, executor, finish, run_ours, run_theirs
from tests.machine.support import WORDS, encode, immediates, instructions, machine
from tests.oracle.unicorn_machine import USER_END
from zkc.runtime.execution.executor import Executor
from zkc.runtime.execution.fuel import CLK
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image

FAR = 0x40000
"""Data behind the longest of these programs."""
BRANCHES = ("beq", "bne", "blt", "bge", "bltu", "bgeu")
BY_REGISTERS = [name for name in OPERATIONS if "rs2" in instructions()[name].fields]
BY_IMMEDIATE = [name for name in OPERATIONS if instructions()[name].immediate and "rs1" in instructions()[name].fields]


def ended(assembler: Assembler, stdin: bytes = b"") -> RandomProgram:
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), stdin)


def holds(program: RandomProgram, limit: int | None = None) -> None:
    """Every segment's witness."""
    for segment in finish(executor(program.elf(), program.stdin, limit, snapshots=True)).segments:
        failures = check(machine().circuit, *trace(machine(), segment), machine())
        assert not failures, f"segment {segment.index}\n{failures}"


def same(program: RandomProgram) -> None:
    ours, _, dirty = run_ours(program)
    assert ours.fault is None
    assert ours == run_theirs(program, dirty)


def by_registers() -> RandomProgram:
    assembler = Assembler()
    for a, b in product(WORDS, WORDS):
        assembler.set(5, a)
        assembler.set(6, b)
        for name in BY_REGISTERS:
            assembler.emit(name, 7, 5, 6)
        for name in BRANCHES:
            assembler.emit(name, rs1=5, rs2=6, imm=8)
            assembler.emit("addi", 28, 28, imm=1)
    return ended(assembler)


def by_immediates() -> RandomProgram:
    assembler = Assembler()
    for a in WORDS:
        assembler.set(5, a)
        for name in BY_IMMEDIATE:
            assembler.words += [encode(name, 7, 5, imm=imm) for imm in immediates(name)]
    for name in ("lui", "auipc"):
        assembler.words += [encode(name, 7, imm=imm) for imm in immediates(name)]
    return ended(assembler)


def by_addresses() -> RandomProgram:
    """Every lane around page borders and at both ends of memory."""
    assembler = Assembler()
    loads, stores = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4}, {"sb": 1, "sh": 2, "sw": 4}
    for base in (FAR, FAR + 1024, USER_END - 4, 0x0BFF0000, 4):
        for value in (0x8091A2B3, 0x7F6E5D4C):
            assembler.set(6, value)
            for name, size in stores.items():
                for at in range(base - 4, min(base + 4, USER_END), size):
                    for offset in (0, 2047, -2048):
                        assembler.item(("store", name, 6, at, offset))
            for name, size in loads.items():
                for at in range(base - 4, min(base + 4, USER_END), size):
                    assembler.item(("load", name, 7, at, -1 if size == 1 else 4))
    return ended(assembler)


@pytest.mark.parametrize("make", [by_registers, by_immediates, by_addresses])
def test_corner_operands_have_witnesses(make: object) -> None:
    assert callable(make)
    program = make()
    same(program)
    holds(program)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 65, 96])
@pytest.mark.parametrize("lane", [0, 3])
def test_every_length_of_the_journal(length: int, lane: int) -> None:
    """The buffer full, empty, and one byte over, filled in one call and in many."""
    assembler = Assembler()
    assembler.item(("call", (63, 0, DATA, 100)))
    assembler.item(("call", (64, 3, DATA + lane, length)))
    assembler.item(("call", (64, 3, DATA + 50, 1)))
    assembler.item(("call", (64, 3, DATA + 1, length)))
    program = ended(assembler, bytes(range(1, 101)))
    same(program)
    holds(program)


@pytest.mark.parametrize(("at", "length"), [*product((DATA, DATA + 1021, DATA + 2), (1, 3, 4, 7, 90, 100, 5000))])
def test_every_way_to_read(at: int, length: int) -> None:
    """Aligned or not, over a page border, more than there is, twice."""
    assembler = Assembler()
    assembler.item(("call", (63, 0, at, length)))
    assembler.item(("call", (63, 0, at + 1, length)))
    assembler.item(("call", (63, 0, at + 1, 1)))
    program = ended(assembler, bytes(range(3, 100)))
    same(program)
    holds(program)


def test_a_journal_longer_than_any_buffer() -> None:
    """The fast executor's own buffer is emptied in the middle of a call."""
    assembler = Assembler()
    assembler.item(("call", (63, 0, DATA, 70_001)))
    assembler.item(("call", (64, 3, DATA, 70_001)))
    program = ended(assembler, bytes(i * 7 % 251 for i in range(70_001)))
    same(program)
    assert run_ours(program, 8)[0] == run_ours(program)[0]


def test_a_long_read_and_a_long_write_have_witnesses() -> None:
    """Lengths above 2^16: the high halves of what remains count too."""
    assembler = Assembler()
    assembler.item(("call", (63, 0, DATA + 1, 0x10003)))
    assembler.item(("call", (64, 3, DATA + 1, 0x10002)))
    program = ended(assembler, bytes(0x10003))
    segments = finish(executor(program.elf(), program.stdin, 12, snapshots=True)).segments
    for segment in (segments[0], segments[len(segments) // 2], segments[-1]):
        assert not check(machine().circuit, *trace(machine(), segment), machine())


def test_time_ends_a_segment() -> None:
    """A clock that comes near its end is a cut, and the run goes on as if nothing had been."""

    class Late(Executor):
        def _begin(self) -> None:
            super()._begin()
            self.state[CLK] = self.clock.last - 800

    assembler = Assembler()
    assembler.item(("loop", 150, [("word", encode("addi", 5, 5, imm=3)), ("call", (64, 3, DATA, 1))]))
    program = ended(assembler)
    plain = executor(program.elf(), b"")
    image = Image.from_program(load_elf(program.elf(), machine().memory_map), machine().memory_map)
    late = Late(machine(), image, None, b"", plain.limits, snapshots=False)
    run, other = finish(plain), finish(late)
    assert len(run.segments) == 1 and len(other.segments) > 10
    assert (run.journal, run.exit_code, run.instructions) == (other.journal, other.exit_code, other.instructions)


def test_many_pages_in_one_segment() -> None:
    """One store in each of 300 pages, far apart: table pages of all levels, and cuts when paging has no room."""
    assembler = Assembler()
    assembler.set(3, 0)
    assembler.set(4, 0x000A0000)
    assembler.item(("loop", 150, [("word", encode("add", 3, 3, 4)), ("word", encode("sw", rs1=3, rs2=8, imm=1020))]))
    program = ended(assembler)
    same(program)
    whole = finish(executor(program.elf(), b"", snapshots=True))
    holds(program)
    small = finish(executor(program.elf(), b"", 7, snapshots=True))
    assert len(small.segments) > len(whole.segments)
    assert whole.segments[-1].post == small.segments[-1].post
    for segment in small.segments[:2]:
        assert not check(machine().circuit, *trace(machine(), segment), machine())


def test_a_segment_of_one_step_has_a_witness() -> None:
    """The smallest segments: one instruction or one step of a call each."""
    assembler = Assembler()
    assembler.item(("call", (63, 0, DATA + 2, 7)))
    for length in (33, 31, 1):
        assembler.item(("call", (64, 3, DATA, length)))
    program = ended(assembler, b"1234567")
    run = finish(executor(program.elf(), program.stdin, None, 1, snapshots=True))
    assert all(s.steps == 1 for s in run.segments)
    kinds: dict[str, int] = {}
    for segment in run.segments:
        name = next(n for n in (t.name for t in machine().spec.step_tables) if segment.rows[n])
        kinds[name] = kinds.get(name, 0) + 1
        if kinds[name] <= 2:
            assert not check(machine().circuit, *trace(machine(), segment), machine()), name
    assert {"read_start", "read_word", "read_byte", "transfer_end", "journal_block", "journal_compress", "exit"} <= set(kinds)
