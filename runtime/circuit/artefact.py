"""A compiled circuit as bytes and back: JSON and arrays, nothing that is executed when it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.circuit.machine import MachineSpec
from zkc.runtime.circuit.spec import CircuitSpec

_LENGTH_BYTES = 8
_KINDS = {kind.__name__: kind for kind in (CircuitSpec, MachineSpec)}


def to_bytes(spec: CircuitSpec) -> bytes:
    """The length of a JSON text, the text, then the arrays one after the other."""
    arrays: list[bytes] = []

    def plain(value: Any) -> Any:
        if is_dataclass(value):
            return [plain(getattr(value, part.name)) for part in fields(value)]
        if isinstance(value, dict):
            return [[plain(key), plain(part)] for key, part in value.items()]
        if isinstance(value, tuple | list):
            return [plain(part) for part in value]
        if isinstance(value, np.ndarray):
            arrays.append(np.ascontiguousarray(value).tobytes())
            return [value.dtype.str, value.shape, len(arrays[-1])]
        return value.hex() if isinstance(value, bytes) else value

    text = json.dumps([type(spec).__name__, plain(spec)]).encode()
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, "little"), text, *arrays])


def from_bytes(data: bytes) -> CircuitSpec | None:
    """The circuit, or None if it does not have the digest that it names: then it is none of ours."""
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    kind, values = json.loads(data[_LENGTH_BYTES:start])
    spec = _maker(_KINDS[kind])(values, _Arrays(memoryview(data)[start:]))
    return spec if circuit_digest(spec.circuit) == spec.circuit.digest else None


class _Arrays:
    """Arrays one after the other."""

    def __init__(self, rest: memoryview) -> None:
        self._rest = rest

    def take(self, described: tuple[str, list[int], int]) -> npt.NDArray[Any]:
        """The next one. described: dtype, shape, bytes."""
        dtype, shape, size = described
        array = np.frombuffer(self._rest[:size], dtype=dtype).reshape(shape).copy()  # kernels for arrays that may be written are others
        self._rest = self._rest[size:]
        return array


Maker = Callable[[Any, _Arrays], Any]
"""From what `plain` made of a value to the value."""


@cache
def _maker(hint: Any) -> Maker:
    """For values of a type. Made once for each: a machine has twelve thousand values of some forty types."""
    kind, parts = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return _fields_maker(hint)
    if kind is dict:
        key, part = map(_maker, parts)
        return lambda value, arrays: {key(k, arrays): part(x, arrays) for k, x in value}
    if kind is tuple:
        return _tuple_maker(parts)
    if kind is UnionType:
        some = _maker(parts[0])
        return lambda value, arrays: None if value is None else some(value, arrays)
    if kind is np.ndarray:
        return lambda value, arrays: arrays.take(value)
    return (lambda value, _: bytes.fromhex(value)) if hint is bytes else (lambda value, _: value)


def _fields_maker(kind: Any) -> Maker:
    """Of a dataclass."""
    hints = get_type_hints(kind)
    makers = [_maker(hints[part.name]) for part in fields(kind)]
    return lambda value, arrays: kind(*[make(x, arrays) for make, x in zip(makers, value, strict=True)])


def _tuple_maker(parts: tuple[Any, ...]) -> Maker:
    if set(parts) <= {int, str, bool, ...}:
        return lambda value, _: tuple(value)
    if parts[1:] == (...,):
        every = _maker(parts[0])
        return lambda value, arrays: tuple([every(x, arrays) for x in value])
    makers = [_maker(part) for part in parts]
    return lambda value, arrays: tuple([make(x, arrays) for make, x in zip(makers, value, strict=True)])
