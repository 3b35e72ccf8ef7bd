"""Machine code that was compiled before: an object file is linked into this process, and called with words. It needs no Numba."""

from __future__ import annotations

import ctypes
import json
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from zkc.runtime.kernels.values import Shape, error_of, value_of, words_of

RELEASE: Final = "_release"
"""What the name of the function is followed by that gives memory of a result back."""
_LENGTH: Final = struct.Struct("<Q")

_lock = threading.Lock()
_engines: list[Any] = []


OTHER: Final = object()
"""Given back by machine code that is for arrays of another kind."""
DONE, FAILED, REFUSED = range(3)
"""What an entry returns."""

Linked = Callable[[tuple[Any, ...]], Any]
"""From the parts of all arguments (see `values`) to a result, or to OTHER. The interpreter lock is released meanwhile."""


@dataclass(frozen=True)
class Native:
    """A compiled kernel. symbol: its entry in the object code. words: a letter for each part of its arguments, `a` for an array, `q` or `Q`
    for an integer with or without a sign. result: see `values`.
    """

    symbol: str
    words: str
    result: Shape
    code: bytes

    def to_bytes(self) -> bytes:
        """The length of a JSON text, the text, the object code."""
        text = json.dumps([self.symbol, self.words, self.result]).encode()
        return _LENGTH.pack(len(text)) + text + self.code

    @staticmethod
    def from_bytes(data: bytes) -> Native:
        """What `to_bytes` was given."""
        (length,) = _LENGTH.unpack_from(data)
        start = _LENGTH.size + length
        symbol, words, result = json.loads(data[_LENGTH.size : start])
        return Native(symbol, words, result, data[start:])

    def link(self) -> Linked:
        """Brings the machine code into this process."""
        return self.linked(*self.place())

    def place(self) -> tuple[int, int]:
        """Brings the machine code into this process; the addresses there of its entry, and of what gives memory back or 0."""
        return _addresses(self)

    def linked(self, address: int, free: int) -> Linked:
        """Calls the entry at an address of `place`."""
        enter = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)(address)
        release: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(free) if free else None
        pack = struct.Struct("=" + self.words.replace("a", "Q")).pack  # which refuses integers that do not fit
        arrays = [place for place, letter in enumerate(self.words) if letter == "a"]
        result, buffer = self.result, ctypes.c_int64 * max(1, words_of(self.result))

        def call(parts: tuple[Any, ...]) -> Any:
            words = list(parts)
            for place in arrays:
                words[place] = id(words[place])
            out = buffer()
            try:
                packed = pack(*words)
            except struct.error:
                raise OverflowError("an integer has more than 64 bits") from None
            status = enter(packed, out)
            if status == DONE:
                return None if result is None else out[0] if result == "int" else value_of(result, iter(out[:]), release, parts)
            if status == FAILED:
                raise error_of(out[0])
            return OTHER

        return call


def _addresses(native: Native) -> tuple[int, int]:
    from llvmlite import binding

    with _lock:
        if not _engines:
            _engines.append(_engine(binding))
        (engine,) = _engines
        engine.add_object_file(binding.ObjectFileRef.from_data(native.code))
        engine.finalize_object()
        address = engine.get_function_address(native.symbol)
        if not address:
            raise ValueError(f"there is no {native.symbol} in its machine code")
        return address, engine.get_function_address(native.symbol + RELEASE) if "array" in json.dumps(native.result) else 0


def _engine(binding: Any) -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)
    return binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
