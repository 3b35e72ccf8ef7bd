"""Rows that are made around steps: what would let another step be in the place of theirs, or another word be run, is reported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.determinism.test_audit import edited
from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.rules import alone, fetch, memory
from zkc.compiler.audit.rules.determinism import Determinism
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program

Edits = tuple[tuple[str, str], ...]
CLOCK, WORD, NEXT = "user_end + clk + 4", "memory(address, insn.word, clk", "exec(clk + 12, next"
NO_CODE, NO_MARK = "where no code can be", "that gets no mark"
MISTAKES: dict[str, tuple[Edits, str, str]] = {
    # name: edits, table, a part of the message
    "it is at the pc of its word": (((CLOCK, "pc"),), "fetch", NO_MARK),
    "all are at one pc": (((CLOCK, "user_end + 4"),), "fetch", NO_CODE),
    "it is where code may be": (((CLOCK, "user_end / 2 + clk + 4"),), "fetch", NO_CODE),
    "it is said of another pc": ((("exec(clk + 4, alone)", "exec(clk + 4, alone + 4)"),), "fetch", NO_CODE),
    "they are two": ((("exec(clk + 8, next)", "exec(clk + 12, next)"), (NEXT, "exec(clk + 16, next")), "fetch", NO_CODE),
    "nothing comes right after it": (((NEXT, "exec(clk + 16, next"),), "fetch", NO_CODE),
    "what it does is said twice": ((("insn.uses_at * pc) times insn", "insn.uses_at * pc) times 2 * insn"),), "fetch", NO_CODE),
    "the word is read after it": ((("insn.word, clk, 0) times", "insn.word, clk + 4, 0) times"),), "fetch", NO_MARK),
    "another word is read": (((WORD, WORD.replace("address", "address + 1")),) * 2, "fetch", NO_MARK),
    "a refresh may be anywhere": ((("  let    _address = code_address(pc);", "  "),), "refresh", "where one is fetched alone"),
    "a call lasts longer": ((("= pc { send exec(clk + 4", "= pc { send exec(clk + 8"),), "fetch", "do not all last the same"),
}


def asked(root: Path, name: str) -> Iterator[Finding]:
    """What the rules about such rows say of a table, in one of its modes."""
    c = compile_program(sorted(root.glob("*.circ")), root)
    tables = [TableAudit(circuit_of(c), lowered) for lowered in c.lowered.tables]
    yield from alone.lasting(tables)
    table = next(t for t in tables if t.name == name)
    yield from (*alone.findings(table), *fetch.findings(table))
    label, arm, row = next(found for found in table.rows() if found[2].messages)
    yield from memory.findings(table, label, row, Determinism(table, label, arm, row).solver)


@pytest.mark.parametrize("name", ["fetch", "refresh"])
def test_the_machine_is_right(tmp_path: Path, name: str) -> None:
    assert list(asked(edited(tmp_path, "cpu.circ"), name)) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported(name: str, tmp_path: Path) -> None:
    edits, table, message = MISTAKES[name]
    found = list(asked(edited(tmp_path, "cpu.circ", *edits), table))
    assert any(message in f.message and f.span is not None for f in found), [f.message for f in found]
