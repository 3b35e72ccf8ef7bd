"""Images, and the page tree against a recursion in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine_runtime.plain_poseidon2 import PlainHasher, hash_data_page, hash_table_page, permute
from tests.machine_runtime.support import CONSTANTS, DATA, MAP, Load, make_elf
from zkc.runtime.errors import InputError, ZkcError
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image, PageTree, image_id_hex, parse_image_id
from zkc.runtime.memory.map import MemoryMap

HASHER = PlainHasher()
GUARD = (1955464431, 953533227, 1002395165, 369830443, 1235343215, 980289957, 1477845169, 469826961)


def plain_digest(page: int, pages: dict[int, list[int]], zero: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """The digest of a page straight from the definition: children are asked one by one; untouched subtrees are remembered by their size."""
    if page in pages and not pages[page]:
        return GUARD
    if page < 212992:
        return hash_data_page(pages.get(page, [0] * 256), 1)
    first = (page - 212992) * 32
    children = [child if child < 219862 else None for child in range(first, first + 32)]
    digests = [(0,) * 8 if child is None else _plain_or_zero(child, pages, zero) for child in children]
    return hash_table_page(digests, 3 if page == 219862 else 2)


def _plain_or_zero(page: int, pages: dict[int, list[int]], zero: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    low = high = page
    level = 0
    while low >= 212992:
        low, high, level = (low - 212992) * 32, (high - 212992) * 32 + 31, level + 1
    if any(low <= touched <= high for touched in pages):
        return plain_digest(page, pages, zero)
    if level not in zero:
        zero[level] = plain_digest(page, pages, zero)
    return zero[level]


def plain_image_id(image: Image) -> tuple[int, ...]:
    """Guard pages have no words here."""
    guards: dict[int, list[int]] = {page: [] for page in image.guards}
    return plain_digest(219862, guards | {page: words.tolist() for page, words in image.pages.items()}, {})


@pytest.fixture(scope="module")
def fib() -> Image:
    return Image.from_program(load_elf(DATA / "fib.elf", MAP), MAP)


def test_the_oracle_is_poseidon2() -> None:
    assert permute(range(24))[:4] == [723511737, 87131171, 587052829, 1323145575]


def test_the_map_derives_the_root() -> None:
    assert (MAP.arity, MAP.page_words, MAP.system_page, MAP.table_page, MAP.root_page) == (32, 256, 0x30000, 212992, 219862)
    assert MAP.height(0) == 0 and MAP.height(219861) == 3 and MAP.height(219862) == 4
    assert MAP.children(MAP.root_page) == range(219840, 219862)
    assert all(page in MAP.children(MAP.parent(page)) for page in (0, 31, 32, 212991, 212992, 219855, 219861))


def test_the_system_page_of_a_program(fib: Image) -> None:
    program = load_elf(DATA / "fib.elf", MAP)
    heap = -(-program.end // 16) * 16
    expected = {2: 0x0C00_0000 - 0x1000, 33: program.entry, 34: heap, 35: heap, 40: 4}
    words = fib.words(0x30000)
    assert {int(index): int(words[index]) for index in np.flatnonzero(words)} == expected
    assert fib.system_word(2) % 16 == 0
    for segment in program.segments:
        assert fib.read(segment.address, segment.size) == bytes(segment.data) + bytes(segment.size - len(segment.data))


def test_image_id_of_a_program(fib: Image) -> None:
    assert PageTree.of(fib, HASHER).image_id() == plain_image_id(fib)


def test_image_id_of_nothing() -> None:
    assert PageTree(MAP, HASHER).image_id() == plain_image_id(Image(MAP))


@settings(max_examples=5, deadline=None)
@given(
    st.dictionaries(
        st.one_of(st.sampled_from([0, 1, 31, 32, 0x30000, 212991]), st.integers(0, 212991)),
        st.integers(0, 2**32 - 1),
        min_size=1,
        max_size=3,
    )
)
def test_updates_step_by_step_give_the_tree_of_the_whole(content: dict[int, int]) -> None:
    image, tree = Image(MAP), PageTree(MAP, HASHER)
    before = tree.copy()
    for page, word in content.items():
        image.page_to_write(page)[page % 256] = word
        tree.update({page: image.words(page)})
    assert tree.image_id() == PageTree.of(image, HASHER).image_id() == plain_image_id(image)
    tree.update({page: np.zeros(256, np.uint32) for page in content})
    assert tree.image_id() == before.image_id() == PageTree(MAP, HASHER).image_id()


def test_an_opening_leads_to_the_root(fib: Image) -> None:
    tree = PageTree.of(fib, HASHER)
    digest = hash_data_page(fib.words(0x30000).tolist(), 1)
    page = 0x30000
    for table, content in tree.opening(0x30000):
        assert table == 212992 + (page >> 5) and tuple(content[page & 31].tolist()) == digest
        digest = hash_table_page(content.tolist(), 3 if table == 219862 else 2)
        page = table
    assert page == 219862 and digest == tree.image_id()
    assert not tree.table_page(219862)[22:].any()


def test_what_table_page_returned_does_not_change_later(fib: Image) -> None:
    tree = PageTree.of(fib, HASHER)
    page = MAP.parent(MAP.system_page)
    before, kept = tree.table_page(page), tree.table_page(page).copy()
    tree.update({MAP.system_page: np.full(256, 7, np.uint32)})
    assert np.array_equal(before, kept) and not np.array_equal(tree.table_page(page), kept)


def test_table_pages_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="data pages"):
        PageTree(MAP, HASHER).update({212992: np.zeros(256, np.uint32)})


def test_what_is_no_data_page_is_not_taken_into_the_tree_beside_what_is() -> None:
    tree = PageTree(MAP, HASHER)
    before = tree.image_id()
    for numbers in ([-1, 5], [5, -1], [5, MAP.table_page], [MAP.table_page, 5], [-1], [MAP.root_page]):
        with pytest.raises(ValueError, match="only data pages can be set"):
            tree.update_batch(numbers, np.ones((len(numbers), 256), np.uint32))
    tree.update({})
    assert tree.image_id() == before
    tree.update_batch([0, MAP.table_page - 1], np.ones((2, 256), np.uint32))
    assert tree.image_id() != before


def test_the_digest_of_any_page(fib: Image) -> None:
    tree = PageTree.of(fib, HASHER)
    assert tuple(tree.digest(MAP.root_page).tolist()) == tree.image_id()
    assert tuple(tree.digest(MAP.system_page).tolist()) == hash_data_page(fib.words(MAP.system_page).tolist(), 1)
    parent = MAP.parent(MAP.system_page)
    assert tuple(tree.digest(parent).tolist()) == hash_table_page(tree.table_page(parent).tolist(), 2)


@given(st.integers(0, 5000), st.binary(max_size=3000))
def test_bytes_written_are_read(address: int, data: bytes) -> None:
    image = Image(MAP)
    image.write(address, data)
    assert image.read(address, len(data)) == data
    assert not any(image.read(0, address)) and not any(image.read(address + len(data), 2000))


def test_bytes_over_several_pages_are_all_written() -> None:
    image, data = Image(MAP), bytes(range(1, 251)) * 10
    image.write(1000, data)
    assert image.read(1000, 2500) == data and sorted(image.pages) == [0, 1, 2, 3]
    assert not any(image.read(0, 1000)) and not any(image.read(3500, 596))


def test_copies_are_independent(fib: Image) -> None:
    twin = fib.copy()
    twin.set_system_word(5, 1)
    assert twin != fib and fib.system_word(5) == 0
    twin.set_system_word(5, 0)
    twin.page_to_write(77)
    assert twin == fib


def test_what_is_no_data_page_cannot_be_written() -> None:
    guarded = Image(MAP, guards=(5,))
    for page in (-1, MAP.table_page, MAP.root_page, 5):
        with pytest.raises(ValueError, match=f"page {page} is "):
            guarded.page_to_write(page)
    for page in (0, 4, 6, MAP.table_page - 1):
        guarded.page_to_write(page)
    assert sorted(guarded.pages) == [0, 4, 6, MAP.table_page - 1]


def test_addresses_of_the_page_table_are_no_data() -> None:
    image = Image(MAP)
    for address, length in ((-1, 1), (0, -1), (MAP.table_base, 1), (MAP.table_base - 3, 4)):
        with pytest.raises(ValueError, match="are not all data"):
            image.read(address, length)
    for address in (-1, MAP.table_base - 3):
        with pytest.raises(ValueError, match="are not all data"):
            image.write(address, b"data")
    assert not image.pages and image.read(MAP.table_base - 4, 4) == bytes(4)


def test_images_differ_in_any_page_in_guards_and_in_their_map(fib: Image) -> None:
    small = MemoryMap.from_constants({**CONSTANTS, "page_bytes": 512, "table_base": 0x0D00_0000})
    assert Image(MAP) != Image(small) and Image(MAP) != Image(MAP, guards=(5,)) and Image(MAP) != 5
    for page in sorted(fib.pages):
        twin = fib.copy()
        twin.page_to_write(page)[255] ^= 1
        assert twin != fib and fib != twin


def test_no_room_for_the_stack() -> None:
    top = Load(MAP.stack_pointer - 8, b"12345678", memory_size=9)
    with pytest.raises(InputError, match="no room for its stack"):
        Image.from_program(load_elf(make_elf([Load(0x1_0000), top]), MAP), MAP)


def test_image_ids_have_one_text() -> None:
    digest = (1, 2, 3, 4, 5, 6, 7, 0x7F000000)
    assert image_id_hex(digest).startswith("0100000002000000") and parse_image_id(image_id_hex(digest)) == digest
    every_digit = "01234567fedcba0989abcd01ee000000" * 2
    assert image_id_hex(parse_image_id(every_digit)) == every_digit and parse_image_id(every_digit.upper()) == parse_image_id(every_digit)
    for text in ("", "00" * 31, "0x" + "00" * 31, "zz" * 32, "00" * 28 + "0100007f", "\u0660" * 64):
        with pytest.raises(InputError):
            parse_image_id(text)


@pytest.mark.parametrize(
    ("name", "value"), [("table_base", 0x0D00_0400), ("page_bytes", 1000), ("word_pc", 40), ("word_brk", 256), ("user_end", 0x1000)]
)
def test_a_map_that_does_not_fit_is_refused(name: str, value: int) -> None:
    with pytest.raises(Exception, match="memory map"):
        MemoryMap.from_constants({**CONSTANTS, name: value})


@pytest.mark.parametrize("missing", CONSTANTS)
def test_a_missing_constant_is_named(missing: str) -> None:
    others = {name: value for name, value in CONSTANTS.items() if name != missing}
    for constants in (others, others | {missing: [1, 2]}):
        with pytest.raises(ZkcError, match=f"no integer constant {missing}"):
            MemoryMap.from_constants(constants)


def test_another_page_size_works_too() -> None:
    """Nothing but the constants says how large a page is: here 512 bytes, 16 digests."""
    small = MemoryMap.from_constants({**CONSTANTS, "page_bytes": 512, "table_base": 0x0D00_0000})
    assert small.arity == 16 and small.parent(small.root_page) == small.root_page
    tree = PageTree(small, PlainHasher())
    tree.update({5: np.arange(128, dtype=np.uint32)})
    assert [page for page, _ in tree.opening(5)][-1] == small.root_page
