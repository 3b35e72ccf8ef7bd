"""When words were given that no step gave, and with what mark, as the circuits say: those of a page, those of code, those that the claim
reads first and last.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.dialects import bus
from zkc.compiler.ir.operation import constant_of
from zkc.compiler.passes.facts import Facts
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.program import Program
from zkc.runtime.circuit.machine import Stamps
from zkc.runtime.execution.stamps import MARKS, TIMES, stamp

PAGE, CODE, BOUNDARY = "data_page", "decode", "boundary"
"""The tables that give them: the runtime makes their rows."""


def stamps_of(program: Program, lowered: Lowerings) -> Stamps:
    """E0609 where these tables do not say it by numbers, or say what the runtime does not keep."""
    tables = {table.name: table for table in lowered.others}
    page, code, boundary = (sorted(set(_given(program, tables[name], lowered.facts))) for name in (PAGE, CODE, BOUNDARY))
    if page != [(0, 0)]:
        program.error("E0609", "the words of a page begin at time 0 with mark 0", program.tables[PAGE].span)
    if len(code) != 1:
        program.error("E0609", "the words of code are given at one time with one mark", program.tables[CODE].span)
    if [mark for mark, _ in boundary] != sorted({mark for mark, _ in boundary}) or len(boundary) != 2:
        message = "what the claim reads first is given at one time with one mark, and what it reads last at one with a greater mark"
        program.error("E0609", message, program.tables[BOUNDARY].span)
    program.check()
    return Stamps(*(stamp(time, mark) for mark, time in (*code, *boundary)))


def _given(program: Program, table: Lowered, facts: Facts) -> Iterator[tuple[int, int]]:
    """Marks and times of the words that a table gives."""
    for op in table.row.regions[0].walk():
        if op.definition is bus.SEND and facts.buses[op.text("bus")].remembers is not None:
            time, mark = constant_of(facts.field(op, "time")), constant_of(facts.field(op, "mark"))
            if time is None or mark is None or not (0 <= time < TIMES and 0 <= mark < MARKS):
                message = f"a word that no step gives has a time below {TIMES} and a mark below {MARKS}, both numbers"
                program.error("E0609", message, op.loc.span)
            else:
                yield int(mark), int(time)
