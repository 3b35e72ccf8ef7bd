"""Progress on a terminal, by phase and segment; silence when the output is not watched."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from zkc.api import Progress, no_progress


@contextmanager
def progress_bars(*, quiet: bool) -> Generator[Progress]:
    """A progress callback; bars on stderr if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield no_progress
        return
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
