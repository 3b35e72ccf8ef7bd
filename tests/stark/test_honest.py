"""Completeness: honest proofs verify at all heights; the reference prover writes the same bytes, as do any threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stark.bent import FAST, ConstantAccumulator
from tests.stark.circuits import Example, TableBuilder, counter, digest, example, squares, two_fixed_tables
from tests.stark.reference.prover import prove as reference_prove
from tests.stark.support import accepts, broken_square, setting, unbalanced
from zkc.runtime.circuit.circuit import Bus, Circuit
from zkc.runtime.errors import InputError
from zkc.runtime.kernels.threads import set_threads, threads
from zkc.runtime.stark.parameters import DEFAULT, Parameters
from zkc.runtime.stark.proof import word_bytes
from zkc.runtime.stark.prover import Prover, prove
from zkc.runtime.stark.verifier import verify


def proof_of(made: Example, parameters: Parameters = FAST) -> bytes:
    return prove(made.circuit, made.traces, made.claim, parameters, allow_insecure=True)


@pytest.mark.parametrize(("log_main", "log_copy"), [(7, 7), (8, 7), (7, 8), (9, 11), (12, 7), (11, 11)])
def test_honest_proof_is_accepted(log_main: int, log_copy: int) -> None:
    made = example(log_main, log_copy)
    assert accepts(made.circuit, made.claim, proof_of(made)) is None


@pytest.mark.parametrize(("main", "copy"), [(384, 128), (128, 896), (640, 128 + 256), (1024 + 512 + 128, 512 + 256 + 128)])
def test_tables_of_several_parts(main: int, copy: int) -> None:
    """Both verifiers accept, and the reference prover writes the same bytes."""
    made = counter(main, copy)
    proof = proof_of(made)
    assert accepts(made.circuit, made.claim, proof) is None
    traces = {name: trace.tolist() for name, trace in made.traces.items()}
    assert main > 1024 or proof == reference_prove(made.circuit, traces, made.claim, setting(FAST))


@pytest.mark.parametrize("part", range(3))
def test_a_wrong_row_of_any_part_is_refused(part: int) -> None:
    """By a constraint that it breaks, and by a message that nothing answers."""
    rows, row = 512 + 256 + 128, (0, 512, 768)[part] + 17
    with pytest.raises(InputError, match="a constraint is not zero"):
        proof_of(squares(rows).altered("squares", 1, row, 5))
    with pytest.raises(InputError, match="buses do not balance"):
        proof_of(counter(rows, 128).altered("main", 0, row, 5))


def test_honest_proof_at_full_security() -> None:
    made = example(10, 9)
    proof = prove(made.circuit, made.traces, made.claim)
    verify(made.circuit, made.claim, proof)
    assert accepts(made.circuit, made.claim, proof, DEFAULT) is None


@pytest.mark.parametrize("parameters", [FAST, Parameters(queries=7, grinding=0, log_fold=1, log_final=4), Parameters(3, 2)])
def test_reference_prover_writes_the_same_bytes(parameters: Parameters) -> None:
    made = example(8, 7)
    traces = {name: trace.tolist() for name, trace in made.traces.items()}
    assert proof_of(made, parameters) == reference_prove(made.circuit, traces, made.claim, setting(parameters))


@pytest.mark.parametrize(("log_main", "log_blowup"), [(7, 1), (10, 1), (9, 3)])
def test_stacks_of_fixed_columns_below_the_height_of_the_proof(log_main: int, log_blowup: int) -> None:
    """In a tree lower by s its slots stand s powers of X apart: the prover once put them side by side."""
    made, parameters = two_fixed_tables(log_main), replace(FAST, log_blowup=log_blowup)
    proof = proof_of(made, parameters)
    assert accepts(made.circuit, made.claim, proof, parameters) is None
    traces = {name: trace.tolist() for name, trace in made.traces.items()}
    assert log_main > 7 or proof == reference_prove(made.circuit, traces, made.claim, setting(parameters))


def test_absent_table_is_explicit() -> None:
    made = example(8, 7)
    main = made.traces["main"].copy()
    main[5] = 0
    traces = {"main": main, "range": made.traces["range"]}
    without = Example(made.circuit, traces, made.claim)
    proof = proof_of(without)
    assert proof[:12] == word_bytes(np.array([256, 0, 128]))
    assert accepts(made.circuit, made.claim, proof) is None


def test_threads_do_not_change_the_proof() -> None:
    made, before = example(12, 10), threads()
    proofs: set[bytes] = set()
    for count in (1, 2, 3):
        set_threads(count)
        proofs.add(proof_of(made))
    set_threads(before)
    assert len(proofs) == 1


def test_accumulator_may_start_anywhere() -> None:
    made = example()
    assert accepts(made.circuit, made.claim, ConstantAccumulator(made).run()) is None


def test_prover_refuses_false_statements() -> None:
    made = example()
    with pytest.raises(InputError, match="balance"):
        proof_of(unbalanced(made))
    with pytest.raises(InputError, match="constraint"):
        proof_of(broken_square(made))


def test_prover_refuses_non_canonical_traces() -> None:
    """Bug 5 of section 5: a value of p or more must not reach a transform."""
    made = example().altered("main", 3, 5, 2**31 - 2**24 + 1)
    with pytest.raises(InputError, match="canonical"):
        proof_of(made)


def test_prover_reports_progress_and_timings() -> None:
    made, seen = example(), []
    progress = lambda phase, done: seen.append((phase, done))  # noqa: E731
    prover = Prover(made.circuit, made.traces, made.claim, FAST, progress=progress, allow_insecure=True)
    prover.run()
    assert [phase for phase, done in seen if done == 1.0 and phase != "trace"] == ["logup", "quotient", "openings", "fri", "queries"]
    assert all(0 <= done <= 1 for _, done in seen)
    assert set(prover.timings.seconds) >= {"extend trace", "hash trace", "logup fractions", "constraints", "openings", "deep", "fri"}


def test_tables_without_constraints_or_messages() -> None:
    """A table that says nothing, one with constant arguments only, and one with three messages in batches of one and two."""
    silent, constant, odd = TableBuilder("silent"), TableBuilder("constant"), TableBuilder("odd")
    silent.column("x")
    constant.column("x")
    constant.send(0, 3, 7, 9)
    x = odd.column("x")
    for multiplicity in (-1, -1, -1):
        odd.send(0, multiplicity, 7, x)
    tables = (silent.build(), constant.build(), odd.build([(1,), (0, 2)]))
    circuit = Circuit(digest("silent"), (Bus("bus", 2),), tables, TableBuilder("claim").build())
    nines, zeros = np.full((1, 256), 9, dtype=np.uint32), np.zeros((1, 256), dtype=np.uint32)
    made = Example(circuit, {"silent": zeros[:, :128], "constant": zeros, "odd": nines}, ())
    assert accepts(circuit, (), proof_of(made)) is None


def test_claim_may_be_an_array() -> None:
    made = example()
    claim = np.array(made.claim, dtype=np.uint32)
    assert prove(made.circuit, made.traces, claim, FAST, allow_insecure=True) == proof_of(made)  # type: ignore[arg-type]
