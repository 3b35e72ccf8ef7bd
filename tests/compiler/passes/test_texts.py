"""Each pass on texts: a file has the commands to run (`// RUN:`) and what they print (`// CHECK`), as in LLVM's tests."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options

from zkc import cli
from zkc.compiler.passes.registry import PASSES

HERE: Final = Path(__file__).parent
FILES: Final = sorted(HERE.glob("*.mlir"))
_RUN: Final = re.compile(r"^// RUN: (.*)$", re.MULTILINE)


def commands(file: Path) -> list[str]:
    return _RUN.findall(file.read_text(encoding="utf-8"))


CASES: Final = [(file, number) for file in FILES for number in range(len(commands(file)))]


@pytest.mark.parametrize(("file", "number"), CASES, ids=[f"{file.stem}-{number}" for file, number in CASES])
def test_text(file: Path, number: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`[not] zkc opt … [| filecheck … %s]`: `not` where the command must fail; filecheck is given stdout, and stderr after it."""
    first, *then = (shlex.split(part.replace("%s", str(file)).replace("%S", str(HERE))) for part in commands(file)[number].split(" | "))
    fails = first[0] == "not"
    words = first[fails:]
    assert words[:2] == ["zkc", "opt"]
    status = cli.main(words[1:])
    out, err = capfd.readouterr()
    assert status == (2 if fails else 0), err
    for check in then:
        assert check[0] == "filecheck"
        printed = tmp_path / "printed"
        printed.write_text(out + err, encoding="utf-8")
        assert Matcher.from_opts(parse_argv_options([*check, "--input-file", str(printed)])).run() == 0, out + err


def test_every_pass_has_a_text() -> None:
    """Its file is called as the pass, and runs it."""
    for name in PASSES:
        file = HERE / f"{name.replace('-', '_')}.mlir"
        assert any(re.search(rf"[ ',]{name}\b", command) for command in commands(file)), name


def test_every_text_runs_something() -> None:
    for file in FILES:
        assert commands(file), file
        assert "CHECK" in file.read_text(encoding="utf-8") or "expected-error" in file.read_text(encoding="utf-8"), file


def test_a_check_that_does_not_hold_is_seen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of what the runner does."""
    file = tmp_path / "wrong.mlir"
    file.write_text('// CHECK: "circ.fixed"\n"circ.fixed"() {sym_name = "x", fields = []} : () -> ()\n')
    assert cli.main(["opt", str(file)]) == 0
    printed = tmp_path / "printed"
    printed.write_text(capfd.readouterr().out)
    assert Matcher.from_opts(parse_argv_options(["filecheck", str(file), "--input-file", str(printed)])).run() == 0
    printed.write_text("nothing of it")
    assert Matcher.from_opts(parse_argv_options(["filecheck", str(file), "--input-file", str(printed)])).run() != 0
