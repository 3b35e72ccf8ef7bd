"""The whole state of the machine as pages, and the tree of their digests, whose root is the image ID.

Both are sparse: what was never touched is zero and costs nothing. The tree is kept as the machine keeps it, as pages of the page table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from zkc.runtime import arguments
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.abi import STACK_POINTER
from zkc.runtime.memory.map import WORD_BYTES, MemoryMap

if TYPE_CHECKING:  # a verifier computes with image IDs and loads no program
    from zkc.runtime.guest.elf import Program

Words = npt.NDArray[np.uint32]
Digest = tuple[int, ...]
"""Canonical field elements, first to last; `MemoryMap.digest_words` of them."""


_HEX_DIGITS = 2 * WORD_BYTES


class PageHasher(Protocol):
    """How pages are hashed. All words of digests are canonical field elements."""

    def hash_data_pages(self, words: Words, tag: int) -> Words:
        """`uint32[n][page_words]`, any words -> `uint32[n][digest_words]`."""
        ...

    def hash_table_pages(self, digests: Words, tag: int) -> Words:
        """`uint32[n][arity][digest_words]`, canonical -> `uint32[n][digest_words]`."""
        ...


def guard_digest(digest_words: int) -> Digest:
    """What the page table holds for a guard page: canonical field elements whose preimage no one knows.

    To page in a guard page, a prover would have to find content with this digest. It comes from SHAKE-256 of a sentence, so that no one can
    have chosen it; zeros would have a structure that the linear layers of the page hash keep.
    """
    stream = hashlib.shake_256(b"zkc: the digest of a guard page, which has no content").digest(8 * digest_words)
    return tuple(int.from_bytes(stream[8 * i : 8 * i + 8], "little") % P for i in range(digest_words))


class Image:
    """Sparse memory: `pages[i]` is `uint32[page_words]`; a page that is not there is zero. The page table is not stored here.

    `guards` are pages without content, which cannot be touched (zkc.runtime.memory.guards).
    """

    def __init__(self, memory_map: MemoryMap, pages: dict[int, Words] | None = None, guards: Iterable[int] = ()) -> None:
        self.map = memory_map
        self.guards = frozenset(guards)
        self.pages: dict[int, Words] = {} if pages is None else pages

    @classmethod
    def from_program(cls, program: Program, memory_map: MemoryMap) -> Image:
        """The state before the first instruction: the program, and a system page with pc, stack pointer, break and an empty journal."""
        heap_start = -(-program.end // 16) * 16
        if heap_start > memory_map.stack_pointer:
            raise InputError(
                "the program leaves no room for its stack",
                where=f"{program.name}, its last segment ends at 0x{program.end:x}",
                hint=f"keep data below 0x{memory_map.stack_pointer:x}, better far below: stack and heap share what is left",
            )
        page = memory_map.page_bytes
        image = cls(memory_map, guards=[i for guard in program.guards for i in range(guard.start // page, guard.end // page)])
        for segment in program.segments:
            image.write(segment.address, segment.data)  # the zeros behind the data need no page
        image.set_system_word(memory_map.word_pc, program.entry)
        image.set_system_word(memory_map.word_brk, heap_start)
        image.set_system_word(memory_map.word_heap_start, heap_start)
        image.set_system_word(STACK_POINTER, memory_map.stack_pointer)
        image.set_system_word(memory_map.word_journal_capacity, memory_map.tag_journal)
        return image

    def words(self, page: int) -> Words:
        """The words of `page`, to be read, not written: `uint32[page_words]`."""
        found = self.pages.get(page)
        return np.zeros(self.map.page_words, np.uint32) if found is None else found

    def page_to_write(self, page: int) -> Words:
        """The words of `page`, stored from now on, to be written in place: `uint32[page_words]`."""
        self._check_page(page)
        if page not in self.pages:
            self.pages[page] = np.zeros(self.map.page_words, np.uint32)
        return self.pages[page]

    def system_word(self, index: int) -> int:
        """A word of the system page: registers 0..31, and those that the memory map names."""
        return int(self.words(self.map.system_page)[index])

    def set_system_word(self, index: int, value: int) -> None:
        """Set a word of the system page, 0 <= value < 2^32."""
        self.page_to_write(self.map.system_page)[index] = value

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes from byte address `address` on."""
        pieces = [self.words(page).astype("<u4", copy=False).tobytes()[low:high] for page, low, high in self._spans(address, length)]
        return b"".join(pieces)

    def write(self, address: int, data: bytes | memoryview) -> None:
        """Store `data` at byte address `address`."""
        done = 0
        for page, low, high in self._spans(address, len(data)):
            content = bytearray(self.words(page).astype("<u4", copy=False).tobytes())
            content[low:high] = data[done : done + high - low]
            self.page_to_write(page)[:] = np.frombuffer(content, "<u4")
            done += high - low

    def copy(self) -> Image:
        """An independent image with the same content."""
        return Image(self.map, {page: words.copy() for page, words in self.pages.items()}, self.guards)

    def __eq__(self, other: object) -> bool:
        """Same memory and guards; pages of zeros count as absent."""
        if not isinstance(other, Image):
            return NotImplemented
        if (self.map, self.guards) != (other.map, other.guards):
            return False
        return all(np.array_equal(self.words(page), other.words(page)) for page in {*self.pages, *other.pages})

    __hash__ = None  # type: ignore[assignment]

    def _spans(self, address: int, length: int) -> Iterable[tuple[int, int, int]]:
        """(page, first byte in it, end in it) for a range of addresses."""
        end = address + length
        if address < 0 or length < 0 or end > self.map.table_base:
            raise ValueError(f"addresses 0x{address:x}..0x{end:x} are not all data")
        while address < end:
            page, low = divmod(address, self.map.page_bytes)
            high = min(self.map.page_bytes, low + end - address)
            yield page, low, high
            address += high - low

    def _check_page(self, page: int) -> None:
        if not 0 <= page < self.map.table_page:
            raise ValueError(f"page {page} is not a data page")
        if page in self.guards:
            raise ValueError(f"page {page} is a guard page")


