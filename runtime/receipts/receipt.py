"""Receipts: the proof that a program ran to its end, and the check of the whole chain of segments. Part of the verifier.

Format, all numbers little-endian 32-bit words: magic; version; kind (0, other values are for later extensions); number of the parameter
set (`PARAMETER_SETS`); circuit digest; image ID;
exit code; journal (length, bytes); number of segments; values in a claim; then for each segment its claim and its proof (length, bytes).
Nothing follows. There is exactly one text for a receipt.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np

from zkc.runtime import arguments
from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.koalabear import P
from zkc.runtime.limits import MAX_CLAIM_VALUES, MAX_JOURNAL_BYTES, MAX_PROOF_BYTES, MAX_SEGMENTS
from zkc.runtime.memory.image import Digest, image_id_hex
from zkc.runtime.memory.map import MemoryMap
from zkc.runtime.receipts.claims import Claim, ClaimLayout, JournalSponge, journal_state
from zkc.runtime.stark.parameters import JOHNSON, PARAMETER_SETS, REGIME_NAMES, Parameters

MAGIC = b"zkc receipt\n"
OF_A_CIRCUIT = b"zkc circuit receipt\n"[: len(MAGIC)]
"""How a receipt of runtime/given/receipt.py begins."""
VERSION = 4
_OLD_VERSIONS = {1: "the commitments changed", 2: "parameters said what their security rests on", 3: "tables had parts"}
"""What changed after each."""
KIND_SEGMENTS = 0
"""A chain of segment proofs without composition or recursion: the only kind so far."""

DIGEST_BYTES = 32
IMAGE_ID_WORDS = 8
HEAD_BYTES = len(MAGIC) + DIGEST_BYTES + 4 * (3 + IMAGE_ID_WORDS + 2 + 2)
"""All but journal, claims and proofs."""

A = ParamSpec("A")
R = TypeVar("R")
ProofVerifier = Callable[[Circuit, tuple[int, ...], bytes, Parameters], None]


@dataclass(frozen=True)
class SegmentReceipt:
    """One proven segment: its claim as a row of canonical field elements, and the proof."""

    claim: tuple[int, ...]
    proof: bytes = field(repr=False)


@dataclass(frozen=True)
class Receipt:
    """A proven run. `image_id`, `journal` and `exit_code` say what was proven; only `verify_receipt` says whether it was."""

    circuit_digest: bytes
    image_id: Digest
    segments: tuple[SegmentReceipt, ...]
    journal: bytes = field(repr=False)
    exit_code: int
    parameter_set: int = 0
    """Which of `PARAMETER_SETS` the proofs are made with."""

    @property
    def proof_bytes(self) -> int:
        """Bytes of all proofs: the receipt less its head, journal and claims."""
        return sum(len(segment.proof) for segment in self.segments)

    @property
    def receipt_bytes(self) -> int:
        """Bytes of the whole: the length of `to_bytes`."""
        claims = sum(4 * len(segment.claim) + 4 for segment in self.segments)
        return HEAD_BYTES + len(self.journal) + claims + self.proof_bytes

    def to_bytes(self) -> bytes:
        """The receipt as a file's content; `from_bytes` is the inverse."""
        claim_values = len(self.segments[0].claim)
        parts = [
            MAGIC,
            struct.pack("<3I", VERSION, KIND_SEGMENTS, self.parameter_set),
            self.circuit_digest,
            struct.pack(f"<{IMAGE_ID_WORDS}I", *self.image_id),
            struct.pack("<2I", self.exit_code, len(self.journal)),
            self.journal,
            struct.pack("<2I", len(self.segments), claim_values),
        ]
        for segment in self.segments:
            parts += [struct.pack(f"<{claim_values}I", *segment.claim), struct.pack("<I", len(segment.proof)), segment.proof]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "the receipt") -> Receipt:
        """Read a receipt in linear time. `InputError` if it is not one; `VerificationError` if a number is not canonical."""
        reader = _Reader(arguments.data("receipt", data), name)
        parameter_set = reader.header()
        circuit_digest = bytes(reader.take(DIGEST_BYTES, "circuit digest"))
        image_id = reader.elements(IMAGE_ID_WORDS, "image ID")
        exit_code = reader.number("exit code")
        journal = bytes(reader.take(reader.number("journal length", MAX_JOURNAL_BYTES), "journal"))
        count = reader.number("number of segments", MAX_SEGMENTS, least=1)
        claim_values = reader.number("values in a claim", MAX_CLAIM_VALUES, least=1)
        segments = tuple(reader.segment(number, claim_values) for number in range(count))
        reader.end()
        return cls(circuit_digest, image_id, segments, journal, exit_code, parameter_set)


