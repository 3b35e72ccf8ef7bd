"""Rows of fixed tables: where `at` says that a row is, it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.variants import edited
from zkc.compiler.machines import load_machine
from zkc.dsl.diagnostics import DiagnosticError

WRONG = (
    ("alu.circ", "at x * 256 + y;", "at x * 257 + y;"),
    ("alu.circ", "at 32 * left + s;", "at 32 * left + 31 - s;"),
    ("machine.circ", "0..user_end / 2**16; at v;", "0..user_end / 2**16; at v == 0 ? 0 : v - 1;"),
)
FIRST = {
    "`at` says that (1, 0, 0) is row 257 of `bytes_and`, and it is row 256",
    "`at` says that (0, 0, 0, 65536, 0, 0) is row 31 of `shift_amounts`, and it is row 0",
    "`at` says that (1) is row 0 of `user_half`, and it is row 1",
}


def test_a_row_that_is_elsewhere_than_at_says_is_refused(tmp_path: Path) -> None:
    """It would be counted in the place of another, or outside of the table."""
    with pytest.raises(DiagnosticError) as caught:
        load_machine(edited(tmp_path / "circuits", WRONG))
    assert {(d.code, d.message) for d in caught.value.diagnostics} == {("E0604", message) for message in FIRST}


def test_a_row_that_is_there_twice_may_be_either(tmp_path: Path) -> None:
    """Rows are compared, not their numbers."""
    rows = "for left in 0..2 for big in 0..2 for r in 0..16"
    twice = ("alu.circ", f"{rows}; at 32 * left + s;", f"for again in 0..2 {rows}; at 64 + 32 * left + s;")
    assert load_machine(edited(tmp_path / "circuits", (twice,))).circuit.tables
