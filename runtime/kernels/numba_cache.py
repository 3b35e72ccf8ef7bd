"""Machine code of kernels in our cache, in place of Numba's own, which notices no change in what a kernel inlines and heals no damage."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import llvmlite
import numba
from numba.core import config, sigutils
from numba.core.caching import _Cache  # pyright: ignore[reportPrivateUsage]
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from zkc.runtime.kernels import cache, sources


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether machine code of a kernel, for whatever types, is in the cache."""
    prefix = cast(Any, function)._cache.prefix()
    return any(name.startswith(prefix) for name in cache.names("kernels"))


class KernelCache(_Cache):
    """Numba's interface of a cache for one function, over `runtime.kernels.cache`.

    An entry is named by the function, by the digest of what its machine code is made of, and by the digest of the types of its arguments.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        module = function.__module__
        if function.__closure__ is not None or not sources.is_ours(module):
            raise TypeError(f"the machine code of {function.__qualname__} in {module} depends on more than the text of modules of zkc")
        self._name = f"{module.removeprefix('zkc.')}.{function.__qualname__}"
        self._made_of = (sources.digest_of(module), function.__code__.co_firstlineno)
        self._enabled = True

    @property
    def cache_path(self) -> Any:
        return str(cache.chosen_folder() / "kernels")

    def prefix(self) -> str:
        """What all entries of the function begin with."""
        return f"{self._name}-{sources.short_digest(repr((self._made_of, environment())))}-"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if not self._enabled:
            return None
        target_context.refresh()
        types = sigutils.normalize_signature(sig)[0]
        data = cache.load("kernels", self._entry(types))
        if data is None:
            return None
        try:
            result = cast(Any, CompileResult)._rebuild(target_context, *pickle.loads(data))
        except Exception:  # made by another Numba after all: as good as none
            return None
        return result if tuple(result.signature.args) == tuple(types) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        if self._enabled and not data.lifted and not data.library.has_dynamic_globals:
            cache.save("kernels", self._entry(sigutils.normalize_signature(sig)[0]), dumps(data._reduce()))

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing is held back."""

    def _entry(self, types: Any) -> str:
        return self.prefix() + sources.short_digest(repr([str(kind) for kind in types]))


@lru_cache(maxsize=1)
def environment() -> tuple[object, ...]:
    """What machine code depends on besides the sources: versions, the processor, and settings of Numba."""
    versions = (numba.__version__, llvmlite.__version__, sys.implementation.cache_tag)
    context, settings = cast(Any, cpu_target).target_context, cast(Any, config)
    return (*versions, context.codegen().magic_tuple(), settings.OPT, settings.BOUNDSCHECK, settings.DEBUGINFO_DEFAULT)
