"""Receipts read back as written, refuse every other text, and hold only if every link of the chain does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine_runtime.plain_poseidon2 import PRIME, PlainHasher, permute
from tests.machine_runtime.support import CONSTANTS, MAP
from zkc.runtime.circuit.circuit import Circuit, Table
from zkc.runtime.errors import InputError, VerificationError, ZkcError
from zkc.runtime.limits import (
    MAX_CLAIM_VALUES,
    MAX_JOURNAL_BYTES,
    MAX_PROOF_BYTES,
    MAX_SEGMENTS,
    check_receipt_fits,
)
from zkc.runtime.memory.image import Digest
from zkc.runtime.receipts.claims import Claim, ClaimLayout, journal_state
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt, VerifiedReceipt, summary, verify_receipt
from zkc.runtime.stark.parameters import DEFAULT, PARAMETER_SETS, Parameters

SPONGE = PlainHasher()
COLUMNS = (
    "exit_code.lo", "exit_code.hi", "index", "first", "last", *(f"{name}[{i}]" for name in ("pre", "post") for i in range(8)),
    *(f"{name}[{i}].{limb}" for name in ("journal_before", "journal_after") for i in range(17) for limb in ("lo", "hi")),
)  # fmt: skip


def make_circuit(columns: tuple[str, ...] = COLUMNS) -> Circuit:
    claim = Table("claim", columns, np.zeros((0, 0), np.uint32), (), np.zeros((0, 3), np.int64), (), (), (), ())
    return Circuit(bytes(range(32)), (), (), claim, CONSTANTS)


CIRCUIT = make_circuit()
LAYOUT = ClaimLayout(CIRCUIT)
PARTS = (b"", b"a journal", b", longer than one block of the sponge ", b"")
JOURNAL = b"".join(PARTS)
IDS = [tuple(100 * i + j for j in range(8)) for i in range(len(PARTS) + 1)]
EXIT_CODE = 0x8000_0007


def honest_claims() -> list[Claim]:
    states = [journal_state(b"".join(PARTS[:i]), MAP, SPONGE) for i in range(len(PARTS) + 1)]
    final = len(PARTS) - 1
    return [
        Claim(i, i == 0, i == final, IDS[i], IDS[i + 1], EXIT_CODE if i == final else 0, states[i], states[i + 1])
        for i in range(len(PARTS))
    ]  # fmt: skip


def make_receipt(claims: list[Claim]) -> Receipt:
    segments = tuple(SegmentReceipt(LAYOUT.encode(claim), f"proof {i}".encode()) for i, claim in enumerate(claims))
    return Receipt(CIRCUIT.digest, IDS[0], segments, JOURNAL, EXIT_CODE)


HONEST = make_receipt(honest_claims())


class Proofs:
    """In place of the proof verifier: refuses the proof `false`, writes down the others."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[int, ...], bytes]] = []

    def verify(self, circuit: Circuit, claim: tuple[int, ...], proof: bytes, parameters: Parameters) -> None:
        assert circuit is CIRCUIT and parameters is DEFAULT
        if proof == b"nowhere":
            raise VerificationError("the proof does not hold")
        if proof == b"false":
            raise VerificationError("the proof does not hold", where="table cpu")
        self.seen.append((claim, proof))


def check(receipt: Receipt, proofs: Proofs | None = None, *, image_id: Digest | None = IDS[0], **expected: Any) -> VerifiedReceipt:
    return verify_receipt(CIRCUIT, receipt, SPONGE, (proofs or Proofs()).verify, image_id=image_id, **expected)


def test_an_honest_receipt() -> None:
    proofs = Proofs()
    verified = check(HONEST, proofs, journal=JOURNAL, exit_code=EXIT_CODE)
    assert (verified.image_id, verified.journal, verified.exit_code, verified.segments) == (IDS[0], JOURNAL, EXIT_CODE, 4)
    assert proofs.seen == [(segment.claim, segment.proof) for segment in HONEST.segments]
    assert check(HONEST, image_id=None) == verified


