"""How a command is stopped: SIGINT (Ctrl-C), SIGTERM and SIGHUP all unwind it, so that what is finished is kept and said."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from zkc.output import note

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS: Final = 5.0
"""To unwind. Python hears of a signal only when native code returns, and one kernel may take Numba a minute."""

STATUS: Final = 128
"""Added to the number of the signal, as shells do."""


class Stopped(KeyboardInterrupt):
    """A signal asked the command to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(describe(number))
        self.status = STATUS + number


def describe(number: int) -> str:
    """What happened, for people."""
    return "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"


@contextmanager
def stoppable() -> Generator[None]:
    """Inside, the first signal raises Stopped; others are ignored then, and the process ends at the latest after the grace.

    A signal that is ignored from the start (`nohup`) stays so. Does nothing outside of the main thread.
    """
    heard = [number for number in SIGNALS if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)]
    if threading.current_thread() is not threading.main_thread() or not heard:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in heard}
    read, write = os.pipe()
    os.set_blocking(write, False)
    # Python's handler in C writes the number there at once, whatever the main thread does.
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_end_the_deaf, args=(read,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        os.close(write)
        watcher.join()
        os.close(read)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_the_deaf(read: int) -> None:
    """Waits for the first signal, and ends the process if the pipe is not closed within the grace."""
    first = os.read(read, 1)
    if not first:
        return
    left = GRACE_SECONDS
    while select.select([read], [], [], left)[0]:
        if not os.read(read, 1):
            return
    note(f"zkc: {describe(first[0])}; the same command goes on with what is finished")
    os._exit(STATUS + first[0])
