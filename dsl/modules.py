"""Modules: each file of a library has names of its own, and `use words;` brings the public ones of `words.circ` into a file.

`resolve` gives every name of a module its full name, `words.rotate`, and leaves of the modules what the program needs. Behind it there is
one namespace again, in which names of different modules differ. Names that begin with `_` are known in their module alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from zkc.dsl import numbered
from zkc.dsl import syntax as s
from zkc.dsl.built_in import BUILT_IN_CALLS, BUILT_IN_TYPES, RANGE, WORD
from zkc.dsl.constants import ConstantError, evaluate
from zkc.dsl.diagnostics import Diagnostic, did_you_mean

LANGUAGE: Final = frozenset((WORD, RANGE))
"""What the language itself asks for by name: a program has one of each, whatever module declares it."""
SPACES: Final[dict[type[s.Node], tuple[str, ...]]] = {
    s.Const: ("constant",), s.TypeAlias: ("type",), s.Struct: ("type", "call"), s.BusDecl: ("bus",), s.Fixed: ("bus",), s.Gadget: ("call",),
    s.Chip: ("call",),
}  # fmt: skip
"""What a module declares, and the namespaces of its name."""
CALLED: Final = {"constant": "constant", "type": "type", "call": "gadget", "bus": "bus or fixed table"}
NAMED: Final[dict[type[s.Node], tuple[str, str]]] = {
    s.Name: ("constant", "name"), s.TypeRef: ("type", "name"), s.Call: ("call", "name"), s.MessageStmt: ("bus", "bus"),
    s.Last: ("bus", "bus"), s.Free: ("bus", "bus"),
}  # fmt: skip
"""Where a name stands for what is declared elsewhere: its namespace, and the field that holds it."""
Binds = s.Param | s.Hint | s.Input | s.Let | s.For | s.Generator | s.Comprehension | s.Operand | s.Result | s.Decode
Key = tuple[str, str]
"""A namespace and a name in it."""


@dataclass(frozen=True)
class Modules:
    """Where names come from. of: the module that a file is, by the file's name; a file that is none is the program's own. known: modules
    that there are. ambiguous: those of which there are several, with their files. given: names that bodies of instructions have."""

    of: Mapping[str, str] = field(default_factory=lambda: {})
    known: Collection[str] = ()
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {})
    given: Collection[str] = ()


NONE: Final = Modules()


@dataclass(frozen=True)
class Resolved:
    """The items of a program, with what it needs of modules; `problems` are errors, `warnings` what does no harm."""

    items: list[s.Item]
    problems: list[Diagnostic]
    warnings: list[Diagnostic]


def resolve(items: list[s.Item], modules: Modules) -> Resolved:
    """The names of modules in full, and what nothing needs of them left out. Without modules and `use` the items stay as they are."""
    if not modules.of and not any(isinstance(item, s.Use) for item in items):
        return Resolved(items, [], [])
    work = _Resolver(items, modules)
    found = [work.item(item) for item in items if not isinstance(item, s.Use)]
    own = [x for x in found if x.span.file not in modules.of]
    kept = _needed(own, [x for x in found if x.span.file in modules.of]) if own else found
    return Resolved(kept, work.problems, work.unused() if own else [])


def public(name: str) -> bool:
    """Whether a name of a module may be used elsewhere."""
    return not name.startswith("_")


def qualified(module: str | None, name: str) -> str:
    """The name in the whole program."""
    return name if module is None or name in LANGUAGE else f"{module}.{name}"


class _Names:
    """What one module declares, or the program itself."""

    def __init__(self) -> None:
        self.items: dict[Key, s.Item] = {}

    def add(self, item: s.Item) -> None:
        for space in SPACES.get(type(item), ()):
            self.items.setdefault((space, getattr(item, "name")), item)  # noqa: B009  # all that have spaces have a name

    def has(self, space: str, name: str) -> bool:
        """Whether a name is declared, or a type with a number is one of those that are."""
        if (space, name) in self.items:
            return True
        parts = numbered.split(name) if space == "type" else None
        of = self.items.get(("type", parts[0])) if parts else None
        return isinstance(of, s.TypeAlias) and of.parameter is not None

    def names(self, space: str) -> list[str]:
        """All public names of a namespace."""
        return [name for kind, name in self.items if kind == space and public(name)]


@dataclass
class _File:
    """What names mean in one file. uses: what it says of each module, in order."""

    module: str | None
    own: _Names
    uses: dict[str, s.Use] = field(default_factory=lambda: {})
    used: set[str] = field(default_factory=lambda: set())


class _Resolver:
    """Reads items one by one; `problems` are what is wrong with their names."""

    def __init__(self, items: list[s.Item], modules: Modules) -> None:
        self.modules = modules
        self.problems: list[Diagnostic] = []
        self.names: dict[str | None, _Names] = {None: _Names(), **{module: _Names() for module in modules.of.values()}}
        self.files: dict[str, _File] = {}
        self.frames = frozenset(name for item in items if isinstance(item, s.Frame) for name in _bound(item))
        for item in items:
            module = modules.of.get(item.span.file)
            self.names[module].add(item)
            file = self.files.setdefault(item.span.file, _File(module, self.names[module]))
            if isinstance(item, s.Use):
                self._use(item, file)

    def _use(self, item: s.Use, file: _File) -> None:
        if item.module in self.modules.ambiguous:
            places = " and ".join(f"`{place}`" for place in self.modules.ambiguous[item.module])
            self.problem(f"there are several modules `{item.module}`: {places}", item.span, "give one of their folders another name")
        elif item.module not in self.modules.known:
            known = did_you_mean(item.module, self.modules.known)
            self.problem(f"there is no module `{item.module}`", item.span, known or "`--lib DIR` names a folder with modules")
        elif item.module == file.module:
            self.problem("a module does not use itself: it knows its names", item.span, None)
        else:
            file.uses.setdefault(item.module, item)

    def problem(self, message: str, span: s.Span, help_: str | None) -> None:
        """Reports E0217."""
        self.problems.append(Diagnostic("E0217", message, span, help=help_))

    def unused(self) -> list[Diagnostic]:
        """W0003 for modules of which a file of the program uses nothing."""
        own = [file for file in self.files.values() if file.module is None]
        return [
            Diagnostic("W0003", f"nothing here uses the module `{module}`", use.span)
            for file in own
            for module, use in file.uses.items()
            if module not in file.used
        ]

    def item(self, item: s.Item) -> Any:
        """An item with its names in full."""
        file = self.files[item.span.file]
        if file.module is not None and type(item) not in (*SPACES, s.Impl, s.Test):
            self.problem(f"the module `{file.module}` is for gadgets and what they need: this is part of a program", item.span, None)
        bound = frozenset(_bound(item))
        if isinstance(item, s.Frame | s.Family | s.Service | s.TableDecl):
            bound |= self.frames | frozenset(self.modules.given)
        found = _Item(self, file, bound).node(item)
        if file.module is None:
            return found
        if isinstance(item, s.Test):
            return replace(found, name=f"{file.module}: {item.name}")
        return replace(found, name=qualified(file.module, found.name)) if type(item) in SPACES else found


class _Item:
    """One item of a file; `bound` are names that stand for something inside of it."""

    def __init__(self, work: _Resolver, file: _File, bound: frozenset[str]) -> None:
        self.work = work
        self.file = file
        self.bound = bound

    def node(self, node: Any) -> Any:
        """A piece of syntax with its names in full, the same one if nothing changes."""
        if isinstance(node, tuple):
            found = tuple(self.node(x) for x in node)  # pyright: ignore[reportUnknownVariableType]
            return found if any(a is not b for a, b in zip(found, node, strict=True)) else node  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        if not isinstance(node, s.Node) or (isinstance(node, s.Call) and node.name == "is"):
            return node
        if isinstance(node, s.Survives) and node.kind != "term":
            return node  # it names fields
        if isinstance(node, s.Field) and isinstance(node.of, s.Name) and self._module(node.of.name):
            return s.Name(node.span, self.meant("constant", f"{node.of.name}.{node.name}", node.span))
        old = {part: getattr(node, part) for part in s.parts(type(node))}
        changed = {part: new for part, value in old.items() if (new := self.node(value)) is not value} | self._renamed(node)
        return replace(node, **changed) if changed else node

    def _renamed(self, node: s.Node) -> dict[str, str]:
        """The fields that hold names of other things, as far as they change."""
        if isinstance(node, s.Impl):
            fields = [("type", "left"), ("type", "right"), ("call", "gadget")]
        elif type(node) in NAMED and not (isinstance(node, s.Name) and node.name in self.bound):
            fields = [NAMED[type(node)]]
        else:
            return {}
        old = [(space, part, getattr(node, part)) for space, part in fields if getattr(node, part) is not None]
        return {part: new for space, part, name in old if (new := self.meant(space, name, node.span)) != name}

    def _module(self, name: str) -> bool:
        return name in self.file.uses and name not in self.bound and not self.file.own.has("constant", name)

    def meant(self, space: str, name: str, span: s.Span) -> str:
        """What a name stands for, in full; as it is if that is nothing here."""
        if "." in name:
            module, _, inner = name.partition(".")
            return self._of_module(space, module, inner, span)
        if self.file.own.has(space, name):
            return qualified(self.file.module, name)
        if name in (BUILT_IN_CALLS if space == "call" else BUILT_IN_TYPES if space == "type" else ()):
            return name
        found = [module for module in self.file.uses if self.work.names[module].has(space, name)]
        shown = [module for module in found if public(name)]
        if len(shown) > 1 and name not in LANGUAGE:
            places = " and ".join(f"`{module}`" for module in shown)
            self.work.problem(f"`{name}` is declared in {places}", span, f"write `{shown[0]}.{name}` or `{shown[1]}.{name}`")
        elif found and not shown:
            self._private(name, found[0], span)
        self.file.used.update(shown[:1])
        return qualified(shown[0], name) if shown else name

    def _of_module(self, space: str, module: str, name: str, span: s.Span) -> str:
        if module not in self.file.uses:
            help_ = f"`use {module};`" if module in self.work.modules.known else did_you_mean(module, self.file.uses)
            self.work.problem(f"this file does not use a module `{module}`", span, help_)
            return f"{module}.{name}"
        names = self.work.names[module]
        self.file.used.add(module)
        if not names.has(space, name):
            help_ = did_you_mean(name, names.names(space))
            self.work.problem(f"the module `{module}` has no {CALLED[space]} `{name}`", span, help_)
        elif not public(name):
            self._private(name, module, span)
        return qualified(module, name)

    def _private(self, name: str, module: str, span: s.Span) -> None:
        self.work.problem(f"`{name}` is private to the module `{module}`: its name begins with `_`", span, None)


def _bound(item: s.Item) -> Iterator[str]:
    """Names that stand for something inside of an item."""
    for node in s.walk(item):
        if isinstance(node, Binds):
            yield from node.names if isinstance(node, s.Let) else (node.name,)
        elif isinstance(node, s.TypeAlias) and node.parameter is not None:
            yield node.parameter


def _needed(own: list[s.Item], others: list[s.Item]) -> list[s.Item]:
    """A program, and what it needs of modules, in the order of the text. An operator is needed where one of its types is."""
    by_key: dict[Key, list[s.Item]] = {}
    for item in others:
        for key in _keys(item):
            by_key.setdefault(key, []).append(item)
    kept: set[int] = set()
    seen: set[Key] = set()
    todo = list(own)
    while todo:
        for key in _needs(todo.pop()):
            if key in seen:
                continue
            seen.add(key)
            fresh = [item for item in by_key.get(key, ()) if id(item) not in kept]
            kept.update(map(id, fresh))
            todo += fresh
    return [*own, *(item for item in others if id(item) in kept)]


def _keys(item: s.Item) -> Iterable[Key]:
    """Under which names an item is needed."""
    if isinstance(item, s.Impl):
        return (("type", item.left), ("type", item.right))
    return ((space, getattr(item, "name")) for space in SPACES.get(type(item), ()))  # noqa: B009


def _of_bits(item: s.TypeAlias) -> bool:
    """Whether a type ranges over a power of two, as far as that is known where constants by name are not. Columns of others are looked up
    in a table of the same name."""
    try:
        high = evaluate(item.high, lambda _: None, ())
    except ConstantError:
        return True
    return not isinstance(high, int) or high & (high - 1) == 0


def _needs(item: s.Item) -> Iterator[Key]:
    """What an item names, or the language for it."""
    for node in s.walk(item):
        if type(node) in NAMED:
            space, part = NAMED[type(node)]
            yield space, getattr(node, part) or ""
        match node:
            case s.TypeRef(name=name):
                yield from (("type", parts[0]) for parts in (numbered.split(name),) if parts is not None)
            case s.Impl(gadget=gadget, left=left, right=right):
                yield from (("call", gadget), ("type", left), ("type", right))
            case s.Struct(name=name):
                yield "type", name  # made by a call, it has operators too
            case s.TypeAlias(name=name):
                yield "bus", name
                if _of_bits(node):
                    yield "bus", RANGE
            case s.Decode():
                yield "type", WORD
            case _:
                pass