class PageTree:
    """Digests of all pages, as pages of the page table: `table_page(t)[slot]` is the digest of child `children(t)[slot]`.

    Table pages that were never touched are known by their height alone. Content is replaced, never changed in place: `copy` is cheap and
    what `table_page` has returned stays as it was.
    """

    def __init__(self, memory_map: MemoryMap, hasher: PageHasher) -> None:
        self.map = memory_map
        self._hasher = hasher
        self._zero_digests = self._digests_of_zero()
        self._tables: dict[int, Words] = {}
        self._root_digest = self._hash_root()

    @classmethod
    def of(cls, image: Image, hasher: PageHasher) -> PageTree:
        """The tree of an image."""
        tree = cls(image.map, hasher)
        tree._climb({page: np.array(guard_digest(image.map.digest_words), np.uint32) for page in image.guards})
        tree.update(image.pages)
        return tree

    def copy(self) -> PageTree:
        """An independent tree with the same content; shares memory with this one until they differ."""
        twin = object.__new__(PageTree)
        twin.__dict__.update(self.__dict__)
        twin._tables = dict(self._tables)
        return twin

    def update(self, pages: Mapping[int, Words]) -> None:
        """Take over the new content of data pages and renew the digests above them."""
        numbers = sorted(pages)
        if numbers:
            self.update_batch(numbers, np.stack([pages[number] for number in numbers]))

    def update_batch(self, numbers: Sequence[int], words: Words) -> None:
        """As `update`, for distinct page `numbers` with `words`: `uint32[len(numbers)][page_words]`."""
        if any(not 0 <= number < self.map.table_page for number in numbers):
            raise ValueError("only data pages can be set: the page table follows from them")
        digests = self._hasher.hash_data_pages(np.ascontiguousarray(words, np.uint32), self.map.tag_data)
        self._climb(dict(zip(numbers, digests, strict=True)))

    def image_id(self) -> Digest:
        """The digest of the root page."""
        return tuple(int(element) for element in self._root_digest)

    def digest(self, page: int) -> Words:
        """The digest of any page, `uint32[digest_words]`; of the root page it is the image ID."""
        if page == self.map.root_page:
            return self._root_digest
        return self.table_page(self.map.parent(page))[self.map.slot(page)]

    def table_page(self, page: int) -> Words:
        """The content of a page of the table: `uint32[arity][digest_words]`, to be read, not written."""
        found = self._tables.get(page)
        return self._zero_table(page) if found is None else found

    def opening(self, page: int) -> list[tuple[int, Words]]:
        """The table pages from the parent of `page` up to the root, each with its content."""
        path: list[tuple[int, Words]] = []
        while page != self.map.root_page:
            page = self.map.parent(page)
            path.append((page, self.table_page(page)))
        return path

    def _climb(self, changed: Mapping[int, Words]) -> None:
        """Put the digests of data pages into the table and renew the digests above them."""
        while changed:
            # The parents of pages of one height are of one height too, except for the root, which is hashed once, last.
            parents = self._place(changed)
            changed = dict(zip(parents, self._hash_tables(parents), strict=True)) if parents else {}
        self._root_digest = self._hash_root()

    def _digests_of_zero(self) -> list[Words]:
        """Digest of an untouched page by its height: of zero data, then of ever larger untouched parts of the table."""
        zero = np.zeros((1, self.map.page_words), np.uint32)
        digests = [self._hasher.hash_data_pages(zero, self.map.tag_data)[0]]
        for _ in range(1, self.map.height(self.map.root_page)):
            digests.append(self._hasher.hash_table_pages(np.tile(digests[-1], (1, self.map.arity, 1)), self.map.tag_table)[0])
        return digests

    def _zero_table(self, page: int) -> Words:
        """The content of an untouched table page. The root's own slot and the slots behind it, which belong to no page, are zero."""
        content = np.zeros((self.map.arity, self.map.digest_words), np.uint32)
        for slot, child in enumerate(self.map.children(page)):
            content[slot] = self._zero_digests[self.map.height(child)]
        return content

    def _place(self, digests: Mapping[int, Words]) -> list[int]:
        """Put digests of pages into their parents; the changed parents, without the root."""
        fresh: dict[int, Words] = {}
        for page, digest in digests.items():
            parent = self.map.parent(page)
            if parent not in fresh:
                fresh[parent] = self.table_page(parent).copy()
            fresh[parent][self.map.slot(page)] = digest
        self._tables.update(fresh)
        return [page for page in fresh if page != self.map.root_page]

    def _hash_tables(self, pages: Sequence[int]) -> Words:
        """Digests of table pages below the root, `uint32[len(pages)][digest_words]`."""
        return self._hasher.hash_table_pages(np.stack([self.table_page(page) for page in pages]), self.map.tag_table)

    def _hash_root(self) -> Words:
        return self._hasher.hash_table_pages(self.table_page(self.map.root_page)[None], self.map.tag_root)[0]


def image_id_hex(digest: Digest) -> str:
    """An image ID for people: its elements as little-endian words, 64 hexadecimal digits for eight of them."""
    return b"".join(element.to_bytes(WORD_BYTES, "little") for element in digest).hex()


def parse_image_id(text: str, digest_words: int = 8) -> Digest:
    """The image ID written as `text` by `image_id_hex`; every digest has exactly one text (either case)."""
    text = arguments.text("image_id", text).strip()
    if len(text) != digest_words * _HEX_DIGITS or not set(text.lower()) <= set("0123456789abcdef"):
        raise InputError(
            f"an image ID has {digest_words * _HEX_DIGITS} hexadecimal digits",
            where=repr(text[:80]),
            hint="`zkc image-id PROGRAM` prints it",
        )
    digest = tuple(int(word) for word in np.frombuffer(bytes.fromhex(text), "<u4"))
    if max(digest) >= P:
        raise InputError(
            "this is not an image ID: one of its words is not a field element", where=repr(text), hint="check that it was copied whole"
        )
    return digest
