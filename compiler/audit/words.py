"""Fields of a message that are pieces of one integer of the executor: `value.lo` and `value.hi` of a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zkc.compiler.audit.integers import LEAVES
from zkc.compiler.audit.step import Step
from zkc.compiler.dialects import integer
from zkc.compiler.elements import Element
from zkc.compiler.ir.operation import Value


def fields_of(elements: Sequence[Element], args: Sequence[int]) -> Mapping[str, list[tuple[int, int]]]:
    """(lowest bit, node) of the elements of each field."""
    found: dict[str, list[tuple[int, int]]] = {}
    for element, node in zip(elements, args, strict=True):
        found.setdefault(element.of, []).append((element.low, node))
    return found


def whole_of(at: Step, parts: Sequence[tuple[int, int]]) -> Value | None:
    """The leaf of which the columns are filled with the bits from their lowest up to that of the next; the last has all that are left."""
    ends = [low for low, _ in parts[1:]] + [None]
    wholes = {_whole(at.hint(node), low, end) for (low, node), end in zip(parts, ends, strict=True)}
    return wholes.pop() if len(wholes) == 1 else None


def _whole(value: Value | None, low: int, end: int | None) -> Value | None:
    if low:
        value = _operand(value, integer.FLOORDIV.name, 1 << low)
    if end is not None:
        value = _operand(value, integer.MOD.name, 1 << end)
    return value if value is not None and value.op is not None and value.op.definition in LEAVES else None


def _operand(value: Value | None, name: str, by: int) -> Value | None:
    op = None if value is None else value.op
    return op.operands[0] if op is not None and op.name == name and op.attributes["by"] == by else None
