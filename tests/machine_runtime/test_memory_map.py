"""The memory map is refused unless it is one: each condition at its last allowed and its first refused value; levels by definition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.machine_runtime.support import CONSTANTS, MAP
from zkc.runtime.errors import ZkcError
from zkc.runtime.memory.map import BLIND_WORDS, MemoryMap

DIGESTS = "a page must hold a whole number of digests, at least two"
MULTIPLES = "must be multiples of page_bytes"
ORDER = "must follow each other"
LEVELS = "a page of the table would hold digests of two levels"
WORDS = "words of the system page overlap or lie outside it"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"page_bytes": 0}, DIGESTS),
        ({"page_bytes": -1024}, DIGESTS),
        ({"page_bytes": 1000}, DIGESTS),
        ({"page_bytes": 1040}, DIGESTS),
        ({"page_bytes": 32}, DIGESTS),
        ({"page_bytes": 96}, "page_bytes must be a power of two"),
        ({"registers": 2}, "the stack pointer among them"),
        ({"registers": 257}, "words of the system page"),
        ({"digest_words": 0}, DIGESTS),
        ({"digest_words": -8}, DIGESTS),
        ({"digest_words": 256}, DIGESTS),
        *(({name: value}, MULTIPLES) for name in ("user_end", "system_base", "table_base", "brk_end") for value in (9 * 1024 + 512, -1024)),
        ({"user_end": 0x1000, "brk_end": 0}, ORDER),
        ({"user_end": 0x0C00_0400}, ORDER),
        ({"system_base": 0x0BFF_FC00}, ORDER),
        ({"system_base": 0x0D00_0000}, ORDER),
        ({"table_base": 0x0C00_0000}, ORDER),
        ({"brk_end": 0x0C00_0000 - 0x1000 + 0x400}, "the heap must end below the stack"),
        ({"table_base": 0x0D00_0400}, LEVELS),
        ({"table_base": 0x0D00_8000}, LEVELS),
        ({"word_pc": -1}, WORDS),
        ({"word_pc": 31}, WORDS),
        ({"word_brk": 33}, WORDS),
        ({"word_heap_start": 256}, WORDS),
        ({"word_journal_fill": 55}, WORDS),
        ({"word_journal_fill": 40}, WORDS),
        ({"word_journal_capacity": 41}, WORDS),
        ({"word_journal_capacity": 249}, WORDS),
        ({"word_journal_buffer": 249}, WORDS),
        ({"word_journal_buffer": 25}, WORDS),
        ({"word_blind": 56}, WORDS),
        ({"word_blind": 48 - BLIND_WORDS + 1 - 8}, WORDS),
        ({"word_blind": MAP.page_words - BLIND_WORDS + 1}, WORDS),
    ],
)  # fmt: skip
def test_a_map_that_is_none(changes: dict[str, int], problem: str) -> None:
    with pytest.raises(ZkcError, match=problem):
        MemoryMap.from_constants({**CONSTANTS, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"user_end": 0x1400, "brk_end": 0x400},
        {"user_end": 0x1400, "brk_end": 0},
        {"brk_end": 0x0C00_0000 - 0x1000},
        {"system_base": 0x0D00_0000 - 0x400},
        {"word_pc": 32},
        {"word_pc": 255},
        {"word_journal_capacity": 248},
        {"word_journal_buffer": 248, "word_journal_capacity": 100, "word_journal_fill": 99},
        {"word_blind": MAP.page_words - BLIND_WORDS},
        {"page_bytes": 64, "user_end": 0x3000, "system_base": 0x3000, "table_base": 0x4000, "brk_end": 0},
    ],
)
def test_a_map_at_its_bounds(changes: dict[str, int]) -> None:
    """The last has pages of two digests, which is allowed, and so of sixteen words, which are too few for the registers."""
    found = replace(MAP, **changes).problem()
    assert found is None or ("page_bytes" in changes and found[0] == "registers")


def test_what_a_map_says_of_its_pages() -> None:
    assert (MAP.page_words, MAP.arity, MAP.user_pages, MAP.stack_pointer) == (256, 32, 0x0C00_0000 // 1024, 0x0BFF_F000)
    assert [MAP.slot(page) for page in (0, 31, 32, 33, MAP.root_page)] == [0, 31, 0, 1, 22]


def small(table_page: int, arity: int) -> MemoryMap:
    """A map with so many data pages, of pages with `arity` digests; nothing else of it is meant."""
    return replace(MAP, page_bytes=32 * arity, table_base=32 * arity * table_page)


@pytest.mark.parametrize("arity", [2, 4, 8])
def test_heights_children_and_levels_by_definition(arity: int) -> None:
    """Levels are aligned if all children of a page, the root excepted, are equally high. (Once only the highest of them were looked at.)"""
    aligned: set[bool] = set()
    for table_page in range(2, 40 * arity):
        found = small(table_page, arity)
        root = next(page for page in range(table_page, 2 * table_page + 2) if table_page + page // arity == page)
        if root == table_page:
            continue
        assert found.root_page == root and found.page_count == root + 1
        heights = dict.fromkeys(range(table_page), 0)
        children: dict[int, list[int]] = {}
        for page in range(root):
            children.setdefault(table_page + page // arity, []).append(page)
        for page in range(table_page, root + 1):
            assert list(found.children(page)) == children[page]
            heights[page] = 1 + heights[children[page][-1]]
        for page in range(root):
            assert found.parent(page) == table_page + page // arity and found.slot(page) == page % arity
        levels = all(len({heights[child] for child in children[page]}) == 1 for page in range(table_page, root))
        assert found._levels_are_aligned() == levels  # pyright: ignore[reportPrivateUsage]
        aligned.add(levels)
        if levels:
            assert [found.height(page) for page in range(root + 1)] == [heights[page] for page in range(root + 1)]
    assert aligned == {True, False}
