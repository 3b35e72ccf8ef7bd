"""Programs that do nothing but environment calls, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.machine.support import CODE, encode, machine
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.execution.executor import Execution, Executor, Limits
from zkc.runtime.execution.sizes import row_cells
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image

READ, WRITE, WRITEV, EXIT = 63, 64, 66, 93
JOURNAL: Final = 3
DATA: Final = 0x40_0000
SIZE: Final = 1 << 20
"""Where programs have bytes of their own, and how many."""


@dataclass(frozen=True)
class Call:
    """An environment call: its number and three arguments."""

    number: int
    a0: int = 0
    a1: int = 0
    a2: int = 0


def put(register: int, value: int) -> list[int]:
    """Two instructions that put a word into a register."""
    low = (value + 0x800) % 0x1000 - 0x800
    return [encode("lui", register, imm=value - low & 0xFFFF_FFFF), encode("addi", register, register, imm=low)]


def program(calls: Sequence[Call], data: bytes = b"", more: Sequence[Load] = ()) -> bytes:
    """An executable that makes these calls and ends."""
    words: list[int] = []
    for call in (*calls, Call(EXIT)):
        for register, value in ((17, call.number), (10, call.a0), (11, call.a1), (12, call.a2)):
            words += put(register, value)
        words.append(encode("ecall"))
    code = b"".join(word.to_bytes(4, "little") for word in words)
    return make_elf((Load(CODE, code), Load(DATA, data, memory_size=SIZE, flags=6), *more), entry=CODE)


def run(calls: Sequence[Call], data: bytes = b"", stdin: bytes = b"",
    *, more: Sequence[Load] = (), limit: int | None = None) -> tuple[Execution, Executor]:
    """A run with snapshots, and the executor, which still holds the last memory."""
    m = machine()
    elf = load_elf(program(calls, data, more), m.memory_map)
    executor = Executor(m, Image.from_program(elf, m.memory_map), elf, stdin, Limits(limit), snapshots=True)
    return executor.run(lambda fd, data: None, lambda phase, done, total: None), executor


def cells(execution: Execution, *tables: str) -> int:
    """Those of all rows that say something, in some tables or in all."""
    width = {table.name: row_cells(table) if table.name in tables or not tables else 0 for table in machine().circuit.tables}
    return sum(width[name] * count for segment in execution.segments for name, count in segment.rows.items())
