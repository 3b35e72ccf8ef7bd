"""Tables in their last stages, through the cache: an edit lowers again the tables that reach what was edited.

An entry is named by everything that a table can depend on: the text of each item that it reaches in the graph of symbols, the numbers of
the instructions among them, and the compiler. Nothing can be missing there, for the table is made from these items alone (`restricted`).
Places are part of what is kept, relative to the item that they are in: it may be moved, and comments around it may change. A table in
which something is wrong is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from zkc.compiler.elaboration.context import Functions
from zkc.compiler.errors import reporting
from zkc.compiler.importer.items import CLAIM, GUARDS, given_tables, step_tables
from zkc.compiler.importer.items import Item as Symbol
from zkc.compiler.ir import compact
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.pipeline import Lowered, Lowerings, assembled, facts_of, lower_table
from zkc.compiler.program import Program
from zkc.compiler.rows import elaborate_symbol, indices
from zkc.compiler.symbols import Places, items_of, reached, restricted, symbol_graph
from zkc.dsl.check import Typed
from zkc.runtime.kernels import cache, sources

KIND: Final = "tables"
Groups = list[list[Operation]]


def lower_program(program: Program, typed: Typed) -> Lowerings:
    """Everything in its last stages. Raises DiagnosticError with what was found in all tables."""
    return Incremental(program, typed).run()


class Incremental:
    """Makes symbol by symbol what there is not yet. functions: field functions that were needed so far."""

    def __init__(self, program: Program, typed: Typed) -> None:
        self.program = program
        self.graph = symbol_graph(program, typed)
        self.items = items_of(program)
        self.places = Places(self.items)
        self.functions = Functions()
        self.compiler = compiler_digest()

    def run(self) -> Lowerings:
        """See `lower_program`."""
        symbols = (step_tables(self.program), given_tables(self.program), [CLAIM])
        steps, others, claims = ([x for x in map(self._table, each) if x is not None] for each in symbols)
        guards = self._symbol(GUARDS, self._guards)
        self.program.check()
        assert guards is not None
        facts = facts_of(self.program, indices(self.program))
        return assembled(steps, others, claims[0], guards[0][0], self.functions.by_name, facts)

    def _table(self, symbol: Symbol) -> Lowered | None:
        groups = self._symbol(symbol, lambda program: self._lowered(program, symbol))
        if groups is None:
            return None
        (row,), (air,), steps, (fill,), decoded = groups
        return Lowered(row, air, steps, fill, decoded)

    def _lowered(self, program: Program, symbol: Symbol) -> Groups:
        table = elaborate_symbol(program, self.functions, symbol)
        facts = facts_of(program, indices(program))
        x = lower_table(table, facts)
        program.diagnostics += facts.diagnostics
        return [[x.row], [x.air], x.steps, [x.fill], x.decoded]

    def _guards(self, program: Program) -> Groups:
        facts = facts_of(program, indices(program))
        guards = LowerStep().guards(elaborate_symbol(program, self.functions, GUARDS), facts)
        program.diagnostics += facts.diagnostics
        return [[guards]]

    def _symbol(self, symbol: Symbol, make: Callable[[Program], Groups]) -> Groups | None:
        """What is kept of a symbol, or what is made of it; None if something is wrong with it."""
        symbols = reached(self.graph, symbol)
        name = self._name(symbol, symbols)
        kept = cache.load(KIND, name)
        if kept is not None:
            groups = compact.read(kept, self.places.absolute)
            for function in compact.called(groups):
                self._function(function)
            return groups
        before = len(self.program.diagnostics)
        groups = reporting(self.program.diagnostics, lambda: make(restricted(self.program, symbols)))
        if groups is not None and len(self.program.diagnostics) == before:
            cache.save(KIND, name, compact.write(groups, self.places.relative))
        return groups

    def _function(self, name: str) -> None:
        """A field function that a kept table calls."""
        if name not in self.functions.by_name:
            symbol = ("gadgets", name)
            groups = self._symbol(symbol, lambda program: [[elaborate_symbol(program, self.functions, symbol)]])
            assert groups is not None  # tables that call what is wrong are not kept
            self.functions.by_name[name] = groups[0][0]

    def _name(self, symbol: Symbol, symbols: set[Symbol]) -> str:
        h = hashlib.sha256(repr((self.compiler, symbol)).encode())
        for used in self.items:  # in the order of the text, which numbers of instructions and columns follow
            if used in symbols:
                h.update(repr((used, self.places.text_of(self.program.sources, used))).encode())
        h.update(repr([(e.name, e.op) for e in self.program.encodings.values() if ("families", e.family) in symbols]).encode())
        return h.hexdigest()[:32]


def compiler_digest() -> str:
    """A digest of the compiler and of the grammar."""
    grammar = Path(__file__).parents[1] / "dsl" / "grammar.lark"
    return sources.digest_of(__name__) + hashlib.sha256(grammar.read_bytes()).hexdigest()
