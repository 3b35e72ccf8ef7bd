"""Function names and source lines of a program, for messages only: nothing that is proven depends on them.

Read lazily from the symbol table and from DWARF line tables. Debug information comes from many compilers and may be broken or hostile:
whatever cannot be read is treated as absent, and what is read is bounded.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import PurePath
from typing import Any, NamedTuple

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

MAX_SYMBOLS = 1 << 20
MAX_LINES = 1 << 22
MAX_UNITS = 1 << 16
MAX_DEBUG_BYTES = 256 << 20
"""Bytes of all debug sections together, decompressed."""


class Function(NamedTuple):
    """A place in code: `offset` bytes into the function `name`."""

    name: str
    offset: int

    def __str__(self) -> str:
        return f"{self.name}+0x{self.offset:x}" if self.offset else self.name


class SourceLine(NamedTuple):
    """A source line, counted from 1; `file` is as the compiler wrote it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{PurePath(self.file).name}:{self.line}"


class _Symbol(NamedTuple):
    address: int
    size: int
    is_function: bool
    name: str


class _Row(NamedTuple):
    """One row of a line table: the code from `address` on belongs to `line`; line 0 ends a sequence."""

    address: int
    line: int
    file: str


class Symbols:
    """Names of the code of one ELF file. Every question may be asked of any file; answers are None where the file says nothing."""

    def __init__(self, file: bytes) -> None:
        self._file = file

    def describe(self, pc: int) -> str:
        """`main+0x10 (fib.c:12)`, or as much of it as is known; `0x00001234` if nothing is."""
        name = self.function(pc)
        line = self.line(pc)
        place = str(name) if name else f"0x{pc:08x}"
        return f"{place} ({line})" if line else place

    def function(self, pc: int) -> Function | None:
        """The function that holds `pc`."""
        number = bisect_right(self._addresses, pc) - 1
        if number < 0:
            return None
        symbol = self._symbols[number]
        if symbol.size and pc >= symbol.address + symbol.size:
            return None
        return Function(symbol.name, pc - symbol.address)

    def line(self, pc: int) -> SourceLine | None:
        """The source line that the code at `pc` comes from."""
        number = bisect_right(self._row_addresses, pc) - 1
        if number < 0 or not self._rows[number].line:
            return None
        return SourceLine(self._rows[number].file, self._rows[number].line)

    def address(self, name: str) -> int | None:
        """The address of the function or label `name`."""
        return next((symbol.address for symbol in self._symbols if symbol.name == name), None)

    @cached_property
    def _symbols(self) -> list[_Symbol]:
        """One symbol for each address, in order; functions win over labels."""
        try:
            found = sorted(islice(_code_symbols(ELFFile(io.BytesIO(self._file))), MAX_SYMBOLS))
        except Exception:  # pyelftools raises errors of many kinds on a broken table; names are only for messages
            return []
        return list({symbol.address: symbol for symbol in found}.values())

    @cached_property
    def _addresses(self) -> list[int]:
        return [symbol.address for symbol in self._symbols]

    @cached_property
    def _rows(self) -> list[_Row]:
        try:
            rows = list(islice(_line_rows(ELFFile(io.BytesIO(self._file))), MAX_LINES))
        except Exception:  # as for symbols
            return []
        # Where one sequence ends and the next begins at the same address, the row with a line counts.
        rows.sort(key=lambda row: (row.address, row.line != 0))
        return rows

    @cached_property
    def _row_addresses(self) -> list[int]:
        return [row.address for row in self._rows]


def _code_symbols(elf: ELFFile) -> Iterator[_Symbol]:
    """Functions, and labels of assembly code, in sections that hold code."""
    code = {number for number, section in enumerate(elf.iter_sections()) if section["sh_flags"] & 0x4}
    for section in elf.iter_sections():
        if not isinstance(section, SymbolTableSection):
            continue
        for symbol in islice(section.iter_symbols(), MAX_SYMBOLS):
            kind, name = symbol["st_info"]["type"], symbol.name
            # Names that begin with `$` are mapping symbols and those with `.L` local labels, neither made by people.
            if kind in ("STT_FUNC", "STT_NOTYPE") and symbol["st_shndx"] in code and name and not name.startswith(("$", ".L")):
                yield _Symbol(symbol["st_value"], symbol["st_size"], kind == "STT_FUNC", name)


def _line_rows(elf: ELFFile) -> Iterator[_Row]:
    """The rows of all line tables, as far as they can be read."""
    if not _debug_is_bounded(elf) or not elf.has_dwarf_info(strict=True):
        return
    dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
    units = islice(dwarf.iter_CUs(), MAX_UNITS)
    while True:
        try:
            program = dwarf.line_program_for_CU(next(units))
            if program is not None:
                yield from _program_rows(program)
        except StopIteration:
            return
        except Exception:  # a broken unit ends the walk: what follows it cannot be found reliably
            return


def _program_rows(program: Any) -> Iterator[_Row]:
    header = program.header
    names: dict[int, str] = {}
    for entry in islice(program.get_entries(), MAX_LINES):
        state = entry.state
        if state is None or not (state.line or state.end_sequence):  # line 0: made by the compiler, counts with the line before
            continue
        if state.file not in names:
            names[state.file] = _file_name(header, state.file)
        yield _Row(state.address, 0 if state.end_sequence else state.line, names[state.file])


def _file_name(header: Any, number: int) -> str:
    """Name of file `number` of a line table: counted from 0 since DWARF 5, from 1 before."""
    index = number if header["version"] >= 5 else number - 1
    entries = header["file_entry"]
    if not 0 <= index < len(entries):
        return "?"
    name = entries[index].name
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _debug_is_bounded(elf: ELFFile) -> bool:
    """Whether reading all debug sections takes a bounded amount of memory."""
    sections = [section for section in elf.iter_sections() if section.name.startswith((".debug", ".zdebug", ".eh_frame", ".gnu_debug"))]
    if any(section["sh_type"] == "SHT_NOBITS" or section.name.startswith(".zdebug") for section in sections):
        return False
    return sum(section.data_size for section in sections) <= MAX_DEBUG_BYTES