def changed(number: int, **values: object) -> Callable[[], Receipt]:
    def make() -> Receipt:
        claims = honest_claims()
        claims[number] = replace(claims[number], **values)  # type: ignore[arg-type]
        return make_receipt(claims)

    return make


def with_segments(*numbers: int, renumbered: bool = True) -> Callable[[], Receipt]:
    """Only these segments, in this order, and consistent in all that is not about order."""

    def make() -> Receipt:
        claims = [honest_claims()[number] for number in numbers]
        if renumbered:
            claims = [replace(claim, index=i) for i, claim in enumerate(claims)]
        return make_receipt(claims)

    return make


OTHER_ID = (1,) * 8
OTHER_JOURNAL = journal_state(b"other", MAP, SPONGE)
FORGED: dict[str, tuple[str, Callable[[], Receipt]]] = {
    "another machine": ("another machine", lambda: replace(HONEST, circuit_digest=bytes(32))),
    "another program": ("another program", lambda: replace(HONEST, image_id=OTHER_ID)),
    "another start, receipt says the right one": ("program's image", changed(0, pre=OTHER_ID)),
    "journal not the receipt's": ("another journal", changed(3, journal_after=OTHER_JOURNAL)),
    "journal begun before": ("empty journal", changed(0, journal_before=OTHER_JOURNAL)),
    "journal lost between": ("journal that the segment", changed(2, journal_before=OTHER_JOURNAL)),
    "journal one zero longer": ("another journal", lambda: replace(HONEST, journal=JOURNAL + b"\0")),
    "no segment": ("no segment", lambda: replace(HONEST, segments=())),
    "receipt's journal changed": ("another journal", lambda: replace(HONEST, journal=JOURNAL + b"x")),
    "memory changed between": ("memory that the segment", changed(2, pre=OTHER_ID)),
    "memory changed at the cut": ("memory that the segment", changed(1, post=OTHER_ID)),
    "receipt's exit code": ("another code", lambda: replace(HONEST, exit_code=0)),
    "claim's exit code": ("another code", changed(3, exit_code=0)),
    "exit code in the middle": ("exit code but is not the last", changed(1, exit_code=EXIT_CODE)),
    "index": ("claims to be segment 2", changed(1, index=2)),
    "first twice": ("being the first", changed(1, first=True)),
    "never first": ("being the first", changed(0, first=False)),
    "never last": ("being the last", changed(3, last=False)),
    "last twice": ("being the last", changed(1, last=True)),
    "tail cut off": ("another code|being the last|another journal", with_segments(0, 1, 2)),
    "head cut off": ("program's image", with_segments(1, 2, 3)),
    "one left out": ("memory that|journal that", with_segments(0, 1, 3)),
    "one twice": ("memory that|journal that", with_segments(0, 1, 1, 2, 3)),
    "exchanged": ("memory that|journal that", with_segments(0, 2, 1, 3)),
    "exchanged with their numbers": ("claims to be", with_segments(0, 2, 1, 3, renumbered=False)),
}


def test_a_receipt_of_another_instruction_set_says_what_chooses_it() -> None:
    with pytest.raises(VerificationError, match="help: name the instruction set of the run with `--isa`"):
        check(FORGED["another machine"][1](), Proofs())


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_receipt(name: str) -> None:
    message, make = FORGED[name]
    proofs = Proofs()
    with pytest.raises(VerificationError, match=message):
        check(make(), proofs)
    assert not proofs.seen or message == "another journal"  # hashing that is the dearest check


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("another start, receipt says the right one", 0),
        ("journal begun before", 0),
        ("claim's exit code", 3),
        ("journal not the receipt's", 3),
        ("memory changed between", 2),
        ("index", 1),
    ],
)
def test_a_forged_receipt_names_its_segment(name: str, number: int) -> None:
    with pytest.raises(VerificationError, match=f"^segment {number} ") as caught:
        check(FORGED[name][1]())
    assert caught.value.where == f"segment {number}"


