"""Who may import whom: `dsl` nothing of ours, `compiler` dsl and runtime, `runtime` neither, and the verifier nothing that proves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dsl", "compiler", "runtime", "circuits", "library", "zkc")
ALLOWED = {
    "dsl": {"dsl"},
    "compiler": {"compiler", "dsl", "runtime", "circuits", "library"},
    "runtime": {"runtime"},
    "circuits": set[str](),
    "library": set[str](),
    "zkc": set(PACKAGES),
}
VERIFIER = ("runtime.stark.verifier", "runtime.receipts.receipt")
PROVER = (
    "runtime.stark.prover", "runtime.execution.executor", "runtime.execution.segment",
    "runtime.receipts.proving", "runtime.receipts.cluster", "runtime.receipts.resume",
)  # fmt: skip


def modules() -> dict[str, Path]:
    """Every module of ours by its path in the repository: `runtime.guest.elf` is imported as `zkc.runtime.guest.elf`."""
    found: dict[str, Path] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):  # does not follow the links in zkc/
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(module: str) -> Iterator[str]:
    """Names of the modules of ours that `module` imports anywhere, type checking included."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            first, _, rest = name.partition(".")
            assert first not in PACKAGES[:-1], f"{module} imports {name}: another distribution may own that name, import zkc.{name}"
            if first == "zkc" and rest:
                yield rest if rest.split(".")[0] in PACKAGES else name


def test_elaboration_reads_no_syntax() -> None:
    """It walks operations of the stage `circ`: of the syntax it knows places alone, and the importer comes before it."""
    for module in MODULES:
        if module.startswith("compiler.elaboration"):
            found = {name for name in imports(module) if name.startswith(("dsl.syntax", "compiler.importer", "compiler.program"))}
            assert found <= {"dsl.syntax", "dsl.syntax.Span", "compiler.program", "compiler.program.MAX_INSTRUCTIONS"}, module


def closure(module: str) -> set[str]:
    """Everything of ours that importing `module` may bring in."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in MODULES and name not in seen:
            seen.add(name)
            todo += [*imports(name), name.rpartition(".")[0]]
    return seen


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module: str) -> None:
    package = module.split(".")[0]
    assert {name.split(".")[0] for name in imports(module)} <= ALLOWED[package]


@pytest.mark.parametrize("module", VERIFIER)
def test_verifier_does_not_import_the_prover(module: str) -> None:
    assert not closure(module) & set(PROVER)
