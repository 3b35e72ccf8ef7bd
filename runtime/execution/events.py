"""Why a generated executor leaves its loop."""

from __future__ import annotations

from typing import Final

FUEL: Final = 1  # the step budget is spent
BAD_PC: Final = 2  # pc misaligned or outside user memory
DECODE: Final = 3  # the word at pc is not decoded yet in this segment
FULL: Final = 4  # table `arg` is full
TOUCH: Final = 5  # the page of word `arg` is not in yet
DIRTY: Final = 6  # the page of word `arg` is written for the first time
STORE_CODE: Final = 7  # word `arg` was fetched as code in this segment
FAULT: Final = 8  # fault number `arg`
HOST: Final = 9  # the host must act: halted, console, journal full
NO_SERVICE: Final = 10  # no environment call applies
