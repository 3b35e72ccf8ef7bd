"""A lookup in a table whose first fields determine the others: known arguments give known results."""

from __future__ import annotations

from zkc.compiler.audit.inference.state import State


def apply(state: State) -> bool:
    """Adds facts. Whether there are new ones."""
    new = False
    for table, args in state.row.lookups:
        inputs = state.tables.inputs(table)
        if inputs and all(state.has(a) for a in args[:inputs]):
            for a in args[inputs:]:
                if state.unknown(a) and a not in state.facts:
                    state.facts.append(a)
                    new = True
    return new
