"""The security calculator against the worked values of soundness.md, and the refusal of insecure parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.stark.circuits import Example, example, heights, tall_example
from tests.stark.golden import everything
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.parameters import (
    DEFAULT,
    DEGREE,
    HIDING,
    JOHNSON,
    PARAMETER_SETS,
    SMALL,
    SMALL_HIDING,
    UNIQUE_DECODING,
    Parameters,
)
from zkc.runtime.stark.proof import word_bytes
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.security import (
    THEOREMS,
    Instance,
    RegimeReport,
    digest_bits,
    evaluate,
    instance_of,
    provable_bits,
    receipt_strength,
    require_secure,
    security,
)
from zkc.runtime.stark.shape import Shape
from zkc.runtime.stark.verifier import verify

WORKED = Instance(
    log_height=20,
    functions=2200,
    points=2,
    constraints=5000,
    degree=3,
    fractions=128 << 20,
    width=16,
    folds=(3, 3, 3, 3, 1),
    queries=261,
    grinding=20,
    tensor_batching=True,
)


def bits(instance: Instance) -> list[float]:
    return [round(regime(instance, name).bits, 1) for name in ("UDR", "BCHKS25", "DKT26")]


def regime(instance: Instance, name: str) -> RegimeReport:
    return next(report for report in evaluate(instance).regimes if report.regime == name)


def test_worked_values_degree_six() -> None:
    report = evaluate(WORKED)
    assert bits(WORKED) == [128.3, 139.6, 144.1]
    assert [regime(WORKED, name).parameter for name in ("UDR", "BCHKS25")] == [0, 17]
    assert regime(WORKED, "DKT26").parameter in (29, 30)  # 144.06 and 144.14 bits
    assert report.regimes[0].limiting == "queries"
    assert report.claimed == 128.0


def test_worked_values_degree_five() -> None:
    assert bits(replace(WORKED, extension=5, queries=193, other_grinding=8)) == [100.1, 112.2, 115.3]


@pytest.mark.parametrize(("log_height", "queries", "expected"), [(20, 217, 128.0), (22, 217, 128.0)])
def test_worked_query_counts_dkt(log_height: int, queries: int, expected: float) -> None:
    instance = replace(WORKED, log_height=log_height, queries=queries)
    assert regime(instance, "DKT26").bits >= expected
    assert regime(replace(instance, queries=queries - 1), "DKT26").bits < expected


def test_default_queries_are_the_least() -> None:
    assert evaluate(WORKED).regimes[0].bits >= 128
    assert evaluate(replace(WORKED, queries=DEFAULT.queries - 1)).regimes[0].bits < 128


def greatest(parameters: Parameters, functions: int) -> Instance:
    """The greatest height, all messages that L1 allows, powers batching, and masks."""
    log_height = parameters.max_log_height
    return Instance(
        log_height=log_height,
        functions=functions,
        points=2,
        constraints=1 << 14,
        degree=3,
        fractions=2**31,
        width=65,
        folds=(3,) * ((log_height - 7) // 3),
        queries=parameters.queries,
        grinding=parameters.grinding,
        log_blowup=parameters.log_blowup,
        log_slots=log_height - 7,
        slack=parameters.excess / 128,
        regime=parameters.regime,
    )


@pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=str)
def test_parameters_are_secure_for_any_allowed_height(parameters: Parameters) -> None:
    """With 2^14 polynomials, the widest machine one can think of."""
    assert evaluate(greatest(parameters, 1 << 15)).claimed == 128.0


@pytest.mark.parametrize("parameters", [SMALL, SMALL_HIDING])
def test_queries_at_the_johnson_radius_are_the_least_for_the_constant_as_printed(parameters: Parameters) -> None:
    """With 2^12 polynomials, more than the machine has columns (tests/machine/test_security.py). The constant as corrected leaves more."""
    worst = greatest(parameters, 1 << 13)
    fewer = replace(worst, queries=parameters.queries - 1)
    assert regime(worst, "BCHKS25 as printed").bits >= 128 > regime(fewer, "BCHKS25 as printed").bits
    assert regime(fewer, "BCHKS25").bits >= 128 and regime(fewer, "DKT26").bits >= 128
    least = {SMALL: 76, SMALL_HIDING: 78}[parameters]
    assert provable_bits(replace(worst, queries=least)) == 128.0 > provable_bits(replace(worst, queries=least - 1)) > 127


@pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=str)
def test_figures_of_both_regimes_are_told(parameters: Parameters) -> None:
    """What a refusal says of receipts made with --small: less than 90 bits in unique decoding."""
    report = evaluate(greatest(parameters, 1 << 13))
    strength, johnson = report.strength, parameters.regime == JOHNSON
    assert strength.johnson == 128.0 and (86 < strength.unique_decoding < 90 if johnson else strength.unique_decoding == 128.0)
    assert strength.bits == report.claimed == 128.0 and strength.regime == parameters.regime
    assert strength.rests_on == ("Johnson radius" if johnson else "unique decoding")
    assert strength.theorem == THEOREMS["BCHKS25" if johnson else "UDR"] and ("preprint" in strength.theorem) == johnson
    assert strength.values() == {
        "security_bits": 128.0,
        "unique_decoding_bits": strength.unique_decoding,
        "johnson_bits": 128.0,
        "rests_on": strength.rests_on,
        "theorem": strength.theorem,
    }


def test_slack_of_stacking_would_cost_queries() -> None:
    """Without X^K Q in the batch degrees below n + K are proven: with tables of 2^7 rows below one of 2^14, 261 queries are not enough."""
    slack = replace(WORKED, slack=2.0**-7)
    assert 127.3 < evaluate(slack).claimed < 127.4
    assert evaluate(replace(slack, queries=263)).claimed == 128.0
    assert evaluate(replace(slack, slack=2.0**-9)).claimed == 128.0


def test_slots_that_do_not_fit_have_no_bits() -> None:
    """X^K Q is only what it should be if polynomials of degree n + K are told apart by the points on which a close word agrees."""
    assert evaluate(replace(WORKED, log_slots=19)).claimed == 128.0
    assert evaluate(replace(WORKED, log_slots=20)).claimed == 0.0


def test_list_regimes_pay_for_the_list_in_every_challenge_before_the_openings() -> None:
    unique, listed = regime(WORKED, "UDR").terms, regime(WORKED, "BCHKS25").terms
    size = math.log2((17 + 0.5) / math.sqrt(0.5))
    for name in ("LogUp", "constraints", "DEEP"):
        assert abs(unique[name] - listed[name] - size) < 1e-6


def test_digests_limit_the_claim() -> None:
    made = example()
    circuit = replace(made.circuit, constants={"digest_words": 8})
    proof = prove(made.circuit, made.traces, made.claim)
    assert receipt_strength(made.circuit, [proof], DEFAULT).bits == 128.0
    strength = receipt_strength(circuit, [proof], DEFAULT)
    assert strength.bits == strength.unique_decoding == strength.johnson and 123.9 < strength.bits < 124.0
    assert "Poseidon2" in security(circuit, {"main": 256, "copy": 128, "range": 128}).limiting


def test_report_for_a_circuit() -> None:
    made = example()
    report = security(made.circuit, {name: trace.shape[1] for name, trace in made.traces.items()})
    assert report.claimed == 128.0
    assert report.instance.fractions == 4 * 256 + 128 + 128 + 2
    assert set(report.regimes[0].terms) >= {"queries", "batching", "DEEP", "constraints", "LogUp"}


def by_hand(instance: Instance) -> dict[str, float]:
    """The terms of unique decoding as docs/protocol.md and security.py's sources have them, in integers as far as they go."""
    field, rows, domain = P**6, 1 << instance.log_height, 1 << (instance.log_height + instance.log_blowup)
    rate = Fraction(1, 1 << instance.log_blowup)
    out = {
        "queries": Fraction(2, 1) / (1 + rate),
        "batching": Fraction(field, (instance.functions - 1) * domain),
        "DEEP": Fraction(field - rows - domain, max(instance.degree, instance.points) * (rows + 1) + rows - 1),
        "constraints": Fraction(field, instance.constraints),
        "LogUp": Fraction(field, instance.fractions * (instance.width + 2)),
    }
    for number, fold in enumerate(instance.folds):
        domain >>= fold
        out[f"fold {number}"] = Fraction(field, ((1 << fold) - 1) * domain)
    bits = {name: math.log2(value.numerator) - math.log2(value.denominator) for name, value in out.items()}
    return bits | {"queries": instance.queries * bits["queries"] + instance.grinding}


