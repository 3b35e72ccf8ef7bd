"""E0509: a word begins once: rows of a chain begin words at addresses that differ from row to row, from message to message, and from page
to page. And what they give on a bus that carries something, of other pages than their own, is of different ones.

An address is a multiple of what the chain carries, plus a multiple of how far the chain is, plus a constant. How far it is goes from where
rows take nothing to where they give nothing, which their equations fix. So all addresses of a page are known but for where it begins; they
are different, and closer together than two pages are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.polynomials import ONE, signed
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.determinism import Determinism
from zkc.compiler.audit.rules.handed import position, same
from zkc.compiler.audit.rules.links import Link
from zkc.compiler.audit.table import TableAudit, stem
from zkc.runtime.field.koalabear import P

MOST: Final = 1 << 20
"""Rows of a chain."""
HELP: Final = "make the address of what is carried, the position and a number, so that no two are the same"


def findings(table: TableAudit, rules: Sequence[Determinism]) -> Iterator[Finding]:
    """Words of a table that may begin twice. rules: its rows."""
    links = [link for rule in rules for chain in _chains(table) if (link := Link(rule, chain)).chain]
    ends = _ends(links)
    for name in table.circuit.program.buses:
        for rule in rules:
            link = next((x for x in links if x.rule is rule), None)
            begun = _begun(table, rule.row, name, [] if link is None else link.carried)
            if begun and (link is None or ends is None or not _differ(link, ends, [node for _, node in begun])):
                text = f"nothing shows that what begins here on `{name}` has different addresses"
                span = table.messages[begun[0][0]].loc.span
                yield Finding(table.name, rule.label, text, (), span, code=HANDED, help=HELP)


def _begun(table: TableAudit, row: Row, bus: str, own: Sequence[int]) -> list[tuple[int, int]]:
    """Messages and the nodes that say where: words that begin, and what is given of others than the chain is of itself."""
    decl = table.circuit.program.buses[bus]
    given = [(i, args) for i, times, args in row.messages if table.messages[i].text("bus") == bus and row.value(times) == 1]
    if decl.remembers is not None:
        key = table.circuit.place(bus, decl.remembers)
        return [(i, args[key]) for i, args in given if "because" in table.messages[i].attributes]
    if not decl.carries or decl.chain is not None:
        return []
    key = next(i for i, field in enumerate(table.circuit.fields[bus]) if stem(field.name) == decl.carries[0])
    return [(i, args[key]) for i, args in given if not any(same(row, args[key], n) for n in own)]


def _chains(table: TableAudit) -> list[str]:
    return [name for name, bus in table.circuit.program.buses.items() if bus.chain is not None and bus.carries]


def _ends(links: Sequence[Link]) -> tuple[int, int] | None:
    """How far chains are where they begin and where they end, None if that is not known."""
    first = {_pinned(link.row, position(link.table, link.given[0])) for link in links if link.given and not link.taken}
    last = {_pinned(link.row, position(link.table, link.taken[0])) for link in links if link.taken and not link.given}
    if len(first) != 1 or len(last) != 1:
        return None
    (start,), (end,) = first, last
    return None if start is None or end is None else (start - 1, end)


def _pinned(row: Row, node: int) -> int | None:
    """The number that a node is, by equations that say what a column is."""
    total = 0
    for atom, c in row.linear(node).items():
        column = None if atom == ONE else row.column_of(atom)
        value = 1 if atom == ONE else None if column is None else row.pinned.get(column)
        if value is None:
            return None
        total += c * value
    return signed(total)


def _differ(link: Link, ends: tuple[int, int], nodes: Sequence[int]) -> bool:
    """Whether the addresses of all rows of a page are different, and less apart than those of two pages."""
    row, (start, end) = link.row, ends
    own = position(link.table, link.taken[0]) if link.taken else position(link.table, link.given[0])
    far = [x for x in row.linear(own) if x != ONE]
    carried = {x for n in link.carried for x in row.linear(n) if x != ONE}
    places: list[int] = []
    pages: set[int] = set()
    for node in nodes:
        linear = row.linear(node)
        page = [x for x in linear if x not in (ONE, *far)]
        if len(far) != 1 or len(page) != 1 or not set(page) <= carried or not 0 <= end - start < MOST:
            return False
        pages.add(abs(signed(linear[page[0]])))
        places += [signed(linear.get(ONE, 0) + s * linear.get(far[0], 0)) for s in range(start, end + 1)]
    return len(pages) == 1 and len(set(places)) == len(places) and max(places) - min(places) < min(pages) < P // 2
