"""The guards of the environment calls: no state may satisfy two, or the order of files would decide which call is made.

A guard is read as alternatives (its disjunctive normal form), each a set of facts about integer expressions: in a range, not equal to some
numbers, or an opaque condition that holds or not. Two alternatives exclude each other if their facts about one expression do. The answer
"they exclude each other" is always right; guards whose exclusion this cannot see are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product

from zkc.compiler.dialects import integer, step
from zkc.compiler.ir.operation import OpDef, Operation, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.program import Program
from zkc.dsl.diagnostics import Diagnostic

MAX_ALTERNATIVES = 1024
Fact = tuple[OpDef, Value, int]
"""`(op, expression, number)`, op one of eq, ne, lt, ge. A condition that is no comparison with a number is compared with 0."""
_OPPOSITE = {integer.EQ: integer.NE, integer.NE: integer.EQ, integer.LT: integer.GE, integer.GE: integer.LT}


class TooManyAlternatives(Exception):
    """A guard has more than MAX_ALTERNATIVES."""


@dataclass
class Known:
    """What facts say about one expression."""

    low: int
    high: int
    excluded: set[int] = field(default_factory=lambda: set[int]())

    def learn(self, op: OpDef, number: int) -> None:
        if op in (integer.EQ, integer.GE):
            self.low = max(self.low, number)
        if op is integer.EQ:
            self.high = min(self.high, number)
        if op is integer.LT:
            self.high = min(self.high, number - 1)
        if op is integer.NE:
            self.excluded.add(number)

    def possible(self) -> bool:
        low, high = self.low, self.high
        while low <= high and low in self.excluded:
            low += 1
        return low <= high


class Guards:
    """Reads conditions. Loads of one constant address are one expression."""

    def __init__(self, guards: Operation) -> None:
        self.ranges = Ranges()
        self.conditions = {op.text("name"): op.operands[0] for op in guards.regions[0] if op.definition is step.CHOICE}

    def alternatives(self, guard: Value, holds: bool = True) -> list[frozenset[Fact]]:
        """The facts under any of which the guard is true (or false)."""
        constant = constant_of(guard)
        if constant is not None:
            return [frozenset()] if bool(constant) is holds else []
        op = guard.op
        assert op is not None
        if op.definition in (integer.AND, integer.OR) and self.ranges.of(guard)[1] == 1:
            return self._combined(op, holds)
        kind, left, number = self._comparison(guard, op)
        if number is None:
            return [frozenset([(integer.NE if holds else integer.EQ, guard, 0)])]
        if number == 0 and kind in (integer.EQ, integer.NE) and self._is_condition(left):
            return self.alternatives(left, holds is (kind is integer.NE))
        return [frozenset([(kind if holds else _OPPOSITE[kind], left, number)])]

    def _combined(self, op: Operation, holds: bool) -> list[frozenset[Fact]]:
        parts = [self.alternatives(v, holds) for v in op.operands]
        if (op.definition is integer.OR) is holds:
            return [x for part in parts for x in part]
        if len(parts[0]) * len(parts[1]) > MAX_ALTERNATIVES:
            raise TooManyAlternatives
        return [x | y for x, y in product(*parts)]

    def _comparison(self, guard: Value, op: Operation) -> tuple[OpDef, Value, int | None]:
        if op.definition not in _OPPOSITE:
            return integer.NE, guard, 0
        number = constant_of(op.operands[1])
        return op.definition, op.operands[0], None if number is None else int(number)

    def _is_condition(self, value: Value) -> bool:
        op = value.op
        if op is None or op.definition in _OPPOSITE:
            return op is not None
        return op.definition in (integer.AND, integer.OR) and self.ranges.of(value)[1] == 1

    def exclusive(self, a: list[frozenset[Fact]], b: list[frozenset[Fact]]) -> bool:
        """Whether no alternative of one can hold with one of the other."""
        return all(self.contradictory(x | y) for x, y in product(a, b))

    def contradictory(self, facts: frozenset[Fact]) -> bool:
        """Whether the facts cannot hold together."""
        known: dict[Value, Known] = {}
        for op, value, number in facts:
            known.setdefault(value, Known(*self.ranges.of(value))).learn(op, number)
        return not all(k.possible() for k in known.values())


def overlaps(program: Program, lowered: Operation) -> list[Diagnostic]:
    """E0216 for two environment calls of one instruction whose guards may hold together, and for one that never holds."""
    found: list[Diagnostic] = []
    cases: dict[str, list[frozenset[Fact]]] = {}
    guards = Guards(lowered)
    for name, guard in guards.conditions.items():
        try:
            cases[name] = [x for x in guards.alternatives(guard) if not guards.contradictory(x)]
        except TooManyAlternatives:
            message = f"the guard of `{name}` has more than {MAX_ALTERNATIVES} alternatives"
            found.append(Diagnostic("E0215", message, program.services[name].when.span))
            continue
        if not cases[name]:
            message = f"the environment call `{name}` is never made: its guard cannot hold"
            found.append(Diagnostic("E0216", message, program.services[name].when.span))
    for first, second in combinations(cases, 2):
        one, other = program.services[first], program.services[second]
        if one.on == other.on and not guards.exclusive(cases[first], cases[second]):
            found.append(
                Diagnostic(
                    "E0216", f"the environment calls `{first}` and `{second}` can both be meant", other.when.span,
                    labels=((one.when.span, f"`{first}` is taken when this holds"),),
                    help="compare the same expressions with constants, so that one excludes the other",
                )
            )  # fmt: skip
    return found
