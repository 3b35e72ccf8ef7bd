"""A constant of the machine that is one more is refused, noticed by the audit, or said to survive."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.determinism.mutations import compilation
from zkc.compiler.audit.run import mistakes
from zkc.compiler.build import build
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import DiagnosticError

FILE = "machine.circ"
CONSTANTS = [x for x in compilation().program.constant_items.values() if x.span.file.endswith(FILE)]


def edited(folder: Path, constant: s.Const) -> Path:
    """The circuits, with this constant one more."""
    root = folder / "circuits"
    shutil.copytree(circuits_directory(), root)
    text = (root / FILE).read_text()
    changed, count = re.subn(rf"^(const {constant.name} = )(.+?)(;| survives )", r"\1(\2) + 1\3", text, flags=re.MULTILINE)
    assert count == 1
    (root / FILE).write_text(changed)
    return root


def refused(root: Path) -> bool:
    """Whether it does not compile."""
    try:
        build(circuit_files(root), root)
    except DiagnosticError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.formal
@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda x: x.name)
def test_a_constant_that_is_one_more_is_noticed(constant: s.Const, tmp_path: Path) -> None:
    root = edited(tmp_path, constant)
    survives = [said.kind for said in constant.survives]
    assert survives in ([], ["more"])
    assert not survives if refused(root) else bool(mistakes(root)) != bool(survives)


def test_other_files_have_no_constants_that_survive() -> None:
    """What is said is tried: constants of other files are not changed."""
    assert [x.name for x in compilation().program.constant_items.values() if x.survives and x not in CONSTANTS] == []
