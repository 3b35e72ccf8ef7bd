"""RV32IM once more, as terms of z3: written from the RISC-V manual (volume I, chapters RV32I and M, and the table of opcodes), and from
nothing of ours.

An instruction says what it writes into rd, where it goes (pc + 4 if nothing is said), and what it does to memory. Multiplication and
division are said in integers, see `products.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from z3 import UGE, ULT, BitVecVal, Concat, Extract, If, LShR, SignExt, ZeroExt

XLEN: Final = 32


@dataclass(frozen=True)
class Hart:
    """What an instruction sees, words of 32 bits. word: the aligned word of memory that its address lies in; lane: the address modulo 4."""

    pc: Any
    rs1: Any
    rs2: Any
    imm: Any
    word: Any
    lane: int = 0

    @property
    def address(self) -> Any:
        return self.rs1 + self.imm

    def loaded(self, size: int) -> Any:
        """`size` bytes from the address, the lowest first."""
        return Extract(8 * (self.lane + size) - 1, 8 * self.lane, self.word)

    def stored(self, size: int) -> Any:
        """The word after `size` bytes of rs2 have been put at the address."""
        kept = [(self.word, i, 1) for i in range(4) if not self.lane <= i < self.lane + size]
        pieces = [*kept[: self.lane], (self.rs2, 0, size), *kept[self.lane :]]
        found = [Extract(8 * (first + count) - 1, 8 * first, word) for word, first, count in pieces]
        return Concat(*reversed(found)) if len(found) > 1 else found[0]


Term = Callable[[Hart], Any]
LETTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "R": lambda w: BitVecVal(0, XLEN),
    "I": lambda w: SignExt(20, Extract(31, 20, w)),
    "shift": lambda w: ZeroExt(27, Extract(24, 20, w)),
    "S": lambda w: SignExt(20, Concat(Extract(31, 25, w), Extract(11, 7, w))),
    "B": lambda w: SignExt(19, Concat(Extract(31, 31, w), Extract(7, 7, w), Extract(30, 25, w), Extract(11, 8, w), BitVecVal(0, 1))),
    "U": lambda w: Concat(Extract(31, 12, w), BitVecVal(0, 12)),
    "J": lambda w: SignExt(11, Concat(Extract(31, 31, w), Extract(19, 12, w), Extract(20, 20, w), Extract(30, 21, w), BitVecVal(0, 1))),
    "fence": lambda w: BitVecVal(0, XLEN),
    "ecall": lambda w: BitVecVal(0, XLEN),
    "unary": lambda w: BitVecVal(0, XLEN),
    "amo": lambda w: BitVecVal(0, XLEN),
}
"""The immediate of each format, from the word of an instruction."""
READS: Final = {
    **dict.fromkeys(("R", "S", "B", "amo"), ("rs1", "rs2")),
    **dict.fromkeys(("I", "shift", "unary"), ("rs1",)),
}
WRITES: Final = ("R", "I", "shift", "U", "J", "unary", "amo")


@dataclass(frozen=True)
class Instruction:
    """format: a key of LETTERS. opcode, funct3, funct7: as in the table of opcodes. size: bytes that are loaded or stored, 0 for none."""

    format: str
    opcode: int
    funct3: int | None = None
    funct7: int | None = None
    rd: Term | None = None
    pc: Term | None = None
    size: int = 0
    stores: bool = False
    change: Term | None = None
    """What the word of memory becomes, if it is not `size` bytes of rs2 in their place."""

    @property
    def reads(self) -> tuple[str, ...]:
        return READS.get(self.format, ())

    @property
    def writes(self) -> bool:
        return self.format in WRITES

    def matches(self, word: Any) -> Any:
        """Whether the word is one of this instruction."""
        parts = [(6, 0, self.opcode), (14, 12, self.funct3), (31, 25, self.funct7)]
        fixed = [Extract(high, low, word) == value for high, low, value in parts if value is not None]
        if self.format == "ecall":
            fixed = [word == 0x73]
        if self.format == "fence":  # fence and fence.i; no other funct3 is defined
            fixed = [Extract(6, 0, word) == self.opcode, Extract(14, 13, word) == 0]
        return fixed


def _bit(claim: Any) -> Any:
    return If(claim, BitVecVal(1, XLEN), BitVecVal(0, XLEN))


def _branch(funct3: int, taken: Term) -> Instruction:
    return Instruction("B", 0b1100011, funct3, pc=lambda h: If(taken(h), h.pc + h.imm, h.pc + 4))


def _load(funct3: int, size: int, rd: Term) -> Instruction:
    return Instruction("I", 0b0000011, funct3, rd=rd, size=size)


def _store(funct3: int, size: int) -> Instruction:
    return Instruction("S", 0b0100011, funct3, size=size, stores=True)


def _immediate(funct3: int, rd: Term) -> Instruction:
    return Instruction("I", 0b0010011, funct3, rd=rd)


def _shift(funct3: int, funct7: int, rd: Term) -> Instruction:
    return Instruction("shift", 0b0010011, funct3, funct7, rd)


def _register(funct3: int, funct7: int, rd: Term | None = None) -> Instruction:
    return Instruction("R", 0b0110011, funct3, funct7, rd)


def _amount(word: Any) -> Any:
    return word & 31


INSTRUCTIONS: Final[Mapping[str, Instruction]] = {
    "lui": Instruction("U", 0b0110111, rd=lambda h: h.imm),
    "auipc": Instruction("U", 0b0010111, rd=lambda h: h.pc + h.imm),
    "jal": Instruction("J", 0b1101111, rd=lambda h: h.pc + 4, pc=lambda h: h.pc + h.imm),
    "jalr": Instruction("I", 0b1100111, 0b000, rd=lambda h: h.pc + 4, pc=lambda h: (h.rs1 + h.imm) & BitVecVal((1 << XLEN) - 2, XLEN)),
    "beq": _branch(0b000, lambda h: h.rs1 == h.rs2),
    "bne": _branch(0b001, lambda h: h.rs1 != h.rs2),
    "blt": _branch(0b100, lambda h: h.rs1 < h.rs2),
    "bge": _branch(0b101, lambda h: h.rs1 >= h.rs2),
    "bltu": _branch(0b110, lambda h: ULT(h.rs1, h.rs2)),
    "bgeu": _branch(0b111, lambda h: UGE(h.rs1, h.rs2)),
    "lb": _load(0b000, 1, lambda h: SignExt(24, h.loaded(1))),
    "lh": _load(0b001, 2, lambda h: SignExt(16, h.loaded(2))),
    "lw": _load(0b010, 4, lambda h: h.word),
    "lbu": _load(0b100, 1, lambda h: ZeroExt(24, h.loaded(1))),
    "lhu": _load(0b101, 2, lambda h: ZeroExt(16, h.loaded(2))),
    "sb": _store(0b000, 1),
    "sh": _store(0b001, 2),
    "sw": _store(0b010, 4),
    "addi": _immediate(0b000, lambda h: h.rs1 + h.imm),
    "slti": _immediate(0b010, lambda h: _bit(h.rs1 < h.imm)),
    "sltiu": _immediate(0b011, lambda h: _bit(ULT(h.rs1, h.imm))),
    "xori": _immediate(0b100, lambda h: h.rs1 ^ h.imm),
    "ori": _immediate(0b110, lambda h: h.rs1 | h.imm),
    "andi": _immediate(0b111, lambda h: h.rs1 & h.imm),
    "slli": _shift(0b001, 0b0000000, lambda h: h.rs1 << h.imm),
    "srli": _shift(0b101, 0b0000000, lambda h: LShR(h.rs1, h.imm)),
    "srai": _shift(0b101, 0b0100000, lambda h: h.rs1 >> h.imm),
    "add": _register(0b000, 0b0000000, lambda h: h.rs1 + h.rs2),
    "sub": _register(0b000, 0b0100000, lambda h: h.rs1 - h.rs2),
    "sll": _register(0b001, 0b0000000, lambda h: h.rs1 << _amount(h.rs2)),
    "slt": _register(0b010, 0b0000000, lambda h: _bit(h.rs1 < h.rs2)),
    "sltu": _register(0b011, 0b0000000, lambda h: _bit(ULT(h.rs1, h.rs2))),
    "xor": _register(0b100, 0b0000000, lambda h: h.rs1 ^ h.rs2),
    "srl": _register(0b101, 0b0000000, lambda h: LShR(h.rs1, _amount(h.rs2))),
    "sra": _register(0b101, 0b0100000, lambda h: h.rs1 >> _amount(h.rs2)),
    "or": _register(0b110, 0b0000000, lambda h: h.rs1 | h.rs2),
    "and": _register(0b111, 0b0000000, lambda h: h.rs1 & h.rs2),
    "fence": Instruction("fence", 0b0001111),
    "ecall": Instruction("ecall", 0b1110011),
    **{
        name: _register(funct3, 0b0000001)
        for funct3, name in enumerate(("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"))
    },
}
PRODUCTS: Final = ("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")