def test_a_bad_proof_names_its_segment() -> None:
    segments = list(HONEST.segments)
    segments[2] = replace(segments[2], proof=b"false")
    with pytest.raises(VerificationError, match="does not hold") as caught:
        check(replace(HONEST, segments=tuple(segments)))
    assert caught.value.where == "segment 2, table cpu"
    segments[2] = replace(segments[2], proof=b"nowhere")
    with pytest.raises(VerificationError, match="does not hold") as caught:
        check(replace(HONEST, segments=tuple(segments)))
    assert caught.value.where == "segment 2"


def test_expectations() -> None:
    with pytest.raises(VerificationError, match="journal is not the expected"):
        check(HONEST, journal=b"")
    with pytest.raises(VerificationError, match="expected 0"):
        check(HONEST, exit_code=0)


def test_every_word_and_byte_of_what_is_expected_is_compared() -> None:
    for word in range(8):
        expected = tuple(value + (k == word) for k, value in enumerate(IDS[0]))
        with pytest.raises(VerificationError, match="another program"):
            check(HONEST, image_id=expected)
    for at in range(len(JOURNAL)):
        with pytest.raises(VerificationError, match="journal is not the expected"):
            check(HONEST, journal=JOURNAL[:at] + bytes([JOURNAL[at] ^ 1]) + JOURNAL[at + 1 :])
    for journal in (JOURNAL[:-1], JOURNAL + b"\0"):
        with pytest.raises(VerificationError, match="journal is not the expected"):
            check(HONEST, journal=journal)


def test_an_expected_image_id_has_words_below_p() -> None:
    for word in range(8):
        with pytest.raises(InputError, match="image_id"):
            check(HONEST, image_id=(*IDS[0][:word], PRIME, *IDS[0][word + 1 :]))
        with pytest.raises(VerificationError, match="another program"):
            check(HONEST, image_id=(*IDS[0][:word], PRIME - 1, *IDS[0][word + 1 :]))


@pytest.mark.parametrize("value", [PRIME, PRIME + 1, 2**31, 2**32 - 1, -1])
def test_no_value_of_a_claim_is_p_or_more(value: int) -> None:
    """Of each column, first and last ones too; a verifier that bounds it by 2^31 would take two claims for one."""
    for position in range(len(COLUMNS)):
        row = list(HONEST.segments[0].claim)
        row[position] = value
        with pytest.raises(VerificationError, match="canonical"):
            LAYOUT.decode(row)


@pytest.mark.parametrize(
    ("column", "value"),
    [("first", 2), ("last", PRIME - 1), ("pre[0]", PRIME), ("pre[0]", -1), ("exit_code.lo", 1 << 16), ("journal_after[16].hi", 1 << 16)],
)
def test_values_out_of_range(column: str, value: int) -> None:
    row = list(HONEST.segments[0].claim)
    row[COLUMNS.index(column)] = value
    with pytest.raises(VerificationError):
        LAYOUT.decode(row)
    with pytest.raises(VerificationError):
        LAYOUT.decode(row[:-1])


def test_every_claim_value_is_checked() -> None:
    """No public value can be changed alone without notice. (Both sides of a cut can, together: the proofs bind those.)"""
    for number in range(len(PARTS)):
        for position in range(len(COLUMNS)):
            if number == len(PARTS) - 1 and COLUMNS[position].startswith("post"):
                continue  # what memory holds after the end means nothing
            row = list(HONEST.segments[number].claim)
            row[position] ^= 1
            segments = list(HONEST.segments)
            segments[number] = replace(segments[number], claim=tuple(row))
            with pytest.raises(VerificationError):
                check(replace(HONEST, segments=tuple(segments)))


