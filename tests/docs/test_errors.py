"""docs/errors.md: every code and fault of the program is there, and every example gives the code it stands under."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.diagnostics.fuzz import items_of, sources
from zkc import api
from zkc.compiler.build import build
from zkc.compiler.front import checked
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import parse
from zkc.inline_tests import run_tests

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```circ (E\d{4})\n((?:(?!^```).*\n)*)^```$", PAGE, re.MULTILINE)
WARNINGS: Final = re.findall(r"^```circ (W\d{4})\n((?:(?!^```).*\n)*)^```$", PAGE, re.MULTILINE)
CODE: Final = re.compile(r'"(E0\d{3})"')
WITHOUT_EXAMPLE: Final = {"E0506", "E0507", "E0508", "E0509", "E0510", "E0605", "E0701", "E0702", "E0703"}


def test_every_code_has_a_heading_and_an_example() -> None:
    sources = [*(ROOT / "compiler").rglob("*.py"), *(ROOT / "dsl").rglob("*.py"), *(ROOT / "zkc").glob("*.py")]
    used = {code for source in sources for code in CODE.findall(source.read_text(encoding="utf-8"))}
    headings = re.findall(r"^### (E\d{4})", PAGE, re.MULTILINE)
    assert headings == sorted(headings)
    assert used <= set(headings)
    assert set(headings) - {code for code, _ in EXAMPLES} == WITHOUT_EXAMPLE


def test_every_fault_is_explained() -> None:
    executor = (ROOT / "runtime" / "execution" / "executor.py").read_text(encoding="utf-8")
    own = re.findall(r'_fault\(\s*f?"([^"{]+)', executor)
    messages = {*api.machine().spec.faults, *(message.strip() for message in own)}
    guards = (ROOT / "runtime" / "memory" / "guards.py").read_text(encoding="utf-8")
    messages |= {"null pointer", "stack overflow", "guard page"}
    assert all(f'"{message}"' in guards for message in ("null pointer", "stack overflow", "guard page"))
    assert not [message for message in messages if message not in PAGE]


@pytest.mark.parametrize(("code", "text"), EXAMPLES, ids=[code for code, _ in EXAMPLES])
def test_an_example_gives_its_code(code: str, text: str, tmp_path: Path) -> None:
    circuits = tmp_path / "circuits"
    shutil.copytree(api.lock_path().parent, circuits, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (circuits / "zz_example.circ").write_text(text, encoding="utf-8")
    with pytest.raises(DiagnosticError) as caught:
        if 'test "' in text:
            list(run_tests(circuits, "mine"))
        build(sorted(circuits.glob("*.circ")), circuits)
    assert code in [diagnostic.code for diagnostic in caught.value.diagnostics]
    assert all(d.span is None or d.span.file.endswith("zz_example.circ") for d in caught.value.diagnostics if d.code == code)


def test_every_warning_has_a_heading_and_an_example() -> None:
    sources = [source.read_text(encoding="utf-8") for source in (ROOT / "dsl").rglob("*.py")]
    used = {code for source in sources for code in re.findall(r'"(W0\d{3})"', source)}
    headings = re.findall(r"^### (W\d{4})", PAGE, re.MULTILINE)
    assert headings == sorted(used) == [code for code, _ in WARNINGS]


@pytest.mark.parametrize(("code", "text"), WARNINGS, ids=[code for code, _ in WARNINGS])
def test_an_example_gives_its_warning(code: str, text: str) -> None:
    program, _ = checked([*(i for name in sources() for i in items_of(name)), *parse(text, "zz_example.circ")], dict(sources()))
    assert [d.code for d in program.warnings] == [code]
