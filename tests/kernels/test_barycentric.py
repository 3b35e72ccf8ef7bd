"""Barycentric evaluation against Horner's rule on the coefficients, in Python integers."""

from __future__ import annotations

import numpy as np
import pytest

from zkc.runtime.field import arrays, koalabear
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P
from zkc.runtime.kernels.threads import set_threads, threads
from zkc.runtime.poly import barycentric, ntt

POINT = Element((5, P - 1, 0, 1, 12345, 7))


@pytest.mark.parametrize("log_n", [0, 1, 3, 4, 7, 10])
def test_against_horner(log_n: int) -> None:
    rng = np.random.default_rng(log_n)
    coefficients = rng.integers(0, P, (3, 1 << log_n), dtype=np.uint32)
    montgomery = coefficients.copy()
    arrays.to_montgomery(montgomery)
    values = [
        barycentric.evaluate_columns(ntt.evaluate(montgomery), barycentric.weights(log_n, POINT.words())),
        barycentric.evaluate_columns(ntt.evaluate(montgomery, 3, 1)[:, : 1 << log_n], barycentric.weights(log_n, POINT.words(), 3)),
    ]
    for column in range(3):
        expected = Element.base(0)
        for c in reversed(coefficients[column].tolist()):
            expected = expected * POINT + Element.base(c)
        assert [Element.from_words(v[column]) for v in values] == [expected, expected]


def test_threads_do_not_matter() -> None:
    before, columns = threads(), np.random.default_rng(9).integers(0, P, (3, 1 << 15), dtype=np.uint32)
    results = []
    for count in (1, 3):
        set_threads(count)
        results.append(barycentric.evaluate_columns(columns, barycentric.weights(15, POINT.words())).tolist())
    set_threads(before)
    assert results[0] == results[1]


def test_points_of_the_domain_are_refused() -> None:
    inside = Element.base(3 * koalabear.root_of_unity(4))
    with pytest.raises(ValueError, match="domain"):
        barycentric.weights(4, inside.words(), 3)
    with pytest.raises(ValueError, match="weights for"):
        barycentric.evaluate_columns(np.zeros((1, 32), dtype=np.uint32), barycentric.weights(4, POINT.words()))
