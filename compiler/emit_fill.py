"""Witness fillers: one scalar kernel per table for what is an integer, one packed body for columns that are polynomials."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.columns import FieldFunction
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.emit_executor import RecordLayout, record_layout
from zkc.compiler.expressions import Scope
from zkc.compiler.integers import Integers, NotComputable
from zkc.compiler.polynomials import Polynomials
from zkc.compiler.program import Program
from zkc.compiler.table import Sent, TableBuilder
from zkc.compiler.values import Scalar
from zkc.compiler.witness import W
from zkc.dsl.syntax import Span
from zkc.runtime.circuit import COLUMN
from zkc.runtime.field.koalabear import P

INDENT = " " * 8
RECORD = {
    "clk": "np.int64(records[row, 0])",
    "pc": "np.int64(records[row, 1])",
    "op": "np.int64(records[row, 2]) & 255",
    "rd": "(np.int64(records[row, 2]) >> 8) & 255",
    "rs1": "(np.int64(records[row, 2]) >> 16) & 255",
    "rs2": "np.int64(records[row, 2]) >> 24",
    "imm": "np.int64(records[row, 3])",
    "simm": "signed(np.int64(records[row, 3]))",
}


@dataclass(frozen=True)
class Histogram:
    """Where each fixed table's counts start in the common histogram."""

    starts: dict[str, int]
    size: int


@dataclass(frozen=True)
class Fill:
    """What the fill template needs."""

    code: str
    width: int
    record_words: int
    nodes: list[list[int]]
    outputs: list[int]
    polynomial_columns: list[int]


class RowFiller:
    """Emits the columns and lookup counts of one arm (or of a table without arms)."""

    def __init__(
        self,
        program: Program,
        table: TableBuilder,
        arm: str | None,
        layout: RecordLayout | None,
        histogram: Histogram,
        arrays: dict[str, str],
        indent: str,
    ) -> None:
        self.program = program
        self.table = table
        self.arm = arm
        self.histogram = histogram
        self.lines: list[str] = []
        self.indent = indent
        self.places: dict[int, int] = {}
        if layout is not None:
            effects = table.effects_of(arm)
            loads = [e.sequence for e in effects if e.kind == "load"]
            hosts = [e.sequence for e in effects if e.kind == "host"]
            self.places = {s: 4 + 2 * k for k, s in enumerate(loads)} | {s: 4 + 2 * layout.loads + k for k, s in enumerate(hosts)}
        self.integers = Integers(self.lines, indent, arm, self._leaf, arrays)

    def _leaf(self, node: W) -> str:
        if node.op == "input":
            name = str(node.args[0])
            if self.table.arms:
                return RECORD[name]
            return f"np.int64(records[row, {self.table.inputs.index(name)}])"
        part, sequence = node.args[-2:] if node.op == "latest" else ("host", node.args[1])
        place = self.places[int(str(sequence))]
        if part == "time":
            return f"np.int64(records[row, {place + 1}]) & {2**30 - 1}"
        if part == "mark":
            return f"np.int64(records[row, {place + 1}]) >> 30"
        return f"np.int64(records[row, {place}])"

    def emit(self) -> str:
        for index, column in enumerate(self.table.columns):
            wit = column.by_arm.get(self.arm) or column.by_arm.get(None)
            if wit is None:
                continue
            value = self.integer(wit, column.span or self.program.place_of(self.table.name))
            if not (wit.low >= 0 and wit.high < P):
                value = f"{value} % {P}"
            self.lines.append(f"{self.indent}columns[{index}, row] = np.uint32({value})")
        for message in self.table.messages:
            if message.bus in self.histogram.starts and message.arm in (None, self.arm):
                self._count(message)
        return "\n".join(self.lines) or f"{self.indent}pass"

    def integer(self, node: W, span: Span | None) -> str:
        """The source of an integer. Raises DiagnosticError (E0305) if it cannot be computed."""
        try:
            return self.integers.emit(node)
        except NotComputable as error:
            raise self.program.fail("E0305", str(error), span) from None

    def _count(self, message: Sent) -> None:
        if any(a is None for a in message.args_wit) or message.times_wit is None:
            raise self.program.fail("E0502", f"`{message.label}` looks up a value without an integer meaning", message.span)
        index = self.integer(lookup_index(self.program, message), message.span)
        times = self.integer(message.times_wit, message.span)
        start = self.histogram.starts[message.bus]
        self.lines.append(f"{self.indent}histogram[np.uint64({start} + {index})] += np.uint32({times})")


def lookup_index(program: Program, message: Sent) -> W:
    """The row of the fixed table that a lookup means, as its `at` says."""
    item = program.fixed[message.bus]
    if item.at is None:
        raise program.fail("E0604", f"the fixed table `{item.name}` has no `at`", item.span)
    env = {p.name: Scalar(None, a) for p, a in zip(item.params, message.args_wit, strict=True)}
    return Elaborator(program, TableBuilder("at", []), {}).integer(item.at, Scope(dict(env)))


def emit_fill(program: Program, table: TableBuilder, histogram: Histogram, functions: dict[str, FieldFunction]) -> Fill:
    arrays = {name: name.upper() for name in functions}
    if table.arms:
        layout = record_layout(table)
        words, code = layout.words, _by_arm(program, table, layout, histogram, arrays)
    else:
        words = len(table.inputs)
        code = RowFiller(program, table, None, None, histogram, arrays, INDENT).emit()
    nodes, outputs, columns = polynomial_columns(table)
    return Fill(code, len(table.columns), words, nodes, outputs, columns)


def _by_arm(program: Program, table: TableBuilder, layout: RecordLayout, histogram: Histogram, arrays: dict[str, str]) -> str:
    if len(table.arms) == 1:
        return RowFiller(program, table, table.arms[0], layout, histogram, arrays, INDENT).emit()
    lines = [f"{INDENT}op = np.int64(records[row, 2]) & 255"]
    for i, arm in enumerate(table.arms):
        lines.append(f"{INDENT}{'if' if i == 0 else 'elif'} op == {program.encodings[arm].op}:  # {arm}")
        lines.append(RowFiller(program, table, arm, layout, histogram, arrays, INDENT + "    ").emit())
    return "\n".join(lines)


def polynomial_columns(table: TableBuilder) -> tuple[list[list[int]], list[int], list[int]]:
    """(nodes, outputs, columns): columns without an integer meaning, as polynomials of the others; earlier ones are inlined."""
    source = table.poly
    computed = {i: c for i, c in enumerate(table.columns) if c.polynomial is not None}
    inlined = Polynomials()
    done: dict[int, int] = {}
    columns = {i: inlined.column(i, None) for i in range(len(table.columns)) if i not in computed}
    for index, column in computed.items():
        assert column.polynomial is not None
        for node in source.reachable([column.polynomial]):
            if node not in done:
                op, a, b = source.nodes[node]
                done[node] = (
                    columns[a] if op == COLUMN else inlined.constant(a) if op == 1
                    else (inlined.add, inlined.sub, inlined.mul)[op - 2](done[a], done[b])
                )  # fmt: skip
        columns[index] = done[column.polynomial]
    outputs = [columns[i] for i in computed]
    needed = inlined.reachable(outputs)
    number = {old: new for new, old in enumerate(needed)}
    nodes = [[op, number[a], number[b]] if op >= 2 else [op, a, b] for op, a, b in (inlined.nodes[n] for n in needed)]
    return nodes, [number[o] for o in outputs], list(computed)