INSTANCES = [
    replace(WORKED, tensor_batching=False),
    Instance(12, 900, 4, 70, 3, 12345, 9, (3, 2, 1), 131, 17, log_blowup=3, log_slots=5),
    Instance(22, 2, 1, 1, 2, 1, 0, (), 300, 0, log_blowup=2),
]


@pytest.mark.parametrize("instance", INSTANCES)
def test_terms_of_unique_decoding_are_those_of_the_theorems(instance: Instance) -> None:
    expected = by_hand(instance)
    for instance_, ground in ((instance, 0), (replace(instance, other_grinding=11), 11)):
        terms = regime(instance_, "UDR").terms
        assert set(terms) == set(expected)
        for name, bits in expected.items():
            assert abs(terms[name] - bits - (ground if name != "queries" else 0)) < 1e-6, name
    least = min(expected, key=lambda name: expected[name])
    assert regime(instance, "UDR").limiting == least and abs(regime(instance, "UDR").bits - expected[least]) < 1e-6
    assert abs(provable_bits(instance) - min(128, expected[least])) < 1e-6


def by_hand_at_johnson(instance: Instance, m: int) -> dict[str, float]:
    """The same at the Johnson radius, in the form of docs/protocol.md."""
    rho = (1 + instance.slack) / 2**instance.log_blowup
    big, domain, rows = m + 0.5, 2.0 ** (instance.log_height + instance.log_blowup), 2.0**instance.log_height * (1 + instance.slack)
    agreement, listed = rho**0.5 + rho**0.5 / (2 * m), big / rho**0.5

    def gap(size: float) -> float:
        return size * 2 * big**5 / (3 * rho**1.5) + size * big * (1 - agreement) / rho**0.5 + listed

    errors = {
        "batching": (instance.functions - 1) * gap(domain),
        "DEEP": listed * (max(instance.degree, instance.points) * (rows + 1) + rows - 1),
        "constraints": listed * instance.constraints,
        "LogUp": listed * instance.fractions * (instance.width + 2),
        **{f"fold {i}": (2**fold - 1) * gap(domain / 2 ** sum(instance.folds[: i + 1])) for i, fold in enumerate(instance.folds)},
    }
    out = {name: 6 * math.log2(P) - math.log2(error) for name, error in errors.items()}
    return {"queries": instance.grinding - instance.queries * math.log2(agreement), **out}


