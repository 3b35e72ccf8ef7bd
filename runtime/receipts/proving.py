"""Proving many segments: in this process, in a pool of processes, or on another backend; with resume and progress.

A work unit is anything that can be pickled and that `prove_one` turns into a `SegmentReceipt`, in any order and any process. They come
from an iterator that may still be executing the program: it is asked for a unit only when one can be started, so few are in memory at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from zkc.runtime import arguments
from zkc.runtime.errors import InternalError, VerificationError
from zkc.runtime.kernels.arena import arena
from zkc.runtime.receipts.receipt import SegmentReceipt
from zkc.runtime.receipts.resume import ResumeStore
from zkc.runtime.receipts.workers import Failure, attempt, run_tasks

Unit = Any
ProveOne = Callable[[Unit], SegmentReceipt]
Check = Callable[[Unit, SegmentReceipt], None]


@dataclass(frozen=True)
class Progress:
    """Segment `index` is done. done: how many are, this one included. resumed: it was proven earlier."""

    index: int
    done: int
    seconds: float
    proof_bytes: int
    resumed: bool = False


class Backend(Protocol):
    """Where proving happens."""

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """(index, outcome) for each (index, unit), in any order; takes units only as fast as it starts them. Closing it stops all work."""
        ...


Outcome = SegmentReceipt | Failure


def prove_segments(
    units: Iterable[Unit],
    prove_one: ProveOne,
    *,
    jobs: int = 1,
    store: ResumeStore | None = None,
    identity: Callable[[Unit], bytes] = lambda unit: b"",
    check: Check = lambda unit, segment: None,
    progress: Callable[[Progress], None] = lambda step: None,
    backend: Backend | None = None,
) -> tuple[SegmentReceipt, ...]:
    """The receipts of all units, in order. An error in one stops all, as a full disk does; what is finished stays in `store`.

    jobs: processes on this machine, 1 for none but this one. identity: bytes that tell a unit from others at its place, against a stored
    segment of another execution. check: raises VerificationError unless the segment proves the unit; a stored one is then proven anew.
    backend: replaces the local ones.
    """
    jobs = arguments.jobs(jobs)
    run = _Run(store, identity, check, progress)
    outcomes = (backend or (InProcess() if jobs == 1 else LocalPool(jobs))).run(run.missing(units), prove_one)
    try:
        for index, outcome in outcomes:
            if isinstance(outcome, Failure):
                raise outcome.as_error(f"segment {index} could not be proven")
            run.finish(index, outcome)
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()
    return tuple(run.done[index] for index in sorted(run.done))


class _Run:
    """What is done so far, and how a finished segment is checked, stored and reported."""

    def __init__(
        self,
        store: ResumeStore | None,
        identity: Callable[[Unit], bytes],
        check: Check,
        progress: Callable[[Progress], None],
    ) -> None:
        self.done: dict[int, SegmentReceipt] = {}
        self._store = store
        self._identity = identity
        self._check = check
        self._progress = progress
        self._begun: dict[int, Unit] = {}
        self._start = time.monotonic()

    def missing(self, units: Iterable[Unit]) -> Iterator[tuple[int, Unit]]:
        """The numbered units that are not in the store; the others are done."""
        for index, unit in enumerate(units):
            stored = self._stored(index, unit)
            if stored is None:
                self._begun[index] = unit
                yield index, unit
            else:
                self._report(index, stored, resumed=True)

    def finish(self, index: int, segment: SegmentReceipt) -> None:
        """Check and keep a proven segment."""
        unit = self._begun.pop(index)
        try:
            self._check(unit, segment)
        except VerificationError as error:
            hint = "if the process that made it had another version of zkc, install one everywhere; otherwise please report it"
            raise InternalError(f"the proof of segment {index} does not verify: {error.message}", where=error.where, hint=hint) from error
        if self._store is not None:
            self._store.save(index, self._identity(unit), segment)
        self._report(index, segment)

    def _stored(self, index: int, unit: Unit) -> SegmentReceipt | None:
        """The segment from the store, if it is there and proves the unit."""
        stored = None if self._store is None else self._store.load(index, self._identity(unit))
        if self._store is None or stored is None:
            return None
        try:
            self._check(unit, stored)
        except VerificationError:
            self._store.forget(index)
            return None
        return stored

    def _report(self, index: int, segment: SegmentReceipt, *, resumed: bool = False) -> None:
        self.done[index] = segment
        self._progress(Progress(index, len(self.done), time.monotonic() - self._start, len(segment.proof), resumed))


class InProcess:
    """One segment after the other, each on all threads: least memory."""

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """As `Backend.run`."""
        try:
            for index, unit in units:
                yield index, attempt(prove_one, unit)
        finally:
            arena().trim()


@dataclass(frozen=True)
class LocalPool:
    """`jobs` processes on this machine, which share its cores. `prove_one` is pickled once for each process."""

    jobs: int

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """As `Backend.run`; when left early (error, Ctrl-C) the processes are ended at once."""
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        return run_tasks(prove_one, units, processes=self.jobs, threads=threads)
