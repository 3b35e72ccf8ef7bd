"""Two commits, measured in turns on one machine: what matters is the ratio, for the machine is never the same twice."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.workloads import ROOT

FIGURES: Final = ("execute_seconds", "prove_seconds", "verify_seconds", "proof_bytes", "peak_bytes", "cells", "messages")
"""Of these, less is better."""
RATES: Final = ("trace_rate",)
"""Of these, more is better: their ratio is turned over."""
Figures = dict[str, Any]
Measure = Callable[[Path, str], Figures]


@contextmanager
def tree_of(commit: str) -> Generator[Path]:
    """The files of a commit, or those of another checkout if it is a folder."""
    if Path(commit).is_dir():
        yield Path(commit).resolve()
        return
    files = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if files.returncode:
        raise SystemExit(f"error: there is no commit and no folder `{commit}`")
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(files.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def measured(tree: Path, workload: str) -> Figures:
    """The figures of a workload with the code of a tree. Kept machine code is named by what it is made of: trees share the cache."""
    return json.loads(_run(tree, "benchmarks.measure", workload).splitlines()[-1])


def compiled(tree: Path) -> None:
    """Compiles the kernels of a tree."""
    _run(tree, "zkc", "compile", "--json")


def _run(tree: Path, module: str, *args: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run([sys.executable, "-m", module, *args], cwd=tree, env=env, capture_output=True, text=True, check=True).stdout


def in_turns(before: Path, now: Path, workload: str, rounds: int, measure: Measure = measured) -> dict[str, float]:
    """For each figure the median of the ratios of neighbouring runs, now / before: below 1 is better."""
    ratios: dict[str, list[float]] = {}
    for number in range(rounds):
        first, second = (before, now) if number % 2 == 0 else (now, before)
        found = {tree: measure(tree, workload) for tree in (first, second)}
        for name in (*FIGURES, *RATES):
            old, new = found[before].get(name), found[now].get(name)
            if old and new:
                ratios.setdefault(name, []).append(new / old if name in FIGURES else old / new)
    return {name: median(each) for name, each in ratios.items()}


def against(commit: str, workloads: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Ratios of each workload. `commit`: what git calls it, or a folder that holds another checkout."""
    with tree_of(commit) as before:
        for tree in (before, ROOT):
            print(f"kernels of {tree.name} …", file=sys.stderr)
            compiled(tree)
        found: dict[str, dict[str, float]] = {}
        for name in workloads:
            print(f"{name} …", file=sys.stderr)
            found[name] = in_turns(before, ROOT, name, rounds)
        return found
