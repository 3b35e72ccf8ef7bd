"""Pages that a segment writes, in rows of 16 words: they fit, whatever is changed in them does not, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import pytest

from tests.machine.check import Traces, check
from tests.machine.support import machine
from tests.machine.transfers import DATA, JOURNAL, READ, WRITE, Call, cells, run
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.sizes import table_sizes
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P

PAGE_CELLS: Final = 19_000
"""Most cells of a page that is written, where many are, in rows of its words."""
TABLE: Final = "dirty_page"


@cache
def segment() -> Segment:
    """Two pages of data are written, and one word of the one is read only."""
    calls = [Call(READ, 0, DATA + 1000, 300), Call(WRITE, JOURNAL, DATA + 992, 40)]
    execution, _ = run(calls, bytes(range(256)) * 8, bytes(range(200)) * 2)
    (only,) = execution.segments
    return only


@cache
def wide() -> tuple[Traces, tuple[int, ...]]:
    """Its trace with rows of 16 words, though there are few of them."""
    return trace(machine(), replace(segment(), rows={**segment().rows, TABLE: 1}))


def test_both_kinds_of_rows_fit() -> None:
    traces, claim = wide()
    assert not check(machine().circuit, traces, claim, machine())
    narrow, same = trace(machine(), segment())
    assert same == claim and TABLE not in narrow and not column(traces, "data_page", "old").any()
    assert column(traces, TABLE, "new").sum() == 16 * len(segment().dirty)


def column(traces: Traces, table: str, name: str) -> np.ndarray:
    return traces[table][place(table, name)]


def place(table: str, name: str) -> int:
    return next(t for t in machine().circuit.tables if t.name == table).columns.index(name)


def bent(changes: dict[str, tuple[np.ndarray, int | np.ndarray]]) -> bool:
    """Whether the trace fits with some cells changed: by column, the rows and what is there."""
    traces, claim = wide()
    rows = {name: table.copy() for name, table in traces.items()}
    for name, (at, values) in changes.items():
        rows[TABLE][place(TABLE, name), at] = values
    return not check(machine().circuit, rows, claim)


def versions() -> Iterator[tuple[str, np.ndarray]]:
    """The rows of the first page, as it was and as it is."""
    for name in ("old", "new"):
        yield name, np.flatnonzero(column(wide()[0], TABLE, name))[:16]


CELLS: Final = ("page", "step", "old", "new", "lo[0]", "hi[15]", "times[3]", "marks[9]", "carried[0]", "carried[7]", "first", "last")


@pytest.mark.parametrize("name", CELLS)
def test_no_cell_of_a_version_is_free(name: str) -> None:
    for _, rows in versions():
        for row in (rows[0], rows[7], rows[15]):
            before = int(column(wide()[0], TABLE, name)[row])
            for value in {(before + 1) % P, (before - 1) % P, 0, 1} - {before}:
                assert not bent({name: (np.array([row]), value)}), f"{name} = {value}"


def test_every_version_is_there_once() -> None:
    (_, old), (_, new) = versions()
    names = next(t for t in machine().circuit.tables if t.name == TABLE).columns
    free = np.flatnonzero(~(column(wide()[0], TABLE, "old") | column(wide()[0], TABLE, "new")).astype(bool))[:16]
    for rows in (old, new):
        twice = {name: (free, column(wide()[0], TABLE, name)[rows]) for name in names}
        assert not bent(twice)
        assert not bent({name: (rows, column(wide()[0], TABLE, name)[free[0]]) for name in names}), "left out"
    assert not bent({"old": (old, 0), "new": (old, 1)})
    assert not bent({"old": (new, 1), "new": (new, 0)})
    assert not bent({"old": (old, 0)})


def test_a_page_begins_at_time_0_without_marks() -> None:
    """Another beginning would let an access take it twice, or let code change."""
    (_, old), _ = versions()
    for name in ("times[0]", "times[15]", "marks[0]", "marks[15]"):
        assert not bent({name: (old[:1], 1)})


def test_what_a_written_page_costs() -> None:
    """Few pages are in the table that all segments have, so that short runs do not pay for another one."""
    for pages in (3, 64, 256, 300, 511, 512):
        execution, _ = run([Call(READ, 0, DATA & ~1023, 1024 * pages)], b"", bytes(1024 * pages))
        (only,) = execution.segments
        dirty, clean = len(only.dirty), len(only.pages) - len(only.dirty)
        both = 32 * (2 * clean + 2 * dirty)
        other = {**only.rows, TABLE: 32 * dirty - only.rows[TABLE], "data_page": both - only.rows["data_page"]}
        sizes = [sum(size.cells for size in table_sizes(machine().circuit, rows)) for rows in (only.rows, other)]
        assert sizes[0] <= sizes[1]
        assert bool(only.rows[TABLE]) == (pages in (256, 511, 512))
        if only.rows[TABLE]:
            assert cells(execution, TABLE) <= PAGE_CELLS * dirty
