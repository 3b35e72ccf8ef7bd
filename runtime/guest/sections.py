"""The sections of an ELF file, and streams over them that count what is read. For names and source lines only.

Debug information comes from many compilers and may be broken or hostile: many entries may share one long name, headers may point at each
other, a section may decompress to gigabytes. So the reader has a budget for work, which counts every byte as often as it is read.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_SECTIONS: Final = 1 << 14
MAX_SECTION_NAME: Final = 64
MAX_DECOMPRESSED_BYTES: Final = 64 << 20
"""Bytes of all compressed sections together; those that are not compressed are as long as the file at most."""
STEP_COST: Final = 64
"""What a read costs beside its bytes; also a question for the position."""

_CODE, _COMPRESSED, _ZLIB = 0x4, 0x800, 1
_NO_BITS = 8
_SECTION = struct.Struct("<10I")
_COMPRESSION = struct.Struct("<3I")


class BudgetExceeded(Exception):
    """Reading on would take longer, or more memory, than names are worth."""


class Budget:
    """Work that may still be done, in bytes."""

    def __init__(self, amount: int) -> None:
        self.left = amount

    def spend(self, amount: int) -> None:
        """Raises BudgetExceeded when nothing is left, now and for ever."""
        self.left -= amount
        if self.left < 0:
            raise BudgetExceeded


class Section(NamedTuple):
    """One section as its header says; nothing is checked yet."""

    name: str
    type: int
    flags: int
    offset: int
    size: int
    link: int

    @property
    def is_code(self) -> bool:
        """Whether it holds instructions."""
        return bool(self.flags & _CODE)


class MeteredStream(io.BytesIO):
    """Bytes to be read by a library: every read, and every question for the position, is paid for."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        """As `io.BytesIO.read`; raises BudgetExceeded."""
        data = super().read(size)
        self._budget.spend(len(data) + STEP_COST)
        return data

    def tell(self) -> int:
        """As `io.BytesIO.tell`; raises BudgetExceeded."""
        self._budget.spend(STEP_COST)
        return super().tell()


def sections(file: bytes) -> list[Section]:
    """The section headers of a 32-bit little-endian ELF file; fewer or none if the file is cut off or has too many."""
    if len(file) < 52:
        return []
    (table,) = struct.unpack_from("<I", file, 32)
    entry_size, count, names = struct.unpack_from("<3H", file, 46)
    if entry_size != _SECTION.size or count > MAX_SECTIONS:
        return []
    end = min(table + count * entry_size, len(file))
    headers = [_SECTION.unpack_from(file, at) for at in range(table, end - entry_size + 1, entry_size)]
    base, size = (headers[names][4], headers[names][5]) if names < len(headers) else (0, 0)
    return [
        Section(string_at(file, base + h[0], min(base + size, len(file)), MAX_SECTION_NAME), h[1], h[2], h[4], h[5], h[6]) for h in headers
    ]


def string_at(data: bytes, start: int, end: int, longest: int) -> str:
    """The text from `start` to a zero byte or `end`, cut off after `longest` bytes."""
    end = min(end, start + longest)
    stop = data.find(b"\0", start, end)
    return data[start : end if stop < 0 else stop].decode("utf-8", "replace")


def content(file: bytes, section: Section, budget: Budget) -> bytes:
    """The bytes of a section, decompressed; empty if there are none, or if the compression is unknown. Raises zlib.error."""
    if section.type == _NO_BITS:
        return b""
    data = file[section.offset : section.offset + section.size]
    if not section.flags & _COMPRESSED:
        return data
    kind, size, _ = _COMPRESSION.unpack_from(data)
    budget.spend(size)
    return zlib.decompressobj().decompress(data[_COMPRESSION.size :], size) if kind == _ZLIB and size else b""


def symbol_entries(file: bytes, table: Section) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(name, value, size, info, other, section number) of each symbol in a symbol table."""
    entry = struct.Struct("<3I2BH")
    data = memoryview(file)[table.offset : table.offset + table.size]
    return entry.iter_unpack(data[: len(data) // entry.size * entry.size])
