"""Steps that the clock asks for: how often they must come, what becomes of a machine without them, and where segments may end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.compiler.variants import Edit, edited
from tests.machine.check import check
from tests.machine.support import encode
from tests.machine.support import machine as stock
from tests.machine_runtime.support import Load, make_elf
from zkc.compiler.build import build
from zkc.compiler.machines import circuit_files, circuits_directory, load_machine
from zkc.dsl.diagnostics import DiagnosticError
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.execution.executor import Execution, Limits, execute
from zkc.runtime.execution.origins import CLOCK, FULL
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf

CODE: Final = 0x10000
ROUNDS: Final = 20_000
TABLE: Final = "table refresh every 2**12 {"
SINK: Final = ", read_register(word_sink, clk + 1)]"
TURN: Final = "clk / 2**12 % 16"


def run(machine: Machine, limits: Limits | None = None) -> Execution:
    """Registers that nothing takes for 2 ROUNDS steps, x0 as target among them, which are more than 2^16 slots; then all of them."""
    high = ROUNDS + 0x800 & -0x1000
    words = [
        encode("addi", rd=0, rs1=9), encode("lui", rd=6, imm=high), encode("addi", rd=6, rs1=6, imm=ROUNDS - high),
        encode("addi", rd=6, rs1=6, imm=-1), encode("bne", rs1=6, rs2=7, imm=-4), encode("addi", rd=0, rs1=9),
        *(encode("addi", rd=i, rs1=i) for i in range(32)),
        encode("addi", rd=17, rs1=0, imm=93), encode("addi", rd=10, rs1=0, imm=7), encode("ecall"),
    ]  # fmt: skip
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)
    return execute(machine, load_elf(elf, machine.memory_map), b"", limits, snapshots=True)


def fits(machine: Machine, found: Execution) -> bool:
    return not any(check(machine.circuit, *trace(machine, segment), machine) for segment in found.segments)


def test_registers_that_are_long_left_alone() -> None:
    found = run(stock())
    (segment,) = found.segments
    assert found.exit_code == 7 and 4 * segment.steps > 2 * 2**16
    assert segment.rows["refresh"] == (segment.steps - 1) // 2**10
    assert segment.steps == found.instructions + segment.rows["refresh"]
    assert fits(stock(), found)


@pytest.mark.parametrize(("log_rows", "most"), [(7, 0), (8, 0), (9, 1), (10, 2)])
def test_segments_end_before_and_after_such_a_step(log_rows: int, most: int) -> None:
    """Wherever a table is full, the segments run again as they did: a step that did not fit is asked for again."""
    found = run(stock(), Limits(segment_limit=log_rows))
    assert found.exit_code == 7 and {reason for reason, _ in found.origins.cuts} == {FULL}
    assert max(s.rows["refresh"] for s in found.segments) == most
    chosen = found.segments[:2] + found.segments[-2:]
    assert not any(check(stock().circuit, *trace(stock(), segment), stock()) for segment in chosen)


@pytest.mark.parametrize("most", range(1018, 1030))
def test_a_run_stops_at_any_number_of_instructions(most: int) -> None:
    """Such a step is no instruction, and is asked for once."""
    for left in (most, 2 * most):
        with pytest.raises(Exception, match=f"did not end within {left} instructions"):
            run(stock(), Limits(max_cycles=left))


def test_a_machine_without_them_has_short_segments(tmp_path: Path) -> None:
    text = (circuits_directory() / "cpu.circ").read_text()
    start = text.index(TABLE)
    root = edited(tmp_path / "circuits", (("cpu.circ", text[start : text.index("\n}\n", start) + 3], ""),))
    machine = load_machine(root)
    assert machine.spec.clock.every == 0 and machine.spec.clock.last == 2**16 - 3
    found = run(machine)
    assert {reason for reason, _ in found.origins.cuts} == {CLOCK} and len(found.segments) == 3
    assert fits(machine, found)


def test_turns_that_do_not_follow_from_the_clock_are_none(tmp_path: Path) -> None:
    root = edited(tmp_path / "circuits", (("cpu.circ", "= clk / 2**12", "= pc / 2**12"),))
    assert load_machine(root).spec.clock.last == 2**16 - 3


@pytest.mark.parametrize("edit", [("cpu.circ", SINK, "]"), ("cpu.circ", TABLE, TABLE.replace("12", "13"))])
def test_words_that_they_leave_out_end_segments(edit: Edit, tmp_path: Path) -> None:
    """Without the sink a write to x0 reaches back to the start of the segment, and no further; with every other turn so do registers."""
    machine = load_machine(edited(tmp_path / "circuits", (edit,)))
    assert machine.spec.clock.last == 2**16 - 3
    found = run(machine)
    assert len(found.segments) == 3 and fits(machine, found)


WRONG: Final[dict[str, tuple[tuple[Edit, ...], str]]] = {
    "too many turns": ((("cpu.circ", TURN, "clk / 2**13 % 16"),), "takes its word after"),
    "too short a reach": ((("memory.circ", "hint gap: u16", "hint gap: u15"),), "takes its word after 65536 only"),
    "at every step": ((("cpu.circ", TABLE, TABLE.replace("2**12", "8")),), "an integer above 8"),
    "never": ((("cpu.circ", TABLE, TABLE.replace("2**12", "2**30")),), "below 1073741824"),
    "a list": ((("cpu.circ", TABLE, TABLE.replace("2**12", "[4096]")),), "`every` is an integer"),
    "two of them": ((("cpu.circ", TABLE, "table again every 2**12 { input clk: felt; input pc: felt; recv exec(clk, pc); "
                      f"send exec(clk + 4, pc); }}\n{TABLE}"),), "asks for one kind of steps"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_intervals_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    edits, message = WRONG[name]
    root = edited(tmp_path / "circuits", edits)
    with pytest.raises(DiagnosticError) as caught:
        build(circuit_files(root), root)
    assert any(d.code == "E0609" and message in d.message and d.span is not None for d in caught.value.diagnostics), str(caught.value)


