"""For every environment call and all inputs, what a step writes, stores and goes to is what `services.py` says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import z3

from tests.determinism.mutations import circuit, compilation, table_named
from tests.determinism.test_audit import edited
from tests.functional.claims import HALF, Verdict
from tests.functional.facts import Facts, Interval
from tests.functional.rows import Access, Halves, Messages, cases, named_cases
from tests.functional.services import REGISTERS, SPONGE, WORDS, State, Step, steps
from tests.functional.solving import Solver
from tests.functional.words import Words
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.run import circuit_of
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.compilation import compile_program

MOST = 16
"""Columns of an equation; those of the permutation have more, and what is left out proves nothing."""


SPLIT = {
    "journal_block": ("half", "odd", "even", "s0", "s1", "s2", "s3"),
    "journal_part": ("half", "odd", "from_1", "from_2", "from_4", "to_1", "to_2", "to_4"),
}
"""Bits of which all values are gone through: where the bytes come from, and where they go."""
SAMPLE = 11
"""One of so many of these cases is tried by default. It is odd, so that each bit has both values."""


class Call:
    """The row of one environment call, in one case."""

    def __init__(self, table: TableAudit, row: Row) -> None:
        self.table = table
        self.messages = Messages(table, row)
        constants = table.circuit.program.constants
        self.system = constants["system_word"]
        self.names = {n: name for name, n in REGISTERS.items()} | {constants[f"word_{name}"]: name for name in WORDS}
        self.names |= {constants[f"word_{name}"] + i: f"{name}[{i}]" for name in SPONGE for i in range(8)}
        given: dict[int, Interval] = {}
        for args in self.messages.of("memory", -1):
            given |= {c: HALF for n in args[1:3] if (c := row.column_of(n)) is not None}
        given |= {c: (0, constants["user_end"] - 4) for c in [row.column_of(self.messages.one("exec", -1, "pc"))] if c is not None}
        row.zero = [n for n in row.zero if row.support[n].bit_count() <= MOST]
        self.facts = Facts(row, table.circuit.fixed, given)
        self.solver = Solver(self.facts)
        self.words = Words(self.solver)

    def node(self, node: int) -> Any:
        return self.solver.value(self.facts.poly(node))

    def whole(self, halves: Halves) -> Any:
        low, high = (self.node(n) for n in halves)
        return low + (1 << 16) * high

    def state(self) -> tuple[State, list[Access]]:
        """What the row receives and sends; the accesses whose word has no name."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        memory: list[tuple[Any, Any]] = []
        others: list[Access] = []
        for i, a in enumerate(self.messages.accesses()):
            key = self.messages.row.value(a.key)
            name = None if key is None else self.names.get(key - self.system)
            if name is None:
                memory.append((self.words.word(f"old{i}", self.whole(a.old)), self.words.word(f"new{i}", self.whole(a.new))))
                others.append(a)
                continue
            if name in before:  # what a step reads again is what it left there
                self.solver.z3.add(self.whole(a.old) == self.words.integer(after[name]))
            else:
                before[name] = self.words.word(name, self.whole(a.old))
            after[name] = self.words.word(f"{name}_{i}", self.whole(a.new))
        pointer, fill = before.get("pointer"), before.get("journal_fill")
        moved = None if pointer is None or "pointer" not in after else after["pointer"] - pointer
        low_bits = [None if word is None else z3.Extract(i, 0, word) for i, word in ((1, pointer), (2, fill))]
        lane, place = map(self.constant, low_bits)
        return State(before, after, memory, lane, self.constant(fill), place, self.constant(moved)), others

    def constant(self, word: Any) -> int:
        """0 where the row leaves it open."""
        return (None if word is None else self.solver.constant(self.words.integer(word))) or 0

    def verdicts(self, name: str) -> Iterator[Verdict]:
        """Each claim and whether it holds for all inputs."""
        state, others = self.state()
        step = steps(self.table.circuit.program.constants["brk_end"])[name](state)
        self.solver.z3.add(*(self.words.integer(g) for g in step.given))
        yield "words that change exist", step.words.keys() <= state.after.keys()
        for word, term in state.after.items():
            yield word, self.holds(term == step.words.get(word, state.before[word]))
        for claim in step.holds:
            yield str(claim), self.holds(claim)
        yield from self.addresses(state, step, others)
        halves = [h for args in self.messages.of("memory", 1) for h in args[1:3]]
        yield "halves", self.solver.proves(z3.And([self.node(h) < 1 << 16 for h in halves]))
        pc, following = (self.node(self.messages.one("exec", sign, "pc")) for sign in (-1, 1))
        yield "pc", self.solver.proves(following == pc + step.to)
        yield "wherever its row is", self.messages.moves_with_its_pc()
        halted = self.messages.of("halt", 1)
        yield "halt", len(halted) == (name == "exit")
        if halted:
            yield "exit code", self.solver.proves(self.whole((halted[0][0], halted[0][1])) == self.words.integer(state.a0))

    def addresses(self, state: State, step: Step, others: list[Access]) -> Iterator[Verdict]:
        yield "accesses", len(others) == len(step.at)
        end = self.table.circuit.program.constants["user_end"]
        for address, access in zip(step.at, others, strict=False):
            key = self.node(access.key)
            if isinstance(address, int):
                buffer = self.system + self.table.circuit.program.constants["word_journal_buffer"] + address
                fill = self.words.integer(state.journal_fill)
                yield "place in the buffer", self.solver.proves(4 * (key - buffer) + state.place == fill)
            else:
                yield "address", self.solver.proves(z3.And(4 * key == self.words.integer(address), 4 * key < end))

    def holds(self, claim: Any) -> bool:
        return self.solver.proves(self.words.integer(claim))


