"""`zkc opt`: passes by name, modules of one file, errors that are expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zkc import cli

TEXT = """"circ.bus"() {sym_name = "link", fields = ["x"]} : () -> ()
"air.table"() ({
  %a = "air.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  "air.message"(%a, %a) {bus = @link, sign = 1, label = "0"} : (!zkc.felt, !zkc.felt) -> ()
  "air.message"(%a, %a) {bus = @link, sign = 1, label = "1"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", arms = []} : () -> ()
"""
WRONG = '"circ.type"() {sym_name = "x", low = 1, high = 0} : () -> ()\n'
MESSAGE = "error[E0702]: `circ.type`: `low` is above `high`"


def opt(capfd: pytest.CaptureFixture[str], tmp_path: Path, text: str, *options: str) -> tuple[int, str, str]:
    """Status, stdout and stderr."""
    file = tmp_path / "t.mlir"
    file.write_text(text)
    status = cli.main(["opt", str(file), *options])
    return status, *capfd.readouterr()


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ("pair-mesages", "there is no pass `pair-mesages`\n  help: did you mean `pair-messages`?"),
        ("xyz", "there is no pass `xyz`\n  help: one of: inline, dce, check-degree, check-wrap, "),
        ("dce dce", "this is no list of passes: `dce dce`"),
        ("dce,,dce", "this is no list of passes: `,dce`"),
        ("pair-messages{size", "this is no list of passes: `pair-messages{size`"),
        ("pair-messages{size}", "these are no options of `pair-messages`: `size`"),
        ("pair-messages{sice=3}", "`pair-messages` has no option `sice`\n  help: it has: size"),
        ("dce{size=3}", "`dce` has no option `size`\n  help: it has: none"),
        ("pair-messages{size=two}", "`two` cannot be the option `size` of `pair-messages`\n  help: give an integer"),
    ],
)
def test_passes_that_are_none(passes: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = opt(capfd, tmp_path, TEXT, "-p", passes)
    assert (status, out) == (2, "") and message in err


def test_passes_run_in_order_with_their_options(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--print-between-passes", "--time-passes", "--verify-each")
    status, out, err = opt(capfd, tmp_path, TEXT, "-p", " merge-arms , pair-messages{size=1},dce", *options)
    assert status == 0
    assert out.count('"air.batch"') == 2
    sections = err.split("// after ")
    assert [section.split("\n")[0] for section in sections] == ["", "merge-arms", "pair-messages", "dce"]
    assert ["air.batch" in section for section in sections] == [False, False, True, True]
    assert [line.split()[2] for line in sections[-1].splitlines()[-3:]] == ["merge-arms", "pair-messages", "dce"]


def test_what_is_printed_can_be_read_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = f"{TEXT}// -----\n{TEXT}"
    for options in (["--split-input-file"], ["--split-input-file", "--locations"]):
        _, once, _ = opt(capfd, tmp_path, text, *options)
        assert once.count("// -----\n") == 1 and ("loc(" in once) == ("--locations" in options)
        assert opt(capfd, tmp_path, once, *options)[:2] == (0, once)


def test_a_file_with_two_modules_is_one_unless_it_is_split(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, _, err = opt(capfd, tmp_path, f"{TEXT}// -----\n{TEXT}")
    assert status == 2 and "@link is declared twice" in err and "t.mlir:8:1" in err


def test_json_is_one_object(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = opt(capfd, tmp_path, TEXT, "-p", "dce", "--json")
    found = json.loads(out)
    assert status == 0 and '"air.table"' in found["text"] and found["seconds_of_passes"][0][0] == "dce"


def test_errors_name_the_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, _, err = opt(capfd, tmp_path, WRONG)
    assert status == 2 and MESSAGE in err and "1 error in the text" in err


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"{WRONG.strip()} // expected-error {{{{is above}}}}", None),
        (f"// expected-error @+1 {{{{{MESSAGE}}}}}\n{WRONG}", None),
        (f"{WRONG}// expected-error @above {{{{E0702}}}}", None),
        (f"// expected-error @below {{{{is above}}}}\n{WRONG}// -----\n{TEXT}// -----\n{WRONG}// expected-error @-1 {{{{low}}}}", None),
        (WRONG, f"t.mlir:1:1: unexpected {MESSAGE}"),
        (f"// expected-error @+1 {{{{is below}}}}\n{WRONG}", f"t.mlir:2:1: unexpected {MESSAGE}"),
        (f"// expected-error @+2 {{{{is above}}}}\n{WRONG}", "t.mlir:1: expected error not found: is above"),
        (f"// expected-error @+1 {{{{is above}}}}\n{TEXT}", "t.mlir:1: expected error not found: is above"),
        (f"{TEXT}// -----\n// expected-error @+1 {{{{is above}}}}\n{TEXT}", "t.mlir:8: expected error not found: is above"),
        ("// expected-error @+1 {{expected an operation}}\n1", None),
    ],
)
def test_expected_errors(text: str, wrong: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = opt(capfd, tmp_path, text, "--split-input-file", "--verify-diagnostics")
    assert status == (0 if wrong is None else 2)
    assert "builtin.module" not in out
    assert wrong is None or wrong in err


@pytest.mark.slow
def test_the_whole_machine(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["opt", "-p", "inline,check-wrap,materialise,expand-ranges,share-columns,lower-fill,dce", "--verify-each"]) == 0
    out = capfd.readouterr().out
    assert out.count('"fill.table"') > 40 and "row.table" not in out
