"""The clock of a machine, as its circuits say: where it begins, how far a step moves it, and how long a segment may go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from zkc.compiler.dialects import bus, row, step
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.intervals import Intervals
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program
from zkc.runtime.circuit.machine import Clock
from zkc.runtime.execution.stamps import TIMES

CLOCK: Final = "clk"
TIME: Final = "time"
CODE: Final = "E0609"


def clock_of(program: Program, lowered: Lowerings) -> Clock:
    """E0609 where the circuits do not say it: a run begins at one time, after that of words that were given before, and within reach of
    them."""
    slots = most_slots(func for table in lowered.steps for func in table.steps)
    first = first_of(program, lowered)
    last = min((_reach(program, table.row, lowered.facts) for table in lowered.steps), default=TIMES)
    if last < first:
        message = f"the first step is at time {first}, and range checks reach back to the start of a segment until {last} only"
        program.error(CODE, message, program.place_of(lowered.steps[0].name))
    program.check()
    return Clock(first, min(last, TIMES - 1 - slots), slots)


def most_slots(steps: Iterable[Operation]) -> int:
    """The most that one of these steps (`step.func`) adds to the clock, at least 1: the next clock where this one is 0."""
    return max((_slots(func) for func in steps), default=1)


def _slots(func: Operation) -> int:
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
    for table in lowered.others:
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


def reach(table: Operation, facts: Facts) -> Iterator[tuple[Operation, int | None]]:
    """For each message of a step that takes a word, the last clock at which it can take one that was given at 0; None if any."""
    intervals = Intervals(facts.types)
    for op in table.regions[0].walk():
        if op.definition is row.COLUMN and _is_clock(op):
            intervals.learn(op.result, Interval(0, 0))
        elif op.definition is bus.RECV and facts.buses[op.text("bus")].remembers is not None:
            then = intervals.of(facts.field(op, TIME))
            yield op, None if then is None else -then.low // then.denominator


def _reach(program: Program, table: Operation, facts: Facts) -> int:
    found = TIMES
    for op, most in reach(table, facts):
        if most is None:
            message = f"nothing says how long before its step what `{op.text('label')}` takes was given"
            program.error(CODE, message, op.loc.span, help="make the time of it from the time of the access and columns with a type")
        else:
            found = min(found, most)
    return found


def _is_clock(op: Operation) -> bool:
    given = op.operands[0].op
    return given is not None and given.definition is row.GIVEN and given.text("name") == CLOCK


def _number(value: Value) -> int | None:
    number = constant_of(value)
    return None if number is None else int(number)
