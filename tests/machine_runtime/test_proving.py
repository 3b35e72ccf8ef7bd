"""Orchestration, with plain functions in place of the prover."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine_runtime.workers import crash, die, fault, prove, prove_slowly_in_reverse
from zkc.runtime.errors import GuestFault, InputError, ZkcError
from zkc.runtime.proving import LocalPool, Progress, prove_segments
from zkc.runtime.resume import ResumeStore, resume_key

KEY = resume_key((1,) * 8, b"input", b"circuit", {"cycles": 5})


EXPECTED = tuple(prove(unit) for unit in range(5))


def test_in_this_process() -> None:
    steps: list[Progress] = []
    assert prove_segments(range(5), prove, progress=steps.append) == EXPECTED
    assert [(step.index, step.done, step.proof_bytes) for step in steps] == [(i, i + 1, 1) for i in range(5)]
    assert prove_segments([], prove) == ()
    with pytest.raises(InputError, match="0 processes"):
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
    with pytest.raises(ZkcError, match="ended unexpectedly"):
        prove_segments(range(3), die, jobs=2)


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


def test_a_store_that_fails_does_not_stop_the_proof(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    steps: list[Progress] = []
    store = ResumeStore(tmp_path / "file", KEY)
    assert prove_segments(range(5), prove, store=store, progress=steps.append) == EXPECTED
    assert [bool(step.note) for step in steps] == [True, False, False, False, False]


def test_ctrl_c_ends_the_processes_and_keeps_what_is_done(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from zkc.runtime.proving import prove_segments\n"
        "from zkc.runtime.receipt import SegmentReceipt\n"
        "from zkc.runtime.resume import ResumeStore\n"
        "def prove(unit):\n"
        "    time.sleep(0 if unit == 0 else 600)\n"
        "    return SegmentReceipt((unit,), b'')\n"
        "def show(step):\n"
        "    print('done', step.index, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    with ResumeStore(Path(sys.argv[1]), bytes(32)) as store:\n"
        "        prove_segments(range(4), prove, jobs=2, store=store, progress=show)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(
        [sys.executable, program, tmp_path / "resume"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == b"done 0\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) != 0
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    assert len(list((tmp_path / "resume").glob("*/*.segment"))) == 1


def test_the_cluster_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    from zkc.runtime.cluster import RayCluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="needs Ray") as caught:
        RayCluster()
    assert "cluster" in (caught.value.hint or "")
