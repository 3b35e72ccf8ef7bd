"""Cells are counted in one place, and it counts what the prover commits to."""

from __future__ import annotations

import itertools

import pytest

from tests.guests.catalogue import Program, examples
from zkc import api
from zkc.runtime.execution.executor import Limits, execute
from zkc.runtime.execution.sizes import all_cells, row_cells, table_sizes
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.parameters import DEFAULT, PARAMETER_SETS, STANDARD_SET


@pytest.mark.parametrize("program", [program for program in examples() if program.name != "marathon"], ids=lambda program: program.name)
def test_sizes_are_those_of_the_trace(program: Program) -> None:
    """Height by height; the fixed tables too, which are there only if something is looked up in them."""
    machine = api.machine()
    loaded = load_elf(program.elf, machine.memory_map)
    run = execute(machine, loaded, program.stdin, Limits(segment_limit=13), snapshots=True)
    tables = {table.name: table for table in machine.circuit.tables}
    for segment, parameters in itertools.product((run.segments[0], run.segments[-1]), (DEFAULT, PARAMETER_SETS[STANDARD_SET])):
        traces, _ = trace(machine, segment, parameters=parameters)
        sizes = table_sizes(machine.circuit, segment.rows, parameters)
        heights = {name: parameters.height(columns.shape[1]) for name, columns in traces.items()}
        assert {size.name: size.height for size in sizes} == heights
        committed = sum((len(tables[name].columns) + 6 * len(tables[name].batches)) * height for name, height in heights.items())
        assert all_cells(machine.circuit, [segment.rows], parameters) == committed == sum(size.used + size.padding for size in sizes)
        assert all(size.row_cells == row_cells(tables[size.name]) for size in sizes)
