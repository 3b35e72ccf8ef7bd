"""Reads operations from MLIR's generic syntax: what printer.py writes, and what xdsl-opt and mlir-opt write of that.

Theirs differ in names and packs of results, in the order of attributes, in `module { … }` for `"builtin.module"() ({ … }) : () -> ()`, and
in locations that are named (`loc(#loc3)`, with `#loc3 = loc(…)` anywhere). An operation without a location comes from where it stands in
the text. What cannot be read is one DiagnosticError (E0701) with its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import zkc.compiler.dialects.all  # noqa: F401  # pyright: ignore[reportUnusedImport]  # operations are found by name
from zkc.compiler.ir.location_reader import LocationReader
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import FELT, INT, MANY, NOTHING, Attribute, OpDef, Operation, Region, Symbol, Type, Value, type_named
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.ir.scanner import BARE, STRING, Scanner, pattern
from zkc.dsl.diagnostics import did_you_mean

DIALECT: Final = "!zkc."
TYPES: Final = tuple(f"{DIALECT}{type_.name}" for type_ in (FELT, INT))
"""Those of all stages."""
MAX_NESTING: Final = 64
"""Regions in regions, and arrays in arrays."""

_NAME: Final = r"%[\w$.-]+"
_RESULTS = pattern(rf"{_NAME}(?::[1-9]\d*)?(?:\s*,\s*{_NAME}(?::[1-9]\d*)?)*\s*=")
_OPERANDS = pattern(rf"\(\s*(?:{_NAME}(?:#\d+)?(?:\s*,\s*{_NAME}(?:#\d+)?)*)?\s*\)")
_SIGNATURE = pattern(r":\s*\([^()]*\)\s*->\s*(?:\([^()]*\)|![\w$.]+)")
_ARGUMENTS = pattern(r"\^[\w$.-]+\s*(?=[:(])")
_ARGUMENT = pattern(rf"{_NAME}\s*:\s*![\w$.]+")
_LIST = re.compile(rf"({_NAME})(?:([:#])(\d+))?")
_TYPE = re.compile(r"![\w$.]+")
_ATTRIBUTE = pattern(rf'(?:{BARE}|{STRING})\s*=(?!=)')
_INTEGER = pattern(r"-?[0-9]+")
_INTEGER_TYPE = pattern(r":\s*(?:[su]?i[0-9]+|index)\b")
_SYMBOL = pattern(rf"@(?:{BARE}|{STRING})")
_TEXT = pattern(STRING)
_WORD = pattern(BARE)
_MODULE = pattern(r"(?:builtin\.)?module\b(?![\w$.\"])")
MAX_DIGITS: Final = 1000

_MODULE_DEFINITION = OpDef("builtin.module", regions=MANY)
Signature = tuple[tuple[Type, ...], tuple[Type, ...]]


def read_module(text: str, file: str = "<text>", *, line: int = 1) -> Module:
    """The module that the text is; nested modules are dissolved. Raises DiagnosticError (E0701). line: number of the first line."""
    return _Reader(text, file, line).module()


class _Reader:
    def __init__(self, text: str, file: str, line: int) -> None:
        self.s = Scanner(text, file, line)
        self.locations = LocationReader(self.s)
        self.values: dict[str, tuple[Value, ...]] = {}
        self.defined: list[str] = []
        self.depth = 0
        self.signatures: dict[str, Signature] = {}

    def module(self) -> Module:
        found: list[Operation] = []
        while not self.s.at_end():
            if not self.locations.skip_definition():
                self._dissolve(self._operation(top=True), found)
        return Module(found)

    def _dissolve(self, op: Operation, into: list[Operation]) -> None:
        """An operation, or those of a module."""
        if op.definition is not _MODULE_DEFINITION:
            into.append(op)
            return
        for region in op.regions:
            for inner in region:
                self._dissolve(inner, into)

    # operations

    def _operation(self, *, top: bool) -> Operation:
        s = self.s
        start = s.position
        if s.eat(_MODULE):
            return self._short_module(start, top)
        names = s.eat(_RESULTS)
        at = s.position
        if names is None and s.peek() == "%":
            s.fail('results are named as `%0 =` or `%0:2 =`, an operation follows as `"felt.add"(…)`')
        definition = self._definition(s.text_of(s.need(_TEXT, 'an operation, as `"felt.add"(…)`'), at), at, top)
        operands = s.position
        listed = s.need(_OPERANDS, "operands in parentheses, as `(%0, %1#2)`")
        values = [self._value(m, operands) for m in _LIST.finditer(listed)]
        attributes: dict[str, Attribute] = {}
        if s.eat_literal("<"):
            self._attributes(attributes)
            s.need_literal(">", "`>` after properties")
        regions = self._regions(definition) if s.peek() == "(" else ()
        if s.peek() == "{":
            self._attributes(attributes)
        types, results = self._signature()
        self._check_types(values, types, operands)
        loc = self.locations.read(start)
        op = Operation(definition, values, attributes or NOTHING, results, regions, loc)
        self._define(names, op, start)
        return op

    def _short_module(self, start: int, top: bool) -> Operation:
        """`module { … }`."""
        if not top:
            self.s.fail("a module stands in a module", start)
        return Operation(_MODULE_DEFINITION, (), NOTHING, (), (self._region(modules=True),), self.locations.read(start))

    def _definition(self, name: str, at: int, top: bool) -> OpDef:
        if name == "builtin.module":
            if not top:
                self.s.fail("a module stands in a module", at)
            return _MODULE_DEFINITION
        found = DEFINITIONS.get(name)
        if found is None:
            self.s.fail(f"there is no operation `{name}`", at, help=did_you_mean(name, DEFINITIONS))
        return found

    # values

    def _value(self, listed: re.Match[str], start: int) -> Value:
        name, _, number = listed.groups()
        values = self.values.get(name)
        if values is None:
            at = start + listed.start()
            self.s.fail(f"there is no value `{name}` here", at, help=did_you_mean(name, self.values))
        if number is None and len(values) == 1:
            return values[0]
        index = None if number is None or len(number) > 9 else int(number)
        if index is None or index >= len(values):
            count = len(values)
            self.s.fail(f"`{name}` has {count} result{'s' * (count != 1)}: they are {name}#0 to {name}#{count - 1}", start + listed.start())
        return values[index]

    def _define(self, names: str | None, op: Operation, at: int) -> None:
        """Gives names to results; without, they have none."""
        if names is None:
            return
        listed = _LIST.findall(names)
        wanted = sum(int(number[:9]) if number else 1 for _, _, number in listed)
        if wanted != len(op.results):
            self.s.fail(f"{wanted} results are named, the type of `{op.name}` has {len(op.results)}", at)
        start = 0
        for name, _, number in listed:
            count = int(number) if number else 1
            self._name(name, op.results[start : start + count], at)
            start += count

    def _name(self, name: str, values: tuple[Value, ...], at: int) -> None:
        if name in self.values:
            self.s.fail(f"`{name}` is defined already", at)
        self.values[name] = values
        self.defined.append(name)

    # regions

    def _regions(self, definition: OpDef) -> tuple[Region, ...]:
        modules = definition is _MODULE_DEFINITION
        self.s.need_literal("(", "regions in parentheses")
        found = [self._region(modules=modules)]
        while self.s.eat_literal(","):
            found.append(self._region(modules=modules))
        self.s.need_literal(")", "`,` or `)` after a region")
        return tuple(found)

    def _region(self, *, modules: bool) -> Region:
        s = self.s
        s.need_literal("{", "a region, as `{ … }`")
        self._deeper()
        region, first = Region(), len(self.defined)
        if s.eat(_ARGUMENTS) is not None:
            self._arguments(region)
        while not s.eat_literal("}"):
            if s.peek() == "^":
                s.fail("a region has one block here")
            if not (modules and self.locations.skip_definition()):
                region.operations.append(self._operation(top=modules))
        for name in self.defined[first:]:
            del self.values[name]
        del self.defined[first:]
        self.depth -= 1
        return region

    def _arguments(self, region: Region) -> None:
        s = self.s
        if s.eat_literal("("):
            while True:
                at = s.position
                name, _, type_ = s.need(_ARGUMENT, "an argument, as `%arg0: !zkc.int`").partition(":")
                self._name(name.strip(), (region.new_argument(self._type(type_.strip(), at)),), at)
                self.locations.read(at)
                if not s.eat_literal(","):
                    break
            s.need_literal(")", "`,` or `)` after an argument")
        s.need_literal(":", "`:` after the arguments")

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.s.fail(f"this is nested deeper than {MAX_NESTING} levels")

    # types

    def _type(self, text: str, at: int) -> Type:
        found = type_named(text.removeprefix(DIALECT)) if text.startswith(DIALECT) and len(text) <= MAX_DIGITS else None
        if found is None:
            self.s.fail(f"there is no type `{text}`", at, help=did_you_mean(text, TYPES))
        return found

    def _signature(self) -> Signature:
        at = self.s.position
        text = self.s.need(_SIGNATURE, "a type, as `: (!zkc.felt) -> !zkc.felt`")
        found = self.signatures.get(text)
        if found is None:
            operands, _, results = (part.lstrip() for part in text[1:].partition("->"))
            found = self.signatures[text] = self._types(operands, at + text.index("(")), self._types(results, at + len(text) - len(results))
        return found

    def _types(self, text: str, at: int) -> tuple[Type, ...]:
        found = tuple(self._type(m[0], at + m.start()) for m in _TYPE.finditer(text))
        rest = _TYPE.sub("T", text).strip("() \t\r\n")
        if re.sub(r"\s", "", rest) != ",".join("T" * len(found)):
            self.s.fail("types are listed as `(!zkc.felt, !zkc.int)`", at)
        return found

    def _check_types(self, values: Sequence[Value], types: Sequence[Type], at: int) -> None:
        if len(values) != len(types):
            self.s.fail(f"{len(values)} operands, and the types of {len(types)}", at)
        for i, (value, type_) in enumerate(zip(values, types)):
            if value.type is not type_:
                self.s.fail(f"operand {i} is a !zkc.{value.type.name}; its type is given as !zkc.{type_.name}", at)

    # attributes

    def _attributes(self, into: dict[str, Attribute]) -> None:
        s = self.s
        s.need_literal("{", "attributes, as `{name = 1 : i64}`")
        if s.eat_literal("}"):
            return
        while True:
            at = s.position
            name = s.need(_ATTRIBUTE, "an attribute, as `name = 1 : i64`")[:-1].strip()
            name = s.text_of(name, at) if name[0] == '"' else name
            if name in into:
                s.fail(f"the attribute `{name}` is there twice", at)
            into[name] = self._attribute()
            if not s.eat_literal(","):
                break
        s.need_literal("}", "`,` or `}` after an attribute")

    def _attribute(self) -> Attribute:
        s = self.s
        at, first = s.position, s.peek()
        if first == '"':
            return s.text_of(s.need(_TEXT, "the end of a string"), at)
        if first == "@":
            name = s.need(_SYMBOL, "a symbol, as `@lui`")[1:]
            return Symbol(s.text_of(name, at) if name[0] == '"' else name)
        if first == "[":
            return self._array()
        word = s.eat(_WORD)
        if word in ("true", "false"):
            return word == "true"
        digits = s.eat(_INTEGER) if word is None else None
        if digits is None or len(digits) > MAX_DIGITS:
            s.fail("an attribute is an integer, a string, `true`, `false`, a symbol or an array of those", at)
        s.eat(_INTEGER_TYPE)
        return int(digits)

    def _array(self) -> tuple[Attribute, ...]:
        s = self.s
        s.need_literal("[", "an array")
        self._deeper()
        found: list[Attribute] = []
        if not s.eat_literal("]"):
            found.append(self._attribute())
            while s.eat_literal(","):
                found.append(self._attribute())
            s.need_literal("]", "`,` or `]` in an array")
        self.depth -= 1
        return tuple(found)

