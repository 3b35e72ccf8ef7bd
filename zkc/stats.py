"""`zkc stats`: what the circuit costs, and circuits.lock, the text that shows a change of the circuit as a small diff."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import astuple, dataclass
from typing import Final

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, SUB, Circuit, Table
from zkc.runtime.execution.sizes import row_cells

BUDGETS: Final = {
    **dict.fromkeys(("lui", "auipc"), (11, 8)),
    "jal": (10, 8),
    "jalr": (17, 13),
    "branch_equal": (15, 9),
    **dict.fromkeys(("branch_less_signed", "branch_less_unsigned"), (21, 12)),
    **dict.fromkeys(("load_word", "store_word"), (17, 14)),
    **dict.fromkeys(("load_part", "store_part"), (26, 18)),
    "addi": (15, 11),
    "add": (18, 14),
    **dict.fromkeys(("bitwise", "bitwise_immediate"), (25, 16)),
    **dict.fromkeys(("shift", "shift_immediate"), (20, 14)),
    **dict.fromkeys(("less", "less_immediate"), (23, 16)),
    **dict.fromkeys(("multiply", "multiply_high"), (28, 20)),
    "divide": (55, 25),
}
"""Columns and messages that an instruction of a family may cost, by table: a target, not a limit."""
LOCK_HEAD = "# What the .circ files compile to. `zkc stats --write-lock` writes this file; a refactoring must not change it."


@dataclass(frozen=True)
class TableCost:
    """What one row of a table costs. `logup` counts extension columns, `cells` committed base-field cells with them."""

    name: str
    columns: int
    fixed: int
    log_height: int | None
    constraints: int
    messages: int
    logup: int
    operations: int
    degree: int
    budget: tuple[int, int] | None
    cells: int


def table_cost(table: Table) -> TableCost:
    """The cost of a row of `table`."""
    return TableCost(
        name=table.name,
        columns=len(table.columns),
        fixed=len(table.fixed_names),
        log_height=table.fixed_log_height,
        constraints=len(table.constraints),
        messages=len(table.messages),
        logup=len(table.batches),
        operations=int((table.nodes[:, 0] >= ADD).sum()),
        degree=degree(table),
        budget=BUDGETS.get(table.name),
        cells=row_cells(table),
    )


def degree(table: Table) -> int:
    """The greatest degree of a constraint, those of LogUp included."""
    degrees: list[int] = []
    for op, a, b in table.nodes.tolist():
        if op in (COLUMN, CONSTANT):
            degrees.append(int(op == COLUMN))
        else:
            degrees.append(max(degrees[a], degrees[b]) if op in (ADD, SUB) else degrees[a] + degrees[b])
    found = [degrees[node] for node in table.constraints]
    for batch in table.batches:
        times = [degrees[table.messages[number].multiplicity] for number in batch]
        denominators = [max(degrees[a] for a in table.messages[number].args) for number in batch]
        found += [1 + sum(denominators), *(t + sum(denominators) - d for t, d in zip(times, denominators, strict=True))]
    return max(found, default=0)


def costs(circuit: Circuit) -> list[TableCost]:
    """All tables, in circuit order."""
    return [table_cost(table) for table in circuit.tables]


def lock_text(circuit: Circuit) -> str:
    """The content of circuits.lock: one line for each bus and each table, and the digest of the whole."""
    lines = [LOCK_HEAD, f"circuit {circuit.digest.hex()}"]
    lines += [f"bus {bus.name} width {bus.width}" for bus in circuit.buses]
    for table in (*circuit.tables, circuit.claim):
        cost = table_cost(table)
        kind = "claim" if table is circuit.claim else "table"
        height = "" if cost.log_height is None else f" rows 2^{cost.log_height}"
        lines.append(
            f"{kind} {cost.name}{height}: columns {cost.columns}, fixed {cost.fixed}, constraints {cost.constraints}, "
            f"messages {cost.messages}, logup {cost.logup}, degree {cost.degree}, operations {cost.operations}, "
            f"content {content_digest(table)[:16]}"
        )
    return "\n".join(lines) + "\n"


def content_digest(table: Table) -> str:
    """SHA-256 over everything in `table` that matters to a proof; labels do not."""
    digest = hashlib.sha256()
    for part in (table.name, table.columns, table.fixed_names, table.fixed.shape, table.nodes.shape, table.constraints, table.batches):
        digest.update(repr(part).encode() + b"\0")
    digest.update(table.fixed.astype("<u4").tobytes() + table.nodes.astype("<i8").tobytes())
    for message in table.messages:
        digest.update(repr(astuple(message)[:3]).encode())
    return digest.hexdigest()


def lock_diff(old: str, new: str) -> list[str]:
    """A unified diff of two lock texts; empty if they are the same."""
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), "circuits.lock", "compiled", lineterm="", n=0))
