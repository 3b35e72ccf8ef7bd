"""Numba's decorators with types: what they decorate keeps its signature, an intrinsic takes whatever its emitter accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit
from numba.extending import intrinsic as numba_intrinsic

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile without the interpreter lock and keep the machine code in `__pycache__`.

    Numba does not notice there that a kernel or intrinsic called from another file has changed: remove `__pycache__` after such an edit.
    """
    return cast(Callable[Parameters, Result], njit(cache=True, nogil=True)(function))


def intrinsic(function: Callable[..., Any]) -> Any:
    """A function from argument types to a signature and an LLVM emitter, callable from kernels."""
    return numba_intrinsic(function)
