"""What a receipt can hold is known before anything is proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

import zkc
from tests.guests.catalogue import examples
from tests.machine.support import machine
from zkc import api
from zkc.runtime import limits
from zkc.runtime.errors import InputError
from zkc.runtime.execution import executor
from zkc.runtime.execution.executor import Execution, Limits
from zkc.runtime.execution.sizes import proofs_at_most
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.limits import MAX_JOURNAL_BYTES, MAX_RECEIPT_BYTES, MAX_SEGMENTS, check_receipt_fits
from zkc.runtime.stark.parameters import PARAMETER_SETS

FIBONACCI = next(program for program in examples() if program.name == "fibonacci")


@pytest.mark.prove
@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_the_size_of_a_proof_is_known_before(parameter_set: int) -> None:
    """With --small, too: a receipt was refused for the size that it would have had without."""
    m = machine()
    run = executor.execute(m, load_elf(FIBONACCI.elf, m.memory_map), FIBONACCI.stdin, Limits(), snapshots=True)
    most = proofs_at_most(m.circuit, [segment.rows for segment in run.segments], PARAMETER_SETS[parameter_set])
    proven = sum(len(api.prove_segment(segment, parameter_set=parameter_set).proof) for segment in run.segments)
    assert 0.93 * most < proven <= most


def test_a_run_is_not_kept_beyond_what_a_receipt_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only at the end of the run were its segments counted: one without an end filled the memory with their pages."""
    monkeypatch.setattr(limits, "MAX_SEGMENTS", 3)
    begun: list[int] = []
    m = machine()
    loaded = load_elf(FIBONACCI.elf, m.memory_map)
    with pytest.raises(InputError, match="4 segments, a receipt holds at most 3: nothing is proven"):
        executor.execute(m, loaded, FIBONACCI.stdin, Limits(8), None, lambda phase, done, total: begun.append(done), snapshots=True)
    assert begun == [1, 2, 3] and len(executor.execute(m, loaded, FIBONACCI.stdin, Limits(8)).segments) > 4


def test_the_limits_themselves_fit() -> None:
    check_receipt_fits(MAX_SEGMENTS, MAX_JOURNAL_BYTES, lambda: 0)
    check_receipt_fits(1, 0, lambda: MAX_RECEIPT_BYTES - (1 << 20))


@pytest.mark.parametrize(
    ("segments", "journal", "proofs", "message"),
    [
        (MAX_SEGMENTS + 1, 0, 0, "65537 segments"),
        (1, MAX_JOURNAL_BYTES + 1, 0, "the journal has 268435457 bytes"),
        (5000, 0, MAX_RECEIPT_BYTES, "8.0 GiB in 5000 segments"),
        (5000, MAX_JOURNAL_BYTES, MAX_RECEIPT_BYTES - MAX_JOURNAL_BYTES, "GiB in 5000 segments"),
    ],
)
def test_a_receipt_that_no_one_could_read_is_not_begun(segments: int, journal: int, proofs: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_receipt_fits(segments, journal, lambda: proofs)


def test_nothing_is_proven_of_a_run_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = executor.execute

    def long_run(*arguments: object, **named: object) -> Execution:
        run = whole(*arguments, **named)  # type: ignore[arg-type]
        return replace(run, segments=run.segments * (MAX_SEGMENTS + 1))

    monkeypatch.setattr(executor, "execute", long_run)
    monkeypatch.setattr(api, "prove_segment", lambda *arguments, **named: pytest.fail("a proof was begun"))
    with pytest.raises(InputError, match="65537 segments, a receipt holds at most 65536: nothing is proven"):
        zkc.prove(FIBONACCI.elf, FIBONACCI.stdin)
