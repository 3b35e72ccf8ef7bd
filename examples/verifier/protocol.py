"""What the protocol fixes, as this verifier knows it: a circuit file that says otherwise is for another verifier."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import circuit as circuits
from . import field, image, receipt, security, transcript, trees
from .parameters import PARAMETER_SETS
from .refused import require

PROTOCOL: dict[str, Any] = {
    "tag": transcript.TAG.decode(),
    "modulus": field.P,
    "degree": field.DEGREE,
    "generator": field.GENERATOR,
    "operations": ["column", "constant", "add", "sub", "mul"],
    "max_degree": circuits.MAX_DEGREE,
    "min_log_height": field.MIN_LOG_HEIGHT,
    "max_log_height": field.MAX_LOG_HEIGHT,
    "two_adicity": field.TWO_ADICITY,
    "log_fixed_top": trees.LOG_FIXED_TOP,
    "security_bits": security.SECURITY_BITS,
    "leaf_key": trees.LEAF_KEY.decode(),
    "node_key": trees.NODE_KEY.decode(),
    "parameter_sets": [{"number": number, **asdict(each)} for number, each in PARAMETER_SETS.items()],
    "receipt": {
        "magic": receipt.MAGIC.decode(),
        "version": receipt.VERSION,
        "kind": receipt.KIND,
        "max_segments": receipt.MAX_SEGMENTS,
        "max_claim_values": receipt.MAX_CLAIM_VALUES,
        "max_journal_bytes": receipt.MAX_JOURNAL_BYTES,
        "max_proof_bytes": receipt.MAX_PROOF_BYTES,
    },
    "image": {
        "stack_pointer_register": image.STACK_POINTER,
        "stack_reserve": image.STACK_RESERVE,
        "guard_bytes": image.GUARD_BYTES,
        "guard_digest": list(image.guard_digest()),
    },
}


def check_protocol(circuit: circuits.Circuit) -> None:
    wrong = sorted(name for name in {*PROTOCOL, *circuit.protocol} if PROTOCOL.get(name) != circuit.protocol.get(name))
    require(not wrong, f"the circuit is for another protocol: {', '.join(wrong)}")
