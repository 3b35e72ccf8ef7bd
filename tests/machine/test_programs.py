"""The committed programs in our executor: what they do, how segments chain wherever they end, and what a fault says."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from tests.guests.catalogue import FAULTS, GUESTS, Program, examples, fault_input, guests
from tests.machine.check import check
from tests.machine.support import machine
from tests.oracle.unicorn_machine import Outcome, run_elf
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, Executor, Limits, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image, PageTree

PROGRAMS = {program.name: program for program in [*examples(), *guests()]}
LONG = [name for name, program in PROGRAMS.items() if program.instructions > 30_000 and name != "marathon"]
LIMITS = (7, 8, 10)
WORD, HALF, OUTSIDE = "misaligned access to a word", "misaligned access to a half word", "access outside user memory"
JUMP, ILLEGAL = "jump outside user memory", "illegal instruction"
FAULT_MESSAGES = (
    WORD, WORD, HALF, HALF, WORD, HALF, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE, JUMP, "jump to a misaligned address", JUMP,
    "breakpoint (ebreak)", *[ILLEGAL] * 8, OUTSIDE, OUTSIDE, "console output from outside user memory",
)  # fmt: skip
JUMPS = (11, 12, 13)
"""Faults that unicorn sees at the target of the jump, and we at the jump."""
CALLS = (23, 24, 25)
"""Faults of environment calls: unicorn's pc is behind the ecall."""


@cache
def reference(name: str) -> Outcome:
    program = PROGRAMS[name]
    return run_elf(program.elf, program.stdin, exact=program.instructions < 100_000)


def run(program: Program, limit: int | None) -> tuple[Execution, Executor]:
    """The run with snapshots, and the executor, which still holds the last memory."""
    m = machine()
    elf = load_elf(program.elf, m.memory_map)
    executor = Executor(m, Image.from_program(elf, m.memory_map), elf, program.stdin, Limits(limit), snapshots=True)
    return executor.run(lambda fd, data: None, lambda phase, done, total: None), executor


def last_image_id(executor: Executor, execution: Execution) -> tuple[int, ...]:
    """The ID of what is in memory now, from the pages themselves."""
    pages = {page for segment in execution.segments for page in segment.pages}
    touched = {page: executor.mem[page * 256 : page * 256 + 256] for page in pages}
    image = Image(executor.map, touched | _untouched(executor, pages), executor.image.guards)
    return PageTree.of(image, machine().hasher).image_id()


def _untouched(executor: Executor, touched: set[int]) -> dict[int, object]:
    """Pages of the program that the run never looked at."""
    assert executor.program is not None
    image = Image.from_program(executor.program, executor.map)
    return {page: words for page, words in image.pages.items() if page not in touched}  # type: ignore[misc]


@pytest.mark.parametrize("limit", [None, *LIMITS])
@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "marathon"])
def test_a_program_does_what_it_does_in_unicorn(name: str, limit: int | None) -> None:
    if name in LONG and limit in (7, 8):
        pytest.skip("hundreds of segments: the slow test has them")
    _same_as_unicorn(name, limit)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "limit"), [*((n, k) for n in LONG for k in (7, 8)), ("marathon", 14)])
def test_a_long_program_does_what_it_does_in_unicorn(name: str, limit: int) -> None:
    _same_as_unicorn(name, limit)


def _same_as_unicorn(name: str, limit: int | None) -> None:
    program, theirs = PROGRAMS[name], reference(name)
    ours, executor = run(program, limit)
    assert (ours.exit_code, ours.instructions) == (program.exit_code, program.instructions)
    assert (ours.exit_code, ours.instructions) == (theirs.exit_code, theirs.instructions)
    assert (ours.journal, ours.console) == (bytes(theirs.journal), bytes(theirs.console))
    assert program.journal in (None, ours.journal)
    assert tuple(int(x) for x in executor.mem[executor.system_word :][:32]) == theirs.registers
    _chains(ours, executor)


