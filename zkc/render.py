"""Tables for people, with rich."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from runtime.stark.security import SecurityReport
from zkc.stats import TableCost


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table on stdout; the first column is text, the others are numbers."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # A pipe has no width: never cut or fold what a program may read.
    console.print(table, width=None if console.is_terminal else 200)


def print_costs(costs: Sequence[TableCost]) -> None:
    """The cost of each table."""
    heads = ("table", "columns", "messages", "logup", "cells", "constraints", "operations", "fixed", "rows")
    rows = [
        (
            cost.name,
            str(cost.columns),
            str(cost.messages),
            str(cost.logup),
            str(cost.cells),
            str(cost.constraints),
            str(cost.operations),
            str(cost.fixed),
            "" if cost.log_height is None else f"2^{cost.log_height}",
        )
        for cost in costs
    ]
    print_table("Cost of a row (logup: extension columns; cells: base-field cells, logup included)", heads, rows)


def print_security(report: SecurityReport) -> None:
    """Every term in every regime, and the figure that is claimed."""
    names = list(report.regimes[0].terms)
    heads = ("bits", *(regime.regime + (f" m={regime.parameter}" if regime.parameter else "") for regime in report.regimes))
    rows = [(name, *(f"{regime.terms[name]:.1f}" for regime in report.regimes)) for name in names]
    rows.append(("digests", *(f"{report.digest_bits:.1f}" for _ in report.regimes)))
    print_table("Security: -log2 of the error of each round", heads, rows)
    print(f"\nclaimed: {report.claimed:.1f} bits, provable, in unique decoding; the weakest round is {report.limiting}")
