"""What does not hold in a witness, exactly, before anything is proven: equations of rows, and messages that do not balance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.circuit.spec import CircuitSpec
from zkc.runtime.errors import InputError
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.nodes import Numbers, columns_below, values_of
from zkc.runtime.given.values import CLAIM
from zkc.runtime.given.witness import Witness

MOST_SHOWN: Final = 6
MOST_CELLS: Final = 12
MOST_COMPARED: Final = 100
"""Messages that nobody sends for which one that comes near is looked for."""


@dataclass(frozen=True)
class Failure:
    """An equation that does not hold, or a message that does not balance. `row` is None in the claim; `padding`: it stands for all rows
    after those that were given. place: in the .circ file, and the calls of gadgets that lead there. instruction: what the row is a step
    of."""

    table: str
    row: int | None
    label: str
    place: str
    problem: str
    values: tuple[tuple[str, int], ...] = ()
    padding: bool = False
    instruction: str = ""

    def __str__(self) -> str:
        where = CLAIM if self.row is None else f"table {self.table}, {'the rows of padding' if self.padding else f'row {self.row}'}"
        line = f"{where}: {self.label}: {self.problem}" + (f" ({self.place})" if self.place else "")
        details = [self.instruction, cells_of(self)]
        return "\n    ".join([line, *filter(None, details)])


class Unsatisfied(InputError):
    """The values that were given are no witness. `failures` are all places, those that were given first. what: what was given; hint: what
    to do about it."""

    def __init__(
        self,
        failures: Sequence[Failure],
        what: str = "the values do not satisfy the circuit",
        hint: str = "correct the values, or the circuit",
    ) -> None:
        self.failures = tuple(failures)
        alike: dict[tuple[str, str, str, bool], list[Failure]] = {}
        for failure in failures:
            alike.setdefault((failure.table, failure.label, failure.place, failure.padding), []).append(failure)
        more = len(alike) - MOST_SHOWN
        lines = [_of_one_kind(each) for each in list(alike.values())[:MOST_SHOWN]]
        lines += [f"  and {more} more equations and messages"] if more > 0 else []
        if all(f.padding for f in failures):
            hint = "tables end with rows whose inputs are all 0: let an input tell them apart, and multiply what they do not do by it"
        super().__init__("\n".join([f"{what}:", *lines]), hint=hint)


def _of_one_kind(failures: Sequence[Failure]) -> str:
    """The first of those of one equation or message, and in how many rows it fails besides."""
    rows = len(failures) - 1
    return f"  {failures[0]}" + (f"\n    the same in {rows} more row{'s' * (rows > 1)}" if rows else "")


def cells_of(failure: Failure) -> str:
    """The cells that what fails is made of, for people."""
    cells = ", ".join(f"{name} = {with_hex(value)}" for name, value in failure.values[:MOST_CELLS])
    more = len(failure.values) - MOST_CELLS
    return f"{cells} and {more} more" if more > 0 else cells


def check(spec: CircuitSpec, witness: Witness) -> None:
    """Raises Unsatisfied unless every equation holds on every row, and the messages of every bus balance."""
    found = failures(spec, witness)
    if found:
        raise Unsatisfied(found)


def failures(spec: CircuitSpec, witness: Witness) -> list[Failure]:
    """All that does not hold; what is in rows of padding comes last."""
    return sorted(_Check(spec, witness).failures(), key=lambda f: f.padding)


def shown(value: int) -> str:
    """A field element for people: what is near to p as a negative number."""
    return str(value - P if value > P - 0x10000 else value)


def with_hex(value: int) -> str:
    """The same of a cell: a word or a byte is often known by its hexadecimal digits."""
    return f"{value} (0x{value:x})" if 10 <= value <= P - 0x10000 else shown(value)


@dataclass(frozen=True)
class Rows:
    """A table: its values on the rows that were given, and on one row of padding, which `weights` counts as often as there are some."""

    table: Table
    cells: Numbers
    weights: Numbers
    given: int
    values: Numbers
    """Of constraints, then of each message its multiplicity and its arguments: `int64[nodes][rows]`."""


@dataclass(frozen=True)
class Sent:
    """Messages of one place of the circuit: on which rows, how often (as a field element), and what they say."""

    rows: Rows
    number: int
    at: Numbers
    times: Numbers
    args: Numbers


class _Check:
    def __init__(self, spec: CircuitSpec, witness: Witness) -> None:
        self.spec = spec
        tables = [t for t in spec.circuit.tables if t.name in witness.traces]
        self.rows = [_rows(t, witness) for t in tables]
        claim = np.array(witness.claim, dtype=np.int64).reshape(-1, 1)
        self.rows.append(evaluated(spec.circuit.claim, claim, np.ones(1, dtype=np.int64), 1))

    def failures(self) -> Iterator[Failure]:
        """Those of equations; then those of buses, each once."""
        for rows in self.rows:
            for k in range(len(rows.table.constraints)):
                for row in np.flatnonzero(rows.values[k]).tolist():
                    yield of_equation(self.spec, rows, k, row)
        unmatched = [f for bus in range(len(self.spec.circuit.buses)) for f in self._bus(bus)]
        # What a fixed table offers too often follows from a lookup that is wrong.
        yield from [f for f in unmatched if f.table not in self.spec.histogram_starts] or unmatched

    def _bus(self, bus: int) -> Iterator[Failure]:
        # Rows of a fixed table first: one that is counted too often is its failure, not that of a row that looks it up rightly.
        every = sorted(self.rows, key=lambda rows: rows.table.name not in self.spec.histogram_starts)
        parts = [sent for rows in every for sent in sent_on(rows, bus)]
        if not parts:
            return
        groups = _groups(np.concatenate([p.args for p in parts], axis=1))
        sums = [0] * (int(groups.max(initial=-1)) + 1)
        times = np.concatenate([p.times for p in parts]).tolist()
        for group, count in zip(groups.tolist(), times, strict=True):
            sums[group] += count
        bad = {group for group, total in enumerate(sums) if total % P}
        place = 0
        unmatched: list[tuple[Sent, int, int]] = []
        for part in parts:
            for i in range(len(part.at)):
                group = int(groups[place + i])
                if group in bad:
                    bad.remove(group)
                    unmatched.append((part, i, sums[group] % P))
            place += len(part.at)
        sent = [(part, i) for part, i, excess in unmatched if excess <= P // 2]
        for number, (part, i, excess) in enumerate(unmatched):
            instead = self._nearest(bus, part.args[:, i], sent) if excess > P // 2 and number < MOST_COMPARED else ""
            yield self._unmatched(bus, part, i, excess, instead)

    def _nearest(self, bus: int, args: Numbers, sent: Sequence[tuple[Sent, int]]) -> str:
        """What comes nearest to a message that nobody sends, among those that nobody receives: it was probably meant to be the same."""
        same = [int((part.args[:, i] == args).sum()) for part, i in sent]
        if not same or 2 * max(same) < len(args):
            return ""
        part, i = sent[int(np.argmax(same))]
        fields = zip(self.spec.fields[self.spec.circuit.buses[bus].name], args.tolist(), part.args[:, i].tolist(), strict=True)
        other = ", ".join(f"{field} = {shown(b)}" for field, a, b in fields if a != b)
        return f"; table {part.rows.table.name}, row {int(part.at[i])} sends {other} instead"

    def _unmatched(self, bus: int, part: Sent, i: int, excess: int, instead: str) -> Failure:
        text = said(self.spec, bus, part.args[:, i].tolist())
        if self.spec.circuit.buses[bus].name in self.spec.histogram_starts:
            problem = f"there is no row {text}"
        else:
            more, less = ("sent", "received") if excess <= P // 2 else ("received", "sent")
            count = min(excess, P - excess)
            often = "more often than it is" if count == 1 else f"{count} times more than it is"
            problem = f"{text} is {more} {often} {less}{instead}"
        return of_message(self.spec, part, i, problem)


def said(spec: CircuitSpec, bus: int, args: Sequence[int]) -> str:
    """A message as text, with the names of its fields."""
    name = spec.circuit.buses[bus].name
    fields = zip(spec.fields[name], args, strict=True)
    return f"{name}({', '.join(f'{field} = {shown(value)}' for field, value in fields)})"


def of_equation(spec: CircuitSpec, rows: Rows, number: int, row: int) -> Failure:
    """An equation that does not hold on a row."""
    table = rows.table
    difference = f"does not hold, by {shown(int(rows.values[number, row]))}"
    return _failure(spec, rows, row, table.labels[number], number, difference, [table.constraints[number]])


def of_message(spec: CircuitSpec, part: Sent, i: int, problem: str) -> Failure:
    """What is wrong with a message."""
    table = part.rows.table
    message = table.messages[part.number]
    nodes = [message.multiplicity, *message.args]
    return _failure(spec, part.rows, int(part.at[i]), message.label, len(table.constraints) + part.number, problem, nodes)


def _failure(spec: CircuitSpec, rows: Rows, row: int, label: str, number: int, problem: str, nodes: Sequence[int]) -> Failure:
    table = rows.table
    places = spec.places.get(table.name, ())
    cells = tuple((table.columns[c], int(rows.cells[c, row])) for c in columns_below(table, nodes) if c < len(table.columns))
    place = places[number] if number < len(places) else ""
    return Failure(table.name, None if table.name == CLAIM else row, label, place, problem, cells, padding=row >= rows.given)


def _rows(table: Table, witness: Witness) -> Rows:
    trace = witness.traces[table.name].astype(np.int64)
    height = table.fixed.shape[1]
    if height:
        cells = np.concatenate([trace[:, :: trace.shape[1] // height], table.fixed.astype(np.int64)])
        return evaluated(table, cells, np.ones(height, dtype=np.int64), height)
    given, most = witness.rows[table.name], trace.shape[1]
    kept = min(given + 1, most)
    weights = np.ones(kept, dtype=np.int64)
    weights[given:] = most - given
    return evaluated(table, trace[:, :kept], weights, given)


def evaluated(table: Table, cells: Numbers, weights: Numbers, given: int) -> Rows:
    """The equations and the messages of a table on rows: `cells` is `int64[columns][rows]`, the columns of fixed tables after their own."""
    nodes = [*table.constraints, *(n for m in table.messages for n in (m.multiplicity, *m.args))]
    return Rows(table, cells, weights, given, values_of(table, nodes, cells))


def sent_on(rows: Rows, bus: int) -> Iterator[Sent]:
    """The messages of a table on a bus, where their multiplicity is not 0."""
    place = len(rows.table.constraints)
    for number, message in enumerate(rows.table.messages):
        if message.bus == bus:
            at = np.flatnonzero(rows.values[place])
            times = rows.values[place, at]
            signed = np.where(times > P // 2, times - P, times)
            args = rows.values[place + 1 : place + 1 + len(message.args), at]
            yield Sent(rows, number, at, signed * rows.weights[at], args)
        place += 1 + len(message.args)


def _groups(args: Numbers) -> Numbers:
    """A number for each message, equal where messages are: `int64[n]` from `int64[width][n]`."""
    groups = np.zeros(args.shape[1], dtype=np.int64)
    for column in args:
        groups = np.unique(groups * P + column, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return groups
