"""The entry of a kernel in LLVM code: from words to values of Numba's types, and back. See `values`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.np.numpy_support import as_dtype

from zkc.runtime.kernels.entry import I8, I32, I64, OBJECT_BYTES, POINTER, field
from zkc.runtime.kernels.later import cgutils, types
from zkc.runtime.kernels.native import DONE, FAILED, REFUSED
from zkc.runtime.kernels.values import Shape

_C, _F, _WRITEABLE = 0x1, 0x2, 0x400
"""Bits of the flags of an array."""
_FOREIGN: Final = ">" if sys.byteorder == "little" else "<"


def emit_entry(context: Any, entry: Any, callee: Any, fndesc: Any) -> None:
    """Calls a compiled function with values of the words."""
    b = ir.IRBuilder(entry.append_basic_block("entry"))
    given, out = entry.args
    numbers = count()

    def next_word() -> Any:
        return b.load(b.gep(given, [I64(next(numbers))]))

    values = [_argument(context, b, kind, next_word) for kind in fndesc.argtypes]
    status, result = context.call_conv.call_function(b, callee, fndesc.restype, fndesc.argtypes, values)
    with b.if_then(status.is_error, likely=False):
        b.store(b.ptrtoint(status.excinfoptr, I64), out)
        b.ret(I32(FAILED))
    for place, word in enumerate(_result(context, b, fndesc.restype, result)):
        b.store(word, b.gep(out, [I64(place)]))
    b.ret(I32(DONE))


def emit_inlined(context: Any, function: Any, callee: Any, fndesc: Any) -> None:
    """Calls a compiled function with words as others' LLVM code has them; arrays are of the right kind. There is nobody to say to that
    memory ran out.
    """
    b = ir.IRBuilder(function.append_basic_block("entry"))
    values = [_inlined(context, b, kind, word) for kind, word in zip(fndesc.argtypes, function.args, strict=True)]
    status, result = context.call_conv.call_function(b, callee, fndesc.restype, fndesc.argtypes, values)
    with b.if_then(status.is_error, likely=False):
        b.call(ir.Function(b.module, ir.FunctionType(ir.VoidType(), []), "llvm.trap"), [])
        b.unreachable()
    b.ret(context.cast(b, result, fndesc.restype, types.int64))


def _inlined(context: Any, b: Any, kind: Any, word: Any) -> Any:
    return _array(context, b, kind, b.inttoptr(word, POINTER), checked=False) if isinstance(kind, types.Array) else word


def _argument(context: Any, b: Any, kind: Any, next_word: Callable[[], Any]) -> Any:
    """The value of a Numba type from the next words."""
    if isinstance(kind, types.Array):
        return _array(context, b, kind, b.inttoptr(next_word(), POINTER))
    if isinstance(kind, types.BaseTuple):
        return context.make_tuple(b, kind, [_argument(context, b, part, next_word) for part in kind])
    if isinstance(kind, types.Boolean):
        return b.icmp_unsigned("!=", next_word(), I64(0))
    return b.trunc(next_word(), context.get_value_type(kind)) if kind.bitwidth < 64 else next_word()


def _array(context: Any, b: Any, kind: Any, address: Any, *, checked: bool = True) -> Any:
    """The array that a NumPy object is; its memory stays the caller's. If it is `checked`, the entry returns if it is of another kind."""

    def numbers(at: int) -> list[Any]:
        start = b.bitcast(field(b, address, OBJECT_BYTES + at, POINTER), I64.as_pointer())
        return [b.load(b.gep(start, [I64(i)])) for i in range(kind.ndim)]

    if checked:
        _check(b, kind, address)
    array = context.make_array(kind)(context, b)
    context.populate_array(
        array, data=b.bitcast(field(b, address, OBJECT_BYTES, POINTER), array.data.type), shape=numbers(16), strides=numbers(24),
        itemsize=context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))), meminfo=None,
    )  # fmt: skip
    return array._getvalue()


def _check(b: Any, kind: Any, address: Any) -> None:
    """Returns if the array is of another kind."""
    dtype = field(b, address, OBJECT_BYTES + 40, POINTER)
    flags = {"C": _C, "F": _C | _F, "A": _C | _F}[kind.layout] | _WRITEABLE
    wanted = {"C": _C, "F": _F, "A": 0}[kind.layout] | (_WRITEABLE if kind.mutable else 0)
    fits = [
        b.icmp_unsigned("==", field(b, address, OBJECT_BYTES + 8, I32), I32(kind.ndim)),
        b.icmp_unsigned("==", b.and_(field(b, address, OBJECT_BYTES + 48, I32), I32(flags)), I32(wanted)),
        b.icmp_unsigned("==", field(b, dtype, OBJECT_BYTES + 12, I32), I32(as_dtype(kind.dtype).num)),
        b.icmp_unsigned("!=", field(b, dtype, OBJECT_BYTES + 10, I8), I8(ord(_FOREIGN))),
    ]
    for each in fits:
        with b.if_then(b.not_(each), likely=False):
            b.ret(I32(REFUSED))


def _result(context: Any, b: Any, kind: Any, value: Any) -> list[Any]:
    """The words of a result; see `values`."""
    if isinstance(kind, types.NoneType):
        return []
    if isinstance(kind, types.BaseTuple):
        return [word for part, x in zip(kind, cgutils.unpack_tuple(b, value), strict=True) for word in _result(context, b, part, x)]
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, b, value)
        parts = [*cgutils.unpack_tuple(b, array.shape), *cgutils.unpack_tuple(b, array.strides)]
        return [b.ptrtoint(array.meminfo, I64), b.ptrtoint(array.data, I64), *parts]
    if isinstance(kind, types.Boolean) or not kind.signed:
        return [b.zext(value, I64) if value.type != I64 else value]
    return [b.sext(value, I64) if value.type != I64 else value]


def format_of(kind: Any) -> str:
    """The letters of an argument; see `Native`."""
    if isinstance(kind, types.BaseTuple):
        return "".join(map(format_of, kind))
    if isinstance(kind, types.Array):
        return "a"
    return "q" if isinstance(kind, types.Integer) and kind.signed else "Q"


def shape_of(kind: Any) -> Shape:
    if isinstance(kind, types.NoneType):
        return None
    if isinstance(kind, types.BaseTuple):
        return ["tuple", *map(shape_of, kind)]
    if isinstance(kind, types.Array):
        return ["array", np.dtype(as_dtype(kind.dtype)).str, kind.ndim]
    if isinstance(kind, types.Boolean):
        return "bool"
    if isinstance(kind, types.Integer):
        return "int"
    raise TypeError(f"a kernel returns no {kind}")


def emit_release(module: Any, name: str) -> None:
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), name)
    release = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), "NRT_decref")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    b.call(release, function.args)
    b.ret_void()
