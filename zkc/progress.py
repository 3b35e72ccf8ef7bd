"""Progress of long work by phase: bars on a terminal; in a pipe, a log or a notebook a line now and then, and none if it is short."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from zkc.output import note

Progress = Callable[[str, int, int], None]
"""Called with a phase, how much of it is done, and how much there is (0: not known)."""

FIRST_LINE_SECONDS: Final = 10.0
SOON_SECONDS: Final = 1.0
"""Of the first line, where someone waits to go on editing."""
NEXT_LINE_SECONDS: Final = 30.0

A = ParamSpec("A")
R = TypeVar("R")


def no_progress(phase: str, done: int, total: int) -> None:
    """Reports nothing."""


class _Lines:
    """The phases under way, and a thread that says them now and then: work may be silent for minutes, so callbacks alone would not do."""

    def __init__(self) -> None:
        self.silent = False
        self.first = FIRST_LINE_SECONDS
        self._phases: dict[str, tuple[int, int]] = {}
        self._start = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def report(self, phase: str, done: int, total: int) -> None:
        """A Progress."""
        with self._lock:
            self._phases.pop(phase, None)
            if done < total or not total:
                self._phases[phase] = (done, total)

    def end(self) -> None:
        """Nothing is said after this."""
        self._over.set()
        self._thread.join()

    def _speak(self) -> None:
        said = None
        while not self._over.wait(min(self.first, NEXT_LINE_SECONDS, SOON_SECONDS)):
            now = time.monotonic()
            if self.silent or now < (self._start + self.first if said is None else said + NEXT_LINE_SECONDS):
                continue
            said = now
            try:
                note(f"zkc: {self._line()}")
            except (OSError, ValueError):  # no one reads
                return

    def _line(self) -> str:
        with self._lock:
            phases = [f"{name.strip()} {done} of {total}" if total else name.strip() for name, (done, total) in self._phases.items()]
        return f"{', '.join(phases) or 'still at work'}, {time.monotonic() - self._start:.0f} s"


_current: list[_Lines] = []
_lock = threading.Lock()


@contextmanager
def progress_lines() -> Generator[Progress]:
    """A progress callback that says a line on stderr now and then; inside of another, that one's, so that one speaks at a time."""
    with _lock:
        mine = None if _current else _Lines()
        if mine is not None:
            _current.append(mine)
        speaker = _current[0]
    try:
        yield speaker.report
    finally:
        if mine is not None:
            with _lock:
                _current.remove(mine)
            mine.end()


@contextmanager
def progress_bars(*, quiet: bool, soon: bool = False) -> Generator[Progress]:
    """A progress callback: bars on stderr if that is a terminal; lines elsewhere, or if `quiet`, for bars disturb other output. soon: the
    first line comes after a second.
    """
    with progress_lines() as report:
        if soon:
            _current[0].first = min(_current[0].first, SOON_SECONDS)
        if quiet or not sys.stderr.isatty():
            yield report
            return
        speaker = _current[0]
        speaker.silent = True
        try:
            with _bars() as bars:
                yield bars
        finally:
            speaker.silent = False


@contextmanager
def _bars() -> Generator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase)
            bars.update(tasks[phase], completed=done, total=total or None)

        yield report


def in_notebook() -> bool:
    """Whether a notebook shows what this process writes."""
    return "ipykernel" in sys.modules


def spoken(function: Callable[A, R]) -> Callable[A, R]:
    """A function with the option `progress` that, in a notebook and without that option, says a line now and then."""

    @wraps(function)
    def call(*arguments: A.args, **options: A.kwargs) -> R:
        if "progress" in options or not in_notebook():
            return function(*arguments, **options)
        with progress_lines() as progress:
            options["progress"] = progress
            return function(*arguments, **options)

    return call
