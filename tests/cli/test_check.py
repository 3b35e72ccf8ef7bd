"""`zkc check`: a circuit that was edited a moment ago is run without machine code, and what does not hold in it is explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

import zkc
from tests.compiler.variants import Edit, edited
from tests.guests.catalogue import EXAMPLES
from zkc import api, cli
from zkc.runtime.kernels import cache

SHA256: Final = str(EXAMPLES / "sha256" / "sha256.elf")
ARGUMENTS: Final = ["--input", "/dev/null"]
WRONG_EQUATION: Final[Edit] = ("alu.circ", "(a.hi - x1) * (near + far) == 2**16 * y1 ", "(a.hi - x1) * (near + far) == 2**16 * y1 + 1 ")
WRONG_RESULT: Final[Edit] = ("alu.circ", "(1 - big) * y0 + near * x1", "(1 - big) * y0 + 2 * near * x1")
WRONG_LOOKUP: Final[Edit] = ("rv32i.circ", "lookup  range(8, high)", "lookup  range(7, high)")


def refusal(folder: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *more: str) -> str:
    """What is said of a machine with a mistake."""
    monkeypatch.setenv("ZKC_CIRCUITS", str(edited(folder / "circuits", (edit,))))
    assert cli.main(["check", SHA256, *ARGUMENTS, *more]) == 2
    captured = capfd.readouterr()
    return captured.out if more else captured.err


def test_an_equation_that_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Table, row, label, the place and the call that led there, the instruction, its function and line, and the cells."""
    text = refusal(tmp_path, WRONG_EQUATION, monkeypatch, capfd)
    assert "segment 0 does not satisfy the circuit:\n  table shift_immediate, row 0: the parts of the high half recompose: " in text
    assert "alu.circ:149:3, in shift called at circuits/rv32i.circ:" in text
    assert "\n    srli a4, a2, 29 at main+0xf4 (sha256.c:40)\n" in text and "is_srli = 1" in text and "far = 8" in text
    assert "\n    the same in " in text and "help: correct the circuit" in text and "Traceback" not in text


def test_a_result_that_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The executor goes by the `spec`, the row by its constraints: who reads the register finds another word, and is told whose it is."""
    text = refusal(tmp_path, WRONG_RESULT, monkeypatch, capfd)
    assert "is received more often than it is sent; table shift, row " in text and " sends value.lo = " in text
    assert "in write_register called at circuits/cpu.circ:" in text and "(0x" in text


def test_a_lookup_that_is_not_there_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(refusal(tmp_path, WRONG_LOOKUP, monkeypatch, capfd, "--json"))["failures"]
    assert {(f["table"], f["label"].split()[0]) for f in found} == {("store_part", "lookup")}
    assert all("there is no row range(bits = 7, v = " in f["problem"] for f in found)
    assert all("rv32i.circ:" in f["where"] and f["instruction"].startswith(("sb", "sh")) for f in found)


def test_an_edit_that_executors_do_not_see_leaves_their_machine_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was named by the module that it stands in, with the names of instructions."""
    assert api.executor_is_compiled()
    renamed = (("rv32i.circ", "insn xori ", "insn xory "), ("rv32i.circ", "test xori(", "test xory("))
    monkeypatch.setenv("ZKC_CIRCUITS", str(edited(tmp_path / "circuits", renamed)))
    assert api.executor_is_compiled()


def test_nothing_is_compiled_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited machine runs at once; with the machine code that it has not, it says the same."""
    monkeypatch.setenv("ZKC_CIRCUITS", str(edited(tmp_path / "circuits", (("rv32i.circ", "rd = rs1 ^ imm;", "rd = imm ^ rs1;"),))))
    before = cache.names("kernels")
    found = zkc.check(SHA256, b"")
    assert not any(name.startswith("listing") for name in cache.names("kernels") - before) and not api.executor_is_compiled()
    monkeypatch.delenv("ZKC_CIRCUITS")
    assert zkc.check(SHA256, b"") == found
    assert found.instructions == zkc.execute(SHA256, b"").instructions and sum(found.rows.values()) > found.instructions


@pytest.mark.prove
def test_prove_explains_what_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ZKC_CIRCUITS", str(edited(tmp_path / "circuits", (WRONG_EQUATION,))))
    receipt = tmp_path / "receipt"
    assert cli.main(["prove", SHA256, *ARGUMENTS, "-o", str(receipt)]) == 2
    assert "shift_immediate, row 0: the parts of the high half recompose" in capfd.readouterr().err and not receipt.exists()
