"""Section 3, the transcript."""

from __future__ import annotations

import struct

from .blake3 import blake3
from .field import FROM_MONTGOMERY, Element, P

TAG = b"zkc stark v4: KoalaBear^6 (x^6 + x^3 + 1), BLAKE3"


class Transcript:
    def __init__(self) -> None:
        self.state = blake3(TAG)

    def absorb(self, label: bytes, data: bytes) -> None:
        self.state = blake3(b"zkc.absb" + struct.pack("<I", len(label)) + label + struct.pack("<Q", len(data)) + data + self.state)

    def element(self, label: bytes) -> Element:
        """Words mod 2^31, those below p, until there are six: Montgomery words."""
        found, counter = list[int](), 0
        while len(found) < 6:
            found += [word & 0x7FFFFFFF for word in self._block(label, counter) if word & 0x7FFFFFFF < P]
            counter += 1
        self._advance(label)
        a, b, c, d, e, f = (word * FROM_MONTGOMERY % P for word in found[:6])
        return (a, b, c, d, e, f)

    def positions(self, label: bytes, count: int, log_size: int) -> list[int]:
        """Words mod 2^log_size."""
        words = [word for counter in range(-(-count // 8)) for word in self._block(label, counter)]
        self._advance(label)
        return [word % (1 << log_size) for word in words[:count]]

    def work(self, nonce: int) -> int:
        return int.from_bytes(blake3(b"zkc.pow." + self.state + struct.pack("<Q", nonce))[:4], "little")

    def _block(self, label: bytes, counter: int) -> tuple[int, ...]:
        """Eight words."""
        seed = b"zkc.sqez" + self.state + struct.pack("<I", len(label)) + label + struct.pack("<Q", counter)
        return struct.unpack("<8I", blake3(seed))

    def _advance(self, label: bytes) -> None:
        self.state = blake3(b"zkc.next" + self.state + label)
