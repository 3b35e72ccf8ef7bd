"""Warnings about items that nothing uses."""

from __future__ import annotations

from zkc.dsl import syntax as s
from zkc.dsl.check.items import Items


def check_uses(items: Items) -> None:
    """W0002 and W0003 for items of a whole machine that nothing uses. Without a claim it is a library, whose items are for others."""
    d = items.declared
    if d.claim is None:
        return
    for name, item in d.constant_items.items():
        if name not in items.used["constant"] and name not in items.known.constants and not name.startswith("_") and not _derived(item):
            items.warn("W0002", f"nothing uses the constant `{name}`", item.span)
    named = [
        *(("chip" if isinstance(x, s.Chip) else "gadget", x, items.used["call"]) for x in d.gadgets.values()),
        *(("struct", x, items.used["call"] | items.used["type"]) for x in d.structs.values()),
        *(("type", x, items.used["type"]) for x in d.type_items.values() if not _width(items, x)),
    ]
    for kind, item, used in named:
        if item.name not in used and not item.name.startswith("_"):
            items.warn("W0003", f"nothing uses the {kind} `{item.name}`", item.span)


def _derived(item: s.Const) -> bool:
    """Whether a constant follows from others: it says something about the machine to those who read the circuit file."""
    return any(isinstance(node, s.Name) for node in s.walk(item.value))


def _width(items: Items, item: s.TypeAlias) -> bool:
    """Whether a range is one of so many bits: a machine may name all widths."""
    high = items.declared.ranges.get(item.name, (0, 0))[1]
    return high & (high - 1) == 0