def test_a_claim_with_other_names_is_refused() -> None:
    for columns in (COLUMNS[1:], (*COLUMNS, "extra"), (*COLUMNS, "index")):
        with pytest.raises(ZkcError, match="not the claim of a segment"):
            ClaimLayout(make_circuit(columns))


def plain_journal_state(journal: bytes) -> list[int]:
    """Byte by byte, as the machine writes it."""
    capacity, buffer = [4, 0, 0, 0, 0, 0, 0, 0], b""
    for byte in journal:
        if len(buffer) == 32:
            capacity, buffer = permute([*(int.from_bytes(buffer[i : i + 2], "little") for i in range(0, 32, 2)), *capacity])[16:], b""
        buffer += bytes([byte])
    padded = buffer.ljust(32, b"\0")
    return [*capacity, *(int.from_bytes(padded[i : i + 4], "little") for i in range(0, 32, 4)), len(buffer)]


@given(st.one_of(st.binary(max_size=140), st.sampled_from([bytes(n) for n in (0, 1, 31, 32, 33, 63, 64, 65, 96)])))
def test_the_journal_state_is_that_of_writing_bytes(journal: bytes) -> None:
    assert list(journal_state(journal, MAP, SPONGE)) == plain_journal_state(journal)


def test_zeros_at_the_end_of_the_journal_count() -> None:
    assert len({journal_state(bytes(n), MAP, SPONGE) for n in range(70)}) == 70


values = st.integers(0, PRIME - 1)
words = st.integers(0, 2**32 - 1)


