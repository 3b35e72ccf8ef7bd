"""From a checked program to rows, by way of the stage `circ`: all of it, or one table with what it is made of."""

from __future__ import annotations

from collections.abc import Iterable

from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import Declared
from zkc.compiler.elaboration.families import integer_function
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.tables import BUILDERS, Rows, inlined
from zkc.compiler.importer.items import Importer, Item, constants, import_program
from zkc.compiler.ir.operation import Operation
from zkc.compiler.program import Program


def elaborate(program: Program) -> Rows:
    """Every table of a program. Raises DiagnosticError with what was found in all of them."""
    rows = inlined(_declared(program, import_program(program)))
    program.check()
    return rows


def elaborate_symbol(program: Program, functions: Functions, item: Item) -> Operation:
    """The rows of a table, or of the claim; the conditions of environment calls; a gadget as a function in the field."""
    if item[0] == "gadgets":
        return Elaborator(gadgets_of(program), item[1], functions).function(item[1])
    importer = Importer(program)
    body = importer.body(item)
    return BUILDERS[body.definition](_declared(program, [*importer.used(), body]), functions, body)


def gadgets_of(program: Program) -> Declared:
    """The gadgets of a program, with what they name: enough to call them."""
    return _declared(program, Importer(program).used())


def indices(program: Program) -> dict[str, Operation]:
    """Which row of a fixed table arguments are, for those that say it."""
    declared = _declared(program, constants(program))
    return {op.text("sym_name"): integer_function(declared, Functions(), op) for op in Importer(program).rows()}


def _declared(program: Program, operations: Iterable[Operation]) -> Declared:
    """What operations declare; it reports where the program does."""
    return Declared(operations, program.diagnostics, program.sources)
