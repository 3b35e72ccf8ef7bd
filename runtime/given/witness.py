"""The witness of a circuit whose rows are given: hints, computed columns, lookups and padding, by the compiler's fill programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.spec import CircuitSpec
from zkc.runtime.errors import InputError
from zkc.runtime.execution.sizes import height_of, row_cells
from zkc.runtime.execution.tables import fill_claim, fill_table, fixed_tables, no_counts
from zkc.runtime.given.chips import requests
from zkc.runtime.given.values import Values, claim_of, records_of
from zkc.runtime.stark.parameters import Parameters

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Witness:
    """traces: of each table that is there, canonical `uint32[columns][rows]`. rows: how many of them were given, or asked for; the others
    are padding.
    claim: the public row."""

    traces: dict[str, Words]
    rows: dict[str, int]
    claim: tuple[int, ...]


def witness_of(spec: CircuitSpec, tables: Mapping[str, Values], claim: Values, parameters: Parameters) -> Witness:
    """Fills everything. InputError for values that have the wrong name, shape or range, or more rows than a proof has room for."""
    records = {name: found for name, found in records_of(spec, tables).items() if len(found)}
    public = claim_of(spec, claim)
    if not records:
        raise InputError("no table has a row", hint=f"give rows of {', '.join(spec.inputs)}")
    for name, found in records.items():
        _check_room(name, found, parameters)
    counts, tall = no_counts(spec), _raised(spec, records, parameters)
    full = 2 << parameters.full_log_height
    traces = {n: fill_table(spec, n, r, counts, parameters, least=full if n == tall else 1) for n, r in records.items()}
    values = fill_claim(spec, public, counts)
    rows = {name: len(found) for name, found in records.items()}
    for chip in spec.chips:
        asked = requests(spec, chip, traces, rows, values)
        if len(asked):
            _check_room(chip, asked, parameters)
            traces[chip], rows[chip] = fill_table(spec, chip, asked, counts, parameters), len(asked)
    return Witness(traces | fixed_tables(spec, counts, parameters), rows, values)


def _check_room(table: str, records: Words, parameters: Parameters) -> None:
    """InputError for more rows than a proof has room for."""
    if height_of(len(records)) >> (parameters.max_log_height + 1):
        raise InputError(f"{len(records)} rows are too many: a proof has room for 2^{parameters.max_log_height}", where=f"table {table}")


def _raised(spec: CircuitSpec, records: Mapping[str, Words], parameters: Parameters) -> str | None:
    """The table that is made taller: where a proof hides, the accumulator has a longer mask than others; one table makes room for it."""
    full = 1 << parameters.full_log_height
    tallest = [t.fixed.shape[1] for t in spec.circuit.tables if t.fixed.shape[0]]
    tallest += [height_of(len(r), parameters.min_log_height, parameters.full_log_height) for r in records.values()]
    if not parameters.masks or max(tallest) >= 2 * full:
        return None
    cells = {table.name: row_cells(table) for table in spec.circuit.tables}
    return min(records, key=lambda name: cells[name])


