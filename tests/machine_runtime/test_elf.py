"""The loader takes exactly the programs that the machine can run, and refuses everything else in words."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.machine_runtime.support import DATA, MAP, Load, make_elf
from zkc.runtime.errors import InputError
from zkc.runtime.guest.elf import Program, load_elf
from zkc.runtime.guest.symbols import Symbols

FIB = (DATA / "fib.elf").read_bytes()
CODE = Load(0x1_0000)


def patched(offset: int, data: bytes, file: bytes = FIB) -> bytes:
    return file[:offset] + data + file[offset + len(data) :]


def test_segments_agree_with_another_loader() -> None:
    program = load_elf(DATA / "fib.elf", MAP)
    theirs = [s for s in ELFFile(io.BytesIO(FIB)).iter_segments() if s["p_type"] == "PT_LOAD"]
    assert [(s.address, bytes(s.data), s.size) for s in program.segments] == [(s["p_vaddr"], s.data(), s["p_memsz"]) for s in theirs]
    assert any(s.size > len(s.data) for s in program.segments)
    assert program.entry == program.symbols.address("_start")


REFUSED = {
    "not an ELF file": b"#!/bin/sh\n",
    "not an ELF file ": b"",
    "ends inside the ELF header": FIB[:51],
    "64-bit program": patched(4, b"\x02"),
    "unknown ELF class 7": patched(4, b"\x07"),
    "big-endian": patched(5, b"\x02"),
    "another processor": make_elf(machine=62),
    "unknown ELF version": patched(6, b"\x00"),
    "relocatable": make_elf(kind=1),
    "position-independent": make_elf(kind=3),
    "of ELF type 9": make_elf(kind=9),
    "floating point": make_elf(flags=4),
    "unknown to the machine": make_elf(flags=0x20),
    "no program headers": make_elf([]),
    "program headers of 56 bytes": patched(42, b"\x38\x00"),
    "ends inside the program headers": make_elf([CODE])[:80],
    "dynamically linked": make_elf([CODE, Load(0, type=3)]),
    "dynamically linked ": make_elf([CODE, Load(0, type=2)]),
    "no segment to load": make_elf([Load(0x1_0000, type=4)]),
    "no segment to load ": make_elf([Load(0x1_0000, b"")]),
    "8 bytes in the file but only 7": make_elf([Load(0x1_0000, bytes(8), memory_size=7)]),
    "ends inside a segment": make_elf([CODE])[:-1],
    "two segments overlap": make_elf([CODE, Load(0x2_0000, b"x", memory_size=9), Load(0x2_0008)]),
    "outside user memory": make_elf([CODE, Load(0x0C00_0000)]),
    "outside user memory ": make_elf([CODE, Load(0x0BFF_FFFF, b"xx")]),
    "outside user memory  ": make_elf([CODE, Load(0xFFFF_FFFC, bytes(4), memory_size=0xFFFF_FFFF)]),
    "multiple of 4": make_elf(entry=0x1_0002),
    "inside its code": make_elf(entry=0x1_0004),
    "inside its code ": make_elf([Load(0x1_0000, flags=6)]),
    "inside its code  ": make_elf([Load(0x1_0000, b"xyz")]),
    "inside its code   ": make_elf([Load(0x1_0000, b"", memory_size=8)]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message: str) -> None:
    with pytest.raises(InputError, match=message.strip()) as caught:
        load_elf(REFUSED[message], MAP)
    assert caught.value.where and caught.value.hint


def test_accepted_at_the_limits() -> None:
    last = Load(0x0C00_0000 - 8, b"12345678")
    program = load_elf(make_elf([last, Load(0x5_0000, b"", memory_size=0), CODE, Load(0x1_0004)], flags=0x19), MAP)
    assert [segment.address for segment in program.segments] == [0x1_0000, 0x1_0004, last.address]
    assert program.end == 0x0C00_0000


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", tmp_path / "nul\0byte"):
        with pytest.raises(InputError, match="cannot read the program"):
            load_elf(path, MAP)


def use(data: bytes) -> Program | None:
    """Load and ask for names; the only error is the one for people."""
    try:
        program = load_elf(data, MAP)
    except InputError:
        return None
    assert program.segments and all(0 <= s.address < s.end <= MAP.user_end for s in program.segments)
    for pc in (0, program.entry, 0xFFFF_FFFF):
        assert program.symbols.describe(pc)
    return program


@given(st.binary(max_size=200))
@example(b"\x7fELF")
def test_any_bytes(data: bytes) -> None:
    use(data)
    use(b"\x7fELF\x01\x01\x01" + data)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(FIB) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4), st.integers(0, len(FIB))
)
def test_damaged_programs(patches: list[tuple[int, bytes]], length: int) -> None:
    data = FIB
    for offset, patch in patches:
        data = patched(offset, patch, data)
    use(data[: len(FIB)])
    use(data[:length])


@given(
    st.lists(
        st.builds(
            Load, st.integers(0, 2**32 - 1), st.binary(max_size=16), st.none() | st.integers(0, 2**32 - 1), st.integers(0, 7), st.just(1)
        ),
        max_size=4,
    ),
    st.integers(0, 2**32 - 1),
)
def test_any_program_headers(loads: list[Load], entry: int) -> None:
    use(make_elf([CODE, *loads], entry=entry))
    use(make_elf([CODE, *loads]))


def test_names_and_lines() -> None:
    symbols = Symbols(FIB)
    fib, start = symbols.address("fib"), symbols.address("_start")
    assert fib is not None and start is not None
    assert symbols.describe(start) == "_start (fib.c:16)"
    assert symbols.describe(fib + 0x50) == "fib+0x50 (fib.c:12)"
    assert symbols.describe(0x40) == "0x00000040" and symbols.function(0x40) is None and symbols.line(0x40) is None
    assert symbols.function(start + 36) is None and symbols.line(start + 36) is None


@pytest.mark.parametrize("file", [b"", b"\x7fELF", make_elf(), FIB[:2000], FIB[:1000] + bytes(len(FIB) - 1000)])
def test_names_of_files_without_names(file: bytes) -> None:
    assert Symbols(file).describe(0x1_0000).startswith(("0x00010000", "_start", "fib"))


def test_an_endless_line_table_is_not_read() -> None:
    """A line table of 3 MiB, nearly all of it rows: names are still given, the line is not, and it does not take minutes."""
    elf = ELFFile(io.BytesIO(FIB))
    number, rows = elf.get_section_index(".debug_line"), 3 << 20
    assert number is not None
    table = elf.get_section(number).data()
    table = struct.pack("<I", int.from_bytes(table[:4], "little") + rows) + table[4:] + b"\x20" * rows
    header = elf["e_shoff"] + 40 * number
    file = patched(header + 16, struct.pack("<II", len(FIB), len(table))) + table
    symbols = Symbols(file)
    assert symbols.describe(symbols.address("_start") or 0) == "_start"
