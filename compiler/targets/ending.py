"""The shortest run: one instruction that ends it, and the words of memory for which it does."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from zkc.compiler.dialects import integer, step
from zkc.compiler.guards import Fact, Guards
from zkc.compiler.ir.operation import OpDef, Value, constant_of
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program
from zkc.runtime.circuit.machine import Ending

COMPARE: Final[Mapping[OpDef, Callable[[int, int], bool]]] = {
    integer.EQ: operator.eq, integer.NE: operator.ne, integer.LT: operator.lt, integer.GE: operator.ge,
}  # fmt: skip
HALT: Final = "halt"
"""What a step performs that ends a run."""


def ending_of(program: Program, lowered: Lowerings) -> Ending | None:
    """The first that there is: an instruction for which the guard of an environment call asks for constants in memory alone, or that ends
    runs by itself."""
    guards = Guards(lowered.guards)
    for arm in _halting(lowered):
        call = program.services.get(arm)
        word = program.encodings[call.on if call else arm].match
        for facts in guards.alternatives(guards.conditions[arm]) if call else [frozenset[Fact]()]:
            words = _words(facts)
            if words is not None:
                return Ending(word, words)
    return None


def _halting(lowered: Lowerings) -> Iterator[str]:
    """The arms that end runs."""
    for table in lowered.steps:
        for func in table.steps:
            if any(op.definition is step.PERFORM and op.text("name") == HALT for op in func.regions[0].walk()):
                yield func.text("arm")


def _words(facts: frozenset[Fact]) -> dict[int, int] | None:
    """What memory holds, by address, where all else is 0; None if a fact is not about one word at a known address, or does not hold."""
    words = {address: number for kind, value, number in facts if kind is integer.EQ and (address := constant_address(value)) is not None}
    for kind, value, number in facts:
        address = constant_address(value)
        if address is None or not COMPARE[kind](words.get(address, 0), number):
            return None
    return words


def constant_address(value: Value) -> int | None:
    """The address of the word that a value is, None if it is no word or its address is not known."""
    op = value.op
    if op is None or op.definition is not step.LOAD or value is not op.results[0]:
        return None
    constant = constant_of(op.operands[0])
    return None if constant is None else int(constant)
