"""What zkc can do, as functions: the command line and other programs call these.

Everything heavy is imported where it is used, so that `zkc --help` is quick.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from zkc.isa import BASE, chosen, named, shown
from zkc.progress import Progress, no_progress, spoken
from zkc.runtime import arguments
from zkc.runtime.arguments import BytesLike, PathLike
from zkc.runtime.errors import InputError, InternalError, VerificationError
from zkc.runtime.files import MIB, check_writable, look_up, read_file, read_stream, write_file
from zkc.runtime.limits import MAX_CONSOLE_BYTES, MAX_INPUT_BYTES, MAX_JOURNAL_BYTES, MAX_RECEIPT_BYTES, check_receipt_fits
from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

if TYPE_CHECKING:
    from zkc.advice import Finding
    from zkc.audit import ColumnAudit
    from zkc.compiler.extensions import Extensions
    from zkc.compiler.machines import Warned
    from zkc.inline_tests import TestOutcome
    from zkc.profile import Profile
    from zkc.runtime.circuit.circuit import Circuit
    from zkc.runtime.circuit.machine import Machine
    from zkc.runtime.execution.executor import Execution, Limits
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.guest.elf import Program
    from zkc.runtime.receipts.cluster import RayCluster
    from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt
    from zkc.runtime.receipts.resume import ResumeStore
    from zkc.runtime.stark.parameters import Parameters
    from zkc.runtime.stark.security import SecurityReport, Strength
    from zkc.warmed import Warmed


LOG_ROWS = (7, 23)
"""What `security` may be asked about."""
Console = Callable[[int, bytes], None]
"""Called with the file (1 or 2) and what the guest wrote to it."""
Advice = Callable[["Finding"], None]
"""Called with each cost cliff of a run, before it is proven."""


Prepare = Callable[["Extensions"], None]
"""Called once all that was given is found good, before the program runs, with the extensions of its machine: for work that takes long, such
as compiling kernels."""


def no_preparation(extensions: Extensions) -> None:
    """Prepares nothing."""


def no_console(file: int, data: bytes) -> None:
    """Shows nothing."""


def no_advice(finding: Finding) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Run:
    """What a program did. `console` is files 1 and 2 in the order written; only `journal` and `exit_code` can be proven."""

    image_id: str
    exit_code: int
    instructions: int
    segments: int
    journal: bytes = field(repr=False)
    console: bytes = field(repr=False)
    seconds: float = 0.0
    """Of the execution alone."""
    cells: int = 0
    """That a proof commits to: what it costs."""
    refused: dict[int, int] = field(default_factory=lambda: {})
    """Environment calls that the machine does not have, by number: how often each was answered -38 (ENOSYS)."""
    isa: str = BASE
    """The instruction set of the machine that it ran in."""


@dataclass(frozen=True)
class Proof:
    """A proven run. `receipt` is what `zkc.verify` takes, and the content of a receipt file. `seconds` are those of proving alone."""

    run: Run
    receipt: bytes = field(repr=False)
    proof_bytes: int
    strength: Strength
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    """Cost cliffs, the dearest first."""

    @property
    def security_bits(self) -> float:
        """Provable bits; of a receipt made with `small` they rest on the Johnson radius. `strength` has both figures."""
        return self.strength.bits


@dataclass(frozen=True)
class Page:
    """A report as HTML about a run, and what it was made from. `seconds` (of proving) and `proof_bytes` are None if nothing was proven."""

    run: Run
    html: str = field(repr=False)
    profile: Profile = field(repr=False)
    seconds: float | None
    proof_bytes: int | None


@dataclass(frozen=True)
class Verified:
    """What a receipt proves: the program of this image ID ran to its end, wrote `journal` and exited with `exit_code`."""

    image_id: str
    exit_code: int
    segments: int
    journal: bytes = field(repr=False)
    strength: Strength
    proof_bytes: int = 0
    receipt_bytes: int = 0
    isa: str = BASE
    """The instruction set of the machine that it ran in."""

    @property
    def security_bits(self) -> float:
        """Provable bits, up to the Johnson radius if that was accepted and the receipt rests on it. `strength` has both figures."""
        return self.strength.bits


@spoken
def compile(
    directory: PathLike | None = None,
    *,
    isa: str | None = None,
    lib: Sequence[PathLike] | None = None,
    progress: Progress = no_progress,
) -> Machine:
    """The machine compiled from the .circ files in `directory` (None: the ones that come with zkc), from the cache if nothing changed.

    isa: its instruction set, such as `rv32im_zba`, with extensions that are files in `directory`/extensions. lib: folders of modules that
    they use; None: those that `ZKC_LIB` names.
    """
    from zkc.compiler.libraries import libraries
    from zkc.compiler.machines import load_machine

    folder = _folder(directory)
    extensions = extensions_asked(folder, isa)
    progress("circuits", 0, 1)
    with libraries(None if lib is None else [Path(folder) for folder in arguments.paths("lib", lib)]):
        made = load_machine(folder, extensions)
    progress("circuits", 1, 1)
    return made


def compiled(directory: PathLike | None = None, *, isa: str | None = None, progress: Progress = no_progress) -> Circuit:
    """The circuit of the .circ files in `directory` (None: those that come with zkc), with or without instructions."""
    from zkc.compiler.machines import circuits_directory, load_spec

    folder = _folder(directory) or circuits_directory()
    extensions = extensions_asked(folder, isa)
    progress("circuits", 0, 1)
    spec = load_spec(folder, extensions=extensions)
    progress("circuits", 1, 1)
    return spec.circuit


def documentation(directory: PathLike | None = None, *, isa: str | None = None, progress: Progress = no_progress) -> dict[str, str]:
    """Pages of HTML about the .circ files in `directory` (None: those that come with zkc), by file name; they need no other files."""
    from zkc.compiler.machines import circuits_directory
    from zkc.doc.pages import documentation as pages_of

    folder = _folder(directory) or circuits_directory()
    extensions = extensions_asked(folder, isa)
    progress("circuits", 0, 1)
    pages = pages_of(folder, os.path.basename(os.path.realpath(folder)), version(), extensions)
    progress("circuits", 1, 1)
    return pages


def machine(extensions: Extensions = ()) -> Machine:
    """The machine that programs run in: that of the folder in `ZKC_CIRCUITS`, or the one that comes with zkc; with `extensions`."""
    check_environment()
    with _one_machine:
        return _machine(os.environ.get("ZKC_CIRCUITS") or None, os.environ.get("ZKC_LIB", ""), extensions)


def extensions_asked(directory: PathLike | None, isa: str | None) -> Extensions:
    """The extensions that `isa` names, of a folder of .circ files (None: that which comes with zkc); none if it is None."""
    from zkc.compiler.machines import circuits_directory

    return () if isa is None else chosen(arguments.text("isa", isa), _folder(directory) or circuits_directory())


def _extensions(program: bytes | None, isa: str | None) -> Extensions:
    """Those of the machine that a program runs in: what `isa` names; if that is None, what the file says that it was built for."""
    from zkc.runtime.guest.attributes import arch_of

    if isa is not None or program is None:
        return extensions_asked(circuits_folder(), isa)
    return named(arch_of(program), circuits_folder())


_one_machine = threading.Lock()
"""Threads that start at the same time wait for one machine, rather than compile one each."""


def check_environment() -> None:
    """Refuses values of environment variables that mean nothing, before any work is done."""
    from zkc.runtime.kernels.threads import threads

    threads()
    arguments.environment_integer("ZKC_DEBUG", 0, 1)


def _folder(directory: PathLike | None) -> Path | None:
    path = arguments.optional_path("directory", directory)
    if path == "":
        raise InputError("directory is '', not a path", hint="give a folder, or None for the circuits that come with zkc")
    return None if path is None else Path(path)


@lru_cache(maxsize=4)
def _machine(directory: str | None, libraries: str, extensions: Extensions) -> Machine:
    from zkc.compiler.machines import load_machine

    return load_machine(_folder(directory), extensions)


@spoken
def warm(
    directory: PathLike | None = None, *, extensions: Extensions = (), jobs: int | None = None, progress: Progress = no_progress
) -> Warmed:
    """Compiles all kernels to machine code, in `jobs` processes (None: one for each core), so that nothing waits for it later."""
    from zkc.warmed import nothing_left

    processes, folder = (os.cpu_count() or 1) if jobs is None else arguments.jobs(jobs), _folder(directory)
    done = nothing_left(folder, extensions)
    if done is not None:
        return done
    from zkc.warm import warm as warm_kernels

    return warm_kernels(folder, processes, progress, extensions)


def without_kernels(directory: PathLike | None = None, *, isa: str | None = None, progress: Progress = no_progress) -> Warmed:
    """What `warm` gives, with nothing compiled to machine code but what the digest needs."""
    from zkc.warmed import Warmed

    return Warmed.of(compiled(directory, isa=isa, progress=progress))


def is_warm(extensions: Extensions = ()) -> bool:
    """Whether `warm` has nothing left to do."""
    from zkc.compiler.machines import is_kept
    from zkc.warmed import is_noted

    folder = _folder(os.environ.get("ZKC_CIRCUITS") or None)
    if is_noted(folder, extensions):
        return True
    from zkc.warm import is_warm as all_is_kept

    return is_kept(folder, extensions) and all_is_kept(machine(extensions).spec)


def executor_is_compiled(extensions: Extensions = ()) -> bool:
    """Whether programs run at once: the machine code of the fast executor is in the cache."""
    return machine(extensions).module("fast", "executor").steps.is_kept()


@dataclass(frozen=True)
class Loaded:
    """A program and the machine that it runs in."""

    program: Program
    machine: Machine
    extensions: Extensions


def load(program: PathLike | BytesLike, isa: str | None = None, *, prepare: Prepare = no_preparation) -> Loaded:
    """The program, read and checked; between these two `prepare`, and what compiles the machine if it is not kept. isa: the machine's
    instruction set; None: what the program was built for, as far as the machine has it.
    """
    from zkc.runtime.guest.elf import load_elf_data, read_program

    name, content = read_program(program)
    extensions = _extensions(content, isa)
    prepare(extensions)
    chosen = machine(extensions)
    return Loaded(load_elf_data(name, content, chosen.memory_map), chosen, extensions)


def load_program(program: PathLike | BytesLike) -> Program:
    """The program, read and checked: its memory is the same in machines with all extensions."""
    from zkc.runtime.guest.elf import load_elf_data, read_program

    name, content = read_program(program)
    return load_elf_data(name, content, machine().memory_map)


def image_id(program: PathLike | BytesLike) -> str:
    """The image ID: 64 hexadecimal digits that stand for the program, its data and its entry point."""
    return _image_id_of(load_program(program), machine())


def _image_id_of(program: Program, chosen: Machine) -> str:
    from zkc.runtime.memory.image import Image, PageTree, image_id_hex

    image = Image.from_program(program, chosen.memory_map)
    return image_id_hex(PageTree.of(image, chosen.hasher).image_id())


def read_input(source: PathLike | BinaryIO, *, max_input: int = MAX_INPUT_BYTES) -> bytes:
    """The input for a program from a file or an open stream, at most `max_input` bytes."""
    limit = arguments.max_input(max_input)
    if hasattr(source, "read"):
        return read_stream(cast(BinaryIO, source), limit=limit, what="the input", option="--max-input")
    return read_file(arguments.path("source", source), limit=limit, what="the input", option="--max-input")


def read_journal(path: PathLike) -> bytes:
    """A journal to compare with, from a file; one that is longer than a receipt holds is refused."""
    return read_file(arguments.path("path", path), limit=MAX_JOURNAL_BYTES, what="the journal")


@spoken
def execute(
    program: PathLike | BytesLike,
    stdin: BytesLike | None = None,
    *,
    isa: str | None = None,
    segment_limit: int | None = None,
    max_cycles: int | None = None,
    max_console: int = MAX_CONSOLE_BYTES,
    max_journal: int = MAX_JOURNAL_BYTES,
    console: Console = no_console,
    progress: Progress = no_progress,
    prepare: Prepare = no_preparation,
) -> Run:
    """Runs `program` without proving anything. `segment_limit` is log2 of the most rows in a table of one segment. isa: the instruction set
    of the machine, such as `rv32im_zba`; None: what the program says that it was built for, as far as the machine has it.

    `max_console` and `max_journal` are bytes: a program that writes more is stopped. What each argument may be, here and below,
    `zkc.runtime.arguments` says; anything else is an InputError.
    """
    from zkc.runtime.execution.executor import Limits
    from zkc.runtime.execution.executor import execute as run

    limits = Limits(segment_limit, max_cycles, max_console, max_journal)
    stdin = arguments.optional_data("stdin", stdin)
    loaded = load(program, isa, prepare=prepare)
    return _run(loaded, run(loaded.machine, loaded.program, stdin, limits, console, progress))


@spoken
def prove(
    program: PathLike | BytesLike,
    stdin: BytesLike | None = None,
    *,
    isa: str | None = None,
    output: PathLike | None = None,
    segment_limit: int | None = None,
    max_cycles: int | None = None,
    max_console: int = MAX_CONSOLE_BYTES,
    max_journal: int = MAX_JOURNAL_BYTES,
    jobs: int = 1,
    memory: int | None = None,
    ray: str | None = None,
    small: bool = False,
    hide: bool = True,
    console: Console = no_console,
    progress: Progress = no_progress,
    advice: Advice = no_advice,
    prepare: Prepare = no_preparation,
) -> Proof:
    """Runs `program` and proves the run, `jobs` segments at a time. Every proof, and their chain, is verified before this returns.

    With `memory`, so many bytes are enough for all processes that prove: segments are as small as that needs.

    With `ray`, an address (`auto`: that of the cluster which this machine is a node of), a Ray cluster proves, as many segments at a time
    as fit, or `jobs` if that is above 1.

    With `small` the receipt has 40 % of the bytes, proving takes twice the time and up to three times the memory, and its security rests on
    the Johnson radius, on a preprint: `verify` takes it only with `accept_johnson`. See docs/security.md. With `hide` the receipt
    tells nothing of the input and the memory but what follows from journal, exit code and sizes: see docs/security.md. Without, parts of
    the input can be computed from it; it is a fifth smaller and proven a little faster.

    With `output` the receipt is also written to that file, whole or not at all, and finished segments are kept beside it until then: the
    same call after an interruption goes on where it stopped.
    """
    from zkc.advice import advise
    from zkc.runtime.execution.budget import CELL_BUDGET, budget
    from zkc.runtime.execution.executor import Limits, segments_of
    from zkc.runtime.execution.executor import execute as run
    from zkc.runtime.execution.segment import Segment
    from zkc.runtime.execution.sizes import proofs_at_most
    from zkc.runtime.memory.blinding import Blinding
    from zkc.runtime.memory.image import parse_image_id
    from zkc.runtime.receipts.proving import Progress as Step
    from zkc.runtime.receipts.proving import prove_segments
    from zkc.runtime.receipts.receipt import Receipt
    from zkc.runtime.receipts.resume import parts_folder

    parameter_set, jobs, memory = _parameter_set(small=small, hide=hide), arguments.jobs(jobs), arguments.memory(memory)
    cells = CELL_BUDGET if memory is None else budget(memory, jobs, PARAMETER_SETS[parameter_set].log_blowup)
    limits = Limits(segment_limit, max_cycles, max_console, max_journal, cells)
    stdin = arguments.optional_data("stdin", stdin)
    ray = None if ray is None else arguments.text("ray", ray)
    output = arguments.optional_path("output", output)
    parts = None
    if output is not None:
        check_writable(output, what="the receipt", inputs=() if isinstance(program, BytesLike) else (program,))
        parts = parts_folder(output)
    loaded = load(program, isa, prepare=prepare)
    chosen, extensions = loaded.machine, loaded.extensions
    image = _image_id_of(loaded.program, chosen)
    backend = None if ray is None else _cluster(ray, jobs, extensions, progress)
    store = _resume_store(parts, image, stdin, limits, parameter_set, chosen.circuit.digest)
    blinding = None if not hide else Blinding.fresh() if store is None else Blinding(store.secret())
    # Twice: a fault, and what is too much for a receipt, is known before anything is proven, and few snapshots are in memory at a time.
    execution = run(chosen, loaded.program, stdin, limits, console, progress, snapshots=True, blinding=blinding, keep=Segment.outline)
    again = partial(segments_of, chosen, loaded.program, stdin, limits, blinding)
    executed = time.perf_counter()
    rows = [segment.rows for segment in execution.segments]
    check_receipt_fits(len(rows), len(execution.journal), lambda: proofs_at_most(chosen.circuit, rows, PARAMETER_SETS[parameter_set]))
    symbols = loaded.program.symbols
    findings = tuple(advise(chosen, symbols, execution, lambda index: next(itertools.islice(again(), index, None))))
    for finding in findings:
        advice(finding)

    def report(step: Step) -> None:
        progress("prove", step.done, len(execution.segments))

    with nullcontext() if store is None else store:
        progress("prove", 0, len(execution.segments))
        # A callback cannot follow a segment into another process.
        shown = progress if jobs == 1 and backend is None else no_progress
        segments = prove_segments(
            again(),
            partial(prove_segment, progress=shown, parameter_set=parameter_set, extensions=extensions),
            jobs=jobs,
            store=store,
            identity=segment_identity,
            check=partial(check_segment, parameter_set=parameter_set, extensions=extensions),
            progress=report,
            backend=backend,
        )
        digest, exit_code = chosen.circuit.digest, execution.exit_code
        receipt = Receipt(digest, parse_image_id(image), segments, execution.journal, exit_code, parameter_set)
        _check_chain(receipt, chosen)
        data = receipt.to_bytes()
        if output is not None:
            write_file(output, data, what="the receipt")
    proven = _run(loaded, execution, parameter_set)
    return Proof(proven, data, receipt.proof_bytes, _strength(receipt, chosen), time.perf_counter() - executed, findings)


def best_jobs(*, small: bool = False) -> int:
    """How many segments are best proven at a time on this machine: one for every four cores, as far as there is memory."""
    from zkc.runtime.execution import budget

    log_blowup = PARAMETER_SETS[_parameter_set(small=small, hide=True)].log_blowup
    return budget.best_jobs(os.cpu_count() or 1, budget.free_memory(), log_blowup)


def _parameter_set(*, small: bool, hide: bool) -> int:
    return int(arguments.switch("small", small)) + 2 * int(arguments.switch("hide", hide))


def _cluster(address: str, jobs: int, extensions: Extensions, progress: Progress) -> RayCluster:
    """The cluster at `address`, whose nodes have the same zkc as this machine."""
    from zkc.runtime.receipts.cluster import RayCluster

    progress("cluster", 0, 1)
    own = partial(identity, extensions)
    cluster = RayCluster(None if address == "auto" else address, identity=own, jobs=jobs if jobs > 1 else None)
    progress("cluster", 1, 1)
    return cluster


def identity(extensions: Extensions = ()) -> str:
    """What all that work on one proof must have in common, for people."""
    return f"zkc {version()} with the machine {machine(extensions).circuit.digest.hex()}"


def prove_segment(
    segment: Segment, progress: Progress = no_progress, parameter_set: int = STANDARD_SET, extensions: Extensions = ()
) -> SegmentReceipt:
    """The proof of one segment; any process may make it."""
    from zkc.runtime.execution.trace import trace
    from zkc.runtime.receipts.receipt import SegmentReceipt
    from zkc.runtime.stark.prover import Prover

    def report(phase: str, done: float) -> None:
        progress(f"  {phase}", round(100 * done), 100)

    chosen = machine(extensions)
    parameters = PARAMETER_SETS[parameter_set]
    traces, claim = trace(chosen, segment, progress, parameters)
    prover = Prover(chosen.circuit, traces, claim, parameters, report)
    del traces  # the prover lets go of them, so that their memory is there for other columns
    try:
        proof = prover.run()
    except InputError as error:
        from zkc.runtime.execution.check import check_segment as held_against_circuit

        held_against_circuit(chosen, segment, parameters)  # says where it is wrong
        raise error
    return SegmentReceipt(tuple(int(value) for value in claim), proof)


def check_segment(
    segment: Segment, proven: SegmentReceipt, parameter_set: int = STANDARD_SET, extensions: Extensions = ()
) -> None:
    """Raises VerificationError unless `proven` proves what was executed as `segment`."""
    from zkc.runtime.receipts.claims import ClaimLayout
    from zkc.runtime.stark.verifier import verify as verify_proof

    circuit = machine(extensions).circuit
    claim = ClaimLayout(circuit).decode(proven.claim)
    claimed = (claim.index, claim.last, claim.exit_code, claim.pre, claim.post)
    if claimed != (segment.index, segment.last, segment.exit_code, segment.pre, segment.post):
        raise VerificationError("it claims something else than what was executed")
    verify_proof(circuit, proven.claim, proven.proof, PARAMETER_SETS[parameter_set])


def _check_chain(receipt: Receipt, chosen: Machine) -> None:
    """Raises InternalError unless the segments, which are verified, make a receipt that verifies."""
    from zkc.runtime.receipts.receipt import verify_receipt

    try:
        verify_receipt(chosen.circuit, receipt, chosen.hasher, lambda *_: None, image_id=receipt.image_id, accept_johnson=True)
    except VerificationError as error:
        raise InternalError(f"the receipt would not verify: {error.message}", where=error.where, hint="please report this") from error


def segment_identity(segment: Segment) -> bytes:
    """Tells a segment from any other that could stand in its place in a run of the same program with the same input."""
    return repr((segment.pre, segment.post, segment.steps, sorted(segment.rows.items()), segment.stdin_position)).encode()


def _resume_store(
    parts: Path | None, image: str, stdin: bytes | None, limits: Limits, parameter_set: int, digest: bytes
) -> ResumeStore | None:
    """The finished segments in `parts`; None keeps none."""
    from zkc.runtime.memory.image import parse_image_id
    from zkc.runtime.receipts.resume import ResumeStore, resume_key

    if parts is None:
        return None
    given = hashlib.sha256(b"" if stdin is None else b"input" + stdin).digest()
    settings = {"segment_log_rows": limits.segment_limit or 0, "cells": limits.cells, "parameter_set": parameter_set}
    key = resume_key(parse_image_id(image), given, digest, settings)
    return ResumeStore(parts, key)


def _strength(receipt: Receipt, chosen: Machine) -> Strength:
    """Provable bits of a receipt that is verified: the least of its proofs and digests."""
    from zkc.runtime.stark.security import receipt_strength

    proofs = [segment.proof for segment in receipt.segments]
    return receipt_strength(chosen.circuit, proofs, PARAMETER_SETS[receipt.parameter_set])


def read_receipt(receipt: PathLike | BytesLike) -> Receipt:
    """A receipt from its bytes or its file; nothing is verified."""
    from zkc.runtime.receipts.receipt import MAGIC, Receipt

    given = arguments.file_or_data("receipt", receipt)
    if isinstance(given, bytes):
        return Receipt.from_bytes(given)
    return Receipt.from_bytes(read_file(given, limit=MAX_RECEIPT_BYTES, what="the receipt", magic=MAGIC), name=given)


@spoken
def verify(
    receipt: PathLike | BytesLike,
    *,
    program: PathLike | BytesLike | None = None,
    image_id: str | None = None,
    journal: BytesLike | None = None,
    exit_code: int | None = None,
    isa: str | None = None,
    accept_johnson: bool = False,
    progress: Progress = no_progress,
) -> Verified:
    """Checks that `receipt` proves a run of the program, given itself or by its image ID; raises VerificationError if it does not.

    The run was one in the machine of the instruction set `isa`. None: of that which the program says that it was built for, if it is given
    itself, else of the base machine. What the receipt says of its machine is compared, and never believed.

    A receipt made with `small` rests on the Johnson radius, on a preprint, and is refused unless `accept_johnson`: see docs/security.md.

    With `journal` and `exit_code` these are checked too; the answer has them in any case. `exit_code` is within -2^31 .. 2^32 - 1: an exit
    code has 32 bits, and N below zero stands for N + 2^32, what a program's exit(N) gives.
    """
    journal = arguments.optional_data("journal", journal)
    exit_code = arguments.exit_code(exit_code)
    accept_johnson = arguments.switch("accept_johnson", accept_johnson)
    if (program is None) == (image_id is None):
        raise InputError("give either the program or its image ID", hint="a receipt proves a run of one program; say which one you trust")

    from zkc.runtime.memory.image import image_id_hex, parse_image_id
    from zkc.runtime.receipts.receipt import verify_receipt
    from zkc.runtime.stark.verifier import verify as verify_proof

    given = None if image_id is None else parse_image_id(image_id)
    claimed = read_receipt(receipt)
    if program is None:
        extensions, expected = _extensions(None, isa), given
        chosen = machine(extensions)
    else:
        loaded = load(program, isa)
        extensions, chosen = loaded.extensions, loaded.machine
        expected = parse_image_id(_image_id_of(loaded.program, chosen))
    numbers = itertools.count(1)

    def verify_one(circuit: Circuit, claim: tuple[int, ...], proof: bytes, parameters: Parameters) -> None:
        verify_proof(circuit, claim, proof, parameters)
        progress("verify", next(numbers), len(claimed.segments))

    verified = verify_receipt(
        chosen.circuit,
        claimed,
        chosen.hasher,
        verify_one,
        image_id=expected,
        journal=journal,
        exit_code=exit_code,
        accept_johnson=accept_johnson,
    )
    image = image_id_hex(verified.image_id)
    sizes = claimed.proof_bytes, claimed.receipt_bytes
    return Verified(image, verified.exit_code, verified.segments, verified.journal, _strength(claimed, chosen), *sizes, shown(extensions))


def inspect(receipt: PathLike | BytesLike, isa: str | None = None) -> dict[str, object]:
    """What a receipt says about itself, unverified; of its security, what proofs of these heights would have. isa: of the machine that it
    is compared with."""
    from zkc.runtime.receipts.receipt import summary

    read = read_receipt(receipt)
    chosen = machine(_extensions(None, isa))
    said = summary(read, chosen.circuit)
    try:
        return {**said, **(_strength(read, chosen).values() if said["circuit_matches"] else {})}
    except VerificationError:  # heights that no proof has
        return said


def emit(directory: PathLike | None, what: str, isa: str | None = None) -> str:
    """A stage of the compilation as text."""
    from zkc.emit import emit as emit_stage

    folder = _folder(directory)
    return emit_stage(folder, arguments.text("what", what), extensions_asked(folder, isa))


@spoken
def profile(
    program: PathLike | BytesLike,
    stdin: BytesLike | None = None,
    *,
    isa: str | None = None,
    segment_limit: int | None = None,
    max_cycles: int | None = None,
    max_console: int = MAX_CONSOLE_BYTES,
    max_journal: int = MAX_JOURNAL_BYTES,
    console: Console = no_console,
    progress: Progress = no_progress,
) -> Profile:
    """Runs `program` and says where its instructions and their cells go."""
    from zkc.runtime.execution.executor import Limits

    limits = Limits(segment_limit, max_cycles, max_console, max_journal)
    stdin = arguments.optional_data("stdin", stdin)
    loaded = load(program, isa)
    execution, run = _run_with_snapshots(loaded, stdin, limits, console, progress)
    return _profile(loaded, execution, run, progress)


def _profile(loaded: Loaded, execution: Execution, run: Run, progress: Progress) -> Profile:
    from zkc.profile import profile as profile_segments

    return profile_segments(loaded.machine, loaded.program, execution, run, progress)


def _run_with_snapshots(
    loaded: Loaded, stdin: bytes | None, limits: Limits, console: Console, progress: Progress
) -> tuple[Execution, Run]:
    from zkc.runtime.execution.executor import execute

    execution = execute(loaded.machine, loaded.program, stdin, limits, console, progress, snapshots=True)
    return execution, _run(loaded, execution)


@spoken
def report(
    program: PathLike | BytesLike,
    stdin: BytesLike | None = None,
    *,
    isa: str | None = None,
    name: str = "program",
    proves: bool = True,
    segment_limit: int | None = None,
    max_cycles: int | None = None,
    max_console: int = MAX_CONSOLE_BYTES,
    max_journal: int = MAX_JOURNAL_BYTES,
    console: Console = no_console,
    progress: Progress = no_progress,
    prepare: Prepare = no_preparation,
) -> Page:
    """An HTML page about a run of `program`: costs by function, segments, pages, tables and, if it `proves`, where the time goes."""
    from zkc.report import prove_all, render
    from zkc.runtime.execution.executor import Limits

    limits = Limits(segment_limit, max_cycles, max_console, max_journal)
    stdin = arguments.optional_data("stdin", stdin)
    name, proves = arguments.text("name", name), arguments.switch("proves", proves)
    loaded = load(program, isa, prepare=prepare)
    execution, run = _run_with_snapshots(loaded, stdin, limits, console, progress)
    found = _profile(loaded, execution, run, progress)
    proven = prove_all(loaded.machine, execution.segments, progress) if proves else []
    seconds = sum(one.total for one in proven) if proven else None
    size = sum(one.proof_bytes for one in proven) if proven else None
    return Page(run, render(loaded.machine, name, found, execution.segments, proven, version()), found, seconds, size)


def version() -> str:
    """The version of zkc."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as of

    try:
        return of("zkc")
    except PackageNotFoundError:  # run from its folder, not installed
        return "(not installed)"


