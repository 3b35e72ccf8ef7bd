"""Who sends to whom: tables at the left, buses and fixed tables at the right. Tables that do the same are a group with common lines.

Places across are in per cent and sizes in pixels, so that text is as large on a phone as on a wide screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

STEP: Final = 20
"""Pixels from name to name."""
GAP: Final = 12
"""Pixels between groups."""
Traffic = Mapping[str, tuple[int, int]]
"""For each bus of a table, how many messages a row sends and receives."""


@dataclass(frozen=True)
class Name:
    """A name, and how far down its middle is."""

    text: str
    address: str
    y: int


@dataclass(frozen=True)
class Line:
    """To a bus. kind: `send`, `recv`, `both` or `lookup`."""

    to: int
    kind: str
    title: str


@dataclass(frozen=True)
class Group:
    """Tables that send to the same buses, receive from the same, and look up the same. top, bottom: of the names."""

    names: Sequence[Name]
    top: int
    bottom: int
    lines: Sequence[Line]

    @property
    def middle(self) -> int:
        return (self.top + self.bottom) // 2


@dataclass(frozen=True)
class Drawing:
    """height: in pixels."""

    height: int
    groups: Sequence[Group]
    buses: Sequence[Name]


def draw(traffic: Mapping[str, Traffic], addresses: Mapping[str, str], fixed: frozenset[str]) -> Drawing:
    """traffic: of each table. addresses: of tables, and of buses. fixed: those that are looked up."""
    kinds = {table: {bus: _kind(bus, messages, fixed) for bus, messages in found.items()} for table, found in traffic.items()}
    alike: dict[frozenset[tuple[str, str]], list[str]] = {}
    for table, found in kinds.items():
        alike.setdefault(frozenset(found.items()), []).append(table)
    height = STEP * len(traffic) + GAP * (len(alike) - 1)
    buses = dict(zip(_ordered(list(alike.values()), kinds, fixed), _places(kinds, height), strict=True))
    groups = list(_groups(list(alike.values()), kinds, buses, addresses))
    return Drawing(height, groups, [Name(bus, addresses[bus], y) for bus, y in buses.items()])


def _kind(bus: str, messages: tuple[int, int], fixed: frozenset[str]) -> str:
    sent, received = messages
    return "lookup" if bus in fixed else "both" if sent and received else "send" if sent else "recv"


def _ordered(groups: Sequence[Sequence[str]], kinds: Mapping[str, Mapping[str, str]], fixed: frozenset[str]) -> list[str]:
    """The buses, each about as far down as those that use it; fixed tables last."""
    users: dict[str, list[int]] = {}
    for i, (table, *_) in enumerate(groups):
        for bus in kinds[table]:
            users.setdefault(bus, []).append(i)
    return sorted(users, key=lambda bus: (bus in fixed, sum(users[bus]) / len(users[bus])))


def _places(kinds: Mapping[str, Mapping[str, str]], height: int) -> list[int]:
    count = len({bus for found in kinds.values() for bus in found})
    return [round(height * (i + 0.5) / count) for i in range(count)]


def _groups(
    groups: Sequence[Sequence[str]], kinds: Mapping[str, Mapping[str, str]], buses: Mapping[str, int], addresses: Mapping[str, str]
) -> Iterator[Group]:
    y = 0
    for tables in groups:
        names = [Name(table, addresses[table], y + STEP * i + STEP // 2) for i, table in enumerate(tables)]
        lines = [Line(buses[bus], kind, f"{_SAID[kind]} {bus}") for bus, kind in kinds[tables[0]].items()]
        yield Group(names, y + 3, y + STEP * len(tables) - 3, lines)
        y += STEP * len(tables) + GAP


_SAID: Final = {"send": "sends to", "recv": "receives from", "both": "sends to and receives from", "lookup": "looks up in"}
