"""inline: from the stage `circ` to `row`. A call becomes the body of its gadget, a loop its rounds, a struct or an array its elements; a
frame goes around the bodies that stand in it, and words of instructions are taken apart as their formats say.

    "circ.table"() ({                                        "row.table"() ({
      %0 = "circ.input"() {name = "x", type = "u8"}            %0 = "row.given"() {name = "x", …}
      %1 = "circ.call"(%0) {callee = @square}        becomes   %1 = "row.column"(%0) {name = "x", type = "u8", …}
      …                                                        "row.range"(%1) {type = "u8", …}
    }) {sym_name = "t", kind = "given"}                        %2 = "felt.mul"(%1, %1)
                                                               …
                                                             }) {sym_name = "t", kind = "given"}

What is made of a gadget knows the calls that lead to it: its location is one of call sites. Operands of a frame are evaluated if bodies
get them, in the order of the frame. A gadget whose output has no integer is kept as a function in the field, too (`felt.func`), if its
arguments have integers. Declarations that rows do not name go away: structs, constants, operators, formats, gadgets and frames.

Without this pass a module of the stage `circ` stays as it is, and other passes leave it alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.elaboration.declared import Declared
from zkc.compiler.elaboration.tables import inlined
from zkc.compiler.ir.module import Module
from zkc.compiler.passes.declarations import declarations
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class Inline:
    """See above."""

    name = "inline"

    def run(self, module: Module, facts: Facts) -> Module:
        """The module in the stage `row`. What is wrong is reported, and then the module is what it was."""
        rows = inlined(Declared(module, facts.diagnostics, {}))
        if facts.diagnostics:
            return module
        others = [op for op in module if op.definition.name.partition(".")[0] != "circ"]
        return module.replaced([*declarations(facts), *rows.module(), *others])


