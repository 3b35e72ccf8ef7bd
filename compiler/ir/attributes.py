"""What attributes hold: an attribute of a name holds the same kind everywhere, but for what is said of one operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zkc.compiler.ir.operation import Attribute, Symbol


@dataclass(frozen=True)
class Kind:
    """What an attribute may hold, in words for people, and whether it does."""

    name: str
    holds: Callable[[Attribute], bool]


def _is_integer(value: Attribute) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_natural(value: Attribute) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _list_of(item: Callable[[Attribute], bool]) -> Callable[[Attribute], bool]:
    return lambda value: isinstance(value, tuple) and all(map(item, value))


def _is_string(value: Attribute) -> bool:
    return isinstance(value, str)


def _is_constant(value: Attribute) -> bool:
    return all(map(_is_constant, value)) if isinstance(value, tuple) else _is_integer(value)


def _is_piece(value: Attribute) -> bool:
    return _list_of(_is_natural)(value) and isinstance(value, tuple) and len(value) == 4


def _is_sign(value: Attribute) -> bool:
    return _is_integer(value) and value in (1, -1)


INTEGER: Final = Kind("an integer", _is_integer)
NATURAL: Final = Kind("an integer from 0 up", _is_natural)
SIGN: Final = Kind("1 or -1", _is_sign)
TRUTH: Final = Kind("true or false", lambda value: isinstance(value, bool))
STRING: Final = Kind("a string", _is_string)
SYMBOL: Final = Kind("a symbol", lambda value: isinstance(value, Symbol))
STRINGS: Final = Kind("an array of strings", _list_of(_is_string))
NATURALS: Final = Kind("an array of integers from 0 up", _list_of(_is_natural))

CONSTANT: Final = Kind("an integer, or an array of such", _is_constant)
PIECES: Final = Kind("an array of arrays of four integers from 0 up", _list_of(_is_piece))

KINDS: Final[Mapping[str, Kind]] = {
    "agreed": TRUTH,
    "arm": STRING,
    "arms": STRINGS,
    "because": STRING,
    "bound": STRING,
    "bus": SYMBOL,
    "by": INTEGER,
    "callee": SYMBOL,
    "checks": TRUTH,
    "clock": STRING,
    "column": NATURAL,
    "fields": STRINGS,
    "format": SYMBOL,
    "free": STRING,
    "gadget": SYMBOL,
    "high": INTEGER,
    "immediate": TRUTH,
    "index": NATURAL,
    "insn": STRING,
    "kind": STRING,
    "known": STRING,
    "label": STRING,
    "low": INTEGER,
    "lows": NATURALS,
    "mask": NATURAL,
    "match": NATURAL,
    "message": STRING,
    "messages": NATURALS,
    "name": STRING,
    "names": STRINGS,
    "number": STRING,
    "on": SYMBOL,
    "op": NATURAL,
    "operator": STRING,
    "outputs": STRINGS,
    "over": INTEGER,
    "params": STRINGS,
    "pieces": PIECES,
    "record_words": NATURAL,
    "remembers": STRING,
    "results": STRINGS,
    "sign": SIGN,
    "slot": NATURAL,
    "sym_name": STRING,
    "table": SYMBOL,
    "trusted": TRUTH,
    "type": STRING,
    "types": STRINGS,
    "uses": STRINGS,
    "value": INTEGER,
    "widths": NATURALS,
    "word": NATURAL,
}
OF_OPERATION: Final[Mapping[tuple[str, str], Kind]] = {
    ("air.constraint", "checks"): NATURAL,
    ("air.message", "checks"): NATURAL,
    ("circ.const", "value"): CONSTANT,
}
"""Where `checks` is the number of a column, and `value` may be several."""


def kind_of(operation: str, attribute: str) -> Kind:
    """What the attribute of an operation holds. KeyError if nobody said it."""
    return OF_OPERATION.get((operation, attribute)) or KINDS[attribute]
