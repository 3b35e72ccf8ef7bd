"""What the circuit and the heights of tables determine: domains, committed matrices, numbers of openings and challenges, FRI schedule.

Prover and verifier derive everything from here and nothing from the proof. `Shape` raises VerificationError for heights that are
not allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import COLUMN, CONSTANT, MUL, SUB, Circuit, Message, Table
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.stark.parameters import DEGREE, MAX_LOG_HEIGHT, MIN_LOG_HEIGHT, MODULUS, SALT_WORDS, Parameters

MAX_DEGREE: Final = 3


@dataclass(frozen=True)
class Matrix:
    """Columns of one part of a table in one tree. `offset` is the number of the first one in the canonical order of openings."""

    log_height: int
    width: int
    offset: int


@dataclass(frozen=True)
class StackClass:
    """The columns of one height in one tree, which become polynomials F_j(X) = sum_(i < K) X^(i stride) f_(jK + i)(X^(n / height)).

    log_slots: log2 of K. log_stride: log2 of n over the height of the tree. columns: numbers of the openings, in order. first: number of
    F_0 among the polynomials of the whole proof. word: where F_0 stands in a leaf. unit: words of a value, 1 or, of extension columns, 6.
    log_rows: log2 of the rows of the parts, the height or, of thin ones, half of it.
    """

    log_height: int
    log_rows: int
    log_slots: int
    log_stride: int
    columns: tuple[int, ...]
    first: int
    word: int
    unit: int

    @property
    def slots(self) -> int:
        return 1 << self.log_slots

    @property
    def polynomials(self) -> int:
        return -(-len(self.columns) // self.slots)

    @property
    def used(self) -> int:
        """Slots that hold a column in at least one polynomial."""
        return min(self.slots, len(self.columns))

    def used_in(self, polynomial: int) -> int:
        """Slots of one polynomial that hold a column; the others are zero."""
        return min(self.slots, len(self.columns) - polynomial * self.slots)

    @property
    def words(self) -> int:
        return self.unit * self.polynomials


@dataclass(frozen=True)
class Layout:
    """One tree: matrices in the order of openings, and what a leaf holds, class by class, tallest first, then `blind` random words."""

    log_height: int
    unit: int
    matrices: tuple[Matrix, ...]
    classes: tuple[StackClass, ...]
    blind: int

    @property
    def column_words(self) -> int:
        """Words of a leaf that are values of columns."""
        return sum(each.words for each in self.classes)

    @property
    def words(self) -> int:
        """Words of a leaf."""
        return self.column_words + self.blind

    @property
    def polynomials(self) -> int:
        return sum(each.polynomials for each in self.classes)

    @property
    def end(self) -> int:
        """The number after that of the last column."""
        return self.matrices[-1].offset + self.matrices[-1].width


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a table, from `first` on: a table of its own but for its name.

    log_rows: log2 of its rows. log_height: log2 of the height of its columns, the same or, of a thin part, twice as high: its rows are
    those where X^(n/2) = 1, and what the columns are elsewhere is theirs to hide with. index: the number of the table. constraint: the
    number of the part's first constraint, its power of lambda.
    """

    index: int
    table: Table
    first: int
    log_rows: int
    log_height: int
    constraint: int

    @property
    def height(self) -> int:
        return 1 << self.log_height

    @property
    def thin(self) -> bool:
        return self.log_rows < self.log_height

    @property
    def rows(self) -> slice:
        """Which rows of the table it has."""
        return slice(self.first, self.first + (1 << self.log_rows))


def digits(height: int) -> list[int]:
    """The binary digits of the height of a table, the greatest first: log2 of the heights of its parts."""
    return [k for k in reversed(range(height.bit_length())) if height >> k & 1]


