"""A compiled circuit as bytes and back: JSON and arrays, nothing that is executed when it is read."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

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
    rest = memoryview(data)[start:]

    def made(hint: Any, value: Any) -> Any:
        nonlocal rest
        kind, parts = get_origin(hint), get_args(hint)
        if is_dataclass(hint):
            return hint(*(made(part, x) for part, x in zip(_hints(hint), value, strict=True)))  # type: ignore[operator]
        if kind is dict:
            return {made(parts[0], key): made(parts[1], x) for key, x in value}
        if kind is tuple:
            hints = parts[:1] * len(value) if parts[1:] == (...,) else parts
            return tuple(value) if set(hints) <= {int, str, bool} else tuple(made(part, x) for part, x in zip(hints, value, strict=True))
        if kind is UnionType:
            return None if value is None else made(parts[0], value)
        if kind is np.ndarray:
            dtype, shape, size = value
            array = np.frombuffer(rest[:size], dtype=dtype).reshape(shape).copy()  # a kernel for arrays that may be written is another one
            rest = rest[size:]
            return array
        return bytes.fromhex(value) if hint is bytes else value

    kind, values = json.loads(data[_LENGTH_BYTES:start])
    spec = made(_KINDS[kind], values)
    return spec if circuit_digest(spec.circuit) == spec.circuit.digest else None


@cache
def _hints(kind: Any) -> tuple[Any, ...]:
    """The types of the fields of a dataclass, in order."""
    hints = get_type_hints(kind)
    return tuple(hints[part.name] for part in fields(kind))
