"""`zkc compile --emit json`: a circuit with its digest and what the protocol fixes, for verifiers in other languages.

docs/protocol.md, "The circuit as JSON", says what each field is.
"""

from __future__ import annotations

from typing import Any

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.circuit.text import circuit_text, compact
from zkc.runtime.guest.abi import GUARD_BYTES, STACK_POINTER, STACK_RESERVE
from zkc.runtime.hash.merkle import LEAF_KEY, NODE_KEY
from zkc.runtime.limits import MAX_CLAIM_VALUES, MAX_JOURNAL_BYTES, MAX_PROOF_BYTES, MAX_SEGMENTS
from zkc.runtime.memory.image import guard_digest
from zkc.runtime.memory.map import MemoryMap
from zkc.runtime.receipts.receipt import KIND_SEGMENTS, MAGIC, VERSION
from zkc.runtime.stark import parameters as fixed
from zkc.runtime.stark.shape import MAX_DEGREE

FORMAT = 1
"""Number of this form of the file. Readers refuse others."""


def circuit_file(circuit: Circuit) -> str:
    """The whole file: a first line, the text that the digest is of, and a last line."""
    head = {"format": f"zkc circuit {FORMAT}", "digest": circuit.digest.hex(), "protocol": protocol(circuit)}
    return f'{compact(head)[:-1]},"circuit":\n{circuit_text(circuit)}}}'


def protocol(circuit: Circuit) -> dict[str, Any]:
    """What holds for every circuit; a verifier compares it with what it knows."""
    return {
        "tag": fixed.PROTOCOL.decode(),
        "modulus": fixed.MODULUS,
        "degree": fixed.DEGREE,
        "generator": fixed.GENERATOR,
        "operations": ["column", "constant", "add", "sub", "mul"],
        "max_degree": MAX_DEGREE,
        "min_log_height": fixed.MIN_LOG_HEIGHT,
        "max_log_height": fixed.MAX_LOG_HEIGHT,
        "two_adicity": fixed.TWO_ADICITY,
        "log_fixed_top": fixed.LOG_FIXED_TOP,
        "security_bits": fixed.SECURITY_BITS,
        "leaf_key": LEAF_KEY.astype("<u4").tobytes().decode(),
        "node_key": NODE_KEY.astype("<u4").tobytes().decode(),
        "parameter_sets": [{"number": number, **vars(each)} for number, each in fixed.PARAMETER_SETS.items()],
        "receipt": {
            "magic": MAGIC.decode(),
            "version": VERSION,
            "kind": KIND_SEGMENTS,
            "max_segments": MAX_SEGMENTS,
            "max_claim_values": MAX_CLAIM_VALUES,
            "max_journal_bytes": MAX_JOURNAL_BYTES,
            "max_proof_bytes": MAX_PROOF_BYTES,
        },
        "image": {
            "stack_pointer_register": STACK_POINTER,
            "stack_reserve": STACK_RESERVE,
            "guard_bytes": GUARD_BYTES,
            "guard_digest": guard_digest(MemoryMap.from_constants(circuit.constants).digest_words),
        },
    }
