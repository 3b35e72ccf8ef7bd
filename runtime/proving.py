"""Proving many segments: in this process, in a pool of processes, or on another backend; with resume and progress.

A work unit is anything that can be pickled and that `prove_one` turns into a `SegmentReceipt`, in any order and any process. They come
from an iterator that may still be executing the program: it is asked for a unit only when one can be started, so few are in memory at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from zkc.runtime.errors import InputError, ZkcError
from zkc.runtime.receipt import SegmentReceipt
from zkc.runtime.resume import ResumeStore
from zkc.runtime.threads import set_threads

Unit = Any
ProveOne = Callable[[Unit], SegmentReceipt]


@dataclass(frozen=True)
class Progress:
    """Segment `index` is done. done: how many are, this one included. resumed: it was proven earlier. note: what the user should know."""

    index: int
    done: int
    seconds: float
    proof_bytes: int
    resumed: bool = False
    note: str | None = None


class Backend(Protocol):
    """Where proving happens."""

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """(index, outcome) for each (index, unit), in any order; takes units only as fast as it starts them. Closing it stops all work."""
        ...


@dataclass(frozen=True)
class Failure:
    """An exception as plain data: exceptions with arguments of their own do not survive pickling."""

    message: str
    where: str | None
    hint: str | None
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What went wrong; a fault that is not for people keeps its traceback."""
        if isinstance(error, ZkcError):
            return cls(error.message, error.where, error.hint, "")
        if isinstance(error, MemoryError):
            return cls("there is not enough memory", None, "use fewer `--jobs` or a smaller segment limit", "")
        hint = "this is a fault of zkc: please report it with the lines below"
        return cls(f"{type(error).__name__}: {error}", None, hint, traceback.format_exc())

    def as_error(self, index: int) -> ZkcError:
        """The error for people, with the number of the segment."""
        error = ZkcError(f"segment {index} could not be proven: {self.message}", where=self.where, hint=self.hint)
        if self.trace:
            error.add_note(self.trace)
        return error


Outcome = SegmentReceipt | Failure


def prove_segments(
    units: Iterable[Unit],
    prove_one: ProveOne,
    *,
    jobs: int = 1,
    store: ResumeStore | None = None,
    identity: Callable[[Unit], bytes] = lambda unit: b"",
    progress: Callable[[Progress], None] = lambda step: None,
    backend: Backend | None = None,
) -> tuple[SegmentReceipt, ...]:
    """The receipts of all units, in order. An error in one stops all; what is finished stays in `store`.

    jobs: processes on this machine, 1 for none but this one. identity: bytes that tell a unit from others at its place, against a stored
    segment of another execution. backend: replaces the local ones.
    """
    if jobs < 1:
        raise InputError(f"cannot prove in {jobs} processes", hint="give a number of at least 1")
    run = _Run(store, identity, progress)
    outcomes = (backend or (InProcess() if jobs == 1 else LocalPool(jobs))).run(run.missing(units), prove_one)
    try:
        for index, outcome in outcomes:
            if isinstance(outcome, Failure):
                raise outcome.as_error(index)
            run.finish(index, outcome)
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()
    return tuple(run.done[index] for index in sorted(run.done))


class _Run:
    """What is done so far, and how a finished segment is stored and reported."""

    def __init__(self, store: ResumeStore | None, identity: Callable[[Unit], bytes], progress: Callable[[Progress], None]) -> None:
        self.done: dict[int, SegmentReceipt] = {}
        self._store = store
        self._identity = identity
        self._progress = progress
        self._identities: dict[int, bytes] = {}
        self._start = time.monotonic()

    def missing(self, units: Iterable[Unit]) -> Iterator[tuple[int, Unit]]:
        """The numbered units that are not in the store; the others are done."""
        for index, unit in enumerate(units):
            self._identities[index] = self._identity(unit)
            stored = self._store.load(index, self._identities[index]) if self._store else None
            if stored is None:
                yield index, unit
            else:
                self._report(index, stored, resumed=True)

    def finish(self, index: int, segment: SegmentReceipt) -> None:
        """Keep a proven segment. A store that fails costs the resume, not the proof."""
        note = None
        if self._store is not None:
            try:
                self._store.save(index, self._identities.pop(index), segment)
            except InputError as error:
                self._store, note = None, f"finished segments are not kept for a resume any more: {error.message}"
        self._report(index, segment, note=note)

    def _report(self, index: int, segment: SegmentReceipt, *, resumed: bool = False, note: str | None = None) -> None:
        self.done[index] = segment
        self._progress(Progress(index, len(self.done), time.monotonic() - self._start, len(segment.proof), resumed, note))


def attempt(prove_one: ProveOne, unit: Unit) -> Outcome:
    """The segment's receipt, or why there is none."""
    try:
        return prove_one(unit)
    except Exception as error:
        return Failure.of(error)


class InProcess:
    """One segment after the other, each on all threads: least memory."""

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """As `Backend.run`."""
        for index, unit in units:
            yield index, attempt(prove_one, unit)


@dataclass(frozen=True)
class LocalPool:
    """`jobs` processes on this machine, which share its cores. `prove_one` is pickled once for each process."""

    jobs: int

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """As `Backend.run`; when left early (error, Ctrl-C) the processes are ended at once."""
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        others = set(multiprocessing.active_children())
        # Spawn, not fork: Numba's and our own threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_start_worker, initargs=(prove_one, threads))
        pending: dict[Future[Outcome], int] = {}
        try:
            for index, unit in units:
                pending[pool.submit(_work, unit)] = index
                if len(pending) > self.jobs:
                    yield from _finished(pending)
            while pending:
                yield from _finished(pending)
        except BaseException:
            _end(set(multiprocessing.active_children()) - others)
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(pending: dict[Future[Outcome], int]) -> Iterator[tuple[int, Outcome]]:
    """Wait until some are finished, take them out of `pending` and give them."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        index = pending.pop(future)
        try:
            outcome = future.result()
        except BrokenProcessPool:
            hint = "most often memory ran out: use fewer `--jobs` or a smaller segment limit"
            outcome = Failure("a proving process ended unexpectedly", None, hint, "")
        except Exception as error:  # the unit or its receipt could not be pickled
            outcome = Failure.of(error)
        yield index, outcome


def _end(processes: set[BaseProcess]) -> None:
    for process in processes:
        process.terminate()


_prove_one: ProveOne | None = None


def _start_worker(prove_one: ProveOne, threads: int) -> None:
    """Runs once in each process of a pool. Ctrl-C is for the parent, which ends its processes itself."""
    global _prove_one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["ZKC_THREADS"] = str(threads)
    set_threads(threads)
    _prove_one = prove_one


def _work(unit: Unit) -> Outcome:
    assert _prove_one is not None
    return attempt(_prove_one, unit)
