"""The dialect `circ`: what a program says, with names and types worked out, before gadgets are inlined and loops unrolled.

A scalar of the language is a `felt`: an element of the field, a number, or what only the witness knows. An `int` is an integer of a hint, a
spec or a condition. `!zkc.struct.u32` and `!zkc.array.felt` are values of structs and arrays; `!zkc.any` is a value whose type depends on
the round of a loop or on a constant condition. Declared types are written as in the language: `u32`, `felt[8]`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from zkc.compiler.ir.operation import ANY, ENTRY, FELT, INT, Attribute, OpDef, Operation, Type
from zkc.compiler.ir.operation import INSN as INSTRUCTION
from zkc.compiler.ir.registry import declare
from zkc.runtime.field.koalabear import P

Shape = tuple[str, int | None]
"""A declared type: the name of a scalar or of a struct, and the length of an array of those."""
_SHAPE: Final = re.compile(r"([\w.]+)(?:\[(\d+)\])?")
WORD_BITS: Final = 32
MAX_BITS: Final = 4096
"""Of an element of a message, below it in its field: more than any field has that is used as an integer."""
_OPERATORS: Final = frozenset(
    ("+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^", "==", "!=", "<u", "<s", ">=u", ">=s", ">>s", "and", "or")
)


@lru_cache(maxsize=1 << 10)
def shape_of(text: str) -> Shape:
    """A declared type from its text."""
    name, length = _matched(text).groups()
    return name, None if length is None else int(length)


def _matched(text: str) -> re.Match[str]:
    found = _SHAPE.fullmatch(text)
    assert found is not None, text
    return found


def shape_text(name: str, length: int | None) -> str:
    """The text of a declared type."""
    return name if length is None else f"{name}[{length}]"


# What is wrong with an operation


def _alike(op: Operation, *attributes: str) -> str | None:
    """Lists that say something of the same things have one length."""
    given = [op.attributes[name] for name in attributes if name in op.attributes]
    lengths = {len(value) for value in given if isinstance(value, tuple)}
    return f"{' and '.join(f'`{name}`' for name in attributes)} have an item for each other" if len(lengths) > 1 else None


def _together(op: Operation, *attributes: str) -> str | None:
    """Attributes that say one thing: all of them are there, or none."""
    given = [name in op.attributes for name in attributes]
    return None if all(given) or not any(given) else f"{' and '.join(f'`{name}`' for name in attributes)} come together"


def _verify_type(op: Operation) -> str | None:
    if op.number("low") > op.number("high"):
        return "`low` is above `high`"
    return None if op.number("low") == 0 and 0 < op.number("high") < P else "a type goes from 0 to a number above it and below p"


def _verify_bus(op: Operation) -> str | None:
    lows = op.attributes.get("lows")
    if isinstance(lows, tuple) and len(lows) != len(op.names("fields")):
        return "`lows` has a number for each of `fields`"
    for name in ("remembers", "known", "clock", "number"):
        if name in op.attributes and op.attributes[name] not in op.names("fields"):
            return f"`{name}` is none of `fields`"
    if isinstance(lows, tuple) and any(isinstance(low, int) and low > MAX_BITS for low in lows):
        return f"`lows` are {MAX_BITS} at most"
    parts = list(dict.fromkeys(op.names("fields")))
    if "remembers" in op.attributes and (len(parts) != 4 or op.attributes["remembers"] != parts[0]):
        return "what is remembered is an address, a value, a time and a mark: four fields, by the first"
    if "clock" in op.attributes and (len(parts) != 2 or op.attributes["clock"] != parts[0]):
        return "a step has a clock and a pc: two fields, the clock first"
    if "clock" in op.attributes and "remembers" in op.attributes:
        return "a bus is that of steps, or it remembers"
    return _together(op, "params", "types") or _alike(op, "params", "types")


def _verify_fields(op: Operation) -> str | None:
    return _alike(op, "fields", "types")


def _verify_struct(op: Operation) -> str | None:
    return _alike(op, "fields", "types") if op.names("fields") else "a struct has fields"


def _verify_insn(op: Operation) -> str | None:
    if "uses" in op.attributes and "format" not in op.attributes:
        return "`uses` are fields of its format, and there is none"
    return _together(op, "format", "mask", "match")


def _verify_format(op: Operation) -> str | None:
    if (wrong := _together(op, "type", "pieces") or _alike(op, "fields", "lows", "widths")) is not None:
        return wrong
    places = zip(_numbers(op.attributes["lows"]), _numbers(op.attributes["widths"]), strict=True)
    if any(width == 0 or low + width > WORD_BITS for low, width in places):
        return f"fields are of a word of {WORD_BITS} bits"
    return _verify_pieces(op)


def _verify_pieces(op: Operation) -> str | None:
    pieces = op.attributes.get("pieces", ())
    width = 0
    for piece in pieces if isinstance(pieces, tuple) else ():
        high, low, sext, of_word = _numbers(piece)
        if of_word and not low <= high < WORD_BITS:
            return f"a piece is of bits {WORD_BITS - 1} to 0 of a word, the higher first"
        if sext and (not of_word or width):
            return "the bit that repeats upwards is of the word, and first"
        width += high - low + 1 if of_word else high + 1
    return None if width <= WORD_BITS else f"pieces have {WORD_BITS} bits at most"


def _numbers(value: Attribute) -> tuple[int, ...]:
    return tuple(v for v in value if isinstance(v, int)) if isinstance(value, tuple) else ()


def _verify_family(op: Operation) -> str | None:
    if (wrong := _together(op, "type", "low", "high") or _together(op, "frame", "same", "variant")) is not None:
        return wrong
    if "same" in op.attributes and not (len(op.names("same")) == 2 and set(op.names("same")) <= set(op.names("uses"))):
        return "`same` are two of the fields that are needed"
    if "type" in op.attributes and op.number("low") > op.number("high"):
        return "`low` is above `high`"
    arms = [inner.attributes["name"] for inner in op.regions[0] if inner.definition is ARM]
    return None if arms and len(set(arms)) == len(arms) else "has an arm for each of its instructions, and one at least"


def _verify_frame(op: Operation) -> str | None:
    """Its bodies stand at one place."""
    bodies = sum(inner.definition is BODY for inner in op.regions[0])
    results = [inner.attributes["name"] for inner in op.regions[0] if inner.definition is RESULT]
    if len(set(results)) < len(results):
        return "each result has a name of its own"
    return None if bodies == 1 else f"the bodies stand at one place, `circ.body`; here are {bodies}"


def _ends(op: Operation, terminator: str, *counts: int) -> str | None:
    """Each region ends with that operation, and gives so many values."""
    for region, count in zip(op.regions, counts, strict=True):
        if not region.operations or region.terminator.name != terminator or len(region.terminator.operands) != count:
            return f"a region ends with `{terminator}` of {count} value{'s' * (count != 1)}"
    return None


def _arguments(op: Operation, region: int, *types: Type) -> str | None:
    if [v.type for v in op.regions[region].arguments] != list(types):
        return f"region {region} has arguments ({', '.join(t.name for t in types)})"
    return None


def _verify_gadget(op: Operation) -> str | None:
    if (wrong := _alike(op, "params", "types") or _alike(op, "outputs", "results")) is not None:
        return wrong
    if len(op.regions[0].arguments) != len(op.names("params")):
        return "its region has an argument for each of `params`"
    return _ends(op, "circ.return", len(op.names("outputs")))


def _verify_binary(op: Operation) -> str | None:
    left, right = (v.type for v in op.operands)
    if (left is INT) != (right is INT) or (left is INT) != (op.results[0].type is INT):
        return "reads all as integers, or none"
    return None if op.attributes.get("operator") in _OPERATORS else "`operator` is none of the language"


def _verify_number(op: Operation) -> str | None:
    return None if op.results[0].type in (FELT, INT) else "a number is a felt or an int"


def _verify_for(op: Operation) -> str | None:
    if len(op.operands) < 2 or any(v.type is not FELT for v in op.operands[:2]):
        return "goes from a felt to a felt"
    carried = [v.type for v in op.results]
    if len(op.operands) != 2 + len(carried):
        return "gives a value for each that it is given, after where it starts and ends"
    return _arguments(op, 0, FELT, *carried) or _ends(op, "circ.yield", len(carried))


def _verify_collect(op: Operation) -> str | None:
    return _arguments(op, 0, FELT) or _ends(op, "circ.yield", 1)


def _verify_if(op: Operation) -> str | None:
    return _ends(op, "circ.yield", 1, 1)


def _verify_integer_region(op: Operation) -> str | None:
    wrong = _ends(op, "circ.yield", 1)
    if wrong is None and op.regions[0].terminator.operands[0].type is not INT:
        return "its region gives an int"
    return wrong


def _verify_value_region(op: Operation) -> str | None:
    return _ends(op, "circ.yield", 1)


def _verify_result(op: Operation) -> str | None:
    default, body = op.regions
    if default.arguments:
        return "its first region has no arguments"
    if default.operations and (default.terminator.name != "circ.yield" or len(default.terminator.operands) != 1):
        return "its first region is empty, or ends with `circ.yield` of one value"
    return None if len(body.arguments) == 1 else "its second region has one argument"


def _verify_set(op: Operation) -> str | None:
    return None if len(op.operands) in (1, 2) else "takes the value, and the condition if there is one"


def _verify_output(op: Operation) -> str | None:
    if len(op.operands) == 2 and op.operands[1].type is not INT:
        return "its meaning is an int"
    return None if len(op.operands) in (1, 2) else "takes the value, and what it means if that is said"


def _verify_assert(op: Operation) -> str | None:
    return None if len(op.operands) in (2, 3) else "an equation has two sides, and what it is multiplied by"


def _verify_message(op: Operation) -> str | None:
    return None if op.operands else "its first operand says how often"


def _verify_effect(op: Operation) -> str | None:
    return None if all(v.type is INT for v in op.operands) else "takes integers"


# Declarations

TYPE = declare(
    OpDef("circ.type", attributes=("sym_name", "low", "high"), symbol=True, verify=_verify_type, doc="a scalar type, and its bounds")
)
BUS = declare(
    OpDef(
        "circ.bus", attributes=("sym_name", "fields"), optional=("lows", "remembers", "known", "clock", "number", "params", "types"),
        symbol=True, verify=_verify_bus,
        doc="a bus: for each element of its messages the field that it is part of, and the bits of the field below it; the field that the "
        "latest message is remembered by, that a message is known by, that is the clock of a step, that is the number of an instruction. "
        "params, types: its fields as they are declared, which is what messages of the stage `circ` carry",
    )
)  # fmt: skip
FIXED = declare(
    OpDef(
        "circ.fixed", attributes=("sym_name", "fields"), optional=("types",), symbol=True, verify=_verify_fields,
        doc="a fixed table, and the names of its columns",
    )
)  # fmt: skip
INSN = declare(
    OpDef(
        "circ.insn", attributes=("sym_name", "op"), optional=("format", "mask", "match", "uses", "immediate"), symbol=True,
        verify=_verify_insn,
        doc="an instruction, and its number; words w of it have w & mask == match. uses: the register fields that it needs, immediate: "
        "whether it needs that",
    )
)  # fmt: skip
STRUCT = declare(
    OpDef(
        "circ.struct", attributes=("sym_name", "fields", "types"), symbol=True, verify=_verify_struct,
        doc="a struct, from the lowest bits up",
    )
)  # fmt: skip
CONST = declare(OpDef("circ.const", attributes=("sym_name", "value"), symbol=True, doc="a constant: a number, or a list of such"))
IMPL = declare(
    OpDef(
        "circ.impl", attributes=("sym_name", "gadget"), symbol=True,
        doc="an operator between two types, and the gadget that it stands for",
    )
)  # fmt: skip
FORMAT = declare(
    OpDef(
        "circ.format", attributes=("sym_name", "fields", "lows", "widths"), optional=("type", "pieces"), symbol=True, verify=_verify_format,
        doc="where words of instructions have their fields. type, pieces: of the immediate; a piece is its highest and lowest bit of the "
        "word, whether that repeats upwards, and whether it is of the word, or so many zeros",
    )
)  # fmt: skip
GADGET = declare(
    OpDef(
        "circ.gadget", attributes=("sym_name", "params", "types", "outputs", "results"), optional=("chip",), symbol=True, regions=1,
        arguments=ANY, verify=_verify_gadget,
        doc="what calls stand for: parameters and outputs by name, with their types. chip: it is inlined in a table of its own only, which "
        "calls elsewhere ask over the bus of its name",
    )
)  # fmt: skip
AT = declare(
    OpDef(
        "circ.at", attributes=("sym_name",), symbol=True, regions=1, arguments=FELT, verify=_verify_integer_region,
        doc="which row of the fixed table of that name the arguments are",
    )
)  # fmt: skip
FRAME = declare(
    OpDef(
        "circ.frame", attributes=("sym_name", "fields"), optional=("type",), symbol=True, regions=1, verify=_verify_frame,
        doc="what is around the bodies of instructions, or of environment calls. fields: register fields of an instruction that frames "
        "speak of. type: of the immediate",
    )
)  # fmt: skip
FAMILY = declare(
    OpDef(
        "circ.family", attributes=("sym_name", "uses"), optional=("type", "low", "high", "frame", "same", "variant"), symbol=True,
        regions=1, verify=_verify_family,
        doc="instructions of one table: what they share, then an arm for each. uses: register fields that are needed; type: of the "
        "immediate, if it is needed, between low and high. frame: if it is not that of all instructions; same: two fields that are the "
        "same in it; variant: how much greater the number of an instruction is in this table",
    )
)  # fmt: skip
SERVICE = declare(
    OpDef("circ.service", attributes=("sym_name", "on"), symbol=True, regions=1, doc="an environment call, made by the instruction `on`")
)
GUARDS = declare(
    OpDef(
        "circ.guards", attributes=("sym_name", "names"), symbol=True, regions=1,
        verify=lambda op: _ends(op, "circ.yield", len(op.names("names"))),
        doc="when each environment call is meant",
    )
)  # fmt: skip
TABLE = declare(
    OpDef(
        "circ.table", attributes=("sym_name", "kind"), symbol=True, regions=1,
        doc="a table whose rows the runtime gives or the clock asks for, or the claim",
    )
)  # fmt: skip

# Expressions

NUMBER = declare(OpDef("circ.number", results=(ANY,), attributes=("value",), verify=_verify_number, doc="a number"))
CONSTANT = declare(OpDef("circ.constant", results=(ANY,), attributes=("name",), doc="a declared constant"))
GET = declare(OpDef("circ.get", results=(ANY,), attributes=("name",), doc="what the frame around the body has by that name"))
UNDEFINED = declare(OpDef("circ.undefined", results=(ANY,), doc="what a name is before a loop that defines it"))
DEFINED = declare(
    OpDef("circ.defined", (ANY,), (ANY,), ("name",), doc="the value of a name, which may have none: then this is an error")
)
FIELD = declare(OpDef("circ.field", (ANY,), (ANY,), ("name",), doc="a field of a struct, of an entry or of an instruction"))
ELEMENT = declare(OpDef("circ.element", (ANY, ANY), (ANY,), doc="an element of an array"))
ARRAY = declare(OpDef("circ.array", (ANY,), (ANY,), variadic=True, doc="an array of these values"))
CONCAT = declare(OpDef("circ.concat", (ANY, ANY), (ANY,), doc="the elements of both arrays"))
COLLECT = declare(
    OpDef(
        "circ.collect", (FELT, FELT), (ANY,), regions=1, arguments=FELT, verify=_verify_collect,
        doc="an array of what the region gives in each round",
    )
)  # fmt: skip
BOUND = declare(OpDef("circ.bound", (ANY,), (FELT,), doc="a constant, where rounds start or end"))
BINARY = declare(
    OpDef(
        "circ.binary", (ANY, ANY), (ANY,), ("operator",), verify=_verify_binary,
        doc="an operator between polynomials or numbers, or between integers; between values of `any`, what it stands for is known later",
    )
)  # fmt: skip
IF = declare(
    OpDef(
        "circ.if", (ANY,), (ANY,), regions=2, verify=_verify_if,
        doc="what one of two regions gives: the condition is a constant",
    )
)  # fmt: skip
CALL = declare(
    OpDef(
        "circ.call", (ANY,), (ANY,), ("callee",), variadic=True, results_variadic=True,
        doc="a gadget on arguments, in the order of its parameters",
    )
)  # fmt: skip
MAKE = declare(OpDef("circ.make", (ANY,), (ANY,), ("type",), variadic=True, doc="a struct of its fields, in order"))
COLUMN = declare(OpDef("circ.column", (ANY,), (FELT,), doc="a column equal to the value"))
SUM = declare(OpDef("circ.sum", (ANY,), (FELT,), doc="the sum of the elements of an array"))
SLICE = declare(OpDef("circ.slice", (ANY, ANY, ANY), (ANY,), doc="elements of an array, from the first to before the last number"))
IS = declare(OpDef("circ.is", results=(FELT,), attributes=("arm",), doc="1 in the arm of that name, 0 in others"))
LATEST = declare(OpDef("circ.latest", (INT,), (ENTRY,), ("bus",), doc="what the bus remembers by that key"))
HOST = declare(
    OpDef("circ.host", (INT,), (ANY,), ("name",), variadic=True, verify=_verify_effect, doc="what the host answers")
)
FELT_OF = declare(OpDef("circ.felt", (ANY,), (FELT,), doc="the value as a polynomial"))
INTEGER = declare(OpDef("circ.integer", (ANY,), (INT,), doc="the integer that the value stands for"))
SELECT = declare(OpDef("circ.select", (INT, INT, INT), (INT,), doc="the second if the first is not 0, else the third"))
INVERSE = declare(OpDef("circ.inverse", (INT,), (INT,), doc="1 / a in the field, 0 for 0"))
DIVIDE = declare(OpDef("circ.divide", (INT, INT), (INT,), ("name",), doc="of words, as RISC-V defines it: the function of that name"))

# Statements

SPEC = declare(
    OpDef(
        "circ.spec", results=(INT,), attributes=("name",), regions=1, verify=_verify_integer_region,
        doc="the integer that an output is",
    )
)  # fmt: skip
MEANT = declare(OpDef("circ.meant", (ANY, INT), (ANY,), doc="the value, known to be that integer"))
HINT = declare(
    OpDef(
        "circ.hint", results=(ANY,), attributes=("name", "type"), optional=("because", "trusted", "free", "bound"), regions=1,
        verify=_verify_integer_region, doc="columns of the type, filled with what the region gives",
    )
)  # fmt: skip
INPUT = declare(
    OpDef(
        "circ.input", results=(ANY,), attributes=("name", "type"), optional=("free", "bound"),
        doc="columns that the runtime fills",
    )
)  # fmt: skip
ASSERT = declare(
    OpDef(
        "circ.assert", (FELT,), (), ("label",), variadic=True, verify=_verify_assert,
        doc="left == right, times a third operand",
    )
)  # fmt: skip
SEND = declare(
    OpDef(
        "circ.send", (ANY,), (), ("bus",), ("because",), variadic=True, verify=_verify_message,
        doc="how often, then the message",
    )
)  # fmt: skip
RECV = declare(
    OpDef(
        "circ.recv", (ANY,), (), ("bus",), ("because",), variadic=True, verify=_verify_message,
        doc="how often, then the message",
    )
)  # fmt: skip
LOOKUP = declare(
    OpDef(
        "circ.lookup", (ANY,), (), ("bus",), variadic=True, verify=_verify_message,
        doc="how often, then the row of the fixed table",
    )
)  # fmt: skip
FOR = declare(
    OpDef(
        "circ.for", (ANY,), (ANY,), variadic=True, results_variadic=True, regions=1, arguments=ANY, verify=_verify_for,
        doc="the region for each number from the first to before the second; other values go from round to round",
    )
)  # fmt: skip
FAULT = declare(OpDef("circ.fault", (INT,), (), ("message",), doc="stops the run if the condition is not 0"))
RETIRE = declare(OpDef("circ.retire", (INT,), (), doc="counts instructions"))
PERFORM = declare(OpDef("circ.perform", (INT,), (), ("name",), variadic=True, doc="does something outside of the machine"))
SET = declare(
    OpDef(
        "circ.set", (ANY,), (), ("name",), variadic=True, verify=_verify_set,
        doc="the result of that name, where the condition is 1",
    )
)  # fmt: skip
OUTPUT = declare(
    OpDef(
        "circ.output", (ANY,), (ANY,), ("name", "type"), variadic=True, verify=_verify_output,
        doc="the value as what is declared, known to be that integer",
    )
)  # fmt: skip
OPERAND = declare(
    OpDef(
        "circ.operand", results=(ANY,), attributes=("name", "type"), regions=1, within=("circ.frame",), verify=_verify_value_region,
        doc="what the frame has by that name, if bodies get it",
    )
)  # fmt: skip
BODY = declare(
    OpDef(
        "circ.body", (ANY,), (), ("names",), variadic=True, within=("circ.frame",),
        doc="here stand the bodies, which get these values by name",
        verify=lambda op: None if len(op.operands) == len(op.names("names")) else "each value has a name",
    )
)  # fmt: skip
RESULT = declare(
    OpDef(
        "circ.result", results=(ANY,), attributes=("name", "type"), regions=2, arguments=ANY, within=("circ.frame",), verify=_verify_result,
        doc="what bodies set by that name; the first region is what it is where they do not, the second what the frame does with it",
    )
)  # fmt: skip
ARM = declare(OpDef("circ.arm", attributes=("name",), regions=1, within=("circ.family",), doc="the body of an instruction"))
DECODE = declare(
    OpDef(
        "circ.decode", results=(INSTRUCTION,), attributes=("fields",), optional=("type",), within=("circ.table",),
        doc="what the word of an instruction says. fields: its registers, type: of the immediate",
    )
)  # fmt: skip
YIELD = declare(OpDef("circ.yield", (ANY,), variadic=True, terminator=True, doc="what a region gives"))
RETURN = declare(OpDef("circ.return", (ANY,), variadic=True, terminator=True, doc="the outputs of a gadget"))
