"""The circuits mean what they meant before the compiler had an intermediate representation: every equation and message of every table.

Nine tables of services.circ are kept as they were when redundant terms had been taken out of them; their shapes are the old ones.
"""

from __future__ import annotations

import json

import pytest

from tests.compiler.fingerprints import FILE, fingerprint, fingerprints
from zkc import api
from zkc.runtime.circuit.circuit import Table

KNOWN: dict[str, dict[str, object]] = json.loads(FILE.read_text())


def table(name: str) -> Table:
    circuit = api.machine().spec.circuit
    return next(t for t in (*circuit.tables, circuit.claim) if t.name == name)


def test_there_are_the_same_tables() -> None:
    circuit = api.machine().spec.circuit
    assert list(KNOWN) == [*(t.name for t in circuit.tables), circuit.claim.name]


@pytest.mark.parametrize("name", KNOWN)
def test_the_polynomials_are_the_same(name: str) -> None:
    assert fingerprint(table(name)) == KNOWN[name]


def test_a_changed_constant_changes_the_fingerprint() -> None:
    """The test above can fail."""
    before = table("add")
    nodes = before.nodes.copy()
    constant = next(i for i, (op, a, _) in enumerate(nodes.tolist()) if op == 1 and a > 1)
    nodes[constant, 1] += 1
    after = Table(**{**before.__dict__, "nodes": nodes})
    assert fingerprint(after)["values"] != KNOWN["add"]["values"]
    assert set(fingerprints(api.machine().spec.circuit)) == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_columns_are_named_uniquely(name: str) -> None:
    assert len(set(table(name).columns)) == len(table(name).columns)
