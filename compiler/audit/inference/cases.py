"""What is known in all cases of something known is known: a factor of a product that vanishes is 0 or not; an argument of a small
table is that of one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import ONE, signed
from zkc.compiler.audit.row import Row
from zkc.runtime.field.koalabear import P

Solve = Callable[[Row, int, int], int]
"""(row, known, depth) -> what is known in the end; -1 if no columns fit."""


def apply(state: State, near: int, depth: int, solve: Solve) -> bool:
    """Tries the cases that bear on the columns `near`, with `depth` more levels of cases within."""
    for table, args in state.row.lookups:
        rows = state.tables.cases(table, tuple(state.row.value(a) for a in args))
        if rows and not state.unknown(args[0]) and state.row.support[args[0]] and _new_split(state, args[0], depth):
            cases = (_where(state, dict(zip(args, values, strict=True))) for values in rows)
            if _merge(state, cases, depth, solve):
                return True
    gates: dict[int, None] = {}
    for node in state.row.zero:
        if state.unknown(node) & near:
            gates |= dict.fromkeys(_gates(state, node))
    return any(_new_split(state, f, depth) and _merge(state, (_where(state, {f: 0}), _where_not(state, f)), depth, solve) for f in gates)


def _new_split(state: State, node: int, depth: int) -> bool:
    """True once for the node, the depth and what is known."""
    key = (node, depth, state.known)
    new = key not in state.split_on
    state.split_on.add(key)
    return new


def _gates(state: State, node: int) -> list[int]:
    """Known factors of a product that vanishes."""
    atoms = list(state.row.linear(node))
    return [f for f in state.row.factors(atoms[0]) if not state.unknown(f)] if len(atoms) == 1 else []


def _where(state: State, values: Mapping[int, int]) -> Row:
    """The row where these nodes have these values; an affine node of one column settles the column."""
    columns: dict[int, int] = {}
    replaced: dict[int, int] = {}
    for node, value in values.items():
        linear = state.row.linear(node)
        form = state.row.columns_in(linear)
        if form is not None and len(form) == 1:
            ((column, c),) = form.items()
            columns[column] = (value - linear.get(ONE, 0)) * pow(c, -1, P) % P
        else:
            replaced[node] = value
    columns |= _parts(state, [n for n, v in values.items() if v == 0])
    return state.row.substituted(columns, replaced)


def _where_not(state: State, gate: int) -> Row:
    """The row where the node is not zero: it is dropped as a factor."""
    reduced = state.row.without_factor(gate)
    columns = _parts(state, [n for n in reduced if not state.unknown(n)])
    other = state.row.substituted(columns, {})
    to = other.import_nodes(state.row.nodes, columns, {})
    for n in reduced:
        other.vanish(to[n])
    return other


def _parts(state: State, zeros: Iterable[int]) -> dict[int, int]:
    """Columns that are 0 because a sum of columns that cannot be negative is."""
    found: dict[int, int] = {}
    highs = {column: high for n, high in state.ranges if (column := state.row.column_of(n)) is not None}
    for node in zeros:
        linear = state.row.linear(node)
        form = state.row.columns_in(linear)
        if form is None or len(form) < 2 or ONE in linear or any(c not in highs for c in form):
            continue
        if all(signed(k) > 0 for k in form.values()) and sum(k * (highs[c] - 1) for c, k in form.items()) < P:
            found |= dict.fromkeys(form, 0)
    return found


def _merge(state: State, cases: Iterable[Row], depth: int, solve: Solve) -> bool:
    """Learns what all cases show. A row that no case allows is impossible."""
    both = -1
    for row in cases:
        both &= solve(row, state.known, depth)
        if not both & ~state.known:
            return False
    if both == -1:
        state.row.impossible = True
        state.known = -1
        return False
    return state.learn(both)
