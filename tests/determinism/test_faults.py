"""Every stop of the executor is refuted by equations, and the rule notices when they are gone."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.determinism.mutations import compilation, row_audit, tables
from zkc.compiler.build import circuits_directory, compile_program
from zkc.compiler.determinism import TableAudit, audit
from zkc.compiler.faults import Step, check_faults, check_fetch, check_services, leaves, refuted
from zkc.compiler.table import TableBuilder

HOST = {"the program reads its input, but no input was given"}
"""Faults of the host alone: another prover has another host."""
EXECUTED = [t for t in tables() if t.arms and any(e.kind == "fault" for a in t.arms for e in t.effects_of(a))]
SERVICES = [t for t in tables() if t.name in compilation().program.services]


def without_equations(builder: TableBuilder) -> TableAudit:
    """The table without its constraints and lookups: only what it receives and sends."""
    mutant = copy.copy(builder)
    mutant.constraints = []
    mutant.messages = [m for m in builder.messages if m.bus in compilation().program.buses]
    return row_audit(mutant)


def faults_of(builder: TableBuilder) -> set[tuple[str, str]]:
    return {(a, e.name) for a in builder.arms for e in builder.effects_of(a) if e.kind == "fault" and e.name not in HOST}


@pytest.mark.parametrize("builder", [pytest.param(t, id=t.name) for t in EXECUTED])
def test_the_equations_refute_each_fault(builder: TableBuilder) -> None:
    """With them none is possible; without them each is, so each is asked about."""
    assert check_faults(row_audit(builder)) == []
    found = {(f.arm, f.message) for f in check_faults(without_equations(builder))}
    assert found == {(arm, f"no equation refuses what the executor refuses ({name})") for arm, name in faults_of(builder)}


@pytest.mark.parametrize("builder", [pytest.param(t, id=t.name) for t in {t.name: t for t in [*EXECUTED, *SERVICES]}.values()])
def test_the_equations_contradict_nothing_else(builder: TableBuilder) -> None:
    """A row that no columns fit would refute everything."""
    for arm in builder.arms:
        step = Step(row_audit(builder), arm)
        values = [leaf for e in step.effects if e.kind == "fault" for leaf in leaves(e.args[0])]
        assert not refuted(step, lambda q, values=values: q.z3.And([q.integer(v) >= 0 for v in values]))


@pytest.mark.parametrize("builder", [pytest.param(t, id=t.name) for t in SERVICES])
def test_a_service_fits_only_where_the_executor_does_it(builder: TableBuilder) -> None:
    assert check_services(compilation(), [row_audit(builder)]) == []
    assert check_services(compilation(), [without_equations(builder)])


def test_code_lies_in_user_memory() -> None:
    decode = next(t for t in tables() if t.name == "decode")
    assert check_fetch(compilation().program, [row_audit(decode)]) == []
    assert check_fetch(compilation().program, [without_equations(decode)])


LOAD = 'let w = load_word({}, memory_time); fault "not small" when w >=u 2**16; assert w.hi == 0 "small";'
PICKED = 'gadget picked(a: u32) -> word: felt { spec word = a >> 2; hint word: u14 = a >> 2 because "any"; }'
EDITS = (
    ("rv32i.circ", "insn addi funct3=0b000 {", 'insn addi funct3=0b000 { fault "an odd sum" when (rs1 + imm) % 2 == 1;'),
    ("rv32i.circ", "insn lui {", 'insn lui { fault "a low page" when imm <u 4096;'),
    ("rv32i.circ", "insn jal {", 'insn jal { fault "far" when imm >=s 4096;'),
    (
        "rv32i.circ",
        "insn lw funct3=0b010 { rd = load_word(word_address(rs1, imm), memory_time);",
        f"insn lw funct3=0b010 {{ {LOAD.format('picked(rs1)')} rd = w;",
    ),
    ("rv32i.circ", "insn lbu funct3=0b100 {", f"insn lbu funct3=0b100 {{ {LOAD.format('word_address(rs1, imm)')}"),
    ("memory.circ", "gadget write_word", f"{PICKED}\ngadget write_word"),
    ("cpu.circ", "  body;\n  result  rd", '  fault   "late" when clk >=u 2**20;\n  body;\n  result  rd'),
    ("services.circ", "hint   length:", 'fault  "host and program" when host input_missing() + a1 == 1;\n  hint   length:'),
    ("claim.circ", "input real: bit;", 'input real: bit;\n  fault "nobody asks" when real == 0;'),
)
REPORTED = {
    "addi": {"late", "an odd sum"}, "lui": {"late", "a low page"}, "jal": {"late", "far"}, "load_word": {"late", "not small"},
    "load_part": {"late"}, "add": {"late"}, "read_start": {"host and program"}, "boundary": {"nobody asks"},
}  # fmt: skip


def test_a_fault_without_an_equation_is_reported(tmp_path: Path) -> None:
    """On operands, on an immediate of each kind, in the frame, on host and program at once, and where nothing executes it. A loaded word
    counts only where the row shows that its address is the executor's: `lbu` does, and its equation refutes the fault, `lw` does not."""
    for path in circuits_directory().glob("*.circ"):
        (tmp_path / path.name).write_text(path.read_text())
    for file, old, new in EDITS:
        text = (tmp_path / file).read_text()
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new, 1))
    found = [f for f in audit(compile_program(sorted(tmp_path.glob("*.circ")), tmp_path), REPORTED) if f.code == "E0508"]
    assert all(f.span is not None for f in found)
    named = {(f.table, name) for f in found for name in ("late", *set().union(*REPORTED.values())) if name in f.message}
    assert named == {(table, name) for table, faults in REPORTED.items() for name in faults}
    assert len({(f.table, f.arm, f.message) for f in found}) == len(found)
