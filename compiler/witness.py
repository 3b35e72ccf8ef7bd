"""Integer expressions: what the executor computes and what fills witness columns. Hash-consed, each with exact bounds."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from zkc.runtime.field.koalabear import P

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1
FAR = 256
"""Shifts by more bits have the bounds of this one: such a value fits no machine integer, so it is never computed."""


@dataclass(frozen=True, eq=False)
class W:
    """A node: `op` with `args` (nodes, integers or names), low <= value <= high."""

    op: str
    args: tuple[object, ...]
    low: int
    high: int

    @property
    def const(self) -> int | None:
        return self.low if self.op == "const" else None


class _Nodes(threading.local):
    """All nodes of the compilation that runs in this thread; keys hold the ids of nodes, which live as long as the table."""

    def __init__(self) -> None:
        self.table: dict[tuple[object, ...], W] = {}


_nodes = _Nodes()


def make(op: str, args: tuple[object, ...], low: int, high: int) -> W:
    key = (op, *(id(a) if isinstance(a, W) else a for a in args), low, high)
    found = _nodes.table.get(key)
    if found is None:
        found = _nodes.table[key] = W(op, args, low, high)
    return found


def reset() -> None:
    """Forgets all nodes of this thread."""
    _nodes.table.clear()


def const(value: int) -> W:
    return make("const", (value,), value, value)


def add(a: W, b: W) -> W:
    if a.const is not None and b.const is not None:
        return const(a.const + b.const)
    if b.const == 0:
        return a
    if a.const == 0:
        return b
    return make("add", (a, b), a.low + b.low, a.high + b.high)


def sub(a: W, b: W) -> W:
    if a.const is not None and b.const is not None:
        return const(a.const - b.const)
    if b.const == 0:
        return a
    return make("sub", (a, b), a.low - b.high, a.high - b.low)


def mul(a: W, b: W) -> W:
    if a.const is not None and b.const is not None:
        return const(a.const * b.const)
    if a.const == 0 or b.const == 0:
        return const(0)
    if b.const == 1:
        return a
    if a.const == 1:
        return b
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return make("mul", (a, b), min(corners), max(corners))


def floor_divide(a: W, b: int) -> W:
    if a.const is not None:
        return const(a.const // b)
    if b == 1:
        return a
    if b > 0 and b & (b - 1) == 0:
        return shift_right(a, const(b.bit_length() - 1))
    low, high = sorted((a.low // b, a.high // b))
    return make("floordiv", (a, b), low, high)


def modulo(a: W, b: int) -> W:
    if a.const is not None:
        return const(a.const % b)
    if a.low >= 0 and a.high < b:
        return a
    return make("mod", (a, b), 0, b - 1)


def shift_left(a: W, b: W) -> W:
    if a.const is not None and b.const is not None:
        return const(a.const << b.const)
    if b.const is not None:
        return mul(a, const(1 << b.const))
    corners = [x << min(y, FAR) for x in (a.low, a.high) for y in (max(b.low, 0), max(b.high, 0))]
    return make("shl", (a, b), min(corners), max(corners))


def shift_right(a: W, b: W) -> W:
    if a.const is not None and b.const is not None:
        return const(a.const >> b.const)
    if b.const == 0:
        return a
    corners = [x >> y for x in (a.low, a.high) for y in (max(b.low, 0), max(b.high, 0))]
    return make("shr", (a, b), min(corners), max(corners))


def bitwise(op: str, a: W, b: W) -> W:
    """and, or, xor of integers >= 0."""
    if a.const is not None and b.const is not None:
        x, y = a.const, b.const
        return const({"and": x & y, "or": x | y, "xor": x ^ y}[op])
    if op == "and" and 0 in (a.const, b.const):
        return const(0)
    bits = (1 << max(a.high, b.high).bit_length()) - 1
    high = min(a.high, b.high) if op == "and" else bits
    return make(op, (a, b), 0, high)


def compare(op: str, a: W, b: W) -> W:
    """eq, ne, lt, ge as 0 or 1."""
    if a.const is not None and b.const is not None:
        x, y = a.const, b.const
        return const(int({"eq": x == y, "ne": x != y, "lt": x < y, "ge": x >= y}[op]))
    return make(op, (a, b), 0, 1)


def negation(a: W) -> W:
    return compare("eq", a, const(0))


def select(c: W, a: W, b: W) -> W:
    """a if c is not 0, else b."""
    if c.const is not None:
        return a if c.const else b
    if a is b:
        return a
    return make("select", (c, a, b), min(a.low, b.low), max(a.high, b.high))


def inverse(a: W) -> W:
    """1 / a in the field, 0 for 0."""
    if a.const is not None:
        return const(pow(a.const % P, P - 2, P))
    return make("inverse", (a,), 0, P - 1)


def division(op: str, a: W, b: W) -> W:
    """divide_unsigned, remainder_unsigned, divide_signed, remainder_signed on words, as RISC-V defines them."""
    return make(op, (a, b), 0, 2**32 - 1)


def signed_word(a: W) -> W:
    """A word as a signed integer."""
    if a.const is not None:
        return const(a.const - (a.const >> 31 << 32))
    return make("signed", (a,), -(2**31), 2**31 - 1)


def source(name: str, low: int, high: int) -> W:
    """A value the row is given: clk, pc, a field of the instruction, an input of a table."""
    return make("input", (name,), low, high)


def arm_is(arm: str) -> W:
    """1 in the arm of that name."""
    return make("is", (arm,), 0, 1)


def by_arm(values: dict[str, W]) -> W:
    """A value that differs by arm."""
    items = list(values.items())
    if all(v is items[0][1] for _, v in items):
        return items[0][1]
    args: list[object] = []
    for name, value in items:
        args += [name, value]
    return make("by_arm", tuple(args), min(v.low for _, v in items), max(v.high for _, v in items))


def latest(part: str, sequence: int, high: int) -> W:
    """What the load numbered `sequence` found: its value, time or mark."""
    return make("latest", (part, sequence), 0, high)


def host(name: str, sequence: int, high: int) -> W:
    """The answer of the host call numbered `sequence`."""
    return make("host", (name, sequence), 0, high)


def field_call(gadget: str, index: int, args: tuple[W, ...]) -> W:
    """Output `index` of a gadget that computes in the field."""
    return make("field_call", (gadget, index, *args), 0, P - 1)
