"""When a word was accessed last, and its mark, in one word of 32 bits: the time below, two bits of mark above."""

from __future__ import annotations

from typing import Final

TIME_BITS: Final = 30
TIMES: Final = 1 << TIME_BITS
"""Times are below this."""
MARKS: Final = 4
"""And marks below this."""


def stamp(time: int, mark: int) -> int:
    """Both in one word."""
    return time | mark << TIME_BITS
