"""E0507: every token of a bus that remembers is taken where it was given, and given back later.

A token goes from row to row; its mark never gets less, and its time grows while its mark stays. So each message that a row receives has one
of its own that the row sends at the same key, later, and each that it sends has one that it received. Otherwise a row could take what it
gives itself, or a word could be there twice. Where tokens begin and end, the statement says so (`send … because "…"`).

A word with a mark keeps its value: so a row that says what the instruction at a pc is marks the word that it stands in, or takes and gives
it right before the only step that it says this of (`alone.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx

from zkc.compiler.audit.findings import HANDED, RANGE, Finding
from zkc.compiler.audit.inference.state import State
from zkc.compiler.audit.polynomials import Linear
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.alone import alone, pc_of
from zkc.compiler.audit.rules.handed import position, same
from zkc.compiler.audit.rules.order import Token, constant_difference, is_later, tokens
from zkc.compiler.audit.step import VALUE
from zkc.compiler.audit.table import TableAudit
from zkc.runtime.field.koalabear import P
from zkc.runtime.memory.map import WORD_BYTES

Graph = Any
"""A networkx graph: its annotations differ from version to version."""
MARKED = "a word with a mark stays as it is: change words with mark 0 only, and mark those that are fetched"


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
        yield from _marked(table, label, row, name, taken, given)
        yield from _fetched(table, label, row, name, taken, given)


def _marked(table: TableAudit, label: str, row: Row, name: str, taken: list[Token], given: list[Token]) -> Iterator[Finding]:
    """What changes though it may have a mark."""
    values = [i for i, field in enumerate(table.circuit.fields[name]) if field.of == VALUE]
    args = {i: a for i, _, a in row.messages}
    for t in taken:
        for g in (g for g in given if g.key == t.key and row.value(t.mark) != 0):
            if any(not same(row, args[t.message][i], args[g.message][i]) for i in values):
                text = f"a word of `{name}` may have a mark, and is given with another value"
                yield Finding(table.name, label, text, (), table.messages[g.message].loc.span, code=HANDED, help=MARKED)


def _fetched(table: TableAudit, label: str, row: Row, name: str, taken: list[Token], given: list[Token]) -> Iterator[Finding]:
    """An instruction whose word gets no mark."""
    bus = table.circuit.facts.instructions()
    facts = table.circuit.facts.buses.get(bus or "")
    if bus is None or facts is None or facts.number is None or facts.known is None:
        return
    number, pc = table.circuit.place(bus, facts.number), table.circuit.place(bus, facts.known)
    marked = [g for g in given for t in taken if g.key == t.key and (constant_difference(row, g.mark, t.mark) or 0) > 0]
    for i, _, args in row.messages:
        op = table.messages[i]
        if op.text("bus") == bus and op.number("sign") > 0 and row.value(args[number]) != 0:
            around = alone(table, row)
            address = row.linear(args[pc] if around is None else pc_of(table, around.before))
            fixed = marked if around is None else [g for g in given if same(row, g.time, position(table, around.before))]
            if not any(_is_multiple(row, address, g.key) for g in fixed):
                text = f"`{op.text('label')}` speaks of a word of `{name}` that gets no mark: it could be changed and still be executed"
                yield Finding(table.name, label, text, (), op.loc.span, code=HANDED, help=MARKED)


def _is_multiple(row: Row, address: Linear, key: int) -> bool:
    """Whether a pc is the byte address of a word: by itself, or by an equation."""
    difference = {x: -WORD_BYTES * c % P for x, c in row.linear(key).items()}
    for x, c in address.items():
        difference[x] = (difference.get(x, 0) + c) % P
    difference = {x: c for x, c in difference.items() if c}
    return not difference or any(row.linear(n) in (difference, {x: P - c for x, c in difference.items()}) for n in row.zero)


def _excused(table: TableAudit, token: Token) -> bool:
    return "because" in table.messages[token.message].attributes


def _partners(row: Row, state: State, taken: list[Token], given: list[Token]) -> set[Token]:
    """The tokens that have a partner, when as many as possible have."""
    graph: Graph = nx.Graph()
    graph.add_nodes_from((*taken, *given))
    graph.add_edges_from((a, b) for a in taken for b in given if is_later(row, state, a, b))
    return {*nx.bipartite.maximum_matching(graph, taken)}
