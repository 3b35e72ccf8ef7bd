"""The soundness audit: the real circuits leave the prover no choice but the host's; mutated circuits are noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.determinism.mutations import Mutation, compilation, judge, mutations, table_named
from zkc.compiler.audit import kept, run
from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.run import audit, circuit_of, mistakes
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program
from zkc.compiler.ir.operation import Operation, Region
from zkc.compiler.machines import circuits_directory
from zkc.dsl.diagnostics import DiagnosticError

FREE = {
    ("decode", "pc"), ("decode", "uses"), ("boundary", "blind_lo"), ("boundary", "blind_hi"),
    ("data_page", "page"), ("data_page", "lo"), ("data_page", "hi"), ("dirty_page", "page"), ("dirty_page", "lo"), ("dirty_page", "hi"),
    ("table_page", "page"), ("table_page", "child_digest"),
    ("read_start", "length"), ("read_block", "value"), ("read_word", "value"), ("read_byte", "value"),
    ("claim", "index"), ("claim", "first"),
}  # fmt: skip

SAMPLE = 8
ALU = (circuits_directory() / "alu.circ").read_text()
C0 = ALU[ALU.index("hint   c0: u10") :].split(";")[0]
"""A statement that says how much is carried."""


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
    assert bool(found) != mutation.survives, mutation.name


def edited(tmp_path: Path, file: str, *edits: tuple[str, str]) -> Path:
    """A copy of the circuits with pieces of the text of one file replaced."""
    for path in circuits_directory().glob("*.circ"):
        text = path.read_text()
        for old, new in edits if path.name == file else ():
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / path.name).write_text(text)
    return tmp_path


def test_an_edited_source_is_reported_with_place_and_columns(tmp_path: Path) -> None:
    carry = '  assert c1 * (1 - c1) == 0 "carry out of the high half is a bit";\n'
    found = mistakes(edited(tmp_path, "alu.circ", (carry, "")))
    chosen = [d for d in found if d.code == "E0506" and "addi" in d.message]
    assert any("value.hi" in d.message and "sum.hi" in d.notes[0] and d.span is not None for d in chosen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "table"),
    [
        ("memory.circ", "hint   quarter: u14", "hint   quarter: u15", "load_word"),
        ("rv32i.circ", "hint   hi: u12", "hint   hi: u15", "auipc"),
        ("alu.circ", C0, C0.replace("hint", "trusted").split(" survives")[0].rstrip(), "multiply"),
        ("alu.circ", "range(k, x1)", "range(16, x1)", "shift"),
    ],
)
def test_a_weakened_source_is_noticed(tmp_path: Path, file: str, old: str, new: str, table: str) -> None:
    root = edited(tmp_path, file, (old, new))
    try:
        found = audit(compile_program(sorted(root.glob("*.circ")), root), [table])
    except DiagnosticError:
        return
    assert any(f.expected is None for f in found)


def test_a_fixed_table_that_is_no_function_is_noticed(tmp_path: Path) -> None:
    """What a lookup says is read from the rows: here a shift amount has two powers."""
    rows = ("for r in 0..16; at 32 * left + s", "for r in 0..16 for again in 0..2; at 64 * left + 2 * s")
    edits = rows, ("(1 - big) * 2**", "(1 - big) * (1 + again) * 2**")
    root = edited(tmp_path, "alu.circ", *edits)
    found = audit(compile_program(sorted(root.glob("*.circ")), root), ["shift"])
    assert {f.arm for f in found if f.code == "E0506" and f.expected is None} == {"sll", "srl", "sra"}


def test_a_fixed_table_that_is_too_long_is_noticed(tmp_path: Path) -> None:
    """A range is what the rows say: here that of `user_half` goes beyond user memory."""
    table = "fixed user_half(v: felt) { (v) for v in 0.."
    root = edited(tmp_path, "machine.circ", (f"{table}user_end / 2**16", f"{table}2**16"))
    found = audit(compile_program(sorted(root.glob("*.circ")), root), ["load_word", "decode"])
    assert {f.table for f in found if f.code == "E0508"} == {"load_word", "decode"}


def test_a_sound_table_is_not_audited_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is what was found; a fact that the audit reads makes it another table."""
    c = compilation()
    table = TableAudit(circuit_of(c), table_named("read_start"))
    found = run.audited(table)
    assert [f.expected for f in found] == [reason_in(table)]
    monkeypatch.setattr(run, "rows_of", lambda *_: pytest.fail("audited again"))
    assert run.audited(table) == found
    before = kept.content(table)
    monkeypatch.setitem(c.program.ranges, "u16", (0, 2**16 + 1))
    assert kept.content(table) != before


def test_all_that_the_audit_reads_names_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, polynomials, steps, what lookups and buses mean, guards, and which calls stand beside another."""
    c = compilation()
    circuit, lowered = circuit_of(c), table_named("read_byte")
    before = kept.content(TableAudit(circuit, lowered))

    def less(op: Operation) -> Operation:
        (region,) = op.regions
        body = Region()
        body.operations = region.operations[:-1]
        return Operation(op.definition, (), op.attributes, (), (body,), op.loc)

    changed = [
        TableAudit(circuit, replace(lowered, row=less(lowered.row))),
        TableAudit(circuit, replace(lowered, air=less(lowered.air))),
        TableAudit(circuit, replace(lowered, steps=[less(op) for op in lowered.steps])),
        TableAudit(replace(circuit, guards=less(circuit.guards)), lowered),
    ]
    buses = circuit.facts.buses
    for name, bus in (("memory", replace(buses["memory"], remembers=None)), ("exec", replace(buses["exec"], clock=None))):
        changed.append(TableAudit(replace(circuit, facts=replace(circuit.facts, buses={**buses, name: bus})), lowered))
    assert len({before, *map(kept.content, changed)}) == 1 + len(changed)
    for items, name, value in (
        (c.program.services, "read_byte", replace(c.program.services["read_byte"], beside=())),
        (c.program.buses, "memory", replace(c.program.buses["memory"], carries=("value",))),
        (c.program.constants, "user_end", 2**20),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(items, name, value)  # type: ignore[arg-type]
            assert kept.content(TableAudit(circuit, lowered)) != before, name
    fixed = FixedTables(c.program)
    monkeypatch.setattr(fixed, "rows", lambda name: circuit.fixed.rows(name)[:-1])
    assert kept.content(TableAudit(replace(circuit, fixed=fixed), lowered)) != before


def test_a_table_with_a_mistake_is_not_kept() -> None:
    table = TableAudit(circuit_of(compilation()), replace(table_named("lui"), steps=[]))
    kept.save(table, [Finding("lui", "lui", "a mistake")])
    assert kept.load(table) is None
    kept.save(table, [])
    assert kept.load(table) == []


def reason_in(table: TableAudit) -> str:
    """The one reason in a table for something to be free."""
    (reason,) = {op.text("free") for _, op in table.free()}
    return reason
