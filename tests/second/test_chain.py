"""What holds the segments of a receipt together, without proofs: they bind claims so well that a missing check of the chain would not show.

Both verifiers take every proof here, and must agree about claims, journal, image ID and exit code. Some changes are accepted, by both.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

import pytest

from examples.verifier import receipt as second
from examples.verifier.circuit import Circuit
from examples.verifier.refused import Refused
from tests.second.support import circuit
from zkc import api
from zkc.runtime.errors import ZkcError
from zkc.runtime.memory.image import Digest
from zkc.runtime.memory.map import MemoryMap
from zkc.runtime.receipts.claims import Claim, ClaimLayout, journal_state
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt, verify_receipt

P = 2**31 - 2**24 + 1
PARTS = (b"", b"a journal", b", longer than one block of the sponge, and than two of them", b".")
JOURNAL = b"".join(PARTS)
EXIT_CODE = 0x8000_0007
CIRCUIT = circuit()
IDS = [tuple(1000 * i + j for j in range(8)) for i in range(len(PARTS) + 1)]


remembered_state = lru_cache(second.journal_state)


@pytest.fixture(autouse=True)
def any_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "check_proof", lambda *_: None)
    monkeypatch.setattr(second, "journal_state", lambda journal, _: remembered_state(journal, CIRCUIT))


@cache
def state(journal: bytes) -> tuple[int, ...]:
    machine = api.machine()
    return journal_state(journal, MemoryMap.from_constants(machine.circuit.constants), machine.hasher)


def honest_claims() -> list[Claim]:
    states, last = [state(b"".join(PARTS[:i])) for i in range(len(PARTS) + 1)], len(PARTS) - 1
    return [
        Claim(i, i == 0, i == last, IDS[i], IDS[i + 1], EXIT_CODE if i == last else 0, states[i], states[i + 1]) for i in range(len(PARTS))
    ]  # fmt: skip


def receipt(claims: list[Claim]) -> Receipt:
    machine = api.machine()
    layout = ClaimLayout(machine.circuit)
    return Receipt(machine.circuit.digest, IDS[0], tuple(SegmentReceipt(layout.encode(claim), b"") for claim in claims), JOURNAL, EXIT_CODE)


HONEST = receipt(honest_claims())


def accepted(bent: Receipt | bytes, *, image_id: Digest | None = IDS[0], **expected: bytes | int) -> bool:
    """Whether both accept the receipt for the honest image ID; they agree."""
    data, machine = bent if isinstance(bent, bytes) else bent.to_bytes(), api.machine()
    try:
        verify_receipt(machine.circuit, Receipt.from_bytes(data), machine.hasher, lambda *_: None, image_id=image_id, **expected)  # type: ignore[arg-type]
        first = None
    except ZkcError as error:
        first = error.message
    try:
        second.check_receipt(CIRCUIT, second.read_receipt(data), image_id=image_id, **expected)  # type: ignore[arg-type]
        other = None
    except Refused as refused:
        other = str(refused)
    assert (first is None) == (other is None), f"the verifiers disagree: zkc says {first}, the second one {other}"
    return first is None


def with_claim(number: int, row: tuple[int, ...]) -> Receipt:
    segments = list(HONEST.segments)
    segments[number] = replace(segments[number], claim=row)
    return replace(HONEST, segments=tuple(segments))


def test_an_honest_chain() -> None:
    assert accepted(HONEST, journal=JOURNAL, exit_code=EXIT_CODE) and accepted(HONEST, image_id=None)


def test_expectations() -> None:
    assert not accepted(HONEST, journal=b"") and not accepted(HONEST, exit_code=0) and not accepted(HONEST, image_id=IDS[1])


def test_every_value_of_every_claim() -> None:
    """Only what memory holds after the last segment is nobody's business here: its proof binds it."""
    names = CIRCUIT.claim.columns
    for number, segment in enumerate(HONEST.segments):
        for position, value in enumerate(segment.claim):
            for other in {0, 1, 2, value ^ 1, value + 1, 0xFFFF, 1 << 16, P - 1, P, P + value} - {value}:
                row = (*segment.claim[:position], other, *segment.claim[position + 1 :])
                free = number == len(PARTS) - 1 and names[position].startswith("post") and other < P
                assert accepted(with_claim(number, row)) == free, (number, names[position], other)


