"""Python's search for cycles, which is of no use while much is made and nothing given up."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Generator[None]:
    """No garbage collection inside: it takes an eighth to a half of what makes many operations, and there are few cycles to find."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
