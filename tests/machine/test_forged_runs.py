"""Whole witnesses of runs that never were: the tracing executor is disturbed in the middle, rows are moved, doubled, dropped.

Everything downstream of a fault is consistent, lookups are counted again, and only the fault itself may be noticed. Numbers in brackets
are rows of the table of real bugs in the project's notes on soundness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from tests.machine.check import Report, Traces, check
from tests.machine.programs import DATA, Assembler, RandomProgram, executor, finish
from tests.machine.spread import spread
from tests.machine.support import CODE, encode, instructions, machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.fuel import CLK, DUE, FUEL, PC
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P

Columns = dict[str, npt.NDArray[np.uint32]]
STDIN: Final = b"input!"
OTHER: Final = instructions()["add"].op ^ instructions()["sub"].op
BUMP: Final = encode("addi", 6, 6, imm=1)
BYTES: Final = (34, 31)
"""Of two writes to the journal: the first has a block, the second more parts than the buffer has room for."""


def short_program() -> RandomProgram:
    """Registers, memory, a loop, code read as data, and the calls that take more than one step."""
    assembler = Assembler()
    assembler.set(5, 0x11223344)
    assembler.set(6, 0x80000001)
    assembler.emit("add", 7, 5, 6)
    assembler.emit("sub", 28, 7, 7)
    assembler.emit("add", 31, 28, 28)
    assembler.item(("store", "sw", 7, DATA, 0))
    assembler.item(("load", "lw", 12, DATA, 0))
    assembler.item(("load", "lw", 12, DATA + 64, 0))
    assembler.item(("load", "lb", 11, CODE, 0))
    assembler.item(("loop", 3, [("word", BUMP), ("store", "sb", 6, DATA + 1025, 0)]))
    assembler.item(("call", (63, 0, DATA + 4, 5)))
    for length in BYTES:
        assembler.item(("call", (64, 3, DATA, length)))
    for place in (0x100000, 0x100001, 0x100000):
        assembler.item(("call", (214, place, 0, 0)))
    assembler.item(("call", (999, 0, 0, 0)))
    assembler.emit("add", 29, 0, 5)
    assembler.set(10, 7)
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), STDIN)


@cache
def segment() -> Segment:
    (only,) = finish(executor(short_program().elf(), STDIN, snapshots=True)).segments
    return spread(only)


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    return trace(machine(), segment())


def copied() -> Columns:
    return {name: columns.copy() for name, columns in honest()[0].items()}


def report(traces: Traces, claim: tuple[int, ...] | None = None) -> Report:
    """What is wrong after the prover has counted again."""
    said = honest()[1] if claim is None else claim
    return check(machine().circuit, traces, said, machine(), counts=False)


def test_the_honest_run_is_right() -> None:
    assert not report(honest()[0])
    assert not check(machine().circuit, *honest(), machine())


# Faults in the middle of a run ---------------------------------------------------------------------------------------------------

def step_of(table: str, row: int) -> int:
    """When a row was executed: steps before it."""
    clk = next(t for t in machine().circuit.tables if t.name == table).columns.index("clk")
    return (int(honest()[0][table][clk, row]) - machine().spec.clock.first) // 4


ADD, SUB = step_of("add", 0), step_of("add", 1)
"""The steps that change x7 and x28."""
WRITING: Final = step_of("journal_part", 1)
"""A step within the write to the journal."""


@dataclass(frozen=True)
class State:
    """What a fault may change: registers and words are words of `mem`; `state` is the executor's."""

    state: npt.NDArray[np.int64]
    mem: npt.NDArray[np.uint32]
    decoded: npt.NDArray[np.int64]
    times: npt.NDArray[np.uint32]
    system: int

    def system_word(self, name: str) -> int:
        return self.system + int(str(machine().circuit.constants[f"word_{name}"]))


