"""Mutations of the text: an operand of a sum is dropped, and executor, witness and constraints are made of what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any

import networkx as nx

from tests.determinism.mutations import circuit, compilation, table_named
from tests.functional.all_claims import claims
from tests.functional.test_decode import Decoding
from tests.functional.test_services import verdicts
from zkc.compiler.audit import kept
from zkc.compiler.audit.fixed import FixedTables
from zkc.compiler.audit.rules import honest, segment
from zkc.compiler.audit.run import rows_of, stops_of
from zkc.compiler.audit.table import Circuit, TableAudit
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.front import checked
from zkc.compiler.importer.items import CLAIM, GUARDS, Item, given_tables, step_tables
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.pipeline import Lowered, Lowerings, facts_of, lower_table
from zkc.compiler.rows import elaborate_symbol, indices
from zkc.compiler.symbols import items_of, reached, symbol_graph
from zkc.compiler.targets.fixed import check_places
from zkc.dsl import syntax as s
from zkc.dsl.check import Typed
from zkc.dsl.check.statements import TERM, Saying
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import parse_files
from zkc.dsl.spans import Span
from zkc.dsl.types import Struct
from zkc.inline_tests import Runner

MOST_HONEST, MOST = 8, 3
"""Step tables that are tried with honest rows, and with every rule: the smallest that the mutant touches."""
FORMATS = ("add", "addi", "sw", "beq", "lui", "jal", "slli")
"""An instruction of each format."""


@dataclass(frozen=True)
class Term:
    """`side`: the operand of the sum or difference at `span` that is dropped, `left` or `right`."""

    span: Span
    side: str

    @property
    def name(self) -> str:
        return f"{self.text}:{self.span.line}:{self.span.column}"

    @property
    def text(self) -> str:
        """Its name without the line, which changes with what stands above."""
        at = self.span
        lines = compilation().program.sources[at.file].splitlines()[at.line - 1 : at.end_line]
        lines[-1] = lines[-1][: at.end_column - 1]
        text = " ".join([lines[0][at.column - 1 :], *lines[1:]])
        return f"{self.side} of {' '.join(text.split())} at {at.file.split('/')[-1]}"

    def is_said(self, said: s.Survives) -> bool:
        """Whether it is what is said to survive."""
        _, node = sums()[self.span]
        dropped = node.left if self.side == "left" else node.right
        return said.kind == TERM and said in said_of_terms().get(self.span, ()) and (said.of is None or s.alike(said.of, dropped))

    @property
    def survives(self) -> bool:
        """Whether its statement says so."""
        return any(map(self.is_said, said_of_terms().get(self.span, ())))


@cache
def source() -> tuple[list[s.Item], dict[str, str]]:
    root = circuits_directory()
    return parse_files(circuit_files(root), root)


@cache
def types() -> Typed:
    return checked(*source())[1]


def declared() -> list[s.Item]:
    """All items but tests."""
    return [item for item in source()[0] if not isinstance(item, s.Test | s.StepTest)]


@cache
def sums() -> dict[Span, tuple[s.Item, s.Binary]]:
    """Every sum and difference, and the item that it is in, in the order of the text."""
    return {n.span: (item, n) for item in declared() for n in s.terms_of(item)}


@cache
def said_of_terms() -> dict[Span, tuple[s.Survives, ...]]:
    """What the statements say that sums are in."""
    statements = [n for item in declared() for n in s.walk(item) if isinstance(n, Saying) and n.survives]
    return {n.span: stmt.survives for stmt in statements for n in s.terms_of(stmt)}


def terms() -> list[Term]:
    """All mutants."""
    return [Term(span, side) for span in sums() for side in ("left", "right")]


def rest(term: Term) -> s.Expr:
    """What is left of the sum."""
    _, node = sums()[term.span]
    if term.side == "right":
        return node.left
    if node.op == "+":
        return node.right
    if not _is_word(node.left):
        return s.Unary(node.span, "-", node.right)
    zero = s.Number(node.span, 0)
    return replace(node, left=s.Call(node.span, "u32", (), (("lo", zero), ("hi", zero))))


def _is_word(node: s.Expr) -> bool:
    try:
        return isinstance(types().type_of(node), Struct)
    except KeyError:  # a constant
        return False


def replaced(node: Any, old: s.Node, new: s.Node) -> Any:
    """A part of the tree with one node replaced. A statement that is changed says nothing about its terms any more."""
    if node is old:
        return new
    if isinstance(node, tuple):
        made = tuple(replaced(x, old, new) for x in node)
        return made if any(a is not b for a, b in zip(made, node, strict=True)) else node
    if not is_dataclass(node) or isinstance(node, Span):
        return node
    parts = {f.name: getattr(node, f.name) for f in fields(node)}
    changed = {name: made for name, part in parts.items() if (made := replaced(part, old, new)) is not part}
    said = {"survives": ()} if changed and "survives" in parts else {}
    return replace(node, **changed | said) if changed else node


class Mutant:
    """The program with a term dropped. touched: the tables that are made of it, the smallest first. DiagnosticError if it is refused."""

    def __init__(self, term: Term) -> None:
        items, texts = source()
        item, node = sums()[term.span]
        changed = replaced(item, node, rest(term))
        self.program, typed = checked([changed if x is item else x for x in items], texts)
        self.graph = graph = symbol_graph(self.program, typed)
        self.symbol = symbol = next(name for name, x in items_of(self.program).items() if x is changed)
        self.functions = Functions()
        self.facts = facts_of(self.program, indices(self.program))
        self._check_fixed_tables()
        x = compilation().lowered
        sizes = {t.name: len(t.air.regions[0]) for t in (*x.tables, x.claim)}
        steps = [t for t in step_tables(self.program) if symbol in {t, *nx.descendants(graph, t)}]
        self.steps = sorted(steps, key=lambda t: sizes[t[1]])
        self.given = [t for t in (*given_tables(self.program), CLAIM) if symbol in reached(graph, t)]
        self.circuit = self._circuit(circuit(), guards=symbol in reached(graph, GUARDS))

    def _check_fixed_tables(self) -> None:
        for name, index in self.facts.indices.items():
            if self.symbol in reached(self.graph, ("fixed", name)):
                check_places(self.program, self.program.fixed[name], index)
        self.program.check()

    def _circuit(self, c: Circuit, *, guards: bool) -> Circuit:
        mutated = LowerStep().guards(elaborate_symbol(self.program, self.functions, GUARDS), self.facts) if guards else c.guards
        fixed = FixedTables(self.program) if self.symbol[0] in {"fixed", "constant_items"} else c.fixed
        return Circuit(self.program, self.facts, mutated, {**c.functions, **self.functions.by_name}, fixed, c.fields)

    def fails(self) -> bool:
        """Whether a test in the circuits does, of those that call what is changed."""
        runner = Runner(self.program)
        checks = [c for test in self.program.tests for c in test.checks if self.symbol in reached(self.graph, ("gadgets", c.call.name))]
        return any(map(runner.run, checks))

    def lowered(self, tables: Sequence[Item]) -> Iterator[Lowered]:
        """Tables in their last stages, made when they are asked for."""
        for table in tables:
            yield lower_table(elaborate_symbol(self.program, self.functions, table), self.facts)
            self.program.diagnostics += self.facts.diagnostics
            self.program.check()

    def with_given(self, made: Sequence[Lowered]) -> Lowerings:
        """All tables, those that the mutant touches among them."""
        x, own = compilation().lowered, {t.name: t for t in made}
        others = [own.get(t.name, t) for t in x.others]
        return replace(
            x, steps=[own.get(t.name, t) for t in x.steps], others=others, claim=own.get(x.claim.name, x.claim), facts=self.facts,
            guards=self.circuit.guards, functions=dict(self.circuit.functions), decoded=[op for t in others for op in t.decoded],
        )  # fmt: skip


def judge(term: Term) -> str | None:
    """Who notices: `compiler`, `audit`, `tests` in the circuits, or `proofs` of what instructions, calls and words mean. None if nobody
    does."""
    try:
        mutant = Mutant(term)
        steps: list[TableAudit] = []
        for table in (TableAudit(mutant.circuit, lowered) for lowered in mutant.lowered(mutant.steps)):
            if kept.content(TableAudit(replace(mutant.circuit, guards=circuit().guards), table.lowered)) != content(table.name):
                steps.append(table)
                if any(honest.findings(table)):
                    return "audit"
            if len(steps) == MOST_HONEST:
                break
        given = list(mutant.lowered(mutant.given))
    except DiagnosticError:
        return "compiler"
    if given and any(segment.findings(mutant.circuit, mutant.with_given([*(t.lowered for t in steps), *given]))):
        return "audit"
    tables = [*steps[:MOST], *(TableAudit(mutant.circuit, t) for t in given if t.name != CLAIM[1])]
    if any(f.expected is None for t in tables for rule in (stops_of, rows_of) for f in rule(t)):
        return "audit"
    if mutant.fails():
        return "tests"
    names = [arm for t in steps[:MOST] for arm in t.arms if arm in t.circuit.program.encodings]
    return "proofs" if any(not is_proven(t, names or FORMATS) for t in tables) else None


@cache
def content(table: str) -> str:
    """Of a table that is not changed."""
    return kept.content(TableAudit(circuit(), table_named(table)))


def is_proven(table: TableAudit, decoded: Sequence[str]) -> bool:
    """Whether the rows of a table do what they should, as far as `tests/functional` says it; of decode rows, those of some instructions."""
    try:
        if table.name in table.circuit.program.services:
            return all(holds for _, holds in verdicts(table))
        if table.name == "decode":
            return all(holds for name in decoded for _, holds in Decoding(table).verdicts(name))
        return all(holds for arm in table.arms for _, holds in claims(table, arm))
    except (AssertionError, LookupError, RuntimeError, StopIteration, ValueError):
        return False  # the row lacks what every row has
