"""E0507: the clock of no proof that a verifier takes wraps: it stays below p by more than a gap between two accesses may be (`order.py`).

A row of a step adds a number to the clock. How many rows there are is bounded by the heights of tables, and by the sum of heights times
messages, which is below p: the most that rows add is that of those tables which add most for their messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from zkc.compiler.audit.findings import RANGE, Finding
from zkc.compiler.audit.polynomials import ONE, Linear, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import messages, position
from zkc.compiler.audit.rules.order import LONGEST_GAP, constant_difference
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.parameters import MAX_LOG_HEIGHT

MOST_ROWS: Final = (2 << MAX_LOG_HEIGHT) - 1
"""Of a table: each binary digit of its height may be a part."""
HELP: Final = "let a step add its number of slots, and no more, to the clock that it takes"


def findings(tables: Sequence[TableAudit], first: int) -> Iterator[Finding]:
    """Steps that add no number to the clock, or too much. first: the clock at which a segment begins."""
    most: dict[TableAudit, int] = {}
    for table in (t for t in tables if t.lowered.steps):
        for label, _, row in table.rows():
            added = _added(table, row)
            if added is None or added < 1:
                span = next(op for op in table.messages if op.text("bus") == table.circuit.facts.steps()).loc.span
                yield Finding(table.name, label, "a step adds no number to its clock", (), span, code=RANGE, help=HELP)
            most[table] = max(most.get(table, 0), added or 0)
    for table in (t for t in tables if not t.lowered.steps and t.has_steps()):
        most[table] = max((_around(table, row) for _, _, row in table.rows()), default=0)
    last = first + latest([(slots, len(table.messages)) for table, slots in most.items()])
    if last > P - LONGEST_GAP:
        table = max(most, key=lambda t: most[t])
        text = f"the clock of a segment may reach {last}, and has to stay below {P - LONGEST_GAP}"
        yield Finding(table.name, "", text, (), table.circuit.program.place_of(table.name), code=RANGE, help=HELP)


def latest(tables: Sequence[tuple[int, int]]) -> int:
    """The most that the rows of a proof add to the clock. tables: what a row of each adds, and how many messages it has."""
    left, total = P, Fraction(0)
    for slots, count in sorted(tables, key=lambda t: Fraction(t[0], t[1]), reverse=True):
        rows = min(Fraction(left, count), Fraction(MOST_ROWS))
        total += rows * slots
        left -= int(rows * count)
    return int(total)


def _around(table: TableAudit, row: Row) -> int:
    """What a row that is no step adds to the clock of steps, which it takes and gives on; 0 if it begins or ends a run."""
    state = table.circuit.facts.steps()
    here = [m for m in messages(table, row) if m.bus == state and m.sign]
    total: Linear = {}
    for m in here:
        for atom, c in row.linear(position(table, m)).items():
            total[atom] = (total.get(atom, 0) + m.sign * c) % P
    total = {atom: c for atom, c in total.items() if c}
    return max(0, signed(total.get(ONE, 0))) if total.keys() <= {ONE} and len({m.sign for m in here}) == 2 else 0


def _added(table: TableAudit, row: Row) -> int | None:
    """What a row adds to its clock, None if it is no number."""
    bus, facts = table.circuit.facts.steps(), table.circuit.facts.buses
    if bus is None:
        return None
    at = table.circuit.place(bus, str(facts[bus].clock))
    clocks = {row.value(times): args[at] for i, times, args in row.messages if table.messages[i].text("bus") == bus}
    return constant_difference(row, clocks[1], clocks[P - 1]) if clocks.keys() == {1, P - 1} else None
