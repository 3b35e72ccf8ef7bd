"""Tests of circuits without instructions: `test "…" { step(n = [0, 1]); claim(steps = 2); }`, rows of tables and the claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import did_you_mean

if TYPE_CHECKING:
    from zkc.dsl.check.items import Items

CLAIM = "claim"


def table_test(items: Items, test: s.Test) -> None:
    """Rows are of tables that there are, and give inputs of them, once each, as constants."""
    d = items.declared
    if test.fails is not None and not test.rows:
        items.error("E0202", "`fails` is for tests with rows of tables", test.span)
    elif not test.rows and not test.checks:
        items.error("E0202", "this test checks nothing", test.span)
    if test.rows and (d.claim is None or d.frames or any(table.every is not None for table in d.tables.values())):
        text = "rows stand in tests of circuits with a claim and without instructions"
        items.error("E0212", text, test.rows[0].span, "of an instruction one step is tested: `test add(rs1 = 5) == 12;`")
    seen: dict[str, s.Rows] = {}
    for rows in test.rows:
        first = seen.setdefault(rows.table, rows)
        if first is not rows:
            items.error("E0203", f"rows of `{rows.table}` are given twice", rows.span, labels=((first.span, "first here"),))
        _rows(items, rows)


def _rows(items: Items, rows: s.Rows) -> None:
    d = items.declared
    given = [name for name, _ in rows.values]
    for _, value in rows.values:
        items.tested(value)
    if rows.table in d.buses and d.buses[rows.table].asked:
        text = f"nobody gives rows of the chip `{rows.table}`"
        items.error("E0204", text, rows.span, "leave it out: they are made of what the others ask")
        return
    body = d.claim.body if rows.table == CLAIM and d.claim else d.tables[rows.table].body if rows.table in d.tables else None
    if body is None:
        items.error("E0204", f"there is no table `{rows.table}`", rows.span, did_you_mean(rows.table, [*d.tables, CLAIM]))
        return
    inputs = [node.name for node in s.walk(body) if isinstance(node, s.Input)]
    for name in (n for n in given if n not in inputs):
        items.error("E0204", f"`{rows.table}` has no input `{name}`", rows.span, did_you_mean(name, inputs))
    if len(set(given)) < len(given):
        items.error("E0210", f"`{rows.table}` is given one input twice", rows.span)
