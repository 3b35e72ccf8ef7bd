"""What the circuit and the table heights determine: domains, committed matrices, numbers of openings and challenges, FRI schedule.

Prover and verifier derive everything from here and nothing from the proof. `Shape` raises VerificationError for heights that are not
allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit import COLUMN, CONSTANT, MUL, Circuit, Message, Table
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.stark.parameters import DEGREE, LOG_BLOWUP, MAX_LOG_HEIGHT, MIN_LOG_HEIGHT, MODULUS, Parameters

ABSENT: Final = 0
MAX_DEGREE: Final = 3
QUOTIENT_COLUMNS: Final = 2 * DEGREE


@dataclass(frozen=True)
class Matrix:
    """Committed columns of one height. `offset` is the number of its first column in the canonical order of openings."""

    log_height: int
    width: int
    offset: int


@dataclass(frozen=True)
class Group:
    """The matrices of one height in a tree: a leaf is the concatenation of their rows."""

    log_height: int
    matrices: tuple[Matrix, ...]

    @property
    def width(self) -> int:
        return sum(matrix.width for matrix in self.matrices)


@dataclass(frozen=True)
class TableShape:
    """One present table. `constraint` is the number of its first constraint: its power of lambda."""

    index: int
    table: Table
    log_height: int
    constraint: int

    @property
    def height(self) -> int:
        return 1 << self.log_height


def node_degrees(table: Table) -> npt.NDArray[np.int64]:
    """`int64[m]`: degree of every node in the row's columns. Raises InputError for an ill-formed program."""
    degrees = np.zeros(len(table.nodes), dtype=np.int64)
    width = len(table.columns) + table.fixed.shape[0]
    for number, (op, a, b) in enumerate(table.nodes.tolist()):
        if op == COLUMN:
            well_formed = 0 <= a < width
            degrees[number] = 1
        elif op == CONSTANT:
            well_formed = 0 <= a < MODULUS
        else:
            well_formed = CONSTANT < op <= MUL and 0 <= a < number and 0 <= b < number
            if well_formed:
                x, y = degrees[a], degrees[b]
                degrees[number] = x + y if op == MUL else max(x, y)
        if not well_formed:
            raise InputError(f"table {table.name}: node {number} is ill-formed")
    return degrees


def message_degree(message: Message, degrees: npt.NDArray[np.int64]) -> int:
    """Degree of the denominator of `message`."""
    return max((int(degrees[node]) for node in message.args), default=0)


def batch_degree(table: Table, batch: Sequence[int], degrees: npt.NDArray[np.int64]) -> int:
    """Degree of the LogUp constraint of one batch: phi d_a d_b = mult_a d_b + mult_b d_a, or phi d_a = mult_a."""
    messages = [table.messages[number] for number in batch]
    denominators = [message_degree(message, degrees) for message in messages]
    total = sum(denominators)
    crossed = [int(degrees[m.multiplicity]) + total - own for m, own in zip(messages, denominators, strict=True)]
    return max(1 + total, *crossed)


def check_table(table: Table, circuit: Circuit, *, committed: bool) -> None:
    """Raises InputError unless node numbers, widths, degrees and batches of `table` are what the protocol assumes."""
    degrees = node_degrees(table)
    named = [*table.constraints, *(node for m in table.messages for node in (m.multiplicity, *m.args))]
    if any(not 0 <= node < len(degrees) for node in named):
        raise InputError(f"table {table.name}: a constraint or message names a node that does not exist")
    for message in table.messages:
        if not (0 <= message.bus < len(circuit.buses) and len(message.args) == circuit.buses[message.bus].width):
            raise InputError(f"table {table.name}: message {message.label!r} does not have the width of its bus")
    if committed:
        check_committed(table, degrees)
    elif table.fixed.shape[0]:
        raise InputError("the claim has no fixed columns")


def check_committed(table: Table, degrees: npt.NDArray[np.int64]) -> None:
    """The checks of `check_table` that concern a committed table: columns, heights, degrees and batches."""
    if not table.columns:
        raise InputError(f"table {table.name} has no committed column")
    if table.fixed.shape[0]:
        height = table.fixed.shape[1]
        if height & (height - 1) or not MIN_LOG_HEIGHT <= height.bit_length() - 1 <= MAX_LOG_HEIGHT:
            raise InputError(f"table {table.name}: fixed height {height} is not allowed")
        if int(table.fixed.max()) >= MODULUS:
            raise InputError(f"table {table.name}: a fixed value is not canonical")
    if any(degrees[node] > MAX_DEGREE for node in table.constraints):
        raise InputError(f"table {table.name}: a constraint has degree above {MAX_DEGREE}")
    if sorted(number for batch in table.batches for number in batch) != list(range(len(table.messages))):
        raise InputError(f"table {table.name}: the batches do not hold every message once")
    for batch in table.batches:
        if len(batch) not in (1, 2) or batch_degree(table, batch, degrees) > MAX_DEGREE:
            raise InputError(f"table {table.name}: batch {batch} has a wrong size or a degree above {MAX_DEGREE}")


