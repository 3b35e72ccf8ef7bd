"""All declared operations by name."""

from __future__ import annotations

from zkc.compiler.ir.operation import OpDef, Type

DEFINITIONS: dict[str, OpDef] = {}
_constants: dict[Type, OpDef] = {}


def declare(definition: OpDef) -> OpDef:
    """Makes an operation known. ValueError if there is one of that name."""
    if definition.name in DEFINITIONS:
        raise ValueError(f"the operation {definition.name} is declared twice")
    DEFINITIONS[definition.name] = definition
    if definition.constant is not None:
        _constants[definition.results[0]] = definition
    return definition


def constant_definition(type_: Type) -> OpDef:
    """The operation that makes constants of a type."""
    return _constants[type_]
