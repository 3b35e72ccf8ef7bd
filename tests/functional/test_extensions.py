"""For every instruction of the extensions and all inputs, what a row writes and stores is what RISC-V says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.functional.all_claims import claims
from tests.functional.extended import EXTENDED, TESTED
from tests.functional.riscv import INSTRUCTIONS
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import Compilation, compile_program
from zkc.compiler.extensions import extensions_of
from zkc.compiler.machines import circuit_files, circuits_directory


@cache
def extended() -> Compilation:
    """The machine with all extensions."""
    root = circuits_directory()
    return compile_program(circuit_files(root, tuple(extensions_of(root))), root)


def arms_of(compilation: Compilation, names: frozenset[str]) -> list[tuple[TableAudit, str]]:
    circuit = circuit_of(compilation)
    return [(TableAudit(circuit, t), arm) for t in compilation.lowered.tables for arm in t.air.names("arms") if arm in names]


def test_every_instruction_is_proven() -> None:
    assert {*EXTENDED, *TESTED} == extended().program.encodings.keys() - INSTRUCTIONS.keys()


@pytest.mark.formal
@pytest.mark.parametrize("insn", EXTENDED)
def test_an_instruction_does_what_the_manual_says(insn: str) -> None:
    found = [(t, list(claims(t, arm))) for t, arm in arms_of(extended(), frozenset({insn}))]
    assert found and [(t.name, what) for t, all_of_it in found for what, holds in all_of_it if not holds] == []


def test_what_is_believed_of_tables_of_bytes_is_true_of_all_their_rows() -> None:
    """`MEANINGS` in `solving.py`, and what `extended.py` takes the functions to be."""
    fixed = circuit_of(extended()).fixed
    texts = [f"{x:08b}" for x in range(256)]
    found = {name: fixed.rows(name).tolist() for name in ("leading_zeros", "trailing_zeros", "byte_ones")}
    assert found == {
        "leading_zeros": [[x, len(text) - len(text.lstrip("0")), int(x == 0)] for x, text in enumerate(texts)],
        "trailing_zeros": [[x, len(text) - len(text.rstrip("0")), int(x == 0)] for x, text in enumerate(texts)],
        "byte_ones": [[x, text.count("1")] for x, text in enumerate(texts)],
    }


PLANTED = {
    "sh2add": ("zba.circ", "4 * is(sh2add)", "2 * is(sh2add)"),
    "orn": ("zbb.circ", "rd = rs1 | complement(rs2)", "rd = complement(rs1) | rs2"),
    "ctz": ("zbb.circ", "= z0 + n0 * (z1 + upper);", "= z3 + n0 * (z1 + upper);"),
    "max": ("zbb.circ", "rd = choose(rs1 <s rs2, rs2, rs1)", "rd = choose(rs1 <u rs2, rs2, rs1)"),
    "rol": ("zbb.circ", "rotation(rs2, is(rol))", "rotation(rs2, 0)"),
    "rev8": ("zbb.circ", "lo = b[3] + 2**8 * b[2]", "lo = b[2] + 2**8 * b[3]"),
    "bext": ("zbs.circ", "rd = word_of(set)", "rd = word_of(1 - set)"),
    "czero.nez": ("zicond.circ", "rd = kept_if(zero, rs1)", "rd = kept_if(1 - zero, rs1)"),
    "amomax.w": ("zaamo.circ", "either(old <s rs2, rs2, old)", "either(old <u rs2, rs2, old)"),
}  # fmt: skip
"""Mistakes that leave the prover no choice: the audit has nothing to say about them."""


@pytest.mark.formal
def test_a_wrong_instruction_is_noticed(tmp_path: Path) -> None:
    root = circuits_directory()
    for path in circuit_files(root, tuple(extensions_of(root))):
        text = path.read_text()
        for file, old, new in PLANTED.values():
            assert file != path.name or old in text, old
            text = text.replace(old, new, 1) if file == path.name else text
        (tmp_path / path.name).write_text(text)
    found = arms_of(compile_program(circuit_files(tmp_path), tmp_path), frozenset(PLANTED))
    assert {arm for _, arm in found} == PLANTED.keys()
    assert [arm for table, arm in found if all(holds for _, holds in claims(table, arm))] == []
