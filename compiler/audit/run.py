"""All rules over all tables."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from zkc.compiler.audit import kept
from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.rules import (
    alone,
    apart,
    begins,
    bound,
    chains,
    claims,
    clock,
    codes,
    faults,
    fetch,
    fractions,
    handing,
    honest,
    idle,
    inputs,
    loads,
    memory,
    modes,
    segment,
    services,
    slots,
)
from zkc.compiler.audit.rules.determinism import Determinism
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.compiler.clock import clock_of, first_of
from zkc.compiler.compilation import Compilation, compile_program
from zkc.compiler.extensions import Extensions
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.dsl.diagnostics import Diagnostic
from zkc.runtime.errors import InputError

Progress = Callable[[str, int, int], object]
"""Called with "audit", how many tables are done, and how many there are."""


def rows_of(table: TableAudit, arms: set[str] | None = None) -> list[Finding]:
    """What a row of a table (of some arms only) leaves to the prover."""
    return list(dict.fromkeys(_rows(table, arms)))


def _rows(table: TableAudit, arms: set[str] | None) -> Iterator[Finding]:
    yield from modes.findings(table)
    rules: list[Determinism] = []
    for label, arm, row in table.rows(arms):
        if row.impossible:
            continue
        rule = Determinism(table, label, arm, row)
        yield from rule.findings()
        if row.impossible:
            continue
        rules.append(rule)
        yield from handing.findings(table, label, row)
        yield from idle.findings(table, label, arm, row)
        yield from chains.findings(table, label, arm, row)
        yield from memory.findings(table, label, row, rule.solver)
        yield from fractions.findings(table, label, arm, row, rule.solver)
    yield from bound.findings(table, rules)
    yield from begins.findings(table, rules)


def stops_of(table: TableAudit, arms: set[str] | None = None) -> list[Finding]:
    """Rows of a table (of some arms only) that fit where the executor stops, or does something else; a circuit without steps has none."""
    if not table.circuit.program.has_steps:
        return []
    of_steps = [f for rule in (honest, faults, slots, inputs, loads, alone) for f in rule.findings(table, arms)]
    return [*of_steps, *services.findings(table), *fetch.findings(table)]


def audited(table: TableAudit) -> list[Finding]:
    """Everything that a table leaves to the prover; nothing is worked out for one whose like was found sound."""
    found = kept.load(table)
    if found is None:
        found = rows_of(table) + stops_of(table)
        kept.save(table, found)
    return found


def quick(compilation: Compilation) -> list[Finding]:
    """What the rules that need no solver find: less than a second, so `zkc compile` asks them. A table without mistakes is kept."""
    circuit = circuit_of(compilation)
    tables = [TableAudit(circuit, x) for x in compilation.lowered.tables]
    found = [*codes.findings(compilation.program), *apart.findings([t for t in tables if not t.lowered.steps])]
    if compilation.program.has_steps:
        found += clock.findings(tables, first_of(compilation.program, compilation.lowered))
        found += alone.lasting(tables)
    for table in tables:
        name = kept.content(table)
        if not kept.is_quick(name):
            here = [f for f in _quick(table) if f.expected is None]
            found += here
            if not here:
                kept.save_quick(name)
    return [f for f in found if f.expected is None]


def _quick(table: TableAudit) -> Iterator[Finding]:
    yield from modes.findings(table)
    for label, arm, row in table.rows(None):
        if not row.impossible:
            yield from handing.findings(table, label, row)
            yield from idle.findings(table, label, arm, row)
            yield from chains.findings(table, label, arm, row)
    yield from inputs.findings(table, None)


def segment_of(compilation: Compilation) -> list[Finding]:
    """Rows of a small honest segment that do not fit; nothing is worked out where they were found to."""
    circuit, lowered = circuit_of(compilation), compilation.lowered
    if kept.is_honest(circuit, lowered):
        return []
    found = list(segment.findings(circuit, lowered))
    if not found:
        kept.save_honest(circuit, lowered)
    return found


def circuit_of(compilation: Compilation) -> Circuit:
    """What rules ask about a program."""
    lowered = compilation.lowered
    return Circuit.of(compilation.program, lowered.facts, lowered.guards, lowered.functions)


def audit(compilation: Compilation, tables: Iterable[str] = (), progress: Progress = lambda *_: None) -> list[Finding]:
    """What a program leaves to the prover, in `tables` only if there are any: then no segment is tried. Findings with `expected` are meant.

    Raises InputError for names of no table.
    """
    circuit, names, claim = circuit_of(compilation), set(tables), compilation.lowered.claim
    wanted = chosen(compilation.lowered, names)
    found: list[Finding] = list(codes.findings(compilation.program))
    found += apart.findings([TableAudit(circuit, x) for x in wanted if x is not claim and not x.steps])
    whole = not names and compilation.program.has_steps
    if whole:
        every = [TableAudit(circuit, x) for x in compilation.lowered.tables]
        found += clock.findings(every, clock_of(compilation.program, compilation.lowered).first)
        found += alone.lasting(every)
    for i, lowered in enumerate(wanted):
        progress("audit", i, len(wanted))
        table = TableAudit(circuit, lowered)
        found += claims.findings(table) if lowered is claim else audited(table)
    found += segment_of(compilation) if whole else []
    progress("audit", len(wanted), len(wanted))
    return found


def chosen(lowered: Lowerings, tables: Iterable[str]) -> list[Lowered]:
    """The tables with these names, the claim among them; all if there are no names. Raises InputError for names of none."""
    every, names = {x.name: x for x in (*lowered.tables, lowered.claim)}, set(tables)
    for name in sorted(names - set(every)):
        near = difflib.get_close_matches(name, every, 3)
        hint = f"near: {', '.join(near)}" if near else f"there are {', '.join(every)}"
        raise InputError(f"there is no table `{name}`", hint=hint)
    return [x for x in every.values() if not names or x.name in names]


def mistakes(
    directory: Path | None = None, progress: Progress = lambda *_: None, tables: Iterable[str] = (), extensions: Extensions = ()
) -> list[Diagnostic]:
    """What a folder of circuits (some tables only) leaves to the prover without meaning to, as diagnostics; empty for a sound machine."""
    root = directory or circuits_directory()
    found = audit(compile_program(circuit_files(root, extensions), root), tables, progress)
    return [f.diagnostic() for f in found if f.expected is None]
