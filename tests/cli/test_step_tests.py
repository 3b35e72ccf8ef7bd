"""Tests of instructions in .circ files: what they find, and what they say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from zkc import cli
from zkc.compiler.front import front_end
from zkc.compiler.machines import circuit_files
from zkc.dsl.diagnostics import DiagnosticError
from zkc.inline_tests import run_tests

CIRCUITS = Path(__file__).parents[2] / "circuits"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The circuits without tests, to be changed."""
    folder = tmp_path / "circuits"
    shutil.copytree(CIRCUITS, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    for path in folder.glob("*.circ"):
        path.write_text(re.sub(r"^test \w+\((?:[^{]*?;|.*?\})\n", "", path.read_text(), flags=re.M | re.S))
    return folder


def problems(folder: Path, *lines: str) -> str:
    """What is wrong with tests, and nothing else, in a folder."""
    (folder / "t.circ").write_text("".join(f"{line}\n" for line in lines))
    outcomes = [x for x in run_tests(folder) if x.where.startswith("circuits/t.circ")]
    assert outcomes
    return "\n".join(str(failure) for outcome in outcomes for failure in outcome.failures)


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert text.count(old) >= 1, old
    (folder / file).write_text(text.replace(old, new, 1))


def test_every_instruction_has_tests_that_hold() -> None:
    program, _ = front_end(circuit_files(CIRCUITS), CIRCUITS)
    assert {test.insn for test in program.step_tests} >= program.encodings.keys()
    assert not [str(failure) for outcome in run_tests(CIRCUITS) for failure in outcome.failures]


ADD = "test add(rs1 = 0xfffffffe, rs2 = 7) == 5;"


def test_a_wrong_specification_is_told_apart(copy: Path) -> None:
    change(copy, "alu.circ", "spec   sum = (a + b) % 2**32;", "spec   sum = (a + b + 1) % 2**32;")
    found = problems(copy, ADD)
    assert f"t.circ:1:1: {ADD}" in found and "the specification gives `rd` = 6, not 5" in found
    assert re.search(r"carry out of the low half is a bit: does not hold, .*alu.circ:18:3, in add32 called at circuits/rv32i.circ", found)
    assert "so the specification is wrong: the constraints do not allow what it gives" in found


def test_so_are_a_specification_and_constraints_that_agree(copy: Path) -> None:
    change(copy, "rv32i.circ", "{ rd = rs1 - rs2; }", "{ rd = rs2 - rs1; }")
    found = problems(copy, "test sub(rs1 = 5, rs2 = 7) == -2;")
    assert "gives `rd` = 2, not 0xfffffffe" in found and "the constraints with it" in found


def test_so_is_a_wrong_constraint(copy: Path) -> None:
    change(copy, "alu.circ", "let    c1 = (a.hi + b.hi + c0 - sum.hi) / 2**16;", "let    c1 = (a.hi + b.hi - sum.hi) / 2**16;")
    found = problems(copy, ADD, "test add(rs1 = 1, rs2 = 7) == 8;")
    assert found.count("t.circ:") == 1 and "specification gives `" not in found
    assert "carry out of the high half is a bit: does not hold" in found and "value.hi = 65535 (0xffff)" in found


def test_so_is_a_wrong_hint(copy: Path) -> None:
    quarter = "hint   quarter: u14 = ((base + offset) % 2**{}) >> 2"
    change(copy, "memory.circ", quarter.format(16), quarter.format(15))
    found = problems(copy, "test lw(rs1 = 0x8000, memory[0x8000 / 4] = 9) == 9;", "test lw(rs1 = 0x1000, memory[0x1000 / 4] = 9) == 9;")
    assert found.count("t.circ:") == 1 and "so a hint is wrong, or this constraint" in found
    assert "carry out of the low half is a bit: does not hold" in found and "quarter = 0" in found


def test_so_is_a_hint_that_is_in_no_table(copy: Path) -> None:
    change(copy, "alu.circ", "hint   sign: bit = a >> 31", "hint   sign: bit = 0")
    found = problems(copy, "test slt(rs1 = 0x80000000, rs2 = 1) == 1;")
    assert "there is no row range(bits = 15, v = 32768)" in found


def test_so_is_a_message_with_another_field(copy: Path) -> None:
    text = (copy / "memory.circ").read_text()
    before, gadget, after = text.partition("gadget write_register")
    after = after.replace("recv    memory(address, old, then, 0)", "recv    memory(address, old, then, 1)", 1)
    (copy / "memory.circ").write_text(before + gadget + after)
    found = problems(copy, "test lui(imm = 0x1000) == 0x1000;")
    assert re.search(r"the row of table lui: .*the row receives memory\(.*mark = 1\); the executor has mark = 0 .*memory.circ:", found)


def test_so_are_columns_that_are_not_what_is_specified(copy: Path) -> None:
    change(copy, "rv32i.circ", "let word = u32(lo = bit, hi = 0);", "spec word = bit;\n  let word = u32(lo = 1 - bit, hi = 0);")
    found = problems(copy, "test slti(rs1 = 1, imm = 2) == 1;")
    assert "the row of table less_immediate: rd.lo of slti: does not hold" in found and "so a hint is wrong, or this" in found


def test_faults(copy: Path) -> None:
    fault = "misaligned access to a word"
    found = problems(
        copy, f'test lw(rs1 = 2) fails "{fault}";', f'test lw(rs1 = 4) fails "{fault}";', "test lw(rs1 = 6) == 0;",
        'test lw(rs1 = -4) fails "something else";', "test lw(pc = 2) == 0;", "test sw() { pc == 4; }",
    )  # fmt: skip
    assert "t.circ:1:1" not in found
    assert f'the specification makes the step, and does not fail with "{fault}"' in found
    assert f'the specification fails with "{fault}"' in found
    assert 'fails with "access outside user memory", not "something else"' in found
    assert 'fails with "no instruction can be at this pc"' in found and 'fails with "an instruction overwrites itself"' in found


def test_what_changes_and_is_not_said(copy: Path) -> None:
    assert "`memory[0x400]` = 7, of which the test says nothing" in problems(copy, "test sw(rs1 = 0x1000, rs2 = 7) { pc == 4; }")


def test_environment_calls(copy: Path) -> None:
    found = problems(copy, "test exit(a7 = call_read) { pc == 0; }", "test no_such_call(a7 = 1) { answer == enosys; pc == 4; }")
    assert "t.circ:2:1" not in found and "in this state `ecall` is the environment call `read_start`" not in found
    assert 'fails with "the program reads its input, but no input was given"' in found
    assert "is the environment call `no_such_call`" in problems(copy, "test exit(a7 = 1) { pc == 0; }")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("test addd(rs1 = 5) == 1;", "there is no instruction or environment call `addd`"),
        ("test add(rs3 = 5) == 1;", "`add` reads no `rs3`"),
        ("test lui(rs1 = 5) == 1;", "`lui` reads no `rs1`"),
        ("test add(insn.opcode = 5) == 1;", "`add` has no field `opcode` to choose"),
        ("test add(rs1 = [1]) == 1;", "a number is needed here"),
        ("test add(rs1 = 1, rs1 = 2) == 1;", "`rs1` is given twice"),
        ("test add(bytes[1] = 1) == 1;", "there is no bus `bytes` that remembers"),
        ("test fence() == 1;", "sets nothing that it could be equal to"),
        ("test beq() { rd == 1; }", "`beq` sets no `rd`"),
        ("test add() != 1;", "a test says what something is: `==`"),
        ("test add(1 = 1) == 1;", "a place is a name, `insn.field` or `memory[address]`"),
        ("test add() { 1 + 2 == 3; }", "unexpected `+`"),
    ],
)
def test_tests_that_make_no_sense_are_refused(copy: Path, line: str, text: str) -> None:
    (copy / "t.circ").write_text(line + "\n")
    with pytest.raises(DiagnosticError, match=re.escape(text)):
        list(run_tests(copy))


