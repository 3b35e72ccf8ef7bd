"""Orchestration, with plain functions in place of the prover."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine_runtime.workers import (
    be_killed,
    crash,
    die,
    die_once_for_each,
    fault,
    leave_out_a_proof,
    prove,
    prove_slowly_in_reverse,
)
from zkc.runtime.errors import GuestFault, InputError, InternalError, VerificationError, ZkcError
from zkc.runtime.files import make_private_folder
from zkc.runtime.receipts import resume
from zkc.runtime.receipts.proving import LocalPool, Progress, prove_segments
from zkc.runtime.receipts.receipt import SegmentReceipt
from zkc.runtime.receipts.resume import ResumeStore, resume_key

KEY = resume_key((1,) * 8, b"input", b"circuit", {"cycles": 5})


EXPECTED = tuple(prove(unit) for unit in range(5))


def test_in_this_process() -> None:
    steps: list[Progress] = []
    assert prove_segments(range(5), prove, progress=steps.append) == EXPECTED
    assert [(step.index, step.done, step.proof_bytes) for step in steps] == [(i, i + 1, 1) for i in range(5)]
    assert prove_segments([], prove) == ()
    with pytest.raises(InputError, match="jobs is 0"):
        prove_segments([], prove, jobs=0)


def test_a_pool_keeps_the_order_and_shares_the_cores() -> None:
    receipts = prove_segments(range(4), prove_slowly_in_reverse, jobs=2)
    assert [receipt.proof.split()[0] for receipt in receipts] == [b"0", b"1", b"2", b"3"]
    share = max(1, (os.cpu_count() or 1) // 2)
    assert {receipt.claim for receipt in receipts} == {(share, share)}
    assert f"{os.getpid()}".encode() not in {receipt.proof.split()[1] for receipt in receipts}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_names_its_segment(jobs: int) -> None:
    with pytest.raises(ZkcError, match="segment 1 could not be proven: illegal instruction") as caught:
        prove_segments(range(5), fault, jobs=jobs)
    assert caught.value.where == "pc 0x00001000" and caught.value.hint == "look at the program"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_of_ours_keeps_its_traceback(jobs: int) -> None:
    with pytest.raises(ZkcError, match="KeyError: 'inner'") as caught:
        prove_segments(range(5), crash, jobs=jobs)
    assert "in crash" in caught.value.__notes__[0] and "report" in (caught.value.hint or "")


def test_a_process_that_dies() -> None:
    with pytest.raises(ZkcError, match="ended unexpectedly with status 1"):
        prove_segments(range(3), die, jobs=2)


def test_a_process_that_is_killed_is_replaced_once(tmp_path: Path) -> None:
    units = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    assert prove_segments(units, die_once_for_each, jobs=2) == (prove(1),) * 3
    with pytest.raises(ZkcError, match="twice, by SIGKILL") as caught:
        prove_segments(range(1), be_killed, jobs=2)
    assert "memory" in (caught.value.hint or "")


def test_what_cannot_be_pickled() -> None:
    with pytest.raises(ZkcError, match="segment 0 could not be proven"):
        prove_segments([lambda: None], prove, jobs=2)


def test_an_error_of_the_execution_passes_through() -> None:
    def units() -> Iterator[int]:
        yield 0
        raise GuestFault("misaligned load", pc=4)

    for jobs in (1, 2):
        with pytest.raises(GuestFault, match="misaligned load"):
            prove_segments(units(), prove, jobs=jobs)


def test_units_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def units() -> Iterator[int]:
        for unit in range(6):
            taken.append(unit)
            yield unit

    outcomes = LocalPool(1).run(((i, i) for i in units()), prove)
    next(outcomes)
    assert len(taken) <= 3
    outcomes.close()  # type: ignore[attr-defined]


def test_resume_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZkcError), ResumeStore(tmp_path / "resume", KEY) as store:
        prove_segments(range(5), fault, store=store)
    assert [path.name for path in store.folder.iterdir()] == ["000000.segment"]
    steps: list[Progress] = []
    with ResumeStore(tmp_path / "resume", KEY) as store:
        assert prove_segments(range(5), prove, store=store, progress=steps.append) == EXPECTED
        assert len(list(store.folder.iterdir())) == 5
    assert [step.resumed for step in steps] == [True, False, False, False, False]
    assert not (tmp_path / "resume").exists()


def test_other_files_in_the_store_stay(tmp_path: Path) -> None:
    with ResumeStore(tmp_path, KEY) as store:
        store.save(0, b"", prove(0))
        (store.folder / "mine").write_text("")
    assert [path.name for path in store.folder.iterdir()] == ["mine"]


def test_two_runs_share_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ended first removed the folder which the other was about to write into."""
    store = ResumeStore(tmp_path / "parts", KEY)

    def removed_by_another(folder: Path, *, what: str) -> None:
        monkeypatch.setattr(resume, "make_private_folder", make_private_folder)

    monkeypatch.setattr(resume, "make_private_folder", removed_by_another)
    secret = store.secret()
    store.save(0, b"", prove(0))
    assert store.load(0, b"") == prove(0) and ResumeStore(tmp_path / "parts", KEY).secret() == secret


