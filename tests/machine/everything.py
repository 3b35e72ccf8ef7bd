"""One program that uses every instruction and every environment call, in all the ways that matter to a witness, and its trace."""

from __future__ import annotations

from functools import cache
from typing import Final

from tests.machine.check import Traces
from tests.machine.programs import DATA, OPERATIONS, POINTER, Assembler, RandomProgram, executor, finish
from tests.machine.spread import spread
from tests.machine.support import encode, immediates, machine
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.trace import trace

PAIRS: Final = ((0x80000000, 0xFFFFFFFF), (0x12345678, 0x9ABC), (0xFFFFFFFE, 0), (5, 5), (3, 0xFFFFFFF1))
STDIN: Final = bytes(range(1, 120))
CALLS: Final = (
    (63, 0, DATA + 1023, 11), (63, 0, DATA + 0x800, 8), (63, 0, DATA + 0x800, 0), (63, 0, DATA + 0x900, 200), (63, 0, DATA, 5),
    (63, 4, DATA, 5), (64, 3, DATA + 1, 71), (64, 3, DATA, 0), (64, 3, DATA + 0xA03, 2), (64, 1, DATA, 5), (64, 2, DATA, 0),
    (64, 0, DATA, 5), (214, 0, 0, 0), (214, 0x00102001, 0, 0), (214, 0x00100FFF, 0, 0),
    (214, 0x0B000000, 0, 0), (214, 0x0BF00001, 0, 0), (214, 0x0BF00000, 0, 0),
    (66, 1, DATA + 0xC00, 2), (66, 2, DATA + 0xC00, 1), (66, 3, DATA + 0xC00, 2), (66, 4, DATA + 0xC00, 2),
    (64, 3, DATA + 0x801, 30),
    (1000, 0, 0, 0), (0xFFFFFFFF, 1, 2, 3),
)  # fmt: skip
VECTOR: Final = (0xFFFFFFFF, 0, DATA + 3, 6)
SENTENCE: Final = b"thirty-two bytes and some more: the buffer is full twice, and then some."


def _operations(assembler: Assembler) -> None:
    for a, b in PAIRS:
        for name in OPERATIONS:
            assembler.set(5, a)
            assembler.set(6, b)
            imm = immediates(name)[a % len(immediates(name))]
            assembler.words.append(encode(name, 7, 5, 6, imm))
            assembler.words.append(encode(name, 5, 5, 5, imm))
    for name in OPERATIONS:
        assembler.words += [encode(name, rd, 6, rs2, immediates(name)[0]) for rd, rs2 in ((0, 0), (5, 5), (6, 5))]


def _branches(assembler: Assembler) -> None:
    for name in ("beq", "bne", "blt", "bge", "bltu", "bgeu"):
        for a, b in PAIRS:
            assembler.set(5, a)
            assembler.set(6, b)
            assembler.emit(name, rs1=5, rs2=6, imm=8)
            assembler.emit("fence")
            assembler.emit(name, rs1=6, rs2=5, imm=8)
            assembler.emit("fence")
    for rd, odd in ((0, 0), (1, 1), (POINTER, 0)):
        assembler.item(("skip", rd, odd))
        assembler.emit("jal", rd, imm=8)
        assembler.words.append(0)


def _memory(assembler: Assembler) -> None:
    assembler.set(6, 0x80C1F2E3)
    for name, size in (("sb", 1), ("sh", 2), ("sw", 4)):
        for lane in range(0, 4, size):
            assembler.item(("store", name, 6, DATA + 1020 + lane, 1))
    for name, size in (("lb", 1), ("lbu", 1), ("lh", 2), ("lhu", 2), ("lw", 4)):
        for lane in range(0, 4, size):
            assembler.item(("load", name, 7, DATA + 1020 + lane, -4))
        assembler.item(("load", name, 0, DATA, 0))
        assembler.emit("auipc", POINTER)
        assembler.emit(name, POINTER, POINTER)  # the mark of a word that is code stays


def _calls(assembler: Assembler) -> None:
    for i, at in enumerate(range(0, len(SENTENCE), 4)):
        assembler.set(6, int.from_bytes(SENTENCE[at : at + 4].ljust(4, b"\0"), "little"))
        assembler.item(("store", "sw", 6, DATA + 4 * i, 0))
    for i, word in enumerate(VECTOR):
        assembler.set(6, word)
        assembler.item(("store", "sw", 6, DATA + 0xC00 + 4 * i, 0))
    for call in CALLS:
        assembler.item(("call", call))


def _rewritten(assembler: Assembler) -> None:
    """Words that are written and then run, twice at the same place, among them those that make a word of their address."""
    for i, (a, b) in enumerate(PAIRS):
        assembler.set(5, a)
        assembler.set(6, b)
        words = (encode("addi", 7, 5, imm=i), encode("auipc", 7, imm=a & 0xFFFFF000), encode("jal", 7, imm=4), encode("sub", 0, 5, 6))
        assembler.item(("thunk", DATA + 0xE00 + 512 * (i // 2), list(words)))


@cache
def everything() -> RandomProgram:
    """The program; it exits with 0x12345."""
    assembler = Assembler()
    for part in (_operations, _branches, _memory, _calls, _rewritten):
        part(assembler)
    assembler.set(10, 0x12345)
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), STDIN)


@cache
def only_segment() -> Segment:
    """The one segment of `everything`; every instruction and every step of a call has a row in it."""
    run = finish(executor(everything().elf(), STDIN, snapshots=True))
    (segment,) = run.segments
    segment = spread(segment)
    assert run.exit_code == 0x12345 and all(segment.rows[t.name] for t in machine().spec.step_tables)
    return segment


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    """Trace and claim of `only_segment`."""
    return trace(machine(), only_segment())
