"""For every instruction and all inputs, what a row writes, stores and goes to is what RISC-V says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import z3

from tests.determinism.mutations import circuit, compilation, tables
from tests.functional.all_claims import claims
from tests.functional.facts import Facts
from tests.functional.riscv import INSTRUCTIONS
from tests.functional.solving import Solver
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program
from zkc.compiler.machines import circuits_directory

SERVED = {"ecall"}
"""Its rows are those of the environment calls: `test_services.py`."""
OTHERS = {*compilation().program.services, *(table.name for table in compilation().program.ticking())}
ARMS = [(t.name, arm) for t in tables() for arm in t.air.names("arms") if arm not in OTHERS]


@pytest.mark.formal
@pytest.mark.parametrize(("table", "arm"), ARMS, ids=[arm for _, arm in ARMS])
def test_an_instruction_does_what_the_manual_says(table: str, arm: str) -> None:
    found = list(claims(TableAudit(circuit(), next(t for t in tables() if t.name == table)), arm))
    assert found and [what for what, holds in found if not holds] == []


def test_every_instruction_is_proven() -> None:
    assert {arm for _, arm in ARMS} | SERVED == INSTRUCTIONS.keys() == compilation().program.encodings.keys()


def test_what_is_believed_of_a_table_is_true_of_all_its_rows() -> None:
    """`bytes_and` in `solving.py`: the function, and the bounds beside it."""
    x, y, both = circuit().fixed.rows("bytes_and").T
    assert np.array_equal(both, x & y) and max(x.max(), y.max()) == 255
    assert (both <= x).all() and (both <= y).all() and (x + y - both <= 255).all()


def test_division_has_one_result() -> None:
    """b q + r == b s + t with remainders below b: b divides r - t, which is smaller than b."""
    d, b, e = z3.Ints("d b e")
    solver = z3.Solver()
    solver.add(b > 0, d * b == e, e < b, e > -b, d != 0)
    assert solver.check() == z3.unsat


def test_what_cannot_be_0_contradicts_nothing_else() -> None:
    """Each case that a proof goes through must be one that rows fit: `1 == 0` under a condition once made all of a row impossible."""
    table = next(TableAudit(circuit(), t) for t in tables() if "div" in t.air.names("arms"))
    solver = Solver(Facts(table.row(table.selection("div")), table.circuit.fixed, {}))
    assert z3.is_false(solver.is_zero({(): 1})) and solver.possible()
    names = {what for what, _ in claims(table, "div")}
    assert {"rd, divided by zero", "not zero"} <= names


PLANTED = {
    "lb": ("rv32i.circ", "lo = b + sign * (2**16 - 2**8), hi = sign * (2**16 - 1)", "lo = b + sign * (2**16 - 2**8), hi = 0"),
    "lhu": ("rv32i.circ", "rd = word_of(load_half(", "rd = sign_extend_half(load_half("),
    "sh": ("rv32i.circ", "put_half(word, now, half, old, source.lo)", "put_half(word, now, half, old, source.hi)"),
    "bge": ("rv32i.circ", "bge funct3=0b101 { if !(rs1 <s rs2)", "bge funct3=0b101 { if (rs1 <s rs2)"),
    "jalr": ("rv32i.circ", "rd = pc_word(insn.at + 4); pc = jump_target(", "rd = pc_word(insn.at); pc = jump_target("),
    "slt": ("rv32i.circ", "funct3=0b010 { rd = word_of(rs1 <s rs2", "funct3=0b010 { rd = word_of(rs1 <u rs2"),
    "sra": ("rv32i.circ", "is(sll), is(sra)", "is(sll), 0"),
    "or": ("alu.circ", "let  either = u32(lo = a.lo + b.lo - both.lo", "let  either = u32(lo = a.lo + b.lo - 2 * both.lo"),
    "mulhsu": ("rv32m.circ", "rd = high_signed(high, rs1, rs2, sign_of(rs1), 0)", "rd = high_signed(high, rs1, rs2, 0, sign_of(rs2))"),
    "divu": ("rv32m.circ", "funct3=0b101 { rd = quotient; }", "funct3=0b101 { rd = remainder; }"),
    "rem": ("alu.circ", "let    remainder = negate_if(r, sa);", "let    remainder = negate_if(r, sb);"),
}  # fmt: skip
"""Mistakes that leave the prover no choice: the audit has nothing to say about them."""


@pytest.mark.formal
def test_a_wrong_instruction_is_noticed(tmp_path: Path) -> None:
    root = tmp_path
    for path in circuits_directory().glob("*.circ"):
        text = path.read_text()
        for file, old, new in PLANTED.values():
            assert file != path.name or old in text, old
            text = text.replace(old, new, 1) if file == path.name else text
        (root / path.name).write_text(text)
    c = compile_program(sorted(root.glob("*.circ")), root)
    arms = [(TableAudit(circuit_of(c), t), arm) for t in c.lowered.tables for arm in t.air.names("arms") if arm in PLANTED]
    assert {arm for _, arm in arms} == PLANTED.keys()
    assert [arm for table, arm in arms if all(holds for _, holds in claims(table, arm))] == []