@dataclass(frozen=True)
class VerifiedReceipt:
    """What a verified receipt proves: the program `image_id` ran to its end, wrote `journal` and exited with `exit_code`."""

    image_id: Digest
    journal: bytes = field(repr=False)
    exit_code: int
    segments: int


def verify_receipt(
    circuit: Circuit,
    receipt: Receipt,
    sponge: JournalSponge,
    verify_proof: ProofVerifier,
    *,
    image_id: Digest | None,
    journal: bytes | None = None,
    exit_code: int | None = None,
    accept_johnson: bool = False,
) -> VerifiedReceipt:
    """Check the chain and every proof; a `VerificationError` says which segment does not hold and why.

    sponge: the page hash of the circuit. verify_proof: `zkc.runtime.stark.verifier.verify`.
    image_id: of the program that must have run, computed from the program, never taken from the receipt; None accepts any program, and the
    caller must look at the answer. journal, exit_code: as expected, None for any; what they may be, `arguments` says.
    accept_johnson: take parameters whose 128 bits rest on the Johnson radius, that is on a preprint; without, they are refused.
    """
    expected = None if image_id is None else arguments.digest("image_id", image_id, IMAGE_ID_WORDS, P - 1)
    journal, exit_code = arguments.optional_data("journal", journal), arguments.exit_code(exit_code)
    accept_johnson = arguments.switch("accept_johnson", accept_johnson)
    if receipt.circuit_digest != circuit.digest:
        raise VerificationError(
            f"the receipt was made with another machine: circuit digest {receipt.circuit_digest.hex()}, this one is {circuit.digest.hex()}",
            hint="name the instruction set of the run with `--isa`, use the version of zkc that made the receipt, or prove again",
        )
    _check_expectations(receipt, expected, journal, exit_code)
    parameters = _accepted_parameters(receipt, accept_johnson=accept_johnson)
    layout = ClaimLayout(circuit)
    claims = [_at(number, layout.decode, segment.claim) for number, segment in enumerate(receipt.segments)]
    if not claims:
        raise VerificationError("the receipt has no segment")
    memory_map = MemoryMap.from_constants(circuit.constants)
    _check_ends(receipt, claims, memory_map, sponge)
    _check_chain(claims)
    for number, segment in enumerate(receipt.segments):
        _at(number, verify_proof, circuit, segment.claim, segment.proof, parameters)
    # Last, because the proofs do not bound its cost: 2 us for 32 bytes, half a minute for the longest journal.
    journal_after = journal_state(receipt.journal, memory_map, sponge)
    _require(claims[-1].journal_after == journal_after, len(claims) - 1, "ends with another journal than the receipt's")
    return VerifiedReceipt(receipt.image_id, receipt.journal, receipt.exit_code, len(claims))


