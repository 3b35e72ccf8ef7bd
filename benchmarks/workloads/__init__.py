"""The programs that are measured: those of examples/ at several sizes, and a walk over much memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Workload:
    """One program with its input. `quick` ones are enough for a look."""

    name: str
    elf: Path
    stdin: bytes
    quick: bool = False


def _example(name: str, stdin: bytes | None = None, label: str | None = None, *, quick: bool = False) -> Workload:
    folder = EXAMPLES / name
    found = sorted(folder.glob("input*"))
    return Workload(label or name, folder / f"{name}.elf", stdin if stdin is not None else found[0].read_bytes() if found else b"", quick)


def workloads() -> list[Workload]:
    """From the smallest program to ten million instructions."""
    return [
        Workload("smallest", ROOT / "tests/guests/exit.elf", b"", quick=True),
        _example("fibonacci", struct.pack("<I", 2_000), "fibonacci 10^4", quick=True),
        _example("fibonacci", struct.pack("<I", 200_000), "fibonacci 10^6", quick=True),
        _example("fibonacci", struct.pack("<I", 2_000_000), "fibonacci 10^7"),
        _example("sha256", quick=True),
        _example("quicksort"),
        _example("matrix"),
        _example("sieve"),
        _example("interpreter"),
        Workload("memory walk", Path(__file__).parent / "walk.elf", b""),
        _example("marathon"),
    ]
