"""Faults in witnesses: cells of single rows changed by the thousand, and what notices.

A prover is free in more than the cells of a row: it counts lookups again, it says how often an instruction is used, and what a row sends,
other rows may take up. So a row is judged by itself: its constraints must hold, its lookups must be in their tables, and what it receives
must be what was received before. A change that passes all that and leaves what is sent is *idle*: it must be of something that does not
matter. A change of what is sent is a *choice* of the prover: only the host's answers may be that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.machine.check import Numbers, Traces, cells_of, evaluate, provides
from zkc.runtime.circuit.circuit import Circuit, Message, Table
from zkc.runtime.field.koalabear import P

Change = tuple[int, tuple[int, ...], tuple[int, ...]]
"""A row, columns of it, and their new values."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Verdict:
    """What changed rows break, one element for each change; `constraints` by constraint. `sent`: what the row sends is another."""

    constraints: Flags
    lookups: Flags
    received: Flags
    sent: Flags

    @property
    def noticed(self) -> Flags:
        """Changes that break the row itself."""
        return self.constraints.any(axis=0) | self.lookups | self.received

    @property
    def idle(self) -> Numbers:
        """Changes that nothing notices and nothing feels."""
        return np.flatnonzero(~self.noticed & ~self.sent)

    @property
    def choices(self) -> Numbers:
        """Changes of what the row sends, by a row that is as good as before."""
        return np.flatnonzero(~self.noticed & self.sent)


@dataclass(frozen=True)
class Changes:
    """Rows of a table with some cells changed: `cells` is `int64[columns][changes]`, `columns` says which differ."""

    table: str
    rows: Numbers
    columns: list[tuple[int, ...]]
    cells: Numbers

    def describe(self, i: int, names: Sequence[str]) -> str:
        new = ", ".join(f"{names[c]}#{c} = {int(self.cells[c, i])}" for c in self.columns[i])
        return f"{self.table}[{int(self.rows[i])}] with {new}"


