"""The static check: names, types, arguments and places of everything that a program declares, called or not, without inlining or unrolling.

It goes on after an error, so that all errors of a program come at once. What depends on the arguments of a call or on the round of a loop
is left to the compiler, which inlines and unrolls.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zkc.dsl import syntax as s
from zkc.dsl.check.context import Declarations, Surroundings
from zkc.dsl.check.graph import check_calls
from zkc.dsl.check.items import Items
from zkc.dsl.check.unused import check_uses
from zkc.dsl.diagnostics import Diagnostic
from zkc.dsl.types import Type

__all__ = ["Declarations", "Surroundings", "Typed", "check"]


@dataclass(frozen=True)
class Typed:
    """The declarations with the type of every expression; `diagnostics` are errors, `warnings` what does no harm."""

    declared: Declarations
    diagnostics: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    _types: dict[int, Type] = field(repr=False)

    def type_of(self, expr: s.Expr) -> Type:
        """The type of an expression of `declared`, by identity; of a call with several results or none, a record of them. KeyError for
        constant expressions outside of bodies."""
        return self._types[id(expr)]


def check(declared: Declarations, known: Surroundings) -> Typed:
    """Checks everything that is declared."""
    items = Items(declared, known)
    items.everything()
    check_calls(items)
    check_uses(items)
    return Typed(declared, tuple(items.diagnostics), tuple(items.warnings), items.types)
