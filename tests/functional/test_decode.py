"""What a row that decodes says about a pc is what the word there means, for all words: the fields of RISC-V's formats, their immediates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import z3

from tests.determinism.mutations import circuit, mutant, table_named
from tests.functional.claims import FIELD, Verdict
from tests.functional.facts import Facts
from tests.functional.riscv import INSTRUCTIONS, LETTERS
from tests.functional.solving import Solver
from tests.functional.words import Words
from zkc.compiler.audit.polynomials import ONE
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.dialects import bus
from zkc.compiler.ir.operation import Operation
from zkc.runtime.field.koalabear import P

TABLES = ("decode", "fetch")
ADDRESSED = ("auipc", "jal", "jalr")
"""Instructions that make a word of where they are."""
FIELDS = {"rd": 7, "rs1": 15, "rs2": 20}
"""Where the number of a register stands in the word: its lowest bit; it has five."""


class Decoding:
    """The row, of a pc at which the word is, and of one at which a step is that it is fetched for (`around`: what is taken before it)."""

    def __init__(self, table: TableAudit) -> None:
        self.table = table
        self.row = table.row({})
        ((self.real, taken),) = self.sent("memory", -1)
        ((_, self.said),) = self.sent("program", 1)
        self.address, *self.halves = taken[:3]
        around = [args for _, args in self.sent("exec", -1)]
        self.pc = around[0][table.circuit.place("exec", "pc")] if around else self.field("pc")
        self.any_row = Solver(Facts(self.row, table.circuit.fixed, {}))

    def sent(self, bus: str, sign: int) -> list[tuple[int, tuple[int, ...]]]:
        ops = self.table.messages
        return [(times, args) for i, times, args in self.row.messages if (ops[i].text("bus"), ops[i].number("sign")) == (bus, sign)]

    def field(self, name: str) -> int:
        return self.said[self.table.circuit.place("program", name)]

    def selectors(self) -> Mapping[int, int]:
        """The instruction's code by the column that says that it is one."""
        linear = self.row.linear(self.field("op"))
        assert ONE not in linear
        found = {self.row.column_of(atom): code for atom, code in linear.items()}
        return {column: code for column, code in found.items() if column is not None}

    def verdicts(self, name: str) -> Iterator[Verdict]:
        """Of a row that says that its word is this instruction."""
        code = self.table.circuit.program.encodings[name].op
        (own,) = [c for c, k in self.selectors().items() if k == code]
        values = {c: int(c == own) for c in self.selectors()}
        op = self.any_row.value(self.any_row.facts.poly(self.field("op")))
        selected = z3.And([self.any_row.monomial((c,)) == v for c, v in values.items()])
        yield "one instruction", self.any_row.proves(z3.Implies(op == code, selected))
        yield from self.of_instruction(name, self.row.substituted(values, {}), values)

    def of_instruction(self, name: str, row: Row, values: Mapping[int, int]) -> Iterator[Verdict]:
        instruction, addressed = INSTRUCTIONS[name], name in ADDRESSED
        solver = Solver(Facts(row, self.table.circuit.fixed, {}))
        words = Words(solver)
        yield "some word fits", solver.possible()
        to = row.import_nodes(self.row.nodes, values, {})

        def value(node: int) -> Any:
            return solver.value(solver.facts.poly(to[node]))

        columns = self.bit_columns()
        yield "halves are sums of bits", columns is not None
        if columns is None:
            return
        bits = [words.word(f"bit{i}", solver.value(solver.facts.poly(row.column(c))), 1) for i, c in enumerate(columns)]
        word = z3.Concat(*reversed(bits))

        def means(term: Any) -> Any:
            return words.integer(z3.simplify(term))

        yield "the word is received", solver.proves(value(self.real) == P - 1)
        yield "fixed bits", solver.proves(z3.And([means(claim) for claim in instruction.matches(word)]))
        yield "pc", solver.proves(value(self.pc) == 4 * value(self.address))
        yield "at", solver.proves(value(self.field("at")) == (value(self.pc) if addressed else 0))
        end = self.table.circuit.program.constants["user_end"]
        yield "user memory", solver.proves(4 * value(self.address) < end)
        for name in (*instruction.reads, *(["rd"] if instruction.writes else [])):
            low = FIELDS[name]
            number = means(z3.Extract(low + 4, low, word))
            sink = self.table.circuit.program.constants["word_sink"]
            wanted = z3.If(number == 0, sink, number) if name == "rd" else number
            yield name, solver.proves(value(self.field(name)) == wanted)
        imm = means(LETTERS[instruction.format](word))
        low, high = value(self.field("imm.lo")), value(self.field("imm.hi"))
        if instruction.format in FIELD:
            yield "immediate", solver.proves(low == z3.If(imm >= 1 << 31, imm - (1 << 32) + P, imm))
        else:
            yield "immediate", solver.proves(z3.And(low < 1 << 16, high < 1 << 16, low + (1 << 16) * high == imm))

    def bit_columns(self) -> list[int] | None:
        """The columns of the word's bits, the lowest first, if the halves that are received are their sums."""
        found: list[int] = []
        for node in self.halves:
            by_place = {c: self.row.column_of(atom) for atom, c in self.row.linear(node).items() if atom != ONE}
            found += [column for i in range(16) if (column := by_place.get(1 << i)) is not None]
        bits = [c for c in found if self.any_row.facts.bounds.get(c) == 1]
        return bits if len(set(bits)) == 32 else None


@pytest.fixture(scope="module", params=TABLES)
def decoding(request: pytest.FixtureRequest) -> Decoding:
    return Decoding(TableAudit(circuit(), table_named(request.param)))


@pytest.mark.formal
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_a_word_is_said_to_be_what_the_manual_says(decoding: Decoding, name: str) -> None:
    assert [what for what, holds in decoding.verdicts(name) if not holds] == []


@pytest.mark.parametrize("place", [1, 2])
def test_fields_of_the_word_that_are_exchanged_are_noticed(place: int) -> None:
    """The halves, or a half and the time: whichever the audit sees, the fields that are sent are no longer the manual's."""

    def exchanged(op: Operation) -> list[Operation]:
        if op.definition is not bus.RECV or op.text("bus") != "memory":
            return [op]
        operands = list(op.operands)
        operands[place + 1], operands[place + 2] = operands[place + 2], operands[place + 1]
        return [Operation(op.definition, operands, op.attributes, (), (), op.loc)]

    swapped = Decoding(mutant(table_named("decode"), exchanged))
    assert not all(holds for _, holds in swapped.verdicts("addi"))
