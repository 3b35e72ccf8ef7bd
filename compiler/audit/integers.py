"""Integers of the executor as terms of z3. What is not said in linear arithmetic is any integer within its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from zkc.compiler.audit.query import Query
from zkc.compiler.dialects import integer, row, step
from zkc.compiler.ir.operation import OpDef, Operation, Region, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.ir.walk import bottom_up

Key = tuple[object, ...]
"""What a leaf is: ("given", name), ("word", bus, address), ("load", part, number), ("host", number)."""
LEAVES: Final = frozenset((row.GIVEN, step.LOAD, step.HOST))
WORD_PART = 0
"""Of what a load gives: the word."""


class Leaves:
    """Names the leaves of a region: equal names are equal values, also in regions of other steps that begin in the same state.

    A word that is loaded from a constant address for the first time has one name in all steps; others are numbered, after `prefix`.
    """

    def __init__(self, region: Region, prefix: str = "") -> None:
        self.prefix = prefix
        self.loads = [op for op in region if op.definition is step.LOAD]
        self._number = {op: i for i, op in enumerate(self.loads)}
        self._number |= {op: i for i, op in enumerate(o for o in region if o.definition is step.HOST)}

    def key(self, leaf: Value) -> Key:
        """The name of a leaf."""
        op = leaf.op
        assert op is not None
        if op.definition is row.GIVEN:
            return ("given", op.text("name"))
        number = self._number[op]
        if op.definition is step.HOST:
            return (f"{self.prefix}host", number)
        address = op.operands[0]
        first = next(o for o in self.loads if o.operands[0] is address)
        constant = constant_of(address)
        if leaf.index == WORD_PART and constant is not None and first is op:
            return ("word", op.text("bus"), int(constant))
        return (f"{self.prefix}load", leaf.index, number)


class Integers:
    """Terms of one question. `declare(key, term)` is called once for each leaf."""

    def __init__(self, query: Query, declare: Callable[[Key, Any], None]) -> None:
        self.query = query
        self.declare = declare
        self.ranges = Ranges()
        self._terms: dict[Value, Any] = {}
        self._leaves: dict[Key, Any] = {}

    def term(self, value: Value, leaves: Leaves) -> Any:
        """The integer."""

        def needs(value: Value) -> Sequence[Value]:
            assert value.op is not None
            return value.op.operands if value.op.definition in _RULES else ()

        def visit(value: Value) -> None:
            assert value.op is not None
            self._terms[value] = self._leaf(value, leaves) if value.op.definition in LEAVES else self._of(value, value.op)

        bottom_up(value, self._terms, needs, visit)
        return self._terms[value]

    def _of(self, value: Value, op: Operation) -> Any:
        constant = constant_of(value)
        if constant is not None:
            return self.query.number(int(constant))
        rule = _RULES.get(op.definition)
        term = None if rule is None else rule(self.query, op, [self._terms[v] for v in op.operands])
        return self._fresh(("node", len(self._terms)), value) if term is None else term

    def _leaf(self, value: Value, leaves: Leaves) -> Any:
        key = leaves.key(value)
        if key not in self._leaves:
            self._leaves[key] = self._fresh(key, value)
            self.declare(key, self._leaves[key])
        return self._leaves[key]

    def _fresh(self, key: Key, value: Value) -> Any:
        v = self.query.integer("_".join(str(part) for part in key))
        low, high = self.ranges.of(value)
        self.query.solver.add(v >= low, v <= high)
        return v


Rule = Callable[[Query, Operation, list[Any]], Any]


def _truth(q: Query, claim: Any) -> Any:
    return q.choose(claim, q.number(1), q.number(0))


def _constant(op: Operation, index: int) -> int | None:
    number = constant_of(op.operands[index])
    return None if number is None else int(number)


def _product(q: Query, op: Operation, a: list[Any]) -> Any:
    return None if _constant(op, 0) is None and _constant(op, 1) is None else a[0] * a[1]


def _shift(q: Query, op: Operation, a: list[Any]) -> Any:
    by = _constant(op, 1)
    if by is None:
        return None
    return a[0] * (1 << by) if op.definition is integer.SHL else a[0] / q.number(1 << by)


def _logic(q: Query, op: Operation, a: list[Any]) -> Any:
    """Of conditions."""
    ranges = Ranges()
    if any(ranges.of(v)[1] > 1 for v in op.operands):
        return None
    return _truth(q, (q.all if op.definition is integer.AND else q.any)([a[0] != 0, a[1] != 0]))


_RULES: Final[dict[OpDef, Rule]] = {
    integer.ADD: lambda q, op, a: a[0] + a[1],
    integer.SUB: lambda q, op, a: a[0] - a[1],
    integer.MUL: _product,
    integer.FLOORDIV: lambda q, op, a: a[0] / q.number(op.number("by")),
    integer.MOD: lambda q, op, a: a[0] % op.number("by"),
    integer.SHL: _shift,
    integer.SHR: _shift,
    integer.AND: _logic,
    integer.OR: _logic,
    integer.EQ: lambda q, op, a: _truth(q, a[0] == a[1]),
    integer.NE: lambda q, op, a: _truth(q, a[0] != a[1]),
    integer.LT: lambda q, op, a: _truth(q, a[0] < a[1]),
    integer.GE: lambda q, op, a: _truth(q, a[0] >= a[1]),
    integer.SELECT: lambda q, op, a: q.choose(a[0] != 0, a[1], a[2]),
    integer.SIGNED: lambda q, op, a: q.choose(a[0] >= 1 << 31, a[0] - (1 << 32), a[0]),
}


def leaves_of(value: Value) -> Iterator[Value]:
    """What an integer is made of: what the row is given, what is loaded, what the host answers."""
    seen: set[Value] = set()
    stack = [value]
    while stack:
        top = stack.pop()
        if top in seen or top.op is None:
            continue
        seen.add(top)
        if top.op.definition in LEAVES:
            yield top
        else:
            stack += top.op.operands


def limb_of(value: Value) -> Value | None:
    """The leaf of which an integer is a piece of consecutive bits."""
    op = value.op
    while op is not None and op.definition not in LEAVES:
        if op.definition in (integer.MOD, integer.FLOORDIV) or (op.definition is integer.SHR and constant_of(op.operands[1]) is not None):
            value = op.operands[0]
            op = value.op
        else:
            return None
    return value if op is not None and op.definition in (row.GIVEN, step.LOAD) else None
