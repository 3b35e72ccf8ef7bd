"""Every committed program with its input and what it must do: the examples and the test guests."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
GUESTS: Final = ROOT / "tests" / "guests"

FAULTS: Final = 26
"""Choices of `faults.elf` that are faults; any greater one exits with 7."""


@dataclass(frozen=True)
class Program:
    """One run: `instructions` includes the last environment call; `journal` is None where the reference decides."""

    name: str
    elf: Path
    stdin: bytes
    instructions: int
    journal: bytes | None = None
    exit_code: int = 0


def example_input(folder: Path) -> bytes:
    """The committed input of an example, empty if it has none."""
    files = sorted(folder.glob("input.*"))
    return files[0].read_bytes() if files else b""


def _example(name: str, instructions: int) -> Program:
    folder = EXAMPLES / name
    return Program(name, folder / f"{name}.elf", example_input(folder), instructions, (folder / "expected.journal").read_bytes())


def _guest(name: str, instructions: int, stdin: bytes = b"", exit_code: int = 0) -> Program:
    return Program(name, GUESTS / f"{name}.elf", stdin, instructions, exit_code=exit_code)


def fault_input(choice: int) -> bytes:
    """Input of `faults.elf` for one choice; the word behind it is there to be read."""
    return struct.pack("<II", choice, 0x55667788)


def examples() -> list[Program]:
    """The programs under examples/."""
    return [
        _example("fibonacci", 5_107),
        _example("interpreter", 21_752),
        _example("json", 20_625),
        _example("marathon", 3_844_061),
        _example("matrix", 6_607),
        _example("quicksort", 242_658),
        _example("selfmodify", 456),
        _example("sha256", 46_717),
        _example("sieve", 171_564),
    ]


def guests() -> list[Program]:
    """The programs in this folder that end by themselves."""
    return [
        _guest("alu", 41_275),
        _guest("calls", 8_923, bytes(i * 13 % 251 for i in range(6000))),
        _guest("control", 380),
        _guest("exit", 50, struct.pack("<I", 300), exit_code=300),
        _guest("library", 225_151),
        _guest("memory", 4_332),
        _guest("pages", 4_826),
        _guest("patch", 71),
    ]
