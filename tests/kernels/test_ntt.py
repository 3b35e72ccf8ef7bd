"""Transforms against the definition: sums of powers at the points of the domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zkc.runtime.field import arrays
from zkc.runtime.field.koalabear import P, root_of_unity
from zkc.runtime.kernels.threads import set_threads, threads
from zkc.runtime.poly import ntt
from zkc.runtime.poly.domain import domain
from zkc.runtime.poly.ntt import Tail

Words = np.ndarray[Any, np.dtype[np.uint32]]


def mirrored(b: int, bits: int) -> int:
    return int(format(b, f"0{bits}b")[::-1], 2) if bits else 0


def point(b: int, log_n: int, shift: int) -> int:
    return shift * pow(root_of_unity(log_n), mirrored(b, log_n), P) % P


def horner(coefficients: list[int], x: int) -> int:
    value = 0
    for c in reversed(coefficients):
        value = (value * x + c) % P
    return value


def montgomery(canonical: Words) -> Words:
    result = canonical.copy()
    arrays.to_montgomery(result)
    return result


def canonical(words: Words) -> Words:
    result = words.copy()
    arrays.from_montgomery(result)
    return result


def random_columns(k: int, n: int) -> Words:
    columns = np.random.default_rng(k * n).integers(0, P, (k, n), dtype=np.uint32)
    columns[0, : min(n, 3)] = [0, P - 1, 1][: min(n, 3)]
    columns[-1] = P - 1
    return columns


@pytest.mark.parametrize("log_n", [0, 1, 3, 6])
def test_domain(log_n: int) -> None:
    assert canonical(domain(log_n)).tolist() == [point(b, log_n, 1) for b in range(1 << log_n)]


@pytest.mark.parametrize("log_n", [0, 1, 2, 3, 4, 5, 7, 10, 11, 12, 15])
@pytest.mark.parametrize("k", [1, 6, 17])
def test_evaluate_is_horner(log_n: int, k: int) -> None:
    n = 1 << log_n
    coefficients = random_columns(k, n)
    for shift, log_blowup in ((1, 0), (3, 1), (5, 2)):
        values = canonical(ntt.evaluate(montgomery(coefficients), shift, log_blowup))
        assert values.shape == (k, n << log_blowup)
        for b in {0, 1 % n, n - 1, (n << log_blowup) - 1, (n << log_blowup) // 2, 12345 % (n << log_blowup)}:
            for column in {0, k - 1}:
                assert values[column, b] == horner(coefficients[column].tolist(), point(b, log_n + log_blowup, shift))


@pytest.mark.parametrize("log_n", [0, 3, 4, 7, 11, 14, 16])
@pytest.mark.parametrize("k", [1, 16, 35])
def test_round_trips(log_n: int, k: int) -> None:
    columns = montgomery(random_columns(k, 1 << log_n))
    for shift in (1, 3):
        coefficients = ntt.interpolate(columns, shift)
        assert (ntt.evaluate(coefficients, shift) == columns).all()
    assert (ntt.extend(columns, 7) == ntt.evaluate(ntt.interpolate(columns), 7, 1)).all()


@pytest.mark.parametrize("log_n", [3, 4, 7, 11, 13, 14, 16])
@pytest.mark.parametrize(("k", "log_blowup"), [(1, 1), (16, 1), (17, 1), (35, 1), (48, 2), (33, 3)])
def test_columns_extend_into_the_room_that_ends_with_them(log_n: int, k: int, log_blowup: int) -> None:
    """Whatever order groups of columns are transformed in: the same as in a new array, with and without a tail."""
    columns, n = random_columns(k, 1 << log_n), 1 << log_n
    residues = [np.zeros((k, n if log_n < 10 else 1 << 10), dtype=np.uint32) for _ in range(2)]
    tails = [Tail(random_columns(k, n)[:, : 16 * (n // 16)], residue, 5) for residue in residues]
    tails[1] = replace(tails[1], terms=tails[0].terms)
    for one, two in ((ntt.NO_TAIL, ntt.NO_TAIL), tails if n >= 16 else (ntt.NO_TAIL, ntt.NO_TAIL)):
        room = np.zeros((k, n << log_blowup), dtype=np.uint32)
        last = ntt.last_words(room, log_blowup)
        assert last.shape == columns.shape and last.base is not None and np.shares_memory(last, room)
        last[:] = columns
        found = ntt.extend(last, 3, log_blowup, one, room)
        assert found is room
        assert (found == ntt.extend(columns, 3, log_blowup, two)).all()
        assert (residues[0] == residues[1]).all()


def test_threads_do_not_matter() -> None:
    before, results = threads(), []
    for count in (1, 2, 5):
        set_threads(count)
        results.append([ntt.extend(montgomery(random_columns(20, 1 << log_n)), 3).tobytes() for log_n in (8, 15)])
    set_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("n", [3, 24])
def test_wrong_height(n: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        ntt.interpolate(np.zeros((1, n), dtype=np.uint32))
