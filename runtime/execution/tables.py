"""From records of rows to the traces of tables: the same for tables that an executor made rows of and for those that are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.spec import CircuitSpec
from zkc.runtime.execution.fill import fill, fill_polynomials
from zkc.runtime.execution.sizes import height_of, rows_in
from zkc.runtime.field import arrays
from zkc.runtime.kernels import arena
from zkc.runtime.kernels.threads import parallel_for, threads
from zkc.runtime.stark.parameters import DEFAULT, Parameters

Words = npt.NDArray[np.uint32]
Counts = npt.NDArray[np.uint32]
LANES = 128
"""Rows that field arithmetic takes at a time."""


def no_counts(spec: CircuitSpec) -> Counts:
    """How often each row of each fixed table was looked up, at first."""
    return np.zeros(spec.histogram_size, dtype=np.uint32)


def fill_table(
    spec: CircuitSpec, name: str, records: Words, counts: Counts, parameters: Parameters = DEFAULT, *, least: int = 1
) -> Words:
    """The trace of one table from its records, of as many rows as its parts have, and as a table with `least` rows would have at least;
    its lookups are added to `counts`."""
    full = parameters.full_log_height
    height = rows_in(height_of(max(len(records), least), parameters.min_log_height, full), full)
    if name in spec.inputs or name in spec.chips:
        records = np.concatenate([records, np.repeat(_padding(spec, name, records), height - len(records), axis=0)])
    return _filled(spec, name, records, counts, height)


def _padding(spec: CircuitSpec, name: str, records: Words) -> Words:
    """The record of rows after those that are given: zeros; of a chip the last request, asked for no time, for it may take no zeros."""
    if name in spec.inputs:
        return np.zeros((1, records.shape[1]), dtype=np.uint32)
    padding = records[-1:].copy()
    padding[0, 0] = 0
    return padding


def fill_claim(spec: CircuitSpec, values: Sequence[int], counts: Counts) -> tuple[int, ...]:
    """The public row from what it is given; its lookups are added to `counts`."""
    record = np.array([values], dtype=np.uint32)
    return tuple(int(x) for x in _filled(spec, "claim", record, counts, LANES)[:, 0])


def _filled(spec: CircuitSpec, name: str, records: Words, counts: Counts, height: int) -> Words:
    """Columns of that height, the first rows from the records."""
    program = spec.fills[name]
    columns = arena.zeros(len(spec.column_types[name]), height)
    records = np.ascontiguousarray(records)
    tile = max(1024, -(-len(records) // threads()))
    partial = [np.zeros_like(counts) for _ in range(-(-len(records) // tile))]
    parallel_for(lambda start, stop: fill(program, records, start, stop, columns, partial[start // tile]), len(records), tile)
    for part in partial:
        counts += part
    if len(program.polynomial_columns):
        arrays.to_montgomery(columns)
        parallel_for(lambda start, stop: fill_polynomials(program, columns, start, stop), height, LANES)
        arrays.from_montgomery(columns)
    return columns


def fixed_tables(spec: CircuitSpec, counts: Counts, parameters: Parameters) -> dict[str, Words]:
    """The multiplicity columns of the fixed tables that are used. Where the least height is more than the rows of a table, each becomes
    several equal ones, and the first has the count.
    """
    traces: dict[str, Words] = {}
    for table in spec.circuit.tables:
        if table.fixed.shape[0]:
            start = spec.histogram_starts[table.name]
            column = counts[start : start + table.fixed.shape[1]]
            if column.any():
                height = max(len(column), 1 << parameters.full_log_height)
                traces[table.name] = np.zeros((1, height), dtype=np.uint32)
                traces[table.name][0, :: height // len(column)] = column
    return traces
