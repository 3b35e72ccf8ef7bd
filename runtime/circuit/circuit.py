"""The artefact that the compiler makes and that prover and verifier read: tables, buses and the public claim, as plain data.

Nothing here knows the language. A constraint system is a list of tables with row-local polynomial constraints, tied together by
LogUp buses. `nodes` is a straight-line program over one row; every polynomial is named by its node number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

COLUMN: Final = 0
CONSTANT: Final = 1
ADD: Final = 2
SUB: Final = 3
MUL: Final = 4


@dataclass(frozen=True)
class Bus:
    """A multiset of messages of `width` field elements that must balance to zero over all tables and the claim."""

    name: str
    width: int


@dataclass(frozen=True)
class Message:
    """One signed bus message per row: `multiplicity` times `args` (nodes, one per bus field).

    multiplicity: a node, positive to send, negative to receive.
    """

    bus: int
    multiplicity: int
    args: tuple[int, ...]
    label: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """One table of the constraint system.

    columns: names of the committed columns. fixed: `uint32[k][2^h]`, canonical values of the fixed (public) columns; a table
    with fixed columns always has exactly 2^h rows, any other has as many as its parts have (runtime/stark/shape.py), or is absent.
    nodes: `int64[m][3]` rows (op, a, b): COLUMN a (committed columns first, then fixed ones), CONSTANT a (canonical, b = 0), ADD/SUB/MUL of
    earlier nodes. constraints: nodes that vanish on every row (degree at most 3). batches: groups of one or two message numbers whose
    fractions share one extension column (each constraint of degree at most 3).
    """

    name: str
    columns: tuple[str, ...]
    fixed: npt.NDArray[np.uint32]
    fixed_names: tuple[str, ...]
    nodes: npt.NDArray[np.int64]
    constraints: tuple[int, ...]
    labels: tuple[str, ...]
    messages: tuple[Message, ...]
    batches: tuple[tuple[int, ...], ...]

    @property
    def fixed_log_height(self) -> int | None:
        """log2 of the height if it is fixed by fixed columns, else None."""
        return int(self.fixed.shape[1]).bit_length() - 1 if self.fixed.shape[0] else None


@dataclass(frozen=True, eq=False)
class Circuit:
    """A whole constraint system. `digest` (32 bytes) covers everything below and is absorbed by the transcript.

    claim: a table of one public row, not committed: its columns are the public values, its constraints are checked and its messages
    are summed by the verifier directly. constants: named integers or lists of integers from the language (addresses, page size, …).
    fixed_tops: by log2 of the blow-up the upper layer of the Merkle tree over the extended fixed columns, digests one after the other; a
    function of `tables` that the compiler has evaluated for the blow-ups in use. What is not there is computed when it is needed
    (runtime/stark/commitment.py).
    """

    digest: bytes
    buses: tuple[Bus, ...]
    tables: tuple[Table, ...]
    claim: Table
    constants: dict[str, int | list[int]] = field(default_factory=lambda: {})
    fixed_tops: dict[int, bytes] = field(default_factory=lambda: {})
