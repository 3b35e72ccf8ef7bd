"""What machine code and compiled machines are made of: the source of a module and of every module of zkc that it imports.

Numba inlines whatever a kernel calls, from any file, and notices no change there. So kept machine code is named by the digest of all text
that can be in it: the closure of a module under `import`. That is more than what is inlined, never less, for a name can come into a module
of ours in no other way. Each file is read once in a process, when the first kernel that depends on it is defined: what is edited later is
not what runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2]

NOT_INLINED: Final = frozenset({"zkc.runtime.kernels.cache", "zkc.runtime.kernels.sources"})
"""What keeps machine code is not in it."""

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(zkc[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(zkc[^\n]*))", re.MULTILINE)
_lock = threading.RLock()
_generated: dict[str, str] = {}


def register(module: str, text: str) -> None:
    """The text of a generated module, which has no file of its own. Before it is executed, for its kernels ask then."""
    _generated[module] = text


def is_ours(module: str) -> bool:
    """Whether the text of `module` is known: a module of zkc, or a registered one."""
    return module in _generated or _file(module) is not None


def short_digest(text: str) -> str:
    """32 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def digest_of(module: str) -> str:
    """32 hexadecimal digits that cover the text of `module` and of all modules of zkc that it imports, directly or not."""
    with _lock:
        found: set[str] = set()
        todo = _ours([module])
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += _read(name)[1]
        digest = hashlib.sha256()
        for name in sorted(found):
            digest.update(_read(name)[0])
        return digest.hexdigest()[:32]


def imports(text: str) -> tuple[str, ...]:
    """The modules of zkc that may be meant by the import statements in `text`; some may be names of other things."""
    found: list[str] = []
    for module, names, whole in _IMPORT.findall(text):
        if module:
            found += [module, *(f"{module}.{name}" for name in re.findall(r"\w+", names))]
        else:
            found += re.findall(r"zkc[\w.]*", whole)
    return tuple(found)


@cache
def _read(module: str) -> tuple[bytes, tuple[str, ...]]:
    file = _file(module)
    text = _generated[module] if file is None else Path(file).read_text(encoding="utf-8")
    # A generated module is named by its text, and compiled machine code knows that name.
    return hashlib.sha256(f"{module}\0{text}".encode()).digest(), tuple(_ours(imports(text)))


def _ours(modules: Iterable[str]) -> list[str]:
    """Those of them whose text can be in machine code."""
    return [name for name in dict.fromkeys(modules) if name not in NOT_INLINED and is_ours(name)]


def _file(module: str) -> str | None:
    return _files().get(module)


@cache
def _files() -> dict[str, str]:
    """The modules of zkc and where they are; but for `zkc` itself, which imports on demand what is asked of it, and defines nothing.

    To look at each folder once takes a tenth of the time that looking for each name does that may be a module's.
    """
    found: dict[str, str] = {}
    for folder, inner, files in os.walk(PACKAGE, followlinks=True):
        inner[:] = [name for name in inner if name.isidentifier() and name != "__pycache__"]
        package = ".".join(("zkc", *Path(folder).relative_to(PACKAGE).parts))
        for name in files:
            module, dot, kind = name.partition(".")
            if dot and kind == "py":
                found[package if module == "__init__" else f"{package}.{module}"] = os.path.join(folder, name)
    del found["zkc"]
    return found
