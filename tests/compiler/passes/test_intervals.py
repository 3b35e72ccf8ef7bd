"""Bounds hold what they bound, and are no wider than the numbers at their ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import pytest

from zkc.compiler.dialects import row
from zkc.compiler.intervals import Interval, add, mul
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.locations import UNKNOWN
from zkc.compiler.ir.operation import FELT, Operation, Region, Value
from zkc.compiler.passes.check_wrap import CheckWrap
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.intervals import Intervals
from zkc.runtime.field.koalabear import P


def ends(x: Interval) -> tuple[Fraction, Fraction]:
    return Fraction(x.low, x.denominator), Fraction(x.high, x.denominator)


def hull(numbers: list[Fraction]) -> tuple[Fraction, Fraction]:
    return min(numbers), max(numbers)


@pytest.mark.parametrize("seed", range(5))
def test_sums_differences_and_products_of_all_ends(seed: int) -> None:
    random = Random(seed)
    for _ in range(200):
        a, b = (Interval(*sorted(random.randint(-9, 9) for _ in range(2)), random.choice((1, 2, 3, 4))) for _ in range(2))
        pairs = list(product(ends(a), ends(b)))
        for found, numbers in (
            (add(a, b), [x + y for x, y in pairs]), (add(a, b, -1), [x - y for x, y in pairs]), (mul(a, b), [x * y for x, y in pairs]),
        ):  # fmt: skip
            assert found is not None and ends(found) == hull(numbers)


def columns(*bounds: tuple[int, int]) -> tuple[Region, Builder, list[Value]]:
    region = Region()
    b = Builder(region)
    made = [{"name": str(i), "type": "felt", "low": low, "high": high} for i, (low, high) in enumerate(bounds)]
    return region, b, [b.create(row.COLUMN, (), attributes).result for attributes in made]


def test_a_choice_is_either() -> None:
    _, b, (c, x, y) = columns((0, 1), (-2, 4), (3, 5))
    chosen = b.create(row.CHOOSE, (c, x, y)).result
    found = Intervals({}).of(chosen)
    assert found is not None and all(found.low <= n <= found.high for n in (-2, 3, 4, 5))


def test_what_is_learned_of_a_meaning_is_learned_of_its_element() -> None:
    _, b, (x,) = columns((0, P - 1))
    meant = b.create(row.MEANING, (x, b.value(row.GIVEN, name="x", low=0, high=P - 1)), {}).result
    intervals = Intervals({})
    intervals.learn(meant, Interval(0, 7))
    assert intervals.of(meant) == intervals.of(x) == Interval(0, 7)


@pytest.mark.parametrize(("high", "wraps"), [(P - 1, False), (P, True)])
def test_a_difference_of_p_wraps(high: int, wraps: bool) -> None:
    region, b, (x,) = columns((0, high))
    b.create(row.ASSERT, (x, b.constant(0, FELT)), {"label": "x is 0"})
    facts = Facts({}, {}, {})
    CheckWrap().run(Operation(row.TABLE, (), {"sym_name": "t"}, (), (region,), UNKNOWN), facts)
    assert [d.code for d in facts.diagnostics] == (["E0301"] if wraps else [])