def node_degrees(table: Table) -> npt.NDArray[np.int64]:
    """`int64[m]`: degree of every node in the row's columns. Raises InputError for an ill-formed program."""
    degrees = [0] * len(table.nodes)
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
    return np.array(degrees, dtype=np.int64)


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
    """Derived sizes for `circuit` with one height for each table, 0 of one that is absent.

    A table is committed to in parts, one for each binary digit of its height. The height n of the proof is the greatest of the parts,
    fixed tables included even where they are absent.
    """

    def __init__(self, circuit: Circuit, heights: Sequence[int], parameters: Parameters) -> None:
        check_circuit(circuit)
        check_heights(circuit, heights, parameters)
        self.circuit = circuit
        self.parameters = parameters
        self.heights = tuple(heights)
        self.log_fixed = log_fixed_height(circuit)
        self.log_height = max(max(heights).bit_length() - 1, self.log_fixed)
        self.height = 1 << self.log_height
        self.log_extended = self.log_height + parameters.log_blowup
        self.bus_power = 1 + max((bus.width for bus in circuit.buses), default=0)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all tables, in circuit order, the tallest of a table first."""
        found: list[Part] = []
        constraint = 0
        for index, (table, height) in enumerate(zip(self.circuit.tables, self.heights, strict=True)):
            first = 0
            for log_height in digits(height):
                log_rows = log_height - (log_height < self.parameters.full_log_height)
                found.append(Part(index, table, first, log_rows, log_height, constraint))
                first += 1 << log_rows
                constraint += len(table.constraints) + len(table.batches)
        return tuple(found)

    @cached_property
    def constraints(self) -> int:
        """Number of constraints: those of the parts, then the one of the accumulator."""
        return 1 + sum(len(part.table.constraints) + len(part.table.batches) for part in self.parts)

    @cached_property
    def fixed(self) -> Layout | None:
        """The tree of the fixed columns of all tables, present or not; None if there are none."""
        return fixed_layout(self.circuit, self.log_height)

    @cached_property
    def trace(self) -> Layout:
        """The trace tree: one matrix for each part."""
        shapes = [(part.log_height, len(part.table.columns)) for part in self.parts]
        before = (self.fixed.end, self.fixed.polynomials) if self.fixed else (0, 0)
        return layout(shapes, 1, self.log_height, self.log_height, *before, self.salt, self.parameters.full_log_height)

    @cached_property
    def logup(self) -> Layout:
        """The LogUp tree: one matrix of extension columns for each part (perhaps of width 0), then the accumulator."""
        shapes = [*((part.log_height, len(part.table.batches)) for part in self.parts), (self.log_height, 1)]
        first = self.trace.classes[0].first + self.trace.polynomials
        full = self.parameters.full_log_height
        return layout(shapes, DEGREE, self.log_height, self.log_height, self.trace.end, first, self.salt, full)

    @cached_property
    def quotient(self) -> Layout:
        """The quotient tree: the extension columns q0 and q1; with masks q2, and the mask of the DEEP polynomial among the random words."""
        first = self.logup.classes[0].first + self.logup.polynomials
        blind = self.salt + DEGREE if self.hides else 0
        return layout([(self.log_height, self.quotients)], DEGREE, self.log_height, self.log_height, self.logup.end, first, blind)

    @property
    def hides(self) -> bool:
        return self.parameters.masks > 0

    @property
    def salt(self) -> int:
        """Words of a salt: each leaf of the prover's trees ends with one if the proof hides."""
        return SALT_WORDS if self.hides else 0

    @property
    def quotients(self) -> int:
        """Parts of the quotient, of n coefficients each: masks make it longer."""
        return 3 if self.hides else 2

    @property
    def committed(self) -> tuple[Layout, Layout, Layout]:
        """The trees of the prover, in the order in which it commits to them."""
        return (self.trace, self.logup, self.quotient)

    @property
    def trees(self) -> tuple[Layout, ...]:
        """All trees that hold columns, in the order of openings."""
        return (self.fixed, *self.committed) if self.fixed else self.committed

    @property
    def columns(self) -> int:
        """Number of columns that are opened at zeta, extension columns counted once."""
        return self.quotient.end

    @property
    def openings(self) -> int:
        """Number of opened values: every column at zeta, then the accumulator at w zeta."""
        return self.columns + 1

    @property
    def polynomials(self) -> int:
        """Number of committed polynomials that are opened at zeta, extension polynomials counted once."""
        return sum(tree.polynomials for tree in self.trees)

    @property
    def accumulator(self) -> int:
        """The number of the accumulator's opening at zeta."""
        return self.logup.end - 1

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """log2 of the arity of each FRI fold: as many as leave a degree bound of at least 2^log_final."""
        fold = self.parameters.log_fold
        return (fold,) * ((self.log_height - self.parameters.log_final) // fold)

    @property
    def log_final(self) -> int:
        """log2 of the height after all folds."""
        return self.log_height - sum(self.folds)

    @property
    def degree_bound(self) -> int:
        """What FRI proves: all stacked polynomials have a lower degree."""
        return self.height + self.parameters.excess * (self.height >> MIN_LOG_HEIGHT)

    @property
    def final(self) -> int:
        """Number of coefficients of the final polynomial: the degree bound that is left."""
        return self.degree_bound >> sum(self.folds)


def layout(
    shapes: Sequence[tuple[int, int]], unit: int, log_tree: int, log_height: int, offset: int, first: int, blind: int = 0, full: int = 0
) -> Layout:
    """The tree of height 2^log_tree over matrices of the given (log height, width), columns and polynomials numbered on.

    Those lower than 2^full are of thin parts.
    """
    matrices: list[Matrix] = []
    for log_own, width in shapes:
        matrices.append(Matrix(log_own, width, offset))
        offset += width
    classes: list[StackClass] = []
    word = 0
    for log_own in sorted({matrix.log_height for matrix in matrices if matrix.width}, reverse=True):
        columns = tuple(m.offset + k for m in matrices if m.log_height == log_own for k in range(m.width))
        log_rows, log_slots = log_own - (log_own < full), log_tree - log_own
        classes.append(StackClass(log_own, log_rows, log_slots, log_height - log_tree, columns, first, word, unit))
        first, word = first + classes[-1].polynomials, word + classes[-1].words
    return Layout(log_tree, unit, tuple(matrices), tuple(classes), blind)


def log_fixed_height(circuit: Circuit) -> int:
    """log2 of the greatest height of a fixed table; 0 if there is none."""
    return max((table.fixed_log_height or 0 for table in circuit.tables), default=0)


def fixed_layout(circuit: Circuit, log_height: int) -> Layout | None:
    """The tree of all fixed columns in a proof of height 2^log_height; None if there are none."""
    shapes = [(table.fixed_log_height, len(table.fixed)) for table in circuit.tables if table.fixed_log_height is not None]
    return layout(shapes, 1, log_fixed_height(circuit), log_height, 0, 0) if shapes else None


def is_lookup(table: Table) -> bool:
    """Whether equal rows may be several: the one committed column is free and is, or its negation, how often each message happens."""
    free = {k for k, (op, a, _) in enumerate(table.nodes.tolist()) if op == COLUMN and a == 0}
    zero = {k for k, (op, a, _) in enumerate(table.nodes.tolist()) if op == CONSTANT and a == 0}
    free |= {k for k, (op, a, b) in enumerate(table.nodes.tolist()) if op == SUB and a in zero and b in free}
    return len(table.columns) == 1 and not table.constraints and all(message.multiplicity in free for message in table.messages)


def check_heights(circuit: Circuit, heights: Sequence[int], parameters: Parameters) -> None:
    """Raises VerificationError unless every height is allowed and no multiplicity can wrap: the sum of height * messages is below p."""
    if len(heights) != len(circuit.tables) or not any(heights):
        raise VerificationError("the proof has a wrong number of tables, or no table at all")
    fractions = len(circuit.claim.messages)
    allowed = range(0, 2 << parameters.max_log_height, 1 << parameters.min_log_height)
    for table, height in zip(circuit.tables, heights, strict=True):
        fixed = table.fixed_log_height
        if height not in allowed or (height and fixed is not None and height != 1 << max(fixed, parameters.full_log_height)):
            raise VerificationError(f"table {table.name}: height {height} is not allowed")
        if fixed is not None and height > 1 << fixed and not is_lookup(table):
            raise VerificationError(f"table {table.name}: its rows may be repeated only if it is a lookup table")
        fractions += len(table.messages) * height
    if fractions >= MODULUS:
        raise VerificationError(f"{fractions} bus messages: their multiplicities could wrap modulo p")
