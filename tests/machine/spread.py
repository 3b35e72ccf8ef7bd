"""The rows of a segment in all tables that can have them, and in as few as can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.machine.support import machine
from zkc.runtime.circuit.machine import OP_MASK
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.trace import Tracer


def spread(segment: Segment) -> Segment:
    """Every row that can be one of another table of its family is."""
    gathered = gather(segment)
    tracer = Tracer(machine(), gathered)
    tracer.run()
    decode = machine().module("tracing", "executor").decode
    rows, bases = dict(gathered.rows), {t.name: t.base for t in machine().spec.step_tables if t.base}
    tables = {number: t.name for t in machine().spec.step_tables if t.base for number in t.numbers}
    for at in segment.code.tolist():
        name = tables.get(decode(np.int64(tracer.mem[at])) & OP_MASK)
        if name is not None:
            rows[name] += int(tracer.uses[at])
            rows[bases[name]] -= int(tracer.uses[at])
    return replace(segment, rows=rows)


def gather(segment: Segment) -> Segment:
    """No row is one of another table of its family."""
    rows = dict(segment.rows)
    for table in (t for t in machine().spec.step_tables if t.base):
        rows[table.base] += rows[table.name]
        rows[table.name] = 0
    return replace(segment, rows=rows)
