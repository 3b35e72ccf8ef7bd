"""E0506: in a chain over a bus (`chain by` a field), a row that only takes or only gives fixes the position by its own equations: else a
chain could begin in its middle, or end before its end."""

from __future__ import annotations

from collections.abc import Iterator

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.polynomials import bits_of
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.solver import Solver
from zkc.compiler.audit.table import TableAudit


def findings(table: TableAudit, label: str, arm: str | None, row: Row) -> Iterator[Finding]:
    """The ends of chains in one row."""
    for name, bus in table.circuit.program.buses.items():
        here = [(i, args) for i, _, args in row.messages if table.messages[i].text("bus") == name]
        if bus.chain is None or len(here) != 1:
            continue
        ((i, args),) = here
        alone = row.without_shared()
        node = alone.import_nodes(row.nodes, {}, {})[args[table.circuit.place(name, bus.chain)]]
        solver = Solver(alone, table.circuit.fixed)
        solver.run(alone.support[node])
        if not solver.has(node):
            names = tuple(table.column_name(c, arm) for c in bits_of(solver.unknown(node)))
            text = f"`{bus.chain}` of `{name}` is not fixed where the chain begins or ends"
            yield Finding(table.name, label, text, names, table.messages[i].loc.span)
