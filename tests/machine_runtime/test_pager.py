"""The pager against the same in plain Python, on random requests: what it allows, what it lists, and the rows that it counts."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from zkc.compiler.machines import load_machine
from zkc.runtime.execution import events
from zkc.runtime.execution.budget import CELL_BUDGET
from zkc.runtime.execution.fuel import ARG, PC
from zkc.runtime.execution.heights import Heights
from zkc.runtime.execution.pager import ABOVE, CAUSES, CODE, OPEN, STORED, TOUCHED, WRITTEN, Book, close, new_book, open_page, settle
from zkc.runtime.execution.sizes import height_of
from zkc.runtime.memory.image import Image
from zkc.runtime.memory.map import MemoryMap

NO_TABLE = -1
"""Number of the table that the plain pager does without: words that were written are no code."""


@dataclass
class PlainPager:
    """A segment's pages and code, as sets; heights are given by name."""

    map: MemoryMap
    names: list[str]
    cells: list[int]
    most: list[int]
    guards: frozenset[int]
    touched: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    above: dict[int, bool] = field(default_factory=dict)
    code: list[int] = field(default_factory=list)
    causes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows, self.limits = [0] * len(self.names), [0] * len(self.names)

    def grow(self, index: int, more: int) -> bool:
        limits = list(self.limits)
        limits[index] = max(limits[index], height_of(self.rows[index] + more))
        if limits[index] > self.most[index] or sum(n * c for n, c in zip(limits, self.cells, strict=True)) > CELL_BUDGET:
            return False
        self.limits = limits
        return True

    def reserve(self, name: str, more: int) -> bool:
        index = self.names.index(name)
        if self.rows[index] + more > self.limits[index] and not self.grow(index, more):
            return False
        self.rows[index] += more
        return True

    def path(self, page: int) -> list[int]:
        found = [self.map.parent(page)]
        while found[-1] != self.map.root_page:
            found.append(self.map.parent(found[-1]))
        return found

    def version(self, tables: int) -> bool:
        if not (self.reserve("data_page", self.map.page_rows) and self.reserve("table_page", self.map.page_rows * tables)):
            return False
        self.causes.append((self.map.page_rows, self.map.page_rows * tables))
        return True

    def touch(self, page: int) -> bool:
        if page in self.touched:
            return True
        missing = [above for above in self.path(page) if above not in self.above]
        if page in self.guards or not self.version(len(missing)):
            return False
        self.touched.append(page)
        self.above |= dict.fromkeys(missing, False)
        return True

    def dirty(self, page: int) -> bool:
        if not self.touch(page):
            return False
        if page in self.written:
            return True
        clean = [above for above in self.path(page) if not self.above[above]]
        if not self.version(len(clean)):
            return False
        self.written.append(page)
        self.above |= dict.fromkeys(clean, True)
        return True

    def fetch(self, word: int, entry: int, stored: set[int]) -> bool:
        if entry == 0 or word in stored or not (self.touch(word // self.map.page_words) and self.reserve("decode", 1)):
            return False
        self.code.append(word)
        return True


def equal(book: Book, plain: PlainPager, contents: dict[int, int]) -> None:
    lists = {TOUCHED: book.touched, WRITTEN: book.written, ABOVE: book.above, CODE: book.code}
    found = {which: numbers[: book.lengths[which]].tolist() for which, numbers in lists.items()}
    assert found == {TOUCHED: plain.touched, WRITTEN: plain.written, ABOVE: list(plain.above), CODE: plain.code}
    assert ((book.tables.limits - book.tables.room).tolist(), book.tables.limits.tolist()) == (plain.rows, plain.limits)
    assert int(book.tables.total[0]) == sum(n * c for n, c in zip(plain.limits, plain.cells, strict=True))
    assert [tuple(row[2:]) for row in book.causes[: book.lengths[CAUSES]].tolist()] == plain.causes
    assert [int(words[0]) for words in book.snapshots[: len(plain.touched)]] == [contents.get(page, 0) for page in plain.touched]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("log_rows", [None, 8, 14])
def test_the_pager_does_what_the_plain_one_does(seed: int, log_rows: int | None) -> None:
    machine, chosen = load_machine(), random.Random(seed)
    memory, heights = machine.memory_map, Heights(machine, log_rows)
    far = [chosen.randrange(memory.user_pages) for _ in range(60)]
    image = Image(memory, {page: np.full(memory.page_words, page, dtype=np.uint32) for page in far[10:30]}, far[:5])
    book = new_book(memory, machine.spec.clock, heights, image, snapshots=True)
    book = book._replace(shape=book.shape._replace(fetch=NO_TABLE))
    contents = {page: page for page in image.pages}
    steps = heights.steps
    for _ in range(3):
        heights.reset()
        tables = heights.tables
        plain = PlainPager(memory, heights.names, tables.cells.tolist(), tables.most.tolist(), image.guards)
        stored: set[int] = set()
        for _ in range(500):
            page = chosen.choice(far) if chosen.random() < 0.7 else (chosen.choice(far) + chosen.randrange(200)) % memory.user_pages
            word, kind = page * memory.page_words + chosen.randrange(4), chosen.choice(["touch", "dirty", "fetch", "full"])
            book.state[PC], book.state[ARG] = 4 * word, chosen.randrange(steps) if kind == "full" else word
            if kind == "full":
                index = int(book.state[ARG])
                assert settle(book, events.FULL, 0) == plain.grow(index, 1)
                plain.rows[index] = int(plain.limits[index])
                tables.room[index] = 0
            elif kind == "touch":
                assert settle(book, events.TOUCH, 0) == plain.touch(page)
            elif kind == "dirty":
                assert settle(book, events.DIRTY, 0) == plain.dirty(page)
                if page in plain.written and word not in plain.code:
                    book.words[word] = STORED
                    stored.add(word)
            elif word not in plain.code:
                entry = chosen.choice([0, 7])
                assert settle(book, events.DECODE, entry) == plain.fetch(word, entry, stored)
        equal(book, plain, contents)
        assert plain.touched and plain.written and plain.code
        close(book)
        assert not (book.words.any() or book.pages.any() or book.decoded.any() or book.lengths.any())


def test_no_page_beyond_the_room() -> None:
    """A segment that is full refuses pages, and says so again when it is asked again; what was listed stays."""
    machine = load_machine()
    memory, heights = machine.memory_map, Heights(machine, 7)
    book = new_book(memory, machine.spec.clock, heights, Image(memory), snapshots=True)
    opened = next(page for page in range(memory.user_pages) if not open_page(book, page, OPEN))
    assert opened == heights.most_rows("data_page") // memory.page_rows == len(book.touched)
    assert not open_page(book, opened, OPEN)
    assert book.lengths[TOUCHED] == opened


@pytest.mark.parametrize("event", [events.FUEL, events.BAD_PC, events.STORE_CODE, events.FAULT, events.HOST, events.NO_SERVICE])
def test_other_events_are_not_the_pagers(event: int) -> None:
    machine = load_machine()
    book = new_book(machine.memory_map, machine.spec.clock, Heights(machine, None), Image(machine.memory_map), snapshots=False)
    assert not settle(book, event, 7)
    assert not book.lengths.any()