def summary(receipt: Receipt, circuit: Circuit | None = None) -> dict[str, Any]:
    """What a receipt says, unverified, for `zkc inspect`; with the circuit also each segment's claim by name. Ready for JSON."""
    fitting = circuit is not None and circuit.digest == receipt.circuit_digest
    layout = ClaimLayout(circuit) if circuit is not None and fitting else None
    return {
        "version": VERSION,
        "parameter_set": receipt.parameter_set,
        "rests_on": REGIME_NAMES[PARAMETER_SETS[receipt.parameter_set].regime],
        "circuit_digest": receipt.circuit_digest.hex(),
        "circuit_matches": fitting if circuit is not None else None,
        "image_id": image_id_hex(receipt.image_id),
        "exit_code": receipt.exit_code,
        "journal": receipt.journal.hex(),
        "journal_bytes": len(receipt.journal),
        "proof_bytes": receipt.proof_bytes,
        "receipt_bytes": receipt.receipt_bytes,
        "segments": len(receipt.segments),
        "chain": [_segment_summary(segment, layout) for segment in receipt.segments],
    }


def _segment_summary(segment: SegmentReceipt, layout: ClaimLayout | None) -> dict[str, Any]:
    sizes: dict[str, Any] = {"proof_bytes": len(segment.proof), "claim_values": len(segment.claim)}
    if layout is None:
        return sizes
    claim = layout.decode(segment.claim)
    ends = {"first": claim.first, "last": claim.last, "exit_code": claim.exit_code}
    states = {"pre": image_id_hex(claim.pre), "post": image_id_hex(claim.post)}
    return {"index": claim.index, **ends, **states, **sizes}


def _accepted_parameters(receipt: Receipt, *, accept_johnson: bool) -> Parameters:
    """The parameters of the receipt's set, if this verifier knows it and is to trust what it rests on."""
    parameters = PARAMETER_SETS.get(receipt.parameter_set)
    if parameters is None:
        raise VerificationError(f"proofs with parameter set {receipt.parameter_set} are not accepted here")
    if parameters.regime == JOHNSON and not accept_johnson:
        raise VerificationError(
            "the receipt was made with --small: its security rests on the Johnson radius, on a theorem from a preprint "
            "(BCHKS25, ePrint 2025/2055); in unique decoding it has less than 90 bits",
            hint="accept that with --accept-johnson (accept_johnson=True in Python), or ask for a receipt made without --small",
        )
    return parameters


def _check_expectations(receipt: Receipt, image_id: Digest | None, journal: bytes | None, exit_code: int | None) -> None:
    """The caller's expectations against what the receipt says; `_check_ends` binds what it says to the claims."""
    if image_id is not None and receipt.image_id != image_id:
        raise VerificationError(
            f"the receipt is for another program: image ID {image_id_hex(receipt.image_id)}, expected {image_id_hex(image_id)}",
            hint="check that this is the program, built in the same way, that was proven",
        )
    if journal is not None and receipt.journal != journal:
        raise VerificationError("the journal is not the expected one", hint="`zkc inspect --journal` shows the receipt's")
    if exit_code is not None and receipt.exit_code != exit_code:
        raise VerificationError(f"the program exited with {receipt.exit_code}, expected {exit_code}")


def _check_ends(receipt: Receipt, claims: list[Claim], memory_map: MemoryMap, sponge: JournalSponge) -> None:
    """Bind program and exit code of the receipt to the claims of the first and the last segment."""
    first, last, final = claims[0], claims[-1], len(claims) - 1
    _require(first.pre == receipt.image_id, 0, "does not start with the program's image")
    _require(first.journal_before == journal_state(b"", memory_map, sponge), 0, "does not start with an empty journal")
    _require(last.exit_code == receipt.exit_code, final, "exits with another code than the receipt says")


def _check_chain(claims: list[Claim]) -> None:
    """Each segment stands in its place and starts where the one before it stopped; only the last one halts."""
    final = len(claims) - 1
    for number, claim in enumerate(claims):
        _require(claim.index == number, number, f"claims to be segment {claim.index}")
        _require(claim.first == (number == 0), number, "is wrong about being the first")
        _require(claim.last == (number == final), number, "is wrong about being the last: the run is not whole, or goes on after its end")
        _require(claim.last or claim.exit_code == 0, number, "has an exit code but is not the last")
    for number in range(1, len(claims)):
        before, after = claims[number - 1], claims[number]
        _require(before.post == after.pre, number, "does not start with the memory that the segment before it left")
        _require(before.journal_after == after.journal_before, number, "does not start with the journal that the segment before it left")


