"""Steps that the clock asks for, and the words that they take anew: each of these is given again before long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zkc.compiler.dialects import felt, row, step
from zkc.compiler.interpret import Interpreter, evaluate_rows
from zkc.compiler.ir.operation import Operation, Region, Value, constant_of
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.pipeline import Lowered, Lowerings, field_ranges
from zkc.compiler.program import Program, evaluate_constant
from zkc.runtime.circuit.machine import Clock
from zkc.runtime.execution.stamps import TIMES

CLOCK: Final = "clk"


@dataclass(frozen=True)
class Ticking:
    """table: the name of theirs. every: how far the clock goes on from one to the next at most. words: the addresses of words that they
    take, each with how far the clock goes on at most until it is taken again."""

    table: str
    every: int
    words: Mapping[int, int]


def ticking_of(program: Program, lowered: Lowerings, first: int, added: set[int]) -> Ticking | None:
    """None if there are none. first: the clock of the first step; added: what steps add to it. E0609 for two tables of them, and for an
    interval that is no number of steps."""
    declared, slots = program.ticking(), max(added)
    for other in declared[1:]:
        message = f"the clock asks for one kind of steps: `{other.name}` is another table with `every`"
        program.error("E0609", message, other.span, labels=((declared[0].span, "this is the first"),))
    if not declared or declared[0].every is None:
        return None
    every = evaluate_constant(declared[0].every, program.constants.get, program)
    if not isinstance(every, int) or not 2 * slots < every < TIMES:
        message = f"`every` is an integer above {2 * slots}, the slots of two steps, and below {TIMES}, when the clock ends"
        raise program.fail("E0609", message, declared[0].every.span)
    regular = added == {slots} and every % slots == 0
    due = Clock(first, TIMES, slots, every).due(0)
    ticks = range(first + -(-(due - first) // slots) * slots, TIMES, every) if regular else range(0)
    (func,) = next(table.steps for table in lowered.steps if table.name == declared[0].name)
    addresses = [op.operands[0] for op in func.regions[0] if op.definition is step.LOAD and _follows(op.operands[0])]
    return Ticking(declared[0].name, every, dict(_taken(addresses, every, ticks)))


def _follows(value: Value) -> bool:
    """Whether a value follows from the clock."""
    return all(
        op.definition.evaluate is not None or (op.definition is row.GIVEN and op.text("name") == CLOCK) for op in _needed([value])
    )


def _taken(addresses: Sequence[Value], every: int, ticks: range) -> Iterator[tuple[int, int]]:
    """Words and how long it takes until they are taken again. ticks: the clocks of steps, none if they are not known."""
    yield from ((int(constant), every) for address in addresses if (constant := constant_of(address)) is not None)
    if not ticks or not addresses:
        return
    needed, clocks = _needed(addresses), np.array(ticks, dtype=object)
    values = {op.result: clocks for op in needed if op.definition is row.GIVEN}
    evaluate_rows(needed, values)
    words = np.stack([np.broadcast_to(np.asarray(values[a], dtype=np.int64), len(ticks)) for a in addresses], axis=1).reshape(-1)
    times = np.repeat(np.array(ticks, dtype=np.int64), len(addresses))
    for word in sorted(set(words.tolist())):
        taken = np.concatenate([[0], times[words == word], [ticks.stop]])
        yield word, int(np.diff(taken).max())


def longest_wait(address: Value, table: Lowered, words: Mapping[int, int], program: Program, lowered: Lowerings) -> int | None:
    """How long an address, in a row of the table, may have to wait until it is taken, whatever the instruction is; None if it may be none
    of these words."""
    base, field = _parts(address)
    if base is None:
        return None
    if field is None:
        return words.get(base)
    decoded = {op.text("insn"): op for op in lowered.decoded}
    arms = [func.text("arm") for func in table.steps]
    if not decoded.keys() >= set(arms):
        return None
    waits = [words.get(base + value) for arm in arms for value in _values(decoded[arm], field, program)]
    return None if None in waits else max(wait for wait in waits if wait is not None)


def _parts(address: Value) -> tuple[int | None, str | None]:
    """The constant and the field of the instruction that an address is the sum of; (None, None) for another."""
    constant = constant_of(address)
    if constant is not None:
        return int(constant), None
    op = address.op
    if op is None or op.definition is not felt.ADD:
        return None, None
    constants = [int(c) for v in op.operands if (c := constant_of(v)) is not None]
    given = [source for v in op.operands if (source := _given(v)) is not None]
    return (constants[0], given[0]) if constants and given else (None, None)


def _given(value: Value) -> str | None:
    """What a column is filled with, by its name, if it is given to the row."""
    op = value.op
    source = op.operands[0].op if op is not None and op.definition is row.COLUMN and op.operands else None
    return source.text("name") if source is not None and source.definition is row.GIVEN else None


def _values(decoded: Operation, field: str, program: Program) -> Iterator[int]:
    """All that a field of an instruction is decoded to: of some bits of the word."""
    (low, high), encoding = field_ranges(decoded)[field], program.encodings[decoded.text("insn")]
    if field not in encoding.fields:
        yield from range(low, high + 1)
        return
    top, bottom = encoding.fields[field]
    (value,) = (op.operands[0] for op in decoded.regions[0] if op.definition is step.FIELD and op.text("name") == field)
    needed = _needed([value])
    for bits in range(1 << (top - bottom + 1)):
        decode = Interpreter({}, {"word": encoding.match | bits << bottom})
        decode.run(needed)
        yield decode.of(value)


def _needed(values: Iterable[Value]) -> Region:
    """What values are made of, in order."""
    seen: dict[Value, None] = {}
    for value in values:
        bottom_up(value, seen, lambda v: () if v.op is None else v.op.operands, lambda v: seen.setdefault(v))
    needed = Region()
    needed.operations += dict.fromkeys(v.op for v in seen if v.op is not None)
    return needed
