"""A lookup in a table whose first fields determine the others, or a call of a chip: known arguments give known results."""

from __future__ import annotations

from zkc.compiler.audit.inference.state import State


def apply(state: State) -> bool:
    """Adds facts. Whether there are new ones."""
    new = False
    counts = ((state.tables.inputs(table), args) for table, args in state.row.lookups)
    looked_up = ((args[:inputs], args[inputs:]) for inputs, args in counts if inputs)
    for given, results in (*looked_up, *state.row.calls):
        if all(state.has(a) for a in given):
            for a in results:
                if state.unknown(a) and a not in state.facts:
                    state.facts.append(a)
                    new = True
    return new