def format_files(paths: Sequence[PathLike], *, write: bool) -> list[Path]:
    """The .circ files among `paths` (files, or folders of them) that are not in our style; with `write` they then are."""
    from zkc.compiler.machines import own_files
    from zkc.dsl.format import format_source
    from zkc.dsl.source_files import read_source

    write = arguments.switch("write", write)
    files: list[Path] = []
    for path in map(Path, arguments.paths("paths", paths)):
        there = look_up(path, what="the path")
        files += own_files(path) if there is not None and stat.S_ISDIR(there.st_mode) else [path]
    changed: list[Path] = []
    for file in files:
        source = read_source(file, str(file))
        formatted = format_source(source, str(file))
        if formatted != source:
            changed.append(file)
            if write:
                write_file(file, formatted.encode(), what="the .circ file")
    return changed


RANDOM_STEPS: Final = 16
"""Steps on random operands of each instruction that tests run by themselves."""
MOST_RANDOM_STEPS: Final = 1_000_000
MOST_SEED: Final = 2**63 - 1


@spoken
def run_inline_tests(
    directory: PathLike | None = None,
    pattern: str = "",
    *,
    isa: str | None = None,
    random: int = RANDOM_STEPS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[TestOutcome]:
    """The outcomes of the tests of .circ files whose names hold `pattern`, and of `random` steps of each instruction whose name does, on
    operands that `seed` chooses."""
    from zkc.inline_tests import run_tests

    pattern = arguments.text("pattern", pattern)
    count = arguments.integer("random", random, 0, MOST_RANDOM_STEPS)
    seed = arguments.integer("seed", seed, 0, MOST_SEED)
    folder = _folder(directory) or circuits_folder()
    extensions = extensions_asked(folder, isa)
    return list(run_tests(folder, pattern, extensions=extensions, count=count, seed=seed, progress=progress))


def circuit_warnings(directory: PathLike | None = None, isa: str | None = None) -> list[Warned]:
    """What in the .circ files of `directory` does no harm, but nobody wants: values, items and arms that nothing uses."""
    from zkc.compiler.machines import warnings_of

    folder = _folder(directory)
    return warnings_of(folder, extensions_asked(folder, isa))


def audit(directory: PathLike | None = None, tables: Sequence[str] = (), isa: str | None = None) -> list[ColumnAudit]:
    """Every column of `tables` (none: of all): what bounds it, and why it is right."""
    from zkc.audit import audit as audit_columns

    folder = _folder(directory)
    return audit_columns(folder, tables, extensions_asked(folder, isa))


@spoken
def check_circuits(
    directory: PathLike | None = None, tables: Sequence[str] = (), *, isa: str | None = None, progress: Progress = no_progress
) -> None:
    """Raises DiagnosticError with every choice that constraints leave the prover without meaning to: all rules of the audit.

    tables: only these, and no small segment is tried then; none: all. A minute at first; a table that was found sound is not audited
    again. progress is told of "audit", by tables.
    """
    from zkc.compiler.audit.run import mistakes
    from zkc.compiler.machines import circuit_files
    from zkc.dsl.diagnostics import DiagnosticError
    from zkc.dsl.parser import parse_files

    root = _folder(directory) or circuits_folder()
    extensions = extensions_asked(root, isa)
    findings = mistakes(root, progress, tables, extensions)
    if findings:
        raise DiagnosticError(findings, parse_files(circuit_files(root, extensions), root)[1])


def circuits_folder() -> Path:
    """The folder in `ZKC_CIRCUITS`, or the one that comes with zkc."""
    from zkc import circuits

    chosen = os.environ.get("ZKC_CIRCUITS")
    return Path(chosen) if chosen else Path(str(circuits.__file__)).parent


def lock_path() -> Path:
    """Where circuits.lock is."""
    return circuits_folder() / "circuits.lock"


def lock_changes() -> list[str]:
    """How the compiled circuit differs from circuits.lock; empty if it does not."""
    from zkc.stats import lock_diff, lock_text

    path = lock_path()
    there = look_up(path, what="circuits.lock")
    old = "" if there is None else read_file(path, limit=MIB, what="circuits.lock").decode("utf-8", "replace")
    return lock_diff(old, lock_text(machine().circuit))


def write_lock() -> None:
    """Writes circuits.lock as the circuit compiles now."""
    from zkc.stats import lock_text

    write_file(lock_path(), lock_text(machine().circuit).encode(), what="circuits.lock")


def security(log_rows: int, *, isa: str | None = None, small: bool = False, hide: bool = True) -> SecurityReport:
    """Every term of the security of a segment whose tables all have 2^log_rows rows, as `prove` would prove it."""
    from zkc.runtime.stark.security import security as report

    log_rows = arguments.integer("log_rows", log_rows, *LOG_ROWS)
    circuit, parameters = machine(_extensions(None, isa)).circuit, PARAMETER_SETS[_parameter_set(small=small, hide=hide)]
    logs = {t.name: log_rows if t.fixed_log_height is None else t.fixed_log_height for t in circuit.tables}
    heights = {name: 1 << max(log, parameters.full_log_height) for name, log in logs.items()}
    try:
        return report(circuit, heights, parameters)
    except VerificationError as error:
        hint = "no segment has that many rows in all of its tables: give a smaller --log-rows"
        raise InputError(error.message, hint=hint) from None


def _run(loaded: Loaded, execution: Execution, parameter_set: int = STANDARD_SET) -> Run:
    from zkc.runtime.execution.sizes import all_cells

    e, image = execution, _image_id_of(loaded.program, loaded.machine)
    cells = all_cells(loaded.machine.circuit, (segment.rows for segment in e.segments), PARAMETER_SETS[parameter_set])
    isa = shown(loaded.extensions)
    return Run(image, e.exit_code, e.instructions, len(e.segments), e.journal, e.console, e.seconds, cells, e.refused, isa)
