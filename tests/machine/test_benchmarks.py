"""Benchmarks run: one that was not run with the tests could not even be imported any more."""

from __future__ import annotations

import pytest

from benchmarks import kernels, measure
from benchmarks.workloads import workloads


def test_kernels_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "ROWS", 1 << 12)
    monkeypatch.setattr(kernels, "COLUMNS", 2)
    assert all(figure > 0 for figure in kernels.kernels().values())


@pytest.mark.prove
def test_the_smallest_workload_is_measured() -> None:
    figures = measure.measure(next(each for each in workloads() if each.name == "smallest"))
    assert figures["proof_bytes"] > figures["no_hide_bytes"] > 0 and figures["hide_ratio"] > 0
