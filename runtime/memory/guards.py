"""Guard pages: pages of user memory that a program can never touch, so that a bad pointer is a fault and not a wrong result.

A guard page has no content. Its slot in the page table holds a digest of which no one knows a preimage (`zkc.runtime.memory.image`), so no
proof can page it in. Which pages are guards follows from the program headers alone, not from symbols: a stripped program has the same
image ID.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zkc.runtime.guest.abi import GUARD_BYTES
from zkc.runtime.memory.map import MemoryMap

Range = tuple[int, int]
"""Byte addresses: the first, and the first behind."""


@dataclass(frozen=True)
class Guard:
    """Addresses `start` .. `end` (whole pages, end not included) that fault, and what a fault there means."""

    start: int
    end: int
    message: str
    hint: str


def find_guards(segments: Sequence[Range], marked: Iterable[Range], memory_map: MemoryMap) -> tuple[Guard, ...]:
    """The guards of a program: low memory, the end of the stack, and the ranges `marked` in the ELF. `segments` is not empty.

    Only whole pages on which no segment has a byte: what a program loads is its own, wherever it lies.
    """
    lowest = min(start for start, _ in segments)
    limit = memory_map.brk_end + GUARD_BYTES
    room = f"0x{memory_map.stack_pointer - limit:x} bytes, 0x{limit:08x} to 0x{memory_map.stack_pointer:08x}"
    wanted = [
        Guard(
            0,
            min(GUARD_BYTES, lowest),
            "null pointer",
            f"a pointer that was never set, or memory that could not be allocated; nothing is loaded below 0x{lowest:08x},"
            " and a program that means to use that memory must have it in a segment, for instance as a .bss section",
        ),
        Guard(
            memory_map.brk_end,
            limit,
            "stack overflow",
            f"the stack has {room}: recurse less deeply, and keep large arrays out of functions, in static memory or on the heap"
            " (an array on the heap that is written beyond its end comes here, too)",
        ),
        *(
            Guard(start, end, "guard page", "the ELF has a segment here that may be neither read nor written nor executed")
            for start, end in _merged(marked)
        ),
    ]
    loaded = np.zeros(memory_map.user_pages, np.bool_)
    for start, end in segments:
        loaded[start // memory_map.page_bytes : -(-end // memory_map.page_bytes)] = True
    return tuple(piece for guard in wanted for piece in _free(guard, loaded, memory_map.page_bytes))


def _free(guard: Guard, loaded: npt.NDArray[np.bool_], page: int) -> list[Guard]:
    """The parts of `guard` that are whole pages without a byte of a segment; `loaded` says of each page whether it has one."""
    first, end = -(-guard.start // page), guard.end // page
    free = np.concatenate([[False], ~loaded[first:end], [False]])
    edges = first + np.flatnonzero(free[1:] != free[:-1])
    return [replace(guard, start=int(start) * page, end=int(stop) * page) for start, stop in edges.reshape(-1, 2)]


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses as ranges in order, without overlap: what is done for each is bounded by memory, not by the file."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
