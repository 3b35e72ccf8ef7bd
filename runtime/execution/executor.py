"""Fast execution: pure emulation, which decides where segments end and keeps what their traces need."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime import arguments
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution import events
from zkc.runtime.execution.heights import Heights
from zkc.runtime.execution.operations import (
    HOST_CONSOLE,
    HOST_CONSOLE_FD,
    HOST_EXIT_CODE,
    HOST_HALTED,
    HOST_JOURNAL,
    HOST_LENGTH,
    HOST_POSITION,
    HOST_PRESENT,
    HOST_REFUSED,
    HOST_WORDS,
)
from zkc.runtime.execution.origins import CLOCK, FULL, REWRITTEN, Origins
from zkc.runtime.execution.segment import Segment
from zkc.runtime.guest.elf import Program
from zkc.runtime.limits import MAX_CONSOLE_BYTES, MAX_JOURNAL_BYTES, check_receipt_fits
from zkc.runtime.memory.blinding import BLIND_WORDS, Blinding
from zkc.runtime.memory.image import Image, PageTree

Console = Callable[[int, bytes], None]
Progress = Callable[[str, int, int], None]

PC, CLK, RETIRED, FUEL, EVENT, ARG = range(6)
STATE_WORDS = 8
FIRST_CLK = 4
LAST_CLK = 1 << 24
"""A segment's clock stays below this, so that no gap between two accesses exceeds 24 bits."""
STEP_SLOTS = 4
JOURNAL_BUFFER = 1 << 16
LINK = 1
"""The register for return addresses; registers are the first words of the system page."""
MOST_REFUSED = 1000
"""Different numbers of refused calls that are counted: a program may try all."""
READING = 1
"""The phase of an environment call that reads (circuits/machine.circ, word_phase)."""
FOREVER = 1 << 62
LOST = "look at what this jump or return takes its address from; code that runs off its end has no jump"
"""Hint of a pc that is no place for an instruction."""
HINTS = {"the program reads its input, but no input was given": "give `--input FILE`; `--input /dev/null` gives it an empty one"}
"""What helps against faults of the machine, by their text in the .circ files."""


@dataclass(frozen=True)
class Limits:
    """segment_limit: log2 of the most rows of a table that grows with execution. max_cycles: instructions before giving up.
    max_console, max_journal: bytes of each that the program may write.

    None is the machine's own limit, and none. Other values outside of their ranges (see `arguments`) are an InputError.
    """

    segment_limit: int | None = None
    max_cycles: int | None = None
    max_console: int = MAX_CONSOLE_BYTES
    max_journal: int = MAX_JOURNAL_BYTES

    def __post_init__(self) -> None:
        for name in ("segment_limit", "max_cycles", "max_console", "max_journal"):
            object.__setattr__(self, name, getattr(arguments, name)(getattr(self, name)))


@dataclass
class Execution:
    """A finished run. `segments` carry snapshots only if they were asked for, and only then `origins` say what caused paging and cuts."""

    exit_code: int
    instructions: int
    segments: list[Segment]
    journal: bytes = field(repr=False)
    console: bytes = field(repr=False)
    origins: Origins = field(default_factory=Origins, repr=False)
    refused: dict[int, int] = field(default_factory=lambda: {})
    """Numbers of environment calls that do not exist, and how often each was asked for."""
    seconds: float = 0.0
    """Of running alone: machine code is ready before they begin to count."""


class Cut(Exception):
    """The current instruction does not fit into this segment; `reason` is one of those in zkc.runtime.execution.origins."""

    def __init__(self, reason: str = FULL) -> None:
        super().__init__(reason)
        self.reason = reason