def _require(holds: bool, number: int, message: str) -> None:
    if not holds:
        raise VerificationError(f"segment {number} {message}", where=f"segment {number}")


def _at(number: int, check: Callable[A, R], *arguments: A.args, **named: A.kwargs) -> R:
    """Call `check`; its `VerificationError` then names the segment."""
    try:
        return check(*arguments, **named)
    except VerificationError as error:
        place = f"segment {number}" if error.where is None else f"segment {number}, {error.where}"
        raise VerificationError(error.message, where=place, hint=error.hint) from error


class _Reader:
    """A cursor over the bytes of a receipt; lengths are compared with their bound and with what is left before anything is made of them."""

    def __init__(self, data: bytes, name: str) -> None:
        self._left = memoryview(data)
        self._size = len(data)
        self._name = name

    def header(self) -> int:
        """The number of the parameter set."""
        if bytes(self._left[: len(MAGIC)]) == OF_A_CIRCUIT:
            raise self._refuse("this is the receipt of a circuit, not of a program", "verify it with `--circuit DIR`")
        if bytes(self._left[: len(MAGIC)]) != MAGIC:
            raise self._refuse("this is not a zkc receipt", "give the file that `zkc prove` wrote")
        self.take(len(MAGIC), "magic")
        version = self.number("version")
        if version in _OLD_VERSIONS:
            message = f"this receipt has version {version}, from before {_OLD_VERSIONS[version]}; this zkc reads version {VERSION}"
            raise self._refuse(message, "verify it with the zkc that made it, or prove again")
        if version != VERSION:
            raise self._refuse(
                f"receipts of version {version} are unknown here, this zkc reads version {VERSION}", "use the zkc that made it"
            )
        kind = self.number("kind")
        if kind != KIND_SEGMENTS:
            raise self._refuse(f"receipts of kind {kind} are unknown here", "use the zkc that made it")
        parameter_set = self.number("parameter set")
        if parameter_set not in PARAMETER_SETS:
            raise self._refuse(f"proofs with parameter set {parameter_set} are not accepted here", "use the zkc that made it")
        return parameter_set

    def take(self, length: int, what: str) -> memoryview:
        if length > len(self._left):
            raise self._refuse(f"the receipt ends inside its {what}", "it is damaged or not whole: copy it again, or prove again")
        taken, self._left = self._left[:length], self._left[length:]
        return taken

    def number(self, what: str, most: int = 2**32 - 1, *, least: int = 0) -> int:
        value = int.from_bytes(self.take(4, what), "little")
        if not least <= value <= most:
            raise self._refuse(f"the {what} is {value}, not within {least} .. {most}", "it is damaged: copy it again, or prove again")
        return value

    def elements(self, count: int, what: str) -> tuple[int, ...]:
        values = np.frombuffer(self.take(4 * count, what), "<u4")
        if int(values.max()) >= P:
            raise VerificationError(f"the {what} has a value that is not a canonical field element", where=self._place())
        return tuple(values.tolist())

    def segment(self, number: int, claim_values: int) -> SegmentReceipt:
        claim = self.elements(claim_values, f"claim of segment {number}")
        length = self.number(f"proof length of segment {number}", MAX_PROOF_BYTES)
        return SegmentReceipt(claim, bytes(self.take(length, f"proof of segment {number}")))

    def end(self) -> None:
        if self._left:
            raise self._refuse(f"{len(self._left)} bytes follow the receipt", "it is damaged: copy it again, or prove again")

    def _place(self) -> str:
        return f"{self._name}, byte {self._size - len(self._left)}"

    def _refuse(self, message: str, hint: str) -> InputError:
        return InputError(message, where=self._place(), hint=hint)
