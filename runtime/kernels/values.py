"""What kernels are called with and what they return, as words: the same for all kernels, and without Numba.

A kernel takes arrays, integers, booleans, and tuples of these. A part that is no tuple is one word: an integer, or the address of the
object of an array. Machine code reads there where the array is and of what shape, and sees that it is of the kind that it was made for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np

Shape = Any
"""Of a result, as JSON: None, "int", "bool", ["array", dtype, dimensions] or ["tuple", parts …]."""
Types = tuple[Any, ...]
"""The type of each argument; of a tuple itself, its type and those of its parts."""

COPIED_BYTES: Final = 1 << 12
SCALARS: Final = (int, bool, np.uint8, np.uint32, np.int64, np.uint64)


def flattened(arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], Types]:
    """The parts of all arguments, in order, and the types. TypeError for what a kernel cannot take."""
    parts: list[Any] = []
    types: list[Any] = []
    for value in arguments:
        kind = type(value)
        if isinstance(value, tuple):
            inner, within = flattened(value)  # pyright: ignore[reportUnknownArgumentType]
            parts += inner
            types.append((kind, *within))
        elif kind is np.ndarray or kind in SCALARS:
            parts.append(value)
            types.append(kind)
        else:
            raise TypeError(f"a kernel takes no {kind.__name__}")
    return tuple(parts), tuple(types)


def description(arguments: tuple[Any, ...]) -> list[Any]:
    """Text for each argument, the same for all that one machine code is for: its types, and of arrays all that Numba's types tell."""
    return [_described(value) for value in arguments]


def _described(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, tuple):
        return [kind.__module__, kind.__qualname__, *description(value)]  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(value, np.ndarray):
        return kind.__name__
    flags = value.flags
    layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
    return [value.dtype.str, value.ndim, layout, flags.writeable]


def words_of(shape: Shape) -> int:
    """How many words a result has: an array has its owner, its address, its dimensions and its strides."""
    if shape is None:
        return 0
    if isinstance(shape, str):
        return 1
    return 2 + 2 * shape[2] if shape[0] == "array" else sum(map(words_of, shape[1:]))


def value_of(shape: Shape, words: Iterator[int], release: Callable[[int], None], arguments: tuple[Any, ...]) -> Any:
    """The result that the words are. An array keeps its memory, or the arguments that it may be a view of; a small one is copied."""
    if shape is None:
        return None
    if shape == "int":
        return next(words)
    if shape == "bool":
        return next(words) != 0
    if shape[0] == "tuple":
        return tuple(value_of(part, words, release, arguments) for part in shape[1:])
    owner, address = next(words), next(words)
    extent, strides = tuple(islice(words, shape[2])), tuple(islice(words, shape[2]))
    if owner:
        dtype = _dtype(shape[1])
        size = dtype.itemsize
        for count, stride in zip(reversed(extent), reversed(strides)):
            if stride != size:
                break
            size *= count
        else:
            if 0 < size <= COPIED_BYTES:  # a tenth of the time that an owner takes, and memory is free at once
                data = bytearray(ctypes.string_at(address, size))
                release(owner)
                return np.frombuffer(data, dtype).reshape(extent)
    return np.asarray(_Owner(owner, release, arguments, address, shape[1], extent, strides))


_dtype: Final = lru_cache(np.dtype)


class _Owner:
    """Of memory that machine code got."""

    def __init__(
        self, owner: int, release: Callable[[int], None], arguments: tuple[Any, ...], address: int, dtype: str, extent: tuple[int, ...],
        strides: tuple[int, ...],
    ) -> None:  # fmt: skip
        self._owner, self._release = owner, release
        self._arguments = None if owner else arguments
        self.__array_interface__: dict[str, Any] = {
            "data": (address, False), "shape": extent, "strides": strides, "typestr": dtype, "version": 3,
        }  # fmt: skip

    def __del__(self) -> None:
        if self._owner:
            self._release(self._owner)


class _Failure(ctypes.Structure):
    """How Numba describes an exception: a pickle of its class and arguments, and whether some are only known when it is raised."""

    _fields_ = (("pickle", ctypes.c_void_p), ("size", ctypes.c_int32), ("given", ctypes.c_void_p), ("unwrap", ctypes.c_void_p),
                ("count", ctypes.c_int32))  # fmt: skip


def error_of(address: int) -> Exception:
    """The exception that machine code describes; the pickle is a part of it."""
    import pickle

    if address == 0:
        return RuntimeError("a kernel failed")
    found = _Failure.from_address(address)
    kind, arguments, *_ = pickle.loads(ctypes.string_at(found.pickle or 0, found.size))
    return kind("a kernel failed") if found.count else kind(*arguments)
