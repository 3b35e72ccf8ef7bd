"""What machine code depends on besides its sources: versions, the processor, and settings of Numba.

Machine code is compiled for the processor it runs on. What is shipped is compiled for a class of processors, all of which can run it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

Target = tuple[object, ...]

_V3: Final = frozenset({"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"})
_V4: Final = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
CLASSES: Final = {"x86-64-v4": (_V4, "-prefer-256-bit"), "x86-64-v3": (_V3, "")}
"""Classes of processors, the best first: what a processor of it has, and features that are set for Numba (see `numba_settings`)."""
_CPU: Final = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")


def numba_settings(name: str) -> dict[str, str]:
    """Variables under which Numba compiles for a class."""
    return dict(zip(_CPU, (name, CLASSES[name][1])))


@lru_cache(maxsize=1)
def targets() -> tuple[Target, ...]:
    """Those whose machine code runs here, the best first. The first is what is compiled for."""
    from llvmlite import binding

    rest = (*_versions(), binding.get_process_triple(), *_settings())
    features: Any = binding.get_host_cpu_features()
    own = tuple(os.environ.get(name, default) for name, default in zip(_CPU, (binding.get_host_cpu_name(), features.flatten())))
    others = [] if any(name in os.environ for name in _CPU) else classes(features)
    return tuple((*rest, *processor) for processor in (own, *others))


def classes(features: dict[str, bool]) -> list[tuple[str, str]]:
    """The classes that a processor with these features belongs to, and what is set for each."""
    return [(name, extra) for name, (needed, extra) in CLASSES.items() if all(features.get(feature) for feature in needed)]


def host_class() -> str | None:
    """The best class that this processor belongs to, or that code is compiled for by `NUMBA_CPU_NAME`."""
    from llvmlite import binding

    features: Any = binding.get_host_cpu_features()
    return os.environ.get(_CPU[0]) or next((name for name, _ in classes(features)), None)


def _versions() -> tuple[object, ...]:
    """Of Python and of the packages that compile, without importing them: each writes its version into a module of its own."""
    found: list[object] = [sys.implementation.cache_tag, object.__basicsize__]
    for package in ("numba", "llvmlite"):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no {package}")
        found.append(hashlib.sha256((Path(spec.origin).parent / "_version.py").read_bytes()).hexdigest())
    return tuple(found)


def _settings() -> tuple[object, ...]:
    """Numba reads them from variables, and from a file where the process began."""
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_") and name not in _CPU)
    file = Path(".numba_config.yaml")
    return (variables, file.read_bytes() if file.is_file() else b"")
