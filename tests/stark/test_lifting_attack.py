"""Why DEEP divides by X^s - zeta^s: dividing by X - zeta, a word that looks lifted can be opened as a polynomial that is not.

The word does not change under s-th roots of unity, as every lifted word, and agrees with G = G_0(X^s) + X^(s/2) G_1(X^s) wherever G_1
vanishes and on half of the other points: more than the Johnson radius asks for, less than unique decoding does. zeta is in the base field
here; the algebra is the same.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest

from zkc.runtime.field.koalabear import P, root_of_unity

LOG_HEIGHT = 6
N = 1 << LOG_HEIGHT


def evaluate(coefficients: list[int], x: int) -> int:
    out = 0
    for c in reversed(coefficients):
        out = (out * x + c) % P
    return out


def product(a: list[int], b: list[int]) -> list[int]:
    out = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] = (out[i + j] + x * y) % P
    return out


def interpolated(points: list[int], values: list[int], at: int) -> int:
    """Lagrange's polynomial through these points, at another one."""
    out = 0
    for k, (x, y) in enumerate(zip(points, values, strict=True)):
        above = math.prod(at - z for j, z in enumerate(points) if j != k) % P
        below = math.prod(x - z for j, z in enumerate(points) if j != k) % P
        out += y * above * pow(below, -1, P)
    return out % P


@dataclass(frozen=True)
class Attack:
    """The polynomial, the word on the domain, and where they agree."""

    polynomial: list[int]
    word: dict[int, int]
    agreement: list[int]


def attack(s: int, log_blowup: int) -> Attack:
    rng = random.Random(3)
    root = root_of_unity(LOG_HEIGHT + log_blowup)
    domain = [3 * pow(root, e, P) % P for e in range(N << log_blowup)]
    vanishing = [1]
    for y in sorted({pow(x, s, P) for x in domain})[: N // s - 1]:
        vanishing = product(vanishing, [-y % P, 1])
    polynomial = [0] * N
    polynomial[::s] = [rng.randrange(P) for _ in range(N // s)]
    polynomial[s // 2 :: s] = vanishing
    first: dict[int, int] = {}
    for x in domain:
        first.setdefault(pow(x, s, P), evaluate(polynomial, x))
    word = {x: first[pow(x, s, P)] for x in domain}
    return Attack(polynomial, word, [x for x in domain if word[x] == evaluate(polynomial, x)])


def quotients_are_low_degree(made: Attack, s: int, zeta: int, value: int) -> bool:
    """Whether (word - value) / (x^s - zeta^s) is, where word and polynomial agree, a polynomial of degree < N."""
    quotients = {x: (made.word[x] - value) * pow(pow(x, s, P) - pow(zeta, s, P), -1, P) % P for x in made.agreement}
    points = made.agreement[:N]
    values = [quotients[x] for x in points]
    return all(interpolated(points, values, x) == quotients[x] for x in made.agreement[N : N + 4])


@pytest.mark.parametrize("log_blowup", [1, 2])
@pytest.mark.parametrize("s", [2, 4])
def test_a_word_that_looks_lifted_is_opened_as_something_else(s: int, log_blowup: int) -> None:
    made, zeta = attack(s, log_blowup), 123456789
    share = len(made.agreement) / len(made.word)
    assert 2 ** (-log_blowup / 2) < share < (1 + 2**-log_blowup) / 2  # beyond Johnson's agreement, short of unique decoding's
    value = evaluate(made.polynomial, zeta)
    lifted = evaluate(made.polynomial[::s], pow(zeta, s, P))
    assert value != lifted
    assert quotients_are_low_degree(made, 1, zeta, value)  # X - zeta accepts the lie
    assert not quotients_are_low_degree(made, s, zeta, value)  # X^s - zeta^s does not,
    assert not quotients_are_low_degree(made, s, zeta, lifted)  # nor any other value for this polynomial


def test_a_lifted_column_passes_both() -> None:
    honest = [0] * N
    honest[::4] = range(1, N // 4 + 1)
    root = root_of_unity(LOG_HEIGHT + 1)
    domain = [3 * pow(root, e, P) % P for e in range(2 * N)]
    made = Attack(honest, {x: evaluate(honest, x) for x in domain}, domain)
    assert all(quotients_are_low_degree(made, s, 5, evaluate(honest, 5)) for s in (1, 4))
