"""What a command imports: no more than it needs, for most of a short command is imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXIT = str(ROOT / "tests/guests/exit.elf")
SCRIPT = """
import sys
from zkc.cli import main
try:
    main()
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
COMPILER = {"lark", "networkx", "jinja2", "z3", "zkc.compiler.build", "zkc.compiler.front", "zkc.dsl.syntax", "zkc.dsl.parser"}
PROVER = {"zkc.runtime.stark.prover", "zkc.runtime.execution.trace"}


def imported(*arguments: str) -> set[str]:
    """The modules that are there when a command has ended."""
    script = f"import sys; sys.argv = {['zkc', *arguments]!r}\n{SCRIPT}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), timeout=300)
    assert "Traceback" not in done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("prove", "--help"), ("--version",)], ids=" ".join)
def test_help_needs_neither_arrays_nor_a_compiler(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments) & (COMPILER | PROVER | {"numpy", "numba", "elftools", "ray", "pydantic"}) == set()


def test_a_machine_that_is_kept_needs_no_compiler() -> None:
    """The second time it is read from the cache, and nothing is parsed or lowered, nor compiled by Numba."""
    imported("execute", EXIT, "--input", os.devnull)
    assert imported("execute", EXIT, "--input", os.devnull) & (COMPILER | PROVER | {"numba", "elftools", "ray"}) == set()
    imported("image-id", EXIT)
    assert imported("image-id", EXIT) & (COMPILER | PROVER | {"numba", "elftools", "ray"}) == set()


def test_compile_with_nothing_to_do_needs_no_arrays() -> None:
    library = ("--lib", str(ROOT / "library"))
    imported(*library, "compile")
    for command in (("compile",), (*library, "compile")):
        assert imported(*command) & (COMPILER | PROVER | {"numpy", "numba", "zkc.warm", "pydantic"}) == set(), command


@pytest.mark.prove
def test_a_proof_needs_neither_numba_nor_what_is_for_messages_or_other_processes(tmp_path: Path) -> None:
    receipt = str(tmp_path / "receipt")
    prove = ("prove", EXIT, "--input", os.devnull, "-o", receipt)
    verify = ("verify", receipt, "--elf", EXIT, "--exit-code", "1")
    others = {"numba", "elftools", "numpy.ma", "numpy.random", "multiprocessing.connection", "pydantic"}
    for command in (prove, verify, ("compile",)):
        imported(*command)
        assert imported(*command) & others == set(), command
