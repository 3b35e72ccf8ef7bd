"""The height of a table with so many rows, against all heights that there are."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from zkc.runtime.execution.sizes import PART_ROWS, PARTS, height_of, rows_in
from zkc.runtime.stark.parameters import DEFAULT, HIDING, SMALL_HIDING, Parameters

MOST = 15


def cheapest(rows: int, parameters: Parameters) -> int:
    """Of all sums of few powers of two with so many rows the one that costs least, the lower one of two."""
    digits = [1 << h for h in range(parameters.min_log_height, MOST + 1)]
    costs: list[tuple[int, int]] = []
    for count in range(1, PARTS + 1):
        for parts in combinations(digits, count):
            if sum(part if part >> parameters.full_log_height else part // 2 for part in parts) >= rows:
                costs.append((sum(parts) + (count - 1) * PART_ROWS, count))
    cost, count = min(costs)
    return cost - (count - 1) * PART_ROWS


@pytest.mark.parametrize("parameters", [DEFAULT, HIDING, SMALL_HIDING], ids=["plain", "hiding", "small"])
def test_heights_are_the_cheapest_and_have_the_rows(parameters: Parameters) -> None:
    """Around every sum of two powers of two, and in steps between."""
    least, full = parameters.min_log_height, parameters.full_log_height
    near = {sum(pair) + d for pair in combinations([0, *(1 << h for h in range(6, MOST))], 2) for d in (-1, 0, 1)}
    counts = sorted(r for r in {*near, *range(1, 1 << MOST, 977)} if 0 < r <= 1 << MOST)
    heights = [height_of(rows, least, full) for rows in counts]
    assert heights == [cheapest(rows, parameters) for rows in counts]
    assert all(a <= b for a, b in pairwise(heights)), "more rows need no lower table: the executor only ever raises it"
    for rows, height in zip(counts, heights, strict=True):
        assert rows <= rows_in(height, full) and parameters.height(rows_in(height, full)) == height
        assert height.bit_count() <= PARTS and height % (1 << least) == 0


def test_a_table_is_no_longer_padded_to_a_power_of_two() -> None:
    assert height_of((1 << 17) + 1) == (1 << 17) + 128
    assert height_of(200, HIDING.min_log_height, HIDING.full_log_height) == 1024
    assert height_of(600, HIDING.min_log_height, HIDING.full_log_height) == 2048
