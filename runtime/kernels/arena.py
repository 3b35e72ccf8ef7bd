"""Memory for large arrays, which stays with the process when they are gone: a page of the operating system is costly to get.

One range of addresses is reserved at first use, and pieces of it are lent, the first that is large enough. A piece comes back with the
last view of its array, joins its neighbours, and is lent again. Where nothing can be reserved, arrays are ordinary ones.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

LARGE: Final = 1 << 20
"""Bytes from which on an array is worth a piece."""
_GRAIN: Final = 1 << 16
"""Pieces begin at multiples of this; the kernel's large pages are taken for the whole range."""
_NO_RESERVE: Final = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE, which Python's mmap knows from 3.13 on."""


def empty(*shape: int) -> Words:
    """`uint32[shape]`, not initialised."""
    size = 4 * int(np.prod(shape, dtype=np.int64))
    found = arena().lend(size) if size >= LARGE else None
    return np.empty(shape, dtype=np.uint32) if found is None else found.view(np.uint32).reshape(shape)


def zeros(*shape: int) -> Words:
    """`uint32[shape]` of zeros."""
    if 4 * int(np.prod(shape, dtype=np.int64)) < LARGE:
        return np.zeros(shape, dtype=np.uint32)
    words = empty(*shape)
    words[...] = 0
    return words


def concatenate(parts: Iterable[Words]) -> Words:
    """Rows of all parts, one after the other: `uint32[sum][n]` from `uint32[.][n]`."""
    parts = list(parts)
    return np.concatenate(parts, out=empty(sum(map(len, parts)), parts[0].shape[1]))


class Arena:
    """size: bytes that are reserved; they are taken from the system as they are used."""

    def __init__(self, size: int) -> None:
        self._map = _reserved(size)
        self._start = 0 if self._map is None else np.frombuffer(self._map, dtype=np.uint8).ctypes.data
        self._free = [] if self._map is None else [(0, size)]
        self._back: deque[tuple[int, int]] = deque()
        self._lock = threading.Lock()

    def lend(self, size: int) -> npt.NDArray[np.uint8] | None:
        """`uint8[size]`, not initialised; None if there is no piece that large."""
        whole = -(-size // _GRAIN) * _GRAIN
        with self._lock:
            self._take_back()
            for k, (start, stop) in enumerate(self._free):
                if stop - start >= whole:
                    self._free[k : k + 1] = [(start + whole, stop)] if stop - start > whole else []
                    return np.asarray(_Loan(self._back, self._start, start, start + whole, size))
        return None

    def trim(self) -> None:
        """Gives the system what is not lent."""
        if self._map is None:
            return
        with self._lock:
            self._take_back()
            for start, stop in self._free:
                self._map.madvise(mmap.MADV_DONTNEED, start, stop - start)

    def free(self) -> int:
        """Bytes that are not lent."""
        with self._lock:
            self._take_back()
            return sum(stop - start for start, stop in self._free)

    def _take_back(self) -> None:
        """Pieces that came back join those beside them."""
        if not self._back:
            return
        pieces = sorted([*self._free, *(self._back.popleft() for _ in range(len(self._back)))])
        self._free = pieces[:1]
        for start, stop in pieces[1:]:
            if start == self._free[-1][1]:
                self._free[-1] = (self._free[-1][0], stop)
            else:
                self._free.append((start, stop))


class _Loan:
    """A piece as the owner of an array's memory. It comes back through a queue: it may end in any thread, while the arena is locked."""

    def __init__(self, back: deque[tuple[int, int]], base: int, start: int, stop: int, size: int) -> None:
        self._end = lambda: back.append((start, stop))
        self.__array_interface__: dict[str, Any] = {"data": (base + start, False), "shape": (size,), "typestr": "|u1", "version": 3}

    def __del__(self) -> None:
        self._end()


def _reserved(size: int) -> mmap.mmap | None:
    """A range of so many bytes, in large pages where the system has them."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    try:
        found = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", _NO_RESERVE))
        if hasattr(mmap, "MADV_HUGEPAGE"):
            found.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a limit of the process, or of the system
        return None
    return found


_arenas: dict[int, Arena] = {}
_making: Final = threading.Lock()


def arena() -> Arena:
    """That of this process, as large as the machine's memory."""
    with _making:
        return _arenas.get(os.getpid()) or _arenas.setdefault(os.getpid(), Arena(machine_memory()))


def machine_memory() -> int:
    """Bytes of the machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _GRAIN * _GRAIN
    except (AttributeError, ValueError, OSError):
        return 1 << 34
