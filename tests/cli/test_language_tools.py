"""`zkc fmt`, `zkc test` and `zkc audit`, on the circuits that come with zkc and on mistakes."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from zkc import api, cli
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.format import format_source, same_meaning
from zkc.dsl.parser import parse
from zkc.inline_tests import run_tests

CIRCUITS = api.lock_path().parent
FILES = sorted(CIRCUITS.glob("*.circ"))
PIECES = re.compile(r'//[^\n]*|"[^"\n]*"|\s+|[^\s"/]+|/')


def shaken(source: str, seed: int) -> str:
    """The same program with other blanks and line ends."""
    chooser = random.Random(seed)
    out: list[str] = []
    for piece in PIECES.findall(source):
        if piece.isspace():
            out.append(chooser.choice([" ", "\n", "\n\n\n  ", "\t"]))
        else:
            out.append(piece + "\n" if piece.startswith("//") else piece)
    return "".join(out)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_circuits_are_in_our_style(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert format_source(source, path.name) == source


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_any_layout_is_formatted_without_changing_the_meaning(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    once = format_source(shaken(source, seed=1), path.name)  # asserts meaning, comments and idempotence itself
    assert same_meaning(parse(once, path.name), parse(source, path.name))
    assert once.count("//") == source.count("//")


@pytest.mark.parametrize(
    ("messy", "clean"),
    [
        ("const  a=1 ;// one\nconst bb = 2;   // two\n", "const a = 1;   // one\nconst bb = 2;  // two\n"),
        ("gadget g(a:u32)->b:u32{let b=a;}", "gadget g(a: u32) -> b: u32 { let b = a; }\n"),
        (
            "gadget g(a: felt) {\n\n\n  assert a==1 ;\n let x = -a*2 ** 3;\n// why\n}\n",
            "gadget g(a: felt) {\n\n  assert a == 1;\n  let    x = -a * 2**3;\n  // why\n}\n",
        ),
        ("const a = [1,\n2,// inside\n3];\n", "// inside\nconst a = [1, 2, 3];\n"),
        ('test "t" { f(0x10)==16 ; }', 'test "t" { f(0x10) == 16; }\n'),
        ("test  lw( rs1=2 ,imm=-4,)fails\n\"no\" ;", 'test lw(rs1 = 2, imm = -4) fails "no";\n'),
        ("test add(insn.rd=0)==2*3;// why", "test add(insn.rd = 0) == 2 * 3;  // why\n"),
        ("test sw(){memory[4/2]==7;pc==4 ;}", "test sw() { memory[4 / 2] == 7; pc == 4; }\n"),
        ("test sw() {pc==4;\n// c\n}", "test sw() {\n  pc == 4;\n  // c\n}\n"),
        ("", ""),
        ("// only a comment", "// only a comment\n"),
    ],
)
def test_formatting_by_example(messy: str, clean: str) -> None:
    assert format_source(messy, "t.circ") == clean


def test_long_calls_are_broken_inside_their_brackets() -> None:
    source = "gadget g() { let x = f(" + ", ".join(f"argument_{i} = {i} * {i}" for i in range(12)) + "); }"
    lines = format_source(source, "t.circ").splitlines()
    assert max(map(len, lines)) <= 150
    assert lines[1] == "  let x = f(" and lines[-2] == "  );"


def test_fmt_changes_files_only_without_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.circ"
    file.write_text("const  a = 1;\n")
    assert cli.main(["fmt", str(tmp_path), "--check"]) == 2
    assert "a.circ" in capfd.readouterr().err and file.read_text() == "const  a = 1;\n"
    assert cli.main(["fmt", str(tmp_path)]) == 0
    assert file.read_text() == "const a = 1;\n"
    assert cli.main(["fmt", str(file), "--check"]) == 0


def test_fmt_reports_syntax_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.circ").write_text("const a = ;\n")
    assert cli.main(["fmt", str(tmp_path)]) == 2
    assert "error[E0201]" in capfd.readouterr().err


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The circuits, to be changed."""
    folder = tmp_path / "circuits"
    shutil.copytree(CIRCUITS, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return folder


def test_inline_tests_pass() -> None:
    outcomes = list(run_tests(CIRCUITS))
    assert len(outcomes) > 8
    assert not [failure for outcome in outcomes for failure in outcome.failures]


def test_a_wrong_expectation_is_shown_with_both_values(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (copy / "wrong.circ").write_text('test "wrong" { add32(1, 1) == 3; }\ntest "right" { add32(1, 1) == 2; }\n')
    assert cli.main(["test", str(copy), "-k", "r"]) == 2
    err = capfd.readouterr().err
    assert "wrong.circ:1:16: add32(1, 1) == 3" in err and "the meaning of `sum` is 2, not 3" in err
    assert "1 test failed: wrong" in err


def test_a_witness_that_breaks_a_constraint_is_shown(copy: Path) -> None:
    alu = copy / "alu.circ"
    alu.write_text(alu.read_text().replace("(a.lo + b.lo - sum.lo) / 2**16", "(a.lo + b.lo - sum.lo) / 2**15", 1))
    (outcome,) = run_tests(copy, "addition")
    problems = [problem for failure in outcome.failures for problem in failure.problems]
    assert any("carry out of the low half is a bit" in problem and "sum.lo" in problem for problem in problems)


def test_a_value_outside_its_table_is_shown(copy: Path) -> None:
    alu = copy / "alu.circ"
    alu.write_text(alu.read_text().replace("hint   sign: bit = a >> 31", "hint   sign: bit = 0", 1))
    (copy / "t.circ").write_text('test "top bit" { sign_of(0x80000000) == 1; }\n')
    (outcome,) = run_tests(copy, "top bit")
    assert any("is no row of `range`" in problem for failure in outcome.failures for problem in failure.problems)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nothing(1) == 1;", "there is no gadget `nothing`"),
        ("add32(1) == 1;", "`add32` takes a, b"),
        ("add32(1, 1);", "a line of a test is"),
        ("divide(1, 1, 1) == 1;", "gives 2 values"),
        ("load_word(0, 0) == 1;", "needs the machine around it"),
    ],
)
def test_tests_that_make_no_sense_are_explained(copy: Path, line: str, text: str) -> None:
    (copy / "t.circ").write_text(f'test "t" {{ {line} }}\n')
    with pytest.raises(DiagnosticError, match=re.escape(text)):
        list(run_tests(copy, "t"))


