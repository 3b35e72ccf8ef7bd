"""The pager: what the executor's loop needs before it can go on with an instruction, in machine code.

A page is opened when it is first touched, with the pages of the table above it, and again when it is first written, for what it holds at
the end of the segment. A word is decoded when it is first run, and is code for the whole segment then; one that changes in the segment is
decoded whenever it is run (runtime/execution/alone.py). Each of these takes rows of tables.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.machine import Clock
from zkc.runtime.execution import events
from zkc.runtime.execution.alone import AROUND, FETCH, begin, end, may_begin, undo
from zkc.runtime.execution.fuel import ALONE, ARG, CLK, FUEL, PC, STATE_WORDS
from zkc.runtime.execution.heights import Heights, Numbers, Tables, grow, reserve
from zkc.runtime.field.compiled import kernel
from zkc.runtime.guest.abi import RETURN_ADDRESS
from zkc.runtime.memory.image import Image
from zkc.runtime.memory.map import WORD_BYTES, MemoryMap

OPEN, DIRTY = 1, 3
"""States of a page in this segment: touched; written. 0: neither."""
FETCHED, STORED = 1, 2
"""States of a word in this segment: run as code; written. 0: neither."""
TOUCHED, WRITTEN, ABOVE, CODE, CAUSES = range(5)
"""The lists of a segment: pages touched, pages written, pages of the table above them, decoded words, what caused pages to be opened."""
MOST_ALONE: Final = 1 << 14
"""Words of a segment that are decoded for a step alone: with more of them a new segment, in which they are code, costs less."""


class Shape(NamedTuple):
    """The memory map, the numbers of the tables for pages of data, pages of the page table, decoded words and words that are decoded for a
    step alone (-1 if there is none), and the clock."""

    page_words: int
    page_rows: int
    arity: int
    table_page: int
    link: int
    data: int
    table: int
    decode: int
    fetch: int
    user_end: int
    slots: int
    last: int


class Book(NamedTuple):
    """The loop's arrays, and the lists of a segment.

    state: `int64[STATE_WORDS]`. mem: all words below the page table. decoded: each word as the executor wants it, 0 if it is not decoded.
    words, pages: states, the latter of pages of the table too. changing: 1 for words that were written after they had been code. guards: 1
    for guard pages. lengths: of the lists. snapshots: touched pages as they were, `uint32[most pages][page_words]`, or of no length if
    nobody wants them. causes: pc, return address, rows of the data table, rows of the page table.
    """

    state: Numbers
    mem: npt.NDArray[np.uint32]
    decoded: Numbers
    words: npt.NDArray[np.uint8]
    changing: npt.NDArray[np.uint8]
    pages: npt.NDArray[np.uint8]
    guards: npt.NDArray[np.uint8]
    tables: Tables
    shape: Shape
    lengths: Numbers
    touched: Numbers
    written: Numbers
    above: Numbers
    code: Numbers
    snapshots: npt.NDArray[np.uint32]
    causes: Numbers


def new_book(memory: MemoryMap, clock: Clock, heights: Heights, image: Image, *, snapshots: bool) -> Book:
    """The memory of an image, before the first segment."""
    words, most = (memory.system_base + memory.page_bytes) // WORD_BYTES, heights.most_rows("data_page") // memory.page_rows
    state, lengths = np.zeros(STATE_WORDS, dtype=np.int64), np.zeros(CAUSES + 1, dtype=np.int64)
    mem, decoded = np.zeros(words, dtype=np.uint32), np.zeros(words, dtype=np.int64)
    for page, content in image.pages.items():
        mem[page * memory.page_words : (page + 1) * memory.page_words] = content
    states, changing = np.zeros((2, words), dtype=np.uint8)
    pages, guards = np.zeros((2, memory.page_count), dtype=np.uint8)
    guards[list(image.guards)] = 1
    shape = Shape(
        memory.page_words, memory.page_rows, memory.arity, memory.table_page, memory.system_base // WORD_BYTES + RETURN_ADDRESS,
        heights.index("data_page"), heights.index("table_page"), heights.index("decode"),
        heights.index(FETCH) if FETCH in heights.names else -1, memory.user_end, clock.slots, clock.last,
    )  # fmt: skip
    touched, written = np.empty((2, most), dtype=np.int64)
    above = np.empty(heights.most_rows("table_page") // memory.page_rows, dtype=np.int64)
    code = np.empty(heights.most_rows("decode"), dtype=np.int64)
    kept = most if snapshots else 0
    return Book(
        state, mem, decoded, states, changing, pages, guards, heights.tables, shape, lengths, touched, written, above, code,
        np.empty((kept, memory.page_words), dtype=np.uint32), np.empty((kept, 4), dtype=np.int64),
    )  # fmt: skip


@kernel
def settle(book: Book, event: int, entry: int) -> bool:
    """Does what an event asks for, so that the loop goes on; False if it must be left: the segment has no room, the program is at fault, or
    the event is none of the pager's. entry: the word at pc, decoded.
    """
    state, shape = book.state, book.shape
    if state[ALONE] == 0:
        return _settled(book, event, entry)
    if event == events.FUEL or event == events.HOST:
        end(state, book.decoded, shape.slots)
        state[FUEL] = max(0, state[FUEL] - AROUND)  # which is at most as many steps as the clock has left
        return event == events.FUEL and state[FUEL] > 0
    if _settled(book, event, entry):
        return True
    undo(state, book.decoded, shape.slots)
    book.tables.room[shape.fetch] += 1
    return False


@kernel
def _settled(book: Book, event: int, entry: int) -> bool:
    if event == events.FULL:
        return grow(book.tables, book.state[ARG], 1)
    if event == events.DECODE:
        return fetch(book, entry)
    if event == events.TOUCH or event == events.DIRTY:
        page = book.state[ARG] // book.shape.page_words
        return open_page(book, page, OPEN) and (event == events.TOUCH or open_page(book, page, DIRTY))
    return False


@kernel
def fetch(book: Book, entry: int) -> bool:
    """Makes the word at pc code, which is `entry`, for the segment or for one step."""
    word = book.state[PC] // WORD_BYTES
    if entry == 0 or not open_page(book, word // book.shape.page_words, OPEN):
        return False
    if book.words[word] == STORED or book.changing[word]:
        return _fetch_alone(book, entry)
    if not reserve(book.tables, book.shape.decode, 1):
        return False
    book.decoded[word] = entry
    book.words[word] = FETCHED
    _append(book.code, book.lengths, CODE, word)
    return True


@kernel
def _fetch_alone(book: Book, entry: int) -> bool:
    state, shape = book.state, book.shape
    if shape.fetch < 0:
        return False
    if not may_begin(state, shape.slots):
        return True
    if alone(book) == MOST_ALONE or state[CLK] + shape.slots > shape.last or not reserve(book.tables, shape.fetch, 1):
        return False
    begin(state, book.decoded, entry, shape.user_end, shape.slots)
    return True


@kernel
def alone(book: Book) -> int:
    """Words that were decoded for a step alone."""
    return book.tables.limits[book.shape.fetch] - book.tables.room[book.shape.fetch]


@kernel
def open_page(book: Book, page: int, wanted: int) -> bool:
    """Brings a data page to a state, OPEN before DIRTY, and the pages of the table above it to the same: a version of each is hashed.

    False if the page is a guard page, or there is no room.
    """
    if book.pages[page] >= wanted:
        return True
    if book.guards[page]:
        return False
    shape, lower = book.shape, _lower(book, page, wanted)
    if not (reserve(book.tables, shape.data, shape.page_rows) and reserve(book.tables, shape.table, shape.page_rows * lower)):
        return False
    _list(book, page, wanted)
    book.pages[page] = wanted
    above = page
    for _ in range(lower):
        above = shape.table_page + above // shape.arity
        if book.pages[above] == 0:
            _append(book.above, book.lengths, ABOVE, above)
        book.pages[above] = wanted
    if len(book.causes):
        _cause(book, shape.page_rows, shape.page_rows * lower)
    return True


@kernel
def _lower(book: Book, page: int, wanted: int) -> int:
    """How many pages of the table above a page are below a state."""
    count, above = 0, book.shape.table_page + page // book.shape.arity
    while book.pages[above] < wanted:
        count += 1
        page, above = above, book.shape.table_page + above // book.shape.arity
        if above == page:  # the root
            break
    return count


@kernel
def _list(book: Book, page: int, wanted: int) -> None:
    """Notes a page, and what it held when it was first touched."""
    if wanted == DIRTY:
        _append(book.written, book.lengths, WRITTEN, page)
        return
    if len(book.snapshots):
        start = page * book.shape.page_words
        snapshot = book.snapshots[book.lengths[TOUCHED]]
        for i in range(book.shape.page_words):  # an assignment of arrays takes Numba a second to compile
            snapshot[i] = book.mem[start + i]
    _append(book.touched, book.lengths, TOUCHED, page)


@kernel
def _append(numbers: Numbers, lengths: Numbers, which: int, number: int) -> None:
    numbers[lengths[which]] = number
    lengths[which] += 1


@kernel
def _cause(book: Book, data_rows: int, table_rows: int) -> None:
    """Notes the instruction under way as what opened a page."""
    cause = book.causes[book.lengths[CAUSES]]
    cause[0], cause[1], cause[2], cause[3] = book.state[PC], book.mem[book.shape.link], data_rows, table_rows
    book.lengths[CAUSES] += 1


@kernel
def close(book: Book) -> None:
    """Forgets the pages and the code of a segment; memory stays."""
    lengths, width = book.lengths, book.shape.page_words
    for word in book.code[: lengths[CODE]]:
        book.decoded[word] = 0
    for page in book.touched[: lengths[TOUCHED]]:
        book.pages[page] = 0
        book.words[page * width : (page + 1) * width] = 0
    for page in book.above[: lengths[ABOVE]]:
        book.pages[page] = 0
    lengths[:] = 0
