"""Modules of libraries: what names mean, what is refused, and that a circuit depends on no more of a library than it uses."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

import zkc
from zkc import api, cli
from zkc.compiler.libraries import libraries, shipped
from zkc.compiler.machines import circuit_files, load_spec
from zkc.dsl.diagnostics import DiagnosticError
from zkc.inline_tests import run_tests
from zkc.runtime.field.koalabear import P

FIRST = """/// The first.

use second;
const size = 4;
const _twice = 2 * size;

gadget double(a: felt) -> b: felt { let b = _half(a) * _twice / 2; }
gadget _half(a: felt) -> b: felt { let b = a / 2; }
gadget narrow(a: felt) -> b: u8 { hint b: u8 = a because "equal"; assert a == b "equal"; }
test "same name" { double(6) == 12; narrow(7) == 7; }
"""
SECOND = """type u(bits) = felt where x in 0..2**bits;
struct pair { x: felt, y: felt }
impl pair + pair by both;
fixed range(bits: felt, v: felt) { (b, v) for b in 0..17 for v in 0..2**b; at 2**bits - 1 + v; }
gadget both(a: pair, b: pair) -> c: pair { let c = pair(x = a.x + b.x, y = a.y + b.y); }
gadget _half(a: felt) -> b: felt { let b = a - a * a; }
gadget other(a: felt) -> b: felt { let b = _half(a); }
test "same name" { other(3) == -6; }
"""
PROGRAM = """use first;
use second;
bus sums(a: felt, b: felt, c: felt);
table row {
  input real: bit;
  input a: u8;
  let   p = pair(x = double(a), y = 1) + pair(x = first.size, y = other(a));
  send  sums(p.x, p.y, narrow(a)) times real;
}
claim { input a: felt; input b: felt; input c: felt; recv sums(a, b, c); }
"""
ROWS: Any = {"row": {"real": 1, "a": 3}}
CLAIM = {"a": 10, "b": P - 5, "c": 3}


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    return folder(tmp_path / "lib", first=FIRST, second=SECOND)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return folder(tmp_path / "program", program=PROGRAM)


def folder(path: Path, **texts: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in texts.items():
        (path / f"{name}.circ").write_text(text)
    return path


def edit(file: Path, *edits: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def problems(program: Path, *lib: Path) -> list[tuple[str, str, str | None]]:
    """What is wrong: code, message, help."""
    with libraries(lib), pytest.raises(DiagnosticError) as caught:
        load_spec(program)
    return [(d.code, d.message, d.help) for d in caught.value.diagnostics]


def test_private_names_of_two_modules_do_not_collide(program: Path, lib: Path) -> None:
    zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM)
    with pytest.raises(zkc.InputError):
        zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM | {"b": P - 4})


def test_a_digest_depends_on_what_is_used_alone(program: Path, lib: Path) -> None:
    before = zkc.Circuit(program, lib=[lib]).digest
    more = """// moved
