"""Filling the rows of a table from the records of its executor: runs programs over blocks of rows.

The interpreter takes a block of rows through an instruction at a time, so that deciding what to do costs nothing beside doing it, and
nothing has to be compiled for a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.fill_program import FillProgram, Ints, Op
from zkc.runtime.execution.operations import (
    divide_signed,
    divide_unsigned,
    inverse,
    remainder_signed,
    remainder_unsigned,
    run_field_function,
    signed,
)
from zkc.runtime.field.compiled import jit
from zkc.runtime.stark.evaluators import node_interpreter

BLOCK: Final = 256
"""Rows that go through a program at a time; its registers stay in the second-level cache."""
ENTRY: Final = 2
"""The words of a record from this one on are the decoded instruction, the lower half first."""

Words = npt.NDArray[np.uint32]


def fill(program: FillProgram, records: Words, start: int, stop: int, columns: Words, histogram: Words) -> None:
    """Rows start .. stop of `columns` uint32[width][height] (canonical) from `records` uint32[rows][words]; lookups are counted."""
    p = program
    _interpret(
        p.arm_of, p.arms, p.code, p.constants, p.lists, p.functions, p.nodes, p.outputs, p.registers,
        records, start, stop, columns, histogram,
    )  # fmt: skip


def fill_polynomials(program: FillProgram, columns: Words, start: int, stop: int) -> None:
    """The columns that are polynomials of others, on rows start .. stop (multiples of 16), in Montgomery form."""
    out = np.empty((len(program.polynomial_outputs), stop - start), dtype=np.uint32)
    _polynomials(program)(columns, start, stop, out)
    columns[program.polynomial_columns, start:stop] = out


@lru_cache(maxsize=256)
def _polynomials(program: FillProgram) -> Callable[..., None]:
    return node_interpreter(program.polynomial_nodes, program.polynomial_outputs)


@jit(boundscheck=False)
def _interpret(
    arm_of: Ints, arms: Ints, code: Ints, constants: Ints, lists: Ints, functions: Ints, nodes: Ints, outputs: Ints, registers: int,
    records: Words, start: int, stop: int, columns: Words, histogram: Words,
) -> None:  # fmt: skip
    order, ends = _by_arm(arm_of, arms.shape[0], records, start, stop)
    values = np.empty((registers, BLOCK), dtype=np.int64)
    first = 0
    for arm in range(arms.shape[0]):
        if first == ends[arm]:
            continue
        for k in range(arms[arm, 2], arms[arm, 3]):
            values[k - arms[arm, 2], :] = constants[k]
        for at in range(first, ends[arm], BLOCK):
            rows = order[at : min(at + BLOCK, ends[arm])]
            for k in range(arms[arm, 0], arms[arm, 1]):
                op = code[k, 0]
                if op == Op.CALL:
                    _call(code[k], lists, functions, nodes, outputs, values, len(rows))
                elif op >= Op.WRITE:
                    _effect(code[k], values, rows, columns, histogram)
                elif op <= Op.ENTRY:
                    _read(code[k], records, rows, values)
                else:
                    _step(code[k], values, len(rows))
        first = ends[arm]


@jit(boundscheck=False)
def _by_arm(arm_of: Ints, arms: int, records: Words, start: int, stop: int) -> tuple[Ints, Ints]:
    """Rows start .. stop, those of each arm one after the other, and where each arm's end."""
    order, ends = np.arange(start, stop), np.zeros(arms, dtype=np.int64)
    if arms == 1:
        ends[0] = len(order)
        return order, ends
    for row in range(start, stop):
        ends[arm_of[np.uint64(records[row, ENTRY] & np.uint32(arm_of.shape[0] - 1))]] += 1
    places = np.cumsum(ends) - ends
    for row in range(start, stop):
        arm = arm_of[np.uint64(records[row, ENTRY] & np.uint32(arm_of.shape[0] - 1))]
        order[places[arm]] = row
        places[arm] += 1
    return order, np.cumsum(ends)


@jit(boundscheck=False)
def _read(code: Ints, records: Words, rows: Ints, values: Ints) -> None:
    word, to = code[1], values[code[4]]
    if code[0] == Op.RECORD:
        for i in range(len(rows)):
            to[i] = records[rows[i], word]
    else:
        for i in range(len(rows)):
            to[i] = np.int64(records[rows[i], ENTRY]) | np.int64(records[rows[i], ENTRY + 1]) << 32


