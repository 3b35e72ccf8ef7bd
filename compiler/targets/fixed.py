"""Fixed tables: public rows, made from the loops and expressions of their declaration. Rows are computed column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zkc.compiler.interpret import evaluate_rows
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.program import Program, integer_operation
from zkc.dsl import syntax as s
from zkc.dsl.constants import INTEGER_OPERATIONS
from zkc.dsl.diagnostics import did_you_mean
from zkc.runtime.circuit.circuit import Message, Table
from zkc.runtime.field.koalabear import P

MIN_ROWS: Final = 128
MAX_FIXED_ROWS: Final = 1 << 20
MAX_HEIGHT: Final = 1 << 16
"""A proof is as tall as its tallest table, and has all fixed tables: of longer ones it takes several."""
MAX_GENERATORS: Final = 8
Column = npt.NDArray[np.object_]
"""Exact integers, one for each row."""


def fixed_tables(program: Program, item: s.Fixed, bus: int) -> list[Table]:
    """The rows of a fixed table in tables of at most MAX_HEIGHT rows; the first has its name, the others `NAME.2` and so on."""
    rows = fixed_rows(program, item)
    parts = [rows[start : start + MAX_HEIGHT] for start in range(0, len(rows), MAX_HEIGHT)]
    return [_table(item, f"{item.name}.{k}" if k > 1 else item.name, part, bus) for k, part in enumerate(parts, 1)]


def _table(item: s.Fixed, name: str, rows: npt.NDArray[np.int64], bus: int) -> Table:
    """A table whose rows are public, which receives each of them as often as its one committed column says."""
    height = max(MIN_ROWS, 1 << (len(rows) - 1).bit_length())
    padded = np.concatenate([rows, np.repeat(rows[:1], height - len(rows), axis=0)])
    width = rows.shape[1]
    nodes = [(0, 0, 0), (1, 0, 0), (3, 1, 0)] + [(0, 1 + k, 0) for k in range(width)]
    message = Message(bus, 2, tuple(range(3, 3 + width)), f"rows of {item.name}")
    return Table(
        name=name,
        columns=("multiplicity",),
        fixed=np.ascontiguousarray(padded.T.astype(np.uint32)),
        fixed_names=tuple(p.name for p in item.params),
        nodes=np.array(nodes, dtype=np.int64),
        constraints=(),
        labels=(),
        messages=(message,),
        batches=((0,),),
    )


def fixed_rows(program: Program, item: s.Fixed) -> npt.NDArray[np.int64]:
    """The rows, int64[rows][fields] of canonical field elements, in order: at least one, at most MAX_FIXED_ROWS."""
    if len(item.row) != len(item.params):
        raise program.fail("E0603", f"`{item.name}` has {len(item.params)} fields, its rows have {len(item.row)}", item.span)
    for param in item.params:
        if param.type.length is not None or param.type.name in program.structs:
            raise program.fail("E0205", f"a fixed table holds field elements; `{param.name}` is none", param.span)
    if len(item.generators) > MAX_GENERATORS:
        raise program.fail("E0303", f"the rows of a fixed table come from at most {MAX_GENERATORS} loops", item.span)
    rows = Rows(program, item)
    for generator in item.generators:
        rows.loop(generator)
    if not rows.count:
        raise program.fail("E0303", f"the fixed table `{item.name}` has no rows", item.span)
    return np.stack([rows.field(e) for e in item.row], axis=1)


def check_places(program: Program, item: s.Fixed, index: Operation) -> None:
    """E0604 if the row that `at` says of some arguments is not theirs: it would be counted instead of it. index: `at` as a function."""
    rows = fixed_rows(program, item)
    values: dict[Value, Any] = dict(zip(index.regions[0].arguments, rows.T.astype(object), strict=True))
    evaluate_rows(index.regions[0].operations[:-1], values)
    places = np.broadcast_to(np.asarray(values[index.regions[0].terminator.operands[0]], dtype=object), len(rows))
    inside = np.flatnonzero((places >= 0) & (places < len(rows)))
    right = np.zeros(len(rows), dtype=bool)
    right[inside] = (rows[places[inside].astype(np.int64)] == rows[inside]).all(axis=1)
    if not right.all():
        wrong = int(np.argmin(right))
        arguments = ", ".join(map(str, rows[wrong]))
        message = f"`at` says that ({arguments}) is row {places[wrong]} of `{item.name}`, and it is row {wrong}"
        program.error("E0604", message, item.span, help="rows are in the order of the loops, from 0")


class Rows:
    """The variables of the loops so far, a value for each row."""

    def __init__(self, program: Program, item: s.Fixed) -> None:
        self.program = program
        self.item = item
        self.count = 1
        self.variables: dict[str, Column] = {}

    def loop(self, g: s.Generator) -> None:
        """Every row becomes as many as the loop goes round."""
        starts, stops = self.evaluate(g.start), self.evaluate(g.stop)
        rounds = np.maximum(stops - starts, 0)
        total = int(rounds.sum())
        if total > 2 * MAX_FIXED_ROWS or int(rounds.max(initial=0)) > MAX_FIXED_ROWS:
            most = int(rounds.max(initial=0))
            message = f"the fixed table `{self.item.name}` has more than 2^20 rows: this goes round {most} times"
            raise self.program.fail("E0303", message, g.span)
        counts = rounds.astype(np.int64)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        offsets = (np.arange(total, dtype=np.int64) - before).astype(object)
        self.variables = {name: np.repeat(column, counts) for name, column in self.variables.items()}
        self.variables[g.name] = np.repeat(starts, counts) + offsets
        self.count = total

    def field(self, expr: s.Expr) -> npt.NDArray[np.int64]:
        """A field of all rows."""
        column = self.evaluate(expr)
        if column.max() >= P or column.min() <= -P:
            raise self.program.fail("E0304", "a fixed table holds field elements; this is none", expr.span)
        return column.astype(np.int64) % P

    def evaluate(self, expr: s.Expr) -> Column:
        """An expression for all rows."""
        match expr:
            case s.Number(value=value):
                return self._constant(value)
            case s.Name(name=name):
                return self._name(name, expr)
            case s.Unary(op="-", operand=operand):
                return -self.evaluate(operand)
            case s.Binary(op=op, left=left, right=right):
                return self._binary(op, self.evaluate(left), self.evaluate(right), expr.span)
            case _:
                raise self.program.fail("E0204", "this is not a constant expression", expr.span)

    def _constant(self, value: int) -> Column:
        return np.array([value] * self.count, dtype=object)

    def _name(self, name: str, expr: s.Expr) -> Column:
        if name in self.variables:
            return self.variables[name]
        value = self.program.constants.get(name)
        if value is None:
            help_ = did_you_mean(name, [*self.variables, *self.program.constants])
            raise self.program.fail("E0204", f"`{name}` is not a constant", expr.span, help=help_)
        if not isinstance(value, int):
            raise self.program.fail("E0304", "a fixed table holds field elements; this is none", expr.span)
        return self._constant(value)

    def _binary(self, op: str, a: Column, b: Column, span: s.Span) -> Column:
        if not self.count:
            return a
        worst = _worst(op, a, b)
        integer_operation(op, *worst, span, self.program)  # or what is wrong with it
        return _OPERATIONS[op](a, b)


def _worst(op: str, a: Column, b: Column) -> tuple[int, int]:
    """Operands that are refused if those of any row are: the least divisor or shift that is wrong, else the greatest of both."""
    if op in ("/", "%"):
        return int(a[0]), 0 if np.any(b == 0) else 1
    if op in ("**", "<<", ">>"):
        low, high = int(b.min()), int(b.max())
        return int(max(abs(a.max()), abs(a.min()))), low if low < 0 else high
    return int(max(abs(a.max()), abs(a.min()))), int(max(abs(b.max()), abs(b.min())))


def _integers(f: Callable[[Column, Column], Any]) -> Callable[[Column, Column], Column]:
    return lambda a, b: f(a, b).astype(np.int64).astype(object)


_OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **INTEGER_OPERATIONS,
    "==": _integers(lambda a, b: a == b),
    "!=": _integers(lambda a, b: a != b),
    "<u": _integers(lambda a, b: a < b),
    ">=u": _integers(lambda a, b: a >= b),
    "and": _integers(lambda a, b: (a != 0) & (b != 0)),
    "or": _integers(lambda a, b: (a != 0) | (b != 0)),
}
"""Those of constants, for columns: arithmetic is the same, and what is true or not becomes 1 or 0."""
