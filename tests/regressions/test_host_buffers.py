"""Memory and time of the host that neither instructions nor the size of a file paid for: console output, shared names, long files."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import zkc
from tests.machine.support import CODE, encode
from tests.machine_runtime.support import DATA, Load, make_elf
from zkc import api
from zkc.runtime.errors import GuestFault, InputError
from zkc.runtime.files import read_file
from zkc.runtime.guest.sections import MAX_SECTIONS, Budget, BudgetExceeded, MeteredStream, sections
from zkc.runtime.guest.symbols import MAX_NAME_BYTES, Symbols
from zkc.runtime.limits import MAX_ELF_BYTES, MAX_JOURNAL_BYTES, MAX_RECEIPT_BYTES
from zkc.runtime.receipts.receipt import MAGIC

MOST = 64 << 20


def writing(file: int, length: int, times: int = 1) -> bytes:
    """A program that writes the first `length` bytes of memory behind its code to `file`, again and again."""
    call = [encode("addi", 10, 0, imm=file), encode("lui", 11, imm=0x2_0000), encode("lui", 12, imm=length & ~0xFFF)]
    call += [encode("addi", 12, 12, imm=length & 0x7FF), encode("addi", 17, 0, imm=64), encode("ecall")]
    words = [*call * times, encode("addi", 10, 0, imm=0), encode("addi", 17, 0, imm=93), encode("ecall")]
    return make_elf((Load(CODE, b"".join(word.to_bytes(4, "little") for word in words)),), entry=CODE)


def test_console_output_is_bounded() -> None:
    """100 writes of 190 MiB each were all kept: 7.6 GB after 800 instructions."""
    shown: list[int] = []
    with pytest.raises(GuestFault, match="more than 1000000 bytes to its console") as caught:
        zkc.execute(writing(1, 0x7F_F000, 100), max_console=1_000_000, console=lambda file, data: shown.append(len(data)))
    assert "--max-console" in str(caught.value.hint) and not shown


@pytest.mark.parametrize(("file", "option"), [(1, "max_console"), (2, "max_console"), (3, "max_journal")])
def test_a_bound_is_exact(file: int, option: str) -> None:
    program = writing(file, 100, 3)
    run = zkc.execute(program, **{option: 300})  # type: ignore[arg-type]
    assert len(run.console) + len(run.journal) == 300
    with pytest.raises(GuestFault, match="more than 299 bytes") as caught:
        zkc.execute(program, **{option: 299})  # type: ignore[arg-type]
    assert "--" + option.replace("_", "-") in str(caught.value.hint)


@pytest.mark.parametrize("bad", [-1, 1.5, "7", None, True])
def test_bounds_are_numbers_of_bytes(bad: object) -> None:
    for option in ("max_console", "max_journal"):
        with pytest.raises(InputError, match="not a whole number within"):
            zkc.execute(writing(1, 4), **{option: bad})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a whole number within"):
        api.read_input(os.devnull, max_input=bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a whole number within"):
        zkc.execute(writing(1, 4), max_journal=MAX_JOURNAL_BYTES + 1)


def test_the_input_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(bytes(10))
    assert api.read_input(tmp_path / "input", max_input=10) == api.read_input(io.BytesIO(bytes(10)), max_input=10) == bytes(10)
    for source in (tmp_path / "input", io.BytesIO(bytes(10)), "/dev/zero"):
        with pytest.raises(InputError, match="the input is larger than 9 bytes") as caught:
            api.read_input(source, max_input=9)
        assert "--max-input" in str(caught.value.hint)


def test_what_is_no_receipt_is_not_read(tmp_path: Path) -> None:
    """The reader took in up to 8 GiB before it looked at the first bytes."""
    huge = tmp_path / "huge"
    with open(huge, "wb") as file:
        file.truncate(1 << 40)
    for path in ("/dev/zero", huge, DATA / "fib.elf"):
        with pytest.raises(InputError, match="this is not a zkc receipt"):
            api.read_receipt(path)
    for path in ("/dev/zero", huge):
        with pytest.raises(InputError, match="this is not an ELF file"):
            api.load_program(path)
    assert read_file(huge, limit=10, what="it", magic=b"magic") == bytes(5)


@pytest.mark.parametrize(
    ("read", "begin", "most"),
    [
        (api.load_program, b"\x7fELF", MAX_ELF_BYTES),
        (api.read_receipt, MAGIC, MAX_RECEIPT_BYTES),
        (api.read_journal, b"", MAX_JOURNAL_BYTES),
    ],
)
def test_files_of_the_right_kind_are_bounded_too(read: Callable[[Path], object], begin: bytes, most: int, tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.write(begin)
        file.truncate(most + 1)
    with pytest.raises(InputError, match=f"is larger than {most >> 20} MiB"):
        read(tmp_path / "huge")


# Names ---------------------------------------------------------------------------------------------------------------------------


def with_sections(sections: list[tuple[str, int, int, int, bytes]], *, names: int = 1) -> bytes:
    """An executable with (name, type, flags, link, content) sections behind the first; section 1 is code at 64 KiB."""
    elf = make_elf()
    table, body, strings = [(0,) * 10, (1, 1, 6, 0x1_0000, 84, 4, 0, 0, 4, 0)], b"", b"\0.text\0"
    for name, kind, flags, link, content in [*sections, ("names", 3, 0, 0, b"")]:
        content = strings + name.encode() + b"\0" if name == "names" else content
        table.append((len(strings), kind, flags, 0, len(elf) + len(body), len(content), link, 0, 1, 16 if kind == 2 else 0))
        strings += name.encode() + b"\0"
        body += content
    file = bytearray(elf + body + b"".join(struct.pack("<10I", *header) for header in table))
    struct.pack_into("<I", file, 32, len(elf) + len(body))
    struct.pack_into("<3H", file, 46, 40, len(table), len(table) - 1)
    return bytes(file)


def symbols(count: int, name: int = 1, apart: int = 4) -> bytes:
    return b"".join(struct.pack("<3I2BH", name, 0x1_0000 + apart * number, 4, 2, 0, 1) for number in range(count))


def test_many_symbols_that_share_a_long_name() -> None:
    """100 000 symbols with a name of 100 kB took 6.6 GB and 49 s, from a file of 1.7 MB."""
    file = with_sections([(".symtab", 2, 0, 3, symbols(100_000)), (".strtab", 3, 0, 0, b"\0" + b"a" * 100_000 + b"\0")])
    tracemalloc.start()
    name = Symbols(file).describe(0x1_0000)
    assert tracemalloc.get_traced_memory()[1] < 2 * MOST + (16 << 20)
    tracemalloc.stop()
    assert name == "a" * MAX_NAME_BYTES


def test_section_headers_are_bounded() -> None:
    """Headers that all name one long string, a count above the file's, sizes beyond its end."""
    file = bytearray(with_sections([(".symtab", 2, 0, 3, symbols(1)), (".strtab", 3, 0, 0, b"\0main\0")]))
    assert Symbols(bytes(file)).describe(0x1_0000) == "main"
    for offset, value in ((46, 0), (46, 41), (48, 0xFFFF), (50, 0xFFFF), (48, 0)):
        damaged = bytearray(file)
        struct.pack_into("<H", damaged, offset, value)
        assert Symbols(bytes(damaged)).describe(0x1_0000) in ("main", "0x00010000")


