"""Calls between gadgets: none that never ends, none too deep, and none where what the gadget does cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from zkc.dsl import syntax as s
from zkc.dsl.check.context import MAX_CALL_NESTING
from zkc.dsl.check.items import Items


def check_calls(items: Items) -> None:
    """E0211 for gadgets that call themselves, E0214 for those that nest too deep, E0212 and E0204 for what a table cannot do."""
    order = _ordered(items)
    _check_depths(items, order)
    for call in items.outer_calls:
        for inner in _reached(items, call.gadget):
            labels = ((call.span, f"`{inner}` is inlined into this"),)
            if call.place == "table" and inner in items.executed_in:
                items.not_executed(items.executed_in[inner], labels)
            if call.place != "table" and inner in items.inputs_in:
                items.not_given(items.inputs_in[inner], labels)


def _check_depths(items: Items, order: list[str]) -> None:
    depths: dict[str, int] = {}
    for name in order:
        own = items.declared.nesting(items.declared.gadgets[name])
        depths[name] = own
        for called, span in items.calls.get(name, {}).items():
            inside = depths.get(called, 0)
            if inside <= MAX_CALL_NESTING < own + inside:
                message = f"gadgets are inlined into each other more than {MAX_CALL_NESTING} levels deep"
                items.error("E0214", message, span, labels=((items.declared.gadgets[called].span, f"`{called}` is here"),))
            depths[name] = max(depths[name], own + inside)


def _reached(items: Items, start: str) -> list[str]:
    """A gadget and those that are inlined with it."""
    found = {start: None}
    todo = [start]
    while todo:
        for called in items.calls.get(todo.pop(), {}):
            if called not in found:
                found[called] = None
                todo.append(called)
    return list(found)


def _ordered(items: Items) -> list[str]:
    """The gadgets, each after those that it calls. A call that closes a circle is an error, and is followed no further."""
    order: list[str] = []
    done: dict[str, bool] = {}  # those that are not done are on the way
    for start in items.declared.gadgets:
        stack = [] if start in done else [_enter(items, start, done)]
        while stack:
            name, rest = stack[-1]
            called, span = next(rest, (None, None))
            if called is None or span is None:
                stack.pop()
                done[name] = True
                order.append(name)
            elif called not in done:
                stack.append(_enter(items, called, done))
            elif not done[called]:
                labels = _circle(items, [n for n, _ in stack], called)
                items.error("E0211", f"the gadget `{called}` calls itself", span, labels=labels)
    return order


def _enter(items: Items, name: str, done: dict[str, bool]) -> tuple[str, Iterator[tuple[str, s.Span]]]:
    done[name] = False
    return name, iter(items.calls.get(name, {}).items())


def _circle(items: Items, names: Sequence[str], name: str) -> tuple[tuple[s.Span, str], ...]:
    """The calls on the way from a gadget to the one that calls it again."""
    around = names[names.index(name) :]
    return tuple((items.calls[a][b], f"`{b}` is called here") for a, b in pairwise(around[:5]))
