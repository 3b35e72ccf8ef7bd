"""What a segment claims, and the journal's sponge: the public values of a proof, with names.

The claim of a segment is one row of public field elements. Its columns have names that the circuit and this file agree on: `index`,
`first`, `last`, `pre[i]`, `post[i]`, `exit_code.lo`, `exit_code.hi`, `journal_before[i].lo`, … Part of the verifier: no value is trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import VerificationError, ZkcError
from zkc.runtime.field.koalabear import P
from zkc.runtime.memory.image import Digest
from zkc.runtime.memory.map import WORD_BYTES, MemoryMap

LIMB_BITS = 16


class JournalSponge(Protocol):
    """How the journal is absorbed: for each block overwrite the rate with it and permute; return the new capacity."""

    def absorb(self, capacity: npt.NDArray[np.uint32], limbs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """`uint32[digest_words]` canonical, `uint32[n][2 * digest_words]` of 16 bits each -> `uint32[digest_words]` canonical."""
        ...


@dataclass(frozen=True)
class Claim:
    """The state before a segment leads to the state after it. Journal states are words: capacity, buffer, bytes in the buffer.

    `exit_code` is 0 <= exit_code < 2^32, and 0 unless `last`.
    """

    index: int
    first: bool
    last: bool
    pre: Digest
    post: Digest
    exit_code: int
    journal_before: tuple[int, ...]
    journal_after: tuple[int, ...]


class ClaimLayout:
    """Where the values of a `Claim` stand in the claim row of a circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._digest_words = MemoryMap.from_constants(circuit.constants).digest_words
        self.columns = circuit.claim.columns
        expected = column_names(self._digest_words)
        if sorted(self.columns) != sorted(expected):
            missing, unknown = sorted({*expected} - {*self.columns}), sorted({*self.columns} - {*expected})
            # An unknown public value would be one that no one checks.
            raise ZkcError(
                "the claim of the circuit is not the claim of a segment",
                where=f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}",
                hint="the claim in the .circ file and runtime/receipts/claims.py must name the same values",
            )
        self._position = {name: position for position, name in enumerate(self.columns)}

    def decode(self, values: Sequence[int]) -> Claim:
        """The claim in a row of values; a `VerificationError` if any is out of its range."""
        if len(values) != len(self.columns):
            raise VerificationError(f"a claim has {len(values)} values, the circuit has {len(self.columns)}")
        if not all(0 <= value < P for value in values):
            raise VerificationError("a claim has a value that is not a canonical field element")
        return Claim(
            index=self._value(values, "index"),
            first=self._bit(values, "first"),
            last=self._bit(values, "last"),
            pre=self._digest(values, "pre"),
            post=self._digest(values, "post"),
            exit_code=self._word(values, "exit_code"),
            journal_before=self._words(values, "journal_before"),
            journal_after=self._words(values, "journal_after"),
        )

    def encode(self, claim: Claim) -> tuple[int, ...]:
        """The row of values of a claim: the inverse of `decode`."""
        values = {"index": claim.index, "first": int(claim.first), "last": int(claim.last), **_limbs("exit_code", claim.exit_code)}
        for name, digest in (("pre", claim.pre), ("post", claim.post)):
            values |= {f"{name}[{i}]": element for i, element in enumerate(digest)}
        for name, words in (("journal_before", claim.journal_before), ("journal_after", claim.journal_after)):
            for i, word in enumerate(words):
                values |= _limbs(f"{name}[{i}]", word)
        return tuple(values[name] for name in self.columns)

    def _value(self, values: Sequence[int], name: str) -> int:
        return int(values[self._position[name]])

    def _bit(self, values: Sequence[int], name: str) -> bool:
        value = self._value(values, name)
        if value > 1:
            raise VerificationError(f"the value `{name}` of a claim is {value}, not 0 or 1")
        return bool(value)

    def _digest(self, values: Sequence[int], name: str) -> Digest:
        return tuple(self._value(values, f"{name}[{i}]") for i in range(self._digest_words))

    def _word(self, values: Sequence[int], name: str) -> int:
        low, high = (self._value(values, f"{name}.{limb}") for limb in ("lo", "hi"))
        if max(low, high) >> LIMB_BITS:
            raise VerificationError(f"the value `{name}` of a claim has a limb of more than {LIMB_BITS} bits")
        return low | high << LIMB_BITS

    def _words(self, values: Sequence[int], name: str) -> tuple[int, ...]:
        return tuple(self._word(values, f"{name}[{i}]") for i in range(2 * self._digest_words + 1))


def journal_state(journal: bytes, memory_map: MemoryMap, sponge: JournalSponge) -> tuple[int, ...]:
    """The journal's words in the system page after exactly `journal` was written: capacity, buffer, bytes in the buffer.

    A full buffer is absorbed only when a further byte comes: after n > 0 bytes ceil(n / block) - 1 blocks are absorbed and the rest, 1 to
    `block` bytes, lies in the buffer, followed by zeros.
    """
    words = memory_map.digest_words
    block = words * WORD_BYTES
    absorbed = max(0, -(-len(journal) // block) - 1) * block
    capacity = np.zeros(words, np.uint32)
    capacity[0] = memory_map.tag_journal
    limbs = np.frombuffer(journal, "<u2", count=absorbed // 2).astype(np.uint32)
    capacity = sponge.absorb(capacity, limbs.reshape(-1, 2 * words))
    buffer = np.frombuffer(journal[absorbed:].ljust(block, b"\0"), "<u4")
    return (*(int(element) for element in capacity), *(int(word) for word in buffer), len(journal) - absorbed)


def _limbs(name: str, word: int) -> dict[str, int]:
    return {f"{name}.lo": word & ((1 << LIMB_BITS) - 1), f"{name}.hi": word >> LIMB_BITS}


def column_names(digest_words: int) -> list[str]:
    """The names that a claim must have; their order is the circuit's."""
    digests = [f"{name}[{i}]" for name in ("pre", "post") for i in range(digest_words)]
    words = ["exit_code", *(f"{name}[{i}]" for name in ("journal_before", "journal_after") for i in range(2 * digest_words + 1))]
    return ["index", "first", "last", *digests, *(f"{word}.{limb}" for word in words for limb in ("lo", "hi"))]
