"""The digest of a circuit: what a proof is bound to."""

from __future__ import annotations

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.circuit.text import circuit_text
from zkc.runtime.hash.blake3 import hash_bytes


def circuit_digest(circuit: Circuit) -> bytes:
    """32 bytes that cover everything in the circuit but its `digest`: BLAKE3 of its text."""
    return hash_bytes(circuit_text(circuit).encode())
