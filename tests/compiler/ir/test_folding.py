"""What folding makes of an operation has its value, and ranges hold it: at random, on operands that share parts, and at corners."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from zkc.compiler.dialects import felt, integer, row
from zkc.compiler.interpret import Interpreter
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import FELT, INT, OpDef, Region, Value
from zkc.runtime.field.koalabear import P

CORNERS: Final = (0, 1, 2, 3, 5, 7, 255, 256, 0xFFFF, 0x1_0000, 0xFFFF_FFFF)
BINARY: Final = (integer.ADD, integer.SUB, integer.MUL, integer.EQ, integer.NE, integer.LT, integer.GE)
BITS: Final = (integer.AND, integer.OR, integer.XOR)
SHIFTS: Final = (integer.SHL, integer.SHR)
WORDS: Final = (*integer.DIVISIONS.values(), integer.SIGNED)
SEEDS: Final = range(40)
STEPS: Final = 60


class Body:
    """A body that grows; what each value is, computed from the operands without folding."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.region = Region()
        self.b = Builder(self.region)
        self.given: dict[str, int] = {}
        self.known: dict[Value, int] = {}
        for name in "abcdef":
            low = self.random.choice((0, 0, -5, -256))
            high = low + self.random.choice((0, 1, 7, 256, 2**32 - 1))
            self.given[name] = self.random.choice((low, high, self.random.randint(low, high)))
            self.known[self.b.value(row.GIVEN, name=name, low=low, high=high)] = self.given[name]

    def operand(self, low: int | None = None, high: int | None = None) -> Value:
        """A value that cannot be outside of these bounds; a corner if there is none, or at times."""
        fits = [
            v for v in self.known
            if v.type is INT and (low is None or self.b.ranges.of(v)[0] >= low) and (high is None or self.b.ranges.of(v)[1] <= high)
        ]  # fmt: skip
        if not fits or self.random.random() < 0.25:
            value = self.random.choice([c for c in CORNERS if (low or 0) <= c <= (high or c)])
            return self.add(self.b.constant(value, INT), value)
        return self.random.choice(fits)

    def add(self, made: Value, value: int) -> Value:
        before = self.known.setdefault(made, value)
        assert before == value, (made.op, before, value)
        return made

    def apply(self, definition: OpDef, *operands: Value, **attributes: int) -> Value:
        """The operation, folded; its value, from the declaration."""
        made = self.b.value(definition, *operands, **attributes)
        plain = Builder(Region()).create(definition, operands, attributes)
        evaluate = definition.evaluate
        assert evaluate is not None
        return self.add(made, evaluate(plain, *(self.known[v] for v in operands)))

    def step(self) -> None:
        r = self.random
        kind = r.choice((*BINARY, *BITS, *SHIFTS, *WORDS, integer.SELECT, integer.FLOORDIV, integer.MOD, integer.INVERSE, "word"))
        if kind in BINARY:
            same = self.operand()
            self.apply(kind, same, same if r.random() < 0.2 else self.operand())
        elif kind in BITS:
            self.apply(kind, self.operand(), self.operand())
        elif kind in SHIFTS:
            self.apply(kind, self.operand(-(2**40), 2**40), self.operand(0, 40))
        elif kind is integer.SIGNED:
            self.apply(kind, self.operand(0, 2**32 - 1))
        elif kind in WORDS:
            self.apply(kind, self.operand(0, 2**32 - 1), self.operand(0, 2**32 - 1))
        elif kind is integer.SELECT:
            self.apply(kind, self.operand(), self.operand(), self.operand())
        elif kind is integer.INVERSE:
            self.apply(kind, self.operand())
        elif kind == "word":  # in parts, and put together again
            whole = self.operand()
            by, more = 1 << r.randrange(1, 17), 1 << r.randrange(0, 3)
            low = self.apply(integer.MOD, whole, by=by)
            reduced = self.apply(integer.MOD, whole, by=by * more + r.choice((0, 0, 1)))
            high = self.apply(integer.FLOORDIV, r.choice((whole, reduced)), by=by * r.choice((1, 1, 2)))
            factor = by * r.choice((1, 1, 2))
            self.apply(integer.ADD, low, self.apply(integer.MUL, high, self.add(self.b.constant(factor, INT), factor)))
        else:
            self.apply(kind, self.operand(), by=r.choice((1, 2, 3, 256, 2**16, 2**32)))


@pytest.mark.parametrize("seed", SEEDS)
def test_integers_keep_their_values_and_ranges(seed: int) -> None:
    body = Body(seed)
    for _ in range(STEPS):
        body.step()
    found = Interpreter({}, body.given)
    found.run(body.region)
    for value, expected in body.known.items():
        assert found.of(value) == expected, value.op
        low, high = body.b.ranges.of(value)
        assert low <= expected <= high, (value.op, low, expected, high)


@pytest.mark.parametrize("seed", SEEDS)
def test_elements_of_the_field_keep_their_values(seed: int) -> None:
    random, region = Random(seed), Region()
    b = Builder(region)
    known = {}
    for i in range(4):
        integer_value = b.value(row.GIVEN, name=str(i), low=0, high=P - 1)
        column = b.create(row.COLUMN, (integer_value,), {"name": str(i), "type": "felt"}).result
        known[column] = random.choice((0, 1, P - 1, random.randrange(P)))
    given = {str(i): value for i, value in enumerate(known.values())}
    for value in (0, 1, -1, P, P - 1, 2, 1 - P):
        known[b.constant(value, FELT)] = value % P
    for _ in range(STEPS):
        kind = random.choice((felt.ADD, felt.SUB, felt.MUL))
        x = random.choice(list(known))
        y = x if random.random() < 0.2 else random.choice(list(known))
        made = b.value(kind, x, y)
        assert kind.evaluate is not None
        expected = kind.evaluate(Builder(Region()).create(kind, (x, y)), known[x], known[y])
        assert known.setdefault(made, expected) == expected
    found = Interpreter({}, given)
    found.run(region)
    assert {v: found.of(v) % P for v in known} == known
