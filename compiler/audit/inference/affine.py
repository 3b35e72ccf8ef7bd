"""An equation with one unknown column and a constant coefficient determines it."""

from __future__ import annotations

from zkc.compiler.audit.inference.state import State
from zkc.runtime.circuit.circuit import ADD, COLUMN, SUB


def apply(state: State) -> None:
    """Learns from equations until none says more; those that can say nothing more are dropped."""
    changed = True
    while changed:
        changed = False
        rest: list[int] = []
        for node in state.facts:
            unknown = state.unknown(node)
            if unknown and not unknown & (unknown - 1) and _solves(state, node, unknown):
                state.known |= unknown
                changed = True
            elif unknown:
                rest.append(node)
        state.facts = rest


def _solves(state: State, node: int, unknown: int) -> bool:
    op, a, b = state.row.nodes[node]
    if op == COLUMN:
        return True
    if op in (ADD, SUB):  # a column and something known: not expanded, which takes long
        for x, y in ((a, b), (b, a)):
            if state.row.nodes[x][0] == COLUMN and state.row.support[x] == unknown and not state.unknown(y):
                return True
    form = state.form(node)
    return form is not None and len(form) == 1
