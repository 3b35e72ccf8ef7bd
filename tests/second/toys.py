"""Toy circuits for the second verifier: both verifiers on the same proof, and tables of any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from examples.verifier.checks import check_proof
from examples.verifier.circuit import Circuit, parse_circuit
from examples.verifier.parameters import Parameters
from examples.verifier.refused import Refused
from tests.stark.bent import FAST, BentProver
from tests.stark.circuits import Example, example
from tests.stark.support import rejection
from zkc.runtime.circuit import circuit as first
from zkc.runtime.circuit.text import circuit_text
from zkc.runtime.stark import parameters as first_parameters
from zkc.runtime.stark.commitment import compiled_fixed_top


def second(made: first.Circuit) -> Circuit:
    """A toy circuit as the second verifier reads it. Its digest is what the toy says."""
    tops = {log_blowup: compiled_fixed_top(made, log_blowup) for log_blowup in (1, 2, 3)}
    return replace(parse_circuit(circuit_text(replace(made, fixed_tops=tops)).encode(), {}), digest=made.digest)


def translated(p: first_parameters.Parameters) -> Parameters:
    return Parameters(p.log_blowup, p.queries, p.grinding, p.log_fold, p.log_final, p.masks, p.regime)


def refused(made: first.Circuit, claim: Sequence[int], proof: bytes, parameters: first_parameters.Parameters = FAST) -> str | None:
    """Why the proof is not accepted; both agree."""
    reason = rejection(made, claim, proof, parameters)
    try:
        check_proof(second(made), claim, proof, translated(parameters))
        other = None
    except Refused as no:
        other = str(no)
    assert (reason is None) == (other is None), f"the verifiers disagree: zkc says {reason}, the second one {other}"
    return other


def made_by(prover: type[BentProver], made: Example, parameters: first_parameters.Parameters = FAST) -> str | None:
    return refused(made.circuit, made.claim, prover(made, parameters).run(), parameters)


def of_rows(main: int, copy: int, parameters: first_parameters.Parameters = FAST) -> Example:
    """The circuit of `example` with so many rows of `main` and `copy`, main's all real; its fixed table as tall as masks need it."""
    tall = example(main.bit_length() + 1, 7).traces["main"]
    trace, count = tall[:, :main].copy(), min(main, copy) - 5
    trace[5] = np.arange(main) < count
    copied = np.zeros((4, copy), dtype=np.uint32)
    copied[:3, :count], copied[3, :count] = trace[[0, 2, 3], :count][:, ::-1], 1
    ranges = np.zeros((1, 1 << parameters.full_log_height), dtype=np.uint32)
    ranges[0, :: ranges.shape[1] // 128] = np.bincount(trace[2], minlength=128)
    return Example(example(7, 7).circuit, {"main": trace, "copy": copied, "range": ranges}, (main, int(tall[1, main])))