class Witness:
    """An honest witness, of which single rows are changed."""

    def __init__(self, circuit: Circuit, traces: Traces, claim: Sequence[int]) -> None:
        self.circuit = circuit
        self.tables = {t.name: t for t in circuit.tables if t.name in traces} | {"claim": circuit.claim}
        self.cells = {name: cells_of(t, traces[name]) for name, t in self.tables.items() if name != "claim"}
        self.cells["claim"] = np.array(claim, dtype=np.int64).reshape(-1, 1)

    @cached_property
    def provided(self) -> dict[int, set[tuple[int, ...]]]:
        """The rows of every table that is looked up, by bus."""
        found: dict[int, set[tuple[int, ...]]] = {}
        for table in self.tables.values():
            for message in table.messages:
                if self.provides(table, message):
                    rows = evaluate(table, self.cells[table.name], message.args)
                    found.setdefault(message.bus, set()).update(zip(*rows.tolist(), strict=True))
        return found

    def provides(self, table: Table, message: Message) -> bool:
        return provides(self.circuit, table, message)

    def looks_up(self, table: Table, message: Message) -> bool:
        """Whether a message asks a table that `provides`."""
        return message.bus in self.provided and not self.provides(table, message)

    def judge(self, changes: Changes) -> Verdict:
        """Each change by itself, in the witness that is honest everywhere else."""
        table, cells = self.tables[changes.table], self.cells[changes.table]
        nodes = [*table.constraints, *(n for m in table.messages for n in (m.multiplicity, *m.args))]
        rows, where = np.unique(changes.rows, return_inverse=True)
        before = evaluate(table, cells[:, rows], nodes)[:, where]
        after = evaluate(table, np.concatenate([changes.cells, cells[len(table.columns) :, changes.rows]]), nodes)
        count, place = len(table.constraints), len(table.constraints)
        noticed = {kind: np.zeros(len(changes.rows), dtype=bool) for kind in ("lookup", "recv", "send")}
        moved = {kind: np.zeros(len(changes.rows), dtype=np.int64) for kind in ("recv", "send")}
        for message in table.messages:
            old, new = (x[place : place + 1 + len(message.args)] for x in (before, after))
            place += 1 + len(message.args)
            differs = (old != new).any(axis=0) & ((old[0] != 0) | (new[0] != 0))
            if self.looks_up(table, message):
                noticed["lookup"] |= self._missing(message.bus, new, differs)
            else:
                for kind, counts in moved.items():
                    ways = [(x[0] != 0) & (received(x[0]) == (kind == "recv")) for x in (old, new)]
                    counts += differs & (ways[0] | ways[1])
        for kind, counts in moved.items():
            noticed[kind] |= counts == 1
            for i in np.flatnonzero(counts > 1).tolist():
                noticed[kind][i] = self._unbalanced(table, kind, before[count:, i], after[count:, i])
        return Verdict(after[:count] != 0, noticed["lookup"], noticed["recv"], noticed["send"])

    def _missing(self, bus: int, new: Numbers, differs: Flags) -> Flags:
        found = np.zeros(new.shape[1], dtype=bool)
        for i in np.flatnonzero(differs & (new[0] != 0)).tolist():
            found[i] = tuple(new[1:, i].tolist()) not in self.provided[bus]
        return found

    def _unbalanced(self, table: Table, kind: str, before: Numbers, after: Numbers) -> bool:
        """Whether two versions of a row send, or receive, different multisets of messages."""
        net: Counter[tuple[int, ...]] = Counter()
        for sign, values in ((-1, before.tolist()), (1, after.tolist())):
            place = 0
            for message in table.messages:
                if not self.looks_up(table, message) and received(values[place]) == (kind == "recv"):
                    count = values[place] if values[place] <= P // 2 else P - values[place]
                    net[(message.bus, *values[place + 1 : place + 1 + len(message.args)])] += sign * count
                place += 1 + len(message.args)
        return any(count % P for count in net.values())

    def typical_rows(self, name: str, bits: Sequence[int], most: int = 64) -> list[int]:
        """First and last row, the last that is used and the first that is not, and one for each combination of some columns."""
        cells = self.cells[name]
        patterns = np.unique(cells[list(bits)], axis=1, return_index=True)[1].tolist() if bits else []
        used = np.flatnonzero(cells[list(bits)].any(axis=0)) if bits else np.array([0])
        edges = {0, cells.shape[1] - 1, int(used[-1]), min(int(used[-1]) + 1, cells.shape[1] - 1)}
        return sorted(edges | set(patterns[:: -(-len(patterns) // most)] if patterns else []))

    def single_changes(self, name: str, rows: Sequence[int], seed: int = 1) -> Changes:
        """Every cell of these rows as some other numbers."""
        rng = np.random.default_rng(seed)
        width = len(self.tables[name].columns)
        found: list[Change] = []
        for row in rows:
            for column, value in enumerate(self.cells[name][:width, row].tolist()):
                others = {value + 1, value - 1, value + 2**16, -value, 1 - value if value < 2 else 0, int(rng.integers(P))}
                found += [(row, (column,), (other,)) for other in sorted({o % P for o in others} - {value})]
        return self.changes(name, found)

    def pair_changes(self, name: str, rows: Sequence[int], columns: Sequence[int]) -> Changes:
        """Every two cells of these rows, so that a carry moves between them, or a bit, or a sign."""
        found: list[Change] = []
        for row in rows:
            values = self.cells[name][:, row].tolist()
            for a, b in combinations(columns, 2):
                x, y = values[a], values[b]
                for da, db in ((2**16, -1), (-(2**16), 1), (1, -(2**16)), (-1, 2**16), (1, -1), (-1, 1), (1, 1), (2**8, -1)):
                    found.append((row, (a, b), ((x + da) % P, (y + db) % P)))
                if x < 2 and y < 2:
                    found.append((row, (a, b), (1 - x, 1 - y)))
        return self.changes(name, found)

    def changes(self, name: str, found: Sequence[Change]) -> Changes:
        """Chosen cells of chosen rows."""
        rows = np.array([row for row, _, _ in found], dtype=np.int64)
        cells = self.cells[name][: len(self.tables[name].columns), rows]
        for i, (_, columns, values) in enumerate(found):
            cells[list(columns), i] = values
        return Changes(name, rows, [columns for _, columns, _ in found], cells)


def received(count: Any) -> Any:
    """Whether a message that counts so often is received: one that is sent counts once, one that is received minus once."""
    return count > P // 2