def _chains(ours: Execution, executor: Executor) -> None:
    """Segments follow each other, and the last image does not depend on where they end."""
    segments = ours.segments
    assert executor.program is not None
    first = PageTree.of(Image.from_program(executor.program, executor.map), machine().hasher).image_id()
    assert segments[0].pre == first
    assert all(a.post == b.pre for a, b in pairwise(segments))
    assert segments[-1].post == last_image_id(executor, ours)
    assert [s.last for s in segments] == [False] * (len(segments) - 1) + [True]
    assert [s.index for s in segments] == list(range(len(segments)))
    assert sum(s.retired for s in segments) == ours.instructions
    for s in segments:
        assert s.dirty <= set(s.pages), "a page is written before it is paged in"
        assert s.steps == sum(s.rows[t.name] for t in machine().spec.step_tables) > 0
        dirty = s.rows["dirty_page"] // 32  # both versions of a page, 16 words a row
        assert dirty in (0, len(s.dirty)) and s.rows["dirty_page"] == 32 * dirty
        assert s.rows["data_page"] == 32 * (len(s.pages) - dirty + (0 if dirty else len(s.dirty)))
        assert s.rows["decode"] >= len(s.code) == len(set(s.code.tolist()))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", [n for n in PROGRAMS if PROGRAMS[n].instructions < 50_000])
def test_witnesses_hold(name: str, limit: int) -> None:
    """The first segment, the last, and the one with most tables."""
    segments = run(PROGRAMS[name], limit)[0].segments
    busiest = max(segments, key=lambda s: sum(1 for rows in s.rows.values() if rows))
    for index in sorted({0, busiest.index, len(segments) - 1}):
        failures = check(machine().circuit, *trace(machine(), segments[index]), machine())
        assert not failures, f"segment {index} of {len(segments)}\n{failures}"


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "marathon"])
def test_witnesses_of_whole_programs_hold(name: str) -> None:
    """Every segment at a limit where there are few."""
    for segment in run(PROGRAMS[name], 10 if PROGRAMS[name].instructions < 50_000 else 14)[0].segments:
        failures = check(machine().circuit, *trace(machine(), segment), machine())
        assert not failures, f"segment {segment.index}\n{failures}"


@pytest.mark.parametrize("choice", range(FAULTS))
def test_a_fault_says_what_and_where(choice: int) -> None:
    m = machine()
    theirs = run_elf(GUESTS / "faults.elf", fault_input(choice))
    assert theirs.fault is not None
    with pytest.raises(GuestFault) as caught:
        execute(m, load_elf(GUESTS / "faults.elf", m.memory_map), fault_input(choice))
    fault = caught.value
    assert fault.message.startswith(FAULT_MESSAGES[choice])
    if choice in CALLS:
        assert fault.pc == theirs.fault.pc - 4
        assert "zkc_call" in str(fault)
    elif choice not in JUMPS:
        assert fault.pc == theirs.fault.pc
    if choice not in (22, *CALLS):
        assert "in main+" in str(fault) and "(faults.c:" in str(fault)


def test_no_fault_at_all() -> None:
    m = machine()
    assert execute(m, load_elf(GUESTS / "faults.elf", m.memory_map), fault_input(FAULTS)).exit_code == 7


def test_reading_without_input_is_a_fault() -> None:
    m = machine()
    with pytest.raises(GuestFault, match="no input was given") as caught:
        execute(m, load_elf(GUESTS / "faults.elf", m.memory_map), None)
    assert "--input /dev/null" in str(caught.value.hint)


@pytest.mark.parametrize("cycles", [1, 100, PROGRAMS["fibonacci"].instructions - 1])
def test_too_many_instructions_are_a_fault(cycles: int) -> None:
    m, program = machine(), PROGRAMS["fibonacci"]
    with pytest.raises(GuestFault, match=f"within {cycles} instructions"):
        execute(m, load_elf(program.elf, m.memory_map), program.stdin, Limits(max_cycles=cycles))


def test_just_enough_instructions_are_enough() -> None:
    m, program = machine(), PROGRAMS["fibonacci"]
    assert execute(m, load_elf(program.elf, m.memory_map), program.stdin, Limits(max_cycles=program.instructions)).exit_code == 0
