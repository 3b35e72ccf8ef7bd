"""Function names and source lines of a program, for messages only: nothing that is proven depends on them.

Read lazily from the symbol table and from DWARF line tables. Debug information comes from many compilers and may be broken or hostile:
whatever cannot be read is treated as absent, and what is read is bounded in bytes (zkc.runtime.guest.sections).
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from zkc.runtime.guest.sections import MAX_DECOMPRESSED_BYTES, Budget, MeteredStream, content, sections, string_at, symbol_entries

if TYPE_CHECKING:
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DWARFInfo

MAX_SYMBOLS = 1 << 20
MAX_NAME_BYTES = 1 << 10
"""Bytes of one name; what is behind them is cut off."""
MAX_ALL_NAMES_BYTES = 64 << 20
"""Bytes of all names of symbols together."""
MAX_UNITS = 1 << 14
MAX_DEBUG_WORK = 1 << 27
"""Bytes read from debug sections for one program, each as often as it is read, and 64 for each read: about ten seconds' worth."""
MAX_LINE_BYTES = 1 << 20
"""Bytes of line tables that are decoded for one program, about ten seconds' worth; only units that may hold a wanted pc are."""

_SYMBOL_TABLES = (2, 11)
_UNDEFINED_KIND, _FUNCTION = 0, 2
_DEBUG_SECTIONS = ("info", "abbrev", "str", "ranges", "line", "addr", "str_offsets", "line_str", "rnglists")
_OTHER_SECTIONS = (
    "debug_aranges_sec", "debug_frame_sec", "eh_frame_sec", "debug_loc_sec", "debug_pubtypes_sec", "debug_pubnames_sec",
    "debug_loclists_sec", "debug_sup_sec", "gnu_debugaltlink_sec", "debug_types_sec",
)  # fmt: skip


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
        try:
            found = (unit.line(pc) for unit in self._units if unit.may_hold(pc))
            return next((line for line in found if line), None)
        except Exception:  # pyelftools raises errors of many kinds on broken debug information
            return None

    def address(self, name: str) -> int | None:
        """The address of the function or label `name`."""
        return next((symbol.address for symbol in self._symbols if symbol.name == name), None)

    @cached_property
    def _symbols(self) -> list[_Symbol]:
        """One symbol for each address, in order; functions win over labels."""
        try:
            found = sorted(islice(_code_symbols(self._file), MAX_SYMBOLS))
        except Exception:  # a broken table; names are only for messages
            return []
        return list({symbol.address: symbol for symbol in found}.values())

    @cached_property
    def _addresses(self) -> list[int]:
        return [symbol.address for symbol in self._symbols]

    @cached_property
    def _units(self) -> list[_Unit]:
        try:
            return _units(self._file)
        except Exception:  # as for symbols
            return []


class _Unit:
    """The line table of one compilation unit, decoded when first asked for. budget: one number, the bytes all units may still decode."""

    def __init__(self, dwarf: Any, unit: Any, budget: list[int]) -> None:
        self._dwarf = dwarf
        self._unit = unit
        self._budget = budget
        self._range = _pc_range(unit)

    def may_hold(self, pc: int) -> bool:
        """False if the unit says that its code is elsewhere."""
        return self._range is None or self._range[0] <= pc < self._range[1]

    def line(self, pc: int) -> SourceLine | None:
        """The source line of the code at `pc`, if it is in this unit."""
        number = bisect_right(self._rows, pc, key=lambda row: row.address) - 1
        if number < 0 or not self._rows[number].line:
            return None
        return SourceLine(self._rows[number].file, self._rows[number].line)

    @cached_property
    def _rows(self) -> list[_Row]:
        """In order of address. Where one sequence ends and another begins at the same address, the row with a line counts."""
        program = self._dwarf.line_program_for_CU(self._unit)
        if program is None:
            return []
        self._budget[0] -= program.header["unit_length"]
        if self._budget[0] < 0:
            return []
        return sorted(_program_rows(program), key=lambda row: (row.address, row.line != 0))


