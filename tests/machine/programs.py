"""Random programs that end: their description as plain data, the assembler, both machines, and the files of those that failed once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from tests.machine.support import CODE, WORDS, encode, immediates, instructions, machine
from tests.machine_runtime.support import Load, make_elf
from tests.oracle.unicorn_machine import USER_END, UnicornMachine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Cut, Execution, Executor, Limits
from zkc.runtime.execution.fuel import FUEL
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image

DATA: Final = 0x12000
REGISTERS: Final = (0, 5, 6, 7, 10, 11, 12, 17, 28, 31)
POINTER, WORD, LINK, COUNTERS = 3, 4, 1, (8, 9)
"""Registers that the frames of items use: addresses, instruction words, return addresses, loops by depth."""
ADDRESSES: Final = (
    DATA, DATA + 4, DATA + 1020, DATA + 1024, DATA + 0x8000, CODE + 0x1000, CODE + 0xFFC, 0, 1020, USER_END - 4, 0x0BEFF000, 0x08000000,
)  # fmt: skip
MOST_INSTRUCTIONS: Final = 100_000

OPERATIONS: Final = tuple(
    name for name, insn in instructions().items() if name in ("lui", "fence") or ("rd" in insn.fields and not name.startswith(("l", "j")))
)
BRANCHES: Final = ("beq", "bne", "blt", "bge", "bltu", "bgeu")
LOADS: Final = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4}
STORES: Final = {"sb": 1, "sh": 2, "sw": 4}

Item = tuple[Any, ...]


@dataclass(frozen=True)
class RandomProgram:
    """Words from `CODE` on, and the input. `items` is what they were made of, for whoever reads a failure."""

    words: tuple[int, ...]
    stdin: bytes
    items: tuple[Item, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return f"stdin {self.stdin.hex() or '-'}\n{self.listing()}"

    def elf(self) -> bytes:
        """An executable; the last page of its code holds data too, and so does page 0: no page behind it is a guard."""
        code = Load(CODE, b"".join(w.to_bytes(4, "little") for w in self.words), flags=7)
        return make_elf((code, Load(0, b"", memory_size=1024, flags=6)), entry=CODE)

    def listing(self) -> str:
        lines = ((CODE + 4 * i, word) for i, word in enumerate(self.words))
        return "".join(f"{pc:08x}  {word:08x}  {machine().disassemble(word, pc)}\n" for pc, word in lines)


# Strategies ----------------------------------------------------------------------------------------------------------------------

registers = st.sampled_from(REGISTERS)
values = st.one_of(st.sampled_from(WORDS), st.sampled_from(ADDRESSES), st.integers(0, 2**32 - 1))


@st.composite
def operations(draw: st.DrawFn) -> int:
    """A word that computes: no memory, no jump."""
    name = draw(st.sampled_from(OPERATIONS))
    imm = draw(st.sampled_from(immediates(name)))
    return encode(name, draw(registers), draw(registers), draw(registers), imm)


addresses = st.builds(lambda base, lane: base + lane, st.sampled_from(ADDRESSES), st.sampled_from((0, 0, 0, 1, 2, 3)))


@st.composite
def accesses(draw: st.DrawFn, kind: str, sizes: dict[str, int]) -> Item:
    """A load or store, seldom misaligned."""
    name = draw(st.sampled_from(tuple(sizes)))
    address = draw(addresses)
    if draw(st.integers(0, 30)):
        address &= -sizes[name]
    return (kind, name, draw(registers), address, draw(offsets))


BREAKS = (0, 0x10000, DATA, 0x100000, 0x100010, 0x101001, 0x101FFF, 0x0BF00001, 0xFFFFFFFF)
offsets = st.sampled_from((0, 0, 4, -4, 1, 2047, -2048))
calls = st.one_of(
    st.tuples(st.just(63), st.just(0), addresses, st.sampled_from((0, 4, 8, 12, 64, 300, 4, 8, 1, 3, 5, 31))),
    st.tuples(st.just(64), st.sampled_from((1, 2, 3, 3, 3, 4, 0xFFFFFFFF, 0x10003)), addresses, st.sampled_from((0, 1, 4, 32, 33, 200))),
    st.tuples(st.just(214), st.sampled_from(BREAKS), st.just(0), st.just(0)),
    st.tuples(st.sampled_from((0, 62, 65, 0x10000 + 64, 0xFFFFFFFF)), values, values, values),
    st.tuples(st.just(63), st.sampled_from((1, 3, 0x10000)), addresses, st.just(4)),
)

simple = st.one_of(
    st.tuples(st.just("set"), registers, values),
    st.tuples(st.just("word"), operations()),
    st.tuples(st.just("word"), operations()),
    accesses("load", LOADS),
    accesses("store", STORES),
    st.tuples(st.just("branch"), st.sampled_from(BRANCHES), registers, registers, st.integers(0, 4)),
    st.tuples(st.just("skip"), registers, st.integers(0, 1)),
    st.tuples(st.just("call"), calls),
    st.tuples(st.just("patch"), operations(), operations(), st.sampled_from(tuple(STORES))),
    st.tuples(st.just("thunk"), st.sampled_from((DATA + 16, DATA + 1016, CODE + 0x800)), st.lists(operations(), max_size=3)),
    st.tuples(st.just("read_code"), st.integers(1, 3)),
)
bodies = st.lists(simple, min_size=1, max_size=8)
items = st.one_of(
    simple,
    simple,
    simple,
    st.tuples(st.just("loop"), st.sampled_from((1, 2, 3, 150)), bodies),
    st.tuples(st.just("nest"), st.sampled_from((2, 3)), st.sampled_from((1, 2)), bodies, bodies),
    st.tuples(st.just("function"), bodies),
)


@st.composite
def programs(draw: st.DrawFn) -> RandomProgram:
    """A program that ends in exit, unless it faults before."""
    chosen = draw(st.lists(items, min_size=1, max_size=12))
    word = draw(operations()).to_bytes(4, "little")
    stdin = draw(st.one_of(st.just(word * 8), st.just(word * 100), st.just(word * 100 + b"end"), st.binary(max_size=40)))
    return assemble(chosen, stdin)


# Assembly ------------------------------------------------------------------------------------------------------------------------


class Assembler:
    """Words, and branches that wait for their target."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.depth = 0

    @property
    def here(self) -> int:
        return CODE + 4 * len(self.words)

    def emit(self, name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0) -> None:
        self.words.append(encode(name, rd, rs1, rs2, imm))

    def set(self, rd: int, value: int) -> None:
        """Always two words, so that addresses are known before their code."""
        low = (value & 0xFFF ^ 0x800) - 0x800
        self.emit("lui", rd, imm=(value - low) & 0xFFFFFFFF)
        self.emit("addi", rd, rd, imm=low)

    def block(self, chosen: Sequence[Item]) -> None:
        """Items one behind the other. A branch goes over some items that follow it, not out of the block."""
        pending: list[tuple[int, int, str, int, int]] = []
        for index, item in enumerate(chosen):
            self._resolve([p for p in pending if p[0] == index])
            pending = [p for p in pending if p[0] != index]
            if item[0] == "branch":
                _, name, rs1, rs2, over = item
                pending.append((min(index + 1 + over, len(chosen)), len(self.words), name, rs1, rs2))
                self.words.append(0)
            else:
                self.item(item)
        self._resolve(pending)

    def item(self, item: Item) -> None:
        """One item that is no branch."""
        getattr(self, f"_{item[0]}")(*item[1:])

    def _resolve(self, pending: Sequence[tuple[int, int, str, int, int]]) -> None:
        for _, place, name, rs1, rs2 in pending:
            distance = 4 * (len(self.words) - place)
            self.words[place] = encode(name, rs1=rs1, rs2=rs2, imm=distance) if distance < 4096 else encode("addi")

    def _set(self, rd: int, value: int) -> None:
        self.set(rd, value)

    def _word(self, word: int) -> None:
        self.words.append(word)

    def _load(self, name: str, rd: int, address: int, offset: int) -> None:
        self.set(POINTER, (address - offset) & 0xFFFFFFFF)
        self.emit(name, rd, POINTER, imm=offset)

    def _store(self, name: str, rs2: int, address: int, offset: int) -> None:
        self.set(POINTER, (address - offset) & 0xFFFFFFFF)
        self.emit(name, rs1=POINTER, rs2=rs2, imm=offset)

    def _skip(self, rd: int, odd: int) -> None:
        """Jumps over a word that is no instruction; bit 0 of the target is cleared."""
        self.emit("auipc", POINTER)
        self.emit("jalr", rd, POINTER, imm=12 + odd)
        self.words.append(0)

    def _call(self, call: tuple[int, int, int, int]) -> None:
        for register, value in zip((17, 10, 11, 12), call, strict=True):
            self.set(register, value)
        self.emit("ecall")

    def _patch(self, old: int, new: int, by: str) -> None:
        """Replaces the word behind by another. The jump is for unicorn, which translates up to one."""
        size = STORES[by]
        self.set(POINTER, self.here + 4 * (2 + 3 * (4 // size) + 1))
        for at in range(0, 4, size):
            self.set(WORD, new >> 8 * at)
            self.emit(by, rs1=POINTER, rs2=WORD, imm=at)
        self.emit("jal", imm=4)
        self.words.append(old)

    def _thunk(self, address: int, body: Sequence[int]) -> None:
        """Writes a function among data and calls it."""
        self.set(POINTER, address)
        for i, word in enumerate([*body, encode("jalr", rs1=LINK)]):
            self.set(WORD, word)
            self.emit("sw", rs1=POINTER, rs2=WORD, imm=4 * i)
        self.emit("jalr", LINK, POINTER)

    def _read_code(self, count: int) -> None:
        """Reads the words that follow from the input."""
        self._call((63, 0, self.here + 4 * 10, 4 * count))
        self.emit("jal", imm=4)
        self.words += [encode("addi", 5, 5, imm=1)] * count

    def _loop(self, count: int, body: Sequence[Item]) -> None:
        counter = COUNTERS[self.depth]
        self.set(counter, count)
        start = self.here
        self.depth += 1
        self.block(body)
        self.depth -= 1
        self.emit("addi", counter, counter, imm=-1)
        self.emit("beq", rs1=counter, imm=8)
        self.emit("jal", imm=start - self.here)

    def _nest(self, outer: int, inner: int, first: Sequence[Item], second: Sequence[Item]) -> None:
        self._loop(outer, [*first, ("loop", inner, second)])

    def _function(self, body: Sequence[Item]) -> None:
        """A call; thunks use the same link register, so the function keeps its own in memory."""
        self.emit("jal", LINK, imm=8)
        end = len(self.words)
        self.words.append(0)
        self.set(POINTER, DATA + 0x2000)
        self.emit("sw", rs1=POINTER, rs2=LINK)
        self.block(body)
        self.set(POINTER, DATA + 0x2000)
        self.emit("lw", LINK, POINTER)
        self.emit("jalr", rs1=LINK)
        self.words[end] = encode("jal", imm=4 * (len(self.words) - end))


def assemble(chosen: Sequence[Item], stdin: bytes) -> RandomProgram:
    """The items, then exit with what is in a0."""
    assembler = Assembler()
    assembler.block(chosen)
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), stdin, tuple(chosen))


# Both machines -------------------------------------------------------------------------------------------------------------------


class CuttingExecutor(Executor):
    """Ends a segment after `every` steps, unless something else ends it before."""

    every = 1

    def _refuel(self) -> None:
        super()._refuel()
        self.state[FUEL] = min(int(self.state[FUEL]), self.every)

    def _out_of_fuel(self) -> None:
        super()._out_of_fuel()
        raise Cut


@dataclass(frozen=True)
class Run:
    """What a run did, as far as both machines can say it. `pages` are the contents of all pages that were touched, zeros left out."""

    exit_code: int | None
    fault: str | None
    instructions: int = 0
    journal: bytes = b""
    console: bytes = b""
    registers: tuple[int, ...] = ()
    pages: tuple[tuple[int, bytes], ...] = ()


def executor(elf: bytes, stdin: bytes, limit: int | None = None, every: int | None = None, *, snapshots: bool = False) -> Executor:
    """Ours, ready to run."""
    m = machine()
    made = (Executor if every is None else CuttingExecutor)(
        m, Image.from_program(load_elf(elf, m.memory_map), m.memory_map), None, stdin, Limits(limit, MOST_INSTRUCTIONS), snapshots=snapshots
    )
    if isinstance(made, CuttingExecutor):
        made.every = every or 1
    return made


def finish(made: Executor) -> Execution:
    """Runs to the end."""
    return made.run(lambda fd, data: None, lambda phase, done, total: None)


def run_ours(program: RandomProgram, limit: int | None = None, every: int | None = None) -> tuple[Run, int, set[int]]:
    """The run, its number of steps, and the user pages it wrote."""
    made = executor(program.elf(), program.stdin, limit, every)
    try:
        run = finish(made)
    except GuestFault as fault:
        return Run(None, fault.message), 0, set()
    dirty = {page for s in run.segments for page in s.dirty} - {made.map.system_page}
    registers = tuple(int(x) for x in made.mem[made.system_word :][:32])
    pages = _contents(dirty, lambda page: made.mem[page * 256 : page * 256 + 256].tobytes())
    return Run(run.exit_code, None, run.instructions, run.journal, run.console, registers, pages), sum(s.steps for s in run.segments), dirty


def run_theirs(program: RandomProgram, dirty: set[int]) -> Run:
    """Unicorn's run; memory is compared on the pages that we wrote and wherever the program could have written."""
    oracle = UnicornMachine(program.elf(), program.stdin)
    outcome = oracle.run(max_instructions=MOST_INSTRUCTIONS)
    if outcome.exit_code is None:
        assert outcome.fault is not None
        return Run(None, outcome.fault.reason)
    pages = _contents(dirty, lambda page: oracle.memory(page * 1024, 1024))
    return Run(outcome.exit_code, None, outcome.instructions, bytes(outcome.journal), bytes(outcome.console), outcome.registers, pages)


def _contents(dirty: set[int], read: Callable[[int], bytes]) -> tuple[tuple[int, bytes], ...]:
    numbers = dirty | {address // 1024 + k for address in (*ADDRESSES, CODE) for k in range(-1, 6)}
    content = ((page, read(page)) for page in sorted(numbers) if 0 <= page < USER_END // 1024)
    return tuple((page, data) for page, data in content if any(data))


# Files ---------------------------------------------------------------------------------------------------------------------------

REGRESSIONS: Final = Path(__file__).parent / "regressions"


def save(program: RandomProgram, name: str, why: str) -> Path:
    """Writes a program that failed, to be replayed from now on: delete the file if the failure was the test's own fault."""
    path = REGRESSIONS / f"{name}.program"
    path.write_text(f"# {why}\n{program!r}")
    return path


def load(path: Path) -> RandomProgram:
    """A program as `save` wrote it; what follows the word of a line is for people."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    stdin = lines[0].removeprefix("stdin ").strip()
    words = [match[1] for line in lines[1:] if (match := re.match(r"[0-9a-f]{8}  ([0-9a-f]{8})", line))]
    return RandomProgram(tuple(int(word, 16) for word in words), b"" if stdin == "-" else bytes.fromhex(stdin))
