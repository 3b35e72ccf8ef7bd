"""Provable security of a proof for an actual circuit and actual heights, term by term, in three regimes.

Bits are -log2 of each round's error, plus the grinding of that round; a regime gives its smallest round. Sources: unique decoding and
Johnson radius with gaps by BCHKS25 (ePrint 2025/2055, Cor 1.4 and Thm 4.2), DKT26 (ePrint 2026/2056, Thm 5.12), DEEP by Haboeck
(ePrint 2022/1216, Thm 8), LogUp by Haboeck (ePrint 2022/1530). The claim of this project is the unique-decoding figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from zkc.runtime.circuit import Circuit
from zkc.runtime.errors import InputError
from zkc.runtime.stark.parameters import DEGREE, LOG_BLOWUP, MODULUS, SECURITY_BITS, Parameters
from zkc.runtime.stark.shape import ABSENT, MAX_DEGREE, Shape

RATE: Final = 2.0**-LOG_BLOWUP
DIGEST_BITS: Final = 128.0
MULTIPLICITIES: Final = range(1, 1001)
"""Values of the Johnson parameter m that are tried."""

Regime = Literal["UDR", "BCHKS25", "DKT26"]


@dataclass(frozen=True)
class Instance:
    """The numbers that the error terms depend on."""

    log_height: int
    functions: int
    points: int
    constraints: int
    degree: int
    fractions: int
    width: int
    folds: tuple[int, ...]
    queries: int
    grinding: int
    extension: int = DEGREE
    tensor_batching: bool = False
    other_grinding: int = 0

    @property
    def field_bits(self) -> float:
        return self.extension * math.log2(MODULUS)

    @property
    def domain(self) -> float:
        return 2.0**self.log_height / RATE


@dataclass(frozen=True)
class Radius:
    """A decoding regime at one parameter: proximity `theta`, list size, and log2 of the proximity-gap numerator over a domain."""

    theta: float
    list_size: float
    gap: Callable[[float], float]


@dataclass(frozen=True)
class RegimeReport:
    """Bits of every round in one regime. `parameter` is Johnson's m, 0 in unique decoding."""

    regime: Regime
    parameter: int
    terms: Mapping[str, float]

    @property
    def limiting(self) -> str:
        """Name of the weakest round."""
        return min(self.terms, key=lambda name: self.terms[name])

    @property
    def bits(self) -> float:
        return self.terms[self.limiting]


@dataclass(frozen=True)
class SecurityReport:
    """All regimes for one instance; `claimed` is the unique-decoding figure and does not rest on list decoding."""

    instance: Instance
    regimes: tuple[RegimeReport, ...]
    digest_bits: float = DIGEST_BITS

    @property
    def claimed(self) -> float:
        return min(self.regimes[0].bits, self.digest_bits)

    @property
    def limiting(self) -> str:
        return self.regimes[0].limiting if self.regimes[0].bits <= self.digest_bits else "digests"


def unique_decoding(_: int) -> Radius:
    """BCHKS25 Corollary 1.4: theta = (1 - rho) / 2, numerator theta n + 1."""
    theta = (1 - RATE) / 2
    return Radius(theta, 1.0, lambda n: theta * n + 1)


def johnson(m: int) -> Radius:
    """BCHKS25 Theorem 4.2 with parameter m."""
    theta, big = johnson_theta(m), m + 0.5
    list_size = big / math.sqrt(RATE)
    return Radius(theta, list_size, lambda n: (2 * big**5 + 3 * big * theta * RATE) * n / (3 * RATE**1.5) + big / math.sqrt(RATE))


def dkt(m: int) -> Radius:
    """DKT26 Theorem 5.12, for m >= 3: radius and list of Johnson, a smaller numerator."""
    return Radius(johnson_theta(m), (m + 0.5) / math.sqrt(RATE), lambda n: 8 * n * (m + 0.5) ** 3 / (3 * RATE))


