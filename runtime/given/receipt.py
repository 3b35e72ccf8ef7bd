"""Receipts of circuits: one proof of a claim, bound to the digest of the circuit. Part of the verifier.

Format, numbers little-endian 32-bit words: magic; version; number of the parameter set (`PARAMETER_SETS`); circuit digest; number of
values of the claim; the values, canonical; length of the proof; the proof. Nothing follows. There is exactly one text for a receipt.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.koalabear import P
from zkc.runtime.limits import MAX_CLAIM_VALUES, MAX_PROOF_BYTES
from zkc.runtime.stark.parameters import JOHNSON, PARAMETER_SETS
from zkc.runtime.stark.verifier import verify

MAGIC = b"zkc circuit receipt\n"
VERSION = 1
DIGEST_BYTES = 32
_HEAD = struct.Struct(f"<{len(MAGIC)}s2I{DIGEST_BYTES}sI")
_DAMAGED = "it is damaged or not whole: copy it again, or prove again"


@dataclass(frozen=True)
class CircuitReceipt:
    """What a file says; only `verify_circuit_receipt` says whether it is so."""

    circuit_digest: bytes
    claim: tuple[int, ...]
    proof: bytes = field(repr=False)
    parameter_set: int

    def to_bytes(self) -> bytes:
        """The content of a file; `from_bytes` is the inverse."""
        head = _HEAD.pack(MAGIC, VERSION, self.parameter_set, self.circuit_digest, len(self.claim))
        return head + struct.pack(f"<{len(self.claim) + 1}I", *self.claim, len(self.proof)) + self.proof

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "the receipt") -> CircuitReceipt:
        """Reads a receipt. InputError if it is none; VerificationError if a value of the claim is not canonical."""
        if not data.startswith(MAGIC):
            raise InputError("this is not a receipt of a circuit", where=name, hint="give the file that `zkc prove DIR` wrote")
        if len(data) < _HEAD.size:
            raise InputError("the receipt ends inside its head", where=name, hint=_DAMAGED)
        _, version, parameter_set, digest, count = _HEAD.unpack_from(data)
        if version != VERSION:
            hint = "use the zkc that made it"
            raise InputError(f"receipts of version {version} are unknown here, this zkc reads version {VERSION}", where=name, hint=hint)
        if parameter_set not in PARAMETER_SETS:
            message = f"proofs with parameter set {parameter_set} are not accepted here"
            raise InputError(message, where=name, hint="use the zkc that made it")
        end = _HEAD.size + 4 * (count + 1)
        if count > MAX_CLAIM_VALUES or len(data) < end:
            raise InputError("the receipt ends inside its claim", where=name, hint=_DAMAGED)
        *claim, length = struct.unpack_from(f"<{count + 1}I", data, _HEAD.size)
        if length > MAX_PROOF_BYTES or len(data) != end + length:
            message = f"the receipt has {len(data) - end} bytes of a proof of {length}"
            raise InputError(message, where=name, hint=_DAMAGED)
        if any(value >= P for value in claim):
            raise VerificationError("the claim has a value that is not a canonical field element", where=name)
        return cls(digest, tuple(claim), bytes(data[end:]), parameter_set)


def verify_circuit_receipt(circuit: Circuit, receipt: CircuitReceipt, *, accept_johnson: bool = False) -> None:
    """Returns if there are tables that satisfy `circuit`, which the caller trusts, with the receipt's claim; raises VerificationError if
    that is not shown. accept_johnson: take parameters whose 128 bits rest on the Johnson radius, that is on a preprint."""
    if receipt.circuit_digest != circuit.digest:
        message = f"the receipt was made with another circuit: digest {receipt.circuit_digest.hex()}, this one is {circuit.digest.hex()}"
        raise VerificationError(message, hint="verify with the circuit that it was made with, and the zkc that compiled it")
    parameters = PARAMETER_SETS.get(receipt.parameter_set)
    if parameters is None:
        raise VerificationError(f"proofs with parameter set {receipt.parameter_set} are not accepted here")
    if parameters.regime == JOHNSON and not accept_johnson:
        message = "the receipt was made with --small: its security rests on the Johnson radius, on a theorem from a preprint"
        hint = "accept that with --accept-johnson (accept_johnson=True in Python), or ask for a receipt made without --small"
        raise VerificationError(message, hint=hint)
    verify(circuit, receipt.claim, receipt.proof, parameters)
