"""Circuits of the tests, and values that satisfy them."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any, Final

import zkc

HERE: Final = Path(__file__).parent
EXAMPLES: Final = HERE.parents[1] / "examples" / "circuits"
Tables = dict[str, dict[str, Any]]


@cache
def circuit(name: str) -> zkc.Circuit:
    """An example, or one of the circuits beside this file."""
    return zkc.Circuit(EXAMPLES / name if (EXAMPLES / name).is_dir() else HERE / name)


def fibonacci(steps: int = 10) -> tuple[Tables, dict[str, Any]]:
    """Rows and claim."""
    found = runpy.run_path(str(EXAMPLES / "fibonacci" / "values.py"))["values"](steps)
    return found, found.pop("claim")


def parts() -> tuple[Tables, dict[str, Any]]:
    """Rows and claim of the circuit with inputs of every shape."""
    words, bytes_ = [0x10005, 7, 0x10000], [[9, 1, 2], [81, 3, 0], [0, 5, 6]]
    sums = [0x102]
    for word, (_, b, c) in zip(words, bytes_, strict=True):
        sums.append(sums[-1] + word + (word & 0xFFFF) * b * c + word % 2)
    left = sums[-1] - 2 * 2**16
    rows = {"real": 1, "at": [0, 1, 2], "words": words, "bytes": bytes_, "sum": sums[:-1], "root": [3, 9, 0]}
    return {"add": rows}, {"rows": 3, "first": sums[0], "sums": [left & 0xFF, left >> 8]}
