"""A kernel: a function that runs as machine code. Numba is imported only if there is none yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from zkc.runtime.kernels import cache, sources, target
from zkc.runtime.kernels.native import OTHER, Linked, Native
from zkc.runtime.kernels.values import Types, description, flattened

_making = threading.RLock()


def inlined_symbol(name: str, kinds: Sequence[str]) -> str:
    """The name of a function that LLVM code calls; see `Kernel.inlined`."""
    return f"{name}({', '.join(kinds)})"


def kept_or_made(names: Sequence[str], make: Callable[[str], bytes]) -> bytes:
    """Machine code from the entry of the cache that comes first, or what is made for the first name, by one process at a time."""
    found = _kept(names)
    if found is None:
        with cache.making("kernels", names[0]):
            found = _kept(names)  # another process may have made it meanwhile
            if found is None:
                found = make(names[0])
                cache.save("kernels", names[0], found)
    return found


def _kept(names: Sequence[str]) -> bytes | None:
    return next((found for name in names if (found := cache.load("kernels", name)) is not None), None)


class Kernel:
    """Calls the machine code for the kinds of its arguments, which is linked, loaded or compiled when it is first needed.

    An entry of the cache is named by the function, by the digest of what its machine code is made of, and by the kinds of its arguments.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        module = function.__module__
        if function.__closure__ is not None or not sources.is_ours(module):
            raise TypeError(f"the machine code of {function.__qualname__} in {module} depends on more than the text of modules of zkc")
        self.py_func, self.options = function, options
        self.__doc__, self.__name__, self.__qualname__, self.__module__ = function.__doc__, function.__name__, function.__qualname__, module
        self._made_of = (sources.digest_of(module), function.__code__.co_firstlineno)
        self._kept, self._count = True, function.__code__.co_argcount
        self._found: dict[str, Linked] = {}
        self._linked: dict[Types, tuple[Linked, ...]] = {}

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if named or len(arguments) != self._count:
            arguments = self._all(arguments, named)
        parts, types = arguments, tuple(map(type, arguments))
        linked = self._linked.get(types)
        if linked is None:
            parts, types = flattened(arguments)
            linked = self._linked.get(types, ())
        for call in linked:
            result = call(parts)
            if result is not OTHER:
                return result
        result = self._link(types, arguments)(parts)
        if result is OTHER:
            raise TypeError(f"the machine code of {self.__qualname__} is not for the arguments that it was made for")
        return result

    def is_kept(self) -> bool:
        """Whether machine code, for whatever kinds, is in the cache."""
        prefixes = tuple(self._names(""))
        return any(name.startswith(prefixes) for name in cache.names("kernels"))

    def forget(self) -> None:
        """Makes new machine code from now on, which is not kept: for functions that a test has changed."""
        self._kept = False
        self._linked.clear()
        self._found.clear()
        self.__dict__.pop("dispatcher", None)

    @cached_property
    def dispatcher(self) -> Any:
        """What Numba knows the function by."""
        from zkc.runtime.kernels.numba_compiler import dispatcher_of

        return dispatcher_of(self.py_func, self.options)

    @property
    def _numba_type_(self) -> Any:
        """Kernels call this one as they call functions of Numba."""
        from numba.core import types

        return types.Dispatcher(self.dispatcher)

    def _all(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments in order, defaults too."""
        from inspect import signature

        bound = signature(self.py_func).bind(*arguments, **named)
        bound.apply_defaults()
        return bound.args

    def _prefix(self, environment: object) -> str:
        """What all entries of the function begin with."""
        name = f"{self.__module__.removeprefix('zkc.')}.{self.__qualname__}"
        return f"{name}-{sources.short_digest(repr((self._made_of, environment)))}-"

    def _link(self, types: Types, arguments: tuple[Any, ...]) -> Linked:
        key = sources.short_digest(repr(description(arguments)))
        with _making:
            found = self._found.get(key)
            if found is None:
                found = self._found[key] = self._native(key, arguments).link()
                self._linked[types] = (*self._linked.get(types, ()), found)
            return found

    def inlined(self, kinds: Sequence[str]) -> bytes:
        """LLVM bitcode of a function of this name, `int64(words)`, for arguments of these kinds: "int", or an array as "uint8[:]"."""
        from zkc.runtime.kernels.numba_compiler import compile_inlined

        symbol = inlined_symbol(self.__name__, kinds)
        key = sources.short_digest(symbol)
        return kept_or_made(self._names(f"inlined-{key}"), lambda _: compile_inlined(self, kinds, symbol))

    def _names(self, key: str) -> list[str]:
        """Of entries, the best first."""
        return [self._prefix(each) + key for each in target.targets()]

    def _native(self, key: str, arguments: tuple[Any, ...]) -> Native:
        names = self._names(key)
        if not self._kept:
            return self._compile(names[0], arguments)
        return Native.from_bytes(kept_or_made(names, lambda name: self._compile(name, arguments).to_bytes()))

    def _compile(self, name: str, arguments: tuple[Any, ...]) -> Native:
        from zkc.runtime.kernels.numba_compiler import compile_kernel

        return compile_kernel(self, arguments, "zkc_" + sources.short_digest(name))


class Intrinsic:
    """A function from argument types to a signature and an LLVM emitter, callable from kernels."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @cached_property
    def _numba_type_(self) -> Any:
        from zkc.runtime.kernels.numba_compiler import intrinsic_type

        return intrinsic_type(self.function)
