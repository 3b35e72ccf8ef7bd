"""Parameters of the proof system. They are absorbed by the transcript; a prover and a verifier refuse any that are not secure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkc.runtime.errors import InputError

PROTOCOL: Final = b"zkc stark v4: KoalaBear^6 (x^6 + x^3 + 1), BLAKE3"
MODULUS: Final = 2**31 - 2**24 + 1
DEGREE: Final = 6
GENERATOR: Final = 3
LOG_QUOTIENT: Final = 1
"""log2 of the rows that constraints of degree 3 are evaluated on, over the height."""
TWO_ADICITY: Final = 24
MIN_LOG_HEIGHT: Final = 7
MASKED: Final = 14
"""Of a column that is all rows, a mask has at most one coefficient for so many of them: what it adds to the degree is a part of it."""
THIN: Final = 3
"""Of one that is half rows and half room for its mask, one for so many of both: a constraint, divided by what it vanishes on, is then of
a degree below twice the height.
"""
MIN_LOG_FINAL: Final = 3
MAX_LOG_HEIGHT: Final = 22
MAX_LOG_BLOWUP: Final = 4
SALT_WORDS: Final = 5
"""Field elements of a salt: 150 bits of entropy at least."""
LOG_SECOND: Final = 10
"""log2 of the points of a second coset: it tells what masks add to a quotient, of degree below 3 masks."""
MAX_MASKS: Final = 2**LOG_SECOND // 3
LOG_FIXED_TOP: Final = 13
"""log2 of the nodes of the tree of fixed columns that the circuit comes with: paths end there. They save 40 kB of a proof."""
SECURITY_BITS: Final = 128
UNIQUE_DECODING: Final = 0
"""The regime of parameters that have 128 provable bits within the unique-decoding radius."""
JOHNSON: Final = 1
"""The regime of those that have them up to the Johnson radius only, by BCHKS25, a preprint: a verifier takes them if it is told to."""
REGIME_NAMES: Final[dict[int, str]] = {UNIQUE_DECODING: "unique decoding", JOHNSON: "Johnson radius"}


@dataclass(frozen=True)
class Parameters:
    """What may vary without a change of code.

    queries: number t of query positions. grinding: zero bits the prover finds before they are drawn. log_fold: log2 of the arity of a
    FRI fold. log_final: least log2 of the coefficients of the final polynomial. log_blowup: log2 of the extended rows for each row.
    masks: random coefficients in the mask of a column, twice as many in the accumulator's; 0 hides nothing. See docs/rationale/hiding.md.
    regime: what the number of queries rests on, UNIQUE_DECODING or JOHNSON; `security.require_secure` asks for 128 bits there.
    """

    queries: int = 261
    grinding: int = 20
    log_fold: int = 3
    log_final: int = 7
    log_blowup: int = 1
    masks: int = 0
    regime: int = UNIQUE_DECODING

    def __post_init__(self) -> None:
        if not (1 <= self.queries <= 4096 and 0 <= self.grinding <= 32):
            raise InputError(f"parameters out of range: {self.queries} queries, {self.grinding} bits of grinding")
        if not (1 <= self.log_fold <= 4 and MIN_LOG_FINAL <= self.log_final <= MIN_LOG_HEIGHT):
            raise InputError(f"parameters out of range: fold 2^{self.log_fold}, final polynomial 2^{self.log_final}")
        if not LOG_QUOTIENT <= self.log_blowup <= MAX_LOG_BLOWUP:
            raise InputError(f"parameters out of range: blow-up 2^{self.log_blowup}")
        if not 0 <= self.masks <= MAX_MASKS or (self.masks and self.log_final < MIN_LOG_HEIGHT):
            raise InputError(f"parameters out of range: {self.masks} coefficients of a mask, final polynomial 2^{self.log_final}")
        if self.regime not in REGIME_NAMES:
            raise InputError(f"parameters out of range: regime {self.regime}")

    @property
    def max_log_height(self) -> int:
        """log2 of the greatest height of a table: the extended domain must exist."""
        return min(MAX_LOG_HEIGHT, TWO_ADICITY - self.log_blowup)

    @property
    def min_log_height(self) -> int:
        """log2 of the least height of a part."""
        return max(MIN_LOG_HEIGHT, (THIN * self.masks - 1).bit_length())

    @property
    def full_log_height(self) -> int:
        """log2 of the least height of a part that is all rows; lower ones are thin. The greatest is above it if there are masks: that of
        the accumulator is twice as long.
        """
        return max(MIN_LOG_HEIGHT, (MASKED * self.masks - 1).bit_length())

    def height(self, rows: int) -> int:
        """The height of a table with so many rows, a sum of powers of two: rows of thin parts count twice."""
        return rows + rows % (1 << self.full_log_height)

    @property
    def excess(self) -> int:
        """By how many parts of n / 2^7 the degree of a stacked polynomial may exceed n, for the masks."""
        return -(-(self.masks << MIN_LOG_HEIGHT) >> self.full_log_height)

    def encode(self) -> bytes:
        """Every parameter, fixed ones too, in a fixed order, as the transcript absorbs them (little-endian 32-bit words)."""
        words = (MODULUS, DEGREE, GENERATOR, self.log_blowup, self.queries, self.grinding, self.log_fold, self.log_final)
        return b"".join(word.to_bytes(4, "little") for word in (*words, self.masks, self.regime))


def second_coset(log_height: int) -> tuple[int, int]:
    """Points R and shift t of the second coset of that height m, t <w_R>: 2^10, at least sqrt(m) as transforms want it, or m.

    It meets no domain of that height: t^2m is 3^(2^24).
    """
    return 1 << min(log_height, max(LOG_SECOND, (log_height + 1) // 2)), pow(shift(log_height), 2, MODULUS)


def shift(log_height: int) -> int:
    """3^(2^(22 - log_height)), canonical: the extended domain of that height is the coset of this. Lifting maps one onto the next."""
    return pow(GENERATOR, 1 << (MAX_LOG_HEIGHT - log_height), MODULUS)


DEFAULT: Final = Parameters()
SMALL: Final = Parameters(queries=80, log_blowup=3, regime=JOHNSON)
"""Fewer bytes for more work and memory, and for a weaker foundation; segments of at most 2^21 rows.

So many queries that 128 bits remain with the constant of BCHKS25 as printed; as corrected by its authors, 76 would do.
"""
HIDING: Final = Parameters(queries=286, masks=DEGREE + 286)
"""As DEFAULT, and a proof tells nothing of the traces but their heights: a mask has a coefficient for all that is opened of a column."""
SMALL_HIDING: Final = Parameters(queries=82, log_blowup=3, masks=DEGREE + 82, regime=JOHNSON)
PARAMETER_SETS: Final[dict[int, Parameters]] = {0: DEFAULT, 1: SMALL, 2: HIDING, 3: SMALL_HIDING}
"""What a receipt may name, by number. A verifier knows these and takes no others, whatever a receipt says."""
STANDARD_SET: Final = 2
"""What is proven with unless something else is asked for."""
