"""The journal as the runtime has it: words of the system page that are a sponge's capacity, a buffer of bytes, and how many are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from typing import Final

import numpy as np

from zkc.compiler.audit.honest import HonestRow
from zkc.compiler.audit.table import Circuit
from zkc.compiler.ir.operation import Operation
from zkc.runtime.circuit.expected import NEEDED_CONSTANTS
from zkc.runtime.field.koalabear import P
from zkc.runtime.hash.poseidon2 import Poseidon2, Poseidon2Parameters
from zkc.runtime.memory.map import WORD_BYTES, MemoryMap

PERFORM: Final = "journal"
"""What a step performs that hands bytes of memory to the host: where they begin, and how many they are."""
WORD_BITS: Final = 32
Absorbed = tuple[list[int], bytes]
"""The capacity after all full blocks, and the bytes that are left."""


class Journal:
    """What steps have to leave in its words, for a program that has them. first: the address of the first word."""

    def __init__(self, circuit: Circuit) -> None:
        self.constants = circuit.program.constants
        self.map = MemoryMap.from_constants(self.constants)  # type: ignore[arg-type]
        self.first = self.map.system_base // WORD_BYTES + self.map.word_journal_capacity
        self.block = self.map.digest_words * WORD_BYTES

    @classmethod
    def of(cls, circuit: Circuit) -> Journal | None:
        """None for a program that has no journal, or not the runtime's."""
        return cls(circuit) if circuit.program.constants.keys() >= NEEDED_CONSTANTS else None

    @cached_property
    def hasher(self) -> Poseidon2:
        return Poseidon2(Poseidon2Parameters.from_constants(self.constants))

    def made_up(self, random: Random, known: Mapping[int, int]) -> dict[int, int]:
        """The words by address, and those that are known: any capacity, and a buffer that is often full and zero beyond what it holds."""
        capacity = [random.randrange(P) for _ in range(self.map.digest_words)]
        any_fill = random.choice((0, self.block, random.randint(0, self.block)))
        fill = min(known.get(self.first + 2 * self.map.digest_words, any_fill), self.block)
        buffer = np.frombuffer(random.randbytes(fill).ljust(self.block, b"\0"), "<u4").tolist()
        return {**dict(enumerate((*capacity, *buffer, fill), self.first)), **known}

    def differs(self, honest: HonestRow) -> Operation | None:
        """What leaves another journal than the one that was made up with the bytes that the row hands to the host; None if they agree."""
        tokens, fixed = honest.memory.tokens, honest.memory.fixed
        addresses = range(self.first, self.first + 2 * self.map.digest_words + 1)
        before, after = [fixed[a] for a in addresses], [tokens[a][0] if a in tokens else fixed[a] for a in addresses]
        handed = self._bytes(honest, *honest.performed.get(PERFORM, (0, 0)))
        if self.absorbed(before, handed) == self.absorbed(after, b""):
            return None
        return next((honest.senders[a] for a in addresses if a in honest.senders), honest.senders[None])

    def _bytes(self, honest: HonestRow, start: int, count: int) -> bytes:
        """Those of the words that hold them, so that none is made up beside them."""
        first, lane = divmod(start, WORD_BYTES)
        words = [honest.memory.load(address)[0] for address in range(first, (start + count - 1) // WORD_BYTES + 1)]
        return np.array(words, "<u4").tobytes()[lane : lane + count]

    def absorbed(self, words: Sequence[int], more: bytes) -> Absorbed | None:
        """What words (capacity, buffer, how many bytes are in it) and further bytes come to. None if these words are no journal."""
        size = self.map.digest_words
        if max(words) >> WORD_BITS or max(words[:size]) >= P or words[-1] > self.block:
            return None
        capacity, buffer, fill = words[:size], np.array(words[size:-1], "<u4").tobytes(), words[-1]
        if any(buffer[fill:]):
            return None
        text = buffer[:fill] + more
        whole = len(text) // self.block * self.block
        limbs = np.frombuffer(text, "<u2", count=whole // 2).astype(np.uint32).reshape(-1, 2 * size)
        return self.hasher.absorb(np.array(capacity, np.uint32), limbs).tolist(), text[whole:]
