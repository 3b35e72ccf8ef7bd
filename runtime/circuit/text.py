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
    tables = ",\n".join(compact(_plain_table(table)) for table in circuit.tables)
    buses = [{"name": bus.name, "width": bus.width} for bus in circuit.buses]
    tops = {str(log_blowup): top.hex() for log_blowup, top in sorted(circuit.fixed_tops.items())}
    return (
        f'{{"buses":{compact(buses)},\n"tables":[\n{tables}\n],\n"claim":{compact(_plain_table(circuit.claim))},\n'
        f'"constants":{compact(dict(sorted(circuit.constants.items())))},\n"fixed_tops":{compact(tops)}}}\n'
    )


def compact(value: Any) -> str:
    """JSON in ASCII without blanks."""
    return json.dumps(value, separators=(",", ":"))


def _plain_table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "columns": table.columns,
        "fixed": _plain_fixed(table),
        "nodes": table.nodes.tolist(),
        "constraints": table.constraints,
        "labels": table.labels,
        "messages": [{"bus": m.bus, "multiplicity": m.multiplicity, "args": m.args, "label": m.label} for m in table.messages],
        "batches": table.batches,
    }


def _plain_fixed(table: Table) -> dict[str, Any] | None:
    """Names, height and the hash of the values (words, column after column); the values themselves are megabytes that no verifier needs."""
    if not table.fixed.shape[0]:
        return None
    values = np.ascontiguousarray(table.fixed, "<u4").tobytes()
    return {"columns": table.fixed_names, "height": table.fixed.shape[1], "blake3": hash_bytes(values).hex()}