def test_stored_segments_are_checked(tmp_path: Path) -> None:
    store = ResumeStore(tmp_path, KEY)
    store.save(3, b"unit", prove(3))
    assert store.load(3, b"unit") == prove(3)
    assert store.load(3, b"another unit") is None and store.load(2, b"unit") is None
    path = next(store.folder.iterdir())
    whole = path.read_bytes()
    path.rename(path.with_name("000002.segment"))
    assert store.load(2, b"unit") is None
    for damaged in (
        [whole[:n] for n in range(0, len(whole), 7)]
        + [whole + b"x"]
        + [whole[:n] + b"\xff" + whole[n + 1 :] for n in range(0, len(whole), 5)]
    ):
        path.write_bytes(damaged)
        assert store.load(3, b"unit") is None
    other = ResumeStore(tmp_path, resume_key((1,) * 8, b"input", b"circuit", {"cycles": 6}))
    assert other.folder != store.folder
    other.folder.mkdir()
    (other.folder / path.name).write_bytes(whole)
    assert other.load(3, b"unit") is None


def test_a_full_disk_stops_the_proof_and_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proving went on to the end, nobody saw a note, and only what had been stored before was left."""
    proven: list[int] = []

    def prove_on_a_small_disk(unit: int) -> SegmentReceipt:
        proven.append(unit)
        if unit == 2:
            monkeypatch.setattr(os, "fsync", full)
        return prove(unit)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match="cannot write a finished segment: no space left") as caught, ResumeStore(tmp_path, KEY) as store:
        prove_segments(range(5), prove_on_a_small_disk, store=store)
    assert proven == [0, 1, 2] and sorted(path.name for path in store.folder.iterdir()) == ["000000.segment", "000001.segment"]
    assert "2 finished segments are kept" in caught.value.__notes__[0]


def refuse_empty_proofs(unit: int, segment: SegmentReceipt) -> None:
    if not segment.proof:
        raise VerificationError("the proof is empty", where="byte 0")


def test_a_stored_segment_that_does_not_verify_is_proven_anew(tmp_path: Path) -> None:
    store = ResumeStore(tmp_path, KEY)
    store.save(1, b"", SegmentReceipt((1,), b""))
    store.save(2, b"", prove(2))
    steps: list[Progress] = []
    assert prove_segments(range(5), prove, store=store, check=refuse_empty_proofs, progress=steps.append) == EXPECTED
    assert [step.index for step in steps if step.resumed] == [2] and store.load(1, b"") == prove(1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_proof_that_does_not_verify_is_noticed_at_once(jobs: int, tmp_path: Path) -> None:
    """As from a process that has another version of zkc."""
    store = ResumeStore(tmp_path, KEY)
    with pytest.raises(InternalError, match="segment 1 does not verify: the proof is empty") as caught:
        prove_segments(range(5), leave_out_a_proof, jobs=jobs, store=store, check=refuse_empty_proofs)
    assert caught.value.status == 70 and caught.value.where == "byte 0" and store.load(1, b"") is None


def test_the_cluster_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    from zkc.runtime.receipts.cluster import RayCluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="needs Ray") as caught:
        RayCluster(identity=lambda: "")
    assert "cluster" in (caught.value.hint or "")