def test_numbers_that_do_not_go_together(copy: Path) -> None:
    found = problems(
        copy, "test beq(imm = 3) { pc == 4; }", "test add(insn.rd = 32) == 0;", "test add(rs1 = 2**32) == 0;",
        "test add(insn.rs1 = 4, insn.rs2 = 4, rs1 = 1, rs2 = 2) == 3;", "test lw(memory[0] = 1) == 1;",
    )  # fmt: skip
    assert "`imm` of `beq` cannot be 3" in found and "`rd` has 5 bits, 32 needs more" in found
    assert "0x100000000 is no word" in found and "`rs2` is the same word as `rs1`" in found
    assert "the word at 0 is the instruction: give another `pc`" in found


def test_random_operands_find_it_too_and_are_a_test_that_can_be_put_into_a_file(copy: Path) -> None:
    quarter = "hint   quarter: u14 = ((base + offset) % 2**{}) >> 2"
    change(copy, "memory.circ", quarter.format(16), quarter.format(15))
    found = {x.name: x for x in run_tests(copy, "w", count=8, seed=3) if x.random}
    assert [x for x in run_tests(copy, "w", count=8, seed=3) if x.random] == list(found.values())
    assert found["lw"].checks and not any(problem for x in found.values() if x.name not in ("lw", "sw") for problem in x.failures)
    first = found["lw"].failures[0]
    assert first.where.startswith("circuits/rv32i.circ:") and first.line.startswith("test lw(")
    again = problems(copy, first.line)
    assert first.line in again and all(problem in again for problem in first.problems) and "gives `" not in again


def test_the_command_prints_a_line_for_each_problem(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (copy / "t.circ").write_text("test add(rs1 = 1) == 3;\n")
    assert cli.main(["test", str(copy), "-k", "add", "--random", "2", "--json"]) == 2
    value = json.loads(capfd.readouterr().out)
    assert (value["tests"], value["random_steps"], value["failed"]) == (2, 4, 1)
    assert value["failures"][0]["line"] == "test add(rs1 = 1) == 3;" and "`rd` = 1, not 3" in value["failures"][0]["problems"][0]
    assert cli.main(["test", str(copy), "-k", "add", "--random", "0"]) == 2
    err = capfd.readouterr().err
    assert "\n    the specification gives `rd` = 1, not 3\n" in err and "1 test failed: add" in err