def test_more_section_headers_than_programs_have_are_not_read() -> None:
    file = with_sections([("x", 1, 0, 0, b"")] * (MAX_SECTIONS - 3))
    assert len(sections(file)) == MAX_SECTIONS
    assert not sections(with_sections([("x", 1, 0, 0, b"")] * (MAX_SECTIONS - 2)))


def compressed(size: int, content: bytes) -> bytes:
    import zlib

    return struct.pack("<3I", 1, size, 1) + zlib.compress(content, 9)


def test_debug_sections_do_not_explode() -> None:
    bomb = compressed(1 << 30, bytes(1 << 24))
    file = with_sections([(f".debug_{name}", 1, 0x800, 0, bomb) for name in ("info", "abbrev", "line", "str")])
    tracemalloc.start()
    assert Symbols(file).describe(0x1_0000) == "0x00010000"
    assert tracemalloc.get_traced_memory()[1] < 2 * MOST
    tracemalloc.stop()


def unit(abbreviations: int, attributes: bytes) -> bytes:
    body = struct.pack("<HIB", 4, abbreviations, 4) + b"\1" + attributes
    return struct.pack("<I", len(body)) + body


def test_debug_information_that_repeats_itself() -> None:
    """Units that all read one long name, or one long list of abbreviations from ever another place: every byte counts each time."""
    long_name = b"\1\x11\0" + b"\x03\x0e" * 50 + b"\0\0\0"
    names = [
        (".debug_info", 1, 0, 0, unit(0, bytes(200)) * 5000),
        (".debug_abbrev", 1, 0, 0, long_name),
        (".debug_str", 1, 0, 0, b"a" * 1_000_000 + b"\0"),
    ]
    lists = b"".join(bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14, 0x11, 0, 0, 0]) for number in range(1, 60_000))
    places = [
        (".debug_info", 1, 0, 0, b"".join(unit(7 * number, b"") for number in range(5000))),
        (".debug_abbrev", 1, 0, 0, lists + b"\0"),
    ]
    for several in (names, places):
        assert Symbols(with_sections(several)).line(0x1_0000) is None


def test_a_metered_stream_ends() -> None:
    stream = MeteredStream(bytes(100), Budget(300))
    assert len(stream.read(50)) == 50 and stream.tell() == 50
    with pytest.raises(BudgetExceeded):
        for _ in range(10):
            stream.seek(0)
            stream.read(10)
    with pytest.raises(BudgetExceeded):
        stream.tell()
