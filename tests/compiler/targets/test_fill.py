"""Programs that fill tables are what the stage `fill` means, on records that never were."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Final

import numpy as np
import pytest

from tests.machine.test_forged_records import without_counts
from zkc.compiler.compilation import Compilation, compile_program
from zkc.compiler.dialects import fill, row
from zkc.compiler.interpret import Interpreter
from zkc.compiler.ir.operation import Operation
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.passes import packing
from zkc.compiler.passes.packing import Place
from zkc.compiler.targets.fill import Histogram, emit_fill
from zkc.runtime.execution.fill import fill as run
from zkc.runtime.field.koalabear import P

ROWS: Final = 20


@cache
def compilation() -> Compilation:
    directory = circuits_directory()
    return compile_program(circuit_files(directory), directory)


TABLES = sorted(x.name for x in compilation().lowered.tables)


class Row(Interpreter):
    """A row of a table in the stage `fill`."""

    def __init__(self, functions: dict[str, Operation], places: Mapping[str, Place], record: list[int]) -> None:
        entry = record[2] | record[3] << 32 if len(record) > 3 else 0
        given = {"clk": record[0], "pc": record[1]} if len(record) > 3 else {}
        for name, place in places.items():
            field = entry >> place.low & ((1 << place.bits) - 1)
            given[name] = field - (1 << place.bits) if place.signed and field >> (place.bits - 1) else field
        super().__init__(functions, given)
        self.record = record

    def _of(self, op: Operation) -> int:
        if op.definition is fill.RECORD:
            return self.record[op.number("word")]
        if op.definition is row.GIVEN:
            return self.given.get(op.text("name"), 0)
        return super()._of(op)


def random_record(random: Random, arm: Operation, places: Mapping[str, Place], words: int) -> list[int]:
    """Words within their bounds; small and large numbers, and equal ones."""
    most = {op.number("word"): op.number("high") for op in arm.regions[0] if op.definition is fill.RECORD}
    given = {op.text("name"): (op.number("low"), op.number("high")) for op in arm.regions[0] if op.definition is row.GIVEN}
    most |= {i: given[name][1] for i, name in enumerate(packing.STATE) if name in given}
    same = random.getrandbits(32)
    choices = (lambda: random.getrandbits(32), lambda: random.getrandbits(4), lambda: same, lambda: 2**32 - 1 - random.getrandbits(2))
    record = [random.choice(choices)() % (most.get(i, 2**32 - 1) + 1) for i in range(words)]
    if arm.text("arm"):
        entry = arm.number("op")
        for name, place in places.items():
            least, greatest = given.get(name, (0, 0))
            greatest = min(greatest, (1 << (place.bits - place.signed)) - 1)
            entry |= (least + random.choice(choices)() % (greatest - least + 1)) << place.low
        record[2], record[3] = entry % 2**32, entry % 2**64 >> 32
    return record


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_what_the_operations_mean(name: str) -> None:
    lowered = compilation().lowered
    table = next(x.fill for x in lowered.tables if x.name == name)
    assert table is not None
    program = emit_fill(table, Histogram({n: 0 for n in compilation().program.fixed}, 1), lowered.places, lowered.functions)
    arms = [op for op in table.regions[0] if op.definition is fill.FUNC]
    random = Random(name)

    def places(arm: Operation) -> Mapping[str, Place]:
        return lowered.places.get(arm.text("arm"), {})

    picked = [arms[i % len(arms)] for i in range(ROWS)]
    records = [random_record(random, arm, places(arm), table.number("record_words")) for arm in picked]
    width = 1 + max(op.number("column") for arm in arms for op in arm.regions[0] if op.definition is fill.WRITE)
    columns = np.zeros((width, ROWS), dtype=np.uint32)
    run(without_counts(program), np.array(records, dtype=np.uint32), 0, ROWS, columns, np.zeros(1, dtype=np.uint32))
    for i, (arm, record) in enumerate(zip(picked, records, strict=True)):
        found = Row(lowered.functions, places(arm), record)
        found.run(arm.regions[0])
        expected = {op.number("column"): found.of(op.operands[0]) % P for op in arm.regions[0] if op.definition is fill.WRITE}
        assert {c: int(columns[c, i]) for c in expected} == expected
