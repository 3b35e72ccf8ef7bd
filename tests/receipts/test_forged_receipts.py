"""Real receipts, bent in every way a forger might try: none verifies, none crashes the verifier."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import zkc
from zkc.runtime.errors import ZkcError
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt
from zkc.runtime.stark.parameters import PARAMETER_SETS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "tests/guests/pages.elf"
CALLS = ROOT / "tests/guests/calls.elf"
P = 2**31 - 2**24 + 1


@cache
def receipt_of(program: Path, segment_limit: int | None = None) -> Receipt:
    """A proven run; made once per test process."""
    return Receipt.from_bytes(zkc.prove(program, b"", segment_limit=segment_limit).receipt)


def in_parts() -> Receipt:
    """A run of several segments."""
    honest = receipt_of(PAGES, 8)
    assert len(honest.segments) > 5
    return honest


def accepts(data: bytes, program: Path, **expected: object) -> bool:
    """True if the bytes verify; any other exception than an error for people escapes and fails the test."""
    try:
        zkc.verify(data, program=program, **expected)  # type: ignore[arg-type]
    except ZkcError as error:
        assert error.status in (1, 2) and error.message
        return False
    return True


def test_honest_receipts_verify() -> None:
    assert accepts(in_parts().to_bytes(), PAGES)
    assert accepts(receipt_of(CALLS).to_bytes(), CALLS)


def test_a_receipt_of_another_program_is_refused() -> None:
    assert not accepts(receipt_of(CALLS).to_bytes(), PAGES)


Change = Callable[[tuple[SegmentReceipt, ...]], Iterable[SegmentReceipt]]
CHAINS: dict[str, Change] = {
    "first dropped": lambda s: s[1:],
    "middle dropped": lambda s: s[:2] + s[3:],
    "last dropped": lambda s: s[:-1],
    "only the last": lambda s: s[-1:],
    "one repeated": lambda s: s[:2] + s[1:],
    "last repeated": lambda s: (*s, s[-1]),
    "two swapped": lambda s: (s[0], s[2], s[1], *s[3:]),
    "reversed": lambda s: s[::-1],
    "one of another program": lambda s: (*s[:2], receipt_of(CALLS).segments[0], *s[3:]),
    "another program appended": lambda s: (*s, *receipt_of(CALLS).segments),
    "another program in front": lambda s: (*receipt_of(CALLS).segments, *s),
    "proofs exchanged": lambda s: (replace(s[0], proof=s[1].proof), replace(s[1], proof=s[0].proof), *s[2:]),
    "claims exchanged": lambda s: (replace(s[0], claim=s[1].claim), replace(s[1], claim=s[0].claim), *s[2:]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chain(name: str) -> None:
    honest = in_parts()
    forged = replace(honest, segments=tuple(CHAINS[name](honest.segments)))
    assert not accepts(forged.to_bytes(), PAGES)


def _renumbered(segments: tuple[SegmentReceipt, ...], columns: list[str]) -> tuple[SegmentReceipt, ...]:
    """The segments with index, first and last as a complete run would have them."""
    out: list[SegmentReceipt] = []
    for number, segment in enumerate(segments):
        claim = list(segment.claim)
        claim[columns.index("index")] = number
        claim[columns.index("first")] = int(number == 0)
        claim[columns.index("last")] = int(number == len(segments) - 1)
        out.append(replace(segment, claim=tuple(claim)))
    return tuple(out)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_partial_run_claimed_complete(count: int) -> None:
    honest = in_parts()
    columns = list(zkc.compile().circuit.claim.columns)
    forged = replace(honest, segments=_renumbered(honest.segments[:count], columns))
    assert not accepts(forged.to_bytes(), PAGES)


def test_every_value_of_a_claim_is_bound() -> None:
    """M-rows of the link between segments: no value of the only claim may change, alone."""
    honest = receipt_of(CALLS)
    (segment,) = honest.segments
    for position in range(len(segment.claim)):
        claim = list(segment.claim)
        claim[position] = (claim[position] + 1) % P
        forged = replace(honest, segments=(replace(segment, claim=tuple(claim)),))
        assert not accepts(forged.to_bytes(), CALLS), zkc.compile().circuit.claim.columns[position]


def test_journal_and_exit_code_are_bound() -> None:
    honest = receipt_of(CALLS)
    for journal in {honest.journal + b"\0", honest.journal[:-1], bytes(b ^ 1 for b in honest.journal)} - {honest.journal}:
        assert not accepts(replace(honest, journal=journal).to_bytes(), CALLS)
    assert not accepts(replace(honest, exit_code=honest.exit_code ^ 1).to_bytes(), CALLS)
    assert not accepts(honest.to_bytes(), CALLS, exit_code=honest.exit_code + 1)
    assert not accepts(honest.to_bytes(), CALLS, journal=honest.journal + b"?")


def test_header_is_bound() -> None:
    honest = receipt_of(CALLS)
    assert not accepts(replace(honest, circuit_digest=bytes(32)).to_bytes(), CALLS)
    assert not accepts(replace(honest, image_id=(1, *honest.image_id[1:])).to_bytes(), CALLS)


def test_parameters_are_not_the_receipts_to_choose() -> None:
    """A proof made with one set is none with another, and there are no others than those the verifier knows."""
    honest = receipt_of(CALLS)
    assert honest.parameter_set == 2
    for other in (0, 1, 3, 4, 2**31):
        assert not accepts(replace(honest, parameter_set=other).to_bytes(), CALLS, accept_johnson=True)


@pytest.mark.parametrize("number", PARAMETER_SETS)
def test_receipts_of_every_set_are_bound_to_it(number: int) -> None:
    """To its regime, too: a receipt that rests on the Johnson radius cannot be relabelled as one that does not, nor the other way."""
    small, hide = bool(number & 1), bool(number & 2)
    made = Receipt.from_bytes(zkc.prove(CALLS, b"", small=small, hide=hide).receipt)
    assert made.parameter_set == number and accepts(made.to_bytes(), CALLS, accept_johnson=True)
    for other in {*PARAMETER_SETS} - {number}:
        assert not accepts(replace(made, parameter_set=other).to_bytes(), CALLS, accept_johnson=True)
        assert not accepts(replace(made, parameter_set=other).to_bytes(), CALLS)
    assert accepts(made.to_bytes(), CALLS) != small
    assert made.proof_bytes < 0.6 * receipt_of(CALLS).proof_bytes or not small


def test_a_small_receipt_of_fibonacci_has_at_most_350_kb() -> None:
    folder = ROOT / "examples/fibonacci"
    proof = zkc.prove(folder / "fibonacci.elf", (folder / "input.bin").read_bytes(), small=True)
    assert len(proof.receipt) <= 350_000
    with pytest.raises(zkc.VerificationError, match="Johnson radius"):
        zkc.verify(proof.receipt, program=folder / "fibonacci.elf")
    verified = zkc.verify(proof.receipt, program=folder / "fibonacci.elf", accept_johnson=True)
    strength = verified.strength
    assert strength == proof.strength and verified.security_bits == proof.security_bits == strength.bits == strength.johnson
    assert 123.9 < strength.bits < 124 and 86 < strength.unique_decoding < 90 and strength.rests_on == "Johnson radius"


def test_truncated_and_extended() -> None:
    data = receipt_of(CALLS).to_bytes()
    for length in (0, 1, 7, 40, 100, len(data) // 2, len(data) - 1):
        assert not accepts(data[:length], CALLS)
    assert not accepts(data + b"\0", CALLS)
    assert not accepts(data + data, CALLS)


def test_lengths_that_lie() -> None:
    """Every 32-bit number of the header replaced by extremes: an error, in bounded time and memory."""
    data = receipt_of(CALLS).to_bytes()
    for position in range(0, 160, 4):
        for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            forged = data[:position] + struct.pack("<I", number) + data[position + 4 :]
            if forged != data:
                assert not accepts(forged, CALLS)


@pytest.mark.parametrize("seed", range(4))
def test_any_byte_changed(seed: int) -> None:
    """A sample of all bytes, one bit each; the head of the proof (roots, opened values) more densely."""
    data = receipt_of(CALLS).to_bytes()
    pick = random.Random(seed)
    for position in [*pick.sample(range(len(data)), 12), *pick.sample(range(4000), 6), *pick.sample(range(80_000), 6)]:
        forged = bytearray(data)
        forged[position] ^= 1 << pick.randrange(8)
        assert not accepts(bytes(forged), CALLS), position


def test_values_not_canonical() -> None:
    """F13: x + p in the place of x is refused, in claims and in proofs."""
    data = receipt_of(CALLS).to_bytes()
    words = list(struct.unpack_from(f"<{len(data) // 4}I", data))
    tried = 0
    for position, word in enumerate(words):
        if word + P < 2**32 and position > 60 and position % 9973 == 0:
            forged = data[: 4 * position] + struct.pack("<I", word + P) + data[4 * position + 4 :]
            assert not accepts(forged, CALLS)
            tried += 1
    assert tried > 8