class Executor:
    """Runs one program. Memory is flat and lazily allocated; page and word states are those of the current segment."""

    def __init__(
        self, machine: Machine, image: Image, program: Program | None, stdin: bytes | None, limits: Limits, *, snapshots: bool,
        blinding: Blinding | None = None,
    ) -> None:  # fmt: skip
        self.machine = machine
        self.blinding = blinding
        self.map = machine.memory_map
        self.program = program
        self.limits = limits
        self.snapshots = snapshots
        self.kernel = machine.module("fast", "executor")
        self.image = image
        self.guards = image.guards
        words = (self.map.system_base + self.map.page_bytes) // 4
        self.mem = np.zeros(words, dtype=np.uint32)
        self.decoded = np.zeros(words, dtype=np.int64)
        self.word_state = np.zeros(words, dtype=np.uint8)
        self.page_state = np.zeros(self.map.page_count, dtype=np.uint8)
        for page, content in image.pages.items():
            self.mem[page * self.map.page_words : (page + 1) * self.map.page_words] = content
        self.tree = PageTree.of(image, machine.hasher) if snapshots else None
        self.heights = Heights(machine, limits.segment_limit)
        self.system_word = self.map.system_base // 4
        self.stdin = stdin
        self.stdin_array = np.frombuffer(stdin or b"\0", dtype=np.uint8)
        self.host = np.zeros(HOST_WORDS, dtype=np.int64)
        self.host[HOST_LENGTH], self.host[HOST_PRESENT] = len(stdin or b""), stdin is not None
        self.journal_buffer = np.zeros(JOURNAL_BUFFER, dtype=np.uint8)
        self.journal = bytearray()
        self.console = bytearray()
        self.refused: dict[int, int] = {}
        self.state = np.zeros(STATE_WORDS, dtype=np.int64)
        self.state[PC] = self.mem[self.system_word + self.map.word_pc]
        self.segments: list[Segment] = []
        self.origins = Origins()

    def run(self, console: Console, progress: Progress) -> Execution:
        """Runs to the end. Raises GuestFault."""
        self._load_kernel()
        start = time.perf_counter()
        self._begin()
        while not self.host[HOST_HALTED]:
            self._refuel()
            event = self._enter()
            try:
                self._handle(event, console)
            except Cut as cut:
                self.origins.cuts.append((cut.reason, self._origin()))
                self._end()
                progress("execute", len(self.segments), 0)
                self._begin()
        self._end()
        progress("execute", len(self.segments), len(self.segments))
        self._drain_journal()
        return Execution(
            int(self.host[HOST_EXIT_CODE]), int(self.state[RETIRED]), self.segments, bytes(self.journal), bytes(self.console),
            self.origins, self.refused, time.perf_counter() - start,
        )  # fmt: skip

    def _load_kernel(self) -> None:
        """Compiles the executor, or loads it, by calling it where there is nothing to do."""
        assert self.state[FUEL] == 0
        self._enter()
        self.kernel.decode(np.int64(0))

    def _enter(self) -> int:
        h = self.heights
        return int(
            self.kernel.run(
                self.state, self.mem, self.decoded, self.page_state, self.word_state, h.rows, h.limits, self.host, self.stdin_array,
                self.journal_buffer,
            )
        )  # fmt: skip

    # segments

    def _begin(self) -> None:
        if self.snapshots:  # which take memory, and are for a receipt
            check_receipt_fits(len(self.segments) + 1, 0, lambda: 0)
        self.heights.reset()
        self.state[CLK] = FIRST_CLK
        self.touched: dict[int, npt.NDArray[np.uint32]] = {}
        self.dirty: set[int] = set()
        self.table_in: dict[int, bool] = {}
        self.code: list[int] = []
        self.stdin_start = int(self.host[HOST_POSITION])
        self.retired_start = int(self.state[RETIRED])
        if not (self.heights.reserve("boundary", 1) and self._touch_page(self.map.system_page) and self._dirty_page(self.map.system_page)):
            raise AssertionError("a segment has room for the system page")

    def _end(self) -> None:
        self.mem[self.system_word + self.map.word_pc] = self.state[PC]
        blind = self.blinding.words(len(self.segments)) if self.blinding else (0,) * BLIND_WORDS
        at = self.system_word + self.map.word_blind
        self.mem[at : at + BLIND_WORDS] = blind
        h = self.heights
        steps = int(h.rows[: len(h.step_names)].sum())
        if steps == 0:
            raise self._fault("this instruction does not fit into a segment", hint="give a larger --segment-limit")
        halted = bool(self.host[HOST_HALTED])
        table_pages: dict[int, npt.NDArray[np.uint32]] = {}
        pre: tuple[int, ...] = ()
        post: tuple[int, ...] = ()
        if self.tree is not None:
            pre = tuple(int(x) for x in self.tree.image_id())
            table_pages = {t: np.array(self.tree.table_page(t)) for t in self.table_in}
            numbers = sorted(self.dirty)
            width = self.map.page_words
            self.tree.update_batch(numbers, np.stack([self.mem[p * width : (p + 1) * width] for p in numbers]))
            post = tuple(int(x) for x in self.tree.image_id())
        rows = {name: int(count) for name, count in zip(h.names, h.rows, strict=True)}
        self.segments.append(
            Segment(
                index=len(self.segments), pages=self.touched if self.snapshots else {}, dirty=frozenset(self.dirty),
                table_pages=table_pages, code=np.array(self.code, dtype=np.int64), steps=steps, rows=rows, stdin=self._input(),
                stdin_position=self.stdin_start, last=halted, exit_code=int(self.host[HOST_EXIT_CODE]), pre=pre, post=post,
                blind=blind, retired=int(self.state[RETIRED]) - self.retired_start,
            )
        )  # fmt: skip
        self.decoded[self.code] = 0
        for page in self.touched:
            self.page_state[page] = 0
            self.word_state[page * self.map.page_words : (page + 1) * self.map.page_words] = 0

    def _input(self) -> bytes | None:
        """What the segment read, and the rest of a read that began in it and goes on: its length was an answer of the host."""
        if self.stdin is None:
            return None
        system, names = self.mem[self.system_word :], self.machine.circuit.constants
        phase, remaining, count = (int(system[names[n]]) for n in ("word_phase", "word_remaining", "word_count"))
        position = int(self.host[HOST_POSITION])
        began_here = phase == READING and count - remaining <= position - self.stdin_start
        return self.stdin[self.stdin_start : position + (remaining if began_here else 0)]

    def _refuel(self) -> None:
        most = (self.limits.max_cycles or FOREVER) - int(self.state[RETIRED])
        self.state[FUEL] = max(0, min(most, (LAST_CLK - int(self.state[CLK])) // STEP_SLOTS))

    # events

    def _handle(self, event: int, console: Console) -> None:
        arg = int(self.state[ARG])
        if event == events.DECODE:
            self._fetch(int(self.state[PC]))
        elif event == events.TOUCH:
            page = arg // self.map.page_words
            self._check_guard(page, 4 * arg, "reads or writes")
            self._require(self._touch_page(page))
        elif event == events.DIRTY:
            page = arg // self.map.page_words
            self._check_guard(page, 4 * arg, "writes to")
            self._require(self._touch_page(page) and self._dirty_page(page))
        elif event == events.FULL:
            self._require(self.heights.grow(arg))
        elif event == events.STORE_CODE:
            if not self.heights.rows[: len(self.heights.step_names)].any():
                raise self._fault("an instruction overwrites itself", hint="write code before jumping to it")
            raise Cut(REWRITTEN)
        elif event == events.HOST:
            self._host(console)
        elif event == events.FUEL:
            self._out_of_fuel()
        elif event == events.FAULT:
            message = self.machine.spec.faults[arg]
            raise self._fault(message, hint=HINTS.get(message))
        elif event == events.NO_SERVICE:
            raise self._fault("an environment call in a state that no service handles")
        else:
            raise self._lost()

    def _require(self, fits: bool) -> None:
        if not fits:
            raise Cut

    def _out_of_fuel(self) -> None:
        if self.limits.max_cycles is not None and self.state[RETIRED] >= self.limits.max_cycles:
            raise self._fault(
                f"the program did not end within {self.limits.max_cycles} instructions",
                hint="give a larger --max-cycles, or look for an endless loop",
            )
        if LAST_CLK - int(self.state[CLK]) < 2 * STEP_SLOTS:
            raise Cut(CLOCK)

    def _fetch(self, pc: int) -> None:
        word = pc // 4
        self._check_guard(word // self.map.page_words, pc, "runs code at")
        if self.word_state[word] == 2:
            raise Cut(REWRITTEN)
        entry = self.kernel.decode(np.int64(self.mem[word]))
        if entry == 0:
            raise self._illegal(int(self.mem[word]))
        page = word // self.map.page_words
        self._require((self.page_state[page] != 0 or self._touch_page(page)) and self.heights.reserve("decode", 1))
        self.decoded[word] = entry
        self.word_state[word] = 1
        self.code.append(word)

    def _touch_page(self, page: int) -> bool:
        """Pages in a page and the pages of the table above it that are not in yet."""
        if self.page_state[page]:
            return True
        missing = self._missing_tables(page)
        if not self._reserve_pages(len(missing)):
            return False
        self.page_state[page] = 1
        self._caused_paging(page, len(missing))
        width = self.map.page_words
        self.touched[page] = self.mem[page * width : (page + 1) * width].copy() if self.snapshots else np.zeros(0, dtype=np.uint32)
        for table in missing:
            self.table_in[table] = False
        return True

    def _reserve_pages(self, tables: int) -> bool:
        """Room for a version of a data page and of so many pages of the table."""
        rows = self.map.page_rows
        return self.heights.reserve("data_page", rows) and self.heights.reserve("table_page", rows * tables)

    def _origin(self) -> tuple[int, int]:
        """The instruction under way, and its return address register."""
        return int(self.state[PC]), int(self.mem[self.system_word + LINK])

    def _caused_paging(self, page: int, tables: int) -> None:
        if self.snapshots and page != self.map.system_page:  # every segment opens that one
            self.origins.count(self._origin(), self.map.page_rows, self.map.page_rows * tables)

    def _missing_tables(self, page: int) -> list[int]:
        missing: list[int] = []
        while True:
            parent = self.map.parent(page)
            if parent in self.table_in or parent == page:
                return missing
            missing.append(parent)
            page = parent

    def _dirty_page(self, page: int) -> bool:
        """A page and the table pages above it get a second version, for the end of the segment."""
        if page in self.dirty:
            return True
        clean = []
        above = self.map.parent(page)
        while not self.table_in[above]:
            clean.append(above)
            if self.map.parent(above) == above:
                break
            above = self.map.parent(above)
        if not self._reserve_pages(len(clean)):
            return False
        self.page_state[page] = 3
        self._caused_paging(page, len(clean))
        self.dirty.add(page)
        for table in clean:
            self.table_in[table] = True
        return True

    # the host

    def _host(self, console: Console) -> None:
        if self.host[HOST_JOURNAL] == JOURNAL_BUFFER:
            self._drain_journal()
        if self.host[HOST_CONSOLE_FD]:
            start, count = int(self.host[HOST_CONSOLE]) >> 32, int(self.host[HOST_CONSOLE]) & 0xFFFFFFFF
            if len(self.console) + count > self.limits.max_console:
                raise self._fault(
                    f"the program writes more than {self.limits.max_console} bytes to its console", hint="give a larger --max-console"
                )
            data = self._bytes(start, count)
            self.console += data
            console(int(self.host[HOST_CONSOLE_FD]), data)
            self.host[HOST_CONSOLE_FD] = 0
        if self.host[HOST_REFUSED]:
            number = int(self.host[HOST_REFUSED]) - 1
            if number in self.refused or len(self.refused) < MOST_REFUSED:
                self.refused[number] = self.refused.get(number, 0) + 1
            self.host[HOST_REFUSED] = 0

    def _drain_journal(self) -> None:
        if len(self.journal) + int(self.host[HOST_JOURNAL]) > self.limits.max_journal:
            raise self._fault(
                f"the program writes more than {self.limits.max_journal} bytes to its journal",
                hint=f"give a larger --max-journal; a receipt holds at most {MAX_JOURNAL_BYTES} bytes",
            )
        self.journal += self.journal_buffer[: int(self.host[HOST_JOURNAL])].tobytes()
        self.host[HOST_JOURNAL] = 0

    def _bytes(self, start: int, count: int) -> bytes:
        first, last = start // 4, (start + count + 3) // 4
        return self.mem[first:last].tobytes()[start % 4 : start % 4 + count]

    # faults

    def _check_guard(self, page: int, address: int, does: str) -> None:
        """No proof can page in a guard page."""
        if page not in self.guards:
            return
        known = self.program.guards if self.program is not None else ()
        guard = next((guard for guard in known if guard.start <= address < guard.end), None)
        message, hint = (guard.message, guard.hint) if guard else ("guard page", None)
        raise self._fault(f"{message}: the instruction {does} address 0x{address:08x}", hint=hint)

    def _illegal(self, word: int) -> GuestFault:
        if word == 0x00100073:
            return self._fault("breakpoint (ebreak)", hint="the program stopped itself: abort, unreachable code or a failed assertion")
        return self._fault(f"illegal instruction 0x{word:08x}", hint=_why_illegal(word))

    def _lost(self) -> GuestFault:
        """The pc is no place for an instruction: the fault of the one that led there. A second run finds its pc."""
        target, before = int(self.state[PC]) & 0xFFFFFFFF, int(self.state[RETIRED]) - 1
        kind = "misaligned" if target % 4 else "outside user memory"
        if before > 0:
            again = Executor(self.machine, self.image, None, self.stdin, replace(self.limits, max_cycles=before), snapshots=False)
            with suppress(GuestFault):
                again.run(lambda fd, data: None, lambda phase, done, total: None)
            self.state[PC] = again.state[PC]
        elif before == 0:
            self.state[PC] = self.image.pages[self.map.system_page][self.map.word_pc]
        return self._fault(f"the next instruction would be at 0x{target:08x}, which is {kind}", hint=LOST)

    def _fault(self, message: str, hint: str | None = None) -> GuestFault:
        pc = int(self.state[PC]) & 0xFFFFFFFF
        where = f"pc 0x{pc:08x}"
        if self.program is not None:
            where += f" in {self.program.symbols.describe(pc)}"
        return GuestFault(message, pc=pc, where=where, hint=hint)


def _why_illegal(word: int) -> str:
    """What the program may have meant by `word`, for its author."""
    opcode = word & 0x7F
    if word in (0, 0xFFFFFFFF):
        return "this is not code: a jump through a bad pointer, the end of a function that never returns, or code that was overwritten"
    if opcode & 3 != 3:
        return "the machine has no compressed instructions: build all of it, libraries too, with `-march=rv32im`"
    if opcode == 0x2F:
        return "the machine has no atomic instructions: build with `-march=rv32im` (no `a`), there is one thread"
    if opcode in (0x07, 0x27, 0x43, 0x47, 0x4B, 0x4F, 0x53):
        return "the machine has no floating point instructions: build with `-march=rv32im -mabi=ilp32`, which calls a library instead"
    if opcode == 0x73:
        return "the machine has neither control registers (cycle counters, mstatus) nor privileged instructions"
    return "the machine runs RV32IM"


def execute(
    machine: Machine, program: Program | Image, stdin: bytes | None = None, limits: Limits | None = None, console: Console | None = None,
    progress: Progress | None = None, *, snapshots: bool = False, blinding: Blinding | None = None,
) -> Execution:  # fmt: skip
    """Runs a program to its end; with `snapshots`, segments can be traced and proven, there are as many as a receipt holds at most, and
    their image IDs are blinded by `blinding`.

    Raises GuestFault.
    """
    image = program if isinstance(program, Image) else Image.from_program(program, machine.memory_map)
    source: Any = None if isinstance(program, Image) else program
    stdin = arguments.optional_data("stdin", stdin)
    executor = Executor(machine, image, source, stdin, limits or Limits(), snapshots=snapshots, blinding=blinding)
    return executor.run(console or (lambda fd, data: None), progress or (lambda phase, done, total: None))
