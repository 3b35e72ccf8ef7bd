"""Words in the system page that keep image IDs from telling what is in memory: without them a guess of the input can be checked.

A segment ends with four words of its own, pseudo-random under a secret key, that no program can read or write (`word_blind` of the
circuit). The image ID, a hash over memory with 128 unknown bits in it, then commits to the memory and hides it.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, field
from typing import Final

BLIND_WORDS: Final = 4
KEY_BYTES: Final = 32


@dataclass(frozen=True)
class Blinding:
    """The words of each segment of one run. key: 32 secret bytes."""

    key: bytes = field(repr=False)

    @staticmethod
    def fresh() -> Blinding:
        """With a key from the operating system."""
        return Blinding(os.urandom(KEY_BYTES))

    def words(self, segment: int) -> tuple[int, ...]:
        """Four words, below 2^32."""
        digest = hashlib.blake2b(segment.to_bytes(8, "little"), key=self.key, digest_size=4 * BLIND_WORDS, person=b"zkc blind").digest()
        return struct.unpack(f"<{BLIND_WORDS}I", digest)