class Disturbed:
    """The tracing kernel, run up to a step, disturbed once, and run on; it may be run on several times."""

    def __init__(self, kernel: Any, step: int, fault: Callable[[State], None]) -> None:
        self.kernel = kernel
        self.decode = kernel.decode
        self.step, self.fault = step, fault
        self.disturbed = False

    def run(self, state: Any, mem: Any, decoded: Any, times: Any, *rest: Any) -> int:
        if self.disturbed:
            return int(self.kernel.run(state, mem, decoded, times, *rest))
        self.disturbed = True
        steps = int(state[FUEL])
        state[FUEL] = self.step
        self.kernel.run(state, mem, decoded, times, *rest)
        assert state[FUEL] == 0
        self.fault(State(state, mem, decoded, times, machine().memory_map.system_base // 4))
        state[FUEL] = steps - self.step
        return int(self.kernel.run(state, mem, decoded, times, *rest))


class DisturbedMachine(Machine):
    """The machine, with a fault in its tracing executor."""

    def __init__(self, step: int, fault: Callable[[State], None]) -> None:
        super().__init__(machine().spec)
        self.step, self.fault = step, fault

    def module(self, kind: str, table: str) -> Any:
        module = super().module(kind, table)
        return Disturbed(module, self.step, self.fault) if kind == "tracing" else module


def disturbed(step: int, fault: Callable[[State], None], changed: Mapping[str, Any] | None = None) -> Report:
    """The report on a run with a fault before `step`; `changed` are fields of the segment that must follow."""
    return report(*disturbed_trace(step, fault, changed))


def disturbed_trace(step: int, fault: Callable[[State], None], changed: Mapping[str, Any] | None = None) -> tuple[Traces, tuple[int, ...]]:
    """The witness of that run, and the claim that goes with it."""
    return trace(DisturbedMachine(step, fault), replace(segment(), post=(), **(changed or {})))


def set_word(word: int, value: int | None = None) -> Callable[[State], None]:
    """Another value in a word of memory, its time as it was."""

    def fault(s: State) -> None:
        s.mem[word] = s.mem[word] ^ 0x10001 if value is None else value

    return fault


def set_system(name: str, value: int | None = None, offset: int = 0) -> Callable[[State], None]:
    return lambda s: set_word(s.system_word(name) + offset, value)(s)


def set_register(number: int, value: int | None = None) -> Callable[[State], None]:
    return lambda s: set_word(s.system + number, value)(s)


MEMORY_FAULTS: Final = {
    "the result of an add": (ADD + 1, set_register(7)),
    "an operand before it is read": (ADD, set_register(5)),
    "x0": (step_of("add", 3), set_register(0, 1)),
    "the sink of x0": (ADD, set_system("sink")),
    "a register that nobody reads": (ADD, set_register(20, 5)),
    "memory that was stored": (step_of("load_word", 0), set_word(DATA // 4)),
    "memory that is only read": (3, set_word(DATA // 4 + 16, 9)),
    "memory of a touched page that nobody reads": (3, set_word(DATA // 4 + 100, 9)),
    "code, after it was decoded": (20, set_word(CODE // 4)),
    "code that is executed later": (3, set_word(CODE // 4 + ADD, 0x006283B7)),
    "the phase of a call": (step_of("transfer_end", 1), set_system("phase", 1)),
    "the pointer of a call": (WRITING, set_system("pointer", DATA + 2)),
    "the count of a call": (WRITING, set_system("count", 2)),
    "the journal's capacity": (WRITING, set_system("journal_capacity")),
    "the journal's capacity, last word": (WRITING, set_system("journal_capacity", offset=7)),
    "the journal's buffer": (WRITING, set_system("journal_buffer", 0xFF)),
    "the break": (3, set_system("brk", 0x100000)),
    "the start of the heap": (3, set_system("heap_start", 0)),
    "a word of the system page that has no use": (3, set_word((0x0C000000 >> 2) + 200, 1)),
}


@pytest.mark.parametrize("name", list(MEMORY_FAULTS))
def test_memory_does_not_change_by_itself(name: str) -> None:
    step, fault = MEMORY_FAULTS[name]
    found = disturbed(step, fault)
    assert found, f"nobody notices another value of {name}"
    buses = ("memory(", "program(", "digest(") if "code" in name else ("memory(",)
    assert all(any(bus in f.problem for bus in buses) for f in found.failures), str(found)


def test_a_value_is_not_read_twice() -> None:
    """A read that leaves no trace in time (38, 1): the clock of the last access is set back."""

    def fault(s: State) -> None:
        s.times[s.system + 7] -= 1

    assert disturbed(ADD + 1, fault)


@pytest.mark.parametrize("delta", [1, 4, 8, 2**16])
def test_time_does_not_jump(delta: int) -> None:
    """(38, 29) The clock goes on by more than a step. A gap that is much too long would be counted outside of the histogram."""

    def fault(s: State) -> None:
        s.state[CLK] += delta
        s.state[DUE] += delta

    found = disturbed(ADD, fault)
    assert any("exec(" in f.problem for f in found.failures), str(found)


def test_time_does_not_stand_still() -> None:
    def fault(s: State) -> None:
        s.state[CLK] -= 4

    assert disturbed(ADD + 1, fault)


def test_no_instruction_is_left_out() -> None:
    """(19, 40) The pc goes on by 8; everything else follows."""

    def fault(s: State) -> None:
        s.state[PC] += 4

    rows = dict(segment().rows)
    rows["add"] -= 1
    found = disturbed(SUB, fault, {"steps": segment().steps - 1, "rows": rows})
    assert any("exec(" in f.problem for f in found.failures), str(found)


def test_no_instruction_is_done_twice() -> None:
    def fault(s: State) -> None:
        s.state[PC] -= 4

    rows = dict(segment().rows)
    rows["add"] += 1
    found = disturbed(SUB, fault, {"steps": segment().steps + 1, "rows": rows})
    assert any("exec(" in f.problem for f in found.failures), str(found)


def uncleared() -> tuple[Traces, tuple[int, ...]]:
    """A break that goes down: its call goes on at its end after the first row that clears; everything else follows."""
    rows = dict(segment().rows)
    skipped = rows["brk_clear"] - 1
    rows["brk_clear"] = 1
    changed = {"steps": segment().steps - skipped, "rows": rows}
    return disturbed_trace(step_of("brk_clear", 1), set_system("remaining", 0), changed)


def test_what_the_break_leaves_is_cleared() -> None:
    found = report(*uncleared())
    assert found
    assert all("memory(" in f.problem for f in found.failures), str(found)


@pytest.mark.parametrize(
    ("shift", "change"), [(0, OTHER), (16, 1), (24, 3), (32, 3)], ids=["another operation", "another rd", "another rs1", "another rs2"]
)
def test_what_is_done_is_what_the_word_says(shift: int, change: int) -> None:
    """(M10) `add x7, x5, x6` is executed as another instruction."""

    def fault(s: State) -> None:
        s.decoded[CODE // 4 + ADD] ^= change << shift

    found = disturbed(ADD, fault)
    assert found
    assert all("program(" in f.problem for f in found.failures), str(found)


def test_what_is_added_is_what_the_word_says() -> None:
    """The immediate of the `addi` in the loop, sign included."""

    def fault(s: State) -> None:
        place = max(i for i, word in enumerate(short_program().words) if word == BUMP)
        s.decoded[CODE // 4 + place] ^= -1 << 32

    found = disturbed(ADD, fault)
    assert found
    assert all("program(" in f.problem for f in found.failures), str(found)


# Pages and the claim -------------------------------------------------------------------------------------------------------------


def bent_pages(page: int, word: int) -> dict[int, npt.NDArray[np.uint32]]:
    pages = {number: words.copy() for number, words in segment().pages.items()}
    pages[page][word] ^= 1
    return pages


@pytest.mark.parametrize("page", [CODE // 1024, DATA // 1024, 0x30000])
def test_pages_come_from_the_image(page: int) -> None:
    """(M9, 39) A word of a page differs from what the page table says."""
    traces, claim = trace(machine(), replace(segment(), post=(), pages=bent_pages(page, 150)))
    found = report(traces, claim)
    assert found
    assert all("digest(" in f.problem for f in found.failures), str(found)


def test_another_digest_is_another_image() -> None:
    """The digest of a page that is not touched belongs to the image: the claim changes with it."""
    tables = {number: words.copy() for number, words in segment().table_pages.items()}
    root = machine().memory_map.root_page
    untouched = next(slot for slot, child in enumerate(machine().memory_map.children(root)) if child not in tables)
    tables[root][untouched, 3] ^= 1
    traces, claim = trace(machine(), replace(segment(), post=(), table_pages=tables))
    assert not report(traces, claim)
    assert report(traces, honest()[1])


def test_a_written_page_is_not_clean() -> None:
    page = DATA // 1024
    assert page in segment().dirty
    traces, claim = trace(machine(), replace(segment(), post=(), dirty=segment().dirty - {page}))
    assert report(traces, claim)


@pytest.mark.parametrize("name", ["last", "pre[0]", "post[7]", "exit_code.hi", "journal_before[0].lo", "journal_after[8].lo"])
def test_no_word_of_the_claim_is_free(name: str) -> None:
    """Image IDs, exit code, journal, last or not: the same trace does not prove another claim."""
    at = machine().circuit.claim.columns.index(name)
    claim = list(honest()[1])
    claim[at] = 1 - claim[at] if name == "last" else (claim[at] + 1) % P
    assert report(honest()[0], tuple(claim))


# Rows moved, doubled, dropped ----------------------------------------------------------------------------------------------------

STEP_TABLES: Final = [t.name for t in machine().spec.step_tables if t.name in honest()[0]]


def real_rows(name: str) -> int:
    """Rows of a table that are used: they come first."""
    return segment().rows[name]


@pytest.mark.parametrize("name", [*STEP_TABLES, "decode"])
def test_the_order_of_rows_is_free(name: str) -> None:
    """No state crosses rows but over buses: any order is as good, so that a fault is not noticed by its place."""
    traces = copied()
    traces[name] = np.ascontiguousarray(traces[name][:, ::-1])
    assert not report(traces)


@pytest.mark.parametrize("name", [*STEP_TABLES, "decode", "boundary", "data_page", "table_page"])
def test_a_row_is_not_there_twice(name: str) -> None:
    """(22) A copy of the first row in place of a padding row."""
    traces = copied()
    if real_rows(name) == traces[name].shape[1]:
        pytest.skip("there is no padding")
    traces[name][:, -1] = traces[name][:, 0]
    assert report(traces)


@pytest.mark.parametrize("name", [*STEP_TABLES, "decode", "boundary", "data_page", "table_page"])
def test_a_row_is_not_left_out(name: str) -> None:
    """The first row is padding instead."""
    traces = copied()
    traces[name][:, 0] = traces[name][:, -1] if real_rows(name) < traces[name].shape[1] else 0
    assert report(traces)


@pytest.mark.parametrize("name", [n for n in STEP_TABLES if real_rows(n) > 1])
@pytest.mark.parametrize("column", ["clk", "pc"])
def test_two_rows_do_not_trade_time_or_place(name: str, column: str) -> None:
    """(40) Instructions are not permuted: pc and clk go together."""
    traces = copied()
    at = next(t for t in machine().circuit.tables if t.name == name).columns.index(column)
    other = next((r for r in range(1, real_rows(name)) if traces[name][at, r] != traces[name][at, 0]), None)
    if other is None:
        pytest.skip("all rows are of one pc")
    traces[name][at, [0, other]] = traces[name][at, [other, 0]]
    assert report(traces)


@pytest.mark.parametrize("table", ["data_page", "table_page"])
@pytest.mark.parametrize("change", ["twice", "never", "clean", "old", "new", "zero"])
def test_every_version_of_a_page_is_there_once(table: str, change: str) -> None:
    """(22, M5) All rows of one version of a page doubled, dropped, or given another version."""
    traces = copied()
    names = next(t for t in machine().circuit.tables if t.name == table).columns
    versions = {n: names.index(n) for n in ("clean", "old", "new")}
    for version, at in versions.items():
        rows = np.flatnonzero(traces[table][at])[:32]
        if len(rows) == 0 or change == version:
            continue
        bent = copied()
        if change == "twice":
            free = np.flatnonzero(~traces[table][list(versions.values())].any(axis=0))[:32]
            if len(free) < 32:
                continue
            bent[table][:, free] = bent[table][:, rows]
        elif change == "never":
            bent[table][:, rows] = 0
        elif change == "zero":
            bent[table][at, rows] = 0
        else:
            bent[table][at, rows] = 0
            bent[table][versions[change], rows] = 1
        assert report(bent), f"the {version} rows of a page as {change}"


def test_the_halt_is_the_end() -> None:
    """(8, 16) A run that does not halt is not the last segment, and one that halts is."""
    claim = list(honest()[1])
    columns = machine().circuit.claim.columns
    claim[columns.index("last")] = 0
    assert report(honest()[0], tuple(claim))
    claim[columns.index("exit_code.lo")] = 0
    found = report(honest()[0], tuple(claim))
    assert any("halt(" in f.problem for f in found.failures), str(found)
