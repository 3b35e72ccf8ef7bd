"""Libraries: folders in which each .circ file is a module, which programs bring in with `use`.

They are found along a path: the folders of `--lib`, which `ZKC_LIB` holds so that other processes have them too, then the one that comes
with zkc.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from zkc import library
from zkc.compiler.extensions import is_extension
from zkc.dsl.source_files import read_bytes, shown_name
from zkc.runtime.errors import InputError

VARIABLE: Final = "ZKC_LIB"
_USE: Final = re.compile(rb"\buse\b(?:\s|//[^\r\n]*)+([a-z_][a-z0-9_]*)")
_chosen: ContextVar[tuple[Path, ...] | None] = ContextVar("libraries", default=None)


def library_path() -> list[Path]:
    """The folders of modules, in order. InputError if one is none."""
    given = _chosen.get()
    if given is None:
        given = tuple(Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name)
    for folder in given:
        if not folder.is_dir():
            raise InputError("there is no such folder", where=str(folder), hint="--lib DIR names a folder with modules")
    return list(dict.fromkeys(_real(folder) for folder in (*given, shipped())))


def shipped() -> Path:
    """The library that comes with zkc."""
    return Path(next(iter(library.__path__)))


@contextmanager
def libraries(folders: Sequence[Path] | None) -> Generator[None]:
    """These folders in the place of those of `ZKC_LIB`; None changes nothing."""
    token = _chosen.set(tuple(folders)) if folders is not None else None
    try:
        yield
    finally:
        if token is not None:
            _chosen.reset(token)


def _real(folder: Path) -> Path:
    """A folder without links. A link that leads to itself stays as it is: whoever reads it says so."""
    return Path(os.path.realpath(folder))


def is_library(root: Path) -> bool:
    """Whether a folder is one of those in which each file is a module."""
    return _real(root) in library_path()


def is_module(path: Path, root: Path) -> bool:
    """Whether a file of the program in `root` is a module."""
    return (path.parent != root and not is_extension(path, root)) or is_library(root)


def known_modules() -> dict[str, list[Path]]:
    """The modules that there are, by name, each with its file, or with several."""
    found: dict[str, list[Path]] = {}
    for folder in library_path():
        for path in sorted(folder.glob("*.circ")):
            found.setdefault(path.stem, []).append(path)
    return found


def used_modules(files: Sequence[Path], root: Path, read: Callable[[Path], bytes] | None = None) -> list[Path]:
    """The files of the modules that files and these modules speak of, by name; more than they use if a comment speaks of others. read: what
    stands in a file. DiagnosticError if it cannot be read."""
    read = read or (lambda path: read_bytes(path, shown_name(path, root)))
    known = known_modules()
    own = {_real(path.parent) / path.name for path in files}
    found: dict[str, list[Path]] = {}
    todo = list(files)
    while todo:
        path = todo.pop()
        for name in map(bytes.decode, _USE.findall(read(path))):
            if name in known and name not in found:
                found[name] = [other for other in known[name] if other not in own]
                todo += found[name]
    return [path for name in sorted(found) for path in found[name]]
