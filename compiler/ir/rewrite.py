"""Rewriting of regions: operations are replaced in place, or copied with other operands."""

from __future__ import annotations

from collections.abc import Callable

from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Operation, Region, Value

Rule = Callable[[Builder, Operation], bool]
"""Puts something else in the place of an operation, and says so; False keeps it."""


def rewrite(region: Region, rule: Rule, outer: Builder | None = None) -> None:
    """Applies the rule to every operation, and to those in its regions after it."""
    old, region.operations = region.operations, []
    b = Builder(region, outer)
    for op in old:
        b.loc = op.loc
        if not rule(b, op):
            b.adopt(op)
            for inner in op.regions:
                rewrite(inner, rule, b)


def copy(b: Builder, op: Operation, values: dict[Value, Value]) -> None:
    """The operation once more, on other operands: `values` says which, and gets its results. A pure one folds and is shared."""
    operands = [values.get(v, v) for v in op.operands]
    b.loc = op.loc
    if op.definition.pure:
        values[op.result] = b.share(op.definition, operands, op.attributes)
        return
    made = b.create(op.definition, operands, op.attributes, results=[v.type for v in op.results])
    values.update(zip(op.results, made.results, strict=True))
