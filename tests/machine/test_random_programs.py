"""Random programs do in our machine what they do in unicorn, wherever segments end; their witnesses hold."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.machine.check import check
from tests.machine.programs import REGRESSIONS, RandomProgram, executor, finish, load, programs, run_ours, run_theirs, save
from tests.machine.support import machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.trace import trace
from zkc.runtime.memory.image import Image, PageTree
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

MOST_SEGMENTS = 200
CHECKED = 4
few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def same_as_unicorn(program: RandomProgram) -> None:
    """All that can be seen of a run is the same in both machines, with cuts everywhere and nowhere."""
    whole, steps, dirty = run_ours(program)
    theirs = run_theirs(program, dirty)
    if (theirs.fault or "").startswith("too many"):
        return
    assert (whole.fault is None) == (theirs.fault is None), f"we say {whole.fault}, unicorn {theirs.fault}"
    if whole.fault is None:
        assert whole == theirs
    for limit, every in ((7, None), (None, max(1, steps // MOST_SEGMENTS)), (None, max(3, steps // 7))):
        assert run_ours(program, limit, every)[0] == whole, f"segments of 2^{limit} rows, {every} steps"


def witness_holds(program: RandomProgram) -> None:
    """Segments chain, the last image is that of the last memory, and the witnesses of the longest segments satisfy every constraint."""
    made = executor(program.elf(), program.stdin, 7, 60, snapshots=True)
    try:
        run = finish(made)
    except GuestFault:
        return
    segments = run.segments
    assert all(a.post == b.pre for a, b in pairwise(segments))
    pages = {page for s in segments for page in s.pages}
    last = Image(made.map, {page: made.mem[page * 256 : page * 256 + 256] for page in pages}, made.image.guards)
    assert PageTree.of(last, machine().hasher).image_id() == segments[-1].post
    for segment in sorted(segments, key=lambda s: len({n for n, r in s.rows.items() if r}), reverse=True)[:CHECKED]:
        failures = check(machine().circuit, *trace(machine(), segment), machine())
        assert not failures, f"segment {segment.index}\n{failures}"


def proof_verifies(program: RandomProgram) -> None:
    """The segment that uses the most tables, at a small limit, is really proven, and the proof verifies."""
    try:
        segments = finish(executor(program.elf(), program.stdin, 7, 60, snapshots=True)).segments
    except GuestFault:
        return
    richest = max(segments, key=lambda s: len({n for n, r in s.rows.items() if r}))
    traces, claim = trace(machine(), richest)
    proof = prove(machine().circuit, traces, claim)
    verify(machine().circuit, claim, proof)


def recorded(test: Callable[[RandomProgram], None], program: RandomProgram) -> None:
    """Runs a test; what fails is written to a file. Shrinking writes it again and again: the last is the smallest."""
    try:
        test(program)
    except Exception as error:
        save(program, f"found_{test.__name__}", str(error).splitlines()[0][:100])
        raise


@many
@given(programs())
def test_same_as_unicorn(program: RandomProgram) -> None:
    recorded(same_as_unicorn, program)


@few
@given(programs())
def test_witness_holds(program: RandomProgram) -> None:
    recorded(witness_holds, program)


@pytest.mark.prove
@settings(parent=few, max_examples=6)
@given(programs())
def test_proof_verifies(program: RandomProgram) -> None:
    recorded(proof_verifies, program)


@pytest.mark.slow
@settings(parent=many, max_examples=600)
@given(programs())
def test_same_as_unicorn_at_length(program: RandomProgram) -> None:
    recorded(same_as_unicorn, program)


@pytest.mark.parametrize("path", sorted(REGRESSIONS.glob("*.program")), ids=lambda path: path.stem)
def test_programs_that_failed_once(path: Path) -> None:
    program = load(path)
    same_as_unicorn(program)
    witness_holds(program)
