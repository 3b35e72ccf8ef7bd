"""What the compiler makes of any circuit: the constraints, and how rows are filled from what they are given."""

from __future__ import annotations

from dataclasses import dataclass

from zkc.runtime.circuit.circuit import Circuit
from zkc.runtime.circuit.fill_program import FillProgram


@dataclass(frozen=True)
class Given:
    """What every row of a table is given, in order: names (`x`, `x[3]`, `x.lo`), and the greatest value of each; the least is 0."""

    names: tuple[str, ...]
    most: tuple[int, ...]


@dataclass(frozen=True)
class CircuitSpec:
    """The artefact of a circuit without instructions.

    inputs: of the tables whose rows are given; claim: of the public row. fills: how the rows of each table are filled, and the claim.
    histogram_starts: where the counts of each fixed table begin in the common histogram, of histogram_size words. column_types: of the
    columns of each table. fields: names of what messages of each bus carry. places: where each table's constraints and then its messages
    stand, `file:line:column`, or "". chips: what the rows of tables are given that are made on demand, in the order in which they can be
    filled; the first is how often the row was asked for, the others are the request.
    """

    circuit: Circuit
    inputs: dict[str, Given]
    claim: Given
    histogram_starts: dict[str, int]
    histogram_size: int
    fills: dict[str, FillProgram]
    column_types: dict[str, tuple[str, ...]]
    fields: dict[str, tuple[str, ...]]
    places: dict[str, tuple[str, ...]]
    chips: dict[str, Given]
