"""Warnings: what nothing uses is said once, in order, and what is meant to be so is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.diagnostics.fuzz import items_of, sources
from zkc import api, cli
from zkc.compiler.front import checked
from zkc.dsl.parser import parse


def warnings(text: str, *, beside: bool = True) -> list[str]:
    """The messages about a file beside the machine's own, or about one alone."""
    items = [item for name in sources() for item in items_of(name)] if beside else []
    program, _ = checked([*items, *parse(text, "mine.circ")], dict(sources()) | {"mine.circ": text})
    return [d.message for d in program.warnings]


def with_test(body: str, params: str = "a: felt") -> str:
    return f'gadget mine({params}) -> b: felt {{ {body} }} test "mine" {{ mine({", ".join("1" for _ in params.split(","))}) == 1; }}'


TWO = "gadget two(a: felt) -> x: felt, y: felt { let x = a; let y = a; } "
NEVER = "this is never taken: the condition is always false"
WARNED: dict[str, tuple[str, list[str]]] = {
    "let": (with_test("let c = a; let b = a;"), ["nothing uses `c`"]),
    "hint": (with_test('hint c: bit = a because "x"; let b = a;'), ["nothing uses `c`"]),
    "let in a loop": (with_test("for i in 0..2 { let c = a; } let b = a;"), ["nothing uses `c`"]),
    "let in a table": ("table mine { input a: felt; let c = a; }", ["nothing uses `c`"]),
    "all of several results": (TWO + with_test("let c, d = two(a); let b = a;"), ["nothing uses `c`, `d`"]),
    "parameter": (with_test("let b = 1;"), ["`mine` does not use its parameter `a`"]),
    "parameter hidden by a loop": (with_test("let b = sum([a for a in 0..2]);"), ["`mine` does not use its parameter `a`"]),
    "constant": ("const idle = 3;", ["nothing uses the constant `idle`"]),
    "struct": ("struct idle { a: felt }", ["nothing uses the struct `idle`"]),
    "range": ("type idle = felt where x in 0..100;", ["nothing uses the type `idle`"]),
    "gadget": ("gadget idle(a: felt) { assert a == 0; }", ["nothing uses the gadget `idle`"]),
    "arm": (with_test("let b = 1 ? a : 2;"), ["this is never taken: the condition is always true"]),
    "arm in a hint": (with_test('hint b: felt = 0 ? 1 : a because "x";'), [NEVER]),
    "arm in all rounds": (with_test("let b = sum([i == 9 ? 1 : a for i in 0..8]);"), [NEVER]),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNED)
def test_what_nothing_uses_is_a_warning(name: str) -> None:
    text, messages = WARNED[name]
    assert sorted(warnings(text)) == sorted(messages)


SILENT: dict[str, str] = {
    "names that begin with _": "const _idle = 3; gadget _mine(_a: felt) -> b: felt { let _c = 1; let b = 2; }",
    "one of several results": TWO + with_test("let b, c = two(a);"),
    "value of a later round": with_test("let s = a; for i in 0..2 { let s = s + s; } let b = s;"),
    "width": "type u17 = felt where x in 0..2**17;",
    "constant that follows from another": "const two_pages = 2 * page_bytes;",
    "constant in a type": "const most = 3; gadget mine(a: felt[most]) -> b: felt { let b = a[0]; } test \"mine\" { mine([1, 2, 3]) == 1; }",
    "arm that a constant decides": with_test("let b = page_bytes == 1024 ? a : 2;"),
    "arm of some rounds": with_test("let b = sum([i == 0 ? a : 0 for i in 0..8]);"),
    "gadget of an operator": "gadget mine(a: u32, b: u32) -> c: u32 { let c = a + b; } impl u32 % u32 by mine;",
}


@pytest.mark.parametrize("name", SILENT)
def test_what_is_meant_is_no_warning(name: str) -> None:
    assert warnings(SILENT[name]) == []


def test_a_library_declares_for_others() -> None:
    assert warnings("const one = 1; gadget mine(a: felt) -> b: felt { let b = a; }", beside=False) == []


def test_the_circuits_that_come_with_zkc_have_none() -> None:
    assert warnings("") == []


@pytest.mark.parametrize("command", [["test", "-k", "no such test"], ["audit"]])
def test_warnings_are_printed_each_time_and_fail_nothing(command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "circuits"
    shutil.copytree(api.lock_path().parent, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (folder / "mine.circ").write_text("// a\nconst idle = 3;\n")
    for _ in range(2):
        assert cli.main([*command, str(folder), "--json"]) == 0
        out, err = capfd.readouterr()
        wanted = {"code": "W0002", "message": "nothing uses the constant `idle`", "where": "circuits/mine.circ:2:1"}
        assert json.loads(out)["warnings"] == [wanted]
        assert "warning[W0002]: nothing uses the constant `idle`" in err and "2 | const idle = 3;" in err
