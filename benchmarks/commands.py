"""Short commands, each as a multiple of `python -c 'import numpy, numba'`: `python -m benchmarks.commands` prints JSON.

All are run in turns, with kept byte code and machine code; figures are medians of CPU time and of wall time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.workloads import ROOT

ROUNDS: Final = 5
UNIT: Final = "import numpy, numba"
PROGRAM: Final = str(ROOT / "tests/guests/exit.elf")
"""The smallest program: 227 instructions."""
Times = tuple[float, float]
"""Seconds of CPU, and of wall time."""


def commands(receipt: str) -> dict[str, list[str]]:
    """What is run, by its name in the table."""
    zkc = [sys.executable, "-m", "zkc"]
    nothing = ["--input", os.devnull]
    return {
        UNIT: [sys.executable, "-c", UNIT],
        "--help": [*zkc, "--help"],
        "compile, nothing edited": [*zkc, "compile"],
        "execute": [*zkc, "execute", PROGRAM, *nothing],
        "prove": [*zkc, "prove", PROGRAM, *nothing, "-o", receipt],
        "verify": [*zkc, "verify", receipt, "--elf", PROGRAM, "--exit-code", "1"],
    }


def timed(command: list[str], env: dict[str, str]) -> Times:
    """Of one run, which must succeed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def ratios(rounds: int = ROUNDS) -> dict[str, float]:
    """Multiples of the unit: CPU time and wall time of each command; and the seconds that the unit takes."""
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "code")
        every = commands(str(Path(folder) / "receipt"))
        for command in every.values():
            timed(command, env)
        runs = [{name: timed(command, env) for name, command in every.items()} for _ in range(rounds)]
    found: dict[str, float] = {}
    for number, kind in enumerate(("CPU", "wall")):
        each = {name: median(run[name][number] for run in runs) for name in every}
        found |= {f"{name}, {kind}": seconds / each[UNIT] for name, seconds in each.items() if name != UNIT}
        found[f"{UNIT}, {kind} s"] = each[UNIT]
    return found


if __name__ == "__main__":
    print(json.dumps(ratios()))
