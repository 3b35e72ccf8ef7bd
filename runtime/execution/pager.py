"""The pager: what the executor's loop needs before it can go on with an instruction, in machine code.

A page is opened when it is first touched, with the pages of the table above it, and again when it is first written, for what it holds at
the end of the segment. A word is decoded when it is first run. Each of these takes rows of tables.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zkc.runtime.execution import events
from zkc.runtime.execution.fuel import ARG, PC, STATE_WORDS
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


class Shape(NamedTuple):
    """The memory map, and the numbers of the tables for pages of data, pages of the page table and decoded words."""

    page_words: int
    page_rows: int
    arity: int
    table_page: int
    link: int
    data: int
    table: int
    decode: int


class Book(NamedTuple):
    """The loop's arrays, and the lists of a segment.

    state: `int64[STATE_WORDS]`. mem: all words below the page table. decoded: each word as the executor wants it, 0 if it is not decoded.
    words, pages: states, the latter of pages of the table too. guards: 1 for guard pages. lengths: of the lists. snapshots: touched pages
    as they were, `uint32[most pages][page_words]`, or of no length if nobody wants them. causes: pc, return address, rows of the data
    table, rows of the page table.
    """

    state: Numbers
    mem: npt.NDArray[np.uint32]
    decoded: Numbers
    words: npt.NDArray[np.uint8]
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


def new_book(memory: MemoryMap, heights: Heights, image: Image, *, snapshots: bool) -> Book:
    """The memory of an image, before the first segment."""
    words, most = (memory.system_base + memory.page_bytes) // WORD_BYTES, heights.most_rows("data_page") // memory.page_rows
    state, lengths = np.zeros(STATE_WORDS, dtype=np.int64), np.zeros(CAUSES + 1, dtype=np.int64)
    mem, decoded = np.zeros(words, dtype=np.uint32), np.zeros(words, dtype=np.int64)
    for page, content in image.pages.items():
        mem[page * memory.page_words : (page + 1) * memory.page_words] = content
    pages, guards = np.zeros((2, memory.page_count), dtype=np.uint8)
    guards[list(image.guards)] = 1
    shape = Shape(
        memory.page_words, memory.page_rows, memory.arity, memory.table_page, memory.system_base // WORD_BYTES + RETURN_ADDRESS,
        heights.index("data_page"), heights.index("table_page"), heights.index("decode"),
    )  # fmt: skip
    touched, written = np.empty((2, most), dtype=np.int64)
    above = np.empty(heights.most_rows("table_page") // memory.page_rows, dtype=np.int64)
    code = np.empty(heights.most_rows("decode"), dtype=np.int64)
    kept = most if snapshots else 0
    return Book(
        state, mem, decoded, np.zeros(words, dtype=np.uint8), pages, guards, heights.tables, shape, lengths, touched, written, above, code,
        np.empty((kept, memory.page_words), dtype=np.uint32), np.empty((kept, 4), dtype=np.int64),
    )  # fmt: skip


@kernel
def settle(book: Book, event: int, entry: int) -> bool:
    """Does what an event asks for, so that the loop goes on; False if it must be left: the segment has no room, the program is at fault, or
    the event is none of the pager's. entry: the word at pc, decoded.
    """
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
    """Makes the word at pc code, which is `entry`."""
    word = book.state[PC] // WORD_BYTES
    if entry == 0 or book.words[word] == STORED:
        return False
    if not open_page(book, word // book.shape.page_words, OPEN) or not reserve(book.tables, book.shape.decode, 1):
        return False
    book.decoded[word] = entry
    book.words[word] = FETCHED
    _append(book.code, book.lengths, CODE, word)
    return True


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
