"""A circuit as text that any language reads: JSON, the same bytes for the same circuit. Its digest is the hash of these bytes.

docs/protocol.md, "The circuit as JSON", says what each field is.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from zkc.runtime.circuit.circuit import Circuit, Table
from zkc.runtime.hash.blake3 import hash_bytes


def circuit_text(circuit: Circuit) -> str:
    """Everything but the digest, in ASCII: a line for each table and for each other part, the last with its line end."""
    tables = ",\n".join(map(_table_text, circuit.tables))
    buses = [{"name": bus.name, "width": bus.width} for bus in circuit.buses]
    tops = {str(log_blowup): top.hex() for log_blowup, top in sorted(circuit.fixed_tops.items())}
    return (
        f'{{"buses":{compact(buses)},\n"tables":[\n{tables}\n],\n"claim":{_table_text(circuit.claim)},\n'
        f'"constants":{compact(dict(sorted(circuit.constants.items())))},\n"fixed_tops":{compact(tops)}}}\n'
    )


def compact(value: Any) -> str:
    """JSON in ASCII without blanks."""
    return json.dumps(value, separators=(",", ":"))


def _table_text(table: Table) -> str:
    parts = {
        "name": compact(table.name),
        "columns": compact(table.columns),
        "fixed": compact(_plain_fixed(table)),
        "nodes": _nodes_text(table),
        "constraints": compact(table.constraints),
        "labels": compact(table.labels),
        "messages": compact([{"bus": m.bus, "multiplicity": m.multiplicity, "args": m.args, "label": m.label} for m in table.messages]),
        "batches": compact(table.batches),
    }
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def _nodes_text(table: Table) -> str:
    """As `compact` would write them, in a third of its time: two thirds of the text are nodes, and every command makes it."""
    return "[" + ("[%d,%d,%d]," * len(table.nodes) % tuple(table.nodes.reshape(-1).tolist())).removesuffix(",") + "]"


def _plain_fixed(table: Table) -> dict[str, Any] | None:
    """Names, height and the hash of the values (words, column after column); the values themselves are megabytes that no verifier needs."""
    if not table.fixed.shape[0]:
        return None
    values = np.ascontiguousarray(table.fixed, "<u4").tobytes()
    return {"columns": table.fixed_names, "height": table.fixed.shape[1], "blake3": hash_bytes(values).hex()}
