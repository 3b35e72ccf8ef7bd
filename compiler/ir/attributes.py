"""What attributes hold: an attribute of a name holds the same kind everywhere, but for what is said of one operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zkc.compiler.ir.operation import Attribute, Symbol
from zkc.dsl.built_in import DIVISIONS


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


_SHAPE: Final = re.compile(r"[A-Za-z_][\w.]*(?:\[([1-9]\d{0,3})\])?", re.ASCII)
MAX_LENGTH: Final = 4096
"""Elements of an array."""


def _is_shape(value: Attribute) -> bool:
    found = _SHAPE.fullmatch(value) if isinstance(value, str) else None
    return found is not None and int(found[1] or 1) <= MAX_LENGTH


def _is_name(value: Attribute) -> bool:
    return _is_shape(value) and "[" not in str(value)


def _are_distinct(value: Attribute) -> bool:
    return isinstance(value, tuple) and all(map(_is_string, value)) and len(set(value)) == len(value)


def one_of(*known: str) -> Kind:
    """One of these strings."""
    return Kind(f"one of {', '.join(known)}", lambda value: isinstance(value, str) and value in known)


INTEGER: Final = Kind("an integer", _is_integer)
NATURAL: Final = Kind("an integer from 0 up", _is_natural)
SIGN: Final = Kind("1 or -1", _is_sign)
TRUTH: Final = Kind("true or false", lambda value: isinstance(value, bool))
STRING: Final = Kind("a string", _is_string)
SYMBOL: Final = Kind("a symbol", lambda value: isinstance(value, Symbol))
STRINGS: Final = Kind("an array of strings", _list_of(_is_string))
DISTINCT: Final = Kind("an array of strings, each once", _are_distinct)
SHAPE: Final = Kind(f"a type, as `u32` or `felt[8]`, of {MAX_LENGTH} elements at most", _is_shape)
SHAPES: Final = Kind("an array of types, as `u32` or `felt[8]`", _list_of(_is_shape))
NAME: Final = Kind("the name of a type, as `u32`", _is_name)
NATURALS: Final = Kind("an array of integers from 0 up", _list_of(_is_natural))

CONSTANT: Final = Kind("an integer, or an array of such", _is_constant)
PIECES: Final = Kind("an array of arrays of four integers from 0 up", _list_of(_is_piece))

KINDS: Final[Mapping[str, Kind]] = {
    "agreed": TRUTH,
    "arm": STRING,
    "arms": DISTINCT,
    "because": STRING,
    "bound": STRING,
    "bus": SYMBOL,
    "by": INTEGER,
    "callee": SYMBOL,
    "checks": TRUTH,
    "chip": TRUTH,
    "clock": STRING,
    "column": NATURAL,
    "fields": STRINGS,
    "format": SYMBOL,
    "frame": SYMBOL,
    "free": STRING,
    "gadget": SYMBOL,
    "high": INTEGER,
    "immediate": TRUTH,
    "index": NATURAL,
    "insn": STRING,
    "known": STRING,
    "label": STRING,
    "low": INTEGER,
    "lows": NATURALS,
    "mask": NATURAL,
    "match": NATURAL,
    "message": STRING,
    "messages": NATURALS,
    "name": STRING,
    "names": DISTINCT,
    "number": STRING,
    "on": SYMBOL,
    "op": NATURAL,
    "operator": STRING,
    "outputs": DISTINCT,
    "over": INTEGER,
    "params": DISTINCT,
    "pieces": PIECES,
    "record_words": NATURAL,
    "remembers": STRING,
    "results": SHAPES,
    "same": DISTINCT,
    "sign": SIGN,
    "slot": NATURAL,
    "sym_name": STRING,
    "table": SYMBOL,
    "trusted": TRUTH,
    "type": SHAPE,
    "types": SHAPES,
    "uses": DISTINCT,
    "value": INTEGER,
    "variant": NATURAL,
    "widths": NATURALS,
    "word": NATURAL,
}
OF_OPERATION: Final[Mapping[tuple[str, str], Kind]] = {
    ("air.column", "type"): NAME,
    ("air.constraint", "checks"): NATURAL,
    ("air.constraint", "kind"): one_of("assert", "column", "definition", "result", "selector", "type"),
    ("air.message", "checks"): NATURAL,
    ("circ.const", "value"): CONSTANT,
    ("circ.decode", "fields"): DISTINCT,
    ("circ.decode", "type"): NAME,
    ("circ.divide", "name"): one_of(*DIVISIONS),
    ("circ.family", "type"): NAME,
    ("circ.fixed", "fields"): DISTINCT,
    ("circ.format", "fields"): DISTINCT,
    ("circ.format", "type"): NAME,
    ("circ.frame", "fields"): DISTINCT,
    ("circ.frame", "type"): NAME,
    ("circ.struct", "fields"): DISTINCT,
    ("circ.table", "kind"): one_of("claim", "given", "step"),
    ("row.column", "type"): NAME,
    ("row.guards", "kind"): one_of("guards"),
    ("row.range", "type"): NAME,
    ("row.table", "kind"): one_of("claim", "given", "step"),
}
"""Where it is not the same: `checks` is the number of a column, `value` may be several, names stand there once, a kind is one of few."""


def kind_of(operation: str, attribute: str) -> Kind:
    """What the attribute of an operation holds. KeyError if nobody said it."""
    return OF_OPERATION.get((operation, attribute)) or KINDS[attribute]
