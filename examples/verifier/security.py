"""Check 1: what a proof of these heights gives at least, in bits. Section 6 has the terms."""

from __future__ import annotations

from math import log2

from .circuit import MAX_DEGREE
from .field import DEGREE, P
from .parameters import Shape
from .refused import require

SECURITY_BITS = 128


def terms(shape: Shape) -> dict[str, float]:
    """Bits of every round."""
    field, size = DEGREE * log2(P), 2.0**shape.log_size
    parameters, fold, bound = shape.parameters, 2.0**shape.parameters.log_fold, shape.degree_bound
    agreement = (1 + bound / size) / 2
    slots = max(shape.log_n - each.log_height for tree in shape.trees for each in tree.classes)
    require(bound + 2.0**slots <= agreement * size, "polynomials with so many slots are not determined by their leaves")
    out = {
        "queries": parameters.grinding - parameters.queries * log2(agreement),
        "batching": field - log2((2 * shape.polynomials + 1 + 2 * parameters.hides) * size),
        "DEEP": field + log2(1 - (bound + size) / P**DEGREE) - log2(MAX_DEGREE * (bound + 1) + bound - 1),
        "constraints": field - log2(shape.constraints),
        "LogUp": field - log2(max(1, shape.fractions) * (shape.circuit.bus_power + 2)),
    }
    for number in range(shape.folds):
        size /= fold
        out[f"fold {number}"] = field - log2((fold - 1) * size)
    return out


def check_security(shape: Shape) -> None:
    require(min(terms(shape).values()) >= SECURITY_BITS, "the parameters give less than 128 bits")
