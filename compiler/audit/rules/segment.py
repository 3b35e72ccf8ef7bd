"""E0510: the rows that the runtime gives of a small honest segment fit, and what all rows of it send is received: else it has no proof.

The segment is made up, so a row that does not fit may be missed; what is reported is true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from zkc.compiler.audit.columns import Columns, Message
from zkc.compiler.audit.findings import HONEST, Finding
from zkc.compiler.audit.segment import HonestSegment
from zkc.compiler.audit.table import Circuit
from zkc.compiler.dialects import bus
from zkc.compiler.ir.operation import Operation
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.targets.ending import ending_of
from zkc.runtime.circuit.expected import TABLE_INPUTS
from zkc.runtime.field.koalabear import P

PADDING = 1
"""Rows of zeros after those of a table."""
Sender = tuple[Lowered, Operation]


def findings(circuit: Circuit, lowered: Lowerings) -> Iterator[Finding]:
    """Statements that a row breaks; if there are none, the first message of each bus that has no partner."""
    if any(name not in {t.name for t in lowered.others} for name in TABLE_INPUTS):
        return
    ending = ending_of(circuit.program, lowered)
    for segment in (HonestSegment(circuit, lowered, each) for each in ((None,) if ending is None else (None, ending))):
        for table, op in _wrong(circuit, lowered, segment):
            text = f"`{op.attributes.get('label', op.name)}` does not hold in a row of an honest run"
            yield Finding(table.name, "", text, (), op.loc.span, code=HONEST)


def _wrong(circuit: Circuit, lowered: Lowerings, segment: HonestSegment) -> list[Sender]:
    sent = list(_steps(segment, lowered))
    broken: list[Sender] = []
    for table in (*(t for t in lowered.others if t.name in segment.given), lowered.claim):
        rows = _rows(circuit, segment, table, 0 if table is lowered.claim else PADDING)
        broken += [(table, op) for op in rows.broken]
        sent += [(table, message) for message in rows.messages]
    return broken or list(_unbalanced(sent))


def _rows(circuit: Circuit, segment: HonestSegment, table: Lowered, padding: int) -> Columns:
    given = {name: [*values, *[0] * padding] for name, values in segment.given[table.name].items()}
    rows = Columns(circuit, given, len(next(iter(given.values()))))
    rows.run(table.row.regions[0])
    return rows


def _steps(segment: HonestSegment, lowered: Lowerings) -> Iterator[tuple[Lowered, Message]]:
    tables = {s.text("arm"): t for t in lowered.steps for s in t.steps}
    for row in segment.steps:
        for op, times, fields in row.messages:
            yield tables[str(row.arm)], (op, np.array([times]), [np.array([x]) for x in fields])


def _unbalanced(sent: Sequence[tuple[Lowered, Message]]) -> Iterator[Sender]:
    """Who sends or receives what has no partner: the first of each bus."""
    totals: dict[tuple[str, tuple[int, ...]], int] = defaultdict(int)
    senders: dict[tuple[str, tuple[int, ...]], Sender] = {}
    for table, (op, times, fields) in sent:
        sign = 1 if op.definition is bus.SEND else -1
        for count, message in zip(times.tolist(), np.stack(fields, axis=1).tolist(), strict=True):
            if count:
                key = op.text("bus"), tuple(message)
                totals[key] = (totals[key] + sign * count) % P
                senders.setdefault(key, (table, op))
    first = {name: senders[name, message] for (name, message), total in reversed(totals.items()) if total}
    yield from first.values()
