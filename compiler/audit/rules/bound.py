"""E0509: what is said to be `bound by` a bus is an input of the message that is received there, at the end of the chain of its row.

A chain is rows that hand a state on over a bus which `carries` something. What the other messages of its rows say must be carried by the
chain or follow from that, from what is received, and from what is bound. All rows of one chain do the same. What is bound, and the state
that is taken, reach each element of the state that is given; in the last row each element of the message that binds, which tells what the
chain carries. Where a row says what nobody gave it, that message is received, not sent.

That a state which everything reaches binds it all takes a hash function: that is not shown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.polynomials import bits_of
from zkc.compiler.audit.rules.determinism import Determinism
from zkc.compiler.audit.rules.handed import carried, position, state
from zkc.compiler.audit.rules.links import Link
from zkc.compiler.audit.solver import Solver
from zkc.compiler.audit.table import TableAudit, stem


def findings(table: TableAudit, rules: Sequence[Determinism]) -> Iterator[Finding]:
    """What is wrong with the chains of a table, and with what is bound in rows of none. rules: its rows."""
    links = {i: Link(rule, None) for i, rule in enumerate(rules)}
    for name, bus in table.circuit.program.buses.items():
        if bus.chain is not None and bus.carries:
            here = {i: link for i, rule in enumerate(rules) if (link := Link(rule, name)).chain}
            links = {i: link for i, link in links.items() if i not in here}
            yield from _of_chain(list(here.values()))
    for alone in links.values():
        yield from _alone(alone)


def _of_chain(links: list[Link]) -> Iterator[Finding]:
    binding = sorted({bus for link in links for bus in link.bound.values()})
    for link in links:
        yield from _closed(link)
        yield from _mixed(link, binding)
        yield from _received(link, links)
    for i, link in enumerate(links):
        for other in links[i + 1 :]:
            yield from _alike(link, other, binding)


def _alone(link: Link) -> Iterator[Finding]:
    """What is bound in a row of no chain is an input of a message that the row itself receives, whose first carried field says of what."""
    for bus, columns in link.needed_by_bus():
        taken = [carried(link.table, m) for m in link.others if m.bus == bus and m.sign < 0]
        made = [[n for name, n in fields if stem(name) != stem(fields[0][0])] for fields in taken]
        if not any(nodes and all(not columns & ~link.reach([n]) for n in nodes) for nodes in made):
            yield _finding(link, link.others[0].number, f"nothing that is received on `{bus}` is made of what it is said to bind", columns)


def _closed(link: Link) -> Iterator[Finding]:
    """What others are told follows from the chain, from what is received and from what is bound."""
    if not link.chain:
        return
    solver = Solver(link.row, link.table.circuit.fixed, sum(1 << c for c in link.bound))
    for m in link.chain:
        solver.facts += [position(link.table, m), *(n for _, n in carried(link.table, m))]
    numbers = {m.number for m in link.chain}
    told = [goal for goal in link.rule.goals if goal[0] not in numbers]
    wanted = 0
    for _, node, _ in told:
        wanted |= link.row.support[node]
    solver.run(wanted)
    for number, node, what in told:
        if not solver.has(node):
            label = link.table.messages[number].text("label")
            text = f"`{what}` of `{label}` is neither carried by the chain nor determined by it"
            yield _finding(link, number, text, solver.unknown(node))


def _mixed(link: Link, binding: Sequence[str]) -> Iterator[Finding]:
    """The state that is taken and what is bound reach every element of what they are made into."""
    wanted = sum(1 << c for c in link.needed)
    for m in link.taken:
        for name, node in state(link.table, m):
            wanted |= link.row.support[node]
            if not link.row.support[node]:
                yield _finding(link, m.number, f"`{name}` of `{m.bus}` is not taken as it is given")
    for m, name, node in link.sinks(binding):
        missing = wanted & ~link.reach([node])
        if missing:
            yield _finding(link, m.number, f"`{name}` of `{m.bus}` is not made of all that is to be bound", missing)


def _received(link: Link, links: Sequence[Link]) -> Iterator[Finding]:
    """Where the chain of a row that says what nobody gave it ends, the message that binds is received."""
    ends = [other for other in links if not other.given and other.may_meet(link)]
    for bus, columns in link.needed_by_bus():
        bad = [other for other in ends if not any(m.sign < 0 for m in other.about(bus))]
        if bad or not ends:
            where = f"where its chain ends (`{bad[0].rule.label}`)" if bad else "by any row that ends its chain"
            number = next(m.number for m in (*link.chain, *link.others))
            yield _finding(link, number, f"what is bound by `{bus}` is said, and `{bus}` is not received {where}", columns)


def _alike(link: Link, other: Link, binding: Sequence[str]) -> Iterator[Finding]:
    """Rows of one chain tell others the same, but for the messages that bind, which stand where it ends."""
    if not link.may_meet(other):
        return
    a, b = (_told(x, () if bool(link.given) == bool(other.given) else binding) for x in (link, other))
    for number in sorted({n for n, _ in a ^ b})[:1]:
        text = f"`{link.table.messages[number].text('label')}` is not told by all rows of a chain (`{other.rule.label}`)"
        yield _finding(link, number, text)


def _told(link: Link, but: Sequence[str]) -> set[tuple[int, int]]:
    """The numbers of the other messages, and their signs."""
    left_out = {m.number for bus in but for m in link.about(bus)}
    return {(m.number, m.sign) for m in link.others if m.number not in left_out}


def _finding(link: Link, message: int, text: str, columns: int = 0) -> Finding:
    rule = link.rule
    names = tuple(link.table.column_name(c, rule.arm) for c in bits_of(columns))
    return Finding(link.table.name, rule.label, text, names, link.table.messages[message].loc.span, code=HANDED)
