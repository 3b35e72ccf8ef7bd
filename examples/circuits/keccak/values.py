"""The values of the circuit for a message of 32 bytes, as JSON: python values.py TEXT > keccak.json"""

from __future__ import annotations

import json
import sys
from typing import Any

ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14]
LANE = (1 << 64) - 1
MESSAGE = 32


def constants() -> list[int]:
    """The constants of the rounds, from their shift register (FIPS 202, section 3.2.5)."""
    register, bits = 1, list[int]()
    for _ in range(24 * 7):
        bits.append(register & 1)
        register = register << 1 ^ (0x171 if register >> 7 else 0)
    return [sum(bits[7 * r + j] << (2**j - 1) for j in range(7)) for r in range(24)]


def keccak_round(lanes: list[int], constant: int) -> list[int]:
    """One round on 25 lanes, lane (x, y) at 5 y + x."""
    parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
    mixed = [lane ^ parity[(i + 4) % 5] ^ rotated(parity[(i + 1) % 5], 1) for i, lane in enumerate(lanes)]
    moved = [rotated(mixed[5 * x + (x + 3 * y) % 5], ROTATIONS[5 * x + (x + 3 * y) % 5]) for y in range(5) for x in range(5)]
    out = [moved[i] ^ (~moved[i // 5 * 5 + (i + 1) % 5] & moved[i // 5 * 5 + (i + 2) % 5]) for i in range(25)]
    return [out[0] ^ constant, *out[1:]]


def rotated(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & LANE


def limbs(lanes: list[int]) -> list[int]:
    """Numbers of 16 bits, the lowest of each lane first."""
    return [lane >> 16 * k & 0xFFFF for lane in lanes for k in range(4)]


def values(message: bytes) -> dict[str, dict[str, Any]]:
    """The rows of the rounds and of the message, and the claim."""
    block = message + b"\x06" + bytes(136 - len(message) - 2) + b"\x80"
    states = [[int.from_bytes(block[i : i + 8], "little") for i in range(0, 136, 8)] + [0] * 8]
    for constant in constants():
        states.append(keccak_round(states[-1], constant))
    bits = [[lane >> z & 1 for lane in lanes for z in range(64)] for lanes in states[:-1]]
    after = limbs(states[-1])
    given = {"real": 1, "message": [limbs(states[0])[:16]], "digest": [after[:16]], "rest": [after[16:]]}
    return {"permutation": given, "round": {"real": 1, "number": list(range(24)), "a": bits}, "claim": {"digest": after[:16]}}


if __name__ == "__main__":
    print(json.dumps(values(sys.argv[1].encode().ljust(MESSAGE)[:MESSAGE])))
