"""Values by name, as people give them, to the words of records: names, shapes and ranges are checked here and nowhere else.

A value of a table is an array with a row for each row of the table, or one number for all rows; of an array type it has a further axis; of
a struct it is a mapping of its fields, or an integer whose bits they are, the first field lowest. Numbers are whole, and never reduced.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.spec import CircuitSpec, Given
from zkc.runtime.errors import InputError

Words = npt.NDArray[np.uint32]
Values = Mapping[str, object]
"""By the names of inputs."""
CLAIM = "claim"
_PART = re.compile(r"\[(\d+)\]|\.(\w+)")


@dataclass
class Node:
    """An input, or a part of one: a word of the record and its greatest value, or parts by field or position."""

    word: int = -1
    most: int = 0
    parts: dict[str | int, Node] = field(default_factory=lambda: {})

    @property
    def is_array(self) -> bool:
        return 0 in self.parts

    def shape(self) -> str:
        """For people: what belongs here."""
        if self.is_array:
            return f"{len(self.parts)} times {self.parts[0].shape()}"
        if self.parts:
            return f"{{{', '.join(f'{name}: {part.shape()}' for name, part in self.parts.items())}}}"
        return f"0 .. {self.most}"


def tree_of(given: Given) -> dict[str, Node]:
    """The inputs by name."""
    found: dict[str, Node] = {}
    for word, (name, most) in enumerate(zip(given.names, given.most, strict=True)):
        stem = re.split(r"[\[.]", name, maxsplit=1)[0]
        node = found.setdefault(stem, Node())
        for part in _PART.finditer(name, len(stem)):
            node = node.parts.setdefault(int(part[1]) if part[1] else part[2], Node())
        node.word, node.most = word, most
    return found


def described(spec: CircuitSpec) -> dict[str, dict[str, str]]:
    """What each table and the claim are given, for people: by name, the numbers that are allowed."""
    every = {**spec.inputs, CLAIM: spec.claim}
    return {table: {name: node.shape() for name, node in tree_of(given).items()} for table, given in every.items()}


def records_of(spec: CircuitSpec, tables: Mapping[str, Values]) -> dict[str, Words]:
    """For each table that is given, `uint32[rows][words of a record]`. InputError for what is missing, unknown, or does not fit."""
    _check_names("table", "of this circuit", tables, spec.inputs, every=False)
    return {name: _records(spec.inputs[name], values, f"table {name}") for name, values in tables.items()}


def claim_of(spec: CircuitSpec, values: Values) -> tuple[int, ...]:
    """What the public row is given, in order. InputError as above."""
    single = {name: _with_row(value) for name, value in values.items()}
    return tuple(int(x) for x in _records(spec.claim, single, CLAIM)[0])


def words_of(spec: CircuitSpec, values: Values) -> dict[str, int]:
    """Some of what the public row is given, by the names of its words. InputError as above."""
    tree = tree_of(spec.claim)
    _check_names("input", f"of {CLAIM}", values, tree, every=False)
    found = {w: c for name, value in values.items() for w, c in _columns(tree[name], _with_row(value), name, CLAIM).items()}
    return {spec.claim.names[word]: int(column[0]) for word, column in found.items()}


def nested(names: Sequence[str], values: Sequence[int]) -> dict[str, Any]:
    """Words by name as the values that they are parts of: `x[0]` and `x[1]` as the list `x`, `y.lo` as a field of the mapping `y`."""
    tree = tree_of(Given(tuple(names), (0,) * len(names)))

    def value(node: Node) -> Any:
        if node.is_array:
            return [value(part) for part in node.parts.values()]
        return {str(name): value(part) for name, part in node.parts.items()} if node.parts else values[node.word]

    return {name: value(node) for name, node in tree.items()}


def _with_row(value: object) -> object:
    """A value of the only row, as an array with a row."""
    if isinstance(value, Mapping):
        return {name: _with_row(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return np.asarray(value)[None]


def _records(given: Given, values: object, where: str) -> Words:
    if not isinstance(values, Mapping):
        raise InputError(f"the values of {where} are no mapping of names to arrays", where=where)
    tree = tree_of(given)
    _check_names("input", f"of {where}", values, tree, every=True)  # pyright: ignore[reportUnknownArgumentType]
    columns: dict[int, npt.NDArray[np.int64]] = {}
    for name, node in tree.items():
        columns |= _columns(node, values[name], name, where)
    rows = _rows({given.names[word]: column for word, column in columns.items()}, where)
    return np.stack([np.broadcast_to(columns[w], rows) for w in range(len(given.names))], axis=1).astype(np.uint32)


def _rows(columns: Mapping[str, npt.NDArray[np.int64]], where: str) -> int:
    """How many rows there are: as many as all arrays have."""
    counts = {name: len(column) for name, column in columns.items() if column.ndim}
    first = next(iter(counts), "")
    for name, count in counts.items():
        if count != counts[first]:
            message = f"`{name}` has {count} rows, and `{first}` has {counts[first]}"
            raise InputError(message, where=where, hint="give arrays of one length, or one number for all rows")
    return counts.get(first, 1)


def _columns(node: Node, value: object, name: str, where: str) -> dict[int, npt.NDArray[np.int64]]:
    """The words of an input and their values: `int64[rows]`, or one number for all rows."""
    if isinstance(value, Mapping):
        if node.is_array or not node.parts:
            raise InputError(f"`{name}` has no fields", where=where, hint=f"give {node.shape()} for each row")
        parts: Mapping[str, object] = value  # pyright: ignore[reportUnknownVariableType]
        _check_names("field", f"of `{name}`", parts, {str(p): None for p in node.parts}, every=True, where=where)
        return {w: c for p, part in node.parts.items() for w, c in _columns(part, parts[str(p)], f"{name}.{p}", where).items()}
    return _split(node, _numbers(value, name, where), name, where)


def _numbers(value: object, name: str, where: str) -> npt.NDArray[Any]:
    """Whole numbers in an array, as int64 or as Python's."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of several lengths
        array = np.asarray(None)
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind in "iu":
        return array.astype(object) if array.dtype == np.uint64 else array.astype(np.int64)
    if array.dtype.kind == "O" and all(isinstance(x, int) for x in array.flat):
        return array
    if array.size == 0:
        return array.astype(np.int64)
    hint = "give integers, in lists of one length or an array of NumPy"
    raise InputError(f"`{name}` is not an array of whole numbers", where=where, hint=hint)


