"""E0510: rows that an honest run makes fit their equations, lookups and types, receive what memory holds, send what the executor does, and
put into the journal's sponge what the runtime does: else such a run has no proof.

Rows are tried, at random and at corners, so a row that does not fit may be missed; what is reported is true. An arm whose rows are hard to
come by is not tried. The host is the one that comes with zkc."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from zkc.compiler.audit.findings import HONEST, Finding
from zkc.compiler.audit.honest import Gaps, HonestRow, Host, Memory, Stops
from zkc.compiler.audit.journal import Journal
from zkc.compiler.audit.table import TableAudit
from zkc.compiler.clock import reach
from zkc.compiler.dialects import integer, row
from zkc.compiler.guards import Guards
from zkc.compiler.interpret import NoMeaning
from zkc.compiler.targets.ending import constant_address
from zkc.dsl.built_in import AT

EXTREMES: Final[tuple[int, ...]] = (0, 1, 0xFFFF, 0x1_0000, 0x1_0001, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF)
"""The first rows have each pair of these as the first words that they read."""
ROWS: Final = 128
"""Of each arm."""
MOST_WORK: Final = 1 << 18
"""Operations that are interpreted of an arm at most: a long one has fewer rows."""
TRIES: Final = 1000
ALONE: Final = 4
"""One instruction in so many is fetched for its step alone."""
TIMES: Final = 1 << 28
LONGEST_INPUT: Final = 1 << 17
"""In bytes."""
JOURNAL: Final = "put each byte of `perform journal(…)` into the buffer; a full one overwrites the rate, and the permuted capacity is kept"
"""What helps where the journal differs."""


def findings(table: TableAudit, arms: set[str] | None = None) -> Iterator[Finding]:
    """The first statement of each arm (of some arms only) that an honest row breaks."""
    for arm in table.arms if table.lowered.steps else ():
        if arms is None or arm in arms:
            yield from itertools.islice(_of_arm(table, arm), 1)


def _of_arm(table: TableAudit, arm: str) -> Iterator[Finding]:
    journal = _journal(table, arm)
    for honest, does in honest_rows(table, arm):
        for broken in filter(None, (*honest.broken, honest.differs(does))):
            text = f"`{broken.attributes.get('label', broken.name)}` does not hold in a row of an honest run"
            yield Finding(table.name, arm, text, (), broken.loc.span, code=HONEST)
        other = journal and journal.differs(honest)
        if other:
            text = f"`{other.attributes.get('label', other.name)}` leaves another journal than the runtime"
            yield Finding(table.name, arm, text, (), other.loc.span, code=HONEST, help=JOURNAL)


def _journal(table: TableAudit, arm: str) -> Journal | None:
    return Journal.of(table.circuit) if arm in table.circuit.program.services else None


def honest_rows(table: TableAudit, arm: str) -> Iterator[tuple[HonestRow, HonestRow]]:
    """Some rows of an arm, each with what the executor does; before an environment call the journal is one."""
    random, found, meant, journal = Random(f"{table.name} {arm}"), 0, _meant(table, arm), _journal(table, arm)
    pairs: list[Sequence[int]] = list(itertools.product(EXTREMES, repeat=2))
    gaps = [(where, most) for _, where, most in reach(table.lowered.row, table.circuit.facts) if most is not None]
    for tried in range(TRIES):
        try:
            known = random.choice(meant)
            words = journal.made_up(random, known) if journal else known
            made = _row(table, arm, random, words, pairs[tried] if tried < len(pairs) else (), gaps)
        except Stops:
            continue
        except NoMeaning:
            return
        if made is not None:
            yield made
            found += 1
        if found == rows_of(table):
            return


def rows_of(table: TableAudit) -> int:
    """How many rows of an arm are tried."""
    return min(ROWS, MOST_WORK // sum(1 for _ in table.lowered.row.regions[0].walk()))


def _row(
    table: TableAudit, arm: str, random: Random, words: Mapping[int, int], wanted: Sequence[int], gaps: Gaps
) -> tuple[HonestRow, HonestRow] | None:  # fmt: skip
    """A row and the step, None if the environment call is not meant. words: of memory, by address; the others are made up, first those
    that are wanted."""
    program = table.circuit.program
    service = program.services.get(arm)
    insn = program.encodings.get(service.on if service else arm)  # a step that the clock asks for has none
    clock, user_end = 4 * random.randrange(1, TIMES // 4), int(program.constants["user_end"])  # type: ignore[arg-type]
    memory = Memory(random, clock, user_end, words, wanted=list(wanted), gaps=gaps)
    address = 4 * random.randrange(user_end // 4)
    pc = user_end + clock if insn is not None and random.randrange(ALONE) == 0 else address
    given = {"clk": clock, "pc": pc, AT: address, "op": insn.op if insn else 0}
    if service is not None:
        guards = HonestRow(table.circuit, {}, memory)
        guards.run(table.circuit.guards.regions[0])
        if not guards.chosen[arm]:
            return None
    given |= _fields(table, given, random)
    host = Host(random.randbytes(random.choice((0, 3, 4, random.randrange(LONGEST_INPUT)))))
    honest = HonestRow(table.circuit, given, memory, arm, host)
    honest.run(table.lowered.row.regions[0])
    does = HonestRow(table.circuit, given, memory.again(), arm, host)
    does.run(next(f for f in table.lowered.steps if f.text("arm") == arm).regions[0])
    return honest, does


def _fields(table: TableAudit, given: Mapping[str, int], random: Random) -> dict[str, int]:
    """Fields of the instruction: a bound, a small multiple of four, or any number that it can be."""
    found: dict[str, int] = {}
    for op in (o for o in table.lowered.row.regions[0].walk() if o.definition is row.GIVEN and o.text("name") not in given):
        low, high = op.number("low"), op.number("high")
        found[op.text("name")] = random.choice((low, high, min(high, 4 * random.randrange(8)), random.randint(low, high)))
    return found


def _meant(table: TableAudit, arm: str) -> list[dict[int, int]]:
    """For each way in which the arm can be meant, the words at known addresses that an environment call asks for."""
    if arm not in table.circuit.program.services:
        return [{}]
    known = Guards(table.circuit.guards)
    return [
        {a: n for kind, value, n in facts if kind is integer.EQ and (a := constant_address(value)) is not None}
        for facts in known.alternatives(known.conditions[arm])
    ]
