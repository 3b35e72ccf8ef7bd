"""What the calling convention says stands in one place, and what a circuit says is read from it."""

from __future__ import annotations

import re
from pathlib import Path

from zkc import api
from zkc.runtime.guest.abi import LINKS, RETURN_ADDRESS, STACK_POINTER, register_name

RUNTIME = Path(__file__).parents[2] / "runtime"


def test_registers_have_the_names_of_the_convention() -> None:
    assert [register_name(n) for n in (0, RETURN_ADDRESS, STACK_POINTER, *LINKS, 10, 17, 31)] == [
        "zero", "ra", "sp", "ra", "t0", "a0", "a7", "t6",
    ]  # fmt: skip
    assert register_name(32) == "x32"


def test_fields_that_hold_registers_are_those_that_the_circuit_reads_registers_by() -> None:
    insns = {insn.name: insn for insn in api.machine().spec.insns}
    assert set(insns["add"].registers) == {"rd", "rs1", "rs2"}
    assert api.machine().disassemble(0x00A10093, 0) == "addi ra, sp, 10"
    assert api.machine().disassemble(0x00311093, 0) == "slli ra, sp, 3"  # the amount of a shift is no register


def test_names_of_registers_stand_in_one_file() -> None:
    named = [p.name for p in sorted(RUNTIME.rglob("*.py")) if re.search(r'"(?:zero|ra|sp)", "', p.read_text(encoding="utf-8"))]
    assert named == ["abi.py"]
