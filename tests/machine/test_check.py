"""The checker itself: what it finds in a small circuit, and how it says it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.machine.check import check, exact_groups, number
from tests.machine.everything import honest
from tests.machine.support import machine
from tests.stark.circuits import example
from zkc.runtime.field.koalabear import P


def test_an_honest_witness_has_no_failure() -> None:
    e = example()
    assert not check(e.circuit, e.traces, e.claim)
    assert str(check(e.circuit, e.traces, e.claim)) == "no failure"


def test_a_constraint_is_named_with_its_cells() -> None:
    e = example().altered("main", 3, 5, 77)
    failures = check(e.circuit, e.traces, e.claim).failures
    broken = [f for f in failures if "constraint 3" in f.problem]
    assert [(f.table, f.row, f.label) for f in broken] == [("main", 5, "constraint 3")]
    assert {name for name, _ in broken[0].cells} == {"value", "square", "real"}
    assert ("square", 77) in broken[0].cells


def test_a_message_without_partner_is_named_on_both_sides() -> None:
    e = example()
    report = check(e.circuit, e.traces, (e.claim[0], e.claim[1] + 1))
    assert len(report.failures) == 2
    assert {f.table for f in report.failures} == {"main", "claim"}
    assert {"sent 1 too often", "received 1 too often"} == {f.problem.partition(" is ")[2].partition(";")[0] for f in report.failures}


def test_a_wrong_count_is_noticed_unless_counts_are_made_again() -> None:
    e = example().altered("range", 0, 5, 1000)
    assert check(e.circuit, e.traces, e.claim)
    assert not check(e.circuit, e.traces, e.claim, counts=False)


def test_a_lookup_that_no_row_answers_is_noticed_either_way() -> None:
    e = example().altered("main", 2, 0, 500)
    assert any("range" in f.problem for f in check(e.circuit, e.traces, e.claim, counts=False).failures)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t | {"main": t["main"][:-1]}, "5 columns, not 6"),
        (lambda t: t | {"main": t["main"][:, :100]}, "100 rows"),
        (lambda t: t | {"range": np.zeros((1, 256), dtype=np.uint32)}, "256 rows"),
        (lambda t: t | {"copy": np.full((4, 128), P, dtype=np.uint32)}, "not canonical"),
        (lambda t: t | {"other": t["main"]}, "no such table"),
    ],
)
def test_a_witness_of_the_wrong_shape_is_refused(change: object, said: str) -> None:
    e = example()
    assert callable(change)
    report = check(e.circuit, change(dict(e.traces)), e.claim)
    assert said in str(report)


def test_an_absent_table_leaves_messages_alone() -> None:
    e = example()
    traces = {name: trace for name, trace in e.traces.items() if name != "copy"}
    assert all(f.table == "main" for f in check(e.circuit, traces, e.claim).failures)


def test_messages_are_compared_exactly() -> None:
    """Numbers that a fingerprint without care would mix up."""
    rows = np.array([[0, 1, 0, P - 1, 1], [1, 0, 1, 0, 0], [P - 1, P - 1, P - 1, 0, P - 1]], dtype=np.int64)
    groups = exact_groups(rows).tolist()
    assert groups[0] == groups[2] and groups[1] == groups[4]
    assert len(set(groups)) == 3


def test_numbers_for_people() -> None:
    assert [number(v) for v in (0, 9, 10, P - 1, P - 2)] == ["0", "9", "10 (0xa)", "-1", "-2"]


def test_a_failure_names_the_instruction() -> None:
    traces = {name: trace.copy() for name, trace in honest()[0].items()}
    column = next(t for t in machine().circuit.tables if t.name == "add").columns.index("is_add")
    row = int(np.flatnonzero(traces["add"][column])[3])
    traces["add"][column + 1, row] = 1
    text = str(check(machine().circuit, traces, honest()[1], machine()))
    assert f"add[{row}] `0x" in text and "a row is at most one instruction" in text and "is_sub = 1" in text


def test_many_failures_are_cut_short() -> None:
    e = example()
    traces = dict(e.traces) | {"main": np.full_like(e.traces["main"], 5)}
    report = check(e.circuit, traces, e.claim)
    assert "more failures" in str(report) and "more rows" in str(report)
    assert check(replace(e.circuit, digest=b""), traces, e.claim) == report
