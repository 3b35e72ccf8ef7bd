"""Which instructions caused what a segment pays beside its rows: pages, and the end of the segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Origin = tuple[int, int]
"""pc of an instruction, and what the return address register held: in a function that calls none, where its caller goes on."""

FULL: Final = "full"
"""A table or the segment as a whole has no room for the next instruction."""
REWRITTEN: Final = "rewritten"
"""Code was written after it had run, or was run after it had been written, in the same segment."""
CLOCK: Final = "clock"
"""The clock of a segment is at its end."""
MOST_ORIGINS: Final = 1 << 16
"""Told apart; the rest are one origin, (0, 0)."""


@dataclass
class Paging:
    """How often an instruction opened a page (or a second version of one, to write to it), and the rows that this took."""

    times: int = 0
    data_rows: int = 0
    table_rows: int = 0


@dataclass
class Origins:
    """cuts: (reason, origin) of each segment's end but the last. paging: what each instruction opened."""

    cuts: list[tuple[str, Origin]] = field(default_factory=lambda: [])
    paging: dict[Origin, Paging] = field(default_factory=lambda: {})

    def count(self, origin: Origin, data_rows: int, table_rows: int) -> None:
        """One page opened."""
        if origin not in self.paging:
            origin = origin if len(self.paging) < MOST_ORIGINS else (0, 0)
        found = self.paging.setdefault(origin, Paging())
        found.times += 1
        found.data_rows += data_rows
        found.table_rows += table_rows
