"""Mutations of the circuits: one statement of the source deleted or changed, everywhere it is used, in the stage `row`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.run import circuit_of, rows_of, stops_of
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.compiler.compilation import Compilation, compile_program
from zkc.compiler.dialects import bus, row
from zkc.compiler.ir.operation import Operation, Region
from zkc.compiler.machines import circuits_directory
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.pipeline import Lowered, air_of
from zkc.dsl import syntax as s
from zkc.dsl.check.statements import Saying
from zkc.dsl.spans import Span

FILES = ("alu.circ", "cpu.circ", "memory.circ", "rv32i.circ", "services.circ", "paging.circ")
Change = Callable[[Operation], Sequence[Operation]]
"""What stands in the place of an operation."""


@cache
def compilation() -> Compilation:
    root = circuits_directory()
    return compile_program(sorted(root.glob("*.circ")), root)


@cache
def circuit() -> Circuit:
    return circuit_of(compilation())


def tables() -> list[Lowered]:
    return compilation().lowered.tables


def table_named(name: str) -> Lowered:
    return next(t for t in tables() if t.name == name)


@contextmanager
def mutated(table: Lowered, change: Change) -> Generator[TableAudit]:
    """The table with its operations changed, and the executor with it."""
    with _changed(table.row.regions[0], change):
        facts = circuit().facts
        yield TableAudit(circuit(), Lowered(table.row, air_of(table.row, facts), LowerStep().run(table.row, facts), None))


def mutant(table: Lowered, change: Change) -> TableAudit:
    """The same, with only the polynomials changed afterwards."""
    with mutated(table, change) as changed:
        return changed


@cache
def statements() -> dict[Span, Saying]:
    """The statements that say of some change that it survives."""
    p = compilation().program
    nodes = s.walk((*p.gadgets.values(), *p.frames.values(), *p.families.values(), *p.services.values(), *p.tables.values(), p.claim))
    return {n.span: n for n in nodes if isinstance(n, Saying) and n.survives}


def all_said() -> list[s.Survives]:
    """All changes that are said to survive."""
    return [said for stmt in statements().values() for said in stmt.survives]


def said_of(span: Span) -> tuple[s.Survives, ...]:
    """Those of the statement at a place."""
    return statements()[span].survives if span in statements() else ()


@contextmanager
def _changed(region: Region, change: Change) -> Generator[None]:
    before = {inner: inner.operations for inner in (region, *(r for op in region.walk() for r in op.regions))}
    for inner, operations in before.items():
        inner.operations = [new for op in operations for new in change(op)]
    try:
        yield
    finally:
        for inner, operations in before.items():
            inner.operations = operations


@dataclass(frozen=True)
class Mutation:
    """`kind`: an assert, a lookup or a type is deleted (a type becomes `felt`)."""

    kind: str
    span: Span

    @property
    def name(self) -> str:
        return f"{self.span.file.split('/')[-1]}: {'type of ' if self.kind == 'type' else ''}{self.text}"

    @property
    def text(self) -> str:
        """The statement as it stands in the source, without what explains it."""
        lines = compilation().program.sources[self.span.file].splitlines()
        line = lines[self.span.line - 1][self.span.column - 1 :]
        return " ".join(line.split(" because ")[0].split(" free ")[0].split(" survives ")[0].split(' "')[0].split()).rstrip(";")

    def is_said(self, said: s.Survives) -> bool:
        """Whether it is what is said to survive."""
        return said.kind == "delete" and said in said_of(self.span)

    @property
    def survives(self) -> bool:
        """Whether its statement says so."""
        return any(map(self.is_said, said_of(self.span)))

    def hits(self, op: Operation) -> bool:
        return kind_of(op) == self.kind and op.loc.span == self.span

    def arms(self, table: Lowered) -> set[str | None]:
        """The arms of a table that it changes; None stands for all."""
        return {arm for arm, op in operations(table) if self.hits(op)}

    def of(self, op: Operation) -> Sequence[Operation]:
        """What stands in the place of an operation."""
        return () if self.hits(op) else (op,)


def operations(table: Lowered) -> list[tuple[str | None, Operation]]:
    """The operations of a row, each with its arm; None for what all rows share."""
    found: list[tuple[str | None, Operation]] = []
    for op in table.row.regions[0]:
        found.append((None, op))
        for arm, region in zip(op.names("names") if op.regions else (), op.regions, strict=True):
            found += [(arm, inner) for inner in region]
    return found


def kind_of(op: Operation) -> str | None:
    """What kind of statement an operation comes from."""
    if op.definition is row.ASSERT:
        return "type" if op.flag("checks") else "assert"
    if op.definition is bus.LOOKUP:
        return "type" if op.flag("checks") else "lookup"
    return None


def mutations() -> list[Mutation]:
    """Every assert, lookup and typed value of the files, in source order."""
    found: dict[Mutation, None] = {}
    for table in tables():
        for _, op in operations(table):
            kind = kind_of(op)
            if kind is not None and op.loc.span is not None and op.loc.span.file.split("/")[-1] in FILES:
                found[Mutation(kind, op.loc.span)] = None
    return sorted(found, key=lambda m: (m.span.file, m.span.line, m.kind))


def judge(mutation: Mutation) -> list[Finding]:
    """What the audit says about the first arm in which it notices the mutation."""
    for table in sorted((t for t in tables() if mutation.arms(t)), key=lambda t: len(t.air.regions[0])):
        arms = mutation.arms(table)
        with mutated(table, mutation.of) as mutant:
            if found := judged(mutant, arms):
                return found
    return []


def judged(table: TableAudit, arms: set[str | None]) -> list[Finding]:
    """What the audit says about a table that is changed in some arms (None: all)."""
    some = {a for a in table.arms if a in arms or None in arms}
    if found := stops_of(table, some):
        return found
    for each in [{a} for a in sorted(some)] if table.arms else [None]:
        if found := [f for f in rows_of(table, each) if f.expected is None]:
            return found
    return []
