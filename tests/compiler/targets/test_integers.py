"""Integers as machine code are what the operations mean: random bodies, as far as 64 bits hold them, and the ends of what they hold."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from tests.compiler.ir.test_folding import SEEDS, STEPS, Body
from tests.machine.test_forged_records import without_counts
from zkc.compiler.dialects import felt, fill, integer, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import FELT, INT, Operation, Region, Symbol, Value
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.targets.fill import Histogram, RowEmitter, emit_fill
from zkc.compiler.targets.functions import FieldFunctions
from zkc.compiler.targets.integers import NotComputable, Uncomputable, check_fits
from zkc.runtime.execution.fill import fill as run
from zkc.runtime.field.koalabear import P

NO_COUNTS = Histogram({}, 1)


def function() -> Operation:
    """(x y, x - y, x + y) in the field."""
    body = Region((FELT, FELT))
    b = Builder(body)
    b.create(felt.RETURN, [b.value(kind, *body.arguments) for kind in (felt.MUL, felt.SUB, felt.ADD)])
    return Operation(felt.FUNC, (), {"sym_name": "f"}, (), (body,))


FUNCTIONS = {"f": function()}


def table(values: list[Value]) -> Operation:
    """Fills a column with each value."""
    body = Region()
    for i, value in enumerate(values):
        body.operations.append(Operation(fill.WRITE, (value,), {"column": i}))
    arm = Operation(fill.FUNC, (), {"arm": "", "op": 0}, (), (body,))
    inner = Region()
    inner.operations.append(arm)
    return Operation(fill.TABLE, (), {"sym_name": "t", "record_words": 8}, (), (inner,))


def is_computable(value: Value) -> bool:
    try:
        RowEmitter(NO_COUNTS, {}, FieldFunctions(FUNCTIONS)).emit(table([value]).regions[0].operations[0])
    except Uncomputable:
        return False
    return True


class Recorded(Body):
    """A body over the words of a record: what is given is a word, less a number where it may be negative."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        given, self.known, self.record = dict(self.known), {}, list[int]()
        for value, number in given.items():
            low, high = self.b.ranges.of(value)
            word = self.word(number - low, high - low)
            self.known[self.b.value(integer.ADD, word, self.b.constant(low, INT))] = number
        words = [self.word(2**32 - 1 - self.random.choice((0, 1, 2**20)), 2**32 - 1) for _ in range(2)]
        for number in (2**63 - 1, 2**63, 2**64 - 1):
            self.apply(integer.LT, words[0], self.add(self.b.constant(number, INT), number))
        for x in words:  # beyond 2^63
            large = self.apply(integer.MUL, x, words[0])
            for kind in (integer.LT, integer.GE, integer.SUB, integer.AND):
                self.apply(kind, *self.random.sample((large, self.operand()), 2))
            self.apply(integer.SHR, large, self.operand(0, 40))
            self.apply(self.random.choice((integer.MOD, integer.FLOORDIV)), large, by=self.random.choice((2, 3, 2**16, 2**31 - 1)))

        for _ in range(4):
            x, y = self.operand(), self.operand()
            for index, f in enumerate((operator.mul, operator.sub, operator.add)):
                called = self.b.value(integer.CALL, x, y, callee=Symbol("f"), index=index)
                self.add(called, f(self.known[x], self.known[y]) % P)

    def word(self, number: int, high: int) -> Value:
        """A word of the record."""
        word = self.b.value(fill.RECORD, word=len(self.record), high=high)
        self.record.append(number)
        self.known[word] = number
        return word


def test_random_bodies() -> None:
    """What is computed in the field of an integer beyond 2^63, inverses and calls, was that of a negative number."""
    tried = large = 0
    for seed in SEEDS:
        body = Recorded(seed)
        for _ in range(STEPS):
            body.step()
        values = [v for v in body.known if is_computable(v)]
        columns = np.zeros((len(values), 1), dtype=np.uint32)
        program = emit_fill(table(values), NO_COUNTS, {}, FUNCTIONS)
        run(without_counts(program), np.array([body.record], dtype=np.uint32), 0, 1, columns, np.zeros(1, dtype=np.uint32))
        for value, found in zip(values, columns[:, 0].tolist(), strict=True):
            assert found == body.known[value] % P, (seed, value.op, body.known[value])
        tried += len(values)
        large += sum(body.known[v] >= 2**63 for v in values)
    assert tried > 1000 and large > 80


@pytest.mark.parametrize(
    ("definition", "operands", "fits"),
    [
        (integer.SHL, ((0, 1), (0, 62)), True), (integer.SHL, ((0, 1), (0, 63)), True), (integer.SHL, ((0, 1), (0, 64)), False),
        (integer.SHR, ((0, 2**63), (0, 63)), True), (integer.SHR, ((0, 2**63), (0, 64)), False), (integer.SHR, ((0, 9), (-1, 3)), False),
        (integer.ADD, ((0, 2**63), (0, 2**63 - 1)), True), (integer.ADD, ((0, 2**63), (0, 2**63)), False),
        (integer.ADD, ((-1, 1), (0, 2**63 - 2)), True), (integer.ADD, ((-1, 1), (0, 2**63 - 1)), False),
        (integer.SUB, ((0, 2**63), (0, 2**63)), False), (integer.SUB, ((2**63, 2**64 - 1), (0, 2**63)), True),
        (integer.SUB, ((-(2**63), 0), (0, 0)), True), (integer.SUB, ((-(2**63), 0), (0, 1)), False),
        (integer.LT, ((-1, 1), (0, 2**63)), False), (integer.LT, ((0, 1), (0, 2**64 - 1)), True),
    ],
)  # fmt: skip
def test_the_ends_of_what_64_bits_hold(definition: integer.OpDef, operands: tuple[tuple[int, int], ...], fits: bool) -> None:
    b = Builder(Region())
    values = [b.create(row.GIVEN, (), {"name": str(i), "low": low, "high": high}).result for i, (low, high) in enumerate(operands)]
    op = Operation(definition, values)
    if fits:
        check_fits(op, Ranges())
    else:
        with pytest.raises(NotComputable):
            check_fits(op, Ranges())
