"""A machine whose clock begins elsewhere and whose range checks reach back less far, by `.circ` files alone; and clocks that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.compiler.variants import CLOCK as EDITS
from tests.compiler.variants import MACHINES, Edit, edited
from tests.machine.check import check
from tests.machine.support import encode
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.audit.rules import clock as rule
from zkc.compiler.build import build
from zkc.compiler.machines import circuit_files, load_machine
from zkc.dsl.diagnostics import DiagnosticError
from zkc.runtime.circuit.machine import Clock, Machine
from zkc.runtime.execution.executor import Execution, execute
from zkc.runtime.execution.origins import CLOCK
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.parameters import MAX_LOG_HEIGHT
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

CODE, DATA = 0x10000, 0x20000
_, GAP = EDITS
ROUNDS: Final = 20000
LAST_ROUNDS: Final = 10902
"""The loop of so many ends at the first clock after the last."""
STEP: Final = "send exec(clk + 4, pc); }\n  retire"
pytestmark = pytest.mark.xdist_group("machine of another clock")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    yield load_machine(MACHINES["clock"](tmp_path_factory.mktemp("clock") / "circuits"))


def run(machine: Machine, rounds: int = ROUNDS) -> Execution:
    """A loop of three instructions, one of which takes a word of memory; then a word is taken that nothing took before."""
    high = rounds + 0x800 & -0x1000
    words = (
        encode("lui", rd=5, imm=DATA), encode("addi"), encode("addi"),
        encode("lui", rd=6, imm=high), encode("addi", rd=6, rs1=6, imm=rounds - high),
        encode("addi", rd=6, rs1=6, imm=-1), encode("lw", rd=7, rs1=5), encode("bne", rs1=6, rs2=0, imm=-8),
        encode("lw", rd=28, rs1=5, imm=4), encode("addi", rd=17, rs1=0, imm=93), encode("addi", rd=10, rs1=0, imm=7), encode("ecall"),
    )  # fmt: skip
    code = b"".join(w.to_bytes(4, "little") for w in words)
    elf = make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(8), flags=6)), entry=CODE)
    return execute(machine, load_elf(elf, machine.memory_map), b"", snapshots=True)


def test_the_stock_clock() -> None:
    """What stood in the executor, checked for this machine alone, follows from its circuits."""
    assert load_machine().spec.clock == Clock(first=4, last=2**24 - 3, slots=4, every=2**12)


def test_segments_end_where_range_checks_end(machine: Machine) -> None:
    """The last step of a segment still reaches back to its start, and one step more would not."""
    clock = machine.spec.clock
    assert clock == Clock(first=101, last=2**17 - 3, slots=4, every=2**12)
    ran = run(machine)
    assert ran.exit_code == 7 and [reason for reason, _ in ran.origins.cuts] == [CLOCK]
    whole = ran.segments[0].steps
    assert clock.first + (whole - 1) * clock.slots <= clock.last < clock.first + whole * clock.slots


def test_its_segments_fit(machine: Machine) -> None:
    for segment in run(machine).segments:
        assert not check(machine.circuit, *trace(machine, segment), machine)


def test_a_step_after_the_last_clock_would_not_fit(machine: Machine) -> None:
    """The bound is what the circuit can prove, and no less: there is no row of a step that takes a word which nobody took yet."""
    clock = machine.spec.clock
    assert [s.steps for s in run(machine, LAST_ROUNDS).segments][1] == 4
    late = Machine(replace(machine.spec, clock=replace(clock, last=clock.last + clock.slots)))
    assert check(machine.circuit, *trace(late, run(late, LAST_ROUNDS).segments[0]), machine)


@pytest.mark.slow
@pytest.mark.prove
def test_its_segments_are_proven(machine: Machine) -> None:
    for segment in run(machine).segments:
        traces, claim = trace(machine, segment)
        verify(machine.circuit, claim, prove(machine.circuit, traces, claim))


WRONG: Final[dict[str, tuple[tuple[Edit, ...], str, str]]] = {
    "no number": ((("claim.circ", "exec(4,", "exec(4 * real,"),), "E0609", "is at one time, a number"),
    "with the journal": ((("claim.circ", "exec(4,", "exec(1,"),), "E0609", "words are there that were given at 1"),
    "out of reach": ((GAP, ("claim.circ", "exec(4,", "exec(2**17,")), "E0609", "until 131069 only"),
    "at no time that is kept": ((("claim.circ", "exec(4,", "exec(2**30,"),), "E0609", "the first step is at time 1073741824"),
    "any gap": ((("memory.circ", "gap_hi: u8", "gap_hi: felt"),), "E0609", "nothing says how long"),
    "a step of any length": ((("cpu.circ", STEP, STEP.replace("4", "4 + clk")),), "E0507", "adds no number to its clock"),
    "a step that stands": ((("cpu.circ", "send exec(clk + 4, pc)", "send exec(clk, pc)"),), "E0507", "adds no number to its clock"),
    "long steps": ((("cpu.circ", "exec(clk + 4, pc)", "exec(clk + 64, pc)"),), "E0507", "the clock of a segment may reach"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_clock_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    edits, code, message = WRONG[name]
    root = edited(tmp_path / "circuits", edits)
    with pytest.raises(DiagnosticError) as caught:
        build(circuit_files(root), root)
    assert any(d.code == code and message in d.message and d.span is not None for d in caught.value.diagnostics), str(caught.value)


def test_the_latest_clock_is_that_of_the_most_rows() -> None:
    """By hand: heights bound the first table, the number of messages the second."""
    rows = (2 << MAX_LOG_HEIGHT) - 1
    assert rule.latest([(4, 3)]) == 4 * rows
    assert rule.latest([(4, 3), (1, 600)]) == 4 * rows + (P - 3 * rows) // 600
    assert rule.latest([(1, 600), (4, 3)]) == rule.latest([(4, 3), (1, 600)])
    assert rule.latest([(7, 600)] * 9) == 7 * P // 600
