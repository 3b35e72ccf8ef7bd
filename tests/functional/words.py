"""Terms over bit vectors as linear terms over integers: a vector of n bits is an integer below 2^n. What a machine computes is said in the
one, what a row says is proven in the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import z3

from tests.functional.solving import AND_OF_BYTES, OF_BYTES, Solver

Terms = Sequence[Any]


class Words:
    """The translation for one solver. `meaning`: integers of the variables, by name."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.meaning: dict[str, Any] = {}
        self._terms: dict[Any, Any] = {}
        self._digits: dict[Any, list[Any]] = {}
        self._fresh = 0

    def word(self, name: str, value: Any, bits: int = 32) -> Any:
        """A bit vector that stands for the integer `value`."""
        self.meaning[name] = value
        return z3.BitVec(name, bits)

    def integer(self, term: Any) -> Any:
        """The integer, or the truth, that a term over bit vectors is."""
        if term not in self._terms:
            kind = term.decl().kind()
            if kind == z3.Z3_OP_UNINTERPRETED and term.num_args():
                found = OF_BYTES[term.decl().name()](*(self.integer(x) for x in term.children()))
            elif kind == z3.Z3_OP_UNINTERPRETED:
                found = self.meaning[term.decl().name()]
            elif kind == z3.Z3_OP_BNUM:
                found = z3.IntVal(term.as_long())
            elif kind in _SAME:
                found = _SAME[kind](*(self.integer(x) for x in term.children()))
            else:
                found = _RULES[kind](self, term, [self.integer(x) for x in term.children()])
            self._terms[term] = found
        return self._terms[term]

    def split(self, value: Any, by: int, most: int) -> tuple[Any, Any]:
        """(value // by, value % by) of an integer in 0..most; quotient from 0."""
        self._fresh += 1
        quotient = self.solver.variable(("quotient", self, self._fresh), 0, most // by)
        rest = self.solver.variable(("rest", self, self._fresh), 0, by - 1)
        self.solver.z3.add(value == by * quotient + rest)
        return quotient, rest

    def bits(self, value: Any, size: int, low: int, high: int) -> Any:
        """Bits low..high of a number of `size` bits."""
        if low:
            value, _ = self.split(value, 1 << low, (1 << size) - 1)
        return self.split(value, 1 << (high - low + 1), (1 << (size - low)) - 1)[1] if high + 1 < size else value

    def both(self, a: Any, b: Any, size: int) -> Any:
        """The bits of both, byte by byte."""
        return z3.Sum([AND_OF_BYTES(x, y) * (1 << 8 * i) for i, (x, y) in enumerate(zip(self.digits(a, size), self.digits(b, size)))])

    def digits(self, value: Any, size: int) -> list[Any]:
        """The bytes of a number of `size` bits; those that the row has, where these are shown to be the same."""
        if value not in self._digits:
            names = [(("digit", self, len(self._digits), i), 0, 255) for i in range(size // 8)]
            found = [self.solver.variable(*name) for name in names]
            self.solver.z3.add(value == z3.Sum([d * (1 << 8 * i) for i, d in enumerate(found)]))
            own = self.solver.bytes()
            likely = self.solver.like(found, own)
            self._digits[value] = [next((f for f in fs if self.solver.proves(d == f)), d) for d, fs in zip(found, likely, strict=True)]
            self.solver.z3.add(*(d == f for d, f in zip(found, self._digits[value])))
        return self._digits[value]


def _size(term: Any) -> int:
    return term.size()


def _modulo(w: Words, term: Any, a: Terms) -> Any:
    size = _size(term)
    return w.split(z3.Sum(list(a)), 1 << size, len(a) * ((1 << size) - 1))[1]


def _minus(w: Words, term: Any, a: Terms) -> Any:
    size = 1 << _size(term)
    return w.split(a[0] - a[1] + size, size, 2 * size)[1]


def _concat(w: Words, term: Any, a: Terms) -> Any:
    total: Any = z3.IntVal(0)
    for x, part in zip(a, term.children(), strict=True):
        total = total * (1 << _size(part)) + x
    return total


def _extract(w: Words, term: Any, a: Terms) -> Any:
    high, low = term.params()
    size = _size(term.children()[0])
    if low % 8 == 0 and high % 8 == 7 and size % 8 == 0:
        return z3.Sum([d * (1 << 8 * i) for i, d in enumerate(w.digits(a[0], size)[low // 8 : high // 8 + 1])])
    return w.bits(a[0], size, low, high)


def _sign_extended(w: Words, term: Any, a: Terms) -> Any:
    small = _size(term.children()[0])
    return z3.If(a[0] >= 1 << (small - 1), a[0] + (1 << _size(term)) - (1 << small), a[0])


def _signed(term: Any, value: Any) -> Any:
    size = _size(term)
    return z3.If(value >= 1 << (size - 1), value - (1 << size), value)


def _signed_order(compare: Callable[[Any, Any], Any]) -> Callable[[Words, Any, Terms], Any]:
    return lambda w, term, a: compare(*(_signed(t, x) for t, x in zip(term.children(), a, strict=True)))


def _and(w: Words, term: Any, a: Terms) -> Any:
    size = _size(term)
    for mask, x in zip(term.children(), reversed(a), strict=True):
        if z3.is_bv_value(mask):
            low, high = _run(mask.as_long())
            return w.bits(x, size, low, min(high, size - 1)) * (1 << low)
    return w.both(*a, size)


def _run(mask: int) -> tuple[int, int]:
    """The lowest and the highest bit of a mask of consecutive bits."""
    low, high = (mask & -mask).bit_length() - 1, mask.bit_length() - 1
    assert mask == (1 << (high + 1)) - (1 << low)
    return low, high


def _shift(w: Words, term: Any, a: Terms) -> Any:
    size, kind = _size(term), term.decl().kind()
    by = w.solver.constant(a[1])
    assert by is not None and by < size, "shifts are by amounts that are known in each case"
    if kind == z3.Z3_OP_BSHL:
        return w.bits(a[0], size, 0, size - 1 - by) * (1 << by)
    down = w.bits(a[0], size, by, size - 1) if by else a[0]
    if kind == z3.Z3_OP_BLSHR:
        return down
    return z3.If(a[0] >= 1 << (size - 1), down + (1 << size) - (1 << (size - by)), down)


_SAME: Final[dict[int, Any]] = {
    z3.Z3_OP_TRUE: lambda: z3.BoolVal(True),
    z3.Z3_OP_FALSE: lambda: z3.BoolVal(False),
    z3.Z3_OP_ITE: z3.If,
    z3.Z3_OP_NOT: z3.Not,
    z3.Z3_OP_AND: z3.And,
    z3.Z3_OP_OR: z3.Or,
    z3.Z3_OP_IMPLIES: z3.Implies,
    z3.Z3_OP_EQ: lambda a, b: a == b,
    z3.Z3_OP_DISTINCT: lambda a, b: a != b,
    z3.Z3_OP_ULT: lambda a, b: a < b,
    z3.Z3_OP_ULEQ: lambda a, b: a <= b,
    z3.Z3_OP_UGT: lambda a, b: a > b,
    z3.Z3_OP_UGEQ: lambda a, b: a >= b,
    z3.Z3_OP_ZERO_EXT: lambda a: a,
}
"""What is the same over integers."""
_RULES: Final[dict[int, Callable[[Words, Any, Terms], Any]]] = {
    z3.Z3_OP_BADD: _modulo,
    z3.Z3_OP_BSUB: _minus,
    z3.Z3_OP_CONCAT: _concat,
    z3.Z3_OP_EXTRACT: _extract,
    z3.Z3_OP_SIGN_EXT: _sign_extended,
    z3.Z3_OP_SLT: _signed_order(lambda a, b: a < b),
    z3.Z3_OP_SLEQ: _signed_order(lambda a, b: a <= b),
    z3.Z3_OP_SGT: _signed_order(lambda a, b: a > b),
    z3.Z3_OP_SGEQ: _signed_order(lambda a, b: a >= b),
    z3.Z3_OP_BNOT: lambda w, term, a: (1 << _size(term)) - 1 - a[0],
    z3.Z3_OP_BAND: _and,
    z3.Z3_OP_BOR: lambda w, term, a: a[0] + a[1] - w.both(*a, _size(term)),
    z3.Z3_OP_BXOR: lambda w, term, a: a[0] + a[1] - 2 * w.both(*a, _size(term)),
    z3.Z3_OP_BSHL: _shift,
    z3.Z3_OP_BLSHR: _shift,
    z3.Z3_OP_BASHR: _shift,
}
