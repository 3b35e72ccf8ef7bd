"""Check 1: what a proof of these heights gives at least, in bits. Section 6 has the terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2, sqrt

from .circuit import MAX_DEGREE
from .field import DEGREE, P
from .parameters import JOHNSON, Shape
from .refused import require

SECURITY_BITS = 128


@dataclass(frozen=True)
class Radius:
    """theta: how much of a word may be wrong. list_size: L, how many polynomials are that near. gap: (a, b) of G(s) = a s + b."""

    theta: float
    list_size: float
    gap: tuple[float, float]

    def errors(self, size: float) -> float:
        """G(size)."""
        return self.gap[0] * size + self.gap[1]


def rate(shape: Shape) -> float:
    """rho."""
    return shape.degree_bound / 2.0**shape.log_size


def unique_decoding(rho: float) -> Radius:
    return Radius((1 - rho) / 2, 1, (1, 0))


def johnson(rho: float, m: int) -> Radius:
    theta, big = 1 - sqrt(rho) * (1 + 1 / (2 * m)), m + 0.5
    return Radius(theta, big / sqrt(rho), ((2 * big**5 + 3 * big * theta * rho) / (3 * rho**1.5), big / sqrt(rho)))


def radii(shape: Shape) -> Iterable[Radius]:
    """Those that may be counted on; it is enough if one of them gives all bits."""
    if shape.parameters.regime == JOHNSON:
        return (johnson(rate(shape), m) for m in range(3, 1001))
    return [unique_decoding(rate(shape))]


def terms(shape: Shape, radius: Radius) -> dict[str, float]:
    """Bits of every round."""
    field, size = DEGREE * log2(P), 2.0**shape.log_size
    parameters, fold, bound, listed = shape.parameters, 2.0**shape.parameters.log_fold, shape.degree_bound, radius.list_size
    out = {
        "queries": parameters.grinding - parameters.queries * log2(1 - radius.theta),
        "batching": field - log2((2 * shape.polynomials + 1 + 2 * parameters.hides) * radius.errors(size)),
        "DEEP": field + log2(1 - (bound + size) / P**DEGREE) - log2(listed * (MAX_DEGREE * (bound + 1) + bound - 1)),
        "constraints": field - log2(listed * shape.constraints),
        "LogUp": field - log2(listed * max(1, shape.fractions) * (shape.circuit.bus_power + 2)),
    }
    for number in range(shape.folds):
        size /= fold
        out[f"fold {number}"] = field - log2((fold - 1) * radius.errors(size))
    return out


def covers_slots(shape: Shape, radius: Radius) -> bool:
    """Whether polynomials with so many slots are determined by the leaves in which they are right."""
    slots = max(shape.log_n - each.log_height for tree in shape.trees for each in tree.classes)
    return shape.degree_bound + 2.0**slots <= (1 - radius.theta) * 2.0**shape.log_size


def check_security(shape: Shape) -> None:
    found = any(covers_slots(shape, radius) and min(terms(shape, radius).values()) >= SECURITY_BITS for radius in radii(shape))
    require(found, "the parameters give less than 128 bits")
