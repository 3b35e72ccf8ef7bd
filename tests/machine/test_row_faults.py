"""Every column of every table, changed alone and in pairs, on all kinds of rows: noticed by the row itself, or known not to matter.

The two lists below are the whole truth: what a prover may write there as it likes, and why that is no harm.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Final

import numpy as np
import pytest

from tests.machine.check import evaluate
from tests.machine.everything import honest
from tests.machine.faults import Change, Changes, Verdict, Witness
from tests.machine.support import machine, names_of
from zkc.runtime.circuit.circuit import Table
from zkc.runtime.field.koalabear import P

DO_NOT_MATTER: Final = {
    ("*", "i"): "an inverse that shows that something is not zero: free where it is zero",
    ("*", "i0"): "one of two inverses: free where its half is zero, or where the other shows enough",
    ("*", "i1"): "as i0",
    ("divide", "c0"): "a carry of the negation: free where nothing is negated",
    ("divide", "c1"): "as c0",
    ("write_console", "some"): "whether there are bytes: free where there are none, for then the pointer may be any",
    ("write_console", "room.hi"): "what lies between the bytes and the end of user memory: as `some`",
    ("table_page", "touched"): "on a row of the old version: the row of the new version says which digest is received",
    ("claim", "index"): "compared by the chain of receipts",
    ("claim", "first"): "compared by the chain of receipts",
}
"""Columns that some row does not need, by what the row holds. What an instruction does not use at all is found by `dead`."""

VERSION: Final = "all rows of a version hang together: the sponge says it to the next, the digest has one partner, and so have the words"
CHOICES: Final = {
    ("decode", "uses"): "how often an instruction is used: a count, as that of a fixed table",
    ("read_block", "value.lo"): "private input",
    ("read_block", "value.hi"): "private input",
    ("read_word", "value.lo"): "private input",
    ("read_word", "value.hi"): "private input",
    ("read_start", "length.lo"): "the host may give fewer bytes",
    ("read_start", "difference.lo"): "as length",
    ("data_page", "page"): "the first row of an old version receives nothing: its last row receives the digest of the page it says",
    ("dirty_page", "page"): "as in data_page",
    ("dirty_page", "last"): "a page that does not end there cannot end later: `last` holds only at the last step",
    ("table_page", "last"): "as in dirty_page",
    **{("boundary", f"blind_{half}[{i}]"): "the prover's own words, only in the image ID" for half in ("lo", "hi") for i in range(4)},
    **{("data_page", name): VERSION for name in ("clean", "new")},
    **{("dirty_page", name): VERSION for name in ("old", "first")},
    **{("table_page", name): VERSION for name in ("clean", "new")},
}
"""Columns by which a row may send something else and be as good as before, alone or together with others of the list."""

GATES: Final = ("clean", "old", "new", "first", "last", "root", "real")
TABLES: Final = [t.name for t in machine().circuit.tables if not t.fixed.shape[0]]
SMALL: Final = [t.name for t in machine().circuit.tables if not t.fixed.shape[0] and len(t.columns) <= 64]


@cache
def witness() -> Witness:
    traces, claim = honest()
    return Witness(machine().circuit, traces, claim)


def gates(table: Table) -> list[int]:
    """Columns that switch parts of a row on and off."""
    return [i for i, name in enumerate(table.columns) if name.startswith("is_") or names_of(name)[0] in GATES]


@cache
def padding(name: str, row: int) -> bool:
    """Whether a row sends and receives nothing. As long as that stays so, it may hold what it likes."""
    table = witness().tables[name]
    partners = [m.multiplicity for m in table.messages if not witness().looks_up(table, m)]
    return not evaluate(table, witness().cells[name][:, [row]], partners).any()


def dead(name: str, row: int, column: int) -> bool:
    """Whether nothing of a row depends on a column, whatever the other columns hold, as long as its gates are as they are."""
    table = witness().tables[name]
    if column in gates(table):
        return False
    rng = np.random.default_rng(row)
    cells = np.repeat(witness().cells[name][:, [row]], 6, axis=1)
    free = [i for i in range(len(table.columns)) if i not in gates(table)]
    cells[free] = rng.integers(P, size=(len(free), 1))
    cells[column] = rng.integers(P, size=6)
    nodes = [*table.constraints, *(m.multiplicity for m in table.messages), *(a for m in table.messages for a in m.args)]
    values = evaluate(table, cells, nodes)
    moves = (values != values[:, :1]).any(axis=1)
    count, place = len(table.constraints), len(table.constraints) + len(table.messages)
    alive = bool(moves[:place].any())
    for k, message in enumerate(table.messages):
        alive |= bool(values[count + k].any() and moves[place : place + len(message.args)].any())
        place += len(message.args)
    return not alive


def unlisted(changes: Changes, verdict: Verdict) -> list[str]:
    """Changes that nothing notices, and that no list explains."""
    table = witness().tables[changes.table]
    found: list[str] = []
    known: dict[tuple[int, int], bool] = {}
    for kind, numbers, listed in (("idle", verdict.idle, DO_NOT_MATTER), ("choice", verdict.choices, DO_NOT_MATTER | CHOICES)):
        for i in numbers.tolist():
            row = int(changes.rows[i])
            if kind == "idle" and padding(table.name, row):
                continue
            for column in changes.columns[i]:
                name = names_of(table.columns[column])
                if any((t, n) in listed for t in ("*", table.name) for n in name):
                    continue
                if (row, column) not in known:
                    known[row, column] = dead(table.name, row, column)
                if not known[row, column]:
                    found.append(f"{kind}: {changes.describe(i, table.columns)}")
                    break
    return found


def explain(found: list[str]) -> str:
    return f"{len(found)} changes that nothing notices:\n" + "\n".join(found[:20])


@pytest.mark.parametrize("name", [*TABLES, "claim"])
def test_a_changed_cell_is_noticed(name: str) -> None:
    table = witness().tables[name]
    rows = witness().typical_rows(name, gates(table)) if name != "claim" else [0]
    changes = witness().single_changes(name, rows)
    found = unlisted(changes, witness().judge(changes)) if name != "claim" else claim_idle(changes, witness().judge(changes))
    assert not found, explain(found)


def claim_idle(changes: Changes, verdict: Verdict) -> list[str]:
    """The claim is what is said in public: all it sends and receives is a statement, and must only be felt."""
    table = witness().tables["claim"]
    numbers = [i for i in verdict.idle.tolist() if ("claim", table.columns[changes.columns[i][0]]) not in DO_NOT_MATTER]
    return [changes.describe(i, table.columns) for i in numbers]


@pytest.mark.parametrize("name", SMALL)
def test_a_changed_pair_is_noticed(name: str) -> None:
    """Carries between any two columns, two flags at once, two signs: what single changes cannot do."""
    table = witness().tables[name]
    rows = witness().typical_rows(name, gates(table))
    changes = witness().pair_changes(name, rows, range(len(table.columns)))
    found = unlisted(changes, witness().judge(changes))
    assert not found, explain(found)


@pytest.mark.parametrize("name", ["data_page", "table_page", "decode", "boundary", "journal_compress"])
def test_a_changed_pair_of_a_wide_table_is_noticed(name: str) -> None:
    """As above, for the columns that are not rounds of the permutation nor bits of the word, on fewer rows."""
    table = witness().tables[name]
    narrow = [i for i, n in enumerate(table.columns) if not n.startswith(("column", "bit", "is_"))][:44]
    rows = witness().typical_rows(name, gates(table), most=6)[:8]
    changes = witness().pair_changes(name, rows, narrow)
    found = unlisted(changes, witness().judge(changes))
    assert not found, explain(found)


@pytest.mark.parametrize("name", TABLES)
def test_a_gate_is_a_bit(name: str) -> None:
    """Flags as 2, -1, 1/2, and one traded for another; on padding rows too (rows 30 and 44 of the table of real bugs)."""
    table = witness().tables[name]
    columns = gates(table)
    found: list[Change] = []
    for row in witness().typical_rows(name, columns, most=12):
        values = witness().cells[name][:, row].tolist()
        for column in columns:
            found += [(row, (column,), (v,)) for v in (0, 1, 2, P - 1, (P + 1) // 2) if v != values[column]]
            found += [(row, (column, other), (1 - values[column], 1 - values[other])) for other in columns if other > column]
    changes = witness().changes(name, found)
    unexplained = unlisted(changes, witness().judge(changes))
    assert not unexplained, explain(unexplained)


def test_the_lists_are_no_longer_than_needed() -> None:
    """Every entry of both lists explains something."""
    used: set[tuple[str, str]] = set()
    for name in TABLES:
        table = witness().tables[name]
        rows = witness().typical_rows(name, gates(table), most=16)
        listed = [i for i, c in enumerate(table.columns) if {(name, n) for n in names_of(c)} & {*DO_NOT_MATTER, *CHOICES}]
        for changes in (witness().single_changes(name, rows), witness().pair_changes(name, rows, listed)):
            verdict = witness().judge(changes)
            for i in [*verdict.idle.tolist(), *verdict.choices.tolist()]:
                used |= {(t, n) for c in changes.columns[i] for n in names_of(table.columns[c]) for t in (name, "*")}
    assert not [entry for entry in (*DO_NOT_MATTER, *CHOICES) if entry not in used and entry[0] != "claim"]


def test_every_constraint_can_fail() -> None:
    """No constraint vanishes on random cells, and changes of single cells violate all but those that take two cells to violate."""
    never: dict[str, list[str]] = defaultdict(list)
    rng = np.random.default_rng(3)
    for name in TABLES:
        table = witness().tables[name]
        random_cells = rng.integers(P, size=(len(table.columns), 4))
        assert evaluate(table, random_cells, table.constraints).any(axis=1).all(), f"a constraint of {name} says nothing"
        changes = witness().single_changes(name, witness().typical_rows(name, gates(table)))
        violated = witness().judge(changes).constraints.any(axis=1)
        never[name] += [label for label, bad in zip(table.labels, violated, strict=True) if not bad]
    assert {label for labels in never.values() for label in labels} <= {"equal words have equal high halves"}, dict(never)
