"""Tables whose rows are made on demand: a row for each different request that the tables filled so far, and the claim, make of a chip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.circuit import Table
from zkc.runtime.circuit.spec import CircuitSpec
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.nodes import values_of

Words = npt.NDArray[np.uint32]


def requests(spec: CircuitSpec, chip: str, traces: Mapping[str, Words], given: Mapping[str, int], claim: tuple[int, ...]) -> Words:
    """The records of a chip's rows, `uint32[rows][words]`: how often it was asked, and what; none twice, in the order of what was asked.

    traces: of the tables that are filled. given: their rows; those after them, all alike, are padding.
    """
    asked: list[Words] = []
    times: list[npt.NDArray[np.int64]] = []
    for table in spec.circuit.tables:
        if table.name in given and table.name != chip:
            trace, rows = traces[table.name], given[table.name]
            kept = trace[:, : rows + 1]
            weights = np.ones(kept.shape[1], dtype=np.int64)
            weights[rows:] = trace.shape[1] - rows
            _requests_in(spec, chip, table, kept, weights, asked, times)
    public = np.array(claim, dtype=np.uint32).reshape(-1, 1)
    _requests_in(spec, chip, spec.circuit.claim, public, np.ones(1, dtype=np.int64), asked, times)
    if not asked:
        return np.zeros((0, len(spec.chips[chip].names)), dtype=np.uint32)
    different, which = np.unique(np.concatenate(asked), axis=0, return_inverse=True)
    count = np.zeros(len(different), dtype=np.int64)
    np.add.at(count, which.reshape(-1), np.concatenate(times))
    return np.concatenate([(count % P).astype(np.uint32).reshape(-1, 1), different], axis=1)


def _requests_in(
    spec: CircuitSpec, chip: str, table: Table, trace: Words, weights: npt.NDArray[np.int64],
    asked: list[Words], times: list[npt.NDArray[np.int64]],
) -> None:  # fmt: skip
    """Adds what a table asks of a chip and how often. weights: how many rows are like each."""
    bus = [b.name for b in spec.circuit.buses].index(chip)
    width = len(spec.chips[chip].names) - 1
    for message in (m for m in table.messages if m.bus == bus):
        found = values_of(table, [message.multiplicity, *message.args[:width]], trace.astype(np.int64))
        at = np.flatnonzero(found[0])
        asked.append(found[1:, at].T.astype(np.uint32))
        times.append((P - found[0, at]) * weights[at])


