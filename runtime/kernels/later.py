"""Modules of Numba that are imported when something of them is needed: to compile a kernel, not to call one."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """Stands for a module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


types: Any = Later("numba.core.types")
cgutils: Any = Later("numba.core.cgutils")
