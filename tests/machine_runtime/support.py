"""The machine's memory map as a literal, and small ELF files."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zkc.runtime.memory.map import MemoryMap

DATA = Path(__file__).parent / "data"
CONSTANTS: dict[str, int | list[int]] = {
    "page_bytes": 1024, "digest_words": 8, "user_end": 0x0C00_0000, "system_base": 0x0C00_0000, "table_base": 0x0D00_0000,
    "brk_end": 0x0BF0_0000, "registers": 32,
    "word_pc": 33, "word_brk": 34, "word_heap_start": 35,
    "word_journal_capacity": 40, "word_journal_buffer": 48, "word_journal_fill": 56, "word_blind": 57,
    "tag_data": 1, "tag_table": 2, "tag_root": 3, "tag_journal": 4,
}  # fmt: skip


MAP = MemoryMap.from_constants(CONSTANTS)


@dataclass(frozen=True)
class Load:
    """One PT_LOAD (or other) program header to be built."""

    address: int
    data: bytes = b"\x73\x00\x00\x00"
    memory_size: int | None = None
    flags: int = 5
    type: int = 1


def make_elf(
    loads: Sequence[Load] = (Load(0x1_0000),), *, entry: int = 0x1_0000, kind: int = 2, machine: int = 243, flags: int = 0
) -> bytes:
    """A minimal ELF executable: header, program headers, then the data of each segment."""
    offset = 52 + 32 * len(loads)
    headers, body = b"", b""
    for load in loads:
        size = len(load.data) if load.memory_size is None else load.memory_size
        headers += struct.pack("<8I", load.type, offset + len(body), load.address, load.address, len(load.data), size, load.flags, 4)
        body += load.data
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    return struct.pack("<16sHHIIIIIHHHHHH", ident, kind, machine, 1, entry, 52, 0, flags, 52, 32, len(loads), 40, 0, 0) + headers + body
