"""The dialect `int`: integers without bounds, each with a range. What executor and witness compute.

Shifts of negative integers round down, as Python's do. Comparisons give 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import INT, Constant, Folder, OpDef, Operation, Range, Value
from zkc.compiler.ir.registry import declare
from zkc.runtime.field.koalabear import P

WORD: Final = 1 << 32
MAX_BITS: Final = 4096
"""Of an integer: it has at most 64 bits where it is computed, and may have more on the way."""
FAR: Final = 256
"""Shifts by more bits have the bounds of this one: such a value fits no machine integer, so it is never computed."""
Constants = Sequence[Constant | None]
Bounds = Sequence[Range | None]
Folded = Value | Constant | None


def _evaluated(rule: Callable[[Operation, Constants, Bounds], Folded]) -> Callable[[Operation, Constants, Bounds], Folded]:
    """A rule after the one for all: of constants, the operation is computed."""

    def fold(op: Operation, c: Constants, ranges: Bounds) -> Folded:
        if all(x is not None for x in c):
            evaluate = op.definition.evaluate
            assert evaluate is not None
            return evaluate(op, *c)
        return rule(op, c, ranges)

    return fold


def _nothing(op: Operation, c: Constants, ranges: Bounds) -> Folded:
    return None


def _corners(f: Callable[[int, int], int], a: Range, b: Range) -> Range:
    values = [f(x, y) for x in a for y in b]
    return min(values), max(values)


def _add(op: Operation, c: Constants, _: Bounds) -> Folded:
    a, b = op.operands
    if c[0] == 0 or c[1] == 0:
        return b if c[0] == 0 else a
    return _recomposed(a, b) or _recomposed(b, a)


def _recomposed(low: Value, high: Value) -> Value | None:
    """(x mod 2^k) + 2^k (y >> k), where y has the low bits of x, is y."""
    part, product = low.op, high.op
    if part is None or product is None or part.definition is not MOD or product.definition is not MUL:
        return None
    by = part.number("by")
    for piece, factor in (product.operands, product.operands[::-1]):
        quotient = piece.op
        if quotient is None or factor.op is None or factor.op.definition is not CONSTANT or factor.op.attributes["value"] != by:
            continue
        if quotient.definition is FLOORDIV and quotient.attributes["by"] == by:
            whole = quotient.operands[0]
            if whole is part.operands[0] or _reduces(whole, part.operands[0], by):
                return whole
    return None


def _reduces(value: Value, whole: Value, by: int) -> bool:
    """Whether `value` is `whole` modulo a multiple of `by`."""
    op = value.op
    return op is not None and op.definition is MOD and op.operands[0] is whole and op.number("by") % by == 0


def _sub(op: Operation, c: Constants, _: Bounds) -> Folded:
    return op.operands[0] if c[1] == 0 else None


def _mul(op: Operation, c: Constants, _: Bounds) -> Folded:
    if 0 in c:
        return 0
    return op.operands[1] if c[0] == 1 else op.operands[0] if c[1] == 1 else None


def _floordiv(op: Operation, c: Constants, _: Bounds) -> Folded:
    return op.operands[0] if op.attributes["by"] == 1 else None


def _mod(op: Operation, c: Constants, ranges: Bounds) -> Folded:
    known, by = ranges[0], op.number("by")
    assert known is not None
    return op.operands[0] if known[0] >= 0 and known[1] < by else None


def _shr(op: Operation, c: Constants, _: Bounds) -> Folded:
    return op.operands[0] if c[1] == 0 else None


def _and(op: Operation, c: Constants, _: Bounds) -> Folded:
    return 0 if 0 in c else None


def _select(op: Operation, c: Constants, _: Bounds) -> Folded:
    a, b = op.operands[1:]
    if c[0] is not None:
        return a if c[0] else b
    return a if a is b else None


def _shifted(rule: Callable[[Operation, Constants, Bounds], Folded]) -> Callable[[Operation, Constants, Bounds], Folded]:
    """A shift by a constant that is none, or too many bits, stays: nothing computes it."""
    evaluated = _evaluated(rule)
    return lambda op, c, r: evaluated(op, c, r) if c[1] is None or 0 <= c[1] <= FAR else None


def _range_shl(op: Operation, _: int, r: Sequence[Range]) -> Range:
    return _corners(lambda x, y: x << min(max(y, 0), FAR), r[0], r[1])


def _range_shr(op: Operation, _: int, r: Sequence[Range]) -> Range:
    return _corners(lambda x, y: x >> max(y, 0), r[0], r[1])


def _range_floordiv(op: Operation, _: int, r: Sequence[Range]) -> Range:
    by = op.number("by")
    return r[0][0] // by, r[0][1] // by


def _range_bits(op: Operation, _: int, r: Sequence[Range]) -> Range:
    bits = max(x.bit_length() for bounds in r for x in bounds)
    return -(1 << bits) if r[0][0] < 0 or r[1][0] < 0 else 0, (1 << bits) - 1


def _range_and(op: Operation, _: int, r: Sequence[Range]) -> Range:
    """Bits of an integer from 0 up, if one of them is."""
    highs = [high for low, high in r if low >= 0]
    return (0, min(highs)) if highs else _range_bits(op, _, r)


def _range_select(op: Operation, _: int, r: Sequence[Range]) -> Range:
    return min(r[1][0], r[2][0]), max(r[1][1], r[2][1])


def _always(low: int, high: int) -> Callable[[Operation, int, Sequence[Range]], Range]:
    return lambda op, index, r: (low, high)


def _positive(op: Operation) -> str | None:
    return None if op.number("by") > 0 else "`by` is above 0"


def _binary(
    name: str, evaluate: Callable[[int, int], int], bounds: Callable[[Operation, int, Sequence[Range]], Range], doc: str,
    rule: Callable[[Operation, Constants, Bounds], Folded] = _nothing, fold: Folder | None = None,
) -> OpDef:  # fmt: skip
    return declare(
        OpDef(
            f"int.{name}", (INT, INT), (INT,), pure=True, fold=fold or _evaluated(rule), range=bounds,
            evaluate=lambda op, a, b: evaluate(a, b), doc=doc,
        )
    )  # fmt: skip


CONSTANT = declare(
    OpDef(
        "int.constant", results=(INT,), attributes=("value",), pure=True, constant=lambda op: op.number("value"),
        evaluate=lambda op: op.number("value"), doc="a number",
    )
)  # fmt: skip
ADD = _binary("add", lambda a, b: a + b, lambda op, _, r: (r[0][0] + r[1][0], r[0][1] + r[1][1]), "a + b", _add)
SUB = _binary("sub", lambda a, b: a - b, lambda op, _, r: (r[0][0] - r[1][1], r[0][1] - r[1][0]), "a - b", _sub)
MUL = _binary("mul", lambda a, b: a * b, lambda op, _, r: _corners(lambda x, y: x * y, r[0], r[1]), "a b", _mul)
FLOORDIV = declare(
    OpDef(
        "int.floordiv", (INT,), (INT,), ("by",), pure=True, fold=_evaluated(_floordiv), range=_range_floordiv, verify=_positive,
        evaluate=lambda op, a: a // op.number("by"), doc="a / by, rounded down",
    )
)  # fmt: skip
MOD = declare(
    OpDef(
        "int.mod", (INT,), (INT,), ("by",), pure=True, fold=_evaluated(_mod), range=lambda op, _, r: (0, op.number("by") - 1),
        verify=_positive, evaluate=lambda op, a: a % op.number("by"), doc="a modulo by, from 0 up",
    )
)  # fmt: skip
SHL = _binary("shl", lambda a, b: a << b, _range_shl, "a 2^b", fold=_shifted(_nothing))
SHR = _binary("shr", lambda a, b: a >> b, _range_shr, "a / 2^b, rounded down", fold=_shifted(_shr))
AND = _binary("and", lambda a, b: a & b, _range_and, "bits of both; an integer below 0 has all bits from some on", _and)
OR = _binary("or", lambda a, b: a | b, _range_bits, "bits of either")
XOR = _binary("xor", lambda a, b: a ^ b, _range_bits, "bits of one")
EQ = _binary("eq", lambda a, b: int(a == b), _always(0, 1), "a is b")
NE = _binary("ne", lambda a, b: int(a != b), _always(0, 1), "a is not b")
LT = _binary("lt", lambda a, b: int(a < b), _always(0, 1), "a is below b")
GE = _binary("ge", lambda a, b: int(a >= b), _always(0, 1), "a is not below b")
SELECT = declare(
    OpDef(
        "int.select", (INT, INT, INT), (INT,), pure=True, fold=lambda op, c, r: _select(op, c, r), range=_range_select,
        evaluate=lambda op, c, a, b: a if c else b, doc="a if c is not 0, else b",
    )
)  # fmt: skip
INVERSE = declare(
    OpDef(
        "int.inverse", (INT,), (INT,), pure=True, fold=_evaluated(_nothing), range=_always(0, P - 1),
        evaluate=lambda op, a: pow(a % P, P - 2, P), doc="1 / a in the field, 0 for 0",
    )
)  # fmt: skip


def signed(a: int) -> int:
    """A word as a signed integer."""
    return a - (a >> 31 << 32)


SIGNED = declare(
    OpDef(
        "int.signed", (INT,), (INT,), pure=True, fold=_evaluated(_nothing), range=_always(-(2**31), 2**31 - 1),
        evaluate=lambda op, a: signed(a), doc="a word as a signed integer",
    )
)  # fmt: skip


def divide(a: int, b: int) -> tuple[int, int]:
    """Quotient and remainder of signed words as RISC-V defines them (Unprivileged ISA, M extension), as integers."""
    x, y = signed(a), signed(b)
    if y == 0:
        return -1, x
    quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return quotient, x - quotient * y


def _division(name: str, evaluate: Callable[[int, int], int]) -> OpDef:
    return _binary(name, evaluate, _always(0, WORD - 1), "of words, as RISC-V defines it")


DIVISIONS: Final = {
    "divide_unsigned": _division("divide_unsigned", lambda a, b: a // b if b else WORD - 1),
    "remainder_unsigned": _division("remainder_unsigned", lambda a, b: a % b if b else a),
    "divide_signed": _division("divide_signed", lambda a, b: divide(a, b)[0] % WORD),
    "remainder_signed": _division("remainder_signed", lambda a, b: divide(a, b)[1] % WORD),
}
IS = declare(OpDef("int.is", results=(INT,), attributes=("arm",), pure=True, range=_always(0, 1), doc="1 in the arm of that name"))
CALL = declare(
    OpDef(
        "int.call", (INT,), (INT,), ("callee", "index"), variadic=True, pure=True, range=_always(0, P - 1),
        doc="result `index` of a field function, of arguments modulo p",
    )
)  # fmt: skip


def constant(b: Builder, value: int) -> Value:
    """A number."""
    return b.constant(value, INT)


def modulo(b: Builder, a: Value, by: int) -> Value:
    """a modulo by."""
    return b.value(MOD, a, by=by)


def quotient(b: Builder, a: Value, by: int) -> Value:
    """a / by, rounded down."""
    return b.value(FLOORDIV, a, by=by)