@settings(max_examples=50)
@given(st.data())
def test_receipts_are_read_back(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 20))
    segment = st.builds(SegmentReceipt, st.tuples(*[values] * width), st.binary(max_size=40))
    original = Receipt(
        data.draw(st.binary(min_size=32, max_size=32)), data.draw(st.tuples(*[values] * 8)),
        tuple(data.draw(st.lists(segment, min_size=1, max_size=4))), data.draw(st.binary(max_size=50)), data.draw(words),
    )  # fmt: skip
    text = original.to_bytes()
    assert Receipt.from_bytes(text) == original
    for length in {0, 5, len(text) // 2, len(text) - 1}:
        with pytest.raises(InputError):
            Receipt.from_bytes(text[:length])
    with pytest.raises(InputError, match="follow"):
        Receipt.from_bytes(text + b"\0")


@settings(max_examples=300)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(data: bytes, with_header: bool) -> None:
    header = HONEST.to_bytes()[:20]
    try:
        receipt = Receipt.from_bytes(header + data if with_header else data)
    except (InputError, VerificationError) as error:
        assert error.where
    else:
        assert receipt.to_bytes() == header + data


def test_every_byte_matters() -> None:
    """A change of any byte outside the proofs is refused, by reading or by verifying."""
    text = HONEST.to_bytes()
    post = LAYOUT.columns.index("post[0]")
    tail = len(text) - len(HONEST.segments[-1].proof) - 4 - 4 * len(COLUMNS)
    free = set(range(tail + 4 * post, tail + 4 * post + 32))
    for segment in HONEST.segments:
        at = text.index(segment.proof)
        free |= set(range(at, at + len(segment.proof)))
    for position in sorted(set(range(len(text))) - free):
        damaged = bytearray(text)
        damaged[position] ^= 1 << position % 8
        with pytest.raises((InputError, VerificationError)):
            check(Receipt.from_bytes(bytes(damaged)))


def test_unknown_versions_and_kinds() -> None:
    text = HONEST.to_bytes()
    for at, value, message in ((12, 5, "of version 5"), (16, 1, "of kind 1"), (20, 4, "parameter set 4")):
        with pytest.raises(InputError, match=message):
            Receipt.from_bytes(text[:at] + bytes([value]) + text[at + 1 :])


JOURNAL_LENGTH = 12 + 12 + 32 + 32 + 4
"""Where the length of the journal stands in a receipt."""
COUNT = JOURNAL_LENGTH + 4 + len(JOURNAL)
"""Where the number of segments does; that of the values in a claim follows, then the first claim."""


def with_number(at: int, number: int) -> bytes:
    text = HONEST.to_bytes()
    return text[:at] + number.to_bytes(4, "little") + text[at + 4 :]


@pytest.mark.parametrize(
    ("what", "at", "least", "most"),
    [
        ("journal length", JOURNAL_LENGTH, 0, MAX_JOURNAL_BYTES),
        ("number of segments", COUNT, 1, MAX_SEGMENTS),
        ("values in a claim", COUNT + 4, 1, MAX_CLAIM_VALUES),
        ("proof length of segment 0", COUNT + 8 + 4 * len(COLUMNS), 0, MAX_PROOF_BYTES),
    ],
)
def test_numbers_of_a_receipt_are_within_their_bounds(what: str, at: int, least: int, most: int) -> None:
    for number in (most + 1, 2**32 - 1, *([0] if least else [])):
        with pytest.raises(InputError, match=rf"the {what} is {number}, not within {least} \.\. {most}\n"):
            Receipt.from_bytes(with_number(at, number))
    with pytest.raises((InputError, VerificationError), match="ends inside"):
        Receipt.from_bytes(with_number(at, most))


@pytest.mark.parametrize("at", [56, 56 + 28, COUNT + 8, COUNT + 8 + 4 * (len(COLUMNS) - 1)])
def test_p_itself_is_no_word_of_a_receipt(at: int) -> None:
    """The first and the last word of the image ID and of a claim."""
    for number in (PRIME, 2**31, 2**32 - 1):
        with pytest.raises(VerificationError, match="not a canonical field element"):
            Receipt.from_bytes(with_number(at, number))
    Receipt.from_bytes(with_number(at, PRIME - 1))


def test_a_run_that_no_receipt_can_hold_is_refused_before_it_is_proven() -> None:
    """The bounds of `from_bytes`, kept by those who write: at each bound it fits, beyond it does not."""
    room = (8 << 30) - (1 << 20)
    for segments, journal, proofs in ((MAX_SEGMENTS, MAX_JOURNAL_BYTES, 0), (1, 7, room - 7), (1, 0, room), (0, 0, 0)):
        check_receipt_fits(segments, journal, lambda proofs=proofs: proofs)
    refused = ((MAX_SEGMENTS + 1, 0, 0, "segments"), (1, MAX_JOURNAL_BYTES + 1, 0, "journal has"), (1, 7, room - 6, "at most 8 GiB"))
    for segments, journal, proofs, message in refused:
        with pytest.raises(InputError, match=message):
            check_receipt_fits(segments, journal, lambda proofs=proofs: proofs)


def test_a_receipt_begins_as_the_documents_say() -> None:
    head = b"zkc receipt\n" + b"".join(word.to_bytes(4, "little") for word in (4, 0, 0)) + bytes(range(32))
    assert HONEST.to_bytes()[:56] == head and Receipt.from_bytes(HONEST.to_bytes()) == HONEST
    for at in range(24):
        with pytest.raises(InputError):
            Receipt.from_bytes(head[:at] + bytes([head[at] ^ 1 if at < 20 else head[at] ^ 4]) + HONEST.to_bytes()[at + 1 :])


@pytest.mark.parametrize(
    ("version", "before"),
    [(1, "the commitments changed"), (2, "parameters said what their security rests on"), (3, "tables had parts")],
)
def test_receipts_of_earlier_versions_are_named(version: int, before: str) -> None:
    text = HONEST.to_bytes()
    with pytest.raises(InputError, match=f"this receipt has version {version}, from before {before}; this zkc reads version 4") as caught:
        Receipt.from_bytes(text[:12] + bytes([version]) + text[13:])
    assert "prove again" in (caught.value.hint or "")


def test_the_journal_is_hashed_after_the_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal of 256 MiB before a bad proof took three minutes to refuse."""
    monkeypatch.setattr(SPONGE, "absorb", lambda capacity, limbs: pytest.fail("the journal is hashed") if len(limbs) else capacity)

    def refuse(*arguments: object) -> None:
        raise VerificationError("bad proof")

    with pytest.raises(VerificationError, match="bad proof"):
        verify_receipt(CIRCUIT, replace(HONEST, journal=bytes(1000)), SPONGE, refuse, image_id=IDS[0])


@pytest.mark.parametrize("number", PARAMETER_SETS)
def test_the_parameter_set_is_the_receipts_but_known_to_the_verifier(number: int) -> None:
    receipt = replace(HONEST, parameter_set=number)
    assert Receipt.from_bytes(receipt.to_bytes()) == receipt
    seen: list[Parameters] = []
    verify_receipt(CIRCUIT, receipt, SPONGE, lambda *arguments: seen.append(arguments[3]), image_id=IDS[0], accept_johnson=True)
    assert seen == [PARAMETER_SETS[number]] * 4


@pytest.mark.parametrize("number", PARAMETER_SETS)
def test_a_receipt_that_rests_on_the_johnson_radius_is_taken_only_if_that_is_accepted(number: int) -> None:
    """Before any proof is looked at; and what the receipt is not for is said first."""
    receipt, seen = replace(HONEST, parameter_set=number), Proofs()
    for expected in ({}, {"accept_johnson": False}):
        if number in (1, 3):
            with pytest.raises(VerificationError, match=r"Johnson radius.* preprint") as caught:
                check(receipt, seen, **expected)
            assert "--accept-johnson" in (caught.value.hint or "") and caught.value.status == 1
            with pytest.raises(VerificationError, match="another program"):
                check(receipt, seen, image_id=OTHER_ID, **expected)
        else:
            verify_receipt(CIRCUIT, receipt, SPONGE, lambda *_: None, image_id=IDS[0], **expected)
    assert not seen.seen


@pytest.mark.parametrize("value", [1, 0, None, "yes"])
def test_acceptance_of_the_johnson_radius_is_true_or_false(value: object) -> None:
    with pytest.raises(InputError, match="accept_johnson"):
        check(HONEST, accept_johnson=value)


def test_a_parameter_set_that_no_verifier_knows_is_refused() -> None:
    """Also in a receipt that was not read from bytes."""
    with pytest.raises(VerificationError, match="parameter set 4"):
        check(replace(HONEST, parameter_set=4))


def test_the_summary() -> None:
    for circuit, matches in ((None, None), (CIRCUIT, True), (replace(CIRCUIT, digest=bytes(32)), False)):
        shown = json.loads(json.dumps(summary(HONEST, circuit)))
        assert shown["version"] == 4 and shown["rests_on"] == "unique decoding"
        assert shown["circuit_matches"] is matches and shown["segments"] == len(shown["chain"]) == 4
        assert ("index" in shown["chain"][3]) == bool(matches)
        assert shown["receipt_bytes"] == len(HONEST.to_bytes()) and shown["proof_bytes"] == sum(len(s.proof) for s in HONEST.segments)
    named = [summary(replace(HONEST, parameter_set=number))["rests_on"] for number in PARAMETER_SETS]
    assert named == ["unique decoding", "Johnson radius", "unique decoding", "Johnson radius"]


def test_the_verifier_loads_neither_prover_nor_language() -> None:
    program = "import sys, zkc.runtime.receipts.receipt; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    banned = {"lark", "elftools", *(f"zkc.{name}" for name in ("dsl", "compiler", "api", "cli"))}
    banned |= {f"zkc.runtime.{name}" for name in ("stark.prover", "proving", "executor", "elf")}
    assert "zkc.runtime.receipts.receipt" in modules and not banned & set(modules)
