"""All passes by name, each as a change of a module: which of its symbols a pass is for, and what it puts in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final

from zkc.compiler.dialects import air, row, step
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import OpDef, Operation
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.passes.dce import Dce
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.forward_stores import ForwardStores
from zkc.compiler.passes.inline import Inline
from zkc.compiler.passes.lower_air import LowerAir
from zkc.compiler.passes.lower_decode import LowerDecode
from zkc.compiler.passes.lower_fill import LowerFill
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.passes.share_columns import OWN
from zkc.compiler.pipeline import AIR, ROW
from zkc.runtime.errors import InputError

CODE: Final = "E0703"


@dataclass(frozen=True)
class Registered:
    """A pass: its class, and what one does to a symbol: the symbols that take its place, None to leave it alone."""

    make: Callable[..., Any]
    run: Callable[[Any, Operation, Facts], list[Operation] | None]

    def on(self, module: Module, options: Any, facts: Facts) -> Module:
        """The module after the pass `options`. Operations are changed in place."""
        made: list[Operation] = []
        for op in module:
            found = self.run(options, op, facts)
            made += [op] if found is None else found
        return module.replaced(made)


@dataclass(frozen=True)
class OfModule:
    """A pass on all of a module at once: its class, and what one makes of it."""

    make: Callable[..., Any]
    run: Callable[[Any, Module, Facts], Module]

    def on(self, module: Module, options: Any, facts: Facts) -> Module:
        """The module after the pass `options`."""
        return self.run(options, module, facts)


def _in_place(make: Callable[..., Any], definition: OpDef | None) -> Registered:
    """A pass that changes symbols of one kind, or all that have a body."""

    def run(options: Any, op: Operation, facts: Facts) -> None:
        if op.definition is definition or (definition is None and op.regions):
            options.run(op, facts)

    return Registered(make, run)


def _lower_air(options: LowerAir, op: Operation, facts: Facts) -> list[Operation] | None:
    if op.definition is not row.TABLE or not _is_ready(options.name, op, facts):
        return None
    return [options.run(op, facts)]


def _lower_step(options: LowerStep, op: Operation, facts: Facts) -> list[Operation] | None:
    if op.definition is row.TABLE:
        return options.run(op, facts)
    return [options.guards(op, facts)] if op.definition is row.GUARDS else None


def _lower_fill(options: LowerFill, op: Operation, facts: Facts) -> list[Operation] | None:
    """What chooses among calls has no columns; which row is meant has become part of the fillers."""
    if op.definition is row.TABLE:
        if not _is_ready(options.name, op, facts):
            return None
        return [options.run(op, LowerAir().run(op, facts), LowerStep().run(op, facts), facts)]
    return [] if op.definition in (row.GUARDS, row.INDEX) else None


def _is_ready(name: str, table: Operation, facts: Facts) -> bool:
    """Whether types have become what proves them, and columns have numbers. Reports E0703: a pass would drop the one and miss the other."""
    for op in table.regions[0].walk():
        if op.definition is row.RANGE:
            facts.report(CODE, f"`{name}` comes after `expand-ranges`: this is still here", op.loc)
            return False
        if (op.definition in OWN or op.definition is row.MERGE) and "slot" not in op.attributes and not op.flag("agreed"):
            facts.report(CODE, f"`{name}` comes after `share-columns`: this column has no number", op.loc)
            return False
    return True


def _lower_decode(options: LowerDecode, op: Operation, facts: Facts) -> list[Operation] | None:
    """A table that decodes no words stays."""
    if op.definition is not row.TABLE or not any("insn" in o.attributes for o in op.regions[0]) or not _is_ready(options.name, op, facts):
        return None
    return options.run(op, facts)


PASSES: Final[dict[str, Registered | OfModule]] = {
    Inline.name: OfModule(Inline, Inline.run),
    **{each.name: _in_place(type(each), row.TABLE) for each in ROW},
    LowerAir.name: Registered(LowerAir, _lower_air),
    **{each.name: _in_place(type(each), air.TABLE) for each in AIR},
    LowerStep.name: Registered(LowerStep, _lower_step),
    ForwardStores.name: _in_place(ForwardStores, step.FUNC),
    LowerDecode.name: Registered(LowerDecode, _lower_decode),
    LowerFill.name: Registered(LowerFill, _lower_fill),
    Dce.name: _in_place(Dce, None),
}
"""Those of a table in the order of the pipeline (see pipeline.py), and what leads from stage to stage."""

GROUP: Final = "zkc.passes"
"""The entry point of packages that bring passes."""


def passes() -> dict[str, Registered | OfModule]:
    """All passes by name: ours, and those of installed packages. Such a one is a frozen dataclass with `name`, `on` (an operation's
    name) and `run(operation, facts)`. Raises InputError if it cannot be loaded, or has the name of another."""
    found = dict(PASSES)
    for point in entry_points(group=GROUP):
        try:
            made: Any = point.load()
            registered = _in_place(made, DEFINITIONS[made.on])
            name = str(made.name)
        except Exception as error:  # whatever the other package does wrong
            message = f"the pass `{point.name}` of {point.value} cannot be loaded: {type(error).__name__}: {error}"
            raise InputError(message, hint="mend or remove its package") from error
        if name in found:
            raise InputError(f"two passes are called `{name}`; {point.value} brings one", hint="remove its package")
        found[name] = registered
    return found
