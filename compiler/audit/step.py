"""What the executor saw in a step, tied to the columns of its row.

A word that was loaded, a field of the instruction, the pc: the row receives it, from a bus that remembers at an address that is shown to
be the executor's, or from another bus under the name of the field. Hints are not believed, nor types: ranges come from the lookups and
equations that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.integers import WORD_PART, Integers, Key, Leaves, limb_of
from zkc.compiler.audit.polynomials import ONE, Linear
from zkc.compiler.audit.query import Query
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.dialects import row as rows
from zkc.compiler.dialects import step
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Operation, Region, Value, constant_of
from zkc.compiler.passes.flatten import Flat
from zkc.compiler.passes.forward_stores import is_reading, seen
from zkc.compiler.passes.lower_step import COPIED
from zkc.runtime.circuit.circuit import MUL
from zkc.runtime.field.koalabear import P

ROUNDS: Final = 4
"""How many equations away from what a claim speaks of the proof may reach."""
WORD_BITS: Final = 32
VALUE: Final = "value"
"""The field of a bus that remembers that is the word."""


class Step:
    """The row of one arm, what it receives, and what the executor does. A table without arms has no executor."""

    def __init__(self, table: TableAudit, arm: str | None) -> None:
        self.table = table
        self.circuit = table.circuit
        self.arm = arm
        self.row = table.row(table.selection(arm))
        self.state = State(self.row, 0, table.circuit.fixed, 0)
        self._addresses: dict[tuple[int, Operation], bool] = {}
        self._seen: dict[Operation, Value] = {}
        self.function = next((op for op in table.lowered.steps if op.text("arm") == arm), None)

    @property
    def operations(self) -> list[Operation]:
        """What the executor does."""
        return [] if self.function is None else self.function.regions[0].operations

    @cached_property
    def leaves(self) -> Leaves:
        assert self.function is not None
        return Leaves(self.function.regions[0])

    @cached_property
    def received(self) -> list[tuple[str, tuple[int, ...]]]:
        """(bus, arguments) of what the row receives exactly once."""
        return [(self.table.messages[i].text("bus"), args) for i, times, args in self.row.messages if self.row.value(times) == P - 1]

    @cached_property
    def hints(self) -> tuple[Mapping[int, Value], Leaves]:
        """The integers that columns are filled with, and the names of their leaves."""
        flat = Flat(self.circuit.facts, self.arm)
        found: dict[int, Value] = {}
        for op in flat.walk(self.table.lowered.row.regions[0]):
            if op.definition in COPIED:
                made = flat.b.create(op.definition, [flat.values.get(v, v) for v in op.operands], op.attributes)
                flat.values.update(zip(op.results, made.results, strict=True))
            elif "slot" in op.attributes and op.definition is not rows.MERGE:
                value = flat.lift(flat.b, flat.values[op.result])
                if value is not None:
                    found[op.number("slot")] = value
        return found, Leaves(flat.body)

    @cached_property
    def loaded(self) -> list[tuple[str, tuple[int, ...], Operation]]:
        """(bus, arguments, load) of what is received from a bus that remembers, filled with what the executor loads there."""
        found: list[tuple[str, tuple[int, ...], Operation]] = []
        _, leaves = self.hints
        for bus, args in self.received:
            hinted = [limb_of(hint) for a in args if (hint := self.hint(a)) is not None]
            numbers = {leaves.loads.index(x.op) for x in hinted if x is not None and x.op in leaves.loads and x.index == WORD_PART}
            found += [(bus, args, self.leaves.loads[n]) for n in sorted(numbers)[:1] if self.leaves.loads[n].text("bus") == bus]
        return found

    def seen(self, load: Operation) -> Value:
        """The word of a load after what the same step stored before it: that is what the row receives."""
        if load not in self._seen:
            self._seen[load] = self._after_stores(load)
        return self._seen[load]

    def _after_stores(self, load: Operation) -> Value:
        before = self.operations[: self.operations.index(load)]
        return seen(Builder(Region()), [op for op in before if op.definition is step.STORE and not is_reading(op)], load)

    def is_address(self, node: int, load: Operation) -> bool:
        """Whether a node is the address that the executor loads from."""
        if (node, load) not in self._addresses:
            address = load.operands[0]
            constant = constant_of(address)
            if constant is not None:
                answer = self.row.value(node) == int(constant) % P
            else:
                answer = _refuted(self, lambda q: q.differs(node, q.integer(address)), forwards=False)
            self._addresses[node, load] = answer
        return self._addresses[node, load]

    def hint(self, node: int) -> Value | None:
        """The integer that a node is filled with, if it is a column."""
        column = self.row.column_of(node)
        return None if column is None else self.hints[0].get(column)


class Question:
    """What z3 is asked about a step: its equations, what ties them to what the executor saw, and a claim to refute."""

    def __init__(self, at: Step) -> None:
        self.step = at
        self.query = Query(at.row)
        self.mask = 0  # the columns that the question speaks of
        self._tied: set[Operation] = set()
        self.integers = Integers(self.query, self._tie)

    def integer(self, value: Value, leaves: Leaves | None = None) -> Any:
        """An integer of the executor."""
        return self.integers.term(value, self.step.leaves if leaves is None else leaves)

    def residue(self, node: int) -> Any:
        """A node of the row, which is linear."""
        linear = self.step.row.linear(node)
        self.mask |= self.step.row.mask_of(linear) or 0
        return self.query.residue(linear)

    def differs(self, node: int, value: Any) -> Any:
        return self.residue(node) != value % P

    # what the row receives

    def _tie(self, key: Key, value: Any) -> None:
        for bus, args in self.step.received:
            if self.step.circuit.program.buses[bus].remembers is None:
                self._tie_fields(bus, args, key)
        for bus, args, load in self.step.loaded:
            if self.step.leaves.key(load.results[WORD_PART]) == key:
                self._tie_load(bus, args, load)

    def tie_forwarded(self) -> None:
        """Words that the step stored itself and loads again: the row receives them, though no load is asked for them."""
        for bus, args, load in self.step.loaded:
            if self.step.seen(load) is not load.results[WORD_PART]:
                self._tie_load(bus, args, load)

    def _tie_fields(self, bus: str, args: tuple[int, ...], key: Key) -> None:
        """A field of an instruction, the clock or the pc: the row receives it under its own name."""
        leaves = self.step.hints[1]
        for field, arg in zip(self.step.circuit.fields[bus], args, strict=True):
            hint = self.step.hint(arg)
            leaf = None if hint is None else limb_of(hint)
            if hint is None or leaf is None or leaf.op is None or leaf.op.definition is not rows.GIVEN or leaves.key(leaf) != key:
                continue
            if field.of == leaf.op.text("name"):
                self._equal(arg, self.integer(hint, leaves))

    def _tie_load(self, bus: str, args: tuple[int, ...], load: Operation) -> None:
        remembers = self.step.circuit.program.buses[bus].remembers
        assert remembers is not None
        if load not in self._tied and self.step.is_address(args[self.step.circuit.place(bus, remembers)], load):
            self._tied.add(load)
            self._tie_word(bus, args, self.integer(self.step.seen(load)))

    def _tie_word(self, bus: str, args: tuple[int, ...], word: Any) -> None:
        parts = [(field.low, arg) for field, arg in zip(self.step.circuit.fields[bus], args, strict=True) if field.of == VALUE]
        ends = [low for low, _ in parts[1:]] + [WORD_BITS]
        for (low, arg), end in zip(parts, ends, strict=True):
            self._equal(arg, word / (1 << low) % (1 << (end - low)))

    def _equal(self, arg: int, value: Any) -> None:
        self.query.solver.add(self.residue(arg) == value % P)

    # what the row says

    def add_equations(self, rounds: int) -> None:
        """Equations that share columns with the question, then those that share columns with them, and so on; then ranges."""
        row = self.step.row
        done: set[int] = set()
        for _ in range(rounds):
            near = [n for n in row.zero if n not in done and row.support[n] & self.mask]
            for n in near:
                self._add_equation(n)
            done.update(near)
        for n, high in self.step.state.ranges:
            if row.support[n] and not row.support[n] & ~self.mask and row.mask_of(row.linear(n)) is not None:
                self.query.solver.add(self.query.residue(row.linear(n)) < high)

    def _add_equation(self, node: int) -> None:
        row, q = self.step.row, self.query
        inverse = inverses(row, node)
        if inverse is not None:
            forms, rest = inverse
            masks = [row.mask_of(f) for f in (*forms, rest)]
            known = [m for m in masks if m is not None]
            if len(known) == len(masks):
                zeros = q.all(q.residue(e) == 0 for e in forms)
                q.solver.add(q.implies(zeros, q.residue(rest) == 0))
                self._speak_of(known)
            return
        linear = row.linear(node)
        atom = next(iter(linear), ONE)
        factors = row.factors(atom) if len(linear) == 1 and atom != ONE else [node]
        masks = [row.mask_of(row.linear(f)) for f in factors]
        known = [m for m in masks if m is not None]
        if len(known) == len(masks):
            q.vanishes(node)
            self._speak_of(known)

    def _speak_of(self, masks: list[int]) -> None:
        for mask in masks:
            self.mask |= mask


def refuted(at: Step, claim: Callable[[Question], Any]) -> bool:
    """Whether the row excludes the claim, from few equations first."""
    return _refuted(at, claim, forwards=True)


def _refuted(at: Step, claim: Callable[[Question], Any], *, forwards: bool) -> bool:
    for rounds in range(ROUNDS + 1):
        question = Question(at)
        what = claim(question)
        if forwards:
            question.tie_forwarded()
        question.add_equations(rounds)
        if question.query.refutes(what):
            return True
    return False


def inverses(row: Row, node: int) -> tuple[list[Linear], Linear] | None:
    """e i + … + rest == 0 with hints i that stand nowhere else: the e, and the rest, which is 0 if they are."""
    linear = row.linear(node)
    products = [x for x in linear if x != ONE and row.nodes[x][0] == MUL]
    if not products or len(products) == len(linear):
        return None
    forms: list[Linear] = []
    for x in products:
        free = [f for f in row.factors(x) if row.column_of(f) is not None and row.stands_once(node, row.support[f])]
        others = [f for f in row.factors(x) if f not in free[:1]]
        if not free or len(others) != 1:
            return None
        forms.append(row.linear(others[0]))
    return forms, {x: c for x, c in linear.items() if x not in products}
