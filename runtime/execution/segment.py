"""A segment: everything another process needs to make its trace again and prove it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]


@dataclass
class Segment:
    """A self-contained unit of work.

    pages: the touched user and system pages (`uint32[page_words]`) as they are at the start; dirty: those written. table_pages: the pages
    of the page table that open them (`uint32[arity][8]` digests, at the start). code: the word addresses fetched. steps: rows of step
    tables.
    """

    index: int
    pages: dict[int, Words]
    dirty: frozenset[int]
    table_pages: dict[int, Words]
    code: npt.NDArray[np.int64]
    steps: int
    rows: dict[str, int]
    stdin: bytes | None = field(repr=False)
    stdin_position: int
    last: bool
    exit_code: int
    pre: tuple[int, ...]
    post: tuple[int, ...]
    blind: tuple[int, ...] = (0, 0, 0, 0)
    retired: int = 0

    def outline(self) -> Segment:
        """What it costs and how it ends, without what is needed to prove it: a hundredth of the memory."""
        nothing: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        return replace(self, pages={}, dirty=frozenset(), table_pages={}, code=nothing, stdin=None)
