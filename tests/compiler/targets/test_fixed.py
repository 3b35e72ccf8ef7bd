"""Rows of fixed tables: where `at` says that a row is, it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.variants import edited
from zkc.compiler.machines import load_machine
from zkc.compiler.targets.fixed import MAX_HEIGHT
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


def test_a_tall_fixed_table_is_several_tables_of_one_bus() -> None:
    """Together they are its rows in order, the counts too, and no proof is as tall as they are together."""
    machine = load_machine()
    tables = [t for t in machine.circuit.tables if t.name.partition(".")[0] == "range"]
    assert [t.name for t in tables] == ["range", "range.2"] and len({t.messages[0].bus for t in tables}) == 1
    assert all(t.fixed.shape[1] <= MAX_HEIGHT for t in machine.circuit.tables)
    rows = np.concatenate([t.fixed for t in tables], axis=1).T
    expected = [(bits, v) for bits in range(17) for v in range(1 << bits)]
    assert [tuple(row) for row in rows[: len(expected)].tolist()] == expected
    starts = machine.spec.histogram_starts
    assert starts["range.2"] == starts["range"] + MAX_HEIGHT
