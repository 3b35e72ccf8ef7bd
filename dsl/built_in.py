"""Names that the language has before anything is declared."""

from __future__ import annotations

BUILT_IN_TYPES = ("felt", "bit")
DIVISIONS = ("divide_unsigned", "remainder_unsigned", "divide_signed", "remainder_signed")
BUILT_IN_CALLS = ("column", "sum", "slice", "is", "inverse", *DIVISIONS)
