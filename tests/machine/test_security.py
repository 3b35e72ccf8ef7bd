"""The security of the real machine: no proof that may be made of it has fewer bits than its parameters promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from zkc import api
from zkc.runtime.errors import VerificationError
from zkc.runtime.stark.parameters import DEGREE, JOHNSON, PARAMETER_SETS, Parameters
from zkc.runtime.stark.security import Instance, best, instance_of, provable_bits
from zkc.runtime.stark.shape import Shape


def shapes(parameters: Parameters) -> Iterator[Shape]:
    """All tables of one height, and each alone of the greatest with the others low, as far as their messages fit."""
    tables, least = api.machine().circuit.tables, parameters.full_log_height
    fixed = [None if t.fixed_log_height is None else max(t.fixed_log_height, least) for t in tables]
    mixed = [[parameters.max_log_height if k == tall else least for k in range(len(tables))] for tall, h in enumerate(fixed) if h is None]
    for logs in (*([h] * len(tables) for h in range(least, parameters.max_log_height + 1)), *mixed):
        try:
            yield Shape(api.machine().circuit, [1 << (h if f is None else f) for f, h in zip(fixed, logs, strict=True)], parameters)
        except VerificationError as error:
            assert "could wrap" in error.message


def worse_than_all(parameters: Parameters) -> Instance:
    """More than any shape of the machine has of anything: no column shares a polynomial, and the messages are as many as may be."""
    circuit = api.machine().circuit
    columns = sum(len(t.columns) + len(t.fixed) + len(t.batches) for t in circuit.tables) + 1 + 3
    tall = next(shapes(parameters))
    return replace(
        instance_of(tall),
        log_height=parameters.max_log_height,
        functions=2 * (columns + 2),
        constraints=1 + sum(len(t.constraints) + len(t.batches) for t in circuit.tables),
        fractions=2**31,
        folds=(3,) * ((parameters.max_log_height - 7) // 3),
        log_slots=parameters.max_log_height - 7,
    )


@pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=str)
def test_every_proof_of_the_machine_has_128_bits(parameters: Parameters) -> None:
    worst, found = worse_than_all(parameters), [instance_of(shape) for shape in shapes(parameters)]
    assert provable_bits(worst) == 128.0 and len(found) > 20
    for each in found:
        assert provable_bits(each) == 128.0
        for name in ("functions", "constraints", "fractions", "log_height", "log_slots", "width", "slack"):
            assert getattr(each, name) <= getattr(worst, name), name
    assert max(each.log_height for each in found) == worst.log_height


@pytest.mark.parametrize("parameters", [p for p in PARAMETER_SETS.values() if p.regime == JOHNSON], ids=str)
def test_so_it_has_with_the_constant_of_the_theorem_as_printed(parameters: Parameters) -> None:
    """Of the shapes that there are: where tables are tall, columns share polynomials. If none did, 127.99 bits would be left of set 1."""
    found = [instance_of(shape) for shape in shapes(parameters)]
    assert len(found) > 20 and all(best("BCHKS25 as printed", each).bits >= 128 for each in found)
    many = replace(max(found, key=lambda each: each.functions), log_height=parameters.max_log_height)
    assert best("BCHKS25 as printed", replace(many, functions=4 * many.functions)).bits < 128
    assert parameters.masks in (0, DEGREE + parameters.queries)
