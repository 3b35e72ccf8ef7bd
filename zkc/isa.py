"""Names of instruction sets, as compilers write them (`rv32im_zba_zbb`, `rv32i2p1_m2p0_zba1p0`), and the extensions that they mean.

An extension is a .circ file beside a machine; which there are, the folder says. The rules of names are those of the RISC-V manual, volume
I, "ISA extension naming conventions", and of the ELF psABI.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zkc.runtime.errors import InputError

if TYPE_CHECKING:
    from zkc.compiler.extensions import Extensions

BASE: Final = "rv32im"
_ALWAYS: Final = frozenset({"i", "e", "m", "zmmul", "zifencei"})
"""What the base machine runs: an `e` program uses half of its registers."""
_GROUPS: Final = {"g": ("i", "m", "a", "f", "d", "zicsr", "zifencei"), "a": ("zaamo", "zalrsc"), "b": ("zba", "zbb", "zbs")}
"""Names that stand for several."""
_NAME: Final = re.compile(r"(?P<long>[zsx][a-z0-9]*?)(?:\d+p\d+)?(?=_|$)|(?P<letter>[a-wy])(?:\d+(?:p\d+)?)?", re.ASCII)
"""A name and its version, which goes on behind a `_` or, after one letter, at once."""


def chosen(isa: str, directory: Path) -> Extensions:
    """The extensions that a person asks for. InputError for a name of which there is nothing."""
    names = _names(isa.lower())
    if names is None or not {"i", "e"} & {*names} or "m" not in names:
        raise InputError(f"{isa!r} is no instruction set of this machine", hint=f"such as {BASE}, or {_example(directory)}")
    there = _there(directory)
    for name in names:
        if name not in _ALWAYS and name not in there:
            hint = f"there are {', '.join(there)}" if there else f"{directory} has no extensions"
            raise InputError(f"there is no extension {name!r}, which {isa!r} asks for", hint=hint)
    return _found(names, there)


def named(isa: str, directory: Path) -> Extensions:
    """The extensions of those that a program names which there are: it may need no instruction of the others."""
    return _found(_names(isa.lower()) or [], _there(directory))


def shown(extensions: Extensions) -> str:
    """The instruction set with these extensions, in the way that `chosen` reads."""
    return "_".join([BASE, *extensions])


def features(extensions: Extensions) -> list[str]:
    """The names that a compiler takes for these: that of a group where all of it is there, which may mean more to it than its parts."""
    whole = [name for name, parts in _GROUPS.items() if {*parts} <= {*extensions}]
    return [*whole, *extensions]


def _there(directory: Path) -> list[str]:
    from zkc.compiler.extensions import extensions_of

    return extensions_of(directory)


def _found(names: list[str], there: list[str]) -> Extensions:
    return tuple(name for name in there if name in names)


def _example(directory: Path) -> str:
    return shown(tuple(_there(directory)[-2:]))


def _names(isa: str) -> list[str] | None:
    """The extensions that a name lists, groups taken apart; None if it is not one for 32 bits."""
    if not isa.startswith("rv32"):
        return None
    found: list[str] = []
    at = len("rv32")
    while at < len(isa):
        match = _NAME.match(isa, at)
        if match is None:
            return None
        found += _parts(match["long"] or match["letter"])
        at = match.end() + (isa[match.end() : match.end() + 1] == "_")
    return found


def _parts(name: str) -> list[str]:
    return [part for each in _GROUPS[name] for part in _parts(each)] if name in _GROUPS else [name]
