"""Processes that do tasks beside this one, and end with it, however it ends.

They are killed when the pool is left. If this process is gone before it can do that, the kernel kills them where it has PR_SET_PDEATHSIG
(Linux); anywhere a thread of theirs sees the end of a pipe that only this process held open. The thread alone would not do: Python's lock
may be held for a minute while a kernel is compiled.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zkc.runtime.errors import InternalError, ZkcError
from zkc.runtime.kernels import cache
from zkc.runtime.kernels.threads import set_threads

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Task = Any
Work = Callable[[Any], Any]
"""Does a task; it and the tasks are pickled."""

PR_SET_PDEATHSIG: Final = 1
STOPPING: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@dataclass(frozen=True)
class Failure:
    """An exception as plain data: exceptions with arguments of their own do not survive pickling."""

    message: str
    where: str | None = None
    hint: str | None = None
    trace: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What went wrong; a fault that is not for people keeps its traceback."""
        if isinstance(error, ZkcError):
            return cls(error.message, error.where, error.hint)
        if isinstance(error, MemoryError):
            return cls("there is not enough memory", None, "use fewer `--jobs` or a smaller segment limit")
        hint = "this is a fault of zkc: please report it with the lines below"
        return cls(f"{type(error).__name__}: {error}", None, hint, traceback.format_exc())

    @classmethod
    def of_process(cls, code: int) -> Failure:
        """Its process ended. code: its exit status, or the number of the signal that ended it, negative."""
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            hint = "most often memory ran out: use fewer `--jobs` or a smaller segment limit"
            return cls(f"its process ended unexpectedly, twice, by {name}", None, hint)
        hint = 'the lines above say why; a script that uses several processes needs `if __name__ == "__main__":`'
        return cls(f"its process ended unexpectedly with status {code}", None, hint)

    def as_error(self, what: str) -> ZkcError:
        """The error for people. what: what could not be done ("segment 3 could not be proven")."""
        kind = InternalError if self.trace else ZkcError
        error = kind(f"{what}: {self.message}", where=self.where, hint=self.hint)
        if self.trace:
            error.add_note(self.trace)
        return error


def attempt(work: Work, task: Task) -> Any:
    """The task's result, or the Failure that there is instead."""
    try:
        return work(task)
    except Exception as error:
        return Failure.of(error)


def run_tasks(work: Work, tasks: Iterator[tuple[int, Task]], *, processes: int, threads: int) -> Generator[tuple[int, Any]]:
    """(number, result or Failure) for each (number, task), in any order; takes a task only when a process is free for it.

    processes: at most so many at a time, each with so many `threads`. Closing the generator kills them. The task of a process that was
    ended by a signal, as by a system that is short of memory, is done once more in another.
    """
    cache.share_temporary()
    idle: list[_Worker] = []
    busy: dict[_Worker, tuple[int, Task]] = {}
    again: list[tuple[int, Task]] = []
    lost: set[int] = set()
    try:
        while True:
            while len(busy) < processes and (item := again.pop() if again else next(tasks, None)) is not None:
                worker = idle.pop() if idle else _Worker(work, threads)
                busy[worker] = item
                worker.start(item[1])
            if not busy:
                return
            for worker in _ready(busy):
                number, task = busy.pop(worker)
                outcome = worker.outcome()
                code = worker.exit_code()
                if code is None:
                    idle.append(worker)
                elif code < 0 and number not in lost:
                    lost.add(number)
                    again.append((number, task))
                    continue
                yield number, outcome
    finally:
        for worker in (*idle, *busy):
            worker.kill()


class _Worker:
    """One process, which has at most one task at a time."""

    def __init__(self, work: Work, threads: int) -> None:
        import multiprocessing

        # Spawn, not fork: Numba's and our own threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.pipe, self._theirs = context.Pipe()
        # A daemon, so that Python, too, ends it at exit.
        self.process = context.Process(target=_serve, args=(self._theirs, work, threads), daemon=True)
        self._failure: Failure | None = None

    def start(self, task: Task) -> None:
        """Hand over a task, and start the process if it does not run yet."""
        if self.process.pid is None:
            with self._theirs, _signals_held_back():
                self.process.start()
        try:
            self.pipe.send(task)
        except OSError:  # it ended; the end of the pipe says so once more
            pass
        except Exception as error:  # the task cannot be pickled
            self._failure = Failure.of(error)

    def ready(self) -> bool:
        """Whether `outcome` need not wait."""
        return self._failure is not None or self.pipe.poll() or not self.process.is_alive()

    def outcome(self) -> Any:
        """The result of the task, or the Failure that there is instead."""
        failure, self._failure = self._failure, None
        if failure is not None:
            return failure
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.kill()
            return Failure.of_process(self.process.exitcode or 0)
        except Exception as error:  # the result cannot be unpickled
            return Failure.of(error)

    def exit_code(self) -> int | None:
        """Of a process that ended."""
        return self.process.exitcode

    def kill(self) -> None:
        """End the process now, if it runs."""
        if self.process.pid is not None:
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _ready(busy: dict[_Worker, Any]) -> list[_Worker]:
    """Waits until at least one of them has an outcome."""
    from multiprocessing.connection import wait

    while not (ready := [worker for worker in busy if worker.ready()]):
        wait([*(worker.pipe for worker in busy), *(worker.process.sentinel for worker in busy)])
    return ready


@contextlib.contextmanager
def _signals_held_back() -> Generator[None]:
    """A process that is started inside begins with these signals blocked, so that none finds it half made."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # here, because it unblocks signals when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, work: Work, threads: int) -> None:
    """What a process of the pool does."""
    end_with_parent()
    # Ctrl-C is for the parent, which ends its processes itself.
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGINT})
    os.environ["ZKC_THREADS"] = str(threads)
    set_threads(threads)
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        while True:
            try:
                task = pipe.recv()
            except (EOFError, OSError):
                raise
            except Exception as error:  # the task cannot be unpickled
                outcome: Any = Failure.of(error)
            else:
                outcome = attempt(work, task)
            try:
                pipe.send(outcome)
            except OSError:
                raise
            except Exception as error:  # the result cannot be pickled
                pipe.send(Failure.of(error))


def end_with_parent() -> None:
    """In a spawned process: end it as soon as the process that made it is gone."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    assert parent is not None
    with contextlib.suppress(OSError, AttributeError):
        # The parent is the thread that started this process: it waits for it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if os.getppid() != parent.pid:  # it was gone before this function was called
        os._exit(1)
