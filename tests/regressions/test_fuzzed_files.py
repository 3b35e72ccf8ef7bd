"""Real files with faults: programs with their names and line tables, and receipts. No exception but ours, in bounded time and memory.

`ZKC_FUZZ=N` makes N files of each kind instead of a few.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.machine_runtime.support import DATA, MAP
from zkc.runtime.errors import ZkcError
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.guest.sections import sections
from zkc.runtime.guest.symbols import Symbols
from zkc.runtime.limits import MAX_STORED_BYTES
from zkc.runtime.memory.image import parse_image_id
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt, summary
from zkc.runtime.receipts.resume import ResumeStore

FILES: Final = int(os.environ.get("ZKC_FUZZ", "60"))
ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = (DATA / "fib.elf", ROOT / "examples" / "json" / "json.elf")
WORDS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF)


def flip(data: bytearray, chance: random.Random, low: int, high: int) -> None:
    """Another byte."""
    data[chance.randrange(low, high)] = chance.randrange(256)


def word(data: bytearray, chance: random.Random, low: int, high: int) -> None:
    """A word at a limit of what words can be."""
    if high - low >= 4:
        struct.pack_into("<I", data, chance.randrange(low, high - 3), chance.choice(WORDS))


def repeat(data: bytearray, chance: random.Random, low: int, high: int) -> None:
    """A part over another part of the same length."""
    length = chance.randrange(1, min(64, high - low) + 1)
    source, target = chance.randrange(low, high - length + 1), chance.randrange(low, high - length + 1)
    data[target : target + length] = data[source : source + length]


def fill(data: bytearray, chance: random.Random, low: int, high: int) -> None:
    """One byte over a part, up to all of it."""
    start = chance.randrange(low, high)
    end = chance.randrange(start, high) + 1
    data[start:end] = bytes([chance.choice((0, 0x01, 0x7F, 0x80, 0xFF))]) * (end - start)


FAULTS: Final[tuple[Callable[[bytearray, random.Random, int, int], None], ...]] = (flip, flip, word, word, repeat, fill)


def places(file: bytes) -> list[tuple[int, int]]:
    """What is looked at: ELF header, program headers, section headers, and each section without code."""
    (table,) = struct.unpack_from("<I", file, 32)
    found = [(0, 52), (52, 52 + 32 * struct.unpack_from("<H", file, 44)[0]), (table, len(file))]
    inside = [(s.offset, s.offset + s.size) for s in sections(file) if s.type not in (0, 8) and s.size and not s.is_code]
    return [(low, min(high, len(file))) for low, high in found + inside if low < min(high, len(file))]


def bent(file: bytes, chance: random.Random, where: list[tuple[int, int]]) -> bytes:
    data = bytearray(file)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(FAULTS)(data, chance, *chance.choice(where))
    return bytes(data[: chance.randrange(len(data))]) if chance.random() < 0.1 else bytes(data)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_with_faults(path: Path) -> None:
    file = path.read_bytes()
    where, entry = places(file), load_elf(file, MAP).entry
    for number in range(FILES):
        data = bent(file, random.Random(f"{path.stem} {number}"), where)
        names = Symbols(data)
        for pc in (entry, entry + 0x40, 0xFFFF_FFFF):
            assert names.describe(pc), number
        try:
            program = load_elf(data, MAP)
        except ZkcError as error:
            assert error.message and error.hint, number
        else:
            assert all(0 <= guard.start < guard.end <= MAP.user_end for guard in program.guards), number


def receipt() -> bytes:
    """Well-formed, of two segments; it proves nothing."""
    segments = (SegmentReceipt((1, 2, 3, 4, 5), bytes(range(200))), SegmentReceipt((5, 4, 3, 2, 1), bytes(100)))
    return Receipt(bytes(32), parse_image_id("01000000" * 8), segments, b"journal", 7).to_bytes()


def test_receipts_with_faults() -> None:
    file = receipt()
    for number in range(20 * FILES):
        data = bent(file, random.Random(f"receipt {number}"), [(0, len(file)), (12, 100)])
        try:
            read = Receipt.from_bytes(data)
        except ZkcError as error:
            assert error.message, number
        else:
            assert read.to_bytes() == data and summary(read), number


def test_stored_segments_with_faults(tmp_path: Path) -> None:
    store = ResumeStore(tmp_path / "x.parts", bytes(32))
    segment = SegmentReceipt((1, 2, 3), bytes(range(100)))
    store.save(0, b"unit", segment)
    (path,) = store.folder.iterdir()
    file = path.read_bytes()
    assert store.load(0, b"unit") == segment
    for number in range(FILES):
        data = bent(file, random.Random(f"stored {number}"), [(0, len(file))])
        path.write_bytes(data)
        assert store.load(0, b"unit") == (segment if data == file else None), number
    with open(path, "wb") as huge:
        huge.truncate(MAX_STORED_BYTES + 1)
    assert store.load(0, b"unit") is None
