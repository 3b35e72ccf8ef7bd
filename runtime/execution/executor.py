"""Fast execution: pure emulation, which decides where segments end and keeps what their traces need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime import arguments
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution import events
from zkc.runtime.execution.budget import CELL_BUDGET
from zkc.runtime.execution.fuel import ARG, ASIDE, CLK, DUE, FUEL, PC, RETIRED
from zkc.runtime.execution.heights import Heights, Numbers, reserve
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
    JOURNAL_BLOCK,
)
from zkc.runtime.execution.origins import CLOCK, FULL, REWRITTEN, Origins
from zkc.runtime.execution.pager import (
    ABOVE,
    CAUSES,
    CODE,
    DIRTY,
    MOST_ALONE,
    OPEN,
    STORED,
    TOUCHED,
    WRITTEN,
    alone,
    close,
    new_book,
    open_page,
)
from zkc.runtime.execution.segment import Segment
from zkc.runtime.guest.elf import Program
from zkc.runtime.limits import MAX_CONSOLE_BYTES, MAX_JOURNAL_BYTES, check_receipt_fits
from zkc.runtime.memory.blinding import BLIND_WORDS, Blinding
from zkc.runtime.memory.image import Image, PageTree
from zkc.runtime.memory.map import WORD_BYTES

Console = Callable[[int, bytes], None]
Progress = Callable[[str, int, int], None]
Keep = Callable[[Segment], Segment]
"""What is kept of a segment: all of it, or its outline."""

JOURNAL_BUFFER = 1 << 16
MOST_REFUSED = 1000
"""Different numbers of refused calls that are counted: a program may try all."""
FOREVER = 1 << 62
LOST = "look at what this jump or return takes its address from; code that runs off its end has no jump"
"""Hint of a pc that is no place for an instruction."""
HINTS = {"the program reads its input, but no input was given": "give `--input FILE`; `--input /dev/null` gives it an empty one"}
"""What helps against faults of the machine, by their text in the .circ files."""


def whole(segment: Segment) -> Segment:
    """All of it."""
    return segment


@dataclass(frozen=True)
class Limits:
    """segment_limit: log2 of the most rows of a table that grows with execution. max_cycles: instructions before giving up.
    max_console, max_journal: bytes of each that the program may write. cells: most of one segment, LogUp columns included.

    None is the machine's own limit, and none. Other values outside of their ranges (see `arguments`) are an InputError.
    """

    segment_limit: int | None = None
    max_cycles: int | None = None
    max_console: int = MAX_CONSOLE_BYTES
    max_journal: int = MAX_JOURNAL_BYTES
    cells: int = CELL_BUDGET

    def __post_init__(self) -> None:
        for name in ("segment_limit", "max_cycles", "max_console", "max_journal"):
            object.__setattr__(self, name, getattr(arguments, name)(getattr(self, name)))


@dataclass
class Execution:
    """A finished run. `segments` carry snapshots only if these were asked for and kept; if they were asked for, `origins` say what caused
    paging and cuts.
    """

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
        self.clock = machine.spec.clock
        self.program = program
        self.limits = limits
        self.snapshots = snapshots
        self.kernel = machine.module("fast", "executor")
        self.image = image
        self.heights = Heights(machine, limits.segment_limit, limits.cells)
        self.book = new_book(self.map, self.clock, self.heights, image, snapshots=snapshots)
        self.state, self.mem = self.book.state, self.book.mem
        self.tree = PageTree.of(image, machine.hasher) if snapshots else None
        self.system_word = self.map.system_base // WORD_BYTES
        self.stdin = stdin
        self.stdin_array = np.frombuffer(stdin or b"\0", dtype=np.uint8)
        self.host = np.zeros(HOST_WORDS, dtype=np.int64)
        self.host[HOST_LENGTH], self.host[HOST_PRESENT] = len(stdin or b""), stdin is not None
        self.journal_buffer = np.zeros(JOURNAL_BUFFER, dtype=np.uint8)
        self.journal = bytearray()
        self.console = bytearray()
        self.refused: dict[int, int] = {}
        self.changing: list[int] = []
        self.state[PC] = self.mem[self.system_word + self.map.word_pc]
        self.count = 0
        self.seconds = 0.0
        self.origins = Origins()

    def run(self, console: Console, progress: Progress, keep: Keep = whole) -> Execution:
        """Runs to the end. Raises GuestFault."""
        segments = [keep(segment) for segment in self.segments(console, progress)]
        return Execution(
            int(self.host[HOST_EXIT_CODE]), int(self.state[RETIRED]), segments, bytes(self.journal), bytes(self.console),
            self.origins, self.refused, self.seconds,
        )  # fmt: skip

    def segments(self, console: Console, progress: Progress) -> Iterator[Segment]:
        """Runs, and gives each segment when it ends: what comes after it runs when the next one is asked for. Raises GuestFault."""
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
                yield self._end()
                progress("execute", self.count, 0)
                self._begin()
        last = self._end()
        self._drain_journal()
        self.seconds = time.perf_counter() - start
        yield last
        progress("execute", self.count, self.count)

    def _load_kernel(self) -> None:
        """Compiles the executor, or loads it, by calling it where there is nothing to do."""
        assert self.state[FUEL] == 0
        self._enter()
        self.kernel.decode(np.int64(0))

    def _enter(self) -> int:
        return int(self.kernel.execute(self.book, self.host, self.stdin_array, self.journal_buffer))

    # segments

    def _begin(self) -> None:
        if self.snapshots:  # which take memory, and are for a receipt
            check_receipt_fits(self.count + 1, 0, lambda: 0)
        self.heights.reset()
        self.state[CLK], self.state[DUE], self.state[ASIDE] = self.clock.first, self.clock.due(0), 0
        self.stdin_start = int(self.host[HOST_POSITION])
        self.retired_start = int(self.state[RETIRED])
        page = self.map.system_page
        room = reserve(self.heights.tables, self.heights.index("boundary"), 1)
        if not (room and open_page(self.book, page, OPEN) and open_page(self.book, page, DIRTY)):
            raise AssertionError("a segment has room for the system page")
        self.book.lengths[CAUSES] = 0  # every segment opens that one

    def _end(self) -> Segment:
        self.mem[self.system_word + self.map.word_pc] = self.state[PC]
        blind = self.blinding.words(self.count) if self.blinding else (0,) * BLIND_WORDS
        at = self.system_word + self.map.word_blind
        self.mem[at : at + BLIND_WORDS] = blind
        steps = int(self.heights.rows()[: self.heights.steps].sum())
        if steps == 0:
            raise self._fault("this instruction does not fit into a segment", hint="give a larger --segment-limit")
        touched, dirty, above, code = self._lists()
        table_pages: dict[int, npt.NDArray[np.uint32]] = {}
        pre: tuple[int, ...] = ()
        post: tuple[int, ...] = ()
        if self.tree is not None:
            pre = tuple(int(x) for x in self.tree.image_id())
            table_pages = {t: np.array(self.tree.table_page(t)) for t in above.tolist()}
            numbers = sorted(dirty.tolist())
            width = self.map.page_words
            self.tree.update_batch(numbers, np.stack([self.mem[p * width : (p + 1) * width] for p in numbers]))
            post = tuple(int(x) for x in self.tree.image_id())
        pages = dict(zip(touched.tolist(), self.book.snapshots[: len(touched)].copy(), strict=False))
        ended = Segment(
            index=self.count, pages=pages, dirty=frozenset(dirty.tolist()), table_pages=table_pages, code=code.copy(),
            steps=steps, rows=self.heights.placed(len(dirty)), stdin=self._input(), stdin_position=self.stdin_start,
            last=bool(self.host[HOST_HALTED]), exit_code=int(self.host[HOST_EXIT_CODE]), pre=pre, post=post, blind=blind,
            retired=int(self.state[RETIRED]) - self.retired_start,
        )  # fmt: skip
        self.count += 1
        for pc, link, data_rows, table_rows in self.book.causes[: self.book.lengths[CAUSES]].tolist():
            self.origins.count((pc, link), data_rows, table_rows)
        close(self.book)
        return ended

    def _lists(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Pages touched, pages written, pages of the table above them, and words of code."""
        book = self.book
        touched, written, above, code = (
            numbers[: book.lengths[which]]
            for numbers, which in ((book.touched, TOUCHED), (book.written, WRITTEN), (book.above, ABOVE), (book.code, CODE))
        )
        return touched, written, above, code

    def _input(self) -> bytes | None:
        """What the segment read, and the rest of a read that began in it and goes on: its length was an answer of the host."""
        if self.stdin is None:
            return None
        system, names = self.mem[self.system_word :], self.machine.circuit.constants
        phase, remaining, count = (int(system[names[n]]) for n in ("word_phase", "word_remaining", "word_count"))
        position = int(self.host[HOST_POSITION])
        began_here = phase == names["phase_reading"] and count - remaining <= position - self.stdin_start
        return self.stdin[self.stdin_start : position + (remaining if began_here else 0)]

    def _refuel(self) -> None:
        most = (self.limits.max_cycles or FOREVER) - int(self.state[RETIRED])
        self.state[FUEL] = max(0, min(most, 1 + (self.clock.last - int(self.state[CLK])) // self.clock.slots))

    # events

    def _handle(self, event: int, console: Console) -> None:
        arg = int(self.state[ARG])
        if event == events.DECODE:
            self._not_code(int(self.state[PC]))
        elif event in (events.TOUCH, events.DIRTY):
            self._check_guard(WORD_BYTES * arg, "reads or writes" if event == events.TOUCH else "writes to")
            raise Cut
        elif event == events.FULL:
            raise Cut
        elif event == events.STORE_CODE:
            self._rewritten(arg)
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

    def _out_of_fuel(self) -> None:
        if self.limits.max_cycles is not None and self.state[RETIRED] >= self.limits.max_cycles:
            raise self._fault(
                f"the program did not end within {self.limits.max_cycles} instructions",
                hint="give a larger --max-cycles, or look for an endless loop",
            )
        if self.state[CLK] > self.clock.last:
            raise Cut(CLOCK)

    def _rewritten(self, word: int) -> None:
        """A word of code is to be written, and is code for no segment from now on."""
        if self.book.shape.fetch >= 0:
            self.book.changing[word] = 1
            self.changing.append(word)
        if self.heights.rows()[: self.heights.steps].any():
            raise Cut(REWRITTEN)
        if self.book.shape.fetch < 0:
            raise self._fault("an instruction overwrites itself", hint="write code before jumping to it")
        close(self.book)
        self._begin()

    def _not_code(self, pc: int) -> None:
        """Why the pager did not fetch the word at `pc`."""
        word = pc // WORD_BYTES
        self._check_guard(pc, "runs code at")
        if self.kernel.decode(np.int64(self.mem[word])) == 0:
            raise self._illegal(int(self.mem[word]))
        changes = self.book.words[word] == STORED or self.book.changing[word]
        if changes and (self.book.shape.fetch < 0 or alone(self.book) == MOST_ALONE):
            self.book.changing[self.changing] = 0
            self.changing.clear()
            raise Cut(REWRITTEN)
        raise Cut

    def _origin(self) -> tuple[int, int]:
        """The instruction under way, and its return address register."""
        return int(self.state[PC]), int(self.mem[self.book.shape.link])

    # the host

    def _host(self, console: Console) -> None:
        if self.host[HOST_JOURNAL] + JOURNAL_BLOCK > JOURNAL_BUFFER:
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

    def _check_guard(self, address: int, does: str) -> None:
        """No proof can page in a guard page."""
        if not self.book.guards[address // self.map.page_bytes]:
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
        kind = "misaligned" if target % WORD_BYTES else "outside user memory"
        if before > 0:
            again = Executor(self.machine, self.image, None, self.stdin, replace(self.limits, max_cycles=before), snapshots=False)
            with suppress(GuestFault):
                again.run(no_console, no_progress)
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
        return "this machine has no atomic instructions: choose one with `--isa rv32ima`, or build with `-march=rv32im`"
    if opcode in (0x07, 0x27, 0x43, 0x47, 0x4B, 0x4F, 0x53):
        return "the machine has no floating point instructions: build with `-march=rv32im -mabi=ilp32`, which calls a library instead"
    if opcode == 0x73:
        return "the machine has neither control registers (cycle counters, mstatus) nor privileged instructions"
    return "the machine runs RV32IM, and the extensions that `--isa` chooses"


def execute(
    machine: Machine, program: Program | Image, stdin: bytes | None = None, limits: Limits | None = None, console: Console | None = None,
    progress: Progress | None = None, *, snapshots: bool = False, blinding: Blinding | None = None, keep: Keep = whole,
) -> Execution:  # fmt: skip
    """Runs a program to its end; with `snapshots`, segments can be traced and proven, there are as many as a receipt holds at most, and
    their image IDs are blinded by `blinding`. keep: what is kept of each.

    Raises GuestFault.
    """
    executor = _executor(machine, program, stdin, limits, snapshots=snapshots, blinding=blinding)
    return executor.run(console or no_console, progress or no_progress, keep)


def segments_of(
    machine: Machine, program: Program | Image, stdin: bytes | None = None, limits: Limits | None = None,
    blinding: Blinding | None = None,
) -> Iterator[Segment]:  # fmt: skip
    """The segments of a run, with snapshots: each is executed when it is asked for, and forgotten here. Raises GuestFault."""
    yield from _executor(machine, program, stdin, limits, snapshots=True, blinding=blinding).segments(no_console, no_progress)


def no_console(file: int, data: bytes) -> None:
    """Shows nothing."""


def no_progress(phase: str, done: int, total: int) -> None:
    """Tells nobody."""


def _executor(
    machine: Machine, program: Program | Image, stdin: bytes | None, limits: Limits | None, *, snapshots: bool,
    blinding: Blinding | None,
) -> Executor:  # fmt: skip
    image = program if isinstance(program, Image) else Image.from_program(program, machine.memory_map)
    source: Any = None if isinstance(program, Image) else program
    stdin = arguments.optional_data("stdin", stdin)
    return Executor(machine, image, source, stdin, limits or Limits(), snapshots=snapshots, blinding=blinding)
