"""The executors as Python: the same segments and the same traces as with machine code."""

from __future__ import annotations

from typing import Final

import pytest

from tests.machine.everything import STDIN, everything, honest, only_segment
from tests.machine.spread import spread
from tests.machine.support import machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import Limits, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf

SMALL_SEGMENTS: Final = 7
"""log2 of rows."""


@pytest.fixture(scope="module")
def plain() -> Machine:
    return Machine(machine().spec, compiled=False)


def test_everything_is_traced_alike(plain: Machine) -> None:
    program = load_elf(everything().elf(), plain.memory_map)
    (only,) = execute(plain, program, STDIN, snapshots=True).segments
    segment = spread(only)
    assert segment.rows == only_segment().rows
    assert (segment.post, segment.retired, segment.steps) == (only_segment().post, only_segment().retired, only_segment().steps)
    traces, claim = trace(plain, segment)
    expected, said = honest()
    assert claim == said and traces.keys() == expected.keys()
    for name, columns in traces.items():
        assert (columns == expected[name]).all(), name


def test_segments_are_cut_alike(plain: Machine) -> None:
    program, limits = load_elf(everything().elf(), plain.memory_map), Limits(SMALL_SEGMENTS)
    one, other = (execute(each, program, STDIN, limits, snapshots=True) for each in (plain, machine()))
    assert len(one.segments) == len(other.segments) > 1
    for mine, expected in zip(one.segments, other.segments, strict=True):
        assert (mine.rows, mine.pre, mine.post, mine.dirty) == (expected.rows, expected.pre, expected.post, expected.dirty)
        assert (mine.code == expected.code).all() and mine.pages.keys() == expected.pages.keys()
