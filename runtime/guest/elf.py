"""Loading a program: a small, strict reader of static 32-bit little-endian RISC-V ELF executables.

Everything that is not exactly such a file is refused with what is wrong, where, and what to do. Any bytes at all may be given.
Format: System V gABI chapters 4 and 5, RISC-V ELF psABI ("e_flags").
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from zkc.runtime import arguments
from zkc.runtime.errors import InputError
from zkc.runtime.files import read_file
from zkc.runtime.limits import MAX_ELF_BYTES
from zkc.runtime.memory.guards import Guard, find_guards
from zkc.runtime.memory.map import MemoryMap

if TYPE_CHECKING:
    from zkc.runtime.guest.symbols import Symbols

_BUILD_HINT = (
    "build for riscv32, rv32im, ilp32, static: `zig cc -target riscv32-freestanding-none -mcpu=generic_rv32+m -mabi=ilp32 -static`"
)
_MAGIC = b"\x7fELF"
_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<8I")
_CLASS_32, _LITTLE_ENDIAN, _VERSION = 1, 1, 1
_MACHINE_RISCV = 243
_TYPES = {0: "no type", 1: "a relocatable object file", 3: "a position-independent executable or shared library", 4: "a core dump"}
_TYPE_EXECUTABLE = 2
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_EXECUTABLE, _PERMISSIONS = 1, 7
_FLAGS_FLOAT, _FLAGS_HARMLESS = 0x6, 0x19


@dataclass(frozen=True)
class Segment:
    """Bytes to be loaded at `address`: `data`, then zeros up to `size` bytes in all (size >= 1)."""

    address: int
    data: memoryview = field(repr=False)
    size: int
    executable: bool

    @property
    def end(self) -> int:
        """First byte address behind the segment."""
        return self.address + self.size


@dataclass(frozen=True)
class Program:
    """A loaded program: segments in order of address, without overlap, inside user memory; `entry` is a word address in code.

    `guards` are address ranges on whole pages, apart from all segments, that the program can never touch.
    """

    name: str
    segments: tuple[Segment, ...]
    guards: tuple[Guard, ...]
    entry: int
    file: bytes = field(repr=False)

    @property
    def end(self) -> int:
        """First byte address behind the highest segment."""
        return max(segment.end for segment in self.segments)

    @cached_property
    def symbols(self) -> Symbols:
        """Names and source lines, read when first asked for."""
        from zkc.runtime.guest.symbols import Symbols

        return Symbols(self.file)


class _ProgramHeader(NamedTuple):
    type: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int
    flags: int
    align: int


def load_elf(source: str | os.PathLike[str] | arguments.BytesLike, memory_map: MemoryMap) -> Program:
    """Read and check a program from a path or from its bytes. Every fault is an `InputError`."""
    name, content = read_program(source)
    return load_elf_data(name, content, memory_map)


def read_program(source: str | os.PathLike[str] | arguments.BytesLike) -> tuple[str, bytes]:
    """The name and the content of a program given by its path or its bytes, unchecked."""
    found = arguments.file_or_data("program", source)
    if isinstance(found, bytes):
        return "<bytes>", found
    return found, read_file(found, limit=MAX_ELF_BYTES, what="the program", magic=_MAGIC)


def load_elf_data(name: str, content: bytes, memory_map: MemoryMap) -> Program:
    """The program that a file with this name and content is."""
    return _Reader(name, content, memory_map).program()


@dataclass(frozen=True)
class _Reader:
    """One file being read; `name` is its path for messages."""

    name: str
    file: bytes
    memory_map: MemoryMap

    def program(self) -> Program:
        entry, headers = self._header()
        segments = self._segments(headers)
        self._check_entry(entry, segments)
        loaded = [(segment.address, segment.end) for segment in segments]
        guards = find_guards(loaded, self._marked(headers), self.memory_map)
        return Program(self.name, segments, guards, entry, self.file)

    def _refuse(self, message: str, *, where: str | None = None, hint: str = _BUILD_HINT) -> InputError:
        return InputError(message, where=f"{self.name}, {where}" if where else self.name, hint=hint)

    def _header(self) -> tuple[int, list[_ProgramHeader]]:
        """Entry address and program headers."""
        if self.file[:4] != _MAGIC:
            raise self._refuse(
                "this is not an ELF file", hint="give the program that the linker wrote, not a source, an object list or a raw binary"
            )
        if len(self.file) < _HEADER.size:
            raise self._refuse(
                f"the file ends inside the ELF header, after {len(self.file)} of {_HEADER.size} bytes", hint="build or copy the file again"
            )
        ident, kind, machine, version, entry, table, _, flags, _, entry_size, count, _, _, _ = _HEADER.unpack_from(self.file)
        self._check_ident(ident, machine, version)
        self._check_kind(kind)
        self._check_flags(flags)
        return entry, self._program_headers(table, entry_size, count)

    def _check_ident(self, ident: bytes, machine: int, version: int) -> None:
        if ident[4] != _CLASS_32:
            raise self._refuse(
                "this is a 64-bit program, the machine has 32 bits" if ident[4] == 2 else f"unknown ELF class {ident[4]}",
                where="e_ident[EI_CLASS]",
            )
        if ident[5] != _LITTLE_ENDIAN:
            raise self._refuse(
                "this program is big-endian, the machine is little-endian" if ident[5] == 2 else f"unknown byte order {ident[5]}",
                where="e_ident[EI_DATA]",
            )
        if machine != _MACHINE_RISCV:
            raise self._refuse(
                f"this program is for another processor (ELF machine {machine}, RISC-V is {_MACHINE_RISCV})", where="e_machine"
            )
        if ident[6] != _VERSION or version != _VERSION:
            raise self._refuse("unknown ELF version", where="e_version", hint="build or copy the file again")

    def _check_kind(self, kind: int) -> None:
        if kind == _TYPE_EXECUTABLE:
            return
        hint = "link it" if kind == 1 else "link with `-static` and without `-pie`"
        raise self._refuse(f"this file is {_TYPES.get(kind, f'of ELF type {kind}')}, not a static executable", where="e_type", hint=hint)

    def _check_flags(self, flags: int) -> None:
        """Refuse what cannot run.

        Compressed instructions (flag 0x1) were allowed, which does not mean that they are there: each is a fault when it is reached. With
        16 registers (0x8) or total store order (0x10) a program asks for no more than the machine has.
        """
        where = f"e_flags 0x{flags:x}"
        if flags & _FLAGS_FLOAT:
            raise self._refuse(
                "this program passes floating point numbers in registers that the machine does not have",
                where=where,
                hint="build all of it, libraries too, with `-mabi=ilp32`",
            )
        if flags & ~(_FLAGS_FLOAT | _FLAGS_HARMLESS):
            raise self._refuse("this program needs features that are unknown to the machine", where=where)

    def _program_headers(self, table: int, entry_size: int, count: int) -> list[_ProgramHeader]:
        if count == 0:
            raise self._refuse("this file has no program headers, hence nothing to load", where="e_phnum", hint="link it")
        if entry_size != _PROGRAM_HEADER.size:
            raise self._refuse(
                f"program headers of {entry_size} bytes, they have {_PROGRAM_HEADER.size}",
                where="e_phentsize",
                hint="build or copy the file again",
            )
        if table + count * entry_size > len(self.file):
            raise self._refuse(
                f"the file ends inside the program headers ({len(self.file)} bytes)",
                where=f"e_phoff 0x{table:x}",
                hint="build or copy the file again",
            )
        return [_ProgramHeader._make(_PROGRAM_HEADER.unpack_from(self.file, table + number * entry_size)) for number in range(count)]

    def _segments(self, headers: list[_ProgramHeader]) -> tuple[Segment, ...]:
        for number, header in enumerate(headers):
            if header.type in (_DYNAMIC, _INTERPRETER):
                raise self._refuse("this program is dynamically linked", where=f"program header {number}", hint="link with `-static`")
        loaded = [self._segment(number, header) for number, header in enumerate(headers) if header.type == _LOAD and not _is_guard(header)]
        segments = sorted((segment for segment in loaded if segment), key=lambda segment: segment.address)
        if not segments:
            raise self._refuse("this file has no segment to load", hint="link it")
        for lower, upper in pairwise(segments):
            if lower.end > upper.address:
                raise self._refuse(
                    "two segments overlap",
                    where=f"0x{lower.address:x}..0x{lower.end:x} and 0x{upper.address:x}..0x{upper.end:x}",
                    hint="correct the addresses in the linker script",
                )
        return tuple(segments)

    def _marked(self, headers: list[_ProgramHeader]) -> list[tuple[int, int]]:
        """Address ranges that the ELF marks as guards, cut off at the end of user memory."""
        end = self.memory_map.user_end
        marked = [(header.virtual, header.virtual + header.memory_size) for header in headers if _is_guard(header)]
        return [(low, min(high, end)) for low, high in marked if low < end]

    def _segment(self, number: int, header: _ProgramHeader) -> Segment | None:
        """The segment of one PT_LOAD header; None if it is empty."""
        where = f"program header {number} (address 0x{header.virtual:x}, {header.memory_size} bytes)"
        if header.file_size > header.memory_size:
            raise self._refuse(
                f"a segment has {header.file_size} bytes in the file but only {header.memory_size} in memory",
                where=where,
                hint="build or copy the file again",
            )
        if header.offset + header.file_size > len(self.file):
            raise self._refuse(
                f"the file ends inside a segment (needs {header.offset + header.file_size} bytes, has {len(self.file)})",
                where=where,
                hint="build or copy the file again",
            )
        if header.memory_size == 0:
            return None
        if header.virtual + header.memory_size > self.memory_map.user_end:
            raise self._refuse(
                f"a segment lies outside user memory, which ends at 0x{self.memory_map.user_end:x}",
                where=where,
                hint="correct the addresses in the linker script, or make the program's data smaller",
            )
        data = memoryview(self.file)[header.offset : header.offset + header.file_size]
        return Segment(header.virtual, data, header.memory_size, bool(header.flags & _EXECUTABLE))

    def _check_entry(self, entry: int, segments: tuple[Segment, ...]) -> None:
        where = f"e_entry 0x{entry:x}"
        if entry % 4:
            raise self._refuse("the program does not start at a multiple of 4", where=where)
        if not any(
            segment.executable and segment.address <= entry <= entry + 4 <= segment.address + len(segment.data) for segment in segments
        ):
            raise self._refuse(
                "the program does not start inside its code",
                where=where,
                hint="name the start symbol: `-e _start`, or ENTRY(_start) in the linker script",
            )


def _is_guard(header: _ProgramHeader) -> bool:
    """Whether a segment has no permission at all: Linux maps it with PROT_NONE, so that every access faults."""
    return header.type == _LOAD and not header.flags & _PERMISSIONS
