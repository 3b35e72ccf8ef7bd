"""Equations that forbid something rather than fix a value: the only guard against it is broken on purpose, and must be what notices."""

from __future__ import annotations

import numpy as np

from tests.machine.check import cells_of, evaluate
from tests.machine.support import CODE, encode, machine, names_of
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.elf import load_elf

DATA = 0x12000


def traces() -> dict[str, np.ndarray]:
    """A run with half words and one page of everything."""
    words = [encode("lui", rd=5, imm=DATA)]
    words += [encode(n, rd=6, rs1=5, imm=4) for n in ("lh", "lhu")] + [encode("sh", rs1=5, rs2=6, imm=4)]
    words += [encode("addi", rd=17, imm=93), encode("ecall")]
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)
    (segment,) = execute(machine(), load_elf(elf, machine().memory_map), b"", snapshots=True).segments
    return trace(machine(), segment)[0]


def broken(table_name: str, row: int, changes: dict[str, int]) -> set[str]:
    """Labels of the constraints that fail on a row after adding to the first column of each name."""
    table = next(t for t in machine().circuit.tables if t.name == table_name)
    cells = cells_of(table, traces()[table_name])[:, row : row + 1].copy()
    assert not evaluate(table, cells, table.constraints).any()
    for name, delta in changes.items():
        index = next(i for i, c in enumerate(table.columns) if name in names_of(c))
        cells[index] = (cells[index] + delta) % P
    values = evaluate(table, cells, table.constraints)
    return {label for label, value in zip(table.labels, values, strict=True) if np.any(value)}


def test_half_words_are_aligned_in_loads() -> None:
    for row in (0, 1):
        assert broken("load_part", row, {"value.lo": 1, "odd": 1}) == {"a half word is aligned"}


def test_half_words_are_aligned_in_stores() -> None:
    assert broken("store_part", 0, {"value.lo": 1, "odd": 1}) == {"a half word is aligned"}


def test_the_slot_of_the_root_is_never_touched() -> None:
    memory = machine().memory_map
    table = next(t for t in machine().circuit.tables if t.name == "table_page")
    cells = cells_of(table, traces()["table_page"])
    page, step = (next(i for i, c in enumerate(table.columns) if c == n) for n in ("page", "step"))
    rows = np.flatnonzero((cells[page] == memory.root_page) & (cells[step] == memory.slot(memory.root_page)))
    assert len(rows)
    for row in rows.tolist():
        assert broken("table_page", row, {"touched": 1}) == {"the root's own slot is never touched"}
