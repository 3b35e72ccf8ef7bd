"""Tables for people: plain text, never cut or folded, so that programs may read them too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from zkc.audit import ColumnAudit, grouped
from zkc.output import describe_count, describe_share, say
from zkc.profile import Profile
from zkc.runtime.stark.parameters import DEGREE, JOHNSON
from zkc.runtime.stark.security import SecurityReport
from zkc.runtime.text import printable
from zkc.stats import TableCost


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table on stdout; the first column is text, the others are numbers."""
    lines = [[printable(text) for text in line] for line in (heads, *rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    say(title)
    for line in lines:
        cells = [text.rjust(width) if k else text.ljust(width) for k, (text, width) in enumerate(zip(line, widths, strict=True))]
        say("  ".join(cells).rstrip())


def print_costs(costs: Sequence[TableCost]) -> None:
    """The cost of each table, and the budget of instructions beside it."""
    heads = ("table", "columns", "messages", "cells", "budget", "constraints", "degree", "operations", "fixed", "rows")
    rows = [
        (
            cost.name,
            str(cost.columns),
            str(cost.messages),
            str(cost.cells),
            _budget(cost),
            str(cost.constraints),
            str(cost.degree),
            str(cost.operations),
            str(cost.fixed),
            "" if cost.log_height is None else f"2^{cost.log_height}",
        )
        for cost in costs
    ]
    title = "Cost of a row. cells: columns, and 6 for each two messages; budget: columns and messages, and what we are above it"
    print_table(title, heads, rows)
    total = sum(cost.cells for cost in costs if cost.budget is not None)
    target = sum(cost.budget[0] + DEGREE * -(-cost.budget[1] // 2) for cost in costs if cost.budget is not None)
    say(f"\nall instruction families: {total} cells, budget {target}")


def _budget(cost: TableCost) -> str:
    """`17 14`, with how far above we are."""
    if cost.budget is None:
        return ""
    columns, messages = cost.budget
    over = (cost.columns - columns, cost.messages - messages)
    above = " ".join(f"{value:+d}" for value in over)
    return f"{columns} {messages} ({above})"


def print_profile(found: Profile, top: int) -> None:
    """Functions, lines and instructions by cells, then what belongs to no row of the program."""
    run = found.run
    segments = f"{run.segments} segment{'s' * (run.segments != 1)}"
    say(f"{describe_count(run.instructions)} instructions, {segments}, {describe_count(run.cells)} cells")
    for title, weights in (("function", found.functions), ("line", found.lines), ("instruction", found.mnemonics)):
        rows = [
            (name, describe_count(weight.steps), describe_count(weight.cells), describe_share(weight.cells, run.cells))
            for name, weight in sorted(weights.items(), key=lambda item: -item[1].cells)[:top]
        ]
        print_table("", (title, "steps", "cells", "of all cells"), rows)
    overhead = sorted(found.overhead.items(), key=lambda item: -item[1])
    rows = [(name, describe_count(cells), describe_share(cells, run.cells)) for name, cells in overhead]
    print_table("", ("beside the program", "cells", "of all cells"), rows)
    for finding in found.findings:
        say("\n".join(["", *map(printable, finding.lines())]))


def profile_values(found: Profile) -> dict[str, Any]:
    """The same for programs."""
    tables = {"functions": found.functions, "lines": found.lines, "mnemonics": found.mnemonics}
    shown = {name: {key: asdict(weight) for key, weight in weights.items()} for name, weights in tables.items()}
    return {"overhead": found.overhead, **shown, "findings": [finding.values() for finding in found.findings]}


def print_audit(columns: Sequence[ColumnAudit], *, every: bool) -> None:
    """What bounds the columns: all of them, or those that nothing in their own row bounds, by place."""
    kinds = {kind: sum(column.kind == kind for column in columns) for kind in ("bit", "range", "trusted", "free")}
    say(f"{len(columns)} columns (an arm of a table counts its own): " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    say("Every one is in an equation or a message besides the check of its own range: the compiler refuses others.\n")
    if every:
        rows = [(c.table, c.arm, c.column, c.type, c.owner, c.because, c.where) for c in columns]
        print_list(("table", "arm", "column", "type", "bounded by", "because", "place"), rows)
        return
    titles = {"trusted": "Range taken on trust: it is proven where the value comes from", "free": "No range: any field element"}
    for kind, title in titles.items():
        found = [(x.column, x.type, str(count), x.because, x.where) for x, count in grouped(c for c in columns if c.kind == kind)]
        say(title)
        print_list(("column", "type", "columns", "because", "place"), found)
        say()


def print_list(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of texts."""
    lines = [[printable(text) for text in line] for line in (heads, *rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    for line in lines:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_security(report: SecurityReport) -> None:
    """Every term in every regime, and the figure that is claimed."""
    names = list(report.regimes[0].terms)
    heads = ("bits", *(regime.regime + (f" m={regime.parameter}" if regime.parameter else "") for regime in report.regimes))
    rows = [(name, *(f"{regime.terms[name]:.1f}" for regime in report.regimes)) for name in names]
    rows += [(name, *(f"{bits:.1f}" for _ in report.regimes)) for name, bits in report.digests.items()]
    print_table("Security: -log2 of the error of each round, and digests", heads, rows)
    for regime in report.regimes:
        say(f"{regime.regime}: {regime.theorem}")
    strength = report.strength
    say(f"\n{strength.bits:.1f} bits, provable, {strength.rests_on}; the weakest part is {report.limiting}")
    if strength.regime == JOHNSON:
        say(f"They rest on a preprint, and a verifier must accept that. In unique decoding: {strength.unique_decoding:.1f} bits")
