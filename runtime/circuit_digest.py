"""The digest of a circuit: what a proof is bound to."""

from __future__ import annotations

from zkc.runtime.circuit import Circuit
from zkc.runtime.hash.blake3 import hash_bytes


def circuit_digest(circuit: Circuit) -> bytes:
    """32 bytes that cover everything in the circuit but its `digest`: BLAKE3 of a canonical text of tables, buses and constants."""
    parts: list[str] = [repr([(b.name, b.width) for b in circuit.buses])]
    for table in (*circuit.tables, circuit.claim):
        parts.append(repr((table.name, table.columns, table.fixed_names, table.constraints, table.labels, table.batches)))
        parts.append(repr([(m.bus, m.multiplicity, m.args, m.label) for m in table.messages]))
        parts.append(repr((table.fixed.shape, table.nodes.shape)))
        parts.append(hash_bytes(table.fixed.astype("<u4").tobytes()).hex() + hash_bytes(table.nodes.astype("<i8").tobytes()).hex())
    parts.append(repr(sorted(circuit.constants.items())))
    parts.append(repr([(log_blowup, hash_bytes(top).hex()) for log_blowup, top in sorted(circuit.fixed_tops.items())]))
    return hash_bytes("\n".join(parts).encode())
