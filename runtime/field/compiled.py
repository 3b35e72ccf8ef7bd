"""Numba's decorators with types: what they decorate keeps its signature and its machine code; intrinsics take what emitters accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit
from numba.extending import intrinsic as numba_intrinsic

from zkc.runtime.kernels.numba_cache import KernelCache

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile without the interpreter lock and keep the machine code."""
    return jit()(function)


def jit(**options: Any) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """`kernel` with more options of `numba.njit`.

    The function stands at the top of a module of zkc, or of a generated one: machine code is kept under the digest of all that it can hold.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        dispatcher: Any = njit(nogil=True, **options)(function)
        dispatcher._cache = KernelCache(function)  # as Dispatcher.enable_caching does
        return cast(Callable[Parameters, Result], dispatcher)

    return decorate


def intrinsic(function: Callable[..., Any]) -> Any:
    """A function from argument types to a signature and an LLVM emitter, callable from kernels."""
    return numba_intrinsic(function)
