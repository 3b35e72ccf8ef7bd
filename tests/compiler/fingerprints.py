"""Fingerprints of the polynomials of a circuit: their values at pseudorandom points, digested.

`python -m tests.compiler.fingerprints` writes those of the circuits as they are, for the time of a change that must not touch them.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Table
from zkc.runtime.field.koalabear import P

FILE = Path(__file__).parent / "data" / "polynomials.json"
POINTS = 3


def values(table: Table, columns: list[int]) -> list[int]:
    """Every node of a table at a point, canonical."""
    found: list[int] = []
    for op, a, b in table.nodes.tolist():
        if op == COLUMN:
            found.append(columns[a])
        elif op == CONSTANT:
            found.append(a)
        else:
            x, y = found[a], found[b]
            found.append((x + y if op == ADD else x - y if op == SUB else x * y) % P)
    return found


def fingerprint(table: Table) -> dict[str, object]:
    """Columns and labels, and a digest of what constraints and messages are at POINTS points."""
    digest = hashlib.sha256()
    width = len(table.columns) + len(table.fixed_names)
    for point in range(POINTS):
        rng = random.Random(f"{table.name} {point}")
        at = values(table, [rng.randrange(P) for _ in range(width)])
        constraints = [at[c] for c in table.constraints]
        messages = [(m.bus, at[m.multiplicity], [at[a] for a in m.args], m.label) for m in table.messages]
        digest.update(json.dumps([constraints, messages]).encode())
    shape = [len(table.columns), len(table.constraints), len(table.messages), len(table.batches)]
    columns = [name.partition("#")[0] for name in table.columns]  # numbers of equal names are newer
    names = hashlib.sha256(json.dumps([columns, table.labels, table.batches]).encode()).hexdigest()[:16]
    return {"shape": shape, "names": names, "values": digest.hexdigest()}


def fingerprints(circuit: Circuit) -> dict[str, dict[str, object]]:
    """Those of all tables and of the claim, by name."""
    return {table.name: fingerprint(table) for table in (*circuit.tables, circuit.claim)}


if __name__ == "__main__":
    from zkc import api

    text = ",\n".join(f'"{name}": {json.dumps(value)}' for name, value in fingerprints(api.machine().spec.circuit).items())
    FILE.write_text(f"{{\n{text}\n}}\n")
