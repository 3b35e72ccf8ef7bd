"""In LLVM code: what all machine code of ours is entered by, and arrays as NumPy's objects have them. See `values`."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
POINTER: Final = I8.as_pointer()
ENTRY: Final = ir.FunctionType(I32, [I64.as_pointer(), I64.as_pointer()])
"""Words of the arguments, of an array the address of its object; words of the result. Returns what `native` says."""
OBJECT_BYTES: Final = object.__basicsize__
"""Where the fields of an array object begin: address, number of dimensions, extents, strides, base, dtype, flags. Those of a dtype: its
scalar type, then at 8 four letters, of which the third is the order of bytes, and its number.
"""


def field(b: Any, start: Any, offset: int, kind: Any) -> Any:
    """What stands so many bytes behind an address."""
    return b.load(b.bitcast(b.gep(start, [I64(offset)]), kind.as_pointer()))


def array_data(b: Any, word: Any, element: Any) -> Any:
    """The address of the elements of an array, from that of its object."""
    return b.bitcast(field(b, b.inttoptr(word, POINTER), OBJECT_BYTES, POINTER), element.as_pointer())
