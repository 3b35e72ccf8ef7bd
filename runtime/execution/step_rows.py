"""Whether the rows of single steps satisfy the circuit: their equations, their lookups, and what they say to memory, to the steps before
and after them, and of their instruction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.circuit.machine import MachineSpec
from zkc.runtime.execution.one_step import After, Before
from zkc.runtime.execution.stamps import TIME_BITS, TIMES
from zkc.runtime.execution.tables import fill_table, no_counts
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.check import Failure, Rows, Sent, evaluated, of_equation, of_message, said, sent_on, shown
from zkc.runtime.memory.map import WORD_BYTES

DECODE: Final = "decode"
"""The table of what words mean."""
Message = tuple[int, ...]


@dataclass(frozen=True)
class StepBus:
    """The buses of a step by name: memory, clock and pc, what instructions are. limbs: for each element of a message of memory, what it is
    a part of (0 the address, 1 the word, 2 the time, 3 the mark), its lowest bit, and how many bits."""

    memory: str
    state: str
    program: str
    limbs: tuple[tuple[int, int, int], ...]


class StepRows:
    """Checks rows of steps, many at a time."""

    def __init__(self, spec: MachineSpec, buses: StepBus) -> None:
        self.spec = spec
        self.buses = buses
        self.numbers = {bus.name: i for i, bus in enumerate(spec.circuit.buses)}
        self.fixed: dict[int, list[Table]] = {}
        for table in spec.circuit.tables:
            if table.fixed.shape[0]:
                self.fixed.setdefault(table.messages[0].bus, []).append(table)
        self._known: dict[int, set[Message]] = {}
        self.tables = {table.name: table for table in spec.circuit.tables}

    def failures(self, steps: Sequence[tuple[Before, After]]) -> list[list[Failure]]:
        """What does not hold in each step; all of them were made."""
        found: list[list[Failure]] = [[] for _ in steps]
        parts: list[tuple[Rows, list[int]]] = []
        for name in dict.fromkeys(after.table for _, after in steps):
            numbers = [i for i, (_, after) in enumerate(steps) if after.table == name]
            parts.append((self._rows(name, np.stack([steps[i][1].record for i in numbers])), numbers))
        parts.append((self._rows(DECODE, self._decoded(steps)), list(range(len(steps)))))
        for rows, numbers in parts:
            for k in range(len(rows.table.constraints)):
                for row in np.flatnonzero(rows.values[k]).tolist():
                    found[numbers[row]].append(of_equation(self.spec, rows, k, row))
            for number, failure in self._lookups(rows, numbers):
                found[number].append(failure)
        for number, failure in self._unbalanced(steps, parts):
            found[number].append(failure)
        return found

    def _rows(self, name: str, records: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]) -> Rows:
        cells = fill_table(self.spec, name, records, no_counts(self.spec))[:, : len(records)].astype(np.int64)
        return evaluated(self.tables[name], cells, np.ones(len(records), dtype=np.int64), len(records))

    def _decoded(self, steps: Sequence[tuple[Before, After]]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
        """A row for the word of each step."""
        given = [{"uses": 1, "pc": b.pc, "word": b.word, "real": 1} for b, _ in steps]
        return np.array([[row[name] for name in self.spec.inputs[DECODE].names] for row in given], dtype=np.uint32)

    def decoded_fields(self, words: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
        """What words mean, each at its pc: their fields, as the table of what words mean sends them to steps."""
        if not words:
            return []
        rows = self._rows(DECODE, self._decoded([(Before(word, pc, 0, {}), After(None)) for word, pc in words]))
        (part,) = sent_on(rows, self.numbers[self.buses.program])
        names = self.spec.fields[self.buses.program]
        return [dict(zip(names, args, strict=True)) for args in part.args.T.tolist()]

    # messages

    def _lookups(self, rows: Rows, numbers: Sequence[int]) -> Iterator[tuple[int, Failure]]:
        """Rows of fixed tables that are asked for, and are not there."""
        for bus, tables in self.fixed.items():
            for part in sent_on(rows, bus):
                if bus not in self._known:
                    self._known[bus] = {row for table in tables for row in map(tuple, table.fixed.T.tolist())}
                for i, args in enumerate(map(tuple, part.args.T.tolist())):
                    if args not in self._known[bus]:
                        problem = f"there is no row {said(self.spec, bus, args)}"
                        yield numbers[int(part.at[i])], of_message(self.spec, part, i, problem)

    def _unbalanced(self, steps: Sequence[tuple[Before, After]], parts: list[tuple[Rows, list[int]]]) -> Iterator[tuple[int, Failure]]:
        """Messages of a step that are not what the executor did; and what it did that no message says."""
        for name in (self.buses.state, self.buses.program, self.buses.memory):
            bus = self.numbers[name]
            left: list[Counter[Message]] = [Counter(self._around(name, before, after)) for before, after in steps]
            sent: list[dict[Message, tuple[Sent, int]]] = [{} for _ in steps]
            for rows, numbers in parts:
                for part in sent_on(rows, bus):
                    for i, args in enumerate(map(tuple, part.args.T.tolist())):
                        number = numbers[int(part.at[i])]
                        left[number][args] += int(part.times[i])
                        sent[number].setdefault(args, (part, i))
            for number, (counts, places) in enumerate(zip(left, sent, strict=True)):
                yield from ((number, failure) for failure in self._wrong(bus, {a: n for a, n in counts.items() if n % P}, places))

    def _wrong(self, bus: int, left: Mapping[Message, int], places: Mapping[Message, tuple[Sent, int]]) -> Iterator[Failure]:
        """A failure for each message that a row should not have; for what no row has, only if all the others are right."""
        theirs = [args for args in left if args in places]
        missing = [args for args in left if args not in places]
        for args in theirs:
            instead = _nearest(self.spec.fields[self.spec.circuit.buses[bus].name], args, missing)
            direction = "sends" if left[args] > 0 else "receives"
            yield of_message(self.spec, *places[args], f"the row {direction} {said(self.spec, bus, args)}{instead}")
        if not theirs:
            for args in missing:
                text = said(self.spec, bus, args)
                yield Failure("", 0, "the step", "", f"no row {'receives' if left[args] > 0 else 'sends'} {text}, as the executor did")

    def _around(self, bus: str, before: Before, after: After) -> dict[Message, int]:
        """What all the other rows of a segment say to those of a step, if it is what the executor made of it."""
        if bus == self.buses.state:
            return _sums([((before.clk, before.pc), 1), ((after.clk, after.pc), -1)])
        if bus == self.buses.program:
            return {}
        place = before.pc // WORD_BYTES
        accessed = {*after.stamps, place}
        found: list[tuple[Message, int]] = []
        for address in accessed:
            word = before.word if address == place else before.memory.get(address, 0)
            found.append((self._access(address, word, 0), 1))
            found.append((self._access(address, after.memory.get(address, word), after.stamps.get(address, 0)), -1))
        return _sums(found)

    def _access(self, address: int, word: int, stamp: int) -> Message:
        values = (address, word, stamp % TIMES, stamp >> TIME_BITS)
        return tuple(values[of] >> low & (1 << bits) - 1 for of, low, bits in self.buses.limbs)


def _sums(messages: Sequence[tuple[Message, int]]) -> dict[Message, int]:
    found: Counter[Message] = Counter()
    for message, times in messages:
        found[message] += times
    return found


def _nearest(fields: Sequence[str], args: Message, others: Sequence[Message]) -> str:
    """What the executor did instead: the message that has most in common with this one."""
    same = [sum(a == b for a, b in zip(args, other, strict=True)) for other in others]
    if not same or 2 * max(same) < len(args):
        return ""
    other = others[same.index(max(same))]
    differ = ", ".join(f"{field} = {shown(b)}" for field, a, b in zip(fields, args, other, strict=True) if a != b)
    return f"; the executor has {differ}"
