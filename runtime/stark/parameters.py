"""Parameters of the proof system. They are absorbed by the transcript; a prover and a verifier refuse any that are not secure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkc.runtime.errors import InputError

PROTOCOL: Final = b"zkc stark v1: KoalaBear^6 (x^6 + x^3 + 1), BLAKE3"
MODULUS: Final = 2**31 - 2**24 + 1
DEGREE: Final = 6
GENERATOR: Final = 3
LOG_BLOWUP: Final = 1
TWO_ADICITY: Final = 24
MIN_LOG_HEIGHT: Final = 7
MIN_LOG_FINAL: Final = 3
MAX_LOG_HEIGHT: Final = 22
SECURITY_BITS: Final = 128


@dataclass(frozen=True)
class Parameters:
    """What may vary without a change of code.

    queries: number t of query positions. grinding: zero bits the prover finds before they are drawn. log_fold: log2 of the arity of a
    FRI fold. log_final: log2 of the coefficients of the final polynomial. The blow-up is 2 throughout: constraints have degree 3.
    """

    queries: int = 261
    grinding: int = 20
    log_fold: int = 3
    log_final: int = 7

    def __post_init__(self) -> None:
        if not (1 <= self.queries <= 4096 and 0 <= self.grinding <= 32):
            raise InputError(f"parameters out of range: {self.queries} queries, {self.grinding} bits of grinding")
        if not (1 <= self.log_fold <= 4 and MIN_LOG_FINAL <= self.log_final <= MIN_LOG_HEIGHT):
            raise InputError(f"parameters out of range: fold 2^{self.log_fold}, final polynomial 2^{self.log_final}")

    def encode(self) -> bytes:
        """Every parameter, fixed ones too, in a fixed order, as the transcript absorbs them (little-endian 32-bit words)."""
        words = (MODULUS, DEGREE, GENERATOR, LOG_BLOWUP, self.queries, self.grinding, self.log_fold, self.log_final)
        return b"".join(word.to_bytes(4, "little") for word in words)


DEFAULT: Final = Parameters()
