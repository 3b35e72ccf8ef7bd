"""Names declared twice, and names that the language has already: found on the syntax alone, each with both places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zkc.dsl import syntax as s
from zkc.dsl.built_in import BUILT_IN_CALLS, BUILT_IN_TYPES
from zkc.dsl.built_in import DIVISIONS as DIVISIONS
from zkc.dsl.diagnostics import Diagnostic

FIELD_OPERATORS = ("+", "-", "*", "/")
BUILT_IN = {
    "type": frozenset(BUILT_IN_TYPES),
    "call": frozenset(BUILT_IN_CALLS),
    "table": frozenset(("claim", "guards", "executor")),
    "operator": frozenset(f"felt {op} felt" for op in FIELD_OPERATORS),
    "field of a format": frozenset(("op", "imm", "name")),
}
"""Names of each namespace that no item can take. Tables of these names would share generated modules with parts of the compiler; fields of
a format stand beside `insn.op` and `insn.imm`, and beside `{name}` in assembly."""


@dataclass(frozen=True)
class Declared:
    """A name in a namespace; `kind` is what it is called in messages."""

    namespace: object
    name: str
    kind: str
    span: s.Span


def name_problems(items: Iterable[s.Item]) -> list[Diagnostic]:
    """E0203 for every name that is declared again or built in."""
    problems: list[Diagnostic] = []
    first: dict[tuple[object, str], Declared] = {}
    for d in declarations(items):
        space = d.namespace[0] if isinstance(d.namespace, tuple) else d.namespace
        if isinstance(space, str) and d.name in BUILT_IN.get(space, ()):
            problems.append(_built_in(d))
            continue
        before = first.setdefault((d.namespace, d.name), d)
        if before is not d and not any(p.span == d.span for p in problems):
            problems.append(_twice(d, before))
    return problems


def _built_in(d: Declared) -> Diagnostic:
    return Diagnostic("E0203", f"`{d.name}` is built into the language: no {d.kind} can have this name", d.span)


def _twice(d: Declared, before: Declared) -> Diagnostic:
    also = "" if before.kind == d.kind else f" (as a {before.kind} too)"
    message = f"the {d.kind} `{d.name}` is declared twice{also}" if d.name else f"there are two {d.kind}s"
    return Diagnostic("E0203", message, d.span, labels=((before.span, "first here"),))


def declarations(items: Iterable[s.Item]) -> Iterator[Declared]:
    """What items declare, in order."""
    for item in items:
        yield from _of_item(item)


def _of_item(item: s.Item) -> Iterator[Declared]:
    """What an item declares: itself, in the namespaces of its kind, and the names inside it, in one of their own."""
    match item:
        case s.Const():
            yield Declared("constant", item.name, "constant", item.span)
        case s.TypeAlias():
            yield Declared("type", item.name, "type", item.span)
        case s.Struct():
            yield from (Declared(space, item.name, "struct", item.span) for space in ("type", "call"))
            yield from _inner(item, "field", item.fields)
        case s.BusDecl():
            yield Declared("bus", item.name, "bus", item.span)
            yield from _inner(item, "field", item.params)
        case s.Fixed():
            yield from (Declared(space, item.name, "fixed table", item.span) for space in ("bus", "table"))
            yield from _inner(item, "field", item.params)
            yield from (Declared(("for", id(item)), g.name, "name", g.span) for g in item.generators)
        case s.Gadget():
            kind, more = ("chip", ("bus", "table")) if isinstance(item, s.Chip) else ("gadget", ())
            yield from (Declared(space, item.name, kind, item.span) for space in ("call", *more))
            yield from _inner(item, "parameter", item.params)
            yield from _inner(item, "result", item.outputs)
        case s.Impl():
            yield Declared("operator", f"{item.left} {item.op} {item.right}", "operator", item.span)
        case s.Format():
            yield Declared("format", item.name, "format", item.span)
            yield from (Declared(("field of a format", id(item)), f.name, "field", f.span) for f in item.fields if f.name is not None)
        case s.Frame():
            yield Declared("frame", item.name, "frame", item.span)
            yield from _of_frame(item)
        case s.Family():
            yield Declared("table", item.name, "family", item.span)
            yield from (Declared(("also", id(item)), x.frame, "frame", x.span) for x in item.also)
            for insn in item.insns:
                yield Declared("instruction", insn.name, "instruction", insn.span)
                yield from (Declared(id(insn), f.name, "field", f.span) for f in (*item.fixed, *insn.fixed))
        case s.Service():
            yield Declared("table", item.name, "service", item.span)
        case s.TableDecl():
            yield Declared("table", item.name, "table", item.span)
        case s.Claim():
            yield Declared("claim", "", "claim", item.span)
        case s.Test():
            yield Declared("test", item.name, "test", item.span)
        case s.StepTest() | s.Use():
            pass


def _inner(item: s.Node, kind: str, params: tuple[s.Param, ...]) -> Iterator[Declared]:
    yield from (Declared(id(item), p.name, kind, p.span) for p in params)


def _of_frame(frame: s.Frame) -> Iterator[Declared]:
    """Operands and results; `pc` may be an input and a result, but nothing is two of the same."""
    for stmt in frame.body:
        match stmt:
            case s.Operand():
                yield Declared(id(frame), stmt.name, "operand", stmt.span)
            case s.Result():
                yield Declared(id(frame), stmt.name, "result", stmt.span)
            case s.RunBody():
                yield Declared(("body", id(frame)), "", "`body;` statement", stmt.span)
            case _:
                pass
