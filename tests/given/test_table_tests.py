"""Tests inside of circuits: rows of tables and a claim, which hold or fail at a label."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.given.support import EXAMPLES
from zkc import api, cli
from zkc.dsl.diagnostics import DiagnosticError
from zkc.inline_tests import run_tests

if TYPE_CHECKING:
    from zkc.inline_tests import TestOutcome

FIBONACCI = (EXAMPLES / "fibonacci" / "fibonacci.circ").read_text()
ROWS = "step(real = 1, n = [0, 1], a = [0, 1], b = [1, 1]);"
CLAIM = "claim(steps = 2, result = 1, next = 2);"


def outcomes(folder: Path, *tests: str) -> list[TestOutcome]:
    """Those of a circuit, with these tests in the place of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "fibonacci.circ").write_text(FIBONACCI[: FIBONACCI.index("\ntest ")] + "\n".join(tests) + "\n")
    return list(run_tests(folder))


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/README.md")))
def test_every_example_has_tests_which_pass(name: str) -> None:
    found = list(run_tests(EXAMPLES / name))
    assert found and not [failure for outcome in found for failure in outcome.failures]


def test_rows_hold_or_fail_at_their_label(tmp_path: Path) -> None:
    """What fails is said with table, row and label; `fails` wants that label, and none other."""
    wrong = CLAIM.replace("result = 1", "result = 2")
    found = outcomes(
        tmp_path / "circuit",
        f'test "holds" {{ {ROWS} {CLAIM} }}',
        f'test "fails" {{ {ROWS} {wrong} }}',
        f'test "fails as it must" fails "recv state" {{ {ROWS} {wrong} }}',
        f'test "fails elsewhere" fails "another label" {{ {ROWS} {wrong} }}',
        f'test "does not fail" fails "recv state" {{ {ROWS} {CLAIM} }}',
        f'test "an input is missing" {{ {ROWS.replace("real = 1, ", "")} {CLAIM} }}',
        f'test "a value outside of its type" fails "recv state" {{ {ROWS.replace("real = 1", "real = 2")} {CLAIM} }}',
    )
    problems = {outcome.name: [problem for failure in outcome.failures for problem in failure.problems] for outcome in found}
    assert problems["holds"] == problems["fails as it must"] == []
    assert problems["fails"] and all("state" in problem for problem in problems["fails"])
    assert any(problem.startswith("claim: recv state: ") for problem in problems["fails"])
    assert problems["does not fail"] == ["`recv state` was to fail, and everything is satisfied"]
    assert "`real`" in problems["an input is missing"][0] and "missing" in problems["an input is missing"][0]
    assert problems["a value outside of its type"] == ["`real` is 2, not within 0 .. 1"]
    assert problems["fails elsewhere"][0] == "`another label` was to fail: what fails is `send state`, `recv state`"


REFUSED = {
    "no table": (f"{ROWS.replace('step(', 'stop(')} {CLAIM}", "E0204", "there is no table `stop`", "did you mean `step`?"),
    "no input": (f"{ROWS.replace('real', 'rael')} {CLAIM}", "E0204", "`step` has no input `rael`", "did you mean `real`?"),
    "one table twice": (f"{ROWS} {ROWS} {CLAIM}", "E0203", "rows of `step` are given twice", None),
    "one input twice": (f"{ROWS.replace('real = 1', 'n = 1')} {CLAIM}", "E0210", "`step` is given one input twice", None),
    "no check": ("", "E0202", "this test checks nothing", None),
    "no constant": (f"{ROWS.replace('real = 1', 'real = x')} {CLAIM}", "E0204", "`x` is not a constant", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_that_mean_nothing_are_refused(case: str, tmp_path: Path) -> None:
    body, code, message, help_ = REFUSED[case]
    with pytest.raises(DiagnosticError) as caught:
        outcomes(tmp_path / "circuit", f'test "rows" {{ {body} }}')
    assert (code, message, help_) in [(d.code, d.message, d.help) for d in caught.value.diagnostics]


def test_rows_of_a_chip_are_not_given(tmp_path: Path) -> None:
    text = 'chip square(x: felt) -> y: felt { let y = column(x * x); }\ntable asks { input x: felt; let _y = square(x); }\n'
    with pytest.raises(DiagnosticError) as caught:
        outcomes(tmp_path / "circuit", text, f'test "rows" {{ {ROWS} square(asked = 1, x = 2); {CLAIM} }}')
    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("E0204", "nobody gives rows of the chip `square`")]


def test_gadgets_do_not_fail_and_machines_have_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError, match="`fails` is for tests with rows of tables"):
        outcomes(tmp_path / "circuit", 'test "rows" fails "state" { }')
    machine = tmp_path / "machine"
    shutil.copytree(api.lock_path().parent, machine, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (machine / "zz.circ").write_text('test "rows" { data_page(real = 1); }\n')
    with pytest.raises(DiagnosticError, match="rows stand in tests of circuits with a claim and without instructions"):
        list(run_tests(machine))


def test_the_command_says_what_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcomes(tmp_path / "circuit", f'test "fails" {{ {ROWS} {CLAIM.replace("next = 2", "next = 3")} }}')
    assert cli.main(["test", str(tmp_path / "circuit")]) == 2
    err = capfd.readouterr().err
    assert "1 test failed: fails" in err and "recv state" in err and "next" in err


def test_a_machine_without_memory_gets_its_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "machine.circ").write_text("""bus exec(clk: felt, pc: felt);
bus program(pc: felt, op: felt, arg: felt);
format op { arg:24 code:8; imm: felt = inst[31..8]; }
frame instruction { input clk: felt; input pc: felt; recv exec(clk, pc); recv program(pc, insn.op, insn.imm); body;
  result pc: felt = pc + 4 { send exec(clk + 1, pc); } }
family jump { format op code=0b00000001; assembly "{name} {imm}"; insn jump { pc = imm; } }
table rom { input uses: felt; input pc: felt; decode word as insn; send program(pc, insn.op, insn.imm) times uses; }
claim { input start: felt; input stop: felt; input steps: felt; send exec(0, start); recv exec(steps, stop); }
""")
    assert cli.main(["compile", str(tmp_path), "--no-kernels"]) == 2
    err = capfd.readouterr().err
    assert "E0609" in err and "no bus here `remembers latest by` an address" in err and "examples/circuits/stack" in err
    assert err.count("E0609") == 1
