"""Types with a number in their names: `type u(bits) = felt where x in 0..2**bits;` declares all of `u1`, `u2`, … that are used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from zkc.dsl import syntax as s

_NUMBERED: Final = re.compile(r"(.*[a-z_])(0|[1-9][0-9]{0,3})")


def split(name: str) -> tuple[str, int] | None:
    """The name of the declaration and the number, of a name that has one."""
    found = _NUMBERED.fullmatch(name)
    return None if found is None else (found[1], int(found[2]))


def used(items: Iterable[s.Item]) -> list[s.TypeAlias]:
    """One type for each name that is used and not declared by itself."""
    items = list(items)
    declared = {item.name: item for item in items if isinstance(item, s.TypeAlias)}
    names = {node.name for item in items for node in s.walk(item) if isinstance(node, s.TypeRef)} - declared.keys()
    names -= {item.name for item in items if isinstance(item, s.Struct)}
    found = sorted((*parts, name) for name in names if (parts := split(name)) is not None)
    pairs = ((declared.get(base), number, name) for base, number, name in found)
    return [replace(of, name=name, number=number) for of, number, name in pairs if of is not None and of.parameter is not None]
