"""E0507: a fraction of bounded values, such as a carry, is shown to be a small integer: else sums with it hold only modulo p."""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import RANGE, Finding
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import bits_of, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.circuit.circuit import MUL

MAX_SHIFT = 24


def findings(table: TableAudit, label: str, arm: str | None, row: Row, state: State) -> Iterator[Finding]:
    """The fractions of one row that nothing keeps integers."""
    bounded = sum(1 << c for c in state.columns)
    for n in row.shared:
        bounded |= row.support[n] if row.column_of(n) is not None else 0
    small = _small(row, state)
    for n in sorted(row.reachable() - small):
        if _is_fraction(row, n) and not row.support[n] & ~bounded:
            columns = list(bits_of(row.support[n]))
            names = tuple(table.column_name(c, arm) for c in columns)
            text, span = "nothing shows that a fraction is an integer", table.column_span(columns[0], arm)
            yield Finding(table.name, label, text, names, span, code=RANGE)


def _small(row: Row, state: State) -> set[int]:
    """Nodes that are looked up, or are bits."""
    small = {n for n, _ in state.ranges}
    for n in row.zero:
        factors = row.direct_factors(n)
        if len(factors) == 2 and any(row.complements(x, y) for x, y in (factors, factors[::-1])):
            small |= set(factors)
    return small


def _is_fraction(row: Row, node: int) -> bool:
    """Something times 2^-k."""
    op, a, b = row.nodes[node]
    if op != MUL:
        return False
    value = row.value(a) if row.value(a) is not None else row.value(b)
    return value is not None and any(abs(signed(value << k)) == 1 for k in range(1, MAX_SHIFT + 1))
