"""The trace of a segment: executed again from its snapshot with every row recorded, then filled table by table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.expected import OPTIONAL_INPUTS
from zkc.runtime.circuit.machine import OP_MASK, Machine
from zkc.runtime.errors import ZkcError
from zkc.runtime.execution import events
from zkc.runtime.execution.alone import FETCH, begin, end, may_begin
from zkc.runtime.execution.fuel import ALONE, CLK, DUE, EVENT, FUEL, PC, RETIRED, SHIFT, STATE_WORDS
from zkc.runtime.execution.operations import HOST_LENGTH, HOST_PRESENT, HOST_WORDS
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.stamps import TIMES
from zkc.runtime.execution.tables import fill_claim, fill_table, fixed_tables, no_counts
from zkc.runtime.field.koalabear import P
from zkc.runtime.kernels import arena
from zkc.runtime.memory.map import WORD_BYTES
from zkc.runtime.memory.paging import PageRows, page_rows
from zkc.runtime.receipts.claims import Claim, ClaimLayout
from zkc.runtime.stark.parameters import DEFAULT, Parameters

Words = npt.NDArray[np.uint32]


class Tracer:
    """Memory as it was at the start of the segment, and what every row of the step tables saw."""

    def __init__(self, machine: Machine, segment: Segment) -> None:
        self.machine = machine
        self.map = machine.memory_map
        self.segment = segment
        words = (self.map.system_base + self.map.page_bytes) // 4
        self.mem = np.zeros(words, dtype=np.uint32)
        self.times = np.zeros(words, dtype=np.uint32)
        self.decoded = np.zeros(words, dtype=np.int64)
        self.uses = np.zeros(words, dtype=np.uint32)
        for page, content in segment.pages.items():
            self.mem[self._span(page)] = content
        self.system = self.map.system_base // 4
        self.journal = slice(self.system + self.map.word_journal_capacity, self.system + self.map.word_journal_fill + 1)
        self.first_pc = int(self.mem[self.system + self.map.word_pc])
        self.journal_before = self.mem[self.journal].copy()
        self.alone: list[dict[str, int]] = []

    def _span(self, page: int) -> slice:
        return slice(page * self.map.page_words, (page + 1) * self.map.page_words)

    def run(self) -> dict[str, Words]:
        """Executes the steps of the segment; the records `uint32[rows][record words]` of each step table."""
        s, kernel = self.segment, self.machine.module("tracing", "executor")
        self.times[s.code] = self.machine.spec.stamps.code
        self.times[self.journal] = self.machine.spec.stamps.first
        self.decoded[s.code] = self._placed([kernel.decode(np.int64(word)) for word in self.mem[s.code]])
        tables = self.machine.spec.step_tables
        sizes = [s.rows.get(t.name, 0) * t.record_words for t in tables]
        bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        records = arena.zeros(int(bases[-1]))
        state = np.zeros(STATE_WORDS, dtype=np.int64)
        clock = self.machine.spec.clock
        state[PC], state[CLK], state[DUE], state[FUEL] = self.first_pc, clock.first, clock.due(0), s.steps
        host = np.zeros(HOST_WORDS, dtype=np.int64)
        host[HOST_LENGTH], host[HOST_PRESENT] = len(s.stdin or b""), s.stdin is not None
        stdin = np.frombuffer(s.stdin or b"\0", dtype=np.uint8)
        places, ends = bases[:-1].copy(), bases[1:]
        journal = np.zeros(1, dtype=np.uint8)
        while True:
            event = kernel.run(state, self.mem, self.decoded, self.times, self.uses, places, ends, records, host, stdin, journal)
            if not self._alone(state, int(event)):
                break
        if state[FUEL] != 0 or not np.array_equal(places, ends):
            raise ZkcError(f"segment {s.index} does not run again as it did (event {int(state[EVENT])})")
        self.last_pc, self.last_clk, self.retired = int(state[PC]), int(state[CLK]), int(state[RETIRED])
        return {t.name: records[bases[i] : bases[i + 1]].reshape(-1, t.record_words) for i, t in enumerate(tables)}

    def _placed(self, entries: list[int]) -> list[int]:
        """Decoded instructions, those of tables that the segment does not have as those of the table that has their rows."""
        tables = {t.name: t for t in self.machine.spec.step_tables}
        moved = {
            number: base - number
            for t in tables.values() if t.base and not self.segment.rows.get(t.name)
            for number, base in zip(t.numbers, tables[t.base].numbers, strict=True)
        }  # fmt: skip
        return [entry + moved.get(entry & OP_MASK, 0) for entry in entries]

    def _alone(self, state: npt.NDArray[np.int64], event: int) -> bool:
        """Goes on where an instruction is to be fetched for its step alone, or was; False for what ends the loop."""
        slots = self.machine.spec.clock.slots
        if state[ALONE] and event == events.FUEL:
            self.alone[-1]["next"] = (int(state[PC]) + int(state[SHIFT])) % P
            end(state, self.decoded, slots)
            return True
        if state[ALONE] or event != events.DECODE or len(self.alone) == self.segment.rows.get(FETCH, 0):
            return False
        if may_begin(state, slots):
            pc, clk = int(state[PC]), int(state[CLK])
            word = int(self.mem[pc // WORD_BYTES])
            gap = clk - int(self.times[pc // WORD_BYTES]) % TIMES - 1
            self.times[pc // WORD_BYTES] = clk
            row = {"clk": clk, "pc": pc, "next": 0, "gap_lo": gap % (1 << 16), "gap_hi": gap >> 16, "word": word, "real": 1}
            self.alone.append(row)
            (entry,) = self._placed([self.machine.module("tracing", "executor").decode(np.int64(word))])
            begin(state, self.decoded, entry, self.map.user_end, slots)
        return True

    def fetch_rows(self) -> dict[str, npt.NDArray[np.int64]]:
        """The rows of steps whose instruction was fetched for them alone."""
        return {name: np.array([row[name] for row in self.alone], dtype=np.int64) for name in OPTIONAL_INPUTS[FETCH]}

    def boundary(self) -> dict[str, int]:
        """The inputs of the boundary row. Afterwards pc and journal are as the claim reads them last."""
        limbs: dict[str, int] = {}
        after, times = self.mem[self.journal], self.times[self.journal]
        for i in range(len(after)):
            for name, word in (("before", self.journal_before[i]), ("after", after[i])):
                limbs[f"{name}_lo[{i}]"], limbs[f"{name}_hi[{i}]"] = int(word) & 0xFFFF, int(word) >> 16
            limbs[f"after_time[{i}]"] = int(times[i]) % TIMES
        limbs |= {"real": 1, "first_lo": self.first_pc & 0xFFFF, "first_hi": self.first_pc >> 16, "last_clk": self.last_clk}
        system = self.mem[self.system :]
        for i, word in enumerate(self.segment.blind):
            before = int(system[self.map.word_blind + i])
            limbs[f"blind_before_lo[{i}]"], limbs[f"blind_before_hi[{i}]"] = before & 0xFFFF, before >> 16
            limbs[f"blind_lo[{i}]"], limbs[f"blind_hi[{i}]"] = word & 0xFFFF, word >> 16
        limbs |= {"last_lo": self.last_pc & 0xFFFF, "last_hi": self.last_pc >> 16}
        self.mem[self.system + self.map.word_pc] = self.last_pc
        blind = slice(self.system + self.map.word_blind, self.system + self.map.word_blind + len(self.segment.blind))
        self.mem[blind] = self.segment.blind
        for where in (self.journal, blind, self.system + self.map.word_pc):
            self.times[where] = self.machine.spec.stamps.last
        return limbs

    def decode_rows(self) -> dict[str, npt.NDArray[np.int64]]:
        code = self.segment.code
        uses, words = self.uses[code].astype(np.int64), self.mem[code].astype(np.int64)
        return {"uses": uses, "pc": 4 * code, "word": words, "real": np.ones(len(code), dtype=np.int64)}

    def pages(self) -> PageRows:
        """The rows of the paging tables, from memory at the start and at the end."""
        now = {p: (self.mem[self._span(p)], self.times[self._span(p)]) for p in self.segment.pages}
        return page_rows(self.map, self.machine.hasher, self.segment, now)


def trace(
    machine: Machine, segment: Segment, progress: Callable[[str, int, int], None] | None = None, parameters: Parameters = DEFAULT
) -> tuple[dict[str, Words], tuple[int, ...]]:
    """(traces by table name, canonical `uint32[columns][rows]`; the claim's values). Raises ZkcError if the segment is not what it says."""
    tracer = Tracer(machine, segment)
    records = tracer.run()
    boundary = tracer.boundary()
    paging = tracer.pages()
    if segment.post and paging.post != segment.post:
        raise ZkcError(f"segment {segment.index} does not end with the memory it said")
    inputs = {
        "boundary": {k: np.array([v], dtype=np.int64) for k, v in boundary.items()}, "decode": tracer.decode_rows(),
        "data_page": paging.data, "dirty_page": paging.dirty, "table_page": paging.tables,
    }  # fmt: skip
    if FETCH in machine.spec.inputs:
        inputs[FETCH] = tracer.fetch_rows()
    for name, columns in inputs.items():
        wanted = machine.spec.inputs[name].names
        if set(wanted) != set(columns):
            differ = ", ".join(sorted(set(wanted) ^ set(columns)))
            raise ZkcError(f"the table `{name}` of the circuit asks for other inputs than the runtime gives: {differ}")
        records[name] = np.stack([columns[n] for n in wanted], axis=1).astype(np.uint32)
    claim = _claim(machine, segment, tracer, paging)
    counts = no_counts(machine.spec)
    traces = {n: fill_table(machine.spec, n, r, counts, parameters) for n, r in records.items() if len(r)}
    position = {name: i for i, name in enumerate(machine.circuit.claim.columns)}
    fill_claim(machine.spec, [claim[position[name]] for name in machine.spec.claim.names], counts)
    return traces | fixed_tables(machine.spec, counts, parameters), claim


def _claim(machine: Machine, segment: Segment, tracer: Tracer, paging: PageRows) -> tuple[int, ...]:
    def words(array: Words) -> tuple[int, ...]:
        return tuple(int(x) for x in array)

    claim = Claim(
        index=segment.index, first=segment.index == 0, last=segment.last, pre=paging.pre, post=paging.post,
        exit_code=segment.exit_code if segment.last else 0, journal_before=words(tracer.journal_before),
        journal_after=words(tracer.mem[tracer.journal]),
    )  # fmt: skip
    return ClaimLayout(machine.circuit).encode(claim)
