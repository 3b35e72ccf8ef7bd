"""What the row of an instruction must say, for all inputs: each claim with what z3 answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import z3

from tests.functional.extended import EXTENDED
from tests.functional.facts import Facts, Interval, plus
from tests.functional.riscv import INSTRUCTIONS, Hart
from tests.functional.rows import Access, Halves, Messages
from tests.functional.solving import Solver
from tests.functional.words import Words
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit

HALF: Final[Interval] = (0, (1 << 16) - 1)
FIELD: Final = ("B", "J", "shift")
"""Formats whose immediate comes as one element of the field; of the others, as two halves."""
FIELD_BOUNDS: Final = {"B": (-(1 << 12), (1 << 12) - 1), "J": (-(1 << 20), (1 << 20) - 1), "shift": (0, 31)}
Verdict = tuple[str, bool]


def given(m: Messages, format: str) -> dict[int, Interval]:
    """What a row may believe of what it receives: halves of words, and what decode rows say (`test_decode.py` proves that of them)."""
    end = m.table.circuit.program.constants["user_end"]
    assert isinstance(end, int)
    bounds: dict[int, Interval] = dict.fromkeys((m.one("exec", -1, "pc"), *m.fields("at")), (0, end - 4))
    bounds |= dict.fromkeys(m.fields("rd", "rs1", "rs2"), (0, 32))
    low, high = m.fields("imm.lo", "imm.hi")
    bounds |= {low: FIELD_BOUNDS[format]} if format in FIELD else {low: HALF, high: HALF}
    bounds |= dict.fromkeys((n for args in m.of("memory", -1) for n in args[1:3]), HALF)
    found = {m.row.column_of(node): interval for node, interval in bounds.items()}
    return {c: i for c, i in found.items() if c is not None}


class Claims:
    """The row of one instruction and what must hold of it."""

    def __init__(self, table: TableAudit, arm: str, row: Row) -> None:
        self.arm = arm
        instruction = self.instruction = {**INSTRUCTIONS, **EXTENDED}[arm]
        self.messages = Messages(table, row)
        self.table = table
        self.facts = Facts(row, table.circuit.fixed, given(self.messages, instruction.format))
        self.solver = Solver(self.facts)
        self.words = Words(self.solver)
        system = table.circuit.program.constants["system_word"]
        assert isinstance(system, int)
        self.system = system
        self.accesses = self.messages.accesses()

    def node(self, node: int) -> Any:
        return self.solver.value(self.facts.poly(node))

    def is_word(self, halves: Halves, word: Any) -> Any:
        """Two halves are those of a word."""
        low, high = (self.node(n) for n in halves)
        return z3.And(low < 1 << 16, high < 1 << 16, low + (1 << 16) * high == self.words.integer(word))

    def registers(self) -> list[tuple[str, Access]]:
        """The accesses that are of registers, by the field that says which."""
        row = self.messages.row
        names = ("rs1", "rs2", "rd")
        found: list[tuple[str, Access]] = []
        for access in self.accesses:
            for name, field in zip(names, self.messages.fields(*names), strict=True):
                if row.column_of(field) is not None and self.messages.difference(access.key, field) == self.system:
                    found.append((name, access))
        return found

    @cached_property
    def hart(self) -> Hart:
        """What the instruction sees, as the row receives it."""
        registers = dict(self.registers())
        memory = [a for a in self.accesses if a not in registers.values()]

        def old(name: str, access: Access | None) -> Any:
            low, high = (z3.IntVal(0),) * 2 if access is None else (self.node(n) for n in access.old)
            return self.words.word(name, low + (1 << 16) * high)

        pc = self.words.word("pc", self.node(self.messages.one("exec", -1, "pc")))
        imm = self.words.word("imm", self.immediate())
        seen = Hart(pc, old("rs1", registers.get("rs1")), old("rs2", registers.get("rs2")), imm, old("word", memory[0] if memory else None))
        lane = self.solver.constant(self.words.integer(z3.Extract(1, 0, seen.address))) if memory else 0
        assert lane is not None, "each case has one lane"
        return replace(seen, lane=lane)

    def immediate(self) -> Any:
        low, high = self.messages.fields("imm.lo", "imm.hi")
        if self.instruction.format not in FIELD:
            return self.node(low) + (1 << 16) * self.node(high)
        least = self.facts.least.get(self.facts.row.column_of(low), 0)
        signed = self.solver.value(plus(self.facts.poly(low), {(): -least})) + least
        return z3.If(signed < 0, signed + (1 << 32), signed)

    def verdicts(self) -> Iterator[Verdict]:
        """Each claim and whether it holds for all inputs."""
        i, registers = self.instruction, self.registers()
        memory = [a for a in self.accesses if a not in [x for _, x in registers]]
        result = dict(registers).get("rd")
        last = {n for n, a in registers if a is result}  # an operand whose register the result goes to is read there
        order = sorted([*i.reads, *(["rd"] if i.writes else [])], key=lambda n: n in last)
        yield "registers in order", [n for n, _ in registers] == order
        yield "one access to memory", len(memory) == bool(i.size)
        hart = self.hart
        for name, access in registers:
            if name != "rd" and access is result:
                yield f"{name} is rd", name in i.reads
            elif name != "rd":
                yield f"{name} stays", access.old == access.new
            else:
                yield from self.result(access)
        for access in memory:
            yield "address", self.proves(lambda access=access: self.is_address(access, hart))
            after = i.change(hart) if i.change is not None else hart.stored(i.size) if i.stores else hart.word
            yield "memory", self.proves(lambda access=access, after=after: self.is_word(access.new, after))
        yield "pc", self.proves(lambda: self.is_next(hart.pc + 4 if i.pc is None else i.pc(hart)))
        yield "wherever its row is", self.messages.moves_with_its_pc()

    def result(self, access: Access) -> Iterator[Verdict]:
        """What is written into rd."""
        rd = self.instruction.rd
        assert rd is not None
        yield "rd", self.proves(lambda: self.is_word(access.new, rd(self.hart)))

    def is_address(self, access: Access, hart: Hart) -> Any:
        """The word is the one that the address lies in, and the address is aligned."""
        key = self.node(access.key) * 4 + hart.lane == self.words.integer(hart.address)
        return z3.And(key, hart.lane % self.instruction.size == 0)

    def is_next(self, pc: Any) -> Any:
        """If anything can be fetched at the pc that is sent, that is the next one."""
        sent = self.node(self.messages.one("exec", 1, "pc"))
        fetched = z3.And(sent < self.table.circuit.program.constants["user_end"], sent % 4 == 0)
        return z3.Implies(fetched, sent == self.words.integer(pc))

    def proves(self, claim: Callable[[], Any]) -> bool:
        """Of every row whose pc is one from which an instruction can be fetched. If it is fetched for its step alone, its pc is another
        one: what is proven holds as well, for the row moves with it."""
        pc, (at,) = self.node(self.messages.one("exec", -1, "pc")), self.messages.fields("at")
        given = [pc % 4 == 0] if self.messages.row.column_of(at) is None else [pc % 4 == 0, self.node(at) == pc]
        return self.solver.proves(claim(), *given)
