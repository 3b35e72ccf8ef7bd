"""lower-decode: how an executor decodes a word, from the table that says what words mean.

    table decode { … send program(pc, insn.op, …) }       becomes, for each instruction,
                                                          "step.decode"() ({ "step.field"(%rd) {name = "rd"} … }) {insn = "add"}

The fields are what the table sends on the bus that says what instructions are when the selector of that instruction is 1 and the others
are 0, as integers of the word. How they are packed into 64 bits follows from their ranges (see packing.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from zkc.compiler.dialects import bus, integer, step
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Attribute, Operation, Region, Value
from zkc.compiler.ir.rewrite import copy
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.flatten import Flat, closed
from zkc.dsl.built_in import AT


@dataclass(frozen=True)
class LowerDecode:
    """See above."""

    name = "lower-decode"

    def run(self, table: Operation, facts: Facts) -> list[Operation]:
        """What each instruction's word is decoded to; nothing for a table that decodes no words."""
        if not any("insn" in op.attributes for op in table.regions[0]):
            return []
        decoding = _Decoding(table, facts)
        return [decoding.of(insn) for insn in decoding.selectors]


class _Decoding:
    """The fields as integers of the word and of the selectors."""

    def __init__(self, table: Operation, facts: Facts) -> None:
        self.loc, self.table = table.loc, table.text("sym_name")
        self.selectors: dict[str, Value] = {}
        fields: dict[str, Value] = {}
        flat = Flat(facts, None)
        for op in flat.walk(table.regions[0]):
            if "insn" in op.attributes:
                self.selectors[op.text("insn")] = flat.integer(op.result, op.loc)
            elif op.definition is bus.SEND and (said := facts.buses[op.text("bus")]).number is not None:
                if fields:
                    facts.report("E0212", f"what a word says is sent on `{op.text('bus')}` once, and was before", op.loc)
                fields = flat.fields(op, said, (said.known, said.number, AT))  # what the executor knows without decoding
        self.fields = {name: flat.b.create(step.FIELD, (value,), {"name": name}) for name, value in fields.items()}
        self.body = closed(list(self.fields.values()))

    def of(self, insn: str) -> Operation:
        """The fields when the word is that instruction."""
        body = Region()
        b = Builder(body)
        values: dict[Value, Value] = {v: integer.constant(b, int(name == insn)) for name, v in self.selectors.items()}
        roots: list[Operation] = []
        for op in self.body:
            if op.definition is step.FIELD:
                roots.append(b.create(step.FIELD, [values[v] for v in op.operands], op.attributes))
            elif op.result not in values:
                copy(b, op, values)
        attributes: dict[str, Attribute] = {"insn": insn, "sym_name": f"{self.table}.{insn}"}
        return Operation(step.DECODE, (), attributes, (), (closed(roots),), self.loc)

