"""Constraint evaluation over rows: `evaluate(columns, start, stop, out)` for a table.

columns `uint32[committed + fixed][m]`, Montgomery, C-contiguous; rows `start .. stop - 1`, both multiples of 16. out `uint32[values][..]`,
at least stop - start long: out[j, row - start] becomes value j of: the constraints, then for each message its multiplicity and arguments.
The node list of a table is interpreted, by a kernel that is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Table
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import to_montgomery
from zkc.runtime.field.packed import LANES, load, splat, store

BLOCK: Final = 512
"""Rows that the interpreter takes through the whole program at a time; its registers then stay in the second-level cache."""

Words = npt.NDArray[np.uint32]
Evaluate = Callable[[Words, int, int, Words], None]


def outputs(table: Table) -> list[int]:
    """The nodes of an evaluator's output, in order."""
    return [*table.constraints, *(node for m in table.messages for node in (m.multiplicity, *m.args))]


@lru_cache(maxsize=256)
def interpreter(table: Table) -> Evaluate:
    """The evaluator of a table."""
    return node_interpreter(table.nodes, outputs(table))


def node_interpreter(nodes: npt.NDArray[np.int64], wanted: Sequence[int]) -> Evaluate:
    """An evaluator of the nodes `wanted` of a node list (see runtime/circuit/circuit.py)."""
    code, registers = allocate(nodes, wanted)
    constants, where = np.zeros(len(nodes), dtype=np.uint32), nodes[:, 0] == CONSTANT
    constants[where] = [to_montgomery(a) for a in nodes[where, 1].tolist()]

    def evaluate(columns: Words, start: int, stop: int, out: Words) -> None:
        _interpret(code, constants, registers, columns, start, stop, out)

    return evaluate


STORE: Final = 5


def allocate(nodes: npt.NDArray[np.int64], wanted: Sequence[int]) -> tuple[npt.NDArray[np.int64], int]:
    """`int64[k][4]` instructions (op, a, b, to) over few registers, and their number: a register is free after its last use.

    COLUMN a and CONSTANT a (a node number) load register `to`; STORE copies register a to output `to`.
    """
    rows = nodes.tolist()
    last = last_uses(rows, wanted)
    places: dict[int, list[int]] = {}
    for place, node in enumerate(wanted):
        places.setdefault(node, []).append(place)
    code: list[int] = []
    register = [0] * len(rows)
    free: list[int] = []
    used = 0
    for number, (op, a, b) in enumerate(rows):
        end = last[number]
        if end < 0:
            continue
        if op > CONSTANT:
            x, y = register[a], register[b]
            if last[a] == number:
                free.append(x)
            if last[b] == number and b != a:
                free.append(y)
        else:
            x, y = (number if op == CONSTANT else a), 0
        if free:
            to = free.pop()
        else:
            to, used = used, used + 1
        register[number] = to
        code += (op, x, y, to)
        if number in places:
            for place in places[number]:
                code += (STORE, to, 0, place)
        if end == number:
            free.append(to)
    return np.array(code, dtype=np.int64).reshape(-1, 4), used


def last_uses(nodes: list[list[int]], wanted: Sequence[int]) -> list[int]:
    """For each node the number of the last node that uses it, its own if only an output does, and -1 if it does not matter."""
    last = [-1] * len(nodes)
    for node in wanted:
        last[node] = node
    for number in range(len(nodes) - 1, -1, -1):
        if last[number] >= 0:
            op, a, b = nodes[number]
            if op > CONSTANT:
                if last[a] < number:
                    last[a] = number
                if last[b] < number:
                    last[b] = number
    return last


@kernel
def _interpret(code: npt.NDArray[np.int64], constants: Words, registers: int, columns: Words, start: int, stop: int, out: Words) -> None:
    values = np.empty((registers, BLOCK), dtype=np.uint32)
    for first in range(start, stop, BLOCK):
        size = min(BLOCK, stop - first)
        for k in range(code.shape[0]):
            op, a, b, to = code[k, 0], code[k, 1], code[k, 2], code[k, 3]
            if op == COLUMN:
                for i in range(0, size, LANES):
                    store(values, (to, i), load(columns, (a, first + i)))
            elif op == CONSTANT:
                for i in range(0, size, LANES):
                    store(values, (to, i), splat(constants[a]))
            elif op == ADD:
                for i in range(0, size, LANES):
                    store(values, (to, i), load(values, (a, i)) + load(values, (b, i)))
            elif op == SUB:
                for i in range(0, size, LANES):
                    store(values, (to, i), load(values, (a, i)) - load(values, (b, i)))
            elif op == STORE:
                for i in range(0, size, LANES):
                    store(out, (to, first - start + i), load(values, (a, i)))
            else:
                for i in range(0, size, LANES):
                    store(values, (to, i), load(values, (a, i)) * load(values, (b, i)))
