"""What a check starts from, and where it is: the declarations, what is known of the runtime, and the names in reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from zkc.dsl import syntax as s
from zkc.dsl.constants import ConstValue
from zkc.dsl.types import Type

MAX_ITEMS = 4096
"""Elements of an array, and rounds of a loop."""
MAX_CALL_NESTING = 250
"""Levels of syntax of all gadgets that are inlined into each other."""


class Declarations(Protocol):
    """The items of a program by kind and name. `constants` has those whose value is known."""

    constants: dict[str, ConstValue]
    constant_items: dict[str, s.Const]
    type_items: dict[str, s.TypeAlias]
    ranges: dict[str, tuple[int, int]]
    structs: dict[str, s.Struct]
    buses: dict[str, s.BusDecl]
    fixed: dict[str, s.Fixed]
    gadgets: dict[str, s.Gadget]
    impls: dict[tuple[str, str, str], s.Impl]
    formats: dict[str, s.Format]
    frames: dict[str, s.Frame]
    families: dict[str, s.Family]
    services: dict[str, s.Service]
    tables: dict[str, s.TableDecl]
    claim: s.Claim | None
    tests: list[s.Test]
    step_tests: list[s.StepTest]

    def nesting(self, gadget: s.Gadget) -> int:
        """How deep the syntax of a gadget nests."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What the language takes from elsewhere.

    field: number of elements of the field. host, perform: what a runtime answers and does, with the number of arguments.
    constants: those that are read from outside of the program. row_inputs: what a row of an instruction is given.
    instruction: fields of `insn`, decoded: those of a decoded word, with their types.
    """

    field: int
    host: Mapping[str, int]
    perform: Mapping[str, int]
    constants: frozenset[str]
    row_inputs: tuple[str, ...]
    instruction: Mapping[str, str]
    decoded: Mapping[str, str]


Place = Literal["gadget", "frame", "shared", "arm", "table", "guard", "at"]
"""What a statement or an expression is part of."""


@dataclass(frozen=True)
class Binding:
    """Names that one statement gives to values; `what` is what the statement is called."""

    names: tuple[str, ...]
    what: str
    span: s.Span


@dataclass
class Scope:
    """Names in reach and what is known of them. `table` is the name of what this is in.

    outputs, specs: results of a gadget, and which have their meaning, where. settable, results: results of the frame that there are, and
    those set, where. arms: what `is` can ask for. reads: names that were read here or further inside. bindings: what may be unused.
    rebound: names that hide those outside. inputs: what the runtime was asked for, where.
    """

    place: Place
    table: str
    env: dict[str, Type]
    outputs: dict[str, s.TypeRef] = field(default_factory=lambda: {})
    specs: dict[str, s.Span] = field(default_factory=lambda: {})
    settable: dict[str, s.Result] | None = None
    results: dict[str, s.Span] = field(default_factory=lambda: {})
    arms: frozenset[str] = frozenset()
    gadget: str | None = None
    outer: Scope | None = None
    reads: set[str] = field(default_factory=lambda: set())
    bindings: list[Binding] = field(default_factory=lambda: [])
    hidden: frozenset[str] = frozenset()
    inputs: dict[str, s.Span] = field(default_factory=lambda: {})

    def read(self, name: str) -> None:
        """Marks a name as used, here and where this stands."""
        scope: Scope | None = self
        while scope is not None and name not in scope.hidden:
            scope.reads.add(name)
            scope = scope.outer

    def bind(self, binding: Binding, types: list[Type]) -> None:
        """Gives names to values."""
        self.env.update(zip(binding.names, types, strict=True))
        self.bindings.append(binding)

    def around(self, name: str, type_: Type) -> Scope:
        """The scope of a comprehension, with its variable."""
        return Scope(
            self.place, self.table, {**self.env, name: type_}, self.outputs, self.specs, self.settable, self.results, self.arms,
            self.gadget, self, set(), self.bindings, frozenset((name,)), self.inputs,
        )  # fmt: skip
