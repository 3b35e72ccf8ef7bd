"""The soundness audit: the real circuits leave the prover no choice but the host's; mutated circuits are noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.determinism.mutations import Mutation, compilation, judge, mutations
from zkc.compiler.build import circuits_directory, compile_program
from zkc.compiler.determinism import audit, check_fixed, determinism_findings
from zkc.dsl.diagnostics import DiagnosticError

FREE = {
    ("decode", "pc"), ("decode", "uses"), ("boundary", "blind_lo"), ("boundary", "blind_hi"),
    ("data_page", "page"), ("data_page", "lo"), ("data_page", "hi"), ("table_page", "page"), ("table_page", "child_digest"),
    ("read_start", "length"), ("read_word", "value"), ("read_byte", "value"),
}  # fmt: skip

REDUNDANT = "redundant: the other equations force it"
RESTRICTS = "no choice, but a row that the machine would refuse: "
SURVIVORS = {
    "alu.circ: type of hint equal: bit = a == b": REDUNDANT,
    "alu.circ: type of hint zero: bit = a == 0": REDUNDANT,
    "alu.circ: assert sq * (1 - sq) == 0": REDUNDANT + " (a product of bits); it tells the compiler",
    "memory.circ: type of hint mark: bit = entry.mark": "received and sent on as it is; no other mark is ever sent for user memory",
    "paging.circ: type of input touched: bit": "received; only 0 and 1 are ever sent",
    "paging.circ: type of hint root: bit = real == 1 and page == root_page": REDUNDANT,
    "paging.circ: lookup range(15, word.hi)": REDUNDANT + ": word.hi is a u16 and 0x7F00 - word.hi is below 2^15",
    "paging.circ: assert touched * (1 - (child - root_page) * i) == 0": RESTRICTS + "which digest token the slot of the root may take",
    "services.circ: assert beyond == 0": RESTRICTS + "more input than was asked for",
}
"""Statements whose deletion this audit cannot notice, and why."""

SAMPLE = 8


def test_the_machine_leaves_no_choice_but_the_hosts() -> None:
    found = audit(compilation())
    assert [f for f in found if f.expected is None] == []
    assert {(f.table, f.columns[0]) for f in found} == FREE


@pytest.mark.formal
@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(m, id=f"{m.name} at {m.span.line}", marks=[] if i % SAMPLE == 0 else pytest.mark.slow)
        for i, m in enumerate(mutations())
    ],
)
def test_a_deleted_statement_is_noticed(mutation: Mutation) -> None:
    found = judge(mutation)
    assert bool(found) != (mutation.name in SURVIVORS), mutation.name


def test_survivors_exist() -> None:
    assert set(SURVIVORS) <= {m.name for m in mutations()}


def edited(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the circuits with one piece of text replaced."""
    for path in circuits_directory().glob("*.circ"):
        text = path.read_text()
        if path.name == file:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / path.name).write_text(text)
    return tmp_path


def test_an_edited_source_is_reported_with_place_and_columns(tmp_path: Path) -> None:
    carry = '  assert c1 * (1 - c1) == 0 "carry out of the high half is a bit";\n'
    found = determinism_findings(edited(tmp_path, "alu.circ", carry, ""))
    chosen = [d for d in found if d.code == "E0506" and "addi" in d.message]
    assert any("value.hi" in d.message and "sum.hi" in d.notes[0] and d.span is not None for d in chosen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "table"),
    [
        ("memory.circ", "hint   quarter: u14", "hint   quarter: u15", "load_word"),
        ("rv32i.circ", "hint   hi: u12", "hint   hi: u15", "auipc"),
        ("alu.circ", "hint   c0: u10", "trusted c0: u10", "multiply"),
        ("alu.circ", "range(k, x)", "range(16, x)", "shift"),
    ],
)
def test_a_weakened_source_is_noticed(tmp_path: Path, file: str, old: str, new: str, table: str) -> None:
    root = edited(tmp_path, file, old, new)
    try:
        found = audit(compile_program(sorted(root.glob("*.circ")), root), [table])
    except DiagnosticError:
        return
    assert any(f.expected is None for f in found)


def test_a_changed_fixed_table_is_noticed(tmp_path: Path) -> None:
    root = edited(tmp_path, "alu.circ", "for s in 0..32; at s", "for s in 0..31; at s")
    assert check_fixed(compile_program(sorted(root.glob("*.circ")), root).program)
