"""What the runtime takes for granted, checked against a program: constants, given tables, the claim (E0609)."""

from __future__ import annotations

from collections.abc import Iterable

from zkc.compiler.program import Program
from zkc.compiler.table import TableBuilder
from zkc.dsl.diagnostics import did_you_mean
from zkc.runtime.expected import CLAIM_COLUMNS, TABLE_INPUTS, constant_problems


def check_constants(program: Program) -> None:
    """The memory map, the system page and the hash are what the runtime can carry."""
    anywhere = program.claim.span if program.claim is not None else None
    for name, message in constant_problems(program.constants):  # type: ignore[arg-type]
        item = program.constant_items.get(name)
        program.error("E0609", message, item.span if item is not None else anywhere)


def check_given_tables(program: Program, others: Iterable[TableBuilder], claim: TableBuilder) -> None:
    """The runtime fills exactly the tables and the claim that there are, with exactly the inputs they ask for."""
    assert program.claim is not None
    found = {table.name: table for table in others}
    for name, table in found.items():
        if name not in TABLE_INPUTS:
            help_ = did_you_mean(name, TABLE_INPUTS) or f"it gives those of {', '.join(TABLE_INPUTS)}"
            program.error("E0609", f"the runtime gives no rows of a table `{name}`", program.tables[name].span, help=help_)
        else:
            _compare(program, f"the table `{name}`", set(table.inputs), TABLE_INPUTS[name], table)
    for name in TABLE_INPUTS.keys() - found.keys():
        program.error("E0609", f"the runtime gives rows of a table `{name}`, which there is not", program.claim.span)
    _compare(program, "the claim", {column.name for column in claim.columns}, CLAIM_COLUMNS, claim)


def _compare(program: Program, what: str, inputs: set[str], known: frozenset[str], table: TableBuilder) -> None:
    spans = {column.name: column.span for column in table.columns}
    for name in sorted(inputs - known):
        place = spans.get(name) or program.place_of(table.name)
        program.error("E0609", f"the runtime gives {what} no `{name}`", place, help=did_you_mean(name, known - inputs))
    missing = sorted(known - inputs)
    if missing:
        names = ", ".join(f"`{name}`" for name in missing[:6]) + (", …" if len(missing) > 6 else "")
        program.error("E0609", f"{what} has no input {names}, which the runtime gives", program.place_of(table.name))