@pytest.mark.parametrize("instance", [*INSTANCES, greatest(SMALL, 1 << 13), greatest(SMALL_HIDING, 1 << 13)])
def test_terms_at_the_johnson_radius_are_those_of_the_theorem(instance: Instance) -> None:
    """And the best m is chosen: those beside it have no more bits."""
    found = regime(instance, "BCHKS25")
    expected = by_hand_at_johnson(instance, found.parameter)
    assert found.terms.keys() == expected.keys()
    for name, bits in expected.items():
        assert abs(found.terms[name] - bits) < 1e-6, name
    for m in {max(3, found.parameter - 1), min(1000, found.parameter + 1)}:
        assert min(by_hand_at_johnson(instance, m).values()) <= found.bits + 1e-6
    at_johnson = replace(instance, regime=JOHNSON)
    assert abs(provable_bits(at_johnson) - min(128, *expected.values())) < 1e-6
    assert evaluate(at_johnson).limiting in ("BLAKE3", found.limiting)


def test_slots_fit_below_the_agreement_at_the_johnson_radius() -> None:
    """n + K <= (1 - theta) N = sqrt(2) n (1 + 1 / 2m) at blow-up 2: with K = n / 2 m is at most 8, with K = n there is none."""
    tall = Instance(17, 90, 2, 70, 3, 12345, 9, (3,), 300, 20)
    assert regime(tall, "BCHKS25").parameter > 8
    assert regime(replace(tall, log_slots=16), "BCHKS25").parameter == 8
    assert regime(replace(tall, log_slots=17), "BCHKS25").bits == 0.0


