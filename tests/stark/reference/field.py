"""Slow, plain arithmetic over any prime p = 2 or 5 mod 9: canonical integers, and tuples of six for Fp[x] / (x^6 + x^3 + 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Element = tuple[int, ...]
"""Six canonical coefficients, that of x^0 first."""


@dataclass(frozen=True)
class Field:
    """The prime p with a generator of its multiplicative group."""

    p: int
    generator: int

    def root(self, log_n: int) -> int:
        """A primitive root of unity of order 2^log_n."""
        assert (self.p - 1) % (1 << log_n) == 0
        return pow(self.generator, (self.p - 1) >> log_n, self.p)

    def lift(self, x: int) -> Element:
        return (x % self.p, 0, 0, 0, 0, 0)

    def add(self, *terms: Element) -> Element:
        return tuple(sum(c) % self.p for c in zip(*terms, strict=True))

    def sub(self, x: Element, y: Element) -> Element:
        return tuple((a - b) % self.p for a, b in zip(x, y, strict=True))

    def scale(self, x: Element, k: int) -> Element:
        return tuple(a * k % self.p for a in x)

    def mul(self, x: Element, y: Element) -> Element:
        wide = [0] * 11
        for i, a in enumerate(x):
            for j, b in enumerate(y):
                wide[i + j] += a * b
        for k in range(10, 5, -1):  # x^6 = -x^3 - 1
            wide[k - 3] -= wide[k]
            wide[k - 6] -= wide[k]
        return tuple(c % self.p for c in wide[:6])

    def power(self, x: Element, e: int) -> Element:
        out = self.lift(1)
        while e:
            if e & 1:
                out = self.mul(out, x)
            x = self.mul(x, x)
            e >>= 1
        return out

    def invert(self, x: Element) -> Element:
        assert any(x)
        return self.power(x, self.p**6 - 2)

    def invert_all(self, xs: Sequence[Element]) -> list[Element]:
        """Inverses of many, from that of their product."""
        before = [self.lift(1)]
        for x in xs:
            before.append(self.mul(before[-1], x))
        down, out = self.invert(before[-1]), []
        for x, product in zip(reversed(xs), reversed(before[:-1]), strict=True):
            out.append(self.mul(down, product))
            down = self.mul(down, x)
        return out[::-1]

    def powers(self, x: Element, count: int) -> list[Element]:
        out = [self.lift(1)]
        while len(out) < count:
            out.append(self.mul(out[-1], x))
        return out

    def combine(self, parts: Sequence[Element]) -> Element:
        """Sum of x^k parts[k]: the value of an extension column whose six base columns were opened to `parts`."""
        out = self.lift(0)
        for k, part in enumerate(parts):
            out = self.add(out, self.mul(tuple(int(i == k) for i in range(6)), part))
        return out


def bit_reverse(x: int, bits: int) -> int:
    return int(bin(x + (1 << bits))[:2:-1], 2) if bits else 0


def evaluate(field: Field, coefficients: Sequence[int], x: Element) -> Element:
    """Horner, base coefficients at an extension point."""
    out = field.lift(0)
    for c in reversed(coefficients):
        out = field.mul(out, x)
        out = (*((out[0] + c) % field.p,), *out[1:])
    return out


def transform(field: Field, values: list[int], root: int) -> list[int]:
    """Values at root^0, root^1, … of the polynomial with these coefficients; natural order."""
    n = len(values)
    if n == 1:
        return values
    square = root * root % field.p
    even, odd = transform(field, values[::2], square), transform(field, values[1::2], square)
    out = [0] * n
    w = 1
    for i in range(n // 2):
        t = w * odd[i]
        out[i], out[i + n // 2] = (even[i] + t) % field.p, (even[i] - t) % field.p
        w = w * root % field.p
    return out


def to_coefficients(field: Field, column: Sequence[int], shift: int = 1) -> list[int]:
    """Coefficients of the polynomial with these values on shift * <w_n>, bit-reversed order."""
    bits = len(column).bit_length() - 1
    natural = [column[bit_reverse(e, bits)] for e in range(len(column))]
    out = transform(field, natural, pow(field.root(bits), -1, field.p))
    scale, down = pow(len(column), -1, field.p), pow(shift, -1, field.p)
    return [c * scale * pow(down, i, field.p) % field.p for i, c in enumerate(out)]


def to_values(field: Field, coefficients: Sequence[int], log_n: int, shift: int) -> list[int]:
    """Values on shift * <w_n>, bit-reversed order."""
    padded = [c * pow(shift, i, field.p) % field.p for i, c in enumerate(coefficients)] + [0] * ((1 << log_n) - len(coefficients))
    natural = transform(field, padded, field.root(log_n))
    return [natural[bit_reverse(b, log_n)] for b in range(1 << log_n)]
