"""Packed lanes: sixteen 32-bit words as one Numba value.

`Packed` holds sixteen words; `+ - *` are KoalaBear operations on words in Montgomery form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from zkc.runtime.field import emit
from zkc.runtime.field.compiled import intrinsic
from zkc.runtime.field.koalabear import P_INVERSE
from zkc.runtime.kernels.later import cgutils, types

LANES: Final = 16
WORDS: Final = ir.VectorType(emit.I32, LANES)

Emitter = Callable[..., emit.Value]


def packed_type() -> Any:
    """The Numba type of sixteen words."""
    from zkc.runtime.field.packed_type import packed

    return packed


# ***** memory *****


def _parts(kind: Any) -> tuple[Any, ...]:
    """The types of a tuple's elements, or the type of a single value."""
    return tuple(kind.types) if isinstance(kind, types.UniTuple | types.Tuple) else (kind,)


def _lane_pointer(
    context: Any, b: emit.Builder, array_type: Any, array: emit.Value, index_type: Any, index: emit.Value
) -> emit.Value:
    indices = cgutils.unpack_tuple(b, index) if isinstance(index_type, types.BaseTuple) else [index]
    indices = [context.cast(b, i, kind, types.intp) for i, kind in zip(indices, _parts(index_type), strict=True)]
    struct = context.make_array(array_type)(context, b, array)
    pointer = cgutils.get_item_pointer(context, b, array_type, struct, indices, wraparound=False)
    return b.bitcast(pointer, WORDS.as_pointer())


def _load(b: emit.Builder, pointer: emit.Value) -> emit.Value:
    value = b.load(pointer)
    value.align = 4
    return value


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """`load(array, index)`: the sixteen words from `array[index]` on, not bounds-checked.

    index is an integer or a tuple; the last axis is contiguous.
    """

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        return _load(b, _lane_pointer(context, b, sig.args[0], args[0], sig.args[1], args[1]))

    return packed_type()(array, index), emitter


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """`store(array, index, value)`: write sixteen words from `array[index]` on. Not bounds-checked."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        b.store(args[2], _lane_pointer(context, b, sig.args[0], args[0], sig.args[1], args[1])).align = 4
        return context.get_dummy_value()

    return types.void(array, index, packed_type()), emitter


@intrinsic
def load_address(typingctx: Any, address: Any, index: Any) -> Any:
    """`load_address(address, index)`: sixteen words from the `index`-th word behind a raw address (see `column_addresses`)."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        base = b.inttoptr(args[0], emit.I32.as_pointer())
        return _load(b, b.bitcast(b.gep(base, [args[1]]), WORDS.as_pointer()))

    return packed_type()(types.uint64, types.intp), emitter


def column_addresses(matrices: Sequence[npt.NDArray[np.uint32]]) -> npt.NDArray[np.uint64]:
    """Where each column of C-contiguous `uint32[k_i][n]` matrices starts, in order. The caller keeps the matrices alive."""
    for matrix in matrices:
        if matrix.dtype != np.uint32 or not matrix.flags.c_contiguous:
            raise ValueError("columns must be C-contiguous uint32 arrays")
    starts = [matrix.ctypes.data + matrix.strides[0] * k for matrix in matrices for k in range(matrix.shape[0])]
    return np.array(starts, dtype=np.uint64)


def _row_pointer(context: Any, b: emit.Builder, sig: Any, args: Any, row: emit.Value) -> emit.Value:
    """Where `array[row, column]` is, for intrinsics that start with `array, row, column, stop`."""
    kind = types.UniTuple(types.intp, 2)
    return _lane_pointer(context, b, sig.args[0], args[0], kind, context.make_tuple(b, kind, [row, args[2]]))


def _row_loader(width: int) -> Any:
    @intrinsic
    def loader(typingctx: Any, array: Any, row: Any, column: Any, stop: Any) -> Any:
        kind = types.UniTuple(packed_type(), LANES)
        picks = [min(i, width) for i in range(LANES)]

        def value(b: emit.Builder, pointer: emit.Value) -> emit.Value:
            narrow = _load(b, b.bitcast(pointer, ir.VectorType(emit.I32, width).as_pointer()))
            return narrow if width == LANES else emit.shuffle(b, narrow, emit.constant(narrow.type, 0), picks)

        def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
            last = b.sub(args[3], ir.Constant(args[3].type, 1))
            rows = [b.add(args[1], ir.Constant(args[1].type, i)) for i in range(LANES)]
            pointers = [_row_pointer(context, b, sig, args, emit.smaller(b, r, last)) for r in rows]
            return context.make_tuple(b, kind, [value(b, pointer) for pointer in pointers])

        return kind(array, types.intp, types.intp, types.intp), emitter

    return loader


def _row_storer(width: int) -> Any:
    @intrinsic
    def storer(typingctx: Any, array: Any, row: Any, column: Any, stop: Any, values: Any) -> Any:
        kind = types.UniTuple(packed_type(), LANES)

        def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
            for i, value in enumerate(cgutils.unpack_tuple(b, args[4])):
                narrow = value if width == LANES else emit.shuffle(b, value, value, range(width))
                r = b.add(args[1], ir.Constant(args[1].type, i))
                with b.if_then(b.icmp_signed("<", r, args[3]), likely=True):
                    pointer = _row_pointer(context, b, sig, args, r)
                    b.store(narrow, b.bitcast(pointer, narrow.type.as_pointer())).align = 4
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, types.intp, kind), emitter

    return storer


