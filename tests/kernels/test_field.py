"""Base field, packed lanes, node lists and the extension against Python integers."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from numba import njit

from zkc.runtime.field import arrays, extension, koalabear
from zkc.runtime.field.extension import Element
from zkc.runtime.field.koalabear import P, R
from zkc.runtime.field.packed import LANES, load, load_rows, mul_prepared, prepare, splat, store, store_rows, transpose
from zkc.runtime.kernels.threads import set_threads, threads

CORNERS = [0, 1, 2, P - 1, P - 2, (P - 1) // 2, (P + 1) // 2, 2**24, R % P, R * R % P, P - 2**24]


def words(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Random words below p, corner values in front."""
    result = rng.integers(0, P, shape, dtype=np.uint32)
    flat = result.reshape(-1)
    flat[: len(CORNERS)] = CORNERS[: flat.size]
    return result


def test_constants() -> None:
    assert P == 2**31 - 2**24 + 1 and all(pow(3, (P - 1) // q, P) != 1 for q in (2, 127))
    for log_n in range(1, 25):
        root = koalabear.root_of_unity(log_n)
        assert pow(root, 2 ** (log_n - 1), P) == P - 1
        assert root * root % P == koalabear.root_of_unity(log_n - 1)
    with pytest.raises(ValueError):
        koalabear.root_of_unity(25)


def test_scalar_kernels() -> None:
    random.seed(1)
    pairs = list(itertools.product(CORNERS, CORNERS)) + [(random.randrange(P), random.randrange(P)) for _ in range(500)]
    for x, y in pairs:
        u, v = np.uint32(x), np.uint32(y)
        assert koalabear.add(u, v) == (x + y) % P
        assert koalabear.sub(u, v) == (x - y) % P
        assert koalabear.mul(u, v) == x * y * pow(R, -1, P) % P
    for x in CORNERS:
        word = np.uint32(koalabear.to_montgomery(x))
        assert koalabear.from_montgomery(int(koalabear.invert(word))) == pow(x, P - 2, P)
        assert koalabear.from_montgomery(int(koalabear.power(word, 12345))) == pow(x, 12345, P)
    assert koalabear.mul(np.uint32(R - 1), np.uint32(P - 1)) == (R - 1) * (P - 1) * pow(R, -1, P) % P


@njit
def packed_operations(a: Any, b: Any, out: Any) -> None:
    for i in range(0, a.size, LANES):
        x, y = load(a, i), load(b, i)
        store(out, (0, i), x + y)
        store(out, (1, i), x - y)
        store(out, (2, i), x * y)
        store(out, (3, i), mul_prepared(x, y, prepare(y)))
        store(out, (4, i), splat(a[i]))


def test_packed_operators() -> None:
    corners = np.array(list(itertools.product(CORNERS, CORNERS)), dtype=np.uint32)
    rng = np.random.default_rng(2)
    a, b = (np.concatenate([corners[:, k], words(rng, 1024 - len(corners))]) for k in range(2))
    out = np.zeros((5, 1024), dtype=np.uint32)
    packed_operations(a, b, out)
    x, y = a.astype(object), b.astype(object)
    assert (out[0] == (x + y) % P).all() and (out[1] == (x - y) % P).all()
    assert (out[2] == x * y * pow(R, -1, P) % P).all() and (out[3] == out[2]).all()
    assert (out[4] == np.repeat(a[::LANES], LANES)).all()


@njit
def transpose_square(a: Any, out: Any) -> None:
    store_rows(out, 0, 0, 16, transpose(load_rows(a, 0, 0, 16)))


def test_transpose() -> None:
    a = np.arange(256, dtype=np.uint32).reshape(16, 16)
    out = np.zeros_like(a)
    transpose_square(a, out)
    assert (out == a.T).all()


@pytest.mark.parametrize("size", [1, 15, 16, 1000, 200_000])
def test_array_conversion(size: int) -> None:
    canonical = words(np.random.default_rng(size), size)
    array, before = canonical.copy(), threads()
    for count in (1, 3):
        set_threads(count)
        arrays.to_montgomery(array)
        assert (array == canonical.astype(object) * R % P).all()
        arrays.from_montgomery(array)
        assert (array == canonical).all()
    set_threads(before)


# ***** extension *****


def test_polynomial_is_irreducible() -> None:
    """x has order 9 and its degree is the order of p modulo 9; and x^(p^k) != x for k < 6, checked in F itself (Rabin)."""
    x = Element((0, 1, 0, 0, 0, 0))
    assert x**9 == Element.base(1) and x**3 != Element.base(1)
    conjugates = [x]
    while (following := conjugates[-1] ** P) != x:
        conjugates.append(following)
    assert len(conjugates) == 6
    for k in (2, 3):
        difference = conjugates[k] - x
        assert difference * difference.inverse() == Element.base(1)


def test_an_inverse_is_a_power_by_fermat() -> None:
    rng = np.random.default_rng(5)
    some = [Element(tuple(int(c) for c in rng.integers(0, P, 6))) for _ in range(20)]
    for a in (*some, *(Element.base(b) for b in (0, 1, 7, P - 1)), Element((0, 0, 0, 5, 0, 0)), Element((0, 1, 0, 0, 0, P - 1))):
        assert a.inverse() == a ** (P**6 - 2)


@njit
def extension_words(a: Any, b: Any, out: Any) -> None:
    for row in range(a.shape[1]):
        x, y = extension.read(a, row), extension.read(b, row)
        extension.write(out[0], row, extension.mul(x, y))
        extension.write(out[1], row, extension.add(x, y))
        extension.write(out[2], row, extension.sub(x, y))
        extension.write(out[3], row, extension.scale(x, b[0, row]))
        extension.write(out[4], row, extension.inverse(x))
        extension.write(out[5], row, extension.power(x, 5))


@njit
def extension_packed(a: Any, b: Any, out: Any) -> None:
    for row in range(0, a.shape[1], LANES):
        x, y = extension.load_packed(a, 0, row), extension.load_packed(b, 0, row)
        extension.store_packed(out[0], 0, row, extension.mul(x, y))
        extension.store_packed(out[1], 0, row, extension.add(x, y))
        extension.store_packed(out[2], 0, row, extension.sub(x, y))
        extension.store_packed(out[3], 0, row, extension.scale(x, y[0]))
        extension.store_packed(out[4], 0, row, extension.inverse(x))
        five = extension.mul(extension.splat_packed(extension.ONE_WORDS), x)
        for _ in range(4):
            five = extension.mul(five, x)
        extension.store_packed(out[5], 0, row, five)


def test_extension_against_integers() -> None:
    rng = np.random.default_rng(4)
    a, b = words(rng, 6, 256), words(rng, 6, 256)
    a[:, :4] = [[0, P - 1, 1, P - 1]] * 6
    b[:, :4] = [[5, P - 1, P - 1, 0]] * 6
    scalar, packed = np.zeros((6, 6, 256), dtype=np.uint32), np.zeros((6, 6, 256), dtype=np.uint32)
    extension_words(a, b, scalar)
    extension_packed(a, b, packed)
    assert (scalar == packed).all()
    assert (extension.invert_columns(a[:, :249].copy()) == scalar[4, :, :249]).all()
    for row in range(0, 256, 5):
        x, y = Element.from_words(a[:, row]), Element.from_words(b[:, row])
        base = Element.base(y.coefficients[0])
        expected = [x * y, x + y, x - y, x * base, x.inverse(), x**5]
        assert [Element.from_words(scalar[k, :, row]) for k in range(6)] == expected
        assert (x.words() == a[:, row]).all()
