"""forward-stores: a load sees what the same step stored before it, though the executor puts stores off until nothing can stop the step.

    "step.store"(%a, %v, …)                       becomes      "step.store"(%a, %v, …)
    %x, … = "step.load"(%b)                                    %x, … = "step.load"(%b)
                                                               %same = "int.eq"(%b, %a)
                                                               %y = "int.select"(%same, %v, %x)

Nothing is done where addresses are shown to differ: their ranges do, or what is added to one value does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkc.compiler.dialects import integer, step
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.ir.rewrite import rewrite
from zkc.compiler.passes.facts import Facts


@dataclass(frozen=True)
class ForwardStores:
    """See above."""

    name = "forward-stores"

    def run(self, function: Operation, facts: Facts) -> None:
        """Changes what follows a load in a `step.func`."""
        stores: list[Operation] = []
        replaced: dict[Value, Value] = {}

        def rule(b: Builder, op: Operation) -> bool:
            op.operands = tuple(replaced.get(v, v) for v in op.operands)
            if op.definition is step.STORE and not is_reading(op):
                stores.append(op)
            if op.definition is not step.LOAD:
                return False
            b.adopt(op)
            value = seen(b, stores, op)
            if value is not op.results[0]:
                replaced[op.results[0]] = value
            return True

        rewrite(function.regions[0], rule)


def seen(b: Builder, stores: Sequence[Operation], load: Operation) -> Value:
    """The word of a load after these stores, in order."""
    value = load.results[0]
    for store in stores:
        value = _after(b, store, load.operands[0], value)
    return value


def is_reading(op: Operation) -> bool:
    """A store of what was loaded from the same address: it changes nothing but the time."""
    if op.definition is not step.STORE:
        return False
    load = op.operands[1].op
    return load is not None and load.definition is step.LOAD and op.operands[1].index == 0 and load.operands[0] is op.operands[0]


def _after(b: Builder, store: Operation, address: Value, before: Value) -> Value:
    """What stands at an address after a store, if `before` stood there."""
    to, value, _, _, times = store.operands
    if differ(b, to, address):
        return before
    here = integer.constant(b, 1) if to is address else b.value(integer.EQ, address, to)
    done = here if constant_of(times) == 1 else b.value(integer.AND, here, b.value(integer.NE, times, integer.constant(b, 0)))
    return b.value(integer.SELECT, done, value, before)


def differ(b: Builder, x: Value, y: Value) -> bool:
    """Whether two integers are never equal."""
    (a, c), (d, e) = b.ranges.of(x), b.ranges.of(y)
    if c < d or e < a:
        return True
    (base, more), (other, less) = _split(x), _split(y)
    return base is other and more != less


def _split(value: Value) -> tuple[Value | None, int]:
    """The value as another and a constant added to it."""
    constant = constant_of(value)
    if constant is not None:
        return None, int(constant)
    op = value.op
    if op is not None and op.definition is integer.ADD:
        for i in (0, 1):
            number = constant_of(op.operands[i])
            if number is not None:
                base, more = _split(op.operands[1 - i])
                return base, more + int(number)
    return value, 0
