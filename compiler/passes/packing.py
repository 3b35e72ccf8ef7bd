"""How a decoded instruction is packed into 64 bits, and what the record of a traced row holds: where executor and filler agree.

A decoded instruction has its number in the lowest bits, its fields above, and its immediate in the upper half, or above the fields if they
reach into it. Each has bytes of its own if there are enough, so that an executor loads a field and not the word. What has no place is 0.

A record has the clock, the pc, the decoded instruction in two words, its address where a row has a use for it, then for each load the word
and its time with the mark above, then a word for each answer of the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zkc.compiler.dialects import integer
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Range, Value
from zkc.runtime.circuit.machine import OP_BITS
from zkc.runtime.execution.stamps import TIMES

ENTRY_BITS: Final = 64
HALF: Final = 32
BYTE: Final = 8
IMMEDIATE: Final = "imm"
"""The field that is put last: it may be negative."""
STATE: Final = ("clk", "pc")
HEADER: Final = 4
"""Words of the clock, the pc and the decoded instruction."""
LOAD_WORDS: Final = 2


class TooWide(Exception):
    """The fields of an instruction have more than 64 bits."""


@dataclass(frozen=True)
class Place:
    """Where a field is: its lowest bit, how many there are for it, and whether the uppermost is a sign."""

    low: int
    bits: int
    signed: bool


def pack(fields: Sequence[tuple[str, Range]]) -> dict[str, Place]:
    """The place of each field of an instruction, from its range. Raises TooWide."""
    try:
        return _packed(fields, BYTE)
    except TooWide:
        return _packed(fields, 1)


def _packed(fields: Sequence[tuple[str, Range]], unit: int) -> dict[str, Place]:
    """The same with so many bits, or a multiple of them, for each field."""
    places: dict[str, Place] = {}
    low = OP_BITS + -OP_BITS % unit
    for name, (least, most) in sorted(fields, key=lambda f: f[0] == IMMEDIATE):
        if (least, most) == (0, 0):
            continue
        if name == IMMEDIATE:
            low = max(low, HALF)
        bits = max(most.bit_length(), (-least - 1).bit_length() if least < 0 else 0) + (least < 0)
        if low + bits > ENTRY_BITS or (least < 0 and name != IMMEDIATE):
            raise TooWide(name)
        bits = ENTRY_BITS - low if name == IMMEDIATE else bits + -bits % unit
        places[name] = Place(low, bits, least < 0)
        low += bits
    return places


def time_and_mark(b: Builder, word: Value) -> tuple[Value, Value]:
    """What the second word of a load holds."""
    return integer.modulo(b, word, TIMES), integer.quotient(b, word, TIMES)
