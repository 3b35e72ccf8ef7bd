"""Provable security of a proof for an actual circuit and actual heights, term by term, in several regimes.

Bits are -log2 of each round's error, plus the grinding of that round; a regime gives its smallest round. Sources: unique decoding by
BCIKS20 (ePrint 2020/654, Theorems 1.2 and 1.5: n / |F| a power); Johnson radius with gaps by BCHKS25 (ePrint 2025/2055, Theorem 4.6,
mutual correlated agreement for curves), its constant as the authors corrected it and as it is printed, and by DKT26 (ePrint 2026/2056,
Theorem 5.12); DEEP by Haboeck (ePrint 2022/1216, Theorem 8); LogUp by Haboeck (ePrint 2022/1530). In the list regimes every challenge that
is drawn before the openings, alpha and beta, lambda and zeta, pays for the whole list. The claim of this project is the unique-decoding
figure; parameters of the regime JOHNSON need 128 bits by BCHKS25, as corrected, and are for verifiers that accept it. Why both hold for
columns of different heights: docs/rationale/commitments.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.errors import InputError
from zkc.runtime.stark.parameters import DEGREE, JOHNSON, MODULUS, REGIME_NAMES, SECURITY_BITS, UNIQUE_DECODING, Parameters
from zkc.runtime.stark.proof import Reader, read_heights
from zkc.runtime.stark.shape import MAX_DEGREE, Shape

DIGEST_BITS: Final = 128.0
"""Collision resistance of BLAKE3: of the trees and the transcript."""
MULTIPLICITIES: Final = range(3, 1001)
"""Values of the Johnson parameter m that are tried."""

Regime = Literal["UDR", "BCHKS25", "BCHKS25 as printed", "DKT26"]
THEOREMS: Final[dict[Regime, str]] = {
    "UDR": "unique decoding: BCIKS20, Theorem 1.5",
    "BCHKS25": "Johnson radius: BCHKS25, Theorem 4.6, constant as corrected, a preprint",
    "BCHKS25 as printed": "Johnson radius: BCHKS25, Theorem 4.6, constant as printed, a preprint",
    "DKT26": "Johnson radius: DKT26, Theorem 5.12, a preprint",
}
REGIMES: Final[dict[int, Regime]] = {UNIQUE_DECODING: "UDR", JOHNSON: "BCHKS25"}
"""What 128 bits are asked of in each regime of parameters."""


@dataclass(frozen=True)
class Instance:
    """The numbers that the error terms depend on.

    functions: powers of gamma in the batch: two for each polynomial, of Q and of X^K Q, and for the mask. log_slots: log2 of the
    greatest K. slack: by how much the degree bound d that the batch proves exceeds the height, relative to it: what masks need, and
    K / n without the X^K Q. regime: what the queries rest on.
    """

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
    log_blowup: int = 1
    log_slots: int = 0
    slack: float = 0.0
    regime: int = UNIQUE_DECODING

    @property
    def field_bits(self) -> float:
        return self.extension * math.log2(MODULUS)

    @property
    def rate(self) -> float:
        return 2.0**-self.log_blowup * (1 + self.slack)

    @property
    def domain(self) -> float:
        return 2.0 ** (self.log_height + self.log_blowup)


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
    def theorem(self) -> str:
        """What the figure rests on."""
        return THEOREMS[self.regime]

    @property
    def limiting(self) -> str:
        """Name of the weakest round."""
        return min(self.terms, key=lambda name: self.terms[name])

    @property
    def bits(self) -> float:
        return self.terms[self.limiting]


@dataclass(frozen=True)
class Strength:
    """Provable bits, digests included: in unique decoding, and up to the Johnson radius (BCHKS25). regime: which of them counts."""

    regime: int
    unique_decoding: float
    johnson: float

    @property
    def bits(self) -> float:
        """The figure of the regime that the queries rest on."""
        return self.johnson if self.regime == JOHNSON else self.unique_decoding

    @property
    def rests_on(self) -> str:
        """The regime in words: `unique decoding` or `Johnson radius`."""
        return REGIME_NAMES[self.regime]

    @property
    def theorem(self) -> str:
        """What the figure is proven by, and whether that is a preprint."""
        return THEOREMS[REGIMES[self.regime]]

    def values(self) -> dict[str, float | str]:
        """For JSON, under the names that all commands use."""
        figures = {"security_bits": self.bits, "unique_decoding_bits": self.unique_decoding, "johnson_bits": self.johnson}
        return {**figures, "rests_on": self.rests_on, "theorem": self.theorem}


@dataclass(frozen=True)
class SecurityReport:
    """All regimes for one instance; `claimed` is the figure of the regime that its queries rest on."""

    instance: Instance
    regimes: tuple[RegimeReport, ...]
    digests: Mapping[str, float]

    @property
    def regime(self) -> RegimeReport:
        """That which the queries rest on."""
        return {each.regime: each for each in self.regimes}[REGIMES[self.instance.regime]]

    @property
    def strength(self) -> Strength:
        """The figures for people: both, with the digests."""
        both = {each.regime: min(each.bits, *self.digests.values()) for each in self.regimes}
        return Strength(self.instance.regime, both["UDR"], both["BCHKS25"])

    @property
    def claimed(self) -> float:
        return self.strength.bits

    @property
    def limiting(self) -> str:
        """Name of the weakest round or digest."""
        digest = min(self.digests, key=lambda name: self.digests[name])
        return self.regime.limiting if self.regime.bits <= self.digests[digest] else digest


def unique_decoding(rate: float, _: int) -> Radius:
    """BCIKS20 Theorem 1.5: theta = (1 - rho) / 2, numerator n."""
    return Radius((1 - rate) / 2, 1.0, lambda n: n)


def johnson(rate: float, m: int) -> Radius:
    """BCHKS25 Theorem 4.6 with m = sqrt(rho) / 2 eta, the constant as corrected."""
    return _bchks(rate, m, 1 - math.sqrt(rate) * (1 + 1 / (2 * m)))


def johnson_as_printed(rate: float, m: int) -> Radius:
    """The same with m = sqrt(rho) / eta."""
    return _bchks(rate, m, 1 - math.sqrt(rate) * (1 + 1 / m))


def _bchks(rate: float, m: int, theta: float) -> Radius:
    big = m + 0.5
    numerator = (2 * big**5 + 3 * big * theta * rate) / (3 * rate**1.5)
    return Radius(theta, big / math.sqrt(rate), lambda n: numerator * n + big / math.sqrt(rate))


def dkt(rate: float, m: int) -> Radius:
    """DKT26 Theorem 5.12, for m >= 3: radius and list of Johnson, a smaller numerator."""
    theta = 1 - math.sqrt(rate) * (1 + 1 / (2 * m))
    return Radius(theta, (m + 0.5) / math.sqrt(rate), lambda n: 8 * n * (m + 0.5) ** 3 / (3 * rate))


def terms(instance: Instance, radius: Radius) -> dict[str, float]:
    """Bits of every round at one radius, each with its grinding."""
    field, ground = instance.field_bits, float(instance.other_grinding)
    count = math.ceil(math.log2(instance.functions)) if instance.tensor_batching else instance.functions - 1
    out = {
        "queries": -instance.queries * math.log2(1 - radius.theta) + instance.grinding,
        "batching": field - math.log2(max(1, count) * radius.gap(instance.domain)) + ground,
        "DEEP": deep_bits(instance, radius) + ground,
        "constraints": field - math.log2(radius.list_size * instance.constraints) + ground,
        "LogUp": field - math.log2(radius.list_size * max(1, instance.fractions) * (instance.width + 2)) + ground,
    }
    domain = instance.domain
    for number, fold in enumerate(instance.folds):
        domain /= 2**fold
        out[f"fold {number}"] = field - math.log2((2**fold - 1) * radius.gap(domain)) + ground
    return out


def deep_bits(instance: Instance, radius: Radius) -> float:
    """Haboeck 2022/1216 Theorem 8: L (d (N + 1) + N - 1) / (|F| - N - n) for N rows, domain n, degree d (or the number of points)."""
    rows = 2.0**instance.log_height * (1 + instance.slack)
    degree = max(instance.degree, instance.points)
    missing = math.log2(1 - (rows + instance.domain) * 2.0**-instance.field_bits)
    return instance.field_bits + missing - math.log2(radius.list_size * (degree * (rows + 1) + rows - 1))


RADII: Final[dict[Regime, Callable[[float, int], Radius]]] = {
    "UDR": unique_decoding,
    "BCHKS25": johnson,
    "BCHKS25 as printed": johnson_as_printed,
    "DKT26": dkt,
}


def covers_slots(instance: Instance, radius: Radius) -> bool:
    """True if polynomials of degree < d + K that agree on (1 - theta) |D| points are equal: then X^K Q in the batch is that of Q."""
    bound = 2.0**instance.log_height * (1 + instance.slack)
    return bound + 2.0**instance.log_slots <= (1 - radius.theta) * instance.domain


@lru_cache(maxsize=256)
def best(regime: Regime, instance: Instance) -> RegimeReport:
    """The report of the parameter that gives most bits; no bits where no parameter is allowed."""
    reports: list[RegimeReport] = []
    for m in (0,) if regime == "UDR" else MULTIPLICITIES:
        radius = RADII[regime](instance.rate, m)
        if radius.theta > 0 and covers_slots(instance, radius):
            reports.append(RegimeReport(regime, m, terms(instance, radius)))
    return max(reports, key=lambda report: report.bits, default=RegimeReport(regime, 0, {"slots": 0.0}))


def evaluate(instance: Instance, digests: Mapping[str, float] | None = None) -> SecurityReport:
    """The report for given numbers; digests: of BLAKE3 alone if left out."""
    return SecurityReport(instance, tuple(best(regime, instance) for regime in RADII), digests or {"BLAKE3": DIGEST_BITS})


def instance_of(shape: Shape) -> Instance:
    """The numbers of an actual proof."""
    fractions = len(shape.circuit.claim.messages) + sum(len(part.table.messages) * part.height for part in shape.parts)
    return Instance(
        log_height=shape.log_height,
        functions=2 * (shape.polynomials + 1 + int(shape.hides)),
        points=2,
        constraints=shape.constraints,
        degree=MAX_DEGREE,
        fractions=fractions,
        width=shape.bus_power,
        folds=shape.folds,
        queries=shape.parameters.queries,
        grinding=shape.parameters.grinding,
        log_blowup=shape.parameters.log_blowup,
        slack=shape.degree_bound / shape.height - 1,
        regime=shape.parameters.regime,
        log_slots=max(shape.log_height - each.log_height for tree in shape.trees for each in tree.classes),
    )


def security(circuit: Circuit, heights: Mapping[str, int], parameters: Parameters | None = None) -> SecurityReport:
    """The report for `circuit` with the given height of each table by name (0 or left out: absent)."""
    every = [heights.get(table.name, 0) for table in circuit.tables]
    return evaluate(instance_of(Shape(circuit, every, parameters or Parameters())), digest_bits(circuit))


def digest_bits(circuit: Circuit) -> dict[str, float]:
    """Collision resistance of every digest that a receipt rests on: half the bits. The page hash has `digest_words` field elements."""
    words = circuit.constants.get("digest_words")
    page = {"page hash (Poseidon2)": int(words) * math.log2(MODULUS) / 2} if isinstance(words, int) else {}
    return {"trees and transcript (BLAKE3)": DIGEST_BITS, **page}


def receipt_strength(circuit: Circuit, proofs: Sequence[bytes], parameters: Parameters) -> Strength:
    """Of a receipt with these proofs, which are verified: the least over proofs and digests."""
    instances = [instance_of(Shape(circuit, read_heights(Reader(proof), len(circuit.tables)), parameters)) for proof in proofs]
    digests = min(digest_bits(circuit).values())
    figures = [min(digests, *(provable_bits(replace(each, regime=regime)) for each in instances)) for regime in (UNIQUE_DECODING, JOHNSON)]
    return Strength(parameters.regime, *figures)


def provable_bits(instance: Instance) -> float:
    """Bits in the regime that its queries rest on, digests included."""
    return min(best(REGIMES[instance.regime], instance).bits, DIGEST_BITS)


def require_secure(shape: Shape, *, allow_insecure: bool) -> None:
    """Raises InputError if `shape` has less than 128 provable bits in the regime of its parameters."""
    bits = provable_bits(instance_of(shape))
    if bits < SECURITY_BITS and not allow_insecure:
        raise InputError(
            f"insecure parameters: {bits:.1f} bits provable ({REGIME_NAMES[shape.parameters.regime]}), {SECURITY_BITS} needed",
            hint="use the default parameters; `zkc security` prints every term",
        )
