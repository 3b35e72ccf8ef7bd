"""The security calculator against the worked values of soundness.md, and the refusal of insecure parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stark.circuits import example
from zkc.runtime.errors import InputError
from zkc.runtime.stark.parameters import DEFAULT, Parameters
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.security import Instance, evaluate, security
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
    return [round(regime.bits, 1) for regime in evaluate(instance).regimes]


def test_worked_values_degree_six() -> None:
    report = evaluate(WORKED)
    assert bits(WORKED) == [128.3, 139.6, 144.1]
    assert [regime.parameter for regime in report.regimes[:2]] == [0, 17]
    assert report.regimes[2].parameter in (29, 30)  # 144.06 and 144.14 bits
    assert report.regimes[0].limiting == "queries"
    assert report.claimed == 128.0


def test_worked_values_degree_five() -> None:
    assert bits(replace(WORKED, extension=5, queries=193, other_grinding=8)) == [100.1, 112.2, 115.3]


@pytest.mark.parametrize(("log_height", "queries", "expected"), [(20, 217, 128.0), (22, 217, 128.0)])
def test_worked_query_counts_dkt(log_height: int, queries: int, expected: float) -> None:
    instance = replace(WORKED, log_height=log_height, queries=queries)
    assert evaluate(instance).regimes[2].bits >= expected
    assert evaluate(replace(instance, queries=queries - 1)).regimes[2].bits < expected


def test_default_queries_are_the_least() -> None:
    assert evaluate(WORKED).regimes[0].bits >= 128
    assert evaluate(replace(WORKED, queries=DEFAULT.queries - 1)).regimes[0].bits < 128


def test_default_parameters_are_secure_for_any_allowed_height() -> None:
    """The widest machine one can think of, powers batching, the greatest height, all messages that L1 allows."""
    worst = Instance(22, 1 << 14, 2, 1 << 14, 3, 2**31, 65, (3, 3, 3, 3, 3), DEFAULT.queries, DEFAULT.grinding)
    assert evaluate(worst).claimed == 128.0


def test_report_for_a_circuit() -> None:
    made = example()
    report = security(made.circuit, {name: trace.shape[1] for name, trace in made.traces.items()})
    assert report.claimed == 128.0
    assert report.instance.fractions == 4 * 256 + 128 + 128 + 2
    assert set(report.regimes[0].terms) >= {"queries", "batching", "DEEP", "constraints", "LogUp"}


@pytest.mark.parametrize("parameters", [Parameters(queries=260), Parameters(grinding=19)])
def test_insecure_parameters_are_refused(parameters: Parameters) -> None:
    made = example()
    with pytest.raises(InputError, match="insecure"):
        prove(made.circuit, made.traces, made.claim, parameters)
    proof = prove(made.circuit, made.traces, made.claim, parameters, allow_insecure=True)
    with pytest.raises(InputError, match="insecure"):
        verify(made.circuit, made.claim, proof, parameters)
