"""Bounds of elements of the field over the integers, as fractions with one denominator."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

BOUND = 1 << 96
"""Beyond this a value counts as any field element."""


@dataclass(frozen=True)
class Interval:
    """Integers numerator / denominator with low <= numerator <= high."""

    low: int
    high: int
    denominator: int = 1

    def scaled(self, denominator: int) -> tuple[int, int]:
        """The bounds of the numerator over a multiple of the denominator."""
        k = denominator // self.denominator
        return self.low * k, self.high * k


def add(a: Interval, b: Interval, sign: int = 1) -> Interval | None:
    """a + sign b."""
    d = lcm(a.denominator, b.denominator)
    (al, ah), (bl, bh) = a.scaled(d), b.scaled(d)
    return _small(Interval(al + bl, ah + bh, d) if sign > 0 else Interval(al - bh, ah - bl, d))


def mul(a: Interval, b: Interval) -> Interval | None:
    """a b."""
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return _small(Interval(min(corners), max(corners), a.denominator * b.denominator))


def _small(found: Interval) -> Interval | None:
    return None if max(-found.low, found.high, found.denominator) > BOUND else found
