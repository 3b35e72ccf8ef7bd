"""Long environment calls: whatever their length and the alignment of their buffer, wherever a segment ends, and what they cost."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from tests.machine.check import check
from tests.machine.support import machine
from tests.machine.transfers import DATA, READ, Call, cells, run
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, Executor
from zkc.runtime.execution.trace import trace

LENGTHS: Final = (0, 1, 31, 32, 33, 64, 1000)
USER_END: Final = 0x0C00_0000
TEXT: Final = Random("transfers").randbytes(1 << 16)
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
