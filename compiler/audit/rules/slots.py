"""E0507: what a step does to memory happens within the step, in the order in which the executor does it.

A step lasts from the clock that it receives to the one that it sends. Messages about words that may be one follow each other in time as
they do in the text: else the row would speak of another order than the executor's.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import RANGE, Finding
from zkc.compiler.audit.rules.order import Token, constant_difference, tokens
from zkc.compiler.audit.step import Step, refuted
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.field.koalabear import P


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """The stores of a table (of some arms only) that are out of order."""
    for arm in table.arms:
        if arms is None or arm in arms:
            at = Step(table, arm)
            for name, bus in table.circuit.program.buses.items():
                if bus.remembers is not None:
                    yield from _of_bus(at, tokens(table, at.row, name)[1])


def _of_bus(at: Step, given: list[Token]) -> Iterator[Finding]:
    clocks = _clocks(at)
    for i, token in enumerate(given):
        if clocks is None or not _within(at, token, clocks):
            yield _finding(at, token, "outside of its step")
        elif any(not _in_order(at, other, token) for other in given[:i]):
            yield _finding(at, token, "before what comes first in the text, or with it")


def _clocks(at: Step) -> tuple[int, int] | None:
    """The clocks that a step receives and sends."""
    buses = at.circuit.facts.buses
    sent = [(buses.get(at.table.messages[i].text("bus")), at.row.value(times), args) for i, times, args in at.row.messages]
    here = {times: args[0] for bus, times, args in sent if bus is not None and bus.clock is not None}
    return (here[P - 1], here[1]) if here.keys() == {P - 1, 1} else None


def _within(at: Step, token: Token, clocks: tuple[int, int]) -> bool:
    after, before = constant_difference(at.row, token.time, clocks[0]), constant_difference(at.row, clocks[1], token.time)
    return after is not None and before is not None and after >= 0 and before > 0


def _in_order(at: Step, first: Token, second: Token) -> bool:
    later = constant_difference(at.row, second.time, first.time)
    if later is not None and later > 0:
        return True
    apart = constant_difference(at.row, first.key, second.key)
    return bool(apart) or (apart is None and refuted(at, lambda q: q.residue(first.key) == q.residue(second.key)))


def _finding(at: Step, token: Token, what: str) -> Finding:
    op = at.table.messages[token.message]
    return Finding(at.table.name, at.arm or "", f"`{op.text('label')}` happens {what}", (), op.loc.span, code=RANGE)
