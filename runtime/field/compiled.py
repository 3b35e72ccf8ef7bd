"""Decorators with types: what they decorate keeps its signature, and runs as machine code (see `runtime.kernels.kernel`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from zkc.runtime.kernels.kernel import Intrinsic, Kernel

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
        return cast(Callable[Parameters, Result], Kernel(function, options))

    return decorate


def intrinsic(function: Callable[..., Any]) -> Any:
    """A function from argument types to a signature and an LLVM emitter, callable from kernels."""
    return Intrinsic(function)