def test_audit_gives_every_column_an_owner_or_a_reason() -> None:
    columns = api.audit()
    assert {column.kind for column in columns} == {"bit", "range", "trusted", "free"}
    assert not [column for column in columns if column.kind in ("trusted", "free") and not column.because]
    tables = {table.name: len(table.columns) for table in api.machine().circuit.tables if not table.fixed.shape[0]}
    assert {column.table for column in columns} == {*tables, "claim"}


def test_audit_proves_all_tables_or_some(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit"]) == 0
    assert "Rows that agree on what they receive agree on what they send" in capfd.readouterr().out
    alu = copy / "alu.circ"
    alu.write_text(alu.read_text().replace('  assert equal * d0 == 0 "equal words have equal low halves";\n', "", 1))
    assert cli.main(["audit", str(copy), "branch_equal", "claim"]) == 2
    assert "error[E05" in capfd.readouterr().err
    assert cli.main(["audit", str(copy), "add", "claim"]) == 0, "tables that the mistake does not touch"
    assert "No row fits a step" in capfd.readouterr().out
    assert cli.main(["audit", str(copy), "--columns"]) == 0
    assert "No row fits a step" not in capfd.readouterr().out


def test_audit_of_a_table_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "branch_equals"]) == 2
    assert "there is no table `branch_equals`" in (err := capfd.readouterr().err) and "near: branch_equal" in err
    assert cli.main(["audit", "x" * 50, "--columns"]) == 2
    assert "there are lui, " in capfd.readouterr().err


def test_audit_refuses_a_hint_that_nothing_uses(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    alu = copy / "alu.circ"
    alu.write_text(alu.read_text().replace("spec   sum =", 'hint   idle: u16 = a.lo because "no reason";\n  spec   sum =', 1))
    assert cli.main(["audit", str(copy), "--columns"]) == 2
    assert "nothing constrains `idle`" in capfd.readouterr().err
