"""How large segments may be follows from the memory there is, and is the same whenever it is asked."""

from __future__ import annotations

from itertools import product

import pytest

from zkc.runtime import arguments
from zkc.runtime.errors import InputError
from zkc.runtime.execution.budget import CELL_BUDGET, LEAST_CELLS, best_jobs, budget, free_memory, needed
from zkc.runtime.limits import MIB

GIB = 1024 * MIB
PEAKS = {(16, 1): 511, (30, 1): 644, (45, 1): 780, (90, 1): 1518, (16, 3): 1351, (45, 3): 2251, (90, 3): 4884}
"""MiB, measured, by millions of cells and log2 of the blow-up."""


@pytest.mark.parametrize(("cells", "log_blowup"), list(PEAKS))
def test_what_is_needed_is_what_was_measured_and_a_little_more(cells: int, log_blowup: int) -> None:
    peak = PEAKS[cells, log_blowup] * MIB
    assert peak <= needed(cells * 10**6, 1, log_blowup) <= 1.4 * peak


@pytest.mark.parametrize(("memory", "jobs", "log_blowup"), list(product((2, 4, 7, 16, 64), (1, 2, 5), (1, 3))))
def test_a_budget_fits_and_one_more_cell_does_not(memory: int, jobs: int, log_blowup: int) -> None:
    if memory * GIB < needed(LEAST_CELLS, jobs, log_blowup):
        with pytest.raises(InputError, match=f"{memory * 1024:,} MiB of memory is too little: {jobs} segments at a time need") as caught:
            budget(memory * GIB, jobs, log_blowup)
        assert "fewer jobs" in (caught.value.hint or "")
        return
    cells = budget(memory * GIB, jobs, log_blowup)
    assert needed(cells, jobs, log_blowup) <= memory * GIB
    assert cells == CELL_BUDGET or needed(cells + 1, jobs, log_blowup) > memory * GIB


def test_the_least_memory() -> None:
    least = needed(LEAST_CELLS, 1, 1)
    assert budget(least, 1, 1) == LEAST_CELLS
    with pytest.raises(InputError, match="one segment needs 614 MiB"):
        budget(least - 1, 1, 1)


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"),
    [(1, 64, 1), (2, 64, 1), (7, 64, 1), (8, 64, 2), (16, 64, 4), (16, 5, 3), (16, 4, 2), (16, 1, 1), (64, 64, 16)],
)
def test_jobs_are_one_for_four_cores_as_far_as_they_fit(cores: int, memory: int, jobs: int) -> None:
    assert best_jobs(cores, memory * GIB, 1) == jobs


def test_there_is_memory() -> None:
    assert 64 * MIB < free_memory() < 1 << 50


@pytest.mark.parametrize(
    ("text", "size"),
    [("1500M", 1500 << 20), ("4G", 4 << 30), ("4g", 4 << 30), ("4GiB", 4 << 30), ("4gb", 4 << 30), ("7", 7), ("2T", 2 << 40)],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert arguments.size("memory", text) == size


@pytest.mark.parametrize("text", ["", "G", "-4G", "4X", "1.5G", "4 G B", "0x10", "9" * 16, "\u0664G"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match=r"memory is .*, not a number of bytes"):
        arguments.size("memory", text)
