"""E0507: every token of a bus that remembers is taken where it was given, and given back later.

A token goes from row to row; its mark never gets less, and its time grows while its mark stays. So each message that a row receives has one
of its own that the row sends at the same key, later, and each that it sends has one that it received. Otherwise a row could take what it
gives itself, or a word could be there twice. Where tokens begin and end, the statement says so (`send … because "…"`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from zkc.compiler.audit.findings import RANGE, Finding
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.order import Token, is_later, tokens
from zkc.compiler.audit.table import TableAudit

Graph = Any
"""A networkx graph: its annotations differ from version to version."""


def findings(table: TableAudit, label: str, row: Row, state: State) -> Iterator[Finding]:
    """The tokens of one row that have no partner."""
    for name, bus in table.circuit.program.buses.items():
        if bus.remembers is None:
            continue
        taken, given = ([t for t in each if not _excused(table, t)] for each in tokens(table, row, name))
        partners = _partners(row, state, taken, given)
        for token in (*taken, *given):
            if token not in partners:
                taking, giving = f"received from `{name}` was sent before", f"sent on `{name}` takes the place of what was there"
                what = taking if token in taken else giving
                span = table.messages[token.message].loc.span
                yield Finding(table.name, label, f"nothing shows that what is {what}", (), span, code=RANGE)


def _excused(table: TableAudit, token: Token) -> bool:
    return "because" in table.messages[token.message].attributes


def _partners(row: Row, state: State, taken: list[Token], given: list[Token]) -> set[Token]:
    """The tokens that have a partner, when as many as possible have."""
    graph: Graph = nx.Graph()
    graph.add_nodes_from((*taken, *given))
    graph.add_edges_from((a, b) for a in taken for b in given if is_later(row, state, a, b))
    return {*nx.bipartite.maximum_matching(graph, taken)}