def _code_symbols(file: bytes) -> Iterator[_Symbol]:
    """Functions, and labels of assembly code, in sections that hold code."""
    found = sections(file)
    code = {number for number, section in enumerate(found) if section.is_code}
    names_left = MAX_ALL_NAMES_BYTES
    for table in found:
        if table.type not in _SYMBOL_TABLES or table.link >= len(found):
            continue
        strings = found[table.link]
        for name_at, value, size, info, _, section in symbol_entries(file, table):
            if info & 15 not in (_UNDEFINED_KIND, _FUNCTION) or section not in code:
                continue
            name = string_at(file, strings.offset + name_at, strings.offset + strings.size, MAX_NAME_BYTES)
            # Names that begin with `$` are mapping symbols and those with `.L` local labels, neither made by people.
            if not name or name.startswith(("$", ".L")):
                continue
            names_left -= len(name)
            if names_left < 0:
                return
            yield _Symbol(value, size, info & 15 == _FUNCTION, name)


def _units(file: bytes) -> list[_Unit]:
    """The compilation units, as far as they can be read: what follows a broken one cannot be found reliably."""
    budget = Budget(MAX_DEBUG_WORK)
    dwarf = _dwarf(file, budget)
    found: list[_Unit] = []
    if dwarf is not None:
        lines = [MAX_LINE_BYTES]
        with contextlib.suppress(Exception):
            for unit in islice(dwarf.iter_CUs(), MAX_UNITS):
                found.append(_Unit(dwarf, unit, lines))
    return found


def _dwarf(file: bytes, budget: Budget) -> DWARFInfo | None:
    """The debug sections for pyelftools, as streams that spend from `budget`; None if there are none."""
    by_name = {section.name: section for section in sections(file)}
    if ".debug_info" not in by_name:
        return None
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

    decompressed = Budget(MAX_DECOMPRESSED_BYTES)

    def described(name: str) -> DebugSectionDescriptor | None:
        section = by_name.get(f".debug_{name}")
        if section is None:
            return None
        data = content(file, section, decompressed)
        return DebugSectionDescriptor(MeteredStream(data, budget), section.name, section.offset, len(data), 0)

    given: dict[str, Any] = {f"debug_{name}_sec": described(name) for name in _DEBUG_SECTIONS} | dict.fromkeys(_OTHER_SECTIONS)
    return DWARFInfo(config=DwarfConfig(little_endian=True, machine_arch="RISC-V", default_address_size=4), **given)


def _pc_range(unit: Any) -> tuple[int, int] | None:
    """First address and end of a unit's code; None if it does not say so in the simple way."""
    attributes = unit.get_top_DIE().attributes
    if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes or "DW_AT_ranges" in attributes:
        return None
    low, high = attributes["DW_AT_low_pc"], attributes["DW_AT_high_pc"]
    is_address = high.form.startswith("DW_FORM_addr")  # else it is a length (DWARF 4 and later)
    return low.value, high.value if is_address else low.value + high.value


def _program_rows(program: Any) -> Iterator[_Row]:
    names: dict[int, str] = {}
    for entry in program.get_entries():
        state = entry.state
        if state is None or not (state.line or state.end_sequence):  # line 0: made by the compiler, counts with the line before
            continue
        if state.file not in names:
            names[state.file] = _file_name(program.header, state.file)
        yield _Row(state.address, 0 if state.end_sequence else state.line, names[state.file])


def _file_name(header: Any, number: int) -> str:
    """Name of file `number` of a line table: counted from 0 since DWARF 5, from 1 before."""
    index = number if header["version"] >= 5 else number - 1
    entries = header["file_entry"]
    if not 0 <= index < len(entries):
        return "?"
    name = entries[index].name
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return text[:MAX_NAME_BYTES]