def verdicts(table: TableAudit, every: int = SAMPLE) -> Iterator[Verdict]:
    """Of all cases of a call's row; where they are many, of some."""
    found = False
    whole = table.row(table.selection(table.name))
    many = islice(named_cases(table, whole, SPLIT.get(table.name, ())), 0, None, every)
    for row in many if table.name in SPLIT else cases(table, whole):
        call = Call(table, row)
        if call.solver.possible():
            found = True
            yield from call.verdicts(table.name)
    yield "some row fits", found


@pytest.mark.formal
@pytest.mark.parametrize("name", compilation().program.services)
def test_an_environment_call_does_what_it_should(name: str) -> None:
    assert [what for what, holds in verdicts(TableAudit(circuit(), table_named(name))) if not holds] == []


@pytest.mark.formal
@pytest.mark.whole
@pytest.mark.parametrize("name", SPLIT)
def test_an_environment_call_does_what_it_should_in_all_cases(name: str) -> None:
    assert [what for what, holds in verdicts(TableAudit(circuit(), table_named(name)), 1) if not holds] == []


def test_every_environment_call_is_proven() -> None:
    assert compilation().program.services.keys() == steps(0).keys()


PLANTED = {
    "transfer_end": ("  answer = count;\n  next_phase = constant(0);", "  answer = count;\n  next_phase = constant(1);"),
    "writev_entry": ("let    following = pointer + constant(8);", "let    following = pointer + constant(4);"),
    "journal_block": ("(i / 4 == 16 ? 0 :", "(i / 4 == 15 ? 0 :"),
    "journal_part": ("hi = column(word.hi + b[2] + 2**8 * b[3])", "hi = column(word.hi + b[3] + 2**8 * b[2])"),
    "read_word": ("  go_on(at, left, 4, clk);", "  go_on(at, left, 1, clk);"),
    "read_nowhere": ('"not the input";\n  answer = small(ebadf', '"not the input";\n  answer = small(enosys'),
    "brk": ("next_pointer = new_end;", "next_pointer = old_end;"),
}  # fmt: skip


@pytest.mark.formal
def test_a_wrong_environment_call_is_noticed(tmp_path: Path) -> None:
    root = edited(tmp_path, "services.circ", *PLANTED.values())
    c = compile_program(sorted(root.glob("*.circ")), root)
    wrong = [TableAudit(circuit_of(c), t) for t in c.lowered.tables if t.name in PLANTED]
    assert {t.name for t in wrong} == PLANTED.keys()
    assert [t.name for t in wrong if all(holds for _, holds in verdicts(t))] == []
