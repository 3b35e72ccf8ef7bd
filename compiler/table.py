"""One table under construction: columns, constraints, messages and effects, by arm.

An arm is one instruction of a family: its constraints hold on the rows of that instruction. Arms share columns: each takes columns
from a pool by type, in order, so that equal gadgets in different arms land on equal columns and merge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zkc.compiler import witness as w
from zkc.compiler.polynomials import Interval, Polynomials
from zkc.compiler.witness import W
from zkc.dsl.syntax import Span

Calls = tuple[tuple[str, Span], ...]
"""The gadgets being inlined and where each is called, the outermost first."""


@dataclass(frozen=True)
class Origin:
    """What a column is in one arm, for the audit: `because` says why it is right, `trusted` that its range is proven elsewhere."""

    name: str
    because: str | None
    trusted: bool
    span: Span | None


@dataclass
class Column:
    """A committed column. `type` owns its range."""

    name: str
    type: str
    node: int
    span: Span | None
    origins: dict[str | None, Origin] = field(default_factory=lambda: {})
    by_arm: dict[str | None, W | None] = field(default_factory=lambda: {})
    polynomial: int | None = None


@dataclass(frozen=True)
class Constraint:
    """An equation `node` == 0. `definition`: of a computed column. `owner`: the column whose type this is."""

    arm: str | None
    node: int
    label: str
    span: Span | None
    definition: bool = False
    owner: int | None = None
    calls: Calls = ()


@dataclass(frozen=True)
class Sent:
    """One message: `sign` +1 sent, -1 received, times `times` (a node and its integer value).

    `owner`: the column whose range this checks.
    """

    arm: str | None
    bus: str
    sign: int
    times: int
    times_wit: W | None
    args: tuple[int, ...]
    args_wit: tuple[W | None, ...]
    label: str
    span: Span | None
    owner: int | None = None
    calls: Calls = ()


@dataclass(frozen=True)
class Effect:
    """What the executor does, in order: fault, load, store, host, perform, retire, step."""

    kind: str
    name: str
    args: tuple[W, ...]
    sequence: int = 0
    span: Span | None = None


class TableBuilder:
    """Collects one table. `arm` is the arm being elaborated, None for what all rows share."""

    def __init__(self, name: str, arms: list[str]) -> None:
        self.name = name
        self.arms = arms
        self.poly = Polynomials()
        self.columns: list[Column] = []
        self.constraints: list[Constraint] = []
        self.messages: list[Sent] = []
        self.effects: dict[str | None, list[Effect]] = {None: []} | {a: [] for a in arms}
        self.after: list[Effect] = []
        self.in_after = False
        self.arm: str | None = None
        self.calls: Calls = ()
        self.steps = 0
        self.inputs: list[str] = []
        self.sequence = 0
        self._pools: dict[str, list[int]] = {}
        self._taken: dict[str, int] = {}
        self._base_intervals: dict[int, Interval] = {}
        self.selectors: dict[str, int] = {}
        for arm in arms:
            self.selectors[arm] = self.new_column(f"is_{arm}", "bit", w.arm_is(arm), Interval(0, 1), None).node

    # columns

    def new_column(self, name: str, type_: str, wit: W | None, interval: Interval | None, span: Span | None) -> Column:
        """A column of this table; in an arm, the next free one of the arm's pool for that type."""
        if self.arm is not None:
            pool = self._pools.setdefault(type_, [])
            taken = self._taken.get(type_, 0)
            self._taken[type_] = taken + 1
            if taken < len(pool):
                column = self.columns[pool[taken]]
                column.by_arm[self.arm] = wit
                self.poly.learn(column.node, interval)
                if name not in column.name.split("|"):
                    column.name += "|" + name
                return column
            pool.append(len(self.columns))
        node = self.poly.column(len(self.columns), interval)
        column = Column(name, type_, node, span, by_arm={self.arm: wit})
        self.columns.append(column)
        return column

    def enter(self, arm: str) -> None:
        self._base_intervals = dict(self.poly.known)
        self.arm, self._taken = arm, {}

    def leave(self) -> None:
        """Ends an arm. What the arm learned about ranges is forgotten."""
        self.poly.restore(self._base_intervals)
        self.arm = None

    # statements

    def constrain(self, node: int, label: str, span: Span | None, *, definition: bool = False, owner: int | None = None) -> None:
        self.constraints.append(Constraint(self.arm, node, label, span, definition, owner, self.calls))

    def send(self, message: Sent) -> None:
        self.messages.append(replace(message, calls=self.calls))

    def effect(self, effect: Effect) -> None:
        if self.in_after:
            self.after.append(effect)
        else:
            self.effects[self.arm].append(effect)

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence - 1

    def effects_of(self, arm: str | None) -> list[Effect]:
        """All effects of a row of that arm, in order."""
        return self.effects[None] + (self.effects[arm] if arm is not None else []) + self.after

    @property
    def real(self) -> int:
        """1 on rows that are used: the sum of the selectors."""
        return self.poly.sum(list(self.selectors.values()))
