"""A run is proven as it is executed once more: segment by segment, with few snapshots in memory."""

from __future__ import annotations

import gc
import struct
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zkc
from zkc import api
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Executor, Limits, execute, segments_of
from zkc.runtime.execution.segment import Segment
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.blinding import Blinding
from zkc.runtime.memory.image import Image
from zkc.runtime.receipts.receipt import SegmentReceipt

ROOT = Path(__file__).parents[2]
FIBONACCI = ROOT / "examples/fibonacci/fibonacci.elf"
MANY = struct.pack("<I", 3000)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def test_the_segments_are_those_of_a_run_that_keeps_them() -> None:
    machine, limits, blinding = api.machine(), Limits(segment_limit=10), Blinding(bytes(32))
    program = load_elf(FIBONACCI, machine.memory_map)
    kept = execute(machine, program, MANY, limits, snapshots=True, blinding=blinding).segments
    assert len(kept) > 3
    for one, other in zip_longest(kept, segments_of(machine, program, MANY, limits, blinding)):
        assert all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(Segment)), one.index


def test_a_run_goes_on_when_the_next_segment_is_asked_for() -> None:
    machine = api.machine()
    program = load_elf(FIBONACCI, machine.memory_map)
    executor = Executor(machine, Image.from_program(program, machine.memory_map), program, MANY, Limits(segment_limit=10), snapshots=True)
    segments = executor.segments(lambda fd, data: None, lambda phase, done, total: None)
    first = next(segments)
    assert executor.count == 1 and executor.state[2] == first.retired < 5000


def test_an_outline_has_nothing_to_prove_with() -> None:
    machine = api.machine()
    program = load_elf(FIBONACCI, machine.memory_map)
    whole, outline = (execute(machine, program, MANY, snapshots=True, **kept).segments[0] for kept in ({}, {"keep": Segment.outline}))
    assert not outline.pages and not outline.dirty and not outline.table_pages and not len(outline.code) and outline.stdin is None
    for name in ("index", "rows", "steps", "retired", "pre", "post", "last", "exit_code"):
        assert getattr(outline, name) == getattr(whole, name)


def snapshots() -> int:
    """How many segments with their memory there are."""
    return sum(isinstance(found, Segment) and bool(found.pages) for found in gc.get_objects())


def test_few_snapshots_are_in_memory_while_a_run_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them were, 5 to 10 MiB each: a run of 10^10 instructions took a hundred gigabytes."""
    others = snapshots()  # of other tests
    alive: list[int] = []
    proven: list[int] = []

    def look(segment: Segment, **_: Any) -> SegmentReceipt:
        proven.append(segment.index)
        alive.append(snapshots() - others)
        if len(proven) == 12:
            raise KeyboardInterrupt
        return SegmentReceipt((), b"")

    monkeypatch.setattr(api, "prove_segment", look)
    monkeypatch.setattr(api, "check_segment", lambda segment, proof, **_: None)
    with pytest.raises(KeyboardInterrupt):
        zkc.prove(FIBONACCI, MANY, segment_limit=9)
    assert proven == list(range(12)) and max(alive) <= 2


def test_a_fault_at_the_end_of_a_run_is_known_before_anything_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def proven(segment: Segment, **_: Any) -> SegmentReceipt:
        raise AssertionError("a segment was proven")

    monkeypatch.setattr(api, "prove_segment", proven)
    with pytest.raises(GuestFault, match="did not end within 20000 instructions"):
        zkc.prove(FIBONACCI, struct.pack("<I", 30_000), segment_limit=9, max_cycles=20_000)


def test_finished_segments_of_other_cuts_are_kept_apart(tmp_path: Path) -> None:
    """Under a key, and with a secret, of their own: with more memory segments end elsewhere."""
    limits = (Limits(), Limits(cells=20_000_000), Limits(cells=30_000_000), Limits(segment_limit=9))
    stores = [api._resume_store(tmp_path, zkc.image_id(FIBONACCI), MANY, each, 2, bytes(32)) for each in limits]
    assert len({store.folder for store in stores if store is not None}) == len(limits)
