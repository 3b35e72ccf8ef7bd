"""Toy circuits: a builder for tables, and circuits with lookups, a permutation between heights, and a claim."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, SUB, Bus, Circuit, Message, Table
from zkc.runtime.stark.parameters import Parameters


@dataclass(eq=False)
class Node:
    """An expression of a table under construction."""

    builder: TableBuilder
    number: int

    def _with(self, op: int, other: Node | int) -> Node:
        right = other if isinstance(other, Node) else self.builder.constant(other)
        return self.builder.node(op, self.number, right.number)

    def __add__(self, other: Node | int) -> Node:
        return self._with(ADD, other)

    def __sub__(self, other: Node | int) -> Node:
        return self._with(SUB, other)

    def __mul__(self, other: Node | int) -> Node:
        return self._with(MUL, other)


@dataclass
class TableBuilder:
    """Collects nodes, constraints and messages; every two messages share a batch unless `batches` is given."""

    name: str
    modulus: int = 2**31 - 2**24 + 1
    columns: list[str] = field(default_factory=list)
    fixed: dict[str, Sequence[int]] = field(default_factory=dict)
    nodes: list[tuple[int, int, int]] = field(default_factory=list)
    constraints: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def node(self, op: int, a: int, b: int) -> Node:
        self.nodes.append((op, a, b))
        return Node(self, len(self.nodes) - 1)

    def constant(self, value: int) -> Node:
        return self.node(CONSTANT, value % self.modulus, 0)

    def column(self, name: str) -> Node:
        """A committed column; all of them come before fixed ones."""
        assert not self.fixed
        self.columns.append(name)
        return self.node(COLUMN, len(self.columns) - 1, 0)

    def fixed_column(self, name: str, values: Sequence[int]) -> Node:
        self.fixed[name] = values
        return self.node(COLUMN, len(self.columns) + len(self.fixed) - 1, 0)

    def zero(self, node: Node) -> None:
        self.constraints.append(node.number)

    def send(self, bus: int, multiplicity: Node | int, *args: Node | int) -> None:
        nodes = [a.number if isinstance(a, Node) else self.constant(a).number for a in (multiplicity, *args)]
        self.messages.append(Message(bus, nodes[0], tuple(nodes[1:])))

    def build(self, batches: Sequence[tuple[int, ...]] | None = None) -> Table:
        count = len(self.messages)
        pairs = [tuple(range(i, min(i + 2, count))) for i in range(0, count, 2)]
        fixed = np.array(list(self.fixed.values()) or np.empty((0, 0)), dtype=np.uint32)
        return Table(
            name=self.name,
            columns=tuple(self.columns),
            fixed=fixed,
            fixed_names=tuple(self.fixed),
            nodes=np.array(self.nodes, dtype=np.int64).reshape(-1, 3),
            constraints=tuple(self.constraints),
            labels=tuple(f"constraint {i}" for i in range(len(self.constraints))),
            messages=tuple(self.messages),
            batches=tuple(pairs if batches is None else batches),
        )


Traces = dict[str, npt.NDArray[np.uint32]]


@dataclass(frozen=True, eq=False)
class Example:
    """A circuit with traces and a claim that satisfy it."""

    circuit: Circuit
    traces: Traces
    claim: tuple[int, ...]

    def altered(self, table: str, column: int, row: int, value: int) -> Example:
        """The same with one cell changed."""
        traces = {name: trace.copy() for name, trace in self.traces.items()}
        traces[table][column, row] = value
        return Example(self.circuit, traces, self.claim)


def digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


STATE, RANGE, COPY = 0, 1, 2


def heights(*logs: int) -> list[int]:
    """Heights of tables of one part, from their logarithms; 0 is an absent one."""
    return [1 << log if log else 0 for log in logs]


def example(log_main: int = 8, log_copy: int = 7, seed: int = 1, modulus: int = 2**31 - 2**24 + 1) -> Example:
    """`counter` with tables of one part."""
    return counter(1 << log_main, 1 << log_copy, seed, modulus)


def squares(rows: int) -> Example:
    """A table of numbers and their squares, which nobody asks for: only a constraint can refuse a row."""
    table = TableBuilder("squares")
    x, square = table.column("x"), table.column("square")
    table.zero(x * x - square)
    circuit = Circuit(digest("squares"), (Bus("none", 1),), (table.build(),), TableBuilder("claim").build())
    x = np.arange(rows, dtype=np.uint32)
    return Example(circuit, {"squares": np.array([x, x * x])}, ())


def counter(n: int, m: int, seed: int = 1, modulus: int = 2**31 - 2**24 + 1) -> Example:
    """A counter whose state crosses rows over a bus from claim to claim, bytes looked up in a fixed table, rows copied to another table.

    The first table has n rows, the other m.
    """
    circuit = example_circuit(modulus)
    rng = np.random.default_rng(seed)
    value = rng.integers(0, 127, n).astype(np.int64)
    real = np.arange(n) < n - 3
    copied = (np.arange(n) < min(m, n) - 5) & real
    state = np.zeros(n + 1, dtype=np.int64)
    for i in range(n):
        state[i + 1] = (state[i] + value[i] * value[i]) % modulus if real[i] else state[i]
    step = np.arange(n)
    main = np.array([step, state[:-1], value, value * value % modulus, real, copied])
    copy = np.zeros((4, m), dtype=np.int64)
    count = int(copied.sum())
    copy[:3, :count] = main[[0, 2, 3]][:, copied][:, ::-1]
    copy[3, :count] = 1
    ranges = np.bincount(value[real], minlength=128)[None, :]
    traces = {"main": main, "copy": copy, "range": ranges}
    claim = (int(real.sum()), int(state[-1]))
    return Example(circuit, {k: np.ascontiguousarray(v, dtype=np.uint32) for k, v in traces.items()}, claim)


def tall(made: Example, parameters: Parameters) -> Example:
    """The example with its fixed tables as tall as masks need them: their columns repeat, and every count is in the first of equal rows."""
    least, traces = 1 << parameters.full_log_height, dict(made.traces)
    for table in made.circuit.tables:
        trace = traces[table.name]
        if trace.shape[1] < least and len(table.fixed):
            traces[table.name] = np.zeros((len(trace), least), dtype=np.uint32)
            traces[table.name][:, :: least // trace.shape[1]] = trace
    return Example(made.circuit, traces, made.claim)


def tall_example(parameters: Parameters) -> Example:
    """`example` with the highest table eight times as tall as the lowest, which is as low as one that is all rows may be."""
    least = parameters.full_log_height
    return tall(example(least + 3, least), parameters)


def two_fixed_tables(log_main: int) -> Example:
    """Lookups of pairs in a fixed table of 2^8 rows and of triples in one of 2^7, so that fixed columns share stacks."""
    main, pairs, triples = TableBuilder("main"), TableBuilder("pairs"), TableBuilder("triples")
    x, y, z = (main.column(c) for c in ("x", "y", "z"))
    main.zero(z - x * y)
    main.send(0, 1, x, x * x)
    main.send(1, 1, x, y, z)
    for table, bus, columns in ((pairs, 0, pair_columns()), (triples, 1, triple_columns())):
        multiplicity = table.column("multiplicity")
        table.send(bus, table.constant(0) - multiplicity, *(table.fixed_column(f"f{k}", c) for k, c in enumerate(columns)))
    tables = (main.build([(0,), (1,)]), pairs.build(), triples.build())
    circuit = Circuit(digest("two fixed tables"), (Bus("pairs", 2), Bus("triples", 3)), tables, TableBuilder("claim").build())
    rows = np.arange(1 << log_main) % 128
    trace = np.array([rows, rows * 3 % 7, rows * (rows * 3 % 7)], dtype=np.uint32)
    counts = [np.bincount(rows, minlength=size)[None, :].astype(np.uint32) for size in (256, 128)]
    return Example(circuit, {"main": trace, "pairs": counts[0], "triples": counts[1]}, ())


def pair_columns() -> list[list[int]]:
    return [list(range(256)), [x * x for x in range(256)]]


def triple_columns() -> list[list[int]]:
    return [list(range(128)), [x * 3 % 7 for x in range(128)], [x * (x * 3 % 7) for x in range(128)]]


def example_circuit(modulus: int = 2**31 - 2**24 + 1) -> Circuit:
    """The circuit of `example`."""
    buses = (Bus("state", 2), Bus("range", 1), Bus("copy", 3))
    main = TableBuilder("main", modulus)
    step, state, value, square, real, copied = (main.column(c) for c in ("step", "state", "value", "square", "real", "copied"))
    main.zero(real * (real - 1))
    main.zero(copied * (copied - 1))
    main.zero(copied * (real - 1))
    main.zero((value * value - square) * real)
    main.send(STATE, main.constant(0) - real, step, state)
    main.send(STATE, real, step + 1, state + square)
    main.send(RANGE, real, value)
    main.send(COPY, copied, step, value, square)
    copy = TableBuilder("copy", modulus)
    copy_step, copy_value, copy_square, used = (copy.column(c) for c in ("step", "value", "square", "used"))
    copy.zero(used * (used - 1))
    copy.send(COPY, copy.constant(0) - used, copy_step, copy_value, copy_square)
    ranges = TableBuilder("range", modulus)
    multiplicity = ranges.column("multiplicity")
    entry = ranges.fixed_column("value", range(128))
    ranges.send(RANGE, ranges.constant(0) - multiplicity, entry)
    claim = TableBuilder("claim", modulus)
    steps, final = claim.column("steps"), claim.column("final")
    claim.send(STATE, 1, 0, 0)
    claim.send(STATE, -1, steps, final)
    tables = (main.build(), copy.build(), ranges.build())
    return Circuit(digest("example", modulus), buses, tables, claim.build())
