"""A known sum of w_i x_i with bounded digits x_i that cannot overlap, below p, determines them."""

from __future__ import annotations

from zkc.compiler.audit.inference.differences import FEW
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import signed
from zkc.runtime.field.koalabear import P


def apply(state: State) -> bool:
    """Learns the digits of the first such sum; sums of few digits are left to `differences`."""
    for node in state.facts:
        if state.unknown(node).bit_count() <= FEW:
            continue
        form = state.form(node)
        if form is None or any(c not in state.columns for c in form):
            continue
        total = 0
        for weight, c in sorted((abs(signed(k)), c) for c, k in form.items()):
            if weight <= total:
                break
            total += weight * (state.columns[c] - 1)
        else:
            if total < P:
                return state.learn(sum(1 << c for c in form))
    return False
