"""The security calculator against the worked values of soundness.md, and the refusal of insecure parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from tests.stark.circuits import example
from tests.stark.golden import everything
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.parameters import DEFAULT, HIDING, SMALL, Parameters
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.security import (
    Instance,
    RegimeReport,
    digest_bits,
    evaluate,
    instance_of,
    receipt_bits,
    security,
    unique_decoding_bits,
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


def test_default_parameters_are_secure_for_any_allowed_height() -> None:
    """The widest machine one can think of, powers batching, the greatest height, all messages that L1 allows."""
    worst = Instance(22, 1 << 15, 2, 1 << 14, 3, 2**31, 65, (3, 3, 3, 3, 3), DEFAULT.queries, DEFAULT.grinding, log_slots=15)
    assert evaluate(worst).claimed == 128.0
    small = replace(worst, log_height=SMALL.max_log_height, log_blowup=SMALL.log_blowup, queries=SMALL.queries, log_slots=14)
    assert evaluate(small).claimed == 128.0
    assert evaluate(replace(small, queries=SMALL.queries - 1)).claimed < 128


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
    assert receipt_bits(made.circuit, [proof], DEFAULT) == 128.0
    assert 123.9 < receipt_bits(circuit, [proof], DEFAULT) < 124.0
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
    assert abs(unique_decoding_bits(instance) - min(128, expected[least])) < 1e-6


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
    heights = [made.traces[t.name].shape[1].bit_length() - 1 if t.name in made.traces else 0 for t in made.circuit.tables]
    assert instance_of(Shape(made.circuit, heights, parameters)) == Instance(
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
    )


def test_the_mask_of_a_hiding_proof_is_one_more_polynomial() -> None:
    heights = [HIDING.min_log_height] * 3
    shape = Shape(example().circuit, heights, HIDING)
    assert shape.hides and instance_of(shape).functions == 2 * (shape.polynomials + 2)
    assert instance_of(shape).slack == shape.degree_bound / shape.height - 1 > 0
    assert Shape(example().circuit, [8, 7, 7], Parameters(masks=1)).hides
    plain = Shape(example().circuit, [8, 7, 7], DEFAULT)
    assert not plain.hides and instance_of(plain).functions == 2 * (plain.polynomials + 1)


def test_the_lowest_table_of_any_tree_counts() -> None:
    """Below the others a fixed table that is absent, or a table that has nothing fixed."""
    pairs, main, low, _, triples = everything().circuit.tables
    for tables, heights in (((pairs, main, triples), [8, 10, 0]), ((pairs, main, low), [8, 10, 7])):
        assert instance_of(Shape(replace(everything().circuit, tables=tables), heights, DEFAULT)).log_slots == 3


def test_a_receipt_has_no_more_bits_than_its_queries_and_digests() -> None:
    circuit, proofs = example().circuit, [bytes([7, 7, 7]), bytes([20, 7, 7])]
    assert receipt_bits(circuit, proofs, DEFAULT) == 128.0
    assert abs(receipt_bits(circuit, proofs, Parameters(queries=100)) - (100 * math.log2(4 / 3) + 20)) < 1e-9
    page = replace(circuit, constants={"digest_words": 7})
    assert digest_bits(circuit) == {"trees and transcript (BLAKE3)": 128.0}
    assert receipt_bits(page, proofs, DEFAULT) == digest_bits(page)["page hash (Poseidon2)"] == 7 * math.log2(P) / 2


@pytest.mark.parametrize("parameters", [Parameters(queries=260), Parameters(grinding=19)])
def test_insecure_parameters_are_refused(parameters: Parameters) -> None:
    made = example()
    with pytest.raises(InputError, match="insecure"):
        prove(made.circuit, made.traces, made.claim, parameters)
    proof = prove(made.circuit, made.traces, made.claim, parameters, allow_insecure=True)
    with pytest.raises(InputError, match="insecure"):
        verify(made.circuit, made.claim, proof, parameters)