def test_limbs_that_overlap() -> None:
    """The low half holds bits of the high one, too: the word would be the same."""
    names, tried = CIRCUIT.claim.columns, 0
    for number, segment in enumerate(HONEST.segments):
        for position in (k for k, name in enumerate(names) if name.endswith(".lo")):
            low, high = segment.claim[position : position + 2]
            for halves in ((low | high << 16, high), (low | high << 16, 0)):
                if low < halves[0] < P:
                    row = (*segment.claim[:position], *halves, *segment.claim[position + 2 :])
                    assert not accepted(with_claim(number, row)), (number, names[position])
                    tried += 1
    assert tried > 20


def cuts() -> Iterator[tuple[str, Receipt]]:
    """The same change on both sides of a cut."""
    for number in range(1, len(PARTS)):
        claims = honest_claims()
        claims[number - 1], claims[number] = replace(claims[number - 1], post=IDS[-1]), replace(claims[number], pre=IDS[-1])
        yield f"memory at {number}", receipt(claims)
        claims, other = honest_claims(), state(b"other")
        claims[number - 1], claims[number] = replace(claims[number - 1], journal_after=other), replace(claims[number], journal_before=other)
        yield f"journal at {number}", receipt(claims)


@pytest.mark.parametrize("name", dict(cuts()))
def test_both_sides_of_a_cut_are_for_the_proofs(name: str) -> None:
    assert accepted(dict(cuts())[name])


def renumbered(claims: list[Claim]) -> list[Claim]:
    """As in a whole run: what is left is the order."""
    last = len(claims) - 1
    return [replace(c, index=i, first=i == 0, last=i == last, exit_code=EXIT_CODE if i == last else 0) for i, c in enumerate(claims)]


def test_other_chains() -> None:
    """Every chain of at most four of the segments, as they are and with the numbers of a whole run."""
    claims = honest_claims()
    for count in range(1, 5):
        for chosen in itertools.product(claims, repeat=count):
            honest = list(chosen) == claims
            assert accepted(receipt(list(chosen))) == honest
            assert accepted(receipt(renumbered(list(chosen)))) == honest


def test_two_ends() -> None:
    """Two things changed that belong together but for one check."""
    claims = honest_claims()
    assert not accepted(receipt([*claims[:1], replace(claims[1], exit_code=EXIT_CODE), *claims[2:]]))
    assert not accepted(receipt([replace(c, last=True) for c in claims]))
    assert not accepted(receipt([replace(c, first=True) for c in claims]))
    assert not accepted(receipt([replace(claims[0], pre=IDS[3]), *claims[1:]]))
    assert not accepted(receipt([replace(claims[0], journal_before=state(b"x")), *claims[1:]]))


def test_journals() -> None:
    """Both sponges, around whole blocks; and a receipt's journal that is not the claims'."""
    pick = random.Random(1)
    for length in [*range(100), 127, 128, 129, 1000]:
        journal = pick.randbytes(length)
        assert state(journal) == remembered_state(journal, CIRCUIT)
    for journal in (b"", JOURNAL[:-1], JOURNAL + b"\0", JOURNAL + bytes(32), JOURNAL[::-1]):
        assert not accepted(replace(HONEST, journal=journal))


def test_every_word_of_the_head() -> None:
    data = HONEST.to_bytes()
    end = 104 + len(JOURNAL) + 8
    for position, word in itertools.product(range(0, end, 2), (0, 1, 2, 3, 89, P - 1, P, 2**31, 2**32 - 1)):
        bent = data[:position] + word.to_bytes(4, "little") + data[position + 4 :]
        other_set = position == 20 and word in (1, 2, 3)  # which proofs are made with is for the proofs
        assert accepted(bent, accept_johnson=True) == (bent == data or other_set), (position, word)
        if other_set:
            assert accepted(bent) == (word == 2)  # the others rest on the Johnson radius
    for length in range(0, len(data), 7):
        assert not accepted(data[:length])
    assert not accepted(data + b"\0")


UNKNOWN = ("index", "first", "pre[3]", "exit_code.hi", "journal_after[16].lo")


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_circuit_with_other_claims(name: str) -> None:
    """A column of another name is a public value that no one would check."""
    columns = tuple("other" if column == name else column for column in CIRCUIT.claim.columns)
    other: Circuit = replace(CIRCUIT, claim=replace(CIRCUIT.claim, columns=columns))
    read = second.read_receipt(HONEST.to_bytes())
    with pytest.raises(Refused, match="column"):
        second.check_receipt(other, read)
    more = replace(CIRCUIT, claim=replace(CIRCUIT.claim, columns=(*CIRCUIT.claim.columns, "other")))
    longer = replace(read, segments=[((*row, 0), proof) for row, proof in read.segments])
    with pytest.raises(Refused, match="unknown"):
        second.check_receipt(more, longer)
