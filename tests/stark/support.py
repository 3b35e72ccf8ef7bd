"""Shared by the tests: running both verifiers over the same proof, examples with false statements."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.stark.bent import FAST
from tests.stark.circuits import Example
from tests.stark.reference import verifier as reference
from tests.stark.reference.common import Reject, Setting
from zkc.runtime.circuit.circuit import Circuit, Table
from zkc.runtime.errors import VerificationError
from zkc.runtime.stark.parameters import Parameters
from zkc.runtime.stark.verifier import verify


def setting(parameters: Parameters) -> Setting:
    """The reference's parameters."""
    p = parameters
    return Setting(
        queries=p.queries,
        grinding=p.grinding,
        log_fold=p.log_fold,
        log_final=p.log_final,
        log_blowup=p.log_blowup,
        masks=p.masks,
        regime=p.regime,
    )


def accepts(circuit: Circuit, claim: Sequence[int], proof: bytes, parameters: Parameters = FAST) -> str | None:
    """None if both verifiers accept, else the reason of the production verifier; they must agree, and raise nothing else. [F20]"""
    try:
        reference.verify(circuit, claim, proof, setting(parameters))
        expected = True
    except Reject:
        expected = False
    reason = rejection(circuit, claim, proof, parameters)
    assert expected == (reason is None), f"the verifiers disagree: reference accepts {expected}, production says {reason}"
    return reason


def rejection(circuit: Circuit, claim: Sequence[int], proof: bytes, parameters: Parameters = FAST) -> str | None:
    """The production verifier alone: None if it accepts, else its reason."""
    try:
        verify(circuit, claim, proof, parameters, allow_insecure=True)
    except VerificationError as error:
        return error.message
    return None


def with_table(circuit: Circuit, number: int, table: Table) -> Circuit:
    """The circuit, its digest unchanged, with one table replaced."""
    tables = list(circuit.tables)
    tables[number] = table
    return replace(circuit, tables=tuple(tables))


def flipped(data: bytes, at: int, rng: random.Random) -> bytes:
    """`data` with one bit of one byte changed."""
    out = bytearray(data)
    out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


def unbalanced(example: Example) -> Example:
    """The example with a final state in the claim that the run does not reach."""
    return Example(example.circuit, example.traces, (example.claim[0], example.claim[1] + 1))


def broken_square(example: Example) -> Example:
    """A wrong square in one row of `main`, its consequences drawn everywhere else: only the constraint of the square fails."""
    traces = {name: trace.copy() for name, trace in example.traces.items()}
    main = traces["main"]
    last = int(np.flatnonzero(main[4])[-1])
    main[3, last] += 1
    claim = (example.claim[0], example.claim[1] + 1)
    return Example(example.circuit, traces, claim)
