"""Section 7: a receipt, the claims of its segments, and what holds them together."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .checks import check_proof
from .circuit import Circuit
from .field import P
from .parameters import JOHNSON, PARAMETER_SETS
from .poseidon2 import Digest, Poseidon2, halves
from .proof import Reader
from .refused import Refused, require

MAGIC, VERSION, KIND = b"zkc receipt\n", 4, 0
MAX_JOURNAL_BYTES, MAX_SEGMENTS, MAX_CLAIM_VALUES, MAX_PROOF_BYTES = 256 << 20, 1 << 16, 1 << 12, 64 << 20
BLOCK = 32
"""Bytes of the journal that are absorbed at a time."""


@dataclass(frozen=True)
class Receipt:
    """segments: claim and proof of each."""

    parameter_set: int
    circuit_digest: bytes
    image_id: Digest
    exit_code: int
    journal: bytes
    segments: list[tuple[tuple[int, ...], bytes]]


@dataclass(frozen=True)
class Claim:
    """Journal states are 17 words: capacity, buffer, bytes in the buffer."""

    index: int
    first: int
    last: int
    pre: Digest
    post: Digest
    exit_code: int
    journal_before: tuple[int, ...]
    journal_after: tuple[int, ...]


def read_receipt(data: bytes) -> Receipt:
    reader = Reader(data)

    def number(most: int = 2**32 - 1, least: int = 0) -> int:
        value = int.from_bytes(reader.take(4), "little")
        require(least <= value <= most, "a number of the receipt is out of its range")
        return value

    def values(count: int) -> tuple[int, ...]:
        found = struct.unpack(f"<{count}I", reader.take(4 * count))
        require(max(found) < P, "a value of the receipt is not below p")
        return found

    require(reader.take(len(MAGIC)) == MAGIC, "this is not a receipt")
    require(number() == VERSION, "a receipt of another version")
    require(number() == KIND, "a receipt of another kind")
    parameter_set = number()
    require(parameter_set in PARAMETER_SETS, "an unknown parameter set")
    digest, image_id, exit_code = reader.take(32), values(8), number()
    journal = reader.take(number(MAX_JOURNAL_BYTES))
    count, width = number(MAX_SEGMENTS, 1), number(MAX_CLAIM_VALUES, 1)
    segments = [(values(width), reader.take(number(MAX_PROOF_BYTES))) for _ in range(count)]
    require(reader.left == 0, "bytes follow the receipt")
    return Receipt(parameter_set, digest, image_id, exit_code, journal, segments)


def decode(circuit: Circuit, row: Sequence[int]) -> Claim:
    """The claim in a row of values; a column that has no name here would be a public value that no one checks."""
    names = circuit.claim.columns
    require(len(row) == len(names), "a claim has another number of values")
    left = dict(zip(names, row))

    def take(name: str, most: int = P) -> int:
        require(name in left, f"the claim has no column {name}")
        value = left.pop(name)
        require(value <= most, f"{name} is out of its range")
        return value

    def digest(name: str) -> Digest:
        return tuple(take(f"{name}[{i}]") for i in range(8))

    def word(name: str) -> int:
        return take(f"{name}.lo", 0xFFFF) | take(f"{name}.hi", 0xFFFF) << 16

    def state(name: str) -> tuple[int, ...]:
        return tuple(word(f"{name}[{i}]") for i in range(17))

    ends = take("index"), take("first", 1), take("last", 1), digest("pre"), digest("post"), word("exit_code")
    claim = Claim(*ends, state("journal_before"), state("journal_after"))
    require(not left, "the claim has columns that are unknown here")
    return claim


def journal_state(journal: bytes, circuit: Circuit) -> tuple[int, ...]:
    """Of n > 0 bytes ceil(n / 32) - 1 blocks are absorbed; what is left, 1 to 32 bytes, lies in the buffer, with zeros behind."""
    absorbed = max(0, -(-len(journal) // BLOCK) - 1) * BLOCK
    start = [circuit.constants["tag_journal"]] + [0] * 7
    words = struct.unpack(f"<{absorbed // 4}I", journal[:absorbed])
    blocks = [halves(words[i : i + 8]) for i in range(0, len(words), 8)]
    capacity = Poseidon2(circuit.constants).sponge(start, blocks)[16:]
    return (*capacity, *struct.unpack("<8I", journal[absorbed:].ljust(BLOCK, b"\0")), len(journal) - absorbed)


def check_receipt(
    circuit: Circuit,
    receipt: Receipt,
    *,
    image_id: Digest | None = None,
    journal: bytes | None = None,
    exit_code: int | None = None,
    accept_johnson: bool = False,
    segment_done: Callable[[int], None] = lambda number: None,
) -> None:
    """Refused unless the receipt proves a run of the program `image_id` with this journal and exit code (None: whichever it names).

    accept_johnson: whether the security of a proof may rest on the Johnson radius.
    """
    require(receipt.circuit_digest == circuit.digest, "the receipt was made with another circuit")
    require(image_id in (None, receipt.image_id), "the receipt is for another program")
    require(journal in (None, receipt.journal), "the journal is another one")
    require(exit_code in (None, receipt.exit_code), "the exit code is another one")
    parameters = PARAMETER_SETS[receipt.parameter_set]
    require(parameters.regime != JOHNSON or accept_johnson, "its security rests on the Johnson radius, which is not accepted")
    claims = [decode(circuit, row) for row, _ in receipt.segments]
    check_chain(claims, receipt, circuit)
    for number, (row, proof) in enumerate(receipt.segments):
        try:
            check_proof(circuit, row, proof, parameters)
        except Refused as refused:
            raise Refused(f"segment {number}: {refused}") from refused
        segment_done(number)
    # Last: the proofs do not bound how long the journal is.
    require(claims[-1].journal_after == journal_state(receipt.journal, circuit), "the run ends with another journal")


def check_chain(claims: Sequence[Claim], receipt: Receipt, circuit: Circuit) -> None:
    """Each segment starts where the one before it stopped; the ends are what the receipt says, but for the journal."""
    final = claims[-1]
    require(claims[0].pre == receipt.image_id, "the run does not start with the program's image")
    require(claims[0].journal_before == journal_state(b"", circuit), "the run does not start with an empty journal")
    require(final.exit_code == receipt.exit_code, "the run ends with another exit code")
    for number, claim in enumerate(claims):
        require(claim.index == number, f"segment {number} has another index")
        require(claim.first == int(number == 0), f"segment {number} is wrong about being the first")
        require(claim.last == int(number == len(claims) - 1), f"segment {number} is wrong about being the last")
        require(claim.last == 1 or claim.exit_code == 0, f"segment {number} has an exit code but is not the last")
    for before, after in pairwise(claims):
        require(before.post == after.pre, f"segment {after.index} does not start with the memory that the one before it left")
        require(before.journal_after == after.journal_before, f"segment {after.index} does not continue the journal")