def test_what_limits_a_report_is_named() -> None:
    """The weakest round of unique decoding, or the weakest digest if that is weaker; a round if both are equally weak."""
    digests = {"strong": 140.0, "weak": 120.0, "stronger": 150.0}
    assert evaluate(WORKED, digests).limiting == "weak" and evaluate(WORKED, digests).claimed == 120.0
    assert evaluate(WORKED, {"a": 129.0}).limiting == "queries"
    assert evaluate(replace(WORKED, queries=200), {"z": 119.0, "a": 121.0}).limiting == "queries"
    assert evaluate(WORKED, {"a": evaluate(WORKED).regimes[0].bits}).limiting == "queries"
    assert evaluate(replace(WORKED, queries=300), {"a": 150.0}).limiting == "queries"  # Johnson's is batching
    assert evaluate(replace(WORKED, constraints=1 << 100), {"a": 129.0}).limiting == "constraints"


def test_an_empty_batch_costs_nothing() -> None:
    """One function, no message: no term is infinite or negative."""
    terms = regime(Instance(22, 1, 1, 1, 2, 0, 0, (), 300, 0), "UDR").terms
    assert terms["LogUp"] == 6 * math.log2(P) - 1 and abs(terms["batching"] - (6 * math.log2(P) - 23)) < 1e-9


@pytest.mark.parametrize(("log_slots", "fits"), [(0, True), (15, True), (16, True), (17, False), (18, False)])
def test_slots_fit_below_the_agreement(log_slots: int, fits: bool) -> None:
    """n + K <= (1 - theta) N = (1 + rho) N / 2 = n (B + 1) / 2, at blow-up 2: K <= n / 2."""
    bits = evaluate(Instance(17, 90, 2, 70, 3, 12345, 9, (3,), 300, 20, log_slots=log_slots)).claimed
    assert (bits > 0) == fits


@pytest.mark.parametrize("parameters", [DEFAULT, SMALL])
def test_numbers_of_an_actual_proof_are_counted(parameters: Parameters) -> None:
    """`everything` has 1024, 256, 0, 256 and 128 rows, and in its four trees 2 + 2, 3 + 1 + 1, 3 + 1 + 1 and 2 polynomials."""
    made = everything()
    rows = [made.traces[t.name].shape[1] if t.name in made.traces else 0 for t in made.circuit.tables]
    assert instance_of(Shape(made.circuit, rows, parameters)) == Instance(
        log_height=10,
        functions=2 * (16 + 1),
        points=2,
        constraints=(2 + 2) + (1 + 1) + (0 + 1) + (0 + 1) + 1,
        degree=3,
        fractions=2 + 3 * 1024 + 256 + 256 + 128,
        width=4,
        folds=(3,),
        queries=parameters.queries,
        grinding=20,
        log_blowup=parameters.log_blowup,
        log_slots=3,
        regime=parameters.regime,
    )


def test_the_mask_of_a_hiding_proof_is_one_more_polynomial() -> None:
    shape = Shape(example().circuit, [1 << HIDING.full_log_height] * 3, HIDING)
    assert shape.hides and instance_of(shape).functions == 2 * (shape.polynomials + 2)
    assert instance_of(shape).slack == shape.degree_bound / shape.height - 1 > 0
    assert Shape(example().circuit, heights(8, 7, 7), Parameters(masks=1)).hides
    plain = Shape(example().circuit, heights(8, 7, 7), DEFAULT)
    assert not plain.hides and instance_of(plain).functions == 2 * (plain.polynomials + 1)


def test_the_lowest_table_of_any_tree_counts() -> None:
    """Below the others a fixed table that is absent, or a table that has nothing fixed."""
    pairs, main, low, _, triples = everything().circuit.tables
    for tables, logs in (((pairs, main, triples), [8, 10, 0]), ((pairs, main, low), [8, 10, 7])):
        assert instance_of(Shape(replace(everything().circuit, tables=tables), heights(*logs), DEFAULT)).log_slots == 3


