"""The parameter sets that a receipt may name (section 7), and the numbers that follow from circuit, heights and parameters."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .circuit import Circuit, Table
from .field import DEGREE, GENERATOR, MAX_LOG_HEIGHT, MIN_LOG_HEIGHT, TWO_ADICITY, P
from .refused import require

UNIQUE_DECODING, JOHNSON = 0, 1
"""The regimes: how far from polynomials words may be for the security check to count on them."""


@dataclass(frozen=True)
class Parameters:
    """log_blowup: of B. grinding: in bits. log_fold: of the values folded into one. log_final: least log2 of the final coefficients.

    masks: random coefficients of each column; if there are any, the proof hides its traces. regime: what the security rests on.
    """

    log_blowup: int
    queries: int
    grinding: int = 20
    log_fold: int = 3
    log_final: int = 7
    masks: int = 0
    regime: int = UNIQUE_DECODING

    @property
    def hides(self) -> bool:
        return self.masks > 0

    @property
    def least(self) -> int:
        """l, of a part."""
        return max(MIN_LOG_HEIGHT, (3 * self.masks - 1).bit_length())

    @property
    def least_full(self) -> int:
        """L, of a part that is not thin."""
        return max(MIN_LOG_HEIGHT, (14 * self.masks - 1).bit_length())

    @property
    def most(self) -> int:
        """Of a part."""
        return min(MAX_LOG_HEIGHT, TWO_ADICITY - self.log_blowup)

    @property
    def excess(self) -> int:
        """e."""
        return -(-(self.masks << 7) >> self.least_full)

    def encoded(self) -> bytes:
        words = (self.log_blowup, self.queries, self.grinding, self.log_fold, self.log_final, self.masks, self.regime)
        return struct.pack("<10I", P, DEGREE, GENERATOR, *words)


PARAMETER_SETS = {
    0: Parameters(log_blowup=1, queries=261),
    1: Parameters(log_blowup=3, queries=80, regime=JOHNSON),
    2: Parameters(log_blowup=1, queries=286, masks=292),
    3: Parameters(log_blowup=3, queries=82, masks=88, regime=JOHNSON),
}
SALT_WORDS = 5


@dataclass(frozen=True)
class Part:
    """Rows of a table that are committed to as a table of their own, of height 2^log_height. thin: whether only half of that are rows."""

    table: Table
    log_height: int
    thin: bool

    @property
    def rows(self) -> int:
        """r_t."""
        return 1 << self.log_height - self.thin


def digits(height: int) -> list[int]:
    """log2 of the parts of a table of this height, the tallest first."""
    return [h for h in reversed(range(height.bit_length())) if height >> h & 1]


@dataclass(frozen=True)
class Class:
    """Columns of one height 2^log_height in a tree: `columns` are their places in the order of columns; 2^log_slots to a polynomial."""

    log_height: int
    log_slots: int
    columns: tuple[int, ...]

    @property
    def stacks(self) -> list[tuple[int, ...]]:
        """The columns of each polynomial, slot by slot."""
        slots = 1 << self.log_slots
        return [self.columns[i : i + slots] for i in range(0, len(self.columns), slots)]


@dataclass(frozen=True)
class Tree:
    """A tree of columns, of height T = 2^log_height. unit: words of a value, 1 or, of extension columns, 6. classes: tallest first.

    random: words of a leaf behind those of the columns.
    """

    log_height: int
    unit: int
    classes: tuple[Class, ...]
    random: int

    @property
    def polynomials(self) -> int:
        return sum(len(each.stacks) for each in self.classes)

    @property
    def column_words(self) -> int:
        return self.unit * self.polynomials

    @property
    def leaf_words(self) -> int:
        return self.column_words + self.random


class Shape:
    """Everything that follows from circuit, heights and parameters. Heights that are not allowed are refused (check 3)."""

    def __init__(self, circuit: Circuit, heights: Sequence[int], parameters: Parameters) -> None:
        """heights: of each table, the sum of those of its parts."""
        self.circuit, self.parameters, self.heights = circuit, parameters, tuple(heights)
        self._check_heights()
        self.parts = [Part(t, h, h < parameters.least_full) for t, height in zip(circuit.tables, heights) for h in digits(height)]
        self.log_fixed = max((table.log_height or 0 for table in circuit.tables), default=0)
        self.log_n = max(self.log_fixed, *(part.log_height for part in self.parts))
        self.log_size = self.log_n + parameters.log_blowup
        self.columns = 0
        self.trees = list(self._trees())
        self.folds = (self.log_n - parameters.log_final) // parameters.log_fold
        self.log_final = self.log_n - self.folds * parameters.log_fold
        self.degree_bound = (1 << self.log_n) + (parameters.excess << self.log_n - 7)
        self.final = self.degree_bound >> self.folds * parameters.log_fold

    @property
    def has_fixed(self) -> bool:
        return self.log_fixed > 0

    @property
    def fractions(self) -> int:
        """The sum of check 3: messages of the claim, and of the tables as often as they are high."""
        return len(self.circuit.claim.messages) + sum(len(t.messages) * height for t, height in zip(self.circuit.tables, self.heights))

    @property
    def constraints(self) -> int:
        return 1 + sum(len(part.table.constraints) + len(part.table.batches) for part in self.parts)

    @cached_property
    def polynomials(self) -> int:
        """C."""
        return sum(tree.polynomials for tree in self.trees)

    def _check_heights(self) -> None:
        require(len(self.heights) == len(self.circuit.tables), "not one height for each table")
        for table, height in zip(self.circuit.tables, self.heights):
            self._check_height(table, height)
        require(any(self.heights), "no table is present")
        require(self.fractions < P, "multiplicities could wrap")

    def _check_height(self, table: Table, height: int) -> None:
        least, least_full, most = self.parameters.least, self.parameters.least_full, self.parameters.most
        parts = digits(height)
        require(all(least <= h <= most for h in parts), f"{table.name}: a height that is not allowed")
        if parts and table.log_height is not None:
            require(parts == [max(table.log_height, least_full)], f"{table.name}: not the height of its fixed columns")
            require(parts == [table.log_height] or table.is_lookup, f"{table.name}: rows are repeated in a table that is no lookup table")

    def _trees(self) -> Iterable[Tree]:
        """Fixed (if there is one), trace, LogUp and quotient tree: the order of columns."""
        if self.has_fixed:
            yield self._tree(self.log_fixed, 1, [(t.log_height, t.fixed_columns) for t in self.circuit.tables if t.log_height], 0)
        salt, mask, quotients = (SALT_WORDS, DEGREE, 3) if self.parameters.hides else (0, 0, 2)
        yield self._tree(self.log_n, 1, [(part.log_height, len(part.table.columns)) for part in self.parts], salt)
        yield self._tree(self.log_n, 6, [*((part.log_height, len(part.table.batches)) for part in self.parts), (self.log_n, 1)], salt)
        yield self._tree(self.log_n, 6, [(self.log_n, quotients)], mask + salt)

    def _tree(self, log_height: int, unit: int, groups: Sequence[tuple[int, int]], random: int) -> Tree:
        """The next tree over groups of columns (log height, how many)."""
        members = dict[int, list[int]]()
        for h, count in groups:
            members.setdefault(h, []).extend(range(self.columns, self.columns + count))
            self.columns += count
        classes = [Class(h, log_height - h, tuple(members[h])) for h in sorted(members, reverse=True) if members[h]]
        return Tree(log_height, unit, tuple(classes), random)
