"""Mutations of the circuits: one statement of the source deleted or one type widened, everywhere it is used."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache

from zkc.compiler.build import Compilation, circuits_directory, compile_program
from zkc.compiler.determinism import Finding, TableAudit, field_names
from zkc.compiler.faults import check_faults, check_fetch, check_services
from zkc.compiler.layout import lay_out
from zkc.compiler.table import TableBuilder
from zkc.dsl.syntax import Span

FILES = ("alu.circ", "memory.circ", "rv32i.circ", "services.circ", "paging.circ")


@cache
def compilation() -> Compilation:
    root = circuits_directory()
    return compile_program(sorted(root.glob("*.circ")), root)


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
        return " ".join(line.split(" because ")[0].split(' "')[0].split()).rstrip(";")

    def hits(self, builder: TableBuilder) -> set[str | None]:
        """The arms of a table that it changes."""
        return {x.arm for x in (*self._constraints(builder), *self._messages(builder))}

    def _constraints(self, builder: TableBuilder) -> list[object]:
        wanted = {"assert": False, "type": True}.get(self.kind)
        return [c for c in builder.constraints if c.span == self.span and not c.definition and (c.owner is not None) is wanted]  # type: ignore[misc]

    def _messages(self, builder: TableBuilder) -> list[object]:
        fixed = compilation().program.fixed
        wanted = {"lookup": False, "type": True}.get(self.kind)
        return [m for m in builder.messages if m.span == self.span and m.bus in fixed and (m.owner is not None) is wanted]  # type: ignore[misc]

    def apply(self, builder: TableBuilder) -> TableBuilder:
        """The table without what the statement says."""
        gone = {id(x) for x in (*self._constraints(builder), *self._messages(builder))}
        mutant = copy.copy(builder)
        mutant.constraints = [c for c in builder.constraints if id(c) not in gone]
        mutant.messages = [m for m in builder.messages if id(m) not in gone]
        return mutant


@cache
def tables() -> tuple[TableBuilder, ...]:
    c = compilation()
    return (*c.steps, *c.others)


@cache
def names() -> dict[str, list[str]]:
    return field_names(compilation().program)


def mutations() -> list[Mutation]:
    """Every assert, lookup and typed value of the files, in source order."""
    found: dict[Mutation, None] = {}
    for builder in tables():
        for c in builder.constraints:
            if c.span is not None and not c.definition and c.span.file.split("/")[-1] in FILES:
                found[Mutation("assert" if c.owner is None else "type", c.span)] = None
        for m in builder.messages:
            if m.span is not None and m.bus in compilation().program.fixed and m.span.file.split("/")[-1] in FILES:
                found[Mutation("lookup" if m.owner is None else "type", m.span)] = None
    return sorted(found, key=lambda m: (m.span.file, m.span.line, m.kind))


def row_audit(builder: TableBuilder) -> TableAudit:
    program = compilation().program
    buses = {n: i for i, n in enumerate([*program.buses, *program.fixed])}
    return TableAudit(program, lay_out(program, builder, buses), names())


def judge(mutation: Mutation) -> list[Finding]:
    """What the audit says about the first arm in which it notices the mutation."""
    c = compilation()
    changed = sorted((t for t in tables() if mutation.hits(t)), key=lambda t: len(t.poly.nodes))
    mutants = {t.name: row_audit(mutation.apply(t)) for t in changed}
    for builder in changed:
        arms, mutant = mutation.hits(builder), mutants[builder.name]
        if found := check_faults(mutant, arms) or (check_services(c, [mutant]) if builder.name in c.program.services else []):
            return found
        for arm in builder.arms if None in arms else arms:
            found = [f for f in mutant.run([arm]) if f.expected is None]
            if found:
                return found
        if not builder.arms:
            found = [f for f in mutant.run() if f.expected is None] or check_fetch(c.program, [mutant])
            if found:
                return found
    return []
