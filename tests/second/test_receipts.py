"""Receipts of examples/fibonacci, honest and bent: the second verifier, which follows docs/protocol.md, says what `zkc verify` says.

Each bent receipt is seen by both, and `refused` fails if they differ. Plain Python is slow: most of what is bent here is refused early, and
no hash is computed twice (`remember_hashes`).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import zkc
from examples.verifier import __main__ as program
from tests.second.support import (
    EXAMPLE,
    JOURNAL,
    PROGRAM,
    circuit,
    circuit_file,
    image_id,
    receipt_of,
    refused,
    remember_hashes,
    second_refuses,
)
from zkc.runtime.receipts.claims import ClaimLayout
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt

pytestmark = [pytest.mark.slow, pytest.mark.prove]
P = 2**31 - 2**24 + 1
SEGMENTS = 9
"""A limit that makes several segments."""
HEAD = 104 + len(JOURNAL)
"""Bytes before the number of segments: magic to journal."""


@pytest.fixture(autouse=True, scope="module")
def remembering() -> None:
    remember_hashes()


def parsed(segment_limit: int | None = None) -> Receipt:
    return Receipt.from_bytes(receipt_of(segment_limit))


def written(data: bytes, position: int, word: int) -> bytes:
    return data[:position] + struct.pack("<I", word) + data[position + 4 :]


def flipped(data: bytes, position: int, bit: int) -> bytes:
    out = bytearray(data)
    out[position] ^= 1 << bit
    return bytes(out)


def test_honest_receipts() -> None:
    assert refused(receipt_of(), journal=JOURNAL, exit_code=0) is None
    assert refused(receipt_of(SEGMENTS), journal=JOURNAL, exit_code=0) is None and len(parsed(SEGMENTS).segments) > 2
    assert refused(receipt_of(small=True), journal=JOURNAL, exit_code=0, accept_johnson=True) is None


def test_the_johnson_radius_is_accepted_by_choice() -> None:
    for hide in (False, True):
        assert "Johnson" in (refused(receipt_of(small=True, hide=hide)) or "")
        assert "Johnson" in (refused(receipt_of(small=True, hide=hide), accept_johnson=False) or "")
        assert refused(receipt_of(small=True, hide=hide), accept_johnson=True) is None


def test_expectations() -> None:
    assert "journal" in (refused(receipt_of(), journal=JOURNAL + b"\0") or "")
    assert "exit code" in (refused(receipt_of(), exit_code=1) or "")
    other = zkc.image_id(EXAMPLE.parent / "sieve" / "sieve.elf")
    assert "program" in (refused(receipt_of(), other) or "")
    assert "program" in (refused(receipt_of(), image_id()[:-1] + "0") or "")


Change = Callable[[list[SegmentReceipt]], list[SegmentReceipt]]
CHAINS: dict[str, Change] = {
    "first dropped": lambda s: s[1:],
    "last dropped": lambda s: s[:-1],
    "one dropped": lambda s: [s[0], *s[2:]],
    "one repeated": lambda s: [s[0], *s],
    "last repeated": lambda s: [*s, s[-1]],
    "swapped": lambda s: [s[1], s[0], *s[2:]],
    "reversed": lambda s: s[::-1],
    "proofs exchanged": lambda s: [replace(s[0], proof=s[1].proof), replace(s[1], proof=s[0].proof), *s[2:]],
    "claims exchanged": lambda s: [replace(s[0], claim=s[1].claim), replace(s[1], claim=s[0].claim), *s[2:]],
    "a proof of another run": lambda s: [*s[:-1], replace(s[-1], proof=parsed().segments[0].proof)],
    "a segment of another run": lambda s: [*s[:-1], parsed().segments[0]],
    "no proof": lambda s: [*s[:-1], replace(s[-1], proof=b"")],
    "a proof longer": lambda s: [*s[:-1], replace(s[-1], proof=s[-1].proof + b"\0")],
    "a word longer": lambda s: [*s[:-1], replace(s[-1], proof=s[-1].proof + bytes(4))],
    "a proof shorter": lambda s: [*s[:-1], replace(s[-1], proof=s[-1].proof[:-1])],
    "a hash shorter": lambda s: [*s[:-1], replace(s[-1], proof=s[-1].proof[:-32])],
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name: str) -> None:
    honest = parsed(SEGMENTS)
    assert refused(replace(honest, segments=tuple(CHAINS[name](list(honest.segments)))).to_bytes())


def test_every_value_of_a_claim() -> None:
    """Also where the chain says nothing and the proof alone binds it: what is after the last segment (test_chain.py has the others)."""
    honest = parsed()
    (segment,) = honest.segments
    for position, value in enumerate(segment.claim):
        claim = (*segment.claim[:position], (value + 1) % P, *segment.claim[position + 1 :])
        assert refused(replace(honest, segments=(replace(segment, claim=claim),)).to_bytes()), circuit().claim.columns[position]


def test_both_sides_of_a_cut() -> None:
    """Memory or journal at the cut between two segments, changed in both claims: only the proofs bind them."""
    honest, names = parsed(SEGMENTS), circuit().claim.columns
    layout = ClaimLayout(zkc.compile().circuit)
    first, second = (layout.decode(segment.claim) for segment in honest.segments[:2])
    pre = ((second.pre[0] + 1) % P, *second.pre[1:])
    journal = (*second.journal_before[:8], second.journal_before[8] ^ 1, *second.journal_before[9:])
    for left, right in (
        (replace(first, post=pre), replace(second, pre=pre)),
        (replace(first, journal_after=journal), replace(second, journal_before=journal)),
    ):
        claims = [layout.encode(left), layout.encode(right)]
        segments = [replace(segment, claim=claim) for segment, claim in zip(honest.segments, claims)]
        reason = refused(replace(honest, segments=(*segments, *honest.segments[2:])).to_bytes())
        assert reason is not None and reason.startswith("segment 0: "), (reason, names)


def test_words_of_the_head() -> None:
    """Every number before the proof, replaced by extremes: lengths, counts, set, version, kind, claim."""
    data = receipt_of()
    cases = [written(data, at, word) for at in range(0, HEAD + 8 + 4 * 89 + 4, 4) for word in (0, 1, P - 1, P, 2**31, 2**32 - 1)]
    tried = [case for case in cases if case != data]
    assert len(tried) > 600
    for case in tried:
        assert refused(case)


def test_a_receipt_of_another_parameter_set() -> None:
    """That of another regime, too, whatever the verifier accepts."""
    for accept in (False, True):
        for small, other in ((True, 2), (True, 1), (True, 0), (False, 3), (False, 1), (False, 0)):
            receipt = replace(Receipt.from_bytes(receipt_of(small=small)), parameter_set=other)
            assert refused(receipt.to_bytes(), accept_johnson=accept)
        plain = Receipt.from_bytes(receipt_of(small=True, hide=False))
        assert plain.parameter_set == 1 and refused(replace(plain, parameter_set=0).to_bytes(), accept_johnson=accept)


def places(data: bytes, seed: int) -> Iterator[int]:
    """Positions in a receipt: head and claim, heights, roots, opened values, and the openings of trees and layers, to the end."""
    pick = random.Random(seed)
    start = HEAD + 8 + 4 * 89 + 4
    roots = start + 4 * len(circuit().tables)
    opened = roots + 96
    ranges = ((0, start, 20), (start, roots, 10), (roots, opened, 10), (opened, opened + 100_000, 10), (start, len(data), 30))
    for low, high, count in ranges:
        yield from (pick.randrange(low, high) for _ in range(count))
    yield from (pick.randrange(len(data) - 20_000, len(data)) for _ in range(5))
    yield len(data) - 1


@pytest.mark.parametrize("small", [False, True])
def test_any_bit(small: bool) -> None:
    data, pick = receipt_of(small=small), random.Random(2)
    for position in places(data, seed=1 + small):
        assert refused(flipped(data, position, pick.randrange(8)), accept_johnson=True), position


def test_any_length() -> None:
    data, pick = receipt_of(), random.Random(3)
    for length in [*range(0, 120, 7), *(pick.randrange(len(data)) for _ in range(20)), len(data) - 1, len(data) - 32]:
        assert refused(data[:length]), length
    for position in (pick.randrange(len(data)) for _ in range(12)):
        assert refused(data[:position] + bytes(4) + data[position:]) and refused(data[:position] + data[position + 32 :])
    assert refused(data + b"\0") and refused(data + data)


def test_p_and_above_are_no_words() -> None:
    """x + p in the place of x, in image ID, claim, opened values, final polynomial, leaves and FRI layers; and p itself for a zero."""
    data, pick = receipt_of(), random.Random(4)
    words = struct.unpack_from(f"<{len(data) // 4}I", data)
    above = [k for k, word in enumerate(words) if word + P < 2**32 and 4 * k > HEAD]
    for k in (*range(14, 22), *pick.sample(above, 40)):
        if words[k] + P < 2**32:
            assert refused(written(data, 4 * k, words[k] + P)), k
    zeros = [k for k in range(14, HEAD // 4 + 2 + 89) if words[k] == 0]
    assert len(zeros) > 20
    for k in zeros:
        assert refused(written(data, 4 * k, P)), k


def test_the_command(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path_factory.mktemp("second")
    (folder / "circuit.json").write_bytes(circuit_file())
    (folder / "receipt").write_bytes(receipt_of())
    (folder / "bent").write_bytes(flipped(receipt_of(), HEAD + 500, 0))
    named = [str(folder / "circuit.json"), str(folder / "receipt")]
    journal = ["--journal", str(EXAMPLE / "expected.journal")]
    assert program.main([*named, "--elf", str(PROGRAM), *journal, "--exit-code", "0"]) == 0
    assert capsys.readouterr().out == f"yes: image ID {image_id()}, exit code 0, journal {JOURNAL.hex()}\n"
    assert program.main([*named, "--image-id", "00" * 32]) == 1 and "program" in capsys.readouterr().out
    assert program.main([*named, "--exit-code", "3"]) == 1 and "exit code" in capsys.readouterr().out
    assert program.main([*named, "--journal", str(PROGRAM)]) == 1 and "journal" in capsys.readouterr().out
    assert program.main([named[0], str(folder / "bent")]) == 1 and "no: " in capsys.readouterr().out
    assert program.main([named[0], str(folder / "none")]) == 2 and program.main([named[1], named[1]]) == 2
    assert program.main([*named, "--elf", named[0]]) == 2
    (folder / "small").write_bytes(receipt_of(small=True))
    small = [named[0], str(folder / "small"), "--image-id", image_id()]
    capsys.readouterr()
    assert program.main(small) == 1 and capsys.readouterr().out.startswith("no: its security rests on the Johnson radius")
    assert program.main([*small, "--accept-johnson"]) == 0
    assert capsys.readouterr().out.endswith(", up to the Johnson radius\n")


def test_a_circuit_that_differs_is_refused() -> None:
    """A verifier with another circuit, such as one constraint less, has another digest."""
    data = receipt_of()
    other = replace(circuit(), digest=bytes(32))
    assert second_refuses(data, image_id()) is None
    from examples.verifier.receipt import check_receipt, read_receipt
    from examples.verifier.refused import Refused

    with pytest.raises(Refused, match="circuit"):
        check_receipt(other, read_receipt(data))
