"""Chips: gadgets with a table of their own. `chip f(x: T) -> y: U { … }` declares the gadget and, if anything calls it, a bus and a table:

    bus f(x: T, y: U);
    table f {
      input asked: felt;                      // how often this was asked
      input x: T;
      let   y = f(x);                         // the body, here and nowhere else
      send  f(x, y) times asked;
    }

A call elsewhere makes columns for y, filled with what the body computes, and receives f(x, y): see Elaborator.call_chip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from zkc.dsl import syntax as s

ASKED: Final = "asked"
"""The input of a chip's table that says how often its row was asked for."""
WHY_ASKED: Final = "any number of times: what the row says is true"
WHY_GIVEN: Final = "any request: what the row says is true"


def called(items: Sequence[s.Item]) -> list[s.Chip]:
    """The chips that rows call, directly or through gadgets and operators."""
    gadgets = {x.name: x for x in items if isinstance(x, s.Gadget)}
    operators = [x.gadget for x in items if isinstance(x, s.Impl)]
    todo = [*operators, *_calls(x for x in items if not isinstance(x, s.Gadget | s.Impl | s.Test))]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in gadgets and name not in found:
            found.add(name)
            todo += _calls([gadgets[name]])
    return [x for x in gadgets.values() if isinstance(x, s.Chip) and x.name in found]


def in_order(gadgets: Mapping[str, s.Gadget], names: Iterable[str]) -> list[str]:
    """The names of chips, each before those that it asks, directly or through gadgets."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in gadgets and name not in found:
            for inner in _calls([gadgets[name]]):
                visit(inner)
            found[name] = None

    wanted = list(names)
    for name in wanted:
        visit(name)
    return [name for name in reversed(found) if name in wanted]


def bus_of(chip: s.Chip) -> s.BusDecl:
    """The bus between a chip and those who call it."""
    return s.BusDecl(chip.span, chip.name, (*chip.params, *chip.outputs), None, asked=tuple(p.name for p in chip.params))


def table_of(chip: s.Chip) -> s.TableDecl:
    """The table of a chip."""
    span = chip.span
    params, outputs = ([s.Name(p.span, p.name) for p in each] for each in (chip.params, chip.outputs))
    asked = s.Input(span, ASKED, s.TypeRef(span, "felt"), s.Free(span, WHY_ASKED))
    inputs = [s.Input(p.span, p.name, p.type, s.Free(p.span, WHY_GIVEN)) for p in chip.params]
    body = s.Call(span, chip.name, (), tuple((p.name, x) for p, x in zip(chip.params, params, strict=True)))
    made = s.Let(span, tuple(p.name for p in chip.outputs), body)
    send = s.MessageStmt(span, "send", chip.name, (*params, *outputs), s.Name(span, ASKED), None)
    return s.TableDecl(span, chip.name, None, (asked, *inputs, made, send))


def _calls(nodes: Iterable[s.Node]) -> list[str]:
    return [x.name for node in nodes for x in s.walk(node) if isinstance(x, s.Call)]
