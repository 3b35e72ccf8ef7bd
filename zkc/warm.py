"""Compiles every kernel to machine code before someone waits for it: the generated ones and the proof system's own.

Numba keeps what it compiles on disk, so a process that calls a kernel once, on nothing, does it for all others. The kernels are divided
among processes, for Numba compiles one function at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zkc.runtime.circuit.machine import MachineSpec
from zkc.runtime.kernels import cache, sources
from zkc.runtime.kernels.target import targets
from zkc.runtime.memory.blinding import KEY_BYTES, Blinding
from zkc.runtime.receipts.workers import Failure, run_tasks

if TYPE_CHECKING:
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.circuit.spec import CircuitSpec
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.memory.image import Image

Progress = Callable[[str, int, int], None]
Task = tuple[str, str]
"""Kind of kernel and table."""
Entry = tuple[str, str]
"""Kind and name of an entry of the cache."""

KERNELS: Final = (("proof", "stark"), ("witness", "executor"))
"""The longest first: those of the proof system, and those that run a program and fill its tables."""
GIVEN: Final = ("witness", "given")
"""Fills the rows of a circuit without instructions."""
WHOLE: Final = ("whole", "machine")
"""Executes, proves and verifies: what was missed is compiled there."""


@dataclass(frozen=True)
class Warmed:
    """What was compiled: `kernels` is 0 if nothing was left to do."""

    digest: bytes
    kernels: int
    seconds: float


def warm(directory: Path | None, jobs: int, progress: Progress) -> Warmed:
    """Compiles what is not compiled yet, in `jobs` processes."""
    from zkc.compiler.machines import circuits_directory, load_spec

    start = time.perf_counter()
    progress("circuits", 0, 1)
    spec = load_spec(directory or circuits_directory())
    progress("circuits", 1, 1)
    if is_warm(spec, whole=True):
        return Warmed(spec.circuit.digest, 0, time.perf_counter() - start)
    tasks = _tasks(spec)
    try:
        entries = _compile(directory, tasks, jobs, progress)
        if GIVEN not in tasks:
            entries |= _compile(directory, [WHOLE], 1, progress)
    except KeyboardInterrupt as stop:
        stop.add_note("  help: the kernels that are compiled are kept; the same command goes on where it stopped")
        raise
    cache.save("notes", notes_of(spec)[0], "\n".join(f"{kind} {name}" for kind, name in sorted(entries)).encode())
    cache.prune()
    return Warmed(spec.circuit.digest, len(tasks), time.perf_counter() - start)


def is_warm(spec: CircuitSpec, *, whole: bool = False) -> bool:
    """Whether everything is compiled: all entries of the cache that were used when it was are there. `whole`: and none is damaged."""
    notes = (cache.load("notes", name) for name in notes_of(spec))
    note = next((note for note in notes if note is not None), None)
    if note is None:
        return False
    entries = [line.split(" ", 1) for line in note.decode().splitlines()]
    if whole:
        return all(cache.load(kind, name) is not None for kind, name in entries)
    there = {kind: cache.names(kind) for kind in cache.KINDS}
    return all(name in there[kind] for kind, name in entries)


def notes_of(spec: CircuitSpec) -> list[str]:
    """The entries that list what is used, one for each target: named by the generated modules, and by what kernels are made of."""
    modules = sorted(spec.modules.items()) if isinstance(spec, MachineSpec) else None
    made_of = (modules, sources.digest_of(__name__))
    return [sources.short_digest(repr((made_of, target))) for target in targets()]


def _tasks(spec: CircuitSpec) -> list[Task]:
    """All kernels, the longest first."""
    return list(KERNELS) if isinstance(spec, MachineSpec) else [KERNELS[0], GIVEN]


def _compile(directory: Path | None, tasks: list[Task], jobs: int, progress: Progress) -> set[Entry]:
    """Compiles in processes even if it is one at a time: they can be ended at once, Numba cannot be interrupted.

    Gives the entries of the cache that were used.
    """
    entries: set[Entry] = set()
    progress("kernels", 0, len(tasks))
    outcomes = run_tasks(partial(compile_kernel, directory), iter(enumerate(tasks)), processes=min(jobs, len(tasks)), threads=1)
    with closing(outcomes):
        for done, (number, outcome) in enumerate(outcomes, 1):
            if isinstance(outcome, Failure):
                raise outcome.as_error(_what_failed(tasks[number]))
            entries |= outcome
            progress("kernels", done, len(tasks))
    return entries


def _what_failed(task: Task) -> str:
    if task == WHOLE:
        return "the machine is compiled, and the shortest run on it could not be proven"
    return f"the kernel {' '.join(task)} could not be compiled"


def compile_kernel(directory: Path | None, task: Task) -> frozenset[Entry]:
    """Makes Numba compile one kernel, by calling it with arguments of the right types. Gives all entries that this process used so far."""
    from zkc.compiler.machines import load_machine

    if task == KERNELS[0]:
        _toy_proof()
    elif task == GIVEN:
        _fill(directory)
    elif task == WHOLE:
        run_whole(load_machine(directory))
    else:
        _witness(load_machine(directory))
    return cache.touched()


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


def _witness(machine: Machine) -> None:
    """Executes the shortest program, fills the tables of its segments and hashes its journal."""
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.receipts.claims import journal_state
    from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

    _trace(machine)
    _execute(machine, snapshots=False)
    for segment in _execute(machine, blinding=Blinding(bytes(KEY_BYTES))):
        trace(machine, segment, parameters=PARAMETER_SETS[STANDARD_SET])
        journal_state(b"", machine.memory_map, machine.hasher)


def _trace(machine: Machine) -> None:
    """Runs the tracing executor on nothing."""
    import numpy as np

    from zkc.runtime.execution.operations import HOST_WORDS
    from zkc.runtime.execution.pager import STATE_WORDS

    def numbers() -> np.ndarray:
        return np.zeros(max(STATE_WORDS, HOST_WORDS), dtype=np.int64)

    words = np.zeros(1, dtype=np.uint32)
    input_bytes = np.frombuffer(b"\0", dtype=np.uint8)
    kernel = machine.module("tracing", "executor")
    state, counts, journal = numbers(), (numbers(), numbers()), np.zeros(1, dtype=np.uint8)
    # There is no fuel: it returns at once.
    kernel.run(state, words, numbers(), words, words, *counts, words, numbers(), input_bytes, journal)
    kernel.decode(np.int64(0))


def run_whole(machine: Machine) -> None:
    """Executes, proves and verifies the shortest program, as `prove` does."""
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET
    from zkc.runtime.stark.prover import prove
    from zkc.runtime.stark.verifier import verify

    parameters = PARAMETER_SETS[STANDARD_SET]
    _execute(machine, snapshots=False)
    for segment in _execute(machine, blinding=Blinding(bytes(KEY_BYTES))):  # so that memory is another one in the end
        traces, claim = trace(machine, segment, parameters=parameters)
        proof = prove(machine.circuit, traces, claim, parameters)
        verify(machine.circuit, claim, proof, parameters)


def _fill(directory: Path | None) -> None:
    """Fills the claim and a row of each table of a circuit with zeros."""
    from zkc.compiler.machines import circuits_directory, load_spec
    from zkc.runtime.given.values import tree_of, zeros
    from zkc.runtime.given.witness import witness_of
    from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

    spec = load_spec(directory or circuits_directory())
    tables = {name: zeros(tree_of(given)) for name, given in spec.inputs.items()}
    witness_of(spec, tables, zeros(tree_of(spec.claim)), PARAMETER_SETS[STANDARD_SET])


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
