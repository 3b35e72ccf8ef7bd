"""Every stop of the executor is refuted by equations, and the rule notices when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.determinism.mutations import circuit, compilation, kind_of, mutant, table_named, tables
from zkc.compiler.audit.integers import leaves_of
from zkc.compiler.audit.rules import faults, fetch, services
from zkc.compiler.audit.run import audit
from zkc.compiler.audit.step import Step, refuted
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program
from zkc.compiler.dialects import step
from zkc.compiler.machines import circuits_directory
from zkc.compiler.pipeline import Lowered

HOST = {"the program reads its input, but no input was given"}
"""Faults of the host alone: another prover has another host."""
SERVICES = [t for t in tables() if t.name in compilation().program.services]


def faults_of(table: Lowered) -> set[tuple[str, str]]:
    found = {(s.text("arm"), op.text("message")) for s in table.steps for op in s.regions[0] if op.definition is step.FAULT}
    return {(arm, message) for arm, message in found if message not in HOST}


EXECUTED = [t for t in tables() if any(op.definition is step.FAULT for s in t.steps for op in s.regions[0])]


def audited(table: Lowered) -> TableAudit:
    return TableAudit(circuit(), table)


def without_equations(table: Lowered) -> TableAudit:
    """The table without its constraints and lookups: only what it receives and sends."""
    return mutant(table, lambda op: () if kind_of(op) is not None else (op,))


@pytest.mark.parametrize("table", [pytest.param(t, id=t.name) for t in EXECUTED])
def test_the_equations_refute_each_fault(table: Lowered) -> None:
    """With them none is possible; without them each is, so each is asked about."""
    assert list(faults.findings(audited(table))) == []
    found = {(f.arm, f.message) for f in faults.findings(without_equations(table))}
    assert found == {(arm, f"no equation refuses what the executor refuses ({name})") for arm, name in faults_of(table)}


@pytest.mark.parametrize("table", [pytest.param(t, id=t.name) for t in {t.name: t for t in [*EXECUTED, *SERVICES]}.values()])
def test_the_equations_contradict_nothing_else(table: Lowered) -> None:
    """A row that no columns fit would refute everything."""
    for arm in table.air.names("arms"):
        at = Step(audited(table), arm)
        values = [leaf for op in at.operations if op.definition is step.FAULT for leaf in leaves_of(op.operands[0])]
        assert not refuted(at, lambda q, values=values: q.query.all(q.integer(v) >= 0 for v in values))


@pytest.mark.parametrize("table", [pytest.param(t, id=t.name) for t in SERVICES])
def test_a_service_fits_only_where_the_executor_does_it(table: Lowered) -> None:
    assert list(services.findings(audited(table))) == []
    assert list(services.findings(without_equations(table)))


def test_code_lies_in_user_memory() -> None:
    decode = table_named("decode")
    assert list(fetch.findings(audited(decode))) == []
    assert list(fetch.findings(without_equations(decode)))


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


STORED = (
    "rv32i.circ",
    "insn sw funct3=0b010 { write_word(word_address(rs1, imm), memory_time, rs2); }",
    """insn sw funct3=0b010 {
      let at = word_address(rs1, imm);
      write_word(at, memory_time, rs2);
      let w = read_word(at, memory_time + 1);
      fault "not small" when w >=u 2**16;
      assert w.hi == 0 "small";
    }""",
)


def test_a_load_sees_what_its_own_step_stored(tmp_path: Path) -> None:
    """The executor puts stores off, the row receives them: the word that a row receives is the one after the store."""
    for path in circuits_directory().glob("*.circ"):
        (tmp_path / path.name).write_text(path.read_text())
    file, old, new = STORED
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    assert [f for f in audit(compile_program(sorted(tmp_path.glob("*.circ")), tmp_path), ["store_word"]) if f.expected is None] == []
