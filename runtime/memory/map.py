"""Where everything lies in the guest's memory, derived from the constants of the circuit; no address is written here.

Pages are numbered from 0; user pages first, then the system page, then the page table: an array with one digest for every page, itself
made of pages, so that the digest of page i lies in page `table_page + i // arity`, slot `i % arity`. The page that holds its own slot is
the root; it is the last page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

from zkc.runtime.errors import ZkcError
from zkc.runtime.guest.abi import STACK_POINTER, STACK_RESERVE
from zkc.runtime.memory.blinding import BLIND_WORDS

WORD_BYTES = 4

Constants = Mapping[str, int | list[int]]


@dataclass(frozen=True)
class MemoryMap:
    """Addresses are bytes; the heap ends at `brk_end` or below. `registers` are the first words of the system page; `word_*` are
    indices of others, `tag_*` are field elements for the capacity of a hash.

    The journal is a sponge of `digest_words` words capacity, a buffer of as many, and the number of bytes in the buffer.
    """

    page_bytes: int
    digest_words: int
    user_end: int
    system_base: int
    table_base: int
    brk_end: int
    registers: int
    word_pc: int
    word_brk: int
    word_heap_start: int
    word_journal_capacity: int
    word_journal_buffer: int
    word_journal_fill: int
    word_blind: int
    tag_data: int
    tag_table: int
    tag_root: int
    tag_journal: int

    @classmethod
    def from_constants(cls, constants: Constants) -> MemoryMap:
        """The map that `circuit.constants` describes; a `ZkcError` names what is missing or does not fit together."""
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if not isinstance(constants.get(name), int)]
        if missing:
            raise ZkcError(
                f"the circuit does not say where memory lies: no integer constant {', '.join(missing)}",
                hint="declare them in the .circ file that holds the memory map",
            )
        memory_map = cls(**{name: int(constants[name]) for name in names})  # type: ignore[arg-type]
        problem = memory_map.problem()
        if problem:
            raise ZkcError(f"the memory map of the circuit does not fit together: {problem[1]}")
        return memory_map

    @property
    def page_words(self) -> int:
        """Words in a page."""
        return self.page_bytes // WORD_BYTES

    @property
    def arity(self) -> int:
        """Digests in a page of the table."""
        return self.page_words // self.digest_words

    @property
    def page_rows(self) -> int:
        """Rows of a page in the tables that hash pages: each has 8 words, or one digest of as many."""
        return self.page_words // self.digest_words

    @property
    def user_pages(self) -> int:
        """Number of user pages; they are pages 0 .. user_pages - 1."""
        return self.user_end // self.page_bytes

    @property
    def system_page(self) -> int:
        """Number of the page that holds registers, pc and journal state."""
        return self.system_base // self.page_bytes

    @property
    def table_page(self) -> int:
        """Number of the first page of the page table; all pages below it hold data."""
        return self.table_base // self.page_bytes

    @cached_property
    def root_page(self) -> int:
        """The page that holds its own slot: least fixpoint of `parent`."""
        page = 0
        while (above := self.table_page + page // self.arity) != page:
            page = above
        return page

    @property
    def page_count(self) -> int:
        """Number of pages with a slot in the table (the root's own slot stays zero)."""
        return self.root_page + 1

    @property
    def stack_pointer(self) -> int:
        """Byte address of the first stack pointer, a multiple of 16."""
        return self.user_end - STACK_RESERVE

    def parent(self, page: int) -> int:
        """The table page with the digest of `page`; the root is its own parent."""
        return self.table_page + page // self.arity

    def slot(self, page: int) -> int:
        """Which digest of its parent belongs to `page`, 0 .. arity - 1."""
        return page % self.arity

    def children(self, table_page: int) -> range:
        """The pages whose digests lie in `table_page`; for the root without itself and without the pages that do not exist."""
        first = (table_page - self.table_page) * self.arity
        return range(first, min(first + self.arity, self.root_page))

    def height(self, page: int) -> int:
        """Greatest number of steps down from `page` to data: 0 for data, 1 for the lowest table pages, greatest for the root."""
        height = 0
        while page >= self.table_page:
            page = self.children(page)[-1]
            height += 1
        return height

    def problem(self) -> tuple[str, str] | None:
        """(a constant, what is wrong with it), or None."""
        page = self.page_bytes
        if page <= 0 or self.digest_words <= 0 or page % (WORD_BYTES * self.digest_words) or self.arity < 2:
            return "page_bytes", "a page must hold a whole number of digests, at least two"
        if page & (page - 1):
            return "page_bytes", "the upper bits of an address are its page: page_bytes must be a power of two"
        for name in ("user_end", "system_base", "table_base", "brk_end"):
            if getattr(self, name) < 0 or getattr(self, name) % page:
                return name, "user_end, system_base, table_base and brk_end must be multiples of page_bytes"
        if not STACK_RESERVE < self.user_end <= self.system_base < self.table_base:
            return "user_end", "user memory, system page and page table must follow each other"
        if self.brk_end > self.stack_pointer:
            return "brk_end", "the heap must end below the stack"
        if not self._levels_are_aligned():
            return "table_base", "a page of the table would hold digests of two levels"
        return self._system_page_problem()

    def _levels_are_aligned(self) -> bool:
        """Whether every table page below the root has children of one height only."""
        top = self.children(self.root_page)[0]
        first = self.table_page
        while first < top:  # the first page of each level is the first child of its parent
            if first % self.arity:
                return False
            first = self.parent(first)
        return True

    def _system_page_problem(self) -> tuple[str, str] | None:
        if not STACK_POINTER < self.registers <= self.page_words:
            return "registers", "the registers are words of the system page, the stack pointer among them"
        singles = (self.word_pc, self.word_brk, self.word_heap_start, self.word_journal_fill)
        used = [*range(self.registers), *singles]
        for first in (self.word_journal_capacity, self.word_journal_buffer):
            used += range(first, first + self.digest_words)
        used += range(self.word_blind, self.word_blind + BLIND_WORDS)
        if min(used) < 0 or max(used) >= self.page_words or len(set(used)) != len(used):
            return "word_pc", "words of the system page overlap or lie outside it"
        return None
