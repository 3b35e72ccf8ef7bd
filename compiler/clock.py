"""The clock of a machine, as its circuits say: where it begins, how far a step moves it, and how long a segment may go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zkc.compiler.dialects import bus, row, step
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.intervals import Intervals
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.program import Program
from zkc.compiler.ticking import CLOCK, Ticking, longest_wait, ticking_of
from zkc.runtime.circuit.expected import OPTIONAL_INPUTS
from zkc.runtime.circuit.machine import Clock
from zkc.runtime.execution.stamps import TIMES
from zkc.runtime.field.koalabear import P

ADDRESS: Final = "address"
TIME: Final = "time"
CODE: Final = "E0609"


def clock_of(program: Program, lowered: Lowerings) -> Clock:
    """E0609 where the circuits do not say it: a run begins at one time, after that of words that were given before, and within reach of
    them."""
    added = {_slots(func) for table in lowered.steps for func in table.steps} or {1}
    slots = max(added)
    first = first_of(program, lowered)
    ticking = ticking_of(program, lowered, first, added)
    timed = [*lowered.steps, *(table for table in lowered.others if table.name in OPTIONAL_INPUTS)]
    last = min((_reach(program, table, lowered, ticking, slots) for table in timed), default=TIMES)
    if last < first:
        message = f"the first step is at time {first}, and range checks reach back to the start of a segment until {last} only"
        program.error(CODE, message, program.place_of(lowered.steps[0].name))
    program.check()
    return Clock(first, min(last, TIMES - 1 - slots), slots, ticking.every if ticking is not None else 0)


def _slots(func: Operation) -> int:
    """The most that a step (`step.func`) adds to the clock, at least 1: the next clock where this one is 0."""
    ranges, found = Ranges(), 1
    for op in func.regions[0].walk():
        if op.definition is row.GIVEN and op.text("name") == CLOCK:
            ranges.learn(op.result, 0, 0)
        elif op.definition is step.NEXT:
            found = max(found, ranges.of(op.operands[0])[1])
    return found


def first_of(program: Program, lowered: Lowerings) -> int:
    """The time that a table which is no step gives the first step; what is wrong with it is reported."""
    facts, found, given = lowered.facts, dict[Operation, int | None](), 0
    for table in (t for t in lowered.others if t.name not in OPTIONAL_INPUTS):
        for op in (op for op in table.row.regions[0].walk() if op.definition is bus.SEND):
            if op.text("bus") == facts.steps():
                found[op] = _number(facts.field(op, CLOCK))
            elif facts.buses[op.text("bus")].remembers is not None:
                given = max(given, _number(facts.field(op, TIME)) or 0)
    times = set(found.values())
    span = next((op.loc.span for op in found), program.claim.span if program.claim is not None else None)
    if len(times) != 1 or None in times:
        program.error(CODE, "the first step of a segment is at one time, a number", span)
        return 1
    (first,) = times
    assert first is not None
    if not given < first < TIMES:
        message = f"the first step is at time {first}, and words are there that were given at {given}: it takes what was given before"
        program.error(CODE, message, span)
    return first


def reach(table: Operation, facts: Facts) -> Iterator[tuple[Operation, range, int | None]]:
    """For each message of a step that takes a word: where that may be, and the last clock at which it can be one that was given at 0; None
    if any."""
    intervals = Intervals(facts.types)
    for op in table.regions[0].walk():
        if op.definition is row.COLUMN and _is_clock(op):
            intervals.learn(op.result, Interval(0, 0))
        elif op.definition is bus.RECV and facts.buses[op.text("bus")].remembers is not None:
            then, where = intervals.of(facts.field(op, TIME)), intervals.of(facts.field(op, ADDRESS))
            words = range(P) if where is None else range(where.low // where.denominator, where.high // where.denominator + 1)
            yield op, words, None if then is None else -then.low // then.denominator


def _reach(program: Program, table: Lowered, lowered: Lowerings, ticking: Ticking | None, slots: int) -> int:
    """The last clock at which a row of the table may be. E0609 for what cannot be told, and for words that come too seldom."""
    found, facts = TIMES, lowered.facts
    for op, _, most in reach(table.row, facts):
        if most is None:
            message = f"nothing says how long before its step what `{op.text('label')}` takes was given"
            program.error(CODE, message, op.loc.span, help="make the time of it from the time of the access and columns with a type")
            continue
        wait = None if ticking is None else _wait(program, op, table, lowered, ticking, slots)
        if wait is None:
            found = min(found, most)
        elif ticking is not None and most < wait:
            message = f"`{op.text('label')}` reaches back by {most}, and `{ticking.table}` takes its word after {wait} only"
            program.error(CODE, message, op.loc.span, help="let it be more often, or the range of the gap be wider")
    return found


def _wait(program: Program, op: Operation, table: Lowered, lowered: Lowerings, ticking: Ticking, slots: int) -> int | None:
    """How long ago what a message takes may have been given last: since then no step that the clock asks for has taken it. None if that
    is not known."""
    address = lowered.facts.field(op, ADDRESS)
    if table.name == ticking.table:
        constant = constant_of(address)
        return max(ticking.words.values(), default=None) if constant is None else ticking.words.get(int(constant))
    wait = longest_wait(address, table, ticking.words, program, lowered)
    return None if wait is None else wait - slots


def _is_clock(op: Operation) -> bool:
    given = op.operands[0].op
    return given is not None and given.definition is row.GIVEN and given.text("name") == CLOCK


def _number(value: Value) -> int | None:
    number = constant_of(value)
    return None if number is None else int(number)
