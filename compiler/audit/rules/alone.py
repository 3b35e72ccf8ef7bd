"""E0509: an instruction that is said to stand at a pc beyond all code is said of one step, which nothing else can be.

A row says that for the step that it is made around. It takes a step's clock and pc and gives the next clock with a pc that is made of this
clock; one step later it takes what that step gave, and gives the step after that. All steps last the same, so there is one at each time:
that at the pc is none of those that know of no instruction, for their pcs are those of code, and no two rows of this kind speak of one
time. So it is an instruction, and the row says it once. The word is taken and given when the first of the three steps begins, and nothing
else happens until the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from zkc.compiler.audit.findings import HANDED, Finding
from zkc.compiler.audit.row import Row
from zkc.compiler.audit.rules.handed import Message, messages, position, same
from zkc.compiler.audit.rules.order import LONGEST_GAP, constant_difference
from zkc.compiler.audit.step import Step, refuted
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.dsl import syntax as s

HELP: Final = "give the step a pc of its clock and a number, take what it gives, and let all that knows of no instruction be at pcs of code"


@dataclass(frozen=True)
class Alone:
    """What surrounds one step: taken before it and given to it, taken from it and given after it, and what is said of it."""

    before: Message
    to: Message
    back: Message
    after: Message
    said: Message


def alone(table: TableAudit, row: Row) -> Alone | None:
    """The step that a row is made around, if it is made around one. How long steps last is one number."""
    facts = table.circuit.facts
    here, state, program = messages(table, row), facts.steps(), facts.instructions()
    taken, given = ([m for m in here if m.bus == state and m.sign == sign] for sign in (-1, 1))
    said = [m for m in here if m.bus == program and m.sign == 1]
    if state is None or program is None or len(said) != 1 or len(taken) != 2 or len(given) != 2 or any(m.sign == 0 for m in here):
        return None
    at = said[0].args[table.circuit.place(program, str(facts.buses[program].known))]
    for to in given:
        clock, (after,) = position(table, to), [m for m in given if m is not to]
        begin = {constant_difference(row, clock, position(table, m)): m for m in taken}
        slots = max((d for d in begin if d is not None), default=0)
        back = begin.get(-slots)
        later = constant_difference(row, position(table, after), clock)
        beyond = constant_difference(row, at, clock)
        end = table.circuit.program.constants["user_end"]
        fits = slots > 0 and back is not None and later == 2 * slots and beyond is not None and end <= beyond <= LONGEST_GAP  # type: ignore[operator]
        if fits and back is not None and same(row, at, pc_of(table, to)):
            return Alone(begin[slots], to, back, after, said[0])
    return None


def pc_of(table: TableAudit, message: Message) -> int:
    """Where a step is: what its bus has beside the clock."""
    (other,) = (n for i, n in enumerate(message.args) if i != _clock_place(table, message.bus))
    return other


def _clock_place(table: TableAudit, bus: str) -> int:
    return table.circuit.place(bus, str(table.circuit.facts.buses[bus].clock))


def tables_around(circuit: Circuit) -> list[str]:
    """The tables that say what instructions are, and take steps and give them on."""
    state, said = circuit.facts.steps(), circuit.facts.instructions()
    found: list[str] = []
    for name, table in circuit.program.tables.items():
        here = {(node.direction, node.bus) for node in s.walk(table) if isinstance(node, s.MessageStmt)}
        if here >= {("recv", state), ("send", said)}:
            found.append(name)
    return found


def lasting(tables: Sequence[TableAudit]) -> Iterator[Finding]:
    """Steps that do not last the same, where there are rows around steps."""
    around = tables_around(tables[0].circuit)
    found = {d for t in tables if around and t.has_steps() for _, _, row in t.rows() for d in _lasting(t, row)}
    if len(found) > 1:
        text = f"steps do not all last the same: {', '.join(map(str, sorted(found)))}"
        yield Finding(around[0], "", text, (), tables[0].circuit.program.place_of(around[0]), code=HANDED, help=HELP)


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """Steps of a table (of some arms only) that may be in the place of one that a row is made around."""
    if tables_around(table.circuit):
        for arm in table.arms or [None]:
            if arms is None or arm is None or arm in arms:
                yield from _of_no_instruction(table, arm)


def _lasting(table: TableAudit, row: Row) -> Iterator[int]:
    """How long the steps of a row last."""
    state = table.circuit.facts.steps()
    here = [m for m in messages(table, row) if m.bus == state]
    found = alone(table, row)
    pairs = [(found.before, found.to), (found.back, found.after)] if found else [(t, g) for t in here for g in here if t.sign < 0 < g.sign]
    for taken, given in pairs:
        difference = constant_difference(row, position(table, given), position(table, taken))
        if difference is not None:
            yield difference


def _of_no_instruction(table: TableAudit, arm: str | None) -> Iterator[Finding]:
    """Steps of no instruction that may be elsewhere than at code."""
    program, state = table.circuit.facts.instructions(), table.circuit.facts.steps()
    end = table.circuit.program.constants["user_end"]
    at = Step(table, arm)
    here = messages(table, at.row)
    for taken in (m for m in here if m.bus == state and table.messages[m.number].number("sign") < 0):
        if any(m.bus == program and m.sign < 0 and same(at.row, _known(table, m), pc_of(table, taken)) for m in here):
            continue
        if _ends(table, at.row, here, taken) or _is_back(table, taken):
            continue
        times = next(t for i, t, _ in at.row.messages if i == taken.number)
        pc = pc_of(table, taken)
        if not refuted(at, lambda q, pc=pc, times=times: q.query.all([q.residue(times) != 0, q.residue(pc) >= end])):
            text, span = "a step of no instruction may be where one is fetched alone", table.messages[taken.number].loc.span
            yield Finding(table.name, arm or "", text, (), span, code=HANDED, help=HELP)


def _known(table: TableAudit, message: Message) -> int:
    return message.args[table.circuit.place(message.bus, str(table.circuit.facts.buses[message.bus].known))]


def _ends(table: TableAudit, row: Row, here: Sequence[Message], taken: Message) -> bool:
    """Whether a run ends with what is taken: nothing is given at a time after it."""
    given = [m for m in here if m.bus == taken.bus and table.messages[m.number].number("sign") > 0]
    return all(constant_difference(row, position(table, m), position(table, taken)) is None for m in given)


def _is_back(table: TableAudit, taken: Message) -> bool:
    """Whether in all rows it is what the step gives that the row is made around."""
    rows = [row for _, _, row in table.rows() if any(i == taken.number for i, _, _ in row.messages)]
    return all((found := alone(table, row)) is not None and found.back.number == taken.number for row in rows)
