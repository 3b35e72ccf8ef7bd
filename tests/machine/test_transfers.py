"""Long environment calls: whatever their length and the alignment of their buffer, wherever a segment ends, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import pytest

from tests.machine.check import check
from tests.machine.support import machine
from tests.machine.transfers import DATA, JOURNAL, READ, WRITE, WRITEV, Call, cells, run
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, Executor
from zkc.runtime.execution.trace import trace
from zkc.runtime.receipts.claims import ClaimLayout, journal_state

LENGTHS: Final = (0, 1, 9, 31, 32, 33, 63, 64, 1000)
USER_END: Final = 0x0C00_0000
TEXT: Final = Random("transfers").randbytes(1 << 16)
JOURNAL_CELLS: Final = 60
"""Most cells of a byte of the journal, in calls of 32 bytes and more."""
WRITING: Final = ("write_journal", "journal_block", "journal_part", "journal_compress", "transfer_end")
READ_CELLS: Final = 150
"""Most cells of a word of input, with its share of the pages that it is read into."""


def memory(executor: Executor, start: int, length: int) -> bytes:
    """What is in memory at the end."""
    first = start // 4
    return executor.mem[first : (start + length + 7) // 4].astype("<u4").tobytes()[start % 4 :][:length]


def witnesses_hold(execution: Execution) -> None:
    """All segments fit the circuit, and each other."""
    for segment in execution.segments:
        failures = check(machine().circuit, *trace(machine(), segment), machine())
        assert not failures, f"segment {segment.index} of {len(execution.segments)}\n{failures}"


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("lane", range(4))
def test_input_of_any_length_to_any_place(length: int, lane: int) -> None:
    """The buffer crosses a page, and what is around it stays."""
    start = DATA + 1024 - 36 + lane
    execution, executor = run([Call(READ, 0, start, length)], TEXT[:4096], TEXT[5000 : 5000 + length])
    at = start - DATA
    expected = TEXT[:at] + TEXT[5000 : 5000 + length] + TEXT[at + length : 4096]
    assert memory(executor, DATA, 4096) == expected
    witnesses_hold(execution)
    cut, executor = run([Call(READ, 0, start, length)], TEXT[:4096], TEXT[5000 : 5000 + length], limit=7)
    assert memory(executor, DATA, 4096) == expected
    witnesses_hold(cut)


def test_less_input_than_a_block() -> None:
    execution, executor = run([Call(READ, 0, DATA, 64), Call(READ, 0, DATA + 40, 64)], TEXT[:200], TEXT[5000:5035])
    assert memory(executor, DATA, 200) == TEXT[5000:5035] + TEXT[35:200]
    witnesses_hold(execution)


def test_input_up_to_the_end_of_user_memory() -> None:
    for length in (32, 40, 1000):
        assert memory(run([Call(READ, 0, USER_END - length, length)], b"", TEXT)[1], USER_END - length, length) == TEXT[:length]


@pytest.mark.parametrize("start", [USER_END - 28, USER_END - 4, USER_END, 2**32 - 32, 2**32 - 4])
def test_input_beyond_user_memory_is_a_fault(start: int) -> None:
    with pytest.raises(GuestFault, match="outside user memory"):
        run([Call(READ, 0, start, 64)], b"", TEXT)


def test_what_input_costs() -> None:
    nothing = cells(run([])[0])
    for start in (DATA, DATA + 4, DATA + 1):
        words = 1 << 14
        spent = cells(run([Call(READ, 0, start, 4 * words)], b"", TEXT)[0]) - nothing
        assert spent <= READ_CELLS * words, f"{spent / words} cells a word"


def journalled(calls: Sequence[Call], expected: bytes, *, limit: int | None = None) -> Execution:
    """A run that writes these bytes, and whose segments fit."""
    execution, _ = run(calls, TEXT, limit=limit)
    assert execution.journal == expected
    witnesses_hold(execution)
    return execution


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("lane", range(4))
def test_a_journal_of_writes_of_any_length(length: int, lane: int) -> None:
    """The first and the second find any buffer; what they write crosses a page."""
    start = 1024 - 70 + lane
    calls = [Call(WRITE, JOURNAL, DATA + start, length), Call(WRITE, JOURNAL, DATA + 5, 3), Call(WRITE, JOURNAL, DATA + start, length)]
    expected = TEXT[start : start + length] + TEXT[5:8] + TEXT[start : start + length]
    whole, cut = journalled(calls, expected), journalled(calls, expected, limit=7)
    assert journal_of(whole) == journal_of(cut) == journal_state(expected, machine().memory_map, machine().hasher)


def journal_of(execution: Execution) -> tuple[int, ...]:
    """Its words at the end, as the claim of the last segment says."""
    _, claim = trace(machine(), execution.segments[-1])
    return ClaimLayout(machine().circuit).decode(claim).journal_after


@pytest.mark.parametrize("fill", range(33))
def test_a_block_finds_any_buffer(fill: int) -> None:
    """From every alignment; what is in the buffer is short of full, full, or nothing at all."""
    calls, expected = [Call(WRITE, JOURNAL, DATA + i, 1) for i in range(fill)], TEXT[:fill]
    for lane in range(4):
        calls.append(Call(WRITE, JOURNAL, DATA + 100 + lane, 32))
        expected += TEXT[100 + lane : 132 + lane]
    execution = journalled(calls, expected)
    assert journal_of(execution) == journal_state(expected, machine().memory_map, machine().hasher)


@pytest.mark.parametrize("fill", (0, 1, 6, 8, 15, 23, 24, 25, 31, 32))
def test_parts_find_any_buffer(fill: int) -> None:
    """Of every length that is short of a block, from every alignment; no other words are read, so one may end where memory does."""
    first = Call(WRITE, JOURNAL, DATA, fill)
    for length in range(1, 32):
        start = DATA + 100 + length % 4
        calls = [first, Call(WRITE, JOURNAL, start, length), Call(WRITE, JOURNAL, USER_END - length, length)]
        expected = TEXT[:fill] + TEXT[start - DATA : start - DATA + length] + bytes(length)
        execution, _ = run(calls, TEXT)
        assert execution.journal == expected
        assert journal_of(execution) == journal_state(expected, machine().memory_map, machine().hasher)
        if length in (1, 7, 30):
            witnesses_hold(execution)


def test_a_vector_for_the_journal_is_written_in_blocks() -> None:
    vector = b"".join(n.to_bytes(4, "little") for n in (0, 0, DATA + 101, 77))
    execution, _ = run([Call(WRITE, JOURNAL, DATA, 1), Call(WRITEV, JOURNAL, DATA + 0x8000, 2)], TEXT[:0x8000] + vector)
    assert execution.journal == TEXT[:1] + TEXT[101:178]
    assert sum(s.rows["journal_block"] for s in execution.segments) == 2
    witnesses_hold(execution)


@pytest.mark.parametrize("length", [32, 33, 63, 64])
def test_a_journal_up_to_the_end_of_user_memory(length: int) -> None:
    execution, _ = run([Call(WRITE, JOURNAL, DATA, 1), Call(WRITE, JOURNAL, USER_END - length, length)], TEXT)
    assert execution.journal == TEXT[:1] + bytes(length)
    witnesses_hold(execution)


@pytest.mark.parametrize("start", [USER_END - 31, USER_END - 1, USER_END, 2**32 - 31, 2**32 - 1])
def test_a_journal_beyond_user_memory_is_a_fault(start: int) -> None:
    with pytest.raises(GuestFault, match="outside user memory"):
        run([Call(WRITE, JOURNAL, DATA, 1), Call(WRITE, JOURNAL, start, 32)], TEXT)


def test_a_block_beside_a_guard_page_is_written() -> None:
    """An aligned block has eight words, and reads no ninth, which may be in a guard page; one word further on it is a fault."""
    for guard, first in ((0x0BF0_0000, 0x0BF0_0000 - 32), (0x0BF0_0000, 0x0BF0_0000 - 64)):
        execution, _ = run([Call(WRITE, JOURNAL, DATA, 1), Call(WRITE, JOURNAL, first, guard - first)], TEXT)
        assert execution.journal == TEXT[:1] + bytes(guard - first)
    with pytest.raises(GuestFault):
        run([Call(WRITE, JOURNAL, DATA, 1), Call(WRITE, JOURNAL, 0x0BF0_0000 - 31, 32)], TEXT)


def test_a_long_journal_is_drained_block_by_block() -> None:
    """The host's buffer has 64 KiB, and a block may not find room at its end."""
    calls = [Call(WRITE, JOURNAL, DATA, 7), *[Call(WRITE, JOURNAL, DATA + 1, 0xFFE1)] * 3, Call(WRITE, JOURNAL, DATA, 1)]
    execution, _ = run(calls, TEXT)
    assert execution.journal == TEXT[:7] + TEXT[1:0xFFE2] * 3 + TEXT[:1]


@pytest.mark.parametrize("length", [32, 33, 34, 36, 40, 47, 48, 56, 63, 64, 65, 95, 100, 223, 4096, 4097])
def test_what_a_journal_costs(length: int) -> None:
    """From any alignment, over all that the buffer can hold: in calls of one length that is odd it goes through all of it."""
    for lane in range(4):
        calls = [Call(WRITE, JOURNAL, DATA + lane + i * length % 0xF000, length) for i in range(-(-(1 << 14) // length))]
        execution, _ = run([Call(WRITE, JOURNAL, DATA, 5), *calls], TEXT)
        spent = cells(execution, *WRITING)
        assert spent <= JOURNAL_CELLS * len(execution.journal), f"{spent / len(execution.journal)} cells a byte"
