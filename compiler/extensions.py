"""Files beside a machine that are part of it if they are chosen: one for each extension of its instruction set."""

from __future__ import annotations

from pathlib import Path
from typing import Final

EXTENSIONS: Final = "extensions"
"""Their folder, in that of the machine."""
Extensions = tuple[str, ...]
"""Names of extensions, in order, each once."""


def extensions_of(root: Path) -> list[str]:
    """The extensions that can be chosen for a machine, in order."""
    return sorted(path.stem for path in (root / EXTENSIONS).glob("*.circ"))


def with_extensions(files: list[Path], root: Path, extensions: Extensions) -> list[Path]:
    """The files of a machine, then those of extensions; one that is in the folder itself is always there."""
    there = {path.stem for path in files}
    return files + [root / EXTENSIONS / f"{name}.circ" for name in extensions if name not in there]


def is_extension(path: Path, root: Path) -> bool:
    """Whether a file is that of an extension of the machine in `root`."""
    return path.parent == root / EXTENSIONS