bus nobody(a: felt);
fixed few(v: felt) { (v) for v in 0..4; at v; }
gadget wrong(a: nothing) -> b: felt { lookup few(a); send nobody(a); }
const size"""
    edit(lib / "first.circ", ("const size", more), ('"same name"', '"another name"'))
    minus = "impl pair - pair by none;\ngadget none(a: pair, b: pair) -> c: pair { let c = a; }\n"
    edit(lib / "second.circ", ("gadget both", f"{minus}gadget both"))
    folder(lib, third="use first; gadget _half(")  # nobody uses it: it is not even read
    assert zkc.Circuit(program, lib=[lib]).digest == before
    edit(lib / "first.circ", ("a / 2", "a / 4"))
    assert zkc.Circuit(program, lib=[lib]).digest != before


def test_a_library_is_checked_and_tested_by_itself(lib: Path) -> None:
    with libraries([lib]):
        outcomes = list(run_tests(lib))
    assert [(x.name, x.checks, x.failures) for x in outcomes] == [("first: same name", 2, ()), ("second: same name", 1, ())]
    edit(lib / "second.circ", ("== -6", "== -7"))
    with libraries([lib]):
        assert [bool(x.failures) for x in run_tests(lib)] == [False, True]
    edit(lib / "first.circ", ("= _half(a)", "= dobule(a)"))
    assert problems(lib, lib) == [("E0204", "there is no gadget `dobule`", "did you mean `first.double`?")]


REFUSED = {
    "no such module": (("use second", "use secnod"), "there is no module `secnod`", "did you mean `second`?"),
    "no such name": (("other(a)", "second.ohter(a)"), "the module `second` has no gadget `ohter`", "did you mean `other`?"),
    "no such constant": (("first.size", "first.sise"), "the module `first` has no constant `sise`", "did you mean `size`?"),
    "private": (("other(a)", "_half(a)"), "`_half` is private to the module `first`: its name begins with `_`", None),
    "private, in full": (("other(a)", "second._half(a)"), "`_half` is private to the module `second`: its name begins with `_`", None),
    "not used": (("other(a)", "third.other(a)"), "this file does not use a module `third`", None),
    "not a call": (("other(a)", "p.x.other(a)"), "a call is `gadget(…)`, or `module.gadget(…)`", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_meaning_is_refused(case: str, program: Path, lib: Path) -> None:
    change, message, help_ = REFUSED[case]
    edit(program / "program.circ", change)
    assert (message, help_) in [(m, h) for _, m, h in problems(program, lib)]


def test_a_name_of_two_modules_is_written_in_full(program: Path, lib: Path) -> None:
    """Who declares the name has that one; others say which they mean."""
    edit(lib / "first.circ", ("const size", "gadget other(a: felt) -> b: felt { let b = a; }\nconst size"))
    ((code, message, help_),) = problems(program, lib)
    assert (code, message, help_) == ("E0217", "`other` is declared in `first` and `second`", "write `first.other` or `second.other`")
    edit(program / "program.circ", ("= other(a)", "= second.other(a)"))
    zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM)
    own = "gadget other(a: felt) -> b: felt { let b = -2 * a; }\n"
    edit(program / "program.circ", ("= second.other(a)", "= other(a)"), ("bus sums", f"{own}bus sums"))
    zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM)


def test_a_module_is_used_before_its_names_are(tmp_path: Path, lib: Path) -> None:
    text = "bus s(a: felt);\ntable t { input a: felt; send s(first.double(a)); }\nclaim { recv s(0); }\n"
    help_ = "the names of a module are known in a file that says `use first;`"
    assert problems(folder(tmp_path / "other", a=text), lib) == [("E0204", "there is no gadget `first.double`", help_)]
    other = folder(tmp_path / "other", b="use first;\n")
    for name in ("double", "_half"):
        (other / "a.circ").write_text(text.replace("double", name))
        assert problems(other, lib) == [("E0217", "this file does not use a module `first`", "`use first;`")]


def test_a_local_name_hides_one_of_a_module(program: Path, lib: Path) -> None:
    edit(program / "program.circ", ("let   p =", "let   size = 4;\n  let   p ="), ("first.size", "size"))
    zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM)


def test_two_modules_of_one_name(program: Path, lib: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", second=SECOND)
    zkc.Circuit(program, lib=[lib])
    found = problems(program, lib, other)
    assert found and all(message.startswith("there are several modules `second`: ") for _, message, _ in found)


def test_a_module_is_no_program(program: Path, lib: Path) -> None:
    edit(lib / "first.circ", ("const size", "claim { }\nconst size"))
    assert problems(program, lib) == [("E0217", "the module `first` is for gadgets and what they need: this is part of a program", None)]


def test_a_module_that_a_file_does_not_need(program: Path, lib: Path) -> None:
    folder(program, more="use second;\n")
    with libraries([lib]):
        load_spec(program)
        assert [w.message for w in api.circuit_warnings(program)] == ["nothing here uses the module `second`"]


@pytest.mark.parametrize("size", ["3", "4 - 1", "4"])
def test_the_table_of_ranges_comes_with_types_that_it_is_for(size: str, tmp_path: Path, lib: Path) -> None:
    """A range that is no power of two has a table of its own."""
    own = "fixed few(x: felt) { (v) for v in 0..3; at x; }\n" if size != "4" else ""
    program = folder(
        tmp_path / "program",
        a=f"use second;\n{own}type few = felt where x in 0..{size};\nbus sums(a: felt);\n"
        'table row { input real: bit; input a: few free "any"; send sums(other(a)) times real; }\n'
        "claim { input a: felt; recv sums(a); }\n",
    )
    with libraries([lib]):
        assert [*load_spec(program).histogram_starts] == (["range", "range.2"] if size == "4" else ["few"])


def test_a_folder_of_modules_must_be_there(program: Path, lib: Path) -> None:
    with pytest.raises(zkc.InputError, match="there is no such folder"):
        zkc.Circuit(program, lib=[lib, lib / "nothing"])
    with pytest.raises(zkc.InputError, match="not a list of paths"):
        zkc.Circuit(program, lib=str(lib))


def test_commands_take_libraries(program: Path, lib: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.json"
    values.write_text('{"claim": {"a": 10, "b": 2130706428, "c": 3}, "row": {"real": 1, "a": 3}}')
    given = ("--lib", str(lib))
    assert cli.main(["check", str(program), "--input", str(values)]) == 2
    assert "there is no module `first`" in capfd.readouterr().err and "ZKC_LIB" not in os.environ
    for command in (
        ["check", str(program), "--input", str(values), *given],
        [*given, "check", str(program), "--input", str(values)],
        ["compile", str(program), "--no-kernels", *given],
        ["compile", str(program), "--emit", "air", *given],
        ["test", str(lib), *given],
        ["doc", str(lib), *given, "-o", str(tmp_path / "site")],
        ["audit", str(program), "--columns", *given],
        ["opt", str(program / "program.circ"), *given],
    ):
        assert cli.main(command) == 0, capfd.readouterr().err
    assert "ZKC_LIB" not in os.environ
    assert "first.double" in (tmp_path / "site" / "gadgets.html").read_text()


def test_formatting_keeps_modules(program: Path, lib: Path) -> None:
    text = PROGRAM.replace("  input", " input").replace("first . size", "first.size")
    (program / "program.circ").write_text(text)
    assert program / "program.circ" in api.format_files([program, lib], write=True) and api.format_files([program, lib], write=False) == []
    zkc.Circuit(program, lib=[lib]).check(ROWS, CLAIM)


def test_the_library_that_comes_with_zkc(tmp_path: Path) -> None:
    """It is in our style, its tests hold, and each module is on the page about it."""
    assert api.format_files([shipped()], write=False) == []
    outcomes = list(run_tests(shipped()))
    assert outcomes and not [x.name for x in outcomes if x.failures]
    page = (Path(__file__).parents[2] / "docs" / "library.md").read_text()
    assert sorted(path.stem for path in circuit_files(shipped())) == re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
