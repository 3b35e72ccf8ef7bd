"""Values of a table's polynomials on its rows, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Table
from zkc.runtime.field.koalabear import P

Numbers = npt.NDArray[np.int64]
BLOCK: Final = 1024
"""Rows that are evaluated at a time: bounds the memory of a table with thousands of nodes."""


def values_of(table: Table, nodes: Sequence[int], cells: Numbers) -> Numbers:
    """`int64[nodes][rows]`, canonical. cells: `int64[columns][rows]`, the columns of fixed tables after their own."""
    out = np.empty((len(nodes), cells.shape[1]), dtype=np.int64)
    program = [(k, *table.nodes[k].tolist()) for k in _below(table, nodes)]
    for start in range(0, cells.shape[1], BLOCK):
        values: dict[int, Numbers | int] = {}
        for k, op, a, b in program:
            if op == COLUMN:
                values[k] = cells[a, start : start + BLOCK]
            elif op == CONSTANT:
                values[k] = a
            elif op == ADD:
                values[k] = (values[a] + values[b]) % P
            elif op == SUB:
                values[k] = (values[a] - values[b]) % P
            else:
                values[k] = values[a] * values[b] % P
        for k, node in enumerate(nodes):
            out[k, start : start + BLOCK] = values[node]
    return out


def columns_below(table: Table, nodes: Sequence[int]) -> list[int]:
    """The columns that nodes are made of."""
    return sorted({int(table.nodes[n][1]) for n in _below(table, nodes) if table.nodes[n][0] == COLUMN})


def _below(table: Table, nodes: Sequence[int]) -> list[int]:
    """All nodes that some are made of, and themselves, in order."""
    seen, todo = set[int](), list(nodes)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            op, a, b = (int(x) for x in table.nodes[node])
            todo += [a, b] if op > CONSTANT else []
    return sorted(seen)
