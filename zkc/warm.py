"""Compiles every kernel to machine code before someone waits for it: the generated ones and the proof system's own.

What is compiled is kept, so a process that calls a kernel once, on nothing, does it for all others. The kernels are divided among
processes, for Numba compiles one function at a time. The circuits are compiled in a thread of this one, and the executors in processes as
soon as they are known, before the rest of the machine is.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zkc.runtime.circuit.machine import MachineSpec
from zkc.runtime.kernels import cache, sources
from zkc.runtime.kernels.target import targets
from zkc.runtime.memory.blinding import KEY_BYTES, Blinding
from zkc.runtime.receipts.workers import Failure, run_tasks
from zkc.warmed import Entry, Warmed, note_nothing_left

if TYPE_CHECKING:
    from zkc.compiler.extensions import Extensions
    from zkc.runtime.circuit.machine import Machine, Texts
    from zkc.runtime.circuit.spec import CircuitSpec
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.memory.image import Image

Progress = Callable[[str, int, int], None]
Task = tuple[str, str]
"""Kind of kernels, and which: of listings, the text of the module that they are in."""

PROOF: Final = ("proof", "stark")
"""The kernels of the proof system, which need no machine; those that the digest of a circuit needs come first."""
BEGIN: Final = ("begin", "listings")
"""Compiles nothing: a process imports what it will need, while there is nothing to compile yet."""
LISTING: Final = "listing"
"""Kind of what runs a program."""
EXECUTORS: Final = (("fast", "executor"), ("tracing", "executor"))
"""The modules with listings."""
GIVEN: Final = ("witness", "given")
"""Fills the rows of a circuit without instructions."""
WHOLE: Final = ("whole", "machine")
"""Executes, proves and verifies: what was missed is compiled there."""
MOST: Final = 3
"""Processes: more would wait for each other."""


def warm(directory: Path | None, jobs: int, progress: Progress, extensions: Extensions = ()) -> Warmed:
    """Compiles what is not compiled yet, in `jobs` processes; the circuits in this one, while others are at work."""
    from zkc.compiler.machines import machine_key

    start, key = time.perf_counter(), machine_key(directory, extensions)
    warming = _Warming(directory, extensions, progress)
    try:
        warming.run(jobs)
    except KeyboardInterrupt as stop:
        stop.add_note("  help: the kernels that are compiled are kept; the same command goes on where it stopped")
        raise
    if warming.given:
        cache.prune()
    warmed = Warmed.of(warming.spec.circuit, len(warming.given), time.perf_counter() - start)
    if machine_key(directory, extensions) == key:  # otherwise a file was edited meanwhile
        note_nothing_left(key, warmed, _all_used(warming.spec))
    return warmed


class _Circuits:
    """Compiles circuits in a thread, if they are not kept."""

    def __init__(self, directory: Path | None, extensions: Extensions) -> None:
        self._directory, self._extensions = directory, extensions
        self._heard: queue.SimpleQueue[Texts | CircuitSpec | BaseException] = queue.SimpleQueue()
        self._end: CircuitSpec | BaseException | None = None
        threading.Thread(target=self._compile, daemon=True).start()

    def _compile(self) -> None:
        from zkc.compiler.machines import circuits_directory, load_spec

        try:
            self._heard.put(load_spec(self._directory or circuits_directory(), self._heard.put, self._extensions))
        except BaseException as error:
            self._heard.put(error)

    def listings(self) -> list[Task]:
        """Those that are known before all is, if there are any."""
        heard = self._heard.get()
        if isinstance(heard, dict):
            return listings_of(heard)
        self._end = heard
        return []

    def spec(self) -> CircuitSpec:
        """What they are compiled to. Raises what is wrong with them."""
        while self._end is None:
            self.listings()
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end


class _Warming:
    """Tasks are done in processes even if it is one at a time: they can be ended at once, Numba cannot be interrupted."""

    def __init__(self, directory: Path | None, extensions: Extensions, progress: Progress) -> None:
        self.directory, self.extensions, self.progress = directory, extensions, progress
        self.given: list[Task] = []
        self._done = 0

    @cached_property
    def _circuits(self) -> _Circuits:
        self.progress("circuits", 0, 1)
        return _Circuits(self.directory, self.extensions)

    @cached_property
    def spec(self) -> CircuitSpec:
        """Compiled when it is first asked for, if it is not kept."""
        spec = self._circuits.spec()
        self.progress("circuits", 1, 1)
        return spec

    def run(self, jobs: int) -> None:
        """Does what is left, and notes which entries of the cache it used."""
        if jobs == 1:  # what is wrong with the circuits should not be said after a minute
            _ = self.spec
        work, tasks = partial(compile_kernel, self.directory, self.extensions), list[Task]()

        def numbered() -> Iterator[tuple[int, Task]]:
            for task in self._left(min(jobs, MOST)):
                tasks.append(task)
                yield len(tasks) - 1, task

        with closing(run_tasks(work, numbered(), processes=min(jobs, MOST), threads=1)) as outcomes:
            for number, outcome in outcomes:
                self._finish(tasks[number], outcome)

    def _finish(self, task: Task, outcome: frozenset[Entry] | Failure) -> None:
        if isinstance(outcome, Failure):
            raise outcome.as_error(_what_failed(task))
        if task != BEGIN:
            lines = (f"{kind} {name}" for kind, name in sorted(outcome))
            cache.save("notes", notes_of(task, self.spec)[0], "\n".join(lines).encode())
            self._done += 1
            self._report()

    def _left(self, processes: int) -> Iterator[Task]:
        """Those that are not done, each when a process is free for it: the first need no circuits, which are compiled meanwhile."""
        circuits = self._circuits
        if not is_whole(PROOF, None):
            yield self._given(PROOF)
        elif not self._is_kept():
            yield from [BEGIN] * processes
        early = circuits.listings()
        yield from self._missing(early, None)
        yield from self._missing([task for task in tasks_of(self.spec)[1:] if task not in early], self.spec)

    def _is_kept(self) -> bool:
        from zkc.compiler.machines import is_kept

        return is_kept(self.directory, self.extensions)

    def _missing(self, tasks: list[Task], spec: CircuitSpec | None) -> Iterator[Task]:
        for task in tasks:
            if not is_whole(task, spec):
                yield self._given(task)

    def _given(self, task: Task) -> Task:
        self.given.append(task)
        self._report()
        return task

    def _report(self) -> None:
        self.progress("kernels", self._done, max(len(self.given), 3))


def tasks_of(spec: CircuitSpec) -> tuple[Task, ...]:
    """All, in order."""
    return (PROOF, *listings_of(spec.modules), WHOLE) if isinstance(spec, MachineSpec) else (PROOF, GIVEN)


def listings_of(texts: Texts) -> list[Task]:
    """Of the executors."""
    return [(LISTING, texts[which]) for which in EXECUTORS]


def is_warm(spec: CircuitSpec) -> bool:
    """Whether everything is compiled: all entries of the cache that were used when it was are there."""
    noted = [_noted(task, spec) for task in tasks_of(spec)]
    there = {kind: cache.names(kind) for kind in cache.KINDS}
    return all(entries is not None and all(name in there[kind] for kind, name in entries) for entries in noted)


def is_whole(task: Task, spec: CircuitSpec | None) -> bool:
    """Whether a task is done: all entries that it used are there, and none is damaged."""
    entries = _noted(task, spec)
    return entries is not None and all(cache.load(kind, name) is not None for kind, name in entries)


def _noted(task: Task, spec: CircuitSpec | None) -> list[Entry] | None:
    """The entries that a task used when it was done; None if it was not."""
    found = _note(task, spec)
    return None if found is None else _listed(found[1])


def _note(task: Task, spec: CircuitSpec | None) -> tuple[str, bytes] | None:
    """The name and the content of the note about a task, the best if there are several."""
    return next(((name, note) for name in notes_of(task, spec) if (note := cache.load("notes", name)) is not None), None)


def _listed(note: bytes) -> list[Entry]:
    return [(kind, name) for kind, _, name in (line.partition(" ") for line in note.decode().splitlines())]


def _all_used(spec: CircuitSpec) -> set[Entry]:
    """The entries that all tasks used, and the notes that say so."""
    notes = [found for task in tasks_of(spec) if (found := _note(task, spec)) is not None]
    return {("notes", name) for name, _ in notes} | {entry for _, note in notes for entry in _listed(note)}


def notes_of(task: Task, spec: CircuitSpec | None) -> list[str]:
    """The entries that list what a task used, one for each target: named by what its kernels are made of, also the modules of a machine."""
    modules = sorted(spec.modules.items()) if task == WHOLE and isinstance(spec, MachineSpec) else None
    made_of = (task, modules, sources.digest_of(__name__))
    return [sources.short_digest(repr((made_of, target))) for target in targets()]


def _what_failed(task: Task) -> str:
    if task == WHOLE:
        return "the machine is compiled, and the shortest run on it could not be proven"
    return "the executors could not be compiled" if task[0] == LISTING else f"the kernel {' '.join(task)} could not be compiled"


def compile_kernel(directory: Path | None, extensions: Extensions, task: Task) -> frozenset[Entry]:
    """Makes one kernel be compiled, by calling it with arguments of the right types. Gives all entries that this process used so far."""
    from zkc.compiler.machines import load_machine

    if task == BEGIN:
        _import_all()
    elif task == PROOF:
        _toy_proof()
    elif task == GIVEN:
        _fill(directory, extensions)
    elif task == WHOLE:
        run_whole(load_machine(directory, extensions))
    else:
        _link(task[1])
    return cache.touched()


def _import_all() -> None:
    """What tasks need, as imports whose text can be found (`sources`): what emits listings is imported by generated modules only."""
    from zkc.runtime.execution import listed, listing, trace
    from zkc.runtime.stark import prover, verifier

    _ = listed, listing, trace, prover, verifier


def _link(text: str) -> None:
    """Brings the listings of a module into this process."""
    from zkc.runtime.circuit.machine import module_of

    module = module_of(text)
    _ = module.steps.entry, module.decode.entry


def shortest_run(machine: Machine) -> Image | None:
    """The memory of a program of one instruction, which ends; None if no instruction of the machine is known to end a run."""
    import numpy as np

    from zkc.runtime.memory.image import Image

    memory, ending = machine.memory_map, machine.spec.ending
    if ending is None:
        return None
    start = memory.system_page * memory.page_words
    words = {memory.page_words: ending.word, **ending.memory}
    words |= {start + memory.word_pc: memory.page_bytes, start + memory.word_journal_capacity: memory.tag_journal}
    pages: dict[int, np.ndarray] = {}
    for address, word in words.items():
        page, place = divmod(address, memory.page_words)
        pages.setdefault(page, np.zeros(memory.page_words, dtype=np.uint32))[place] = word
    return Image(memory, pages)


def _execute(machine: Machine, *, snapshots: bool = True, blinding: Blinding | None = None) -> list[Segment]:
    """The segments of the shortest run."""
    from zkc.runtime.execution.executor import execute

    image = shortest_run(machine)
    return [] if image is None else execute(machine, image, b"", snapshots=snapshots, blinding=blinding).segments


def run_whole(machine: Machine) -> None:
    """Executes, proves and verifies the shortest program, as `prove` does."""
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.receipts.claims import journal_state
    from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET
    from zkc.runtime.stark.prover import prove
    from zkc.runtime.stark.verifier import verify

    journal_state(b"", machine.memory_map, machine.hasher)
    parameters = PARAMETER_SETS[STANDARD_SET]
    _execute(machine, snapshots=False)
    for segment in _execute(machine, blinding=Blinding(bytes(KEY_BYTES))):  # so that memory is another one in the end
        traces, claim = trace(machine, segment, parameters=parameters)
        proof = prove(machine.circuit, traces, claim, parameters)
        verify(machine.circuit, claim, proof, parameters)


def _fill(directory: Path | None, extensions: Extensions) -> None:
    """Fills the claim and a row of each table of a circuit with zeros."""
    import numpy as np

    from zkc.compiler.machines import circuits_directory, load_spec
    from zkc.runtime.execution.tables import fill_claim, fill_table, no_counts

    spec = load_spec(directory or circuits_directory(), extensions=extensions)
    counts = no_counts(spec)
    for name, given in spec.inputs.items():
        fill_table(spec, name, np.zeros((1, len(given.names)), dtype=np.uint32), counts)
    fill_claim(spec, [0] * len(spec.claim.names), counts)


def _toy_proof() -> None:
    """Proves and verifies a lookup in a circuit of two tables: all kernels of the proof system, none that are generated."""
    import numpy as np

    from zkc.runtime.circuit.circuit import ADD, COLUMN, MUL, SUB, Bus, Circuit, Message, Table
    from zkc.runtime.stark.parameters import DEFAULT, PARAMETER_SETS, STANDARD_SET
    from zkc.runtime.stark.prover import prove
    from zkc.runtime.stark.verifier import verify

    rows, numbers = 1 << 13, 1 << 12  # fewer would leave no room for masks
    empty = np.zeros((0, 0), dtype=np.uint32)
    # x, real and 0 = x - x; real (real - 1) would need a constant, x real - x vanishes as well
    nodes = np.array([(COLUMN, 0, 0), (COLUMN, 1, 0), (MUL, 0, 1), (SUB, 2, 0)], dtype=np.int64)
    sender = Table("sender", ("x", "real"), empty, (), nodes, (3,), ("x is real",), (Message(0, 1, (0,)), Message(0, 1, (0,))), ((0, 1),))
    nodes = np.array([(COLUMN, 0, 0), (COLUMN, 1, 0), (SUB, 0, 0), (SUB, 2, 0), (ADD, 1, 2)], dtype=np.int64)
    values = np.arange(numbers, dtype=np.uint32)[None, :]
    table = Table("values", ("count",), values, ("value",), nodes, (), (), (Message(0, 3, (4,)),), ((0,),))
    claim = Table("claim", ("a",), empty, (), np.array([(COLUMN, 0, 0), (SUB, 0, 0)], dtype=np.int64), (1,), ("",), (), ())
    circuit = Circuit(b"\0" * 32, (Bus("values", 1),), (sender, table), claim)
    sent = np.ones((2, rows), dtype=np.uint32)
    sent[0] = np.arange(rows, dtype=np.uint32) % numbers
    traces = {"sender": sent, "values": np.full((1, numbers), 2 * rows // numbers, dtype=np.uint32)}
    for parameters in (DEFAULT, PARAMETER_SETS[STANDARD_SET]):
        verify(circuit, (1,), prove(circuit, traces, (1,), parameters), parameters)
