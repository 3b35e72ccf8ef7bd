"""Where and when a word is a token of its bus: the order of tokens, and what their differences are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.circuit.circuit import SUB
from zkc.runtime.field.koalabear import P

LONGEST_GAP: Final = 1 << 28
"""Times are below p by more than this (`clock.py`), so what lies before a time by less was a time before it, or is no time at all."""
TIME: Final = "time"
MARK: Final = "mark"


@dataclass(frozen=True)
class Token:
    """A message of a bus that remembers. message: its number in the table; key, time, mark: nodes of the row."""

    message: int
    key: int
    time: int
    mark: int


def tokens(table: TableAudit, row: Row, bus: str) -> tuple[list[Token], list[Token]]:
    """What a row receives and what it sends on a bus that remembers, each once, in order."""
    remembers = table.circuit.program.buses[bus].remembers
    assert remembers is not None
    places = [table.circuit.place(bus, field) for field in (remembers, TIME, MARK)]
    here = [(i, row.value(m), args) for i, m, args in row.messages if table.messages[i].text("bus") == bus]
    taken, given = ([Token(i, *(args[p] for p in places)) for i, times, args in here if times == once] for once in (P - 1, 1))
    return taken, given


def constant_difference(row: Row, a: int, b: int) -> int | None:
    """a - b as a small integer, None if it is no constant."""
    linear = row.linear(row.make(SUB, a, b))
    return signed(linear.get(ONE, 0)) if linear.keys() <= {ONE} else None


def is_later(row: Row, state: State, earlier: Token, later: Token) -> bool:
    """Of one key: a greater mark, or the same mark and a later time."""
    marks = constant_difference(row, later.mark, earlier.mark)
    if earlier.key != later.key or marks is None or marks < 0:
        return False
    return marks > 0 or _bounded_gap(row, state, earlier.time, later.time)


def _bounded_gap(row: Row, state: State, earlier: int, later: int) -> bool:
    total = low = 0
    for atom, c in row.linear(row.make(SUB, later, earlier)).items():
        k = signed(c)
        if atom == ONE:
            low, total = low + k, total + k
            continue
        column = row.column_of(atom)
        if k < 0 or column is None or column not in state.columns:
            return False
        total += k * (state.columns[column] - 1)
    return low > 0 and total < LONGEST_GAP
