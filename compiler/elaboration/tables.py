"""From a module in the stage `circ` to rows: a table for each family, environment call and table, the claim, and what they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zkc.compiler.dialects import circ, row
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import Declared
from zkc.compiler.elaboration.decode import elaborate_decode
from zkc.compiler.elaboration.expressions import Scope
from zkc.compiler.elaboration.families import build_family, build_guards, build_service, integer_function
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.errors import reporting
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import OpDef, Operation, Region


@dataclass
class Rows:
    """Tables whose rows are steps, tables whose rows the runtime gives, the claim, and what chooses among environment calls."""

    steps: list[Operation]
    others: list[Operation]
    claims: list[Operation]
    guards: list[Operation]
    indices: dict[str, Operation]
    functions: Functions

    @property
    def tables(self) -> list[Operation]:
        return [*self.steps, *self.others]

    def module(self) -> Module:
        """All of it as one module."""
        return Module([*self.functions.by_name.values(), *self.indices.values(), *self.tables, *self.claims, *self.guards])


def inlined(declared: Declared) -> Rows:
    """Every table of the module that `declared` is of. What is wrong with some of them is reported there."""
    functions = Functions()
    made: dict[str, list[Operation]] = {}
    for definition, build in BUILDERS.items():
        for op in declared.of(definition).values():
            found = reporting(declared.diagnostics, lambda build=build, op=op: build(declared, functions, op))
            if found is not None:
                made.setdefault(str(found.attributes.get("kind")), []).append(found)
    return Rows(
        made.get("step", []), made.get("given", []), made.get("claim", []), made.get("guards", []),
        {op.text("sym_name"): op for op in made.get("None", [])}, functions,
    )  # fmt: skip


def elaborate_table(declared: Declared, functions: Functions, table: Operation) -> Operation:
    """A table whose rows the runtime gives or the clock asks for, or the claim."""
    if table.text("kind") == "step":
        return _ticking(declared, functions, table)
    e = Elaborator(declared, table.text("sym_name"), functions, rows_given=True)
    scope = Scope()
    for op in table.regions[0]:
        if op.definition is circ.DECODE:
            elaborate_decode(e, op, scope)
        else:
            e.evaluate(op, scope)
    return Operation(row.TABLE, (), {"sym_name": e.name, "kind": table.text("kind")}, (), (e.body,))


def _ticking(declared: Declared, functions: Functions, table: Operation) -> Operation:
    """A table whose rows are steps of one kind, of no instruction."""
    name = table.text("sym_name")
    e = Elaborator(declared, name, functions)
    e.selectors[name] = e.b.create(row.IS, (), {"arm": name}).result
    e.run(table.regions[0], Scope())
    arm = Region()
    e.b.nested(arm).create(row.YIELD, ())
    e.b.create(row.ARMS, (), {"names": (name,)}, results=(), regions=[arm])
    return Operation(row.TABLE, (), {"sym_name": name, "kind": "step"}, (), (e.body,))


Builder = Callable[[Declared, Functions, Operation], Operation]
BUILDERS: Final[Mapping[OpDef, Builder]] = {
    circ.FAMILY: build_family,
    circ.SERVICE: build_service,
    circ.TABLE: elaborate_table,
    circ.GUARDS: build_guards,
    circ.AT: integer_function,
}
"""What makes rows of a symbol."""
