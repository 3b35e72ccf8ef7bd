"""The extensions as terms of z3: written from the RISC-V manual (volume I, chapters "B", "Zicond" and "A"), and from nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

from z3 import UGE, ULT, BitVecSort, BitVecVal, Concat, Extract, Function, If, LShR, SignExt, ZeroExt

from tests.functional.riscv import XLEN, Instruction, Term

Words = Callable[[Any, Any], Any]


def _of_byte(name: str) -> Any:
    """A function of a byte that a fixed table has: `test_extensions.py` holds its rows against Python."""
    return Function(name, BitVecSort(8), BitVecSort(XLEN))


def _zeros(name: str, parts: list[Any]) -> Any:
    """How many bits are 0 before the first that is not; the bytes in this order."""
    count = _of_byte(name)
    rest: Any = BitVecVal(0, XLEN)
    for number in reversed(range(len(parts))):
        rest = If(parts[number] == 0, rest if number < len(parts) - 1 else BitVecVal(32, XLEN), 8 * number + count(parts[number]))
    return rest


def _ones(word: Any) -> Any:
    return reduce(lambda a, b: a + b, map(_of_byte("byte_ones"), _bytes(word)))


def _bytes(word: Any) -> list[Any]:
    """From the lowest."""
    return [Extract(8 * i + 7, 8 * i, word) for i in range(4)]


def _spread(word: Any) -> Any:
    return Concat(*[If(byte == 0, BitVecVal(0, 8), BitVecVal(255, 8)) for byte in reversed(_bytes(word))])


def _is_set(word: Any, place: Any) -> Any:
    return word << (BitVecVal(XLEN - 1, XLEN) - (place & 31)) < 0  # the bit is the sign there


def _extracted(word: Any, place: Any) -> Any:
    return If(_is_set(word, place), BitVecVal(1, XLEN), BitVecVal(0, XLEN))


def _to_the_right(word: Any, by: Any) -> Any:
    rest = (BitVecVal(XLEN, XLEN) - (by & 31)) & 31
    return If((by & 31) == 0, word, LShR(word, by & 31) + (word << rest))


def _to_the_left(word: Any, by: Any) -> Any:
    rest = (BitVecVal(XLEN, XLEN) - (by & 31)) & 31
    return If((by & 31) == 0, word, (word << (by & 31)) + LShR(word, rest))


def _register(funct3: int, funct7: int, of: Words) -> Instruction:
    return Instruction("R", 0b0110011, funct3, funct7, rd=lambda h: of(h.rs1, h.rs2))


def _shift(funct3: int, funct7: int, of: Words) -> Instruction:
    return Instruction("shift", 0b0010011, funct3, funct7, rd=lambda h: of(h.rs1, h.imm))


def _unary(funct3: int, function: int, of: Callable[[Any], Any], opcode: int = 0b0010011) -> Instruction:
    return Instruction("unary", opcode, funct3, function >> 5, rd=lambda h: of(h.rs1))


def _amo(of: Words) -> Instruction:
    change: Term = lambda h: of(h.word, h.rs2)  # noqa: E731
    return Instruction("amo", 0b0101111, 0b010, rd=lambda h: h.word, size=4, stores=True, change=change)


def _least(less: Words) -> Words:
    return lambda a, b: If(less(a, b), a, b)


EXTENDED: Final[Mapping[str, Instruction]] = {
    "sh1add": _register(0b010, 0b0010000, lambda a, b: (a << 1) + b),
    "sh2add": _register(0b100, 0b0010000, lambda a, b: (a << 2) + b),
    "sh3add": _register(0b110, 0b0010000, lambda a, b: (a << 3) + b),
    "andn": _register(0b111, 0b0100000, lambda a, b: a & ~b),
    "orn": _register(0b110, 0b0100000, lambda a, b: a | ~b),
    "xnor": _register(0b100, 0b0100000, lambda a, b: ~(a ^ b)),
    "clz": _unary(0b001, 0b011000000000, lambda a: _zeros("leading_zeros", _bytes(a)[::-1])),
    "ctz": _unary(0b001, 0b011000000001, lambda a: _zeros("trailing_zeros", _bytes(a))),
    "cpop": _unary(0b001, 0b011000000010, _ones),
    "min": _register(0b100, 0b0000101, _least(lambda a, b: a < b)),
    "minu": _register(0b101, 0b0000101, _least(ULT)),
    "max": _register(0b110, 0b0000101, _least(lambda a, b: a >= b)),
    "maxu": _register(0b111, 0b0000101, _least(UGE)),
    "sext.b": _unary(0b001, 0b011000000100, lambda a: SignExt(24, Extract(7, 0, a))),
    "sext.h": _unary(0b001, 0b011000000101, lambda a: SignExt(16, Extract(15, 0, a))),
    "zext.h": _unary(0b100, 0b000010000000, lambda a: ZeroExt(16, Extract(15, 0, a)), 0b0110011),
    "rol": _register(0b001, 0b0110000, _to_the_left),
    "ror": _register(0b101, 0b0110000, _to_the_right),
    "rori": _shift(0b101, 0b0110000, _to_the_right),
    "rev8": _unary(0b101, 0b011010011000, lambda a: Concat(*_bytes(a))),
    "orc.b": _unary(0b101, 0b001010000111, _spread),
    "bext": _register(0b101, 0b0100100, _extracted),
    "bexti": _shift(0b101, 0b0100100, _extracted),
    "czero.eqz": _register(0b101, 0b0000111, lambda a, b: If(b == 0, BitVecVal(0, XLEN), a)),
    "czero.nez": _register(0b111, 0b0000111, lambda a, b: If(b == 0, a, BitVecVal(0, XLEN))),
    "amoswap.w": _amo(lambda a, b: b),
    "amoadd.w": _amo(lambda a, b: a + b),
    "amoxor.w": _amo(lambda a, b: a ^ b),
    "amoand.w": _amo(lambda a, b: a & b),
    "amoor.w": _amo(lambda a, b: a | b),
    "amomin.w": _amo(_least(lambda a, b: a < b)),
    "amomax.w": _amo(_least(lambda a, b: a >= b)),
    "amominu.w": _amo(_least(ULT)),
    "amomaxu.w": _amo(_least(UGE)),
}
TESTED: Final = frozenset({"lr.w", "sc.w", *(f"b{what}{i}" for what in ("clr", "inv", "set") for i in ("", "i"))})
"""What is not said here: Zalrsc has a state of its own, and z3 is slow about single bits that change. `tests/extension` executes them."""
