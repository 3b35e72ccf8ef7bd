"""Types of values of the language, as far as they are known before gadgets are inlined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from zkc.compiler.dialects.circ import shape_text
from zkc.compiler.ir.operation import ANY, ARRAY, ENTRY, FELT, INSN, STRUCT, Type, array_type, struct_type, type_named
from zkc.compiler.program import ConstValue, Program, evaluate_constant
from zkc.dsl import syntax as s
from zkc.dsl.built_in import WORD

MAX_ITEMS: Final = 4096
"""Elements of an array, and rounds of a loop."""


def length_of(program: Program, ref: s.TypeRef) -> int | None:
    """The length of an array type, None for any other. E0205 if it can be none."""
    if ref.length is None:
        return None
    value = evaluate_constant(ref.length, program.constants.get, program)
    if not isinstance(value, int) or not 0 < value <= MAX_ITEMS:
        raise program.fail("E0205", f"an array length is a constant from 1 to {MAX_ITEMS}", ref.span)
    return value


def declared_text(program: Program, ref: s.TypeRef) -> str:
    """A declared type, with its length worked out."""
    return shape_text(ref.name, length_of(program, ref))


def declared_type(program: Program, ref: s.TypeRef) -> Type:
    """The type of values of a declared type."""
    item = struct_type(ref.name) if ref.name in program.structs else FELT
    return item if ref.length is None else array_type(item)


def joined(types: Iterable[Type]) -> Type:
    """What is known of a value that is of one of these types."""
    found = list(dict.fromkeys(types))
    return found[0] if len(found) == 1 else ANY


def item_of(type_: Type) -> Type:
    """The type of the elements of an array."""
    return type_named(type_.name.removeprefix(ARRAY)) or ANY if is_array(type_) else ANY


def is_array(type_: Type) -> bool:
    """Whether values of the type are arrays."""
    return type_.name.startswith(ARRAY)


def of_constant(value: ConstValue) -> Type:
    """The type of a declared constant."""
    return FELT if isinstance(value, int) else array_type(joined(map(of_constant, value)))


def field_type(program: Program, type_: Type, name: str, immediate: str | None) -> Type:
    """The type of a field; `immediate` is that of instructions."""
    if type_.name.startswith(STRUCT):
        struct = program.structs.get(type_.name.removeprefix(STRUCT))
        return next((declared_type(program, f.type) for f in struct.fields if f.name == name), ANY) if struct is not None else ANY
    if type_ is INSN and name in ("imm", "word"):
        return struct_type(WORD) if name == "word" else ANY if immediate is None else struct_type(immediate)
    return FELT if type_ in (ENTRY, INSN) else ANY


def operator_name(type_: Type) -> str | None:
    """What the type is called where operators are declared; None if that is not known."""
    if type_ is ANY:
        return None
    return type_.name.removeprefix(STRUCT) if type_.name.startswith(STRUCT) else "felt" if type_ is FELT else type_.name.partition(".")[0]
