"""Names that the language knows: of what it has before anything is declared, and of declarations that it asks for."""

from __future__ import annotations

BUILT_IN_TYPES = ("felt", "bit")
WORD = "u32"
"""The struct of the word that `decode` takes, and of immediates that are words: declared as two halves of 16 bits."""
AT = "at"
"""The address of an instruction, as `insn.at`: its pc, but for an instruction that is fetched for its step alone."""
RANGE = "range"
"""The fixed table of (bits, v), v < 2^bits, that columns of types with 2^bits values are looked up in."""
DIVISIONS = ("divide_unsigned", "remainder_unsigned", "divide_signed", "remainder_signed")
BUILT_IN_CALLS = ("column", "sum", "slice", "is", "inverse", *DIVISIONS)
