"""Multiplication and division once more, over the integers: as the manual (chapter M) says, by what the results satisfy.

The row's equations are polynomials in bytes, so products of words are compared as polynomials: every product of two bytes is a variable of
its own. Division rounds to zero: the absolute values satisfy |a| = |b| q + r with 0 <= r < |b|, of which there is one pair
(`test_division_has_one_result`); the quotient is negative if the signs differ, the remainder if the dividend is. By zero the quotient is
all ones, the remainder the dividend.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

import z3

from tests.functional.claims import Claims, Verdict
from tests.functional.rows import Access, Halves
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit

SIGNED: Final = {"mulh": (True, True), "mulhsu": (True, False), "div": (True, True), "rem": (True, True)}
"""Whether the operands have signs; those of the others have none."""
WORD: Final = 1 << 32
BYTES: Final = 4
Exact = dict[tuple[int, ...], int]
"""A polynomial over the integers."""


class Products(Claims):
    """The row of a multiplication or division, where the signs of its operands are fixed."""

    def result(self, access: Access) -> Iterator[Verdict]:
        """What is written into rd."""
        registers = dict(self.registers())
        a, b = registers["rs1"].old, registers["rs2"].old
        signs = [self.sign(x) if s else 0 for x, s in zip((a, b), SIGNED.get(self.arm, (False, False)), strict=True)]
        low, high = (self.node(n) for n in access.new)
        yield "rd is a word", self.proves(lambda: z3.And(low < 1 << 16, high < 1 << 16))
        rd = low + (1 << 16) * high
        if self.arm.startswith("mul"):
            product = self.total(multiplied(*(with_constant(self.in_bytes(x), -WORD * s) for x, s in zip((a, b), signs, strict=True))))
            wanted = product if self.arm == "mul" else product / WORD
            yield "rd", self.proves(lambda: (wanted - rd) % WORD == 0)
        else:
            yield from self.division(rd, a, b, signs)

    def division(self, rd: Any, a: Halves, b: Halves, signs: list[int]) -> Iterator[Verdict]:
        """Of one case: by zero, or not."""
        dividend, divisor = self.whole(a), self.whole(b)
        quotient = self.arm.startswith("div")
        if self.proves(lambda: divisor == 0):
            yield "rd, divided by zero", self.proves(lambda: rd == (WORD - 1 if quotient else dividend))
            return
        yield "not zero", self.proves(lambda: divisor != 0)
        m, n = (z3.IntVal(WORD) - x if s else x for x, s in zip((dividend, divisor), signs, strict=True))
        q, r = self.named("q"), self.named("r")
        words = list(self.words_of_columns())
        e, d = self.equal_to(m, words), self.equal_to(n, [h for h in words if len(self.in_bytes(h)) == BYTES])
        yield "the row has |a| and |b|", d is not None and e is not None
        if d is not None and e is not None:
            product = self.total(multiplied(self.in_bytes(q), self.in_bytes(d)))
            yield "|a| = |b| q + r", self.proves(lambda: product + self.whole(r) == self.whole(e))
            yield "r < |b|", self.proves(lambda: self.whole(r) < n)
            size, negative = (self.whole(q), signs[0] != signs[1]) if quotient else (self.whole(r), signs[0] == 1)
            yield "rd", self.proves(lambda: (rd - (-size if negative else size)) % WORD == 0)

    def equal_to(self, value: Any, words: Iterable[Halves]) -> Halves | None:
        """One of these that is shown to be this integer."""
        for halves in words:
            if self.solver.proves(self.whole(halves) == value):
                return halves
        return None

    def sign(self, halves: Halves) -> int:
        """The sign bit of a word, which is the same in the whole case."""
        found = self.solver.constant(z3.If(self.whole(halves) >= 1 << 31, z3.IntVal(1), z3.IntVal(0)))
        assert found is not None, "each case has one sign"
        return found

    def whole(self, halves: Halves) -> Any:
        low, high = (self.node(n) for n in halves)
        return low + (1 << 16) * high

    # columns

    def words_of_columns(self) -> Iterator[Halves]:
        names = [self.table.column_name(c, self.arm) for c in range(len(self.table.columns))]
        row = self.messages.row
        for i, name in enumerate(names[:-1]):
            if name.endswith(".lo") and names[i + 1] == name.removesuffix("lo") + "hi":
                yield row.column(i), row.column(i + 1)

    def named(self, name: str) -> Halves:
        """The word that a statement of the circuit gives this name: proofs may use any that the row has."""
        column_of = self.messages.row.column_of
        return next(h for h in self.words_of_columns() if self.table.column_name(column_of(h[0]) or 0, self.arm) == f"{name}.lo")

    def in_bytes(self, halves: Halves) -> Exact:
        """A word as a polynomial in bytes."""
        total: Exact = {}
        for node, place in zip(halves, (1, 1 << 16), strict=True):
            for m, c in self.half_in_bytes(node).items():
                total[m] = total.get(m, 0) + c * place
        return total

    def half_in_bytes(self, node: int) -> Exact:
        """b0 + 256 b1 where an equation says that the column is."""
        (own,) = self.facts.poly(node)
        for e in self.facts.equations:
            _, terms, _ = self.facts.integral(e.factors[0])
            if len(e.factors) == 1 and not e.when and abs(terms.get(own, 0)) == 1:
                rest = {m: -c * terms[own] for m, c in terms.items() if m != own}
                if sorted(rest.values()) == [1, 256] and all(self.facts.bound(m) == 255 for m in rest):
                    return rest
        return {own: 1}

    def total(self, poly: Exact) -> Any:
        return self.solver.total(poly)


def by_signs(table: TableAudit, arm: str, row: Row) -> Iterator[Products]:
    """The row for each pair of signs of its operands."""
    for signs in itertools.product((False, True), repeat=2):
        each = Products(table, arm, row)
        registers = dict(each.registers())
        for name, negative in zip(("rs1", "rs2"), signs, strict=True):
            each.solver.z3.add((each.whole(registers[name].old) >= 1 << 31) == negative)
        yield each


def with_constant(poly: Exact, value: int) -> Exact:
    return {**poly, (): value} if value else poly


def multiplied(a: Exact, b: Exact) -> Exact:
    """The product."""
    total: Exact = {}
    for m, c in a.items():
        for n, d in b.items():
            key = tuple(sorted(m + n))
            total[key] = total.get(key, 0) + c * d
    return total
