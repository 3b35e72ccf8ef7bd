"""`zkc compile` asks rules of the audit that need no solver, and kept what they found by the version of z3: without z3 it failed."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from zkc.compiler.audit import kept
from zkc.compiler.audit.run import quick
from zkc.compiler.compilation import compile_program
from zkc.compiler.machines import circuit_files, circuits_directory


def test_quick_rules_need_no_z3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    compilation = compile_program(circuit_files(circuits_directory()), circuits_directory())
    monkeypatch.setattr(kept.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.setenv("ZKC_CACHE", str(tmp_path))
    assert quick(compilation) == []
    assert quick(compilation) == [], "as it was kept"
