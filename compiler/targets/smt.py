"""A table as SMT-LIB over a finite field (QF_FF, as cvc5 reads it), for solvers of other people.

Columns are constants `c0`, `c1`, …; every polynomial that several others need is a definition; equations are assertions. Messages are
definitions, too: `m3_times` and `m3_0`, `m3_1`, … of message 3. A row fits the table if the file is satisfiable with its columns.
"""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.dialects import air
from zkc.compiler.ir.operation import Operation
from zkc.compiler.targets.table import node_list
from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB
from zkc.runtime.field.koalabear import P


def smt_table(table: Operation) -> str:
    """The file. `table` is of the stage `air`."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Operation) -> Iterator[str]:
    body = table.regions[0]
    columns = [op for op in body if op.definition is air.COLUMN]
    constraints = [op for op in body if op.definition is air.CONSTRAINT]
    messages = [op for op in body if op.definition is air.MESSAGE]
    roots = [v for op in (*constraints, *messages) for v in op.operands]
    nodes, number = node_list(roots, {op.result: i for i, op in enumerate(columns)})
    yield f"; The table {table.text('sym_name')}: one row, over the field of {P} elements."
    yield "(set-logic QF_FF)"
    yield f"(define-sort F () (_ FiniteField {P}))"
    for i, op in enumerate(columns):
        yield f"(declare-const c{i} F) ; {op.text('name')}: {op.text('type')}"
    names: list[str] = []
    for i, (code, a, b) in enumerate(nodes):
        if code in (COLUMN, CONSTANT):
            names.append(f"c{a}" if code == COLUMN else _constant(a))
            continue
        names.append(f"n{i}")
        yield f"(define-fun n{i} () F {_term(code, names[a], names[b])})"
    for op in constraints:
        yield f"(assert (= {names[number[op.operands[0]]]} {_constant(0)})) ; {op.text('label')}"
    for i, op in enumerate(messages):
        times, *arguments = (names[number[v]] for v in op.operands)
        yield f"; {op.text('label')}"
        yield f"(define-fun m{i}_times () F {times})"
        yield from (f"(define-fun m{i}_{k} () F {a})" for k, a in enumerate(arguments))
    yield "(check-sat)"


def _term(code: int, a: str, b: str) -> str:
    if code == ADD:
        return f"(ff.add {a} {b})"
    return f"(ff.add {a} (ff.neg {b}))" if code == SUB else f"(ff.mul {a} {b})"


def _constant(value: int) -> str:
    return f"(as ff{value} F)"

