"""How the fields of an instruction are taken from its word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zkc.compiler.dialects import row, step
from zkc.compiler.ir.operation import Operation, Value
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes.packing import Place
from zkc.compiler.program import Encoding
from zkc.compiler.targets.functions import FieldFunctions
from zkc.compiler.targets.integers import Integers
from zkc.compiler.targets.listing import Listing
from zkc.runtime.circuit.fill_program import Op


@dataclass(frozen=True)
class Same:
    """An instruction in which two fields are the same has another number."""

    fields: tuple[str, str]
    number: int


def emit_decoder(
    decoded: Sequence[Operation], encodings: Mapping[str, Encoding], places: Mapping[str, Mapping[str, Place]],
    others: Mapping[str, Sequence[Same]],
) -> str:  # fmt: skip
    """The listing of what decodes a word; 0 if it is no instruction. decoded: `step.decode` of each. places: of their fields. others: what
    else an instruction may be, the first that it is.
    """
    code = Listing(indent="")
    by_name = {op.text("insn"): op for op in decoded}
    for encoding in encodings.values():
        same = code.add(Op.EQ, code.add(Op.AND, "word", str(encoding.mask)), str(encoding.match))
        code.line(f"when {same}  # {encoding.name}")
        code.indent = "  "
        _packed(code, by_name.get(encoding.name), encoding.op, places.get(encoding.name, {}), others.get(encoding.name, ()))
        code.indent = ""
        code.line("end")
    code.line("return 0")
    return "\n".join(code.lines)


def _packed(code: Listing, op: Operation | None, number: int, places: Mapping[str, Place], others: Sequence[Same]) -> None:
    """Returns a decoded instruction."""
    integers = Integers(code, _leaf, FieldFunctions({}), Ranges())
    fields = {o.text("name"): o.operands[0] for o in op.regions[0] if o.definition is step.FIELD} if op is not None else {}
    word = code.constant(number)
    for name, place in places.items():
        word = code.add(Op.OR, word, code.add(Op.SHL, integers.emit(fields[name]), code.constant(place.low)))
    for other in others:
        code.line(f"when {code.add(Op.EQ, *(integers.emit(fields[name]) for name in other.fields))}")
        code.line(f"  return {code.add(Op.ADD, word, code.constant(other.number - number))}")
        code.line("end")
    code.line(f"return {word}")


def _leaf(value: Value) -> str:
    assert value.op is not None and value.op.definition is row.GIVEN
    return value.op.text("name")
