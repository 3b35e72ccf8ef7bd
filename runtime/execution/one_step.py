"""One step by itself, in executors that are not compiled: what an instruction does to a state of which only a few words are said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import InternalError
from zkc.runtime.execution import events
from zkc.runtime.execution.fuel import ARG, CLK, DUE, FUEL, PC, STATE_WORDS
from zkc.runtime.execution.operations import HOST_WORDS
from zkc.runtime.execution.pager import DIRTY, FETCHED
from zkc.runtime.memory.map import WORD_BYTES

REFUSED: Final = {
    events.BAD_PC: "no instruction can be at this pc",
    events.STORE_CODE: "an instruction overwrites itself",
    events.NO_SERVICE: "an environment call in a state that no service handles",
}
"""Why a step is not made besides faults."""


class FewWords(dict[int, int]):
    """An array of which a few words were put; the others are `rest`."""

    def __init__(self, words: dict[int, int], dtype: type, rest: int = 0) -> None:
        super().__init__(words)
        self.dtype = np.dtype(dtype)
        self.rest = rest

    def __missing__(self, index: int) -> int:
        return self.rest


@dataclass(frozen=True)
class Before:
    """word: the instruction. memory: words by their address in words; all others are 0. The instruction's own is put there too."""

    word: int
    pc: int
    clk: int
    memory: dict[int, int]


@dataclass(frozen=True)
class After:
    """fault: why there was no step, else None. memory, stamps: all words that were there before or were accessed, and when that was, with
    the mark. table, record: the row that the step is."""

    fault: str | None
    pc: int = 0
    clk: int = 0
    memory: dict[int, int] = field(default_factory=lambda: {})
    stamps: dict[int, int] = field(default_factory=lambda: {})
    table: str = ""
    record: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, dtype=np.uint32))


class OneStep:
    """Makes single steps. machine: one whose modules are not compiled."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.fast, self.tracing = machine.module("fast", "executor"), machine.module("tracing", "executor")
        sizes = [table.record_words for table in machine.spec.step_tables]
        self.bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def run(self, before: Before) -> After:
        """The step: whether it is made is up to the executor that checks, what its row saw up to the one that records."""
        fault = self._fault(before)
        return self._traced(before) if fault is None else After(fault)

    def _state(self, before: Before) -> npt.NDArray[np.int64]:
        state = np.zeros(STATE_WORDS, dtype=np.int64)
        state[PC], state[CLK], state[DUE], state[FUEL] = before.pc, before.clk, self.machine.spec.clock.due(before.clk), 1
        return state

    def _shared(self, before: Before) -> tuple[FewWords, FewWords]:
        """Memory, and the instruction as executors want it."""
        place = before.pc // WORD_BYTES
        entry = int(self.fast.decode(np.int64(before.word)))
        return FewWords({**before.memory, place: before.word}, np.uint32), FewWords({place: entry}, np.int64)

    def _fault(self, before: Before) -> str | None:
        mem, decoded = self._shared(before)
        pages, words = FewWords({}, np.uint8, DIRTY), FewWords({before.pc // WORD_BYTES: FETCHED}, np.uint8)
        room = np.ones(len(self.machine.spec.step_tables), dtype=np.int64)
        state, host, stdin, journal = self._state(before), *_outside()
        event = self.fast.run(state, mem, decoded, pages, words, room, host, stdin, journal)
        if event == events.FAULT:
            return self.machine.spec.faults[int(state[ARG])]
        return REFUSED.get(event)

    def _traced(self, before: Before) -> After:
        mem, decoded = self._shared(before)
        stamps, uses = FewWords({before.pc // WORD_BYTES: self.machine.spec.stamps.code}, np.uint32), FewWords({}, np.uint32)
        places, ends = self.bases[:-1].copy(), self.bases[1:]
        records = np.zeros(int(self.bases[-1]), dtype=np.uint32)
        state, host, stdin, journal = self._state(before), *_outside()
        self.tracing.run(state, mem, decoded, stamps, uses, places, ends, records, host, stdin, journal)
        made = np.flatnonzero(places != self.bases[:-1])
        if len(made) != 1:
            raise InternalError("a step is made, and recorded in no table", hint="please report this")
        start, end = int(self.bases[made[0]]), int(ends[made[0]])
        name = self.machine.spec.step_tables[int(made[0])].name
        return After(None, int(state[PC]), int(state[CLK]), dict(mem), dict(stamps), name, records[start:end])


def _outside() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A host that was asked for nothing, no input, and a journal."""
    return np.zeros(HOST_WORDS, dtype=np.int64), np.zeros(1, dtype=np.uint8), np.zeros(1 << 16, dtype=np.uint8)
