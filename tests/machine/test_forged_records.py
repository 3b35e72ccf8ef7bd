"""Rows of the step tables made again from a forged record: everything a row derives is right for a state that never was.

The witness filler fixes up all hints, so that only what ties a row to the others, or to what the host may answer, is left to notice.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from tests.machine.everything import honest, only_segment
from tests.machine.faults import Changes, Witness
from tests.machine.support import machine
from zkc.runtime.circuit.fill_program import FillProgram, Op
from zkc.runtime.execution.fill import fill, fill_polynomials
from zkc.runtime.execution.trace import Tracer
from zkc.runtime.field import arrays
from zkc.runtime.field.koalabear import P

Words = npt.NDArray[np.uint32]

STATE: Final = ("clk", "pc", "op, rd, rs1 and rs2", "imm")
HOST_ANSWERS: Final = {
    "read_start": "any length up to what was asked for",
    "read_block": "private input", "read_word": "private input", "read_byte": "private input",
}  # fmt: skip


def without_counts(program: FillProgram) -> FillProgram:
    """It counts no lookups: forged ones may be outside of every table."""
    code = program.code.copy()
    code[code[:, 0] == Op.COUNT] = (Op.ADD, 0, 0, 0, program.registers)
    return replace(program, code=code, registers=program.registers + 1)


@cache
def witness() -> Witness:
    traces, claim = honest()
    return Witness(machine().circuit, traces, claim)


@cache
def records() -> dict[str, Words]:
    return Tracer(machine(), only_segment()).run()


def refill(name: str, forged: Words) -> npt.NDArray[np.int64]:
    """Rows from records, as the runtime makes them: `int64[columns][rows]`."""
    program = without_counts(machine().spec.fills[name])
    height = max(128, 1 << (len(forged) - 1).bit_length())
    columns = np.zeros((len(witness().tables[name].columns), height), dtype=np.uint32)
    fill(program, forged, 0, len(forged), columns, np.zeros(1, dtype=np.uint32))
    canonical = columns % np.uint32(P)
    if len(program.polynomial_columns):
        arrays.to_montgomery(canonical)
        fill_polynomials(program, canonical, 0, height)
        arrays.from_montgomery(canonical)
    return canonical[:, : len(forged)].astype(np.int64)


def typical_records(name: str) -> list[int]:
    """The first record of each instruction of a table, and the last of all."""
    ops = records()[name][:, 2] & 255
    return sorted({*np.unique(ops, return_index=True)[1].tolist(), len(ops) // 2, len(ops) - 1})


def other_values(word: int, place: int) -> set[int]:
    """What a word of a record is forged to."""
    found = {word + 1, word - 1, word ^ 1 << 31, word ^ 1 << 16, word ^ 1 << 8, 0, 4 * word, word + 4, 0x55AA1234}
    if place == 2:
        found |= {word ^ 1 << k for k in (8, 9, 16, 17, 24, 25)} | {(word & ~255) | op for op in range(1, 48)}
    return {v & 0xFFFFFFFF for v in found} - {word}


def word_name(name: str, place: int) -> str:
    if place < 4:
        return STATE[place]
    table = next(t for t in machine().spec.step_tables if t.name == name)
    return f"word {place} of {table.record_words}"


def is_host_answer(name: str, place: int) -> bool:
    """Whether a word of a record is what the host said: the last ones, in the tables that ask the host."""
    table = next(t for t in machine().spec.step_tables if t.name == name)
    answers = 8 if name == "read_block" else 1
    return name in HOST_ANSWERS and place >= table.record_words - answers


def test_records_give_the_honest_rows() -> None:
    """The slow refill is the runtime's."""
    for name, found in records().items():
        rows = typical_records(name)
        assert np.array_equal(refill(name, found[rows]), witness().cells[name][:, rows]), name


@pytest.mark.parametrize("name", [t.name for t in machine().spec.step_tables])
def test_a_forged_record_is_noticed(name: str) -> None:
    rows: list[int] = []
    places: list[int] = []
    forged: list[Words] = []
    for row in typical_records(name):
        honest_record = records()[name][row]
        arms = {int(op) for op in records()[name][:, 2] & 255}
        for place, word in enumerate(honest_record.tolist()):
            for value in sorted(other_values(word, place)):
                if place == 2 and value & 255 not in arms:
                    continue  # the filler makes nothing of an instruction of another table
                record = honest_record.copy()
                record[place] = value
                rows.append(row)
                places.append(place)
                forged.append(record)
    cells = refill(name, np.stack(forged))
    changes = Changes(name, np.array(rows), [()] * len(rows), cells)
    verdict = witness().judge(changes)
    honest_cells = witness().cells[name][:, changes.rows]
    silent = [
        f"{word_name(name, places[i])} as 0x{int(forged[i][places[i]]):x} in row {rows[i]}"
        for i in verdict.choices.tolist()
        if not is_host_answer(name, places[i])
    ]
    assert not silent, f"{len(silent)} forged records of {name} that nothing notices:\n" + "\n".join(silent[:20])
    idle = [places[i] for i in verdict.idle.tolist() if (cells[:, i] != honest_cells[:, i]).any()]
    assert not idle, f"what {name} derives from {sorted({word_name(name, p) for p in idle})} does not matter"
    if name in HOST_ANSWERS:
        assert any(is_host_answer(name, places[i]) for i in verdict.choices.tolist()), "the host has a choice"


def test_the_host_cannot_give_more_than_was_asked_for() -> None:
    """read(0, p, n) with an answer above n: a constraint of that name fails, and not only at the next step of the call."""
    name = "read_start"
    table = witness().tables[name]
    asked = [int(records()[name][row][12]) for row in range(len(records()[name]))]
    forged = records()[name].copy()
    forged[:, -1] = [n + 1 for n in asked]
    assert asked == [11, 8, 0, 200, 5]
    verdict = witness().judge(Changes(name, np.arange(len(asked)), [()] * len(asked), refill(name, forged)))
    assert verdict.constraints[table.labels.index("no more than was asked for")].all()
    forged[:, -1] = asked
    assert not witness().judge(Changes(name, np.arange(len(asked)), [()] * len(asked), refill(name, forged))).noticed.any()


def test_the_host_cannot_give_what_is_no_byte() -> None:
    name = "read_byte"
    forged = np.repeat(records()[name][:1], 4, axis=0)
    forged[:, -1] = [256, 0xFFFF, 0x10000, 0xFFFFFFFF]
    assert witness().judge(Changes(name, np.zeros(4, dtype=np.int64), [()] * 4, refill(name, forged))).noticed.all()
