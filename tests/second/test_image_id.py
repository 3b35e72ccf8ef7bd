"""Image IDs by the rule of docs/protocol.md, in plain Python, and as zkc has them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import zkc
from examples.verifier.image import image_id, page_tree, text
from examples.verifier.poseidon2 import Poseidon2
from tests.machine_runtime.support import Load, make_elf
from tests.second.support import ROOT, circuit
from zkc.runtime.memory.image import parse_image_id

PROGRAMS = sorted([*(ROOT / "examples").glob("*/*.elf"), *(ROOT / "tests").glob("**/*.elf")])


@cache
def by_the_page(elf: bytes) -> str:
    return text(image_id(elf, circuit().constants))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_programs(program: Path) -> None:
    assert by_the_page(program.read_bytes()) == zkc.image_id(program)


ENTRY = 0x1_0000
END = 0x0C00_0000
LAYOUTS: dict[str, tuple[Load, ...]] = {
    "one word": (Load(ENTRY),),
    "data that crosses pages": (Load(ENTRY), Load(0x2_03FE, bytes(range(1, 256)) * 12)),
    "two segments in one page": (Load(ENTRY), Load(ENTRY + 0x100, b"abc")),
    "zeros behind the data move the heap": (Load(ENTRY), Load(0x3_0001, b"abc", 0x1_0005)),
    "only zeros": (Load(ENTRY), Load(0x5_0000, b"", 0x400)),
    "an empty segment does not count": (Load(ENTRY), Load(0x7_0003, b"", 0)),
    "other headers do not count": (Load(ENTRY), Load(0x7_0000, b"note", type=4), Load(0x8_0000, b"stack", type=0x6474E551)),
    "below the null guard's end": (Load(ENTRY), Load(0x8123, b"low")),
    "at address 0": (Load(ENTRY), Load(0, b"zero")),
    "in the stack's guard": (Load(ENTRY), Load(0x0BF0_0400, b"x" * 0x401)),
    "at the end of memory": (Load(ENTRY), Load(0x0BF8_0000, b"y")),
    "marked": (Load(ENTRY), Load(0x4_0000, b"", 0x1000, flags=0)),
    "marked, not on whole pages": (Load(ENTRY), Load(0x4_0001, b"", 0x1000, flags=0)),
    "marked, less than a page": (Load(ENTRY), Load(0x4_0010, b"", 0x10, flags=0)),
    "marked over a segment": (Load(ENTRY), Load(0x4_0400, b"q", 1), Load(0x4_0000, b"", 0x1000, flags=0)),
    "marked twice, touching inside a page": (Load(ENTRY), Load(0x4_0000, b"", 0x600, flags=0), Load(0x4_0600, b"", 0x600, flags=0)),
    "marked with bits that are no permissions": (Load(ENTRY), Load(0x4_0000, b"", 0x1000, flags=8)),
    "marked beyond the end of memory": (Load(ENTRY), Load(END - 0x800, b"", 0x1000, flags=0), Load(END + 0x800, b"", 0x800, flags=0)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str) -> None:
    elf = make_elf(LAYOUTS[name])
    assert by_the_page(elf) == zkc.image_id(elf)


def test_every_layout_is_another_image() -> None:
    """What a rule of the page says must show: otherwise a layout would not test it."""
    same = {"other headers do not count", "an empty segment does not count", "marked, less than a page"}
    found = {name: by_the_page(make_elf(loads)) for name, loads in LAYOUTS.items()}
    assert {found[name] for name in same} == {found["one word"]}
    assert found["marked"] == found["marked with bits that are no permissions"]
    others = [found[name] for name in LAYOUTS if name not in same | {"marked with bits that are no permissions"}]
    assert len(set(others)) == len(others)


def test_text_of_an_image_id() -> None:
    digest = image_id(make_elf(), circuit().constants)
    assert parse_image_id(text(digest)) == digest


def test_an_empty_memory_is_hashed_level_by_level() -> None:
    """The tree with all of its pages written out, on a smaller memory."""
    constants = {**circuit().constants, "page_bytes": 64, "arity": 2, "table_page": 8, "root_page": 15}
    hashes = Poseidon2(constants)
    pages = {3: bytearray(range(64)), 7: bytearray(b"\xff" * 64)}
    digests = [hashes.data_page(list(memoryview(bytes(pages.get(i, bytes(64)))).cast("I")), constants["tag_data"]) for i in range(8)]
    for page in range(8, 15):
        digests.append(hashes.table_page(digests[2 * (page - 8) : 2 * (page - 8) + 2], constants["tag_table"]))
    root = hashes.table_page([digests[14], (0,) * 8], constants["tag_root"])
    assert page_tree(pages, set(), constants) == root
