"""The guards of the environment calls: no state may satisfy two, or the order of files would decide which call is made.

A guard is read as alternatives (its disjunctive normal form), each a set of facts about integer expressions: in a range, not equal to some
numbers, or an opaque condition that holds or not. Two alternatives exclude each other if their facts about one expression do. The answer
"they exclude each other" is always right; guards whose exclusion this cannot see are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product

from zkc.compiler import witness as w
from zkc.compiler.program import Program
from zkc.compiler.witness import W
from zkc.dsl.diagnostics import Diagnostic

MAX_ALTERNATIVES = 1024
Fact = tuple[str, W, int]
"""`(op, expression, number)`, op one of eq, ne, lt, ge. A condition that is no comparison with a number is compared with 0."""
_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt"}


class TooManyAlternatives(Exception):
    """A guard has more than MAX_ALTERNATIVES."""


@dataclass
class Known:
    """What facts say about one expression."""

    low: int
    high: int
    excluded: set[int] = field(default_factory=lambda: set[int]())

    def learn(self, op: str, number: int) -> None:
        if op in ("eq", "ge"):
            self.low = max(self.low, number)
        if op == "eq":
            self.high = min(self.high, number)
        if op == "lt":
            self.high = min(self.high, number - 1)
        if op == "ne":
            self.excluded.add(number)

    def possible(self) -> bool:
        low, high = self.low, self.high
        while low <= high and low in self.excluded:
            low += 1
        return low <= high


def alternatives(guard: W, holds: bool = True) -> list[frozenset[Fact]]:
    """The facts under any of which the guard is true (or false)."""
    if guard.const is not None:
        return [frozenset()] if bool(guard.const) is holds else []
    if guard.op in ("and", "or") and guard.high == 1:
        parts = [alternatives(a, holds) for a in guard.args if isinstance(a, W)]
        if (guard.op == "or") is holds:
            return [x for part in parts for x in part]
        if len(parts[0]) * len(parts[1]) > MAX_ALTERNATIVES:
            raise TooManyAlternatives
        return [x | y for x, y in product(*parts)]
    op, left, right = (guard.op, *guard.args) if guard.op in _OPPOSITE else ("ne", guard, w.const(0))
    assert isinstance(left, W) and isinstance(right, W)
    if right.const is None:
        return [frozenset([("ne" if holds else "eq", guard, 0)])]
    if right.const == 0 and op in ("eq", "ne") and _is_condition(left):
        return alternatives(left, holds is (op == "ne"))
    return [frozenset([(op if holds else _OPPOSITE[op], left, right.const)])]


def _is_condition(node: W) -> bool:
    return node.op in _OPPOSITE or (node.op in ("and", "or") and node.high == 1)


def exclusive(a: list[frozenset[Fact]], b: list[frozenset[Fact]]) -> bool:
    """Whether no alternative of one can hold with one of the other."""
    return all(_contradictory(x | y) for x, y in product(a, b))


def _contradictory(facts: frozenset[Fact]) -> bool:
    known: dict[W, Known] = {}
    for op, node, number in facts:
        known.setdefault(node, Known(node.low, node.high)).learn(op, number)
    return not all(k.possible() for k in known.values())


def overlaps(program: Program, guards: dict[str, W]) -> list[Diagnostic]:
    """E0216 for two environment calls of one instruction whose guards may hold together, and for one that never holds."""
    found: list[Diagnostic] = []
    cases: dict[str, list[frozenset[Fact]]] = {}
    for name, guard in guards.items():
        try:
            cases[name] = [x for x in alternatives(guard) if not _contradictory(x)]
        except TooManyAlternatives:
            message = f"the guard of `{name}` has more than {MAX_ALTERNATIVES} alternatives"
            found.append(Diagnostic("E0215", message, program.services[name].when.span))
            continue
        if not cases[name]:
            message = f"the environment call `{name}` is never made: its guard cannot hold"
            found.append(Diagnostic("E0216", message, program.services[name].when.span))
    for first, second in combinations(cases, 2):
        one, other = program.services[first], program.services[second]
        if one.on == other.on and not exclusive(cases[first], cases[second]):
            found.append(
                Diagnostic(
                    "E0216", f"the environment calls `{first}` and `{second}` can both be meant", other.when.span,
                    labels=((one.when.span, f"`{first}` is taken when this holds"),),
                    help="compare the same expressions with constants, so that one excludes the other",
                )
            )  # fmt: skip
    return found