@lru_cache(maxsize=16)
def check_circuit(circuit: Circuit) -> None:
    """Raises InputError unless `circuit` is well-formed; once per circuit object."""
    if len(circuit.digest) != 32 or len({table.name for table in circuit.tables}) != len(circuit.tables):
        raise InputError("the circuit needs a digest of 32 bytes and distinct table names")
    for table in circuit.tables:
        check_table(table, circuit, committed=True)
    check_table(circuit.claim, circuit, committed=False)


class Shape:
    """Derived sizes for `circuit` with one log height per table (`ABSENT` for a table without rows)."""

    def __init__(self, circuit: Circuit, log_heights: Sequence[int], parameters: Parameters) -> None:
        check_circuit(circuit)
        check_heights(circuit, log_heights)
        self.circuit = circuit
        self.parameters = parameters
        self.log_heights = tuple(log_heights)
        self.log_height = max(log_heights)
        self.height = 1 << self.log_height
        self.log_extended = self.log_height + LOG_BLOWUP
        self.bus_power = 1 + max((bus.width for bus in circuit.buses), default=0)

    @cached_property
    def tables(self) -> tuple[TableShape, ...]:
        """The present tables in circuit order."""
        shapes: list[TableShape] = []
        constraint = 0
        for index, (table, log_height) in enumerate(zip(self.circuit.tables, self.log_heights, strict=True)):
            if log_height != ABSENT:
                shapes.append(TableShape(index, table, log_height, constraint))
                constraint += len(table.constraints) + len(table.batches)
        return tuple(shapes)

    @cached_property
    def constraints(self) -> int:
        """Number of constraints: those of the tables, then the one of the accumulator."""
        return 1 + sum(len(shape.table.constraints) + len(shape.table.batches) for shape in self.tables)

    @cached_property
    def trace(self) -> tuple[Matrix, ...]:
        """Matrices of the trace tree: one for each present table."""
        return matrices([(t.log_height, len(t.table.columns)) for t in self.tables], 0)

    @cached_property
    def logup(self) -> tuple[Matrix, ...]:
        """Matrices of the LogUp tree: one for each present table (perhaps of width 0), then the accumulator."""
        widths = [(t.log_height, DEGREE * len(t.table.batches)) for t in self.tables]
        return matrices([*widths, (self.log_height, DEGREE)], end(self.trace))

    @cached_property
    def quotient(self) -> tuple[Matrix, ...]:
        """The one matrix of the quotient tree."""
        return matrices([(self.log_height, QUOTIENT_COLUMNS)], end(self.logup))

    @property
    def trees(self) -> tuple[tuple[Matrix, ...], ...]:
        return (self.trace, self.logup, self.quotient)

    @property
    def columns(self) -> int:
        """Number of committed base-field columns."""
        return end(self.quotient)

    @property
    def openings(self) -> int:
        """Number of opened values: every committed column at zeta, then the accumulator at w zeta."""
        return self.columns + DEGREE

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """log2 of the arity of each FRI fold, from degree bound 2^log_height to 2^log_final."""
        left = self.log_height - self.parameters.log_final
        whole, rest = divmod(left, self.parameters.log_fold)
        return (self.parameters.log_fold,) * whole + ((rest,) if rest else ())


def matrices(shapes: Sequence[tuple[int, int]], offset: int) -> tuple[Matrix, ...]:
    """Matrices of the given (log height, width), numbered on from `offset`."""
    out: list[Matrix] = []
    for log_height, width in shapes:
        out.append(Matrix(log_height, width, offset))
        offset += width
    return tuple(out)


def end(row: tuple[Matrix, ...]) -> int:
    """The number after the last column of `row`."""
    return row[-1].offset + row[-1].width


def groups(tree: tuple[Matrix, ...]) -> tuple[Group, ...]:
    """The matrices of a tree by height, tallest first, without empty ones."""
    heights = sorted({matrix.log_height for matrix in tree if matrix.width}, reverse=True)
    return tuple(Group(h, tuple(m for m in tree if m.log_height == h and m.width)) for h in heights)


def check_heights(circuit: Circuit, log_heights: Sequence[int]) -> None:
    """Raises VerificationError unless every height is allowed and no multiplicity can wrap: the sum of height * messages is below p."""
    if len(log_heights) != len(circuit.tables) or all(h == ABSENT for h in log_heights):
        raise VerificationError("the proof has a wrong number of tables, or no table at all")
    fractions = len(circuit.claim.messages)
    for table, log_height in zip(circuit.tables, log_heights, strict=True):
        if log_height == ABSENT:
            continue
        if not MIN_LOG_HEIGHT <= log_height <= MAX_LOG_HEIGHT or table.fixed_log_height not in (None, log_height):
            raise VerificationError(f"table {table.name}: height 2^{log_height} is not allowed")
        fractions += len(table.messages) << log_height
    if fractions >= MODULUS:
        raise VerificationError(f"{fractions} bus messages: their multiplicities could wrap modulo p")
