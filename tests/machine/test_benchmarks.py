"""Benchmarks run: one that was not run with the tests could not even be imported any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import against, kernels, measure
from benchmarks.workloads import ROOT, workloads


def test_kernels_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "ROWS", 1 << 12)
    monkeypatch.setattr(kernels, "COLUMNS", 2)
    assert all(figure > 0 for figure in kernels.kernels().values())


@pytest.mark.prove
def test_the_smallest_workload_is_measured() -> None:
    figures = measure.measure(next(each for each in workloads() if each.name == "smallest"))
    assert figures["proof_bytes"] > figures["no_hide_bytes"] > 0 and figures["hide_ratio"] > 0


def test_ratios_are_of_neighbours_and_below_one_is_better() -> None:
    before, now = Path("before"), Path("now")
    order: list[Path] = []

    def measure(tree: Path, workload: str) -> dict[str, float]:
        order.append(tree)
        slow = len(order)  # the machine gets slower and slower
        return {"prove_seconds": slow * (2.0 if tree == before else 1.0), "trace_rate": (1.0 if tree == before else 4.0) / slow}

    ratios = against.in_turns(before, now, "any", 3, measure)
    assert order == [before, now, now, before, before, now]
    assert ratios["prove_seconds"] == sorted([2 / 2, 3 / 8, 6 / 10])[1]
    assert ratios["trace_rate"] == sorted([(1 / 1) / (4 / 2), (1 / 4) / (4 / 3), (1 / 5) / (4 / 6)])[1]


def test_the_files_of_a_commit_are_another_tree() -> None:
    with against.tree_of("HEAD") as tree:
        assert (tree / "benchmarks" / "measure.py").is_file() and tree != ROOT
    assert not tree.exists()
    with pytest.raises(SystemExit, match="no commit"), against.tree_of("no-such-commit"):
        pass