load_rows = _row_loader(LANES)
"""`load_rows(array, row, column, stop)`: sixteen Packed from `array[row + i, column]` on; row `stop - 1` stands in for `stop` and later."""
load_half_rows = _row_loader(LANES // 2)
"""`load_rows` of eight words each, zeros in the upper lanes."""
store_rows = _row_storer(LANES)
"""`store_rows(array, row, column, stop, values)`: value i to `array[row + i, column]` on, if row + i < stop."""
store_half_rows = _row_storer(LANES // 2)
"""`store_rows` of the lower eight lanes."""


@intrinsic
def splat(typingctx: Any, value: Any) -> Any:
    """`splat(word)`: a uint32 in every lane."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        first = b.insert_element(ir.Constant(WORDS, ir.Undefined), args[0], ir.Constant(emit.I32, 0))
        return emit.shuffle(b, first, first, [0] * LANES)

    return packed_type()(types.uint32), emitter


@intrinsic
def lane(typingctx: Any, value: Any, index: Any) -> Any:
    """`lane(value, i)`: the word in lane i, 0 <= i < 16."""

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        return b.extract_element(args[0], b.trunc(args[1], emit.I32))

    return types.uint32(packed_type(), types.intp), emitter


# ***** words without a field *****


def lanewise(emitter: Emitter, arity: int) -> Any:
    """An intrinsic on Packed values from a function that emits its LLVM code."""

    def lower(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        return emitter(b, *args)

    @intrinsic
    def unary(typingctx: Any, x: Any) -> Any:
        return packed_type()(packed_type()), lower

    @intrinsic
    def ternary(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
        return packed_type()(packed_type(), packed_type(), packed_type()), lower

    return {1: unary, 3: ternary}[arity]


def _emit_prepare(b: emit.Builder, y: emit.Value) -> emit.Value:
    return b.mul(y, emit.constant(WORDS, P_INVERSE))


mul_prepared = lanewise(emit.mul_prepared, 3)
"""`mul_prepared(x, y, y_low)`: x * y for a y that is used often, with y_low = `prepare(y)`."""

prepare = lanewise(_emit_prepare, 1)
"""`prepare(y)`: y / p mod 2^32 in each lane."""


def _transpose(b: emit.Builder, rows: list[emit.Value]) -> list[emit.Value]:
    """Four rounds: swap the off-diagonal blocks of size 8, 4, 2, 1."""
    for size in (8, 4, 2, 1):
        upper = [k if not k & size else LANES + k - size for k in range(LANES)]
        lower = [k + size if not k & size else LANES + k for k in range(LANES)]
        swapped = list(rows)
        for i in range(LANES):
            if not i & size:
                swapped[i] = emit.shuffle(b, rows[i], rows[i + size], upper)
                swapped[i + size] = emit.shuffle(b, rows[i], rows[i + size], lower)
        rows = swapped
    return rows


@intrinsic
def transpose(typingctx: Any, rows: Any) -> Any:
    """`transpose(rows)`: sixteen Packed, lane j of value i becoming lane i of value j."""
    kind = types.UniTuple(packed_type(), LANES)

    def emitter(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        return context.make_tuple(b, kind, _transpose(b, cgutils.unpack_tuple(b, args[0])))

    return kind(kind), emitter


# ***** whole formulas at once *****


class Symbol:
    """A field element while LLVM code is emitted: `+ - *` emit their code."""

    def __init__(self, b: emit.Builder, value: emit.Value) -> None:
        self.b, self.value = b, value

    def _apply(self, emitter: Emitter, other: Symbol) -> Symbol:
        return Symbol(self.b, emitter(self.b, self.value, other.value))

    def __add__(self, other: Symbol) -> Symbol:
        return self._apply(emit.add, other)

    def __sub__(self, other: Symbol) -> Symbol:
        return self._apply(emit.sub, other)

    def __mul__(self, other: Symbol) -> Symbol:
        return self._apply(emit.mul, other)


def formula(function: Callable[..., Any]) -> Any:
    """The intrinsic of a Python function of one or two elements or tuples of elements, which it combines with `+ - *`.

    Elements are uint32 (Montgomery) or Packed, all of one kind. The result has the shape of the first argument. The function runs when code
    is generated, so that a long formula costs Numba's type inference nothing.
    """

    def lower(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        def symbols(kind: Any, value: emit.Value) -> Any:
            if isinstance(kind, types.BaseTuple):
                return tuple(Symbol(b, v) for v in cgutils.unpack_tuple(b, value))
            return Symbol(b, value)

        result = function(*map(symbols, sig.args, args))
        if isinstance(sig.return_type, types.BaseTuple):
            return context.make_tuple(b, sig.return_type, [s.value for s in result])
        return result.value

    @intrinsic
    def unary(typingctx: Any, x: Any) -> Any:
        return (x(x), lower) if _elements(x) else None

    @intrinsic
    def binary(typingctx: Any, x: Any, y: Any) -> Any:
        return (x(x, y), lower) if _elements(x) == _elements(y) != set() else None

    return {1: unary, 2: binary}[function.__code__.co_argcount]


def _elements(kind: Any) -> set[Any]:
    """Which of uint32 and Packed a type is made of; nothing for a type that is not all one of them."""
    found = set(_parts(kind))
    return found if found in ({types.uint32}, {packed_type()}) else set()
