"""Rows of honest runs fit: every arm is tried, and equations that say something else than the step does are reported."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.compiler.variants import VARIANTS
from tests.compiler.variants import edited as variant
from tests.determinism.mutations import circuit, tables
from tests.determinism.test_audit import edited
from zkc.compiler.audit.findings import HONEST
from zkc.compiler.audit.journal import Journal
from zkc.compiler.audit.rules.honest import EXTREMES, findings, honest_rows, rows_of
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program
from zkc.runtime.field.koalabear import P
from zkc.runtime.receipts.claims import journal_state

SELDOM = {"brk_clear", "read_block", "read_word", "journal_block"}
"""Arms that not every made-up state is one of."""
ARMS = [(t, arm) for t in tables() if t.steps for arm in t.air.names("arms")]


def test_every_arm_is_tried() -> None:
    for table, arm in ARMS:
        audit = TableAudit(circuit(), table)
        count = sum(1 for _ in honest_rows(audit, arm))
        assert count == rows_of(audit) or (arm in SELDOM and count > min(30, rows_of(audit) // 2)), arm


def test_rows_meet_the_corners() -> None:
    """A divisor that is 0, operands that are equal, a register that is read and written."""
    table = next(TableAudit(circuit(), t) for t, arm in ARMS if arm == "divu")
    rows = [honest for honest, _ in honest_rows(table, "divu")]
    registers = [[honest.given[name] for name in ("rs1", "rs2", "rd")] for honest in rows]
    first = int(circuit().program.constants["system_word"])
    words = [[honest.memory.before[first + r][0] for r in rs[:2]] for honest, rs in zip(rows, registers, strict=True)]
    assert any(b == 0 for _, b in words) and any(0 < b < a for a, b in words) and any(0 < a == b for a, b in words)
    assert any(rd in (rs1, rs2) for rs1, rs2, rd in registers)
    assert len({(a, b) for a, b in words if {a, b} <= set(EXTREMES)}) > len(EXTREMES) ** 2 / 2


def test_words_that_are_loaded_may_be_code() -> None:
    table = next(TableAudit(circuit(), t) for t, arm in ARMS if arm == "lw")
    assert {mark for honest, _ in honest_rows(table, "lw") for _, _, mark in honest.memory.before.values()} == {0, 1}


@pytest.mark.parametrize("lengths", [(0, 0), (0, 1), (31, 1), (32, 0), (32, 1), (33, 31), (64, 70)])
def test_the_journal_is_that_of_receipts(lengths: tuple[int, int]) -> None:
    """The words that the runtime expects after some bytes, and further ones, are those that it expects after all of them."""
    journal = Journal(circuit())
    first, second = map(Random("a journal").randbytes, lengths)
    before, after = (list(journal_state(text, journal.map, journal.hasher)) for text in (first, first + second))
    expected = journal.absorbed(after, b"")
    assert expected is not None and journal.absorbed(before, second) == expected
    assert journal.absorbed([*after[:-1], 33], b"") is None and journal.absorbed([P, *after[1:]], b"") is None


def test_a_buffer_that_is_not_zero_beyond_its_bytes_is_no_journal() -> None:
    journal = Journal(circuit())
    assert journal.absorbed([0] * 15 + [1 << 31, 31], b"") is None and journal.absorbed([0] * 15 + [1 << 31, 32], b"") is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_other_machines_are_honest_too(name: str, tmp_path: Path) -> None:
    """With other pages, registers and names of buses."""
    root = variant(tmp_path / "circuits", VARIANTS[name].edits, VARIANTS[name].removed)
    compilation = compile_program(sorted(root.glob("*.circ")), root)
    assert [f for t in compilation.lowered.steps for f in findings(TableAudit(circuit_of(compilation), t))] == []


MISTAKES = [
    ("alu.circ", "c0 = (a.lo + b.lo - sum.lo)", "c0 = (a.lo + 2 * b.lo - sum.lo)", "addi", "carry out of the low half is a bit"),
    ("alu.circ", "spec   sum = (a + b) % 2**32", "spec   sum = (a + b + 1) % 2**32", "add", "carry out of the low half is a bit"),
    ("memory.circ", "recv    memory(address, value, then, 0)", "recv    memory(address, value, then - 1, 0)", "read_start", "recv memory"),
    ("memory.circ", "let  then = now - 1 - gap;", "let  then = now - gap;", "addi", "recv memory"),
    ("memory.circ", "hint gap: u16 = now - last_time - 1", "hint gap: u16 = now - last_time", "add", "recv memory"),
    ("memory.circ", "hint gap_lo: u16 = (now - last_time - 1)", "hint gap_lo: u16 = (now - last_time)", "load_word", "recv memory"),
    ("rv32i.circ", "lookup range(7, b - 2**7 * sign)", "lookup range(6, b - 2**7 * sign)", "load_part", "lookup range"),
    ("alu.circ", "x1 * near + (1 - big) * y0 + x0 * far;", "x1 * near + x0 * far;", "shift", "send memory"),
    ("alu.circ", "hint   c1: u10 = (t1 + c0) >> 16", "hint   c1: u10 = t1 >> 16", "multiply", "bits 16 to 31"),
    ("alu.circ", "let    sq = column(differ * (1 - zero));", "let    sq = column(differ);", "divide", "send memory"),
    ("memory.circ", "hint    mark: bit = entry.mark", "hint    mark: bit = 0", "load_word", "recv memory"),
    ("services.circ", "let    beyond = a2 <u length;", "let    beyond = length <u a2;", "read_start", "no more than was asked for"),
    ("services.circ", "perform journal(from, length);", "perform journal(from, 1);", "journal_part", "another journal than the runtime"),
    ("paging.circ", "let rate = [i % 2 == 0 ?", "let rate = [i % 2 == 1 ?", "journal_compress", "another journal than the runtime"),
    ("poseidon2.circ", "for r in 0..23 {", "for r in 0..22 {", "journal_compress", "another journal than the runtime"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "table", "label"), MISTAKES, ids=[f"{m[3]}: {m[2]}" for m in MISTAKES])
def test_an_equation_that_an_honest_row_breaks_is_reported(tmp_path: Path, file: str, old: str, new: str, table: str, label: str) -> None:
    root = edited(tmp_path, file, (old, new))
    compilation = compile_program(sorted(root.glob("*.circ")), root)
    lowered = next(t for t in compilation.lowered.tables if t.name == table)
    found = list(findings(TableAudit(circuit_of(compilation), lowered)))
    assert [f for f in found if f.code == HONEST and label in f.message and f.span is not None], found
