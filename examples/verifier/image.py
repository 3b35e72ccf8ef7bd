"""Section 8: the image ID of a program, from its ELF file."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from .field import P
from .poseidon2 import Digest, Poseidon2

STACK_POINTER, STACK_RESERVE, GUARD_BYTES = 2, 0x1000, 0x1_0000
LOAD, PERMISSIONS = 1, 7

Pages = dict[int, bytearray]


def guard_digest() -> Digest:
    stream = hashlib.shake_256(b"zkc: the digest of a guard page, which has no content").digest(64)
    return tuple(int.from_bytes(stream[i : i + 8], "little") % P for i in range(0, 64, 8))


def image_id(elf: bytes, constants: dict[str, Any]) -> Digest:
    """Of a program that zkc runs: what zkc refuses is not refused here."""
    entry, loaded, marked = read_elf(elf)
    pages, size = Pages(), int(constants["page_bytes"])
    for address, data, _ in loaded:
        write(pages, size, address, data)
    _write_system_page(pages, constants, entry, max(address + length for address, _, length in loaded))
    guards = guard_pages(constants, [(address, address + length) for address, _, length in loaded], marked)
    return page_tree(pages, guards, constants)


def read_elf(elf: bytes) -> tuple[int, list[tuple[int, bytes, int]], list[tuple[int, int]]]:
    """Entry address; (address, data, bytes with the zeros behind) of what is loaded; address ranges of segments without permissions."""
    entry, table = struct.unpack_from("<II", elf, 24)
    entry_size, count = struct.unpack_from("<HH", elf, 42)
    loaded, marked = list[tuple[int, bytes, int]](), list[tuple[int, int]]()
    for number in range(count):
        kind, offset, address, _, in_file, in_memory, flags, _ = struct.unpack_from("<8I", elf, table + number * entry_size)
        if kind == LOAD and not flags & PERMISSIONS:
            marked.append((address, address + in_memory))
        elif kind == LOAD and in_memory:
            loaded.append((address, elf[offset : offset + in_file], in_memory))
    return entry, loaded, marked


def write(pages: Pages, size: int, address: int, data: bytes) -> None:
    while data:
        number, low = divmod(address, size)
        part = data[: size - low]
        pages.setdefault(number, bytearray(size))[low : low + len(part)] = part
        address, data = address + len(part), data[len(part) :]


def _write_system_page(pages: Pages, constants: dict[str, Any], entry: int, end: int) -> None:
    """Everything else in it is zero."""
    heap = -(-end // 16) * 16
    words = {
        STACK_POINTER: constants["user_end"] - STACK_RESERVE,
        constants["word_pc"]: entry,
        constants["word_brk"]: heap,
        constants["word_heap_start"]: heap,
        constants["word_journal_capacity"]: constants["tag_journal"],
    }
    for word, value in words.items():
        write(pages, constants["page_bytes"], constants["system_base"] + 4 * word, struct.pack("<I", value))


def guard_pages(constants: dict[str, Any], loaded: list[tuple[int, int]], marked: list[tuple[int, int]]) -> set[int]:
    """Pages in the guarded ranges, whole ones without a byte of a segment."""
    size, end, heap_end = constants["page_bytes"], constants["user_end"], constants["brk_end"]
    lowest = min(start for start, _ in loaded)
    ranges = [(0, min(GUARD_BYTES, lowest)), (heap_end, heap_end + GUARD_BYTES), *_joined(marked, end)]
    wanted = {page for start, stop in ranges for page in range(-(-start // size), stop // size)}
    return wanted - {page for start, stop in loaded for page in range(start // size, -(-stop // size))}


def _joined(ranges: list[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Ranges that touch or overlap are one; nothing lies behind the end of user memory."""
    out = list[tuple[int, int]]()
    for start, stop in sorted((start, min(stop, end)) for start, stop in ranges if start < end):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(stop, out[-1][1]))
        else:
            out.append((start, stop))
    return out


def page_tree(pages: Pages, guards: set[int], constants: dict[str, Any]) -> Digest:
    """The hash of the root page. Only what is not as in empty memory is hashed, level by level."""
    table, arity, root, hashes = constants["table_page"], constants["arity"], constants["root_page"], Poseidon2(constants)
    size = constants["page_bytes"]
    digests = {number: hashes.data_page(struct.unpack(f"<{size // 4}I", page), constants["tag_data"]) for number, page in pages.items()}
    digests |= dict.fromkeys(guards, guard_digest())
    empty = hashes.data_page([0] * (size // 4), constants["tag_data"])
    top = dict[int, Digest]()
    first, end = 0, table  # the pages of this level
    while True:
        parents = (table + first // arity, table + (end - 1) // arity + 1)
        top |= {page: digests.get(page, empty) for page in range(first, end) if table + page // arity == root}
        if parents[0] >= root:
            break
        above = dict[int, list[Digest]]()
        for page, digest in digests.items():
            if table + page // arity != root:
                above.setdefault(table + page // arity, [empty] * arity)[page % arity] = digest
        digests = {page: hashes.table_page(found, constants["tag_table"]) for page, found in above.items()}
        empty = hashes.table_page([empty] * arity, constants["tag_table"])
        first, end = end, min(parents[1], root)
    slots = [(0,) * 8] * arity
    for page, digest in top.items():
        slots[page % arity] = digest
    return hashes.table_page(slots, constants["tag_root"])


def text(digest: Digest) -> str:
    """64 hexadecimal digits: the elements as little-endian words."""
    return struct.pack("<8I", *digest).hex()
