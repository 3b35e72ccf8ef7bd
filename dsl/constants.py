"""Constant expressions: integers and nested lists of them, from literals, constants and arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, did_you_mean
from zkc.dsl.parser import MAX_NUMBER_BITS

ConstValue = int | list["ConstValue"]  # type: ignore[misc]


class ConstantError(Exception):
    """An expression that is no constant, or whose value cannot be: `diagnostic` says why."""

    def __init__(self, code: str, message: str, span: s.Span, help_: str | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, help=help_)


def evaluate(expr: s.Expr, lookup: Callable[[str], ConstValue | None], known: Iterable[str]) -> ConstValue:
    """The value; `/` is floor division. `known` are names to propose for one that `lookup` does not find. Raises ConstantError."""
    match expr:
        case s.Number(value=value):
            return value
        case s.Name(name=name):
            found = lookup(name)
            if found is None:
                raise ConstantError("E0204", f"`{name}` is not a constant", expr.span, did_you_mean(name, known))
            return found
        case s.ArrayLiteral(items=items):
            return [evaluate(i, lookup, known) for i in items]
        case s.Unary(op="-", operand=operand):
            value = evaluate(operand, lookup, known)
            if isinstance(value, int):
                return -value
        case s.Binary(op=op, left=left, right=right):
            a, b = evaluate(left, lookup, known), evaluate(right, lookup, known)
            if isinstance(a, int) and isinstance(b, int):
                return integer_operation(op, a, b, expr.span)
        case _:
            pass
    raise ConstantError("E0204", "this is not a constant expression", expr.span)


INTEGER_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<u": lambda a, b: int(a < b),
    ">=u": lambda a, b: int(a >= b),
    "and": lambda a, b: int(bool(a) and bool(b)),
    "or": lambda a, b: int(bool(a) or bool(b)),
}


def integer_operation(op: str, a: int, b: int, span: s.Span) -> int:
    """`a op b` over the integers, of at most MAX_NUMBER_BITS bits. Raises ConstantError."""
    if op in ("/", "%") and b == 0:
        raise ConstantError("E0204", "division by zero", span)
    if op in ("**", "<<", ">>") and not 0 <= b <= MAX_NUMBER_BITS:
        raise ConstantError("E0304", f"an exponent or a shift is from 0 to {MAX_NUMBER_BITS}, not {shown(b)}", span)
    if op not in INTEGER_OPERATIONS:
        raise ConstantError("E0204", f"`{op}` is not defined on integers", span)
    value = INTEGER_OPERATIONS[op](a, b)
    if value.bit_length() > MAX_NUMBER_BITS:
        raise ConstantError("E0304", f"this number has {value.bit_length()} bits; the most is {MAX_NUMBER_BITS}", span)
    return value


def shown(value: int) -> str:
    """A number, or how long it is."""
    return str(value) if value.bit_length() <= 64 else f"a number of {value.bit_length()} bits"
