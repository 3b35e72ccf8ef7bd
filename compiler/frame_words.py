"""Where the operands and the results of a frame are: the words of memory that the frame accesses for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zkc.compiler.dialects import circ, row, step
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import Declared
from zkc.compiler.elaboration.expressions import Scope
from zkc.compiler.elaboration.families import IMMEDIATE, WORD, operand_of
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.values import Number, RecordValue, Scalar, StructValue, Value
from zkc.compiler.importer.items import import_program
from zkc.compiler.interpret import Interpreter, NoMeaning
from zkc.compiler.ir import operation as ir
from zkc.compiler.ir.operation import Operation
from zkc.compiler.program import Program

WORD_MOST = 2**32 - 1


@dataclass
class FrameWords:
    """operands, results: the address of each that is a word of memory, as an integer of what the row is given."""

    operands: dict[str, ir.Value] = field(default_factory=lambda: {})
    results: dict[str, ir.Value] = field(default_factory=lambda: {})

    def address(self, place: ir.Value, fields: Mapping[str, int]) -> int | None:
        """The address for an instruction with these fields. None if it depends on more than them."""
        try:
            return Interpreter({}, fields).needed(place)
        except NoMeaning:
            return None


def words_of(program: Program) -> dict[str, FrameWords]:
    """The words of each frame."""
    declared = Declared(import_program(program), program.diagnostics, program.sources)
    return {name: _Walk(declared, frame).found for name, frame in declared.of(circ.FRAME).items()}


class _Walk:
    def __init__(self, declared: Declared, frame: Operation) -> None:
        self.elaborator = e = Elaborator(declared, frame.text("sym_name"), Functions())
        self.found = FrameWords()
        e.selectors[e.name] = e.b.create(row.IS, (), {"arm": e.name}).result
        fields: dict[str, Value] = {name: self._given(name) for name in ("op", *frame.names("fields"))}
        if "type" in frame.attributes:
            fields[IMMEDIATE] = self._immediate(frame.text("type"))
        self.scope = Scope(given={WORD: RecordValue(fields)})
        for op in frame.regions[0]:
            self._statement(op)

    def _statement(self, op: Operation) -> None:
        e, scope = self.elaborator, self.scope
        before = len(e.body.operations)
        if op.definition is circ.OPERAND:
            scope.values[op.result] = operand_of(e, op, scope)
            self._note(self.found.operands, op.text("name"), before)
        elif op.definition is circ.RESULT:
            scope.values[op.result] = scope.values[op.regions[1].arguments[0]] = self._any(op.text("type"))
            e.run(op.regions[1], scope)
            self._note(self.found.results, op.text("name"), before)
        elif op.definition is not circ.BODY:
            e.evaluate(op, scope)

    def _note(self, found: dict[str, ir.Value], name: str, before: int) -> None:
        """The first word that was accessed since."""
        loads = [o for o in self.elaborator.body.operations[before:] if o.definition is step.LOAD]
        if loads:
            found[name] = loads[0].operands[0]

    def _any(self, type_: str) -> Value:
        """A value that is not known here."""
        parts = self.elaborator.declared.structs.get(type_)
        return Number(0) if parts is None else StructValue(type_, {part.name: Number(0) for part in parts})

    def _immediate(self, struct: str) -> Value:
        e = self.elaborator
        whole = e.given(IMMEDIATE, 0, WORD_MOST)
        parts = zip(e.declared.structs[struct], e.declared.limbs(struct), strict=True)
        return StructValue(struct, {part.name: self._column(part.name, e.limb(whole, *bits)) for part, bits in parts})

    def _given(self, name: str) -> Value:
        return self._column(name, self.elaborator.given(name, 0, WORD_MOST))

    def _column(self, name: str, given: ir.Value) -> Value:
        attributes: dict[str, ir.Attribute] = {"name": name, "type": "felt", "low": 0, "high": WORD_MOST, "trusted": True}
        return Scalar(self.elaborator.b.create(row.COLUMN, (given,), {**attributes, "because": "given"}).result)
