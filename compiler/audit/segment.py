"""A small segment of an honest run: some steps over three pages, which the reference interpreter makes, and the rows that the runtime gives
of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.compiler.audit.honest import SLOTS, HonestRow, Host, Memory, Stops, Token
from zkc.compiler.audit.table import Circuit
from zkc.compiler.clock import clock_of
from zkc.compiler.dialects import step
from zkc.compiler.interpret import Interpreter
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.stamps import stamps_of
from zkc.compiler.targets.ending import HALT
from zkc.compiler.targets.table import table_of
from zkc.dsl.built_in import AT
from zkc.runtime.circuit.circuit import Circuit as Artefact
from zkc.runtime.circuit.machine import Ending, Machine, MachineSpec
from zkc.runtime.circuit.spec import Given as Inputs
from zkc.runtime.execution.alone import FETCH
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.stamps import TIME_BITS, TIMES, stamp
from zkc.runtime.execution.trace import Tracer
from zkc.runtime.field.koalabear import P
from zkc.runtime.memory.blinding import BLIND_WORDS
from zkc.runtime.memory.image import Image, PageTree
from zkc.runtime.memory.map import WORD_BYTES
from zkc.runtime.receipts.claims import Claim, ClaimLayout

STEPS: Final = 64
TRIES: Final = 40
"""Words that are tried for an instruction that does something with data, and for any other; many jump or point to other pages."""
FREQUENT: Final = 3
"""One word of code in so many is fetched for each step alone."""
WORD: Final = 1 << 32
Words = npt.NDArray[np.uint32]
Given = Mapping[str, list[int]]
"""What the rows of a table are given, by name."""


@dataclass
class Pages(Memory):
    """Words of pages that are there: those of `code`, those of `data`, and others. A step that needs any that is not there, or of the
    code, is not one of this segment."""

    code: range = range(0)
    data: frozenset[int] = frozenset()

    def load(self, address: int) -> Token:
        """What is at an address."""
        if address not in self.tokens or address in self.code:
            raise Stops
        return self.tokens[address]


class Steps:
    """Steps that follow each other, of any instructions. words: those of the code, by address; uses: how often each was executed.
    alone: those that are fetched for each step alone; around: the rows for that; times: when they were last."""

    def __init__(self, circuit: Circuit, lowered: Lowerings, memory: Pages, random: Random) -> None:
        self.circuit = circuit
        self.lowered = lowered
        self.memory = memory
        self.random = random
        self.tables: dict[str, list[Lowered]] = {}
        for table, arm in ((t, s.text("arm")) for t in lowered.steps for s in t.steps):
            self.tables.setdefault(arm, []).append(table)
        self.decoded = {op.text("insn"): op for op in lowered.decoded}
        self.host = Host(b"")
        self.words: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        code = memory.code if FETCH in {table.name for table in lowered.others} else range(0)
        self.alone = {address for address in code if random.randrange(FREQUENT) == 0}
        self.around: list[dict[str, int]] = []
        self.times: dict[int, int] = {}
        self.last: tuple[int, int] | None = None

    def run(self, clk: int, pc: int) -> Iterator[HonestRow]:
        """The rows of some steps."""
        for i in range(STEPS):
            tried = (self._step(clk, pc, with_data=i % 2 == 0 and t < TRIES) for t in range(2 * TRIES))
            made = next(filter(None, tried), None)
            if made is None:
                return
            yield made
            clk, pc = self.last = self._next(clk, pc, made)
            if HALT in made.performed:
                return

    def _next(self, clk: int, pc: int, made: HonestRow) -> tuple[int, int]:
        """The clock and the pc after a step."""
        at, after = pc // WORD_BYTES, self._after(pc, made)
        if at not in self.alone:
            return made.next[0], after
        gap = clk - self.times.get(at, 0) - 1
        row = {"clk": clk, "pc": pc, "next": made.next[1], "gap_lo": gap, "gap_hi": 0, "word": self.words[at], "real": 1}
        self.around.append(row)
        self.times[at] = clk
        return made.next[0] + SLOTS, after

    def _place(self, clk: int, pc: int) -> tuple[int, int]:
        """The clock and the pc in the row of a step."""
        if pc // WORD_BYTES not in self.alone:
            return clk, pc
        return clk + SLOTS, int(self.circuit.program.constants["user_end"]) + clk + SLOTS  # type: ignore[arg-type]

    def _after(self, pc: int, made: HonestRow) -> int:
        """Where a step goes on that stands at a pc."""
        return (made.next[1] - made.given["pc"] + pc) % P

    def _step(self, clk: int, pc: int, *, with_data: bool) -> HonestRow | None:
        """A step at a pc, with any instruction if there is none yet; None if it stops, leaves the pages, or has nothing to do with data."""
        program = self.circuit.program
        drawn = self.random.choice(list(program.encodings.values()))
        word = self.words.get(pc // WORD_BYTES, drawn.match | self.random.randrange(WORD) & ~drawn.mask)
        insn = next(e for e in program.encodings.values() if word & e.mask == e.match)
        start, place = self._place(clk, pc)
        given = {"clk": start, "pc": place, AT: pc, "op": insn.op, **self._fields(insn.name, word)}
        try:
            arm = insn.name if insn.name in self.tables else self._service()
            does = HonestRow(self.circuit, given, self._copy(), arm, self.host)
            table = self._table(arm, given)
            does.run(next(f for f in table.steps if f.text("arm") == arm).regions[0])
            made = HonestRow(self.circuit, given, self._copy(), arm, self.host)
            made.run(table.row.regions[0])
        except Stops:
            return None
        if with_data and not made.senders.keys() & self.memory.data:
            return None
        after = self._after(pc, made)
        if made.next != does.next or after // WORD_BYTES not in self.memory.code or after % WORD_BYTES:
            return None
        self.memory.tokens = made.memory.tokens
        at = pc // WORD_BYTES
        self.words[at], self.uses[at] = word, self.uses.get(at, 0) + 1
        return made

    def _table(self, arm: str, given: Mapping[str, int]) -> Lowered:
        """Any table that the step can be a row of."""
        return self.random.choice([t for t in self.tables[arm] if len({given[name] for name in t.row.names("same")}) <= 1])

    def _copy(self) -> Pages:
        return Pages(self.random, 0, 0, tokens=dict(self.memory.tokens), code=self.memory.code)

    def _fields(self, insn: str, word: int) -> dict[str, int]:
        decode = Interpreter(self.circuit.functions, {"word": word})
        region = self.decoded[insn].regions[0]
        decode.run(region)
        return {op.text("name"): decode.of(op.operands[0]) for op in region if op.definition is step.FIELD}

    def _service(self) -> str:
        guards = HonestRow(self.circuit, {}, self._copy())
        guards.run(self.lowered.guards.regions[0])
        for name, meant in guards.chosen.items():
            if meant:
                return name
        raise Stops


class HonestSegment:
    """steps: its rows of step tables, any, or the one of `ending`. given: what the runtime gives the rows of the other tables and of the
    claim, by table."""

    def __init__(self, circuit: Circuit, lowered: Lowerings, ending: Ending | None = None) -> None:
        self.random = Random("a small segment of a run")
        self.machine = _machine(circuit, lowered)
        self.map = self.machine.memory_map
        pages = self._pages(ending)
        steps = Steps(circuit, lowered, self._memory(pages), self.random)
        clk, pc = self.machine.spec.clock.first, int(pages[self.map.system_page][self.map.word_pc])
        if ending is not None:
            steps.words[pc // WORD_BYTES] = ending.word
        self.steps = list(steps.run(clk, pc))
        self.last = steps.last or [clk, pc]
        for address, word in steps.words.items():
            page, at = divmod(address, self.map.page_words)
            pages[page][at] = word
        rows = {} if ending is None else {"dirty_page": 1}
        self.given = self._given(self._tracer(pages, steps, rows), lowered.claim.name)

    def _pages(self, ending: Ending | None) -> dict[int, Words]:
        """A page of code, one of data, and the system page: no call is under way, and the journal is empty."""
        m, random = self.map, self.random
        code, data = random.choices(range(m.user_pages), k=2)
        pages = {p: np.array([self._word(data) for _ in range(m.page_words)], dtype=np.uint32) for p in (code, data, m.system_page)}
        system = pages[m.system_page]
        system[m.registers : m.word_blind] = 0
        system[m.word_pc] = code * m.page_bytes + WORD_BYTES * random.randrange(m.page_words // 2)
        system[m.word_journal_capacity :][: m.digest_words] = [random.randrange(P) for _ in range(m.digest_words)]
        if ending is not None:
            system[: m.registers] = [random.randrange(WORD) for _ in range(m.registers)]
            for address, word in ending.memory.items():
                system[address % m.page_words] = word
        return pages

    def _word(self, data: int) -> int:
        """Any word, a small one, or an address in the page of data."""
        r, m = self.random, self.map
        return r.choice((r.randrange(WORD), r.randrange(64), data * m.page_bytes + WORD_BYTES * r.randrange(m.page_words)))

    def _memory(self, pages: Mapping[int, Words]) -> Pages:
        """What the steps find: pages as they begin, and the journal as the claim has read it. First come code and data."""
        m = self.map
        words = {m.page_words * page + i: word for page, content in pages.items() for i, word in enumerate(content.tolist())}
        tokens: dict[int, Token] = {address: (word, 0, 0) for address, word in words.items()}
        first = m.system_page * m.page_words + m.word_journal_capacity
        time, mark = self.machine.spec.stamps.first % TIMES, self.machine.spec.stamps.first >> TIME_BITS
        tokens |= {a: (words[a], time, mark) for a in range(first, first + m.word_journal_fill - m.word_journal_capacity + 1)}
        code, data = (range(p * m.page_words, (p + 1) * m.page_words) for p in list(pages)[:2])
        return Pages(self.random, 0, 0, tokens=tokens, code=code, data=frozenset(data))

    def _tracer(self, pages: Mapping[int, Words], steps: Steps, rows: dict[str, int]) -> Tracer:
        """The runtime's trace as it is after the steps. rows: of the table for dirty pages, if they are to be in it."""
        tree = PageTree.of(Image(self.map, dict(pages)), self.machine.hasher)
        opened = {number: content for page in pages for number, content in tree.opening(page)}
        dirty = frozenset(p for p in pages if p * self.map.page_words not in steps.memory.code)
        code = np.array(sorted(steps.words.keys() - steps.alone), dtype=np.int64)
        blind = tuple(self.random.randrange(WORD) for _ in range(BLIND_WORDS))
        segment = Segment(0, dict(pages), dirty, opened, code, len(self.steps), rows, None, 0, False, 0, (), (), blind)
        tracer = Tracer(self.machine, segment)
        for address, (word, time, mark) in steps.memory.tokens.items():
            if address not in steps.memory.code:
                tracer.mem[address], tracer.times[address] = word, stamp(time, mark)
        tracer.times[code] = self.machine.spec.stamps.code
        tracer.uses[code] = [steps.uses.get(address, 0) for address in code.tolist()]
        for address, time in steps.times.items():
            tracer.times[address] = time
        tracer.alone += steps.around
        tracer.last_clk, tracer.last_pc = self.last
        return tracer

    def _given(self, tracer: Tracer, claim: str) -> dict[str, Given]:
        """In the order in which the runtime makes a trace."""
        boundary = {name: [value] for name, value in tracer.boundary().items()}
        pages = tracer.pages()
        before, after = (tuple(words.tolist()) for words in (tracer.journal_before, tracer.mem[tracer.journal]))
        layout = ClaimLayout(self.machine.circuit)
        (code,) = self.steps[-1].performed.get(HALT, [0]) if self.steps else [0]
        last = bool(self.steps) and HALT in self.steps[-1].performed
        values = layout.encode(Claim(0, True, last, pages.pre, pages.post, code, before, after))
        columns = {"decode": tracer.decode_rows(), "data_page": pages.data, "dirty_page": pages.dirty, "table_page": pages.tables}
        given: dict[str, Given] = {table: {name: c.tolist() for name, c in each.items()} for table, each in columns.items()}
        given |= {FETCH: {name: c.tolist() for name, c in tracer.fetch_rows().items()}}
        return given | {"boundary": boundary, claim: {name: [v] for name, v in zip(layout.columns, values, strict=True)}}


def _machine(circuit: Circuit, lowered: Lowerings) -> Machine:
    """Of the machine only what pages and the claim need: constants, and the claim's columns."""
    program = circuit.program
    numbers = {name: i for i, name in enumerate((*program.buses, *program.fixed))}
    artefact = Artefact(b"", (), (), table_of(lowered.claim.air, numbers), dict(program.constants))  # type: ignore[arg-type]
    clock, stamps = clock_of(program, lowered), stamps_of(program, lowered)
    filling = {}, Inputs((), ()), {}, 0, {}, {}, {}, {}, {}
    return Machine(MachineSpec(artefact, *filling, (), (), (), {}, None, clock, stamps))