def test_a_receipt_has_no_more_bits_than_its_queries_and_digests() -> None:
    circuit, proofs = example().circuit, [word_bytes(np.array(heights(*logs))) for logs in ((7, 7, 7), (20, 7, 7))]
    assert receipt_strength(circuit, proofs, DEFAULT).bits == 128.0
    few = receipt_strength(circuit, proofs, Parameters(queries=100))
    assert abs(few.bits - (100 * math.log2(4 / 3) + 20)) < 1e-9 and few.bits == few.unique_decoding < few.johnson
    page = replace(circuit, constants={"digest_words": 7})
    assert digest_bits(circuit) == {"trees and transcript (BLAKE3)": 128.0}
    assert receipt_strength(page, proofs, DEFAULT).bits == digest_bits(page)["page hash (Poseidon2)"] == 7 * math.log2(P) / 2


def test_a_receipt_has_the_bits_of_its_weakest_proof() -> None:
    """Whichever place it has; at the Johnson radius taller proofs have fewer."""
    circuit, parameters = example().circuit, Parameters(queries=60, log_blowup=3, regime=JOHNSON)
    low, tall = ([word_bytes(np.array(heights(h, 7, 7)))] for h in (7, 21))
    least = receipt_strength(circuit, tall, parameters)
    assert receipt_strength(circuit, low, parameters).johnson > least.johnson == least.bits > least.unique_decoding
    assert receipt_strength(circuit, low + tall, parameters) == receipt_strength(circuit, tall + low, parameters) == least


@pytest.mark.parametrize("parameters", [Parameters(queries=260), Parameters(grinding=19)])
def test_insecure_parameters_are_refused(parameters: Parameters) -> None:
    made = example()
    refuse(made, parameters, "unique decoding")


def refuse(made: Example, parameters: Parameters, radius: str) -> None:
    """Prover and verifier refuse the parameters, and say at which radius they lack bits."""
    rows = [made.traces[table.name].shape[1] for table in made.circuit.tables]
    head = word_bytes(np.array([parameters.height(count) for count in rows]))
    with pytest.raises(InputError, match=f"insecure parameters.*{radius}"):
        prove(made.circuit, made.traces, made.claim, parameters)
    with pytest.raises(InputError, match=f"insecure parameters.*{radius}"):
        verify(made.circuit, made.claim, head, parameters)
    with pytest.raises(VerificationError, match="too short"):
        verify(made.circuit, made.claim, head, parameters, allow_insecure=True)


@pytest.mark.parametrize("parameters", [Parameters(queries=73, log_blowup=3), Parameters(queries=75, log_blowup=3, masks=DEGREE + 75)])
def test_one_query_fewer_than_needed_is_refused_at_the_johnson_radius(parameters: Parameters) -> None:
    """Of a low proof; and as many as are enough there are not in unique decoding."""
    enough = replace(parameters, regime=JOHNSON)
    made = tall_example(enough)
    verify(made.circuit, made.claim, prove(made.circuit, made.traces, made.claim, enough), enough)
    refuse(made, replace(enough, queries=enough.queries - 1), "Johnson radius")
    refuse(made, replace(enough, grinding=enough.grinding - 2), "Johnson radius")
    refuse(made, parameters, "unique decoding")


def test_parameters_of_small_receipts_are_not_for_unique_decoding() -> None:
    for small in (SMALL, SMALL_HIDING):
        refuse(tall_example(small), replace(small, regime=UNIQUE_DECODING), "unique decoding")


def test_a_tall_proof_needs_more_queries_at_the_johnson_radius() -> None:
    """The same parameters for a height at which errors over the domain leave a smaller radius."""
    parameters = Parameters(queries=73, log_blowup=3, regime=JOHNSON)
    require_secure(Shape(example().circuit, heights(7, 7, 7), parameters), allow_insecure=False)
    with pytest.raises(InputError, match="Johnson radius"):
        require_secure(Shape(example().circuit, heights(21, 7, 7), parameters), allow_insecure=False)
    require_secure(Shape(example().circuit, heights(21, 7, 7), SMALL), allow_insecure=False)
