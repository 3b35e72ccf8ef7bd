"""Rows of the step that the clock asks for, forged: more of them is all that a prover may make of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from tests.machine.check import Report, Traces, check
from tests.machine.support import encode, machine
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.elf import load_elf

CODE: Final = 0x10000
ROUNDS: Final = 1500
Columns = dict[str, npt.NDArray[np.uint32]]


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    """A loop of 3000 steps: two such steps, and registers that only these take."""
    words = (
        encode("addi", rd=9, imm=77), encode("addi", rd=6, imm=ROUNDS), encode("addi", rd=6, rs1=6, imm=-1),
        encode("bne", rs1=6, rs2=0, imm=-4), encode("addi", rd=10, rs1=9), encode("addi", rd=17, imm=93), encode("ecall"),
    )  # fmt: skip
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)
    run = execute(machine(), load_elf(elf, machine().memory_map), b"", snapshots=True)
    assert run.exit_code == 77
    (segment,) = run.segments
    assert segment.rows["refresh"] == 2
    return trace(machine(), segment)


def report(change: Callable[[Columns], None]) -> Report:
    traces = {name: columns.copy() for name, columns in honest()[0].items()}
    change(traces)
    return check(machine().circuit, traces, honest()[1], machine(), counts=False)


def column(name: str, table: str = "refresh") -> int:
    return next(t for t in machine().circuit.tables if t.name == table).columns.index(name)


def adds(delta: dict[str, int], row: int = 0) -> Callable[[Columns], None]:
    """Cells of one row, changed by so much."""

    def change(traces: Columns) -> None:
        for name, by in delta.items():
            cell = traces["refresh"][column(name), row : row + 1]
            cell[:] = (int(cell[0]) + by) % P

    return change


def test_the_honest_run_is_right() -> None:
    assert not report(lambda traces: None)


FORGED: Final = {
    "another value": adds({"value.lo": 1}),
    "another value of the second register": adds({"value.hi#2": 1}),
    "a later time": adds({"clk": 4}),
    "a later time that is recomposed": adds({"clk": 4, "rest": 4}),
    "another place": adds({"pc": 4}),
    "the next turn": adds({"turn": 1}),
    "the next turn, and a rest to match": adds({"turn": 1, "rest": -(2**12)}),
    "the turn before, and a rest to match": adds({"turn": -1, "rest": 2**12}),
    "a turn beyond all": adds({"turn": 16, "round": -1}),
    "a round beyond all": adds({"round": 1, "turn": -16}),
    "taken before it was given": adds({"gap": -1}),
    "taken long before, around the field": adds({"gap": P - 4}),
    "half a step": adds({"is_refresh": 1}),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_row_is_noticed(name: str) -> None:
    assert report(FORGED[name])


def test_a_step_that_is_left_out_is_noticed() -> None:
    def change(traces: Columns) -> None:
        traces["refresh"][:, 0] = 0

    assert any("exec(" in f.problem for f in report(change).failures)


def test_a_step_that_is_made_twice_is_noticed() -> None:
    def change(traces: Columns) -> None:
        traces["refresh"][:, 2] = traces["refresh"][:, 1]

    assert any("exec(" in f.problem for f in report(change).failures)


def test_a_register_does_not_change_between() -> None:
    """The loop takes another value of a register than such a step gave: the token between them has no partner."""

    def change(traces: Columns) -> None:
        taken = traces["addi"][column("value.lo", "addi")]
        row = int(np.flatnonzero(taken == 77)[-1])
        taken[row] = 78

    assert any("memory(" in f.problem for f in report(change).failures)
