"""The standard streams of a command, so that what cannot be written is known, and is never taken for something else.

stdout carries the answer: a failure to write it is an `OutputError`, or a BrokenPipeError if its reader went away. stderr carries messages,
notes and progress beside the status: what cannot be written there is dropped. Neither fails on a character that its encoding lacks.
"""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from zkc.runtime.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Descriptor(io.RawIOBase):
    """Descriptor `number` as a raw stream; after a failure it takes everything and writes nothing, as nothing can mend it."""

    def __init__(self, number: int, name: str, *, answer: bool, closed: bool) -> None:
        self._number = number
        self._name = name
        self._answer = answer
        self._closed = closed
        self._broken = closed and not answer

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return not self._closed and os.isatty(self._number)

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).nbytes
        if self._broken:
            return left
        try:
            if self._closed:
                raise OSError(9, "it is closed")
            return self._write(data)
        except OSError as error:
            self._broken = True
            if not self._answer:
                return left
            if isinstance(error, BrokenPipeError):
                raise
            reason = str(error.strerror)
            hint = "this says nothing about what was asked: give the command a place to write to"
            raise OutputError(f"cannot write the answer to {self._name}: {reason[:1].lower()}{reason[1:]}", hint=hint) from None

    def _write(self, data: ReadableBuffer) -> int:
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # the other end asked not to be waited for, which is no reason to lose the answer
                select.select([], [self._number], [])


@contextmanager
def standard_streams() -> Generator[None]:
    """stdout and stderr as above, inside the block."""
    closed = _occupy()
    before = sys.stdout, sys.stderr
    for stream in before:
        if stream is not None:  # pyright: ignore[reportUnnecessaryComparison]  # as Python has it when the descriptor is closed
            stream.flush()
    sys.stdout = _text(_Descriptor(1, "stdout", answer=True, closed=1 in closed), sys.stdout)
    sys.stderr = _text(_Descriptor(2, "stderr", answer=False, closed=2 in closed), sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _text(raw: _Descriptor, before: TextIO | None) -> TextIO:
    encoding = getattr(before, "encoding", None) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=raw.isatty() or raw.fileno() == 2)


def _occupy() -> set[int]:
    """The standard descriptors that are closed; /dev/null takes their places, or the next file to be opened would get their text."""
    closed: set[int] = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    return closed