def _split(node: Node, array: npt.NDArray[Any], name: str, where: str) -> dict[int, npt.NDArray[np.int64]]:
    if node.is_array:
        return _elements(node, array, name, where)
    if array.ndim > 1:
        raise InputError(f"`{name}` has the shape {array.shape}", where=where, hint="it is one number for each row")
    if node.parts:
        return _limbs(node, array, name, where)
    wrong = np.flatnonzero((array < 0) | (array > node.most))
    if len(wrong):
        row = int(wrong[0])
        at = f"{where}, row {row}" if array.ndim and where != CLAIM else where
        raise InputError(f"`{name}` is {array.flat[row]}, not within 0 .. {node.most}", where=at)
    return {node.word: array.astype(np.int64)}


def _elements(node: Node, array: npt.NDArray[Any], name: str, where: str) -> dict[int, npt.NDArray[np.int64]]:
    """Those of an array type: on the axis after the rows."""
    if array.ndim and (array.ndim < 2 or array.shape[1] != len(node.parts)):
        shape = array.shape[1:] if where == CLAIM else array.shape
        hint = f"{where if where == CLAIM else 'each row'} has {len(node.parts)} elements of it"
        raise InputError(f"`{name}` has the shape {shape}", where=where, hint=hint)
    found: dict[int, npt.NDArray[np.int64]] = {}
    for i, part in node.parts.items():
        found |= _split(part, array[:, int(i)] if array.ndim else array, f"{name}[{i}]", where)
    return found


def _limbs(node: Node, array: npt.NDArray[Any], name: str, where: str) -> dict[int, npt.NDArray[np.int64]]:
    """Those of a struct, from integers that they are the bits of."""
    if any(part.parts or part.most & (part.most + 1) for part in node.parts.values()):
        raise InputError(f"`{name}` is no integer", where=where, hint=f"give {node.shape()}")
    found: dict[int, npt.NDArray[np.int64]] = {}
    rest = array
    for field_, part in list(node.parts.items())[:-1]:
        found |= _split(part, rest & part.most, f"{name}.{field_}", where)
        rest = rest >> part.most.bit_length()
    last = list(node.parts)[-1]
    return found | _split(node.parts[last], rest, name if not found else f"{name}.{last}", where)


def _check_names(
    what: str, owner: str, given: Iterable[object], known: Mapping[str, object], *, every: bool, where: str | None = None
) -> None:
    names = list(given)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known) or 'none'}"
            raise InputError(f"there is no {what} `{name}` {owner}", where=where, hint=hint)
    missing = [name for name in known if name not in names]
    if every and missing:
        raise InputError(f"the {what} `{missing[0]}` {owner} is missing", where=where, hint=f"there are: {', '.join(known)}")
