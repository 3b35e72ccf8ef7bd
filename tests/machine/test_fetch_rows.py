"""Code that is written and run in one segment, and rows of its steps, forged: an old word, a new one too early, another step, another pc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from tests.machine.check import Report, Traces, check
from tests.machine.programs import CODE, DATA, Assembler, RandomProgram, executor, finish, run_ours
from tests.machine.support import encode, machine
from zkc.runtime.execution.executor import Execution
from zkc.runtime.execution.pager import MOST_ALONE
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P

Columns = dict[str, npt.NDArray[np.uint32]]
ROUTINE: Final = (
    (encode("addi", 10, 10, imm=1), encode("auipc", 7, imm=0x5000), encode("jal", 7, imm=8), 0, encode("jalr", rs1=1)),
    (encode("addi", 10, 10, imm=16), encode("lw", 7, 3, imm=0), encode("jal", 7, imm=8), 0, encode("jalr", rs1=1)),
)
"""What is written to one place, called, and written there again: the second time it loads a word of itself."""


def ended(assembler: Assembler) -> RandomProgram:
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), b"")


def run_of(assembler: Assembler) -> Execution:
    return finish(executor(ended(assembler).elf(), b"", snapshots=True))


def written_and_called(routines: Sequence[Sequence[int]]) -> Assembler:
    assembler = Assembler()
    assembler.set(10, 0)
    for words in routines:
        assembler.item(("thunk", DATA, list(words[:-1])))
    return assembler


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    run = run_of(written_and_called(ROUTINE))
    (segment,) = run.segments
    assert run.exit_code == 17 and segment.rows["fetch"] == 8
    return trace(machine(), segment)


def report(change: Callable[[Columns], None]) -> Report:
    traces = {name: columns.copy() for name, columns in honest()[0].items()}
    change(traces)
    return check(machine().circuit, traces, honest()[1], machine(), counts=False)


def columns(table: str) -> list[str]:
    return list(next(t for t in machine().circuit.tables if t.name == table).columns)


def cell(traces: Columns, table: str, name: str, row: int) -> npt.NDArray[np.uint32]:
    return traces[table][columns(table).index(name), row : row + 1]


def add(traces: Columns, table: str, row: int, delta: dict[str, int]) -> None:
    for name, by in delta.items():
        at = cell(traces, table, name, row)
        at[:] = (int(at[0]) + by) % P


def adds(delta: dict[str, int], row: int = 0, table: str = "fetch") -> Callable[[Columns], None]:
    """Cells of one row, changed by so much."""
    return lambda traces: add(traces, table, row, delta)


def step_in(traces: Columns, table: str, row: int = 0) -> tuple[str, int]:
    """The row of the step that a row of `fetch` is made around."""
    clk = int(cell(traces, "fetch", "clk", row)[0]) + 4
    table = table if table in traces else f"{table}.onto_rs1"
    rows = traces[table][columns(table).index("clk")]
    return table, int(np.flatnonzero(rows == clk)[0])


def beyond(traces: Columns, row: int) -> int:
    """The pc of the step that a row of `fetch` is made around."""
    return 0x0C000000 + int(cell(traces, "fetch", "clk", row)[0]) + 4


def trade(traces: Columns, table: str, names: Sequence[str], rows: tuple[int, int]) -> None:
    a, b = rows
    for name in names:
        at = traces[table][columns(table).index(name)]
        at[a], at[b] = at[b], at[a]


def words_trade(traces: Columns) -> None:
    """The first step runs the word that is written later, and the second the old one: what `fetch` says of the words changes places, and so
    do the rows of the steps, but for when they are."""
    said = [name for name in columns("fetch") if name not in ("clk", "pc", "next", "gap_lo", "gap_hi")]
    trade(traces, "fetch", said, (0, 4))


def refresh_in_its_place(traces: Columns) -> None:
    """The step is none: time passes, nothing is done, and the row of `fetch` takes back the pc that it gave."""
    table, row = step_in(traces, "addi")
    clk, pc = (int(cell(traces, table, name, row)[0]) for name in ("clk", "pc"))
    names, width = columns("refresh"), 512
    rows = np.zeros((len(names), width), dtype=np.uint32)
    rows[names.index("is_refresh"), 0], rows[names.index("clk"), 0], rows[names.index("pc"), 0] = 1, clk, pc
    traces["refresh"] = rows
    cell(traces, "fetch", "next", 0)[:] = pc


FORGED: Final = {
    "the old word after the new one was written, and the new one before": words_trade,
    "a refresh in the place of the step": refresh_in_its_place,
    "another word": adds({"bit20": 1}),
    "another instruction": adds({"is_addi": -1, "is_add": 1}),
    "a later time": adds({"clk": 4}),
    "a later time, taken as long after the store": adds({"clk": 4, "gap_lo": 4}),
    "a time that is none": adds({"clk": P - 4}),
    "taken before it was written": adds({"gap_lo": 4}),
    "taken when it was taken": adds({"gap_lo": P - 1}),
    "another pc": adds({"pc": 4, "quarter": 1}),
    "another pc that is not aligned": adds({"pc": 1}),
    "a pc beyond all code": adds({"pc": 0x0C000000, "high": 0x0C00}),
    "another way on": adds({"next": 4}),
    "a row that is none": adds({"is_addi": -1}),
    "the step elsewhere": lambda traces: add(traces, *step_in(traces, "addi"), {"pc": 4}),
    "the step at the pc of its word": lambda traces: add(traces, *step_in(traces, "addi"), {"pc": DATA - beyond(traces, 0)}),
    "the step at another time": lambda traces: add(traces, *step_in(traces, "addi"), {"clk": 4}),
    "an address that is another": lambda traces: add(traces, *step_in(traces, "auipc", 1), {"at": 4, "sum.lo": 4}),
    "an address that is the pc of the row": lambda traces: add(traces, *step_in(traces, "auipc", 1), {"at": 0x0C000000}),
    "a jump from another address": lambda traces: add(traces, *step_in(traces, "jal", 2), {"at": 4}),
    "a return that stays beyond all code": lambda traces: add(traces, *step_in(traces, "jalr", 3), {"at": 4}),
}  # fmt: skip


def test_the_honest_run_is_right() -> None:
    assert not report(lambda traces: None)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_row_is_noticed(name: str) -> None:
    assert report(FORGED[name])


@pytest.mark.parametrize("row", range(8))
def test_a_row_that_is_left_out_or_there_twice_is_noticed(row: int) -> None:
    def without(traces: Columns) -> None:
        traces["fetch"][:, row] = 0

    def twice(traces: Columns) -> None:
        traces["fetch"][:, 8] = traces["fetch"][:, row]

    assert report(without) and report(twice)


def test_a_word_of_code_is_not_fetched_alone() -> None:
    """It has a mark, which such a row does not take."""

    def change(traces: Columns) -> None:
        add(traces, "fetch", 0, {"pc": CODE - DATA, "quarter": (CODE - DATA) // 4 % 2**14, "high": (CODE >> 16) - (DATA >> 16)})

    assert any("memory(" in f.problem for f in report(change).failures)


# Runs ----------------------------------------------------------------------------------------------------------------------------


def rewritten_loop(rounds: int, more: Sequence[int] = ()) -> Assembler:
    """Adds 1, 2, 3, … by an instruction whose immediate it changes. more: words that are behind it."""
    assembler = Assembler()
    assembler.set(10, 0)
    assembler.set(12, rounds)
    assembler.emit("auipc", 13)
    start = assembler.here
    assembler.emit("addi", 10, 10, imm=1)
    assembler.words += more
    assembler.emit("lw", 5, 13, imm=4)
    assembler.emit("lui", 6, imm=0x100000)
    assembler.emit("add", 5, 5, 6)
    assembler.emit("sw", rs1=13, rs2=5, imm=4)
    assembler.emit("addi", 12, 12, imm=-1)
    assembler.emit("bne", rs1=12, rs2=0, imm=start - assembler.here)
    return assembler


def test_a_word_that_is_rewritten_costs_no_segment() -> None:
    """The first rewriting finds a word that is code of its segment."""
    rounds = 200
    run = run_of(rewritten_loop(rounds))
    assert run.exit_code == rounds * (rounds + 1) // 2 and len(run.segments) == 2
    assert run.segments[1].rows["fetch"] == rounds - 1
    assert not check(machine().circuit, *trace(machine(), run.segments[1]), machine())


def test_the_step_that_the_clock_asks_for_is_made_between() -> None:
    """Where a word is fetched alone shortly before it is due, it is made before its time, once or twice, and the turn stays."""
    for more in range(6):
        run = run_of(rewritten_loop(500, [encode("addi", 28, 28, imm=1)] * more))
        last = run.segments[-1]
        steps = trace(machine(), last)[0]
        clk = steps["refresh"][columns("refresh").index("clk")]
        due = [t for t in range(2**12, int(clk.max()) + 1, 2**12)]
        assert set(due) <= {int(t) for t in clk} and last.rows["refresh"] <= 3 * len(due)
        assert not check(machine().circuit, *trace(machine(), last), machine())


def test_a_word_that_is_run_often_becomes_code() -> None:
    """What is written once and then run as often as a segment is worth ends the segment, and has no rows of its own in the next."""
    assembler = Assembler()
    assembler.item(("thunk", DATA, []))
    assembler.set(12, MOST_ALONE + 1000)
    assembler.set(3, DATA)
    assembler.emit("jalr", 1, 3)
    assembler.emit("addi", 12, 12, imm=-1)
    assembler.emit("bne", rs1=12, rs2=0, imm=-8)
    assembler.set(10, 5)
    run = run_of(assembler)
    assert run.exit_code == 5
    assert [segment.rows["fetch"] for segment in run.segments] == [MOST_ALONE, 0]


def test_a_word_may_be_written_long_before_it_is_fetched() -> None:
    """More than 2^16 slots."""
    assembler = Assembler()
    for at, word in enumerate((encode("addi", 10, 10, imm=1), encode("jalr", rs1=1))):
        assembler.set(3, DATA)
        assembler.set(5, word)
        assembler.emit("sw", rs1=3, rs2=5, imm=4 * at)
    assembler.set(10, 6)
    assembler.set(12, 9000)
    assembler.emit("addi", 12, 12, imm=-1)
    assembler.emit("bne", rs1=12, rs2=0, imm=-4)
    assembler.emit("jalr", 1, 3)
    run = run_of(assembler)
    assert run.exit_code == 7
    (segment,) = run.segments
    traces, claim = trace(machine(), segment)
    assert [int(cell(traces, "fetch", "gap_hi", row)[0]) for row in (0, 1)] == [1, 1]
    assert not check(machine().circuit, traces, claim, machine())


def test_an_instruction_may_overwrite_itself() -> None:
    assembler = Assembler()
    assembler.set(10, 3)
    assembler.emit("auipc", 3)
    assembler.emit("sw", rs1=3, rs2=0, imm=4)
    run = run_of(assembler)
    assert run.exit_code == 3
    for segment in run.segments:
        assert not check(machine().circuit, *trace(machine(), segment), machine())


@pytest.mark.parametrize("before", [0, 4, 32], ids=lambda before: f"from {before} bytes before it")
def test_a_call_that_reads_over_itself_is_gone_on_with_by_the_next(before: int) -> None:
    """Wherever segments end. The next call reads the rest and answers, and the one behind it does what it asks for."""
    assembler = Assembler()
    for register, value in ((10, 0), (17, 63), (12, before + 20), (11, assembler.here + 4 * 10 - before)):
        assembler.set(register, value)
    assembler.words += [encode("addi", 7, 7)] * 2
    assembler.emit("ecall")
    assembler.words += [encode("addi", 5, 5, imm=16)] * 4
    assembler.emit("ecall")
    assembler.emit("add", 10, 10, 5)
    program = RandomProgram(ended(assembler).words, encode("addi", 5, 5, imm=1).to_bytes(4, "little") * 20)
    whole = run_ours(program)[0]
    assert whole.exit_code == before + 20 + 1 + 4 * 16
    assert run_ours(program, every=1)[0] == whole
    for segment in finish(executor(program.elf(), program.stdin, snapshots=True)).segments:
        assert not check(machine().circuit, *trace(machine(), segment), machine())


CALLS: Final = {"exit": ((93, 5), 5), "journal": ((64, 3, DATA + 64, 40), 9), "console": ((64, 1, DATA, 4), 9), "brk": ((214, 0), 9)}


@pytest.mark.parametrize(("call", "code"), CALLS.values(), ids=CALLS.keys())
def test_an_environment_call_may_be_written_and_made(call: Sequence[int], code: int) -> None:
    """Its steps stay at their pc, and each is fetched alone; the last of them may end the run."""
    assembler = Assembler()
    assembler.item(("thunk", DATA, []))
    assembler.set(3, DATA)
    for at, word in enumerate((encode("ecall"), encode("jalr", rs1=1))):
        assembler.set(5, word)
        assembler.emit("sw", rs1=3, rs2=5, imm=4 * at)
    for register, value in zip((17, 10, 11, 12), call, strict=False):
        assembler.set(register, value)
    assembler.emit("jalr", 1, 3)
    assembler.set(10, 9)
    run = run_of(assembler)
    assert run.exit_code == code
    (segment,) = run.segments
    assert not check(machine().circuit, *trace(machine(), segment), machine())