@jit(boundscheck=False)
def _effect(code: Ints, values: Ints, rows: Ints, columns: Words, histogram: Words) -> None:
    a, b, to = values[code[1]], values[code[2]], code[4]
    if code[0] == Op.WRITE:
        for i in range(len(rows)):
            columns[to, rows[i]] = np.uint32(a[i])
    else:
        for i in range(len(rows)):
            if 0 <= to + a[i] < histogram.shape[0]:  # what is in no row of the table is found out when messages are balanced
                histogram[np.uint64(to + a[i])] += np.uint32(b[i])


@jit(boundscheck=False)
def _call(code: Ints, lists: Ints, functions: Ints, nodes: Ints, outputs: Ints, values: Ints, count: int) -> None:
    first, number, size, to = code[1], code[2], code[3], code[4]
    node, output, node_end, output_end = functions[number, 0], functions[number, 1], functions[number, 2], functions[number, 3]
    args = np.empty(size, dtype=np.int64)
    for i in range(count):
        for j in range(size):
            args[j] = values[lists[first + j], i]
        results = run_field_function(nodes[node:node_end], outputs[output:output_end], args)
        for j in range(results.shape[0]):
            values[to + j, i] = results[j]


@jit(boundscheck=False)
def _step(code: Ints, values: Ints, count: int) -> None:
    op, to = code[0], values[code[4]]
    a, b, c = values[code[1]], values[code[2]], values[code[3]]
    if op == Op.ADD:
        for i in range(count):
            to[i] = a[i] + b[i]
    elif op == Op.SUB:
        for i in range(count):
            to[i] = a[i] - b[i]
    elif op == Op.MUL:
        for i in range(count):
            to[i] = a[i] * b[i]
    elif op == Op.AND:
        for i in range(count):
            to[i] = a[i] & b[i]
    elif op == Op.OR:
        for i in range(count):
            to[i] = a[i] | b[i]
    elif op == Op.XOR:
        for i in range(count):
            to[i] = a[i] ^ b[i]
    elif op == Op.SHL:
        for i in range(count):
            to[i] = a[i] << b[i]
    elif op == Op.SHR:
        for i in range(count):
            to[i] = a[i] >> b[i]
    elif op == Op.SHR_UNSIGNED:
        for i in range(count):
            to[i] = np.int64(np.uint64(a[i]) >> np.uint64(b[i]))
    elif op == Op.EQ:
        for i in range(count):
            to[i] = np.int64(a[i] == b[i])
    elif op == Op.LT:
        for i in range(count):
            to[i] = np.int64(a[i] < b[i])
    elif op == Op.LT_UNSIGNED:
        for i in range(count):
            to[i] = np.int64(np.uint64(a[i]) < np.uint64(b[i]))
    elif op == Op.SELECT:
        for i in range(count):
            to[i] = b[i] if a[i] != 0 else c[i]
    elif op == Op.SIGNED:
        for i in range(count):
            to[i] = signed(a[i])
    else:
        _rare_step(code, values, count)


@jit(boundscheck=False)
def _rare_step(code: Ints, values: Ints, count: int) -> None:
    op, a, b, to = code[0], values[code[1]], values[code[2]], values[code[4]]
    for i in range(count):
        if op == Op.FLOORDIV:
            to[i] = a[i] // b[i]
        elif op == Op.MOD:
            to[i] = a[i] % b[i]
        elif op == Op.FLOORDIV_UNSIGNED:
            to[i] = np.int64(np.uint64(a[i]) // np.uint64(b[i]))
        elif op == Op.MOD_UNSIGNED:
            to[i] = np.int64(np.uint64(a[i]) % np.uint64(b[i]))
        elif op == Op.INVERSE:
            to[i] = inverse(a[i])
        elif op == Op.DIVIDE_UNSIGNED:
            to[i] = divide_unsigned(a[i], b[i])
        elif op == Op.REMAINDER_UNSIGNED:
            to[i] = remainder_unsigned(a[i], b[i])
        elif op == Op.DIVIDE_SIGNED:
            to[i] = divide_signed(a[i], b[i])
        else:
            to[i] = remainder_signed(a[i], b[i])