def johnson_theta(m: int) -> float:
    """1 - sqrt(rho) (1 + 1 / 2m); not positive for small m."""
    return 1 - math.sqrt(RATE) * (1 + 1 / (2 * m))


def terms(instance: Instance, radius: Radius) -> dict[str, float]:
    """Bits of every round at one radius, each with its grinding."""
    field, ground = instance.field_bits, float(instance.other_grinding)
    count = math.ceil(math.log2(instance.functions)) if instance.tensor_batching else instance.functions - 1
    out = {
        "queries": -instance.queries * math.log2(1 - radius.theta) + instance.grinding,
        "batching": field - math.log2(max(1, count) * radius.gap(instance.domain)) + ground,
        "DEEP": deep_bits(instance, radius) + ground,
        "constraints": field - math.log2(radius.list_size * instance.constraints) + ground,
        "LogUp": field - math.log2(max(1, instance.fractions) * (instance.width + 2)) + ground,
    }
    domain = instance.domain
    for number, fold in enumerate(instance.folds):
        domain /= 2**fold
        out[f"fold {number}"] = field - math.log2((2**fold - 1) * radius.gap(domain)) + ground
    return out


def deep_bits(instance: Instance, radius: Radius) -> float:
    """Haboeck 2022/1216 Theorem 8: L (d (N + 1) + N - 1) / (|F| - N - n) for N rows, domain n, degree d (or the number of points)."""
    rows = 2.0**instance.log_height
    degree = max(instance.degree, instance.points)
    missing = math.log2(1 - (rows + instance.domain) * 2.0**-instance.field_bits)
    return instance.field_bits + missing - math.log2(radius.list_size * (degree * (rows + 1) + rows - 1))


def best(regime: Regime, instance: Instance) -> RegimeReport:
    """The report of the parameter that gives most bits."""
    make = {"UDR": unique_decoding, "BCHKS25": johnson, "DKT26": dkt}[regime]
    tried = (0,) if regime == "UDR" else tuple(m for m in MULTIPLICITIES if m >= 3 and johnson_theta(m) > 0)
    return max((RegimeReport(regime, m, terms(instance, make(m))) for m in tried), key=lambda report: report.bits)


def evaluate(instance: Instance) -> SecurityReport:
    """The report for given numbers."""
    return SecurityReport(instance, (best("UDR", instance), best("BCHKS25", instance), best("DKT26", instance)))


def instance_of(shape: Shape) -> Instance:
    """The numbers of an actual proof."""
    fractions = len(shape.circuit.claim.messages) + sum(len(t.table.messages) * t.height for t in shape.tables)
    return Instance(
        log_height=shape.log_height,
        functions=shape.openings,
        points=2,
        constraints=shape.constraints,
        degree=MAX_DEGREE,
        fractions=fractions,
        width=shape.bus_power,
        folds=shape.folds,
        queries=shape.parameters.queries,
        grinding=shape.parameters.grinding,
    )


def security(circuit: Circuit, heights: Mapping[str, int], parameters: Parameters | None = None) -> SecurityReport:
    """The report for `circuit` with the given number of rows for each table by name (0 or left out: absent)."""
    log_heights = [heights.get(table.name, 0).bit_length() - 1 for table in circuit.tables]
    present = [h if h > 0 else ABSENT for h in log_heights]
    return evaluate(instance_of(Shape(circuit, present, parameters or Parameters())))


@lru_cache(maxsize=256)
def unique_decoding_bits(instance: Instance) -> float:
    """Bits in unique decoding, digests included."""
    return min(best("UDR", instance).bits, DIGEST_BITS)


def require_secure(shape: Shape, *, allow_insecure: bool) -> None:
    """Raises InputError if `shape` has less than the 128 provable bits that this project claims."""
    bits = unique_decoding_bits(instance_of(shape))
    if bits < SECURITY_BITS and not allow_insecure:
        raise InputError(
            f"insecure parameters: {bits:.1f} bits provable in unique decoding, {SECURITY_BITS} needed",
            hint="use the default parameters; `zkc security` prints every term",
        )
