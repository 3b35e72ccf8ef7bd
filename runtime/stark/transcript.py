"""The Fiat-Shamir transcript: a chain of BLAKE3 hashes. Prover and verifier run the same calls; equal challenges mean equal histories.

The state is 32 bytes. Absorbing hashes (tag, length-prefixed label, length-prefixed data, state), so that every message is framed and
named. Drawing hashes (tag, state, label, counter) into a stream of words and then moves the state on, so that no draw repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.hash.blake3 import hash_bytes
from zkc.runtime.stark.parameters import DEGREE, MODULUS, PROTOCOL

ABSORB: Final = b"zkc.absb"
SQUEEZE: Final = b"zkc.sqez"
RATCHET: Final = b"zkc.next"
GRIND: Final = b"zkc.pow."
BLOCK_WORDS: Final = 8

Hash = Callable[[bytes], bytes]


class Transcript:
    """A transcript over a prime below 2^31 with extension elements of `DEGREE` coefficients. `hash_` gives 32 bytes."""

    def __init__(self, modulus: int = MODULUS, hash_: Hash = hash_bytes) -> None:
        self.modulus = modulus
        self.hash = hash_
        self.state = hash_(PROTOCOL)

    def absorb(self, label: bytes, data: bytes) -> None:
        """Binds `data` of any length under `label`."""
        head = ABSORB + len(label).to_bytes(4, "little") + label + len(data).to_bytes(8, "little")
        self.state = self.hash(head + data + self.state)

    def element(self, label: bytes) -> npt.NDArray[np.uint32]:
        """A uniform extension element: `uint32[6]`, Montgomery words below p, by rejection of words drawn with as many bits as p."""
        mask = (1 << self.modulus.bit_length()) - 1
        stream = WordStream(self, label)
        found: list[int] = []
        while len(found) < DEGREE:
            word = stream.next() & mask
            if word < self.modulus:
                found.append(word)
        self.ratchet(label)
        return np.array(found, dtype=np.uint32)

    def indices(self, label: bytes, count: int, bits: int) -> npt.NDArray[np.int64]:
        """`count` independent uniform indices below 2^bits, bits <= 32; repetitions occur and count."""
        stream = WordStream(self, label)
        out = np.array([stream.next() & ((1 << bits) - 1) for _ in range(count)], dtype=np.int64)
        self.ratchet(label)
        return out

    def proof_of_work(self, nonce: int) -> int:
        """The 32-bit word that must end in zero bits for `nonce`, of 64 bits, to be accepted after what has been absorbed so far."""
        return int.from_bytes(self.hash(GRIND + self.state + nonce.to_bytes(8, "little"))[:4], "little")

    def ratchet(self, label: bytes) -> None:
        self.state = self.hash(RATCHET + self.state + label)


class WordStream:
    """32-bit words derived from the present state of a transcript under `label`."""

    def __init__(self, transcript: Transcript, label: bytes) -> None:
        self.hash = transcript.hash
        self.seed = SQUEEZE + transcript.state + len(label).to_bytes(4, "little") + label
        self.words: list[int] = []
        self.counter = 0

    def next(self) -> int:
        if not self.words:
            block = self.hash(self.seed + self.counter.to_bytes(8, "little"))
            self.words = [int.from_bytes(block[4 * i : 4 * i + 4], "little") for i in range(BLOCK_WORDS)][::-1]
            self.counter += 1
        return self.words.pop()
