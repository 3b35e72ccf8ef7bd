"""Operations, values and regions. Operands of an operation are the truth; graphs of a region are views of it (see graph.py).

After MLIR (Lattner et al., CGO 2021): static single assignment, regions inside of operations, attributes that never change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from zkc.compiler.ir.locations import UNKNOWN, Location

Range = tuple[int, int]
"""Least and greatest value of an integer."""


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a value, written `!zkc.name`."""

    name: str


FELT: Final = Type("felt")
"""An element of the field: a polynomial over the columns of a row."""
INT: Final = Type("int")
"""An integer of any size: what executor and witness compute."""

ANY: Final = Type("any")
"""Stands for every type in a declaration. A value of this type is of one that is known when gadgets are inlined."""
ENTRY: Final = Type("entry")
"""What a bus remembers: value, time and mark."""
INSN: Final = Type("insn")
"""The fields of an instruction."""
STRUCT: Final = "struct."
ARRAY: Final = "array."
"""What names of the types of structs and of arrays start with: `struct.u32`, `array.felt`."""
_types: dict[str, Type] = {t.name: t for t in (FELT, INT, ANY, ENTRY, INSN)}
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


def type_named(name: str) -> Type | None:
    """The type of that name, the same object each time; None if there is none."""
    found = _types.get(name)
    if found is None:
        item = name.removeprefix(ARRAY)
        known = type_named(item) is not None if item != name else name.startswith(STRUCT) and _WORD.fullmatch(name[len(STRUCT) :])
        if known:
            found = _types[name] = Type(name)
    return found


def struct_type(name: str) -> Type:
    """Values of a struct."""
    return _types.get(f"{STRUCT}{name}") or _types.setdefault(f"{STRUCT}{name}", Type(f"{STRUCT}{name}"))


def array_type(item: Type) -> Type:
    """Arrays of such items."""
    return _types.get(f"{ARRAY}{item.name}") or _types.setdefault(f"{ARRAY}{item.name}", Type(f"{ARRAY}{item.name}"))


@dataclass(frozen=True, slots=True)
class Symbol:
    """The name of something declared in the module, written `@name`."""

    name: str


Attribute = int | bool | str | Symbol | tuple["Attribute", ...]
NOTHING: Final[Mapping[str, Attribute]] = {}


class Value:
    """Result `index` of an operation, or argument `index` of a region."""

    __slots__ = ("index", "owner", "type")

    def __init__(self, owner: Operation | Region, index: int, type_: Type) -> None:
        self.owner = owner
        self.index = index
        self.type = type_

    @property
    def op(self) -> Operation | None:
        """The operation that makes the value, None for an argument."""
        return self.owner if isinstance(self.owner, Operation) else None


Folder = Callable[["Operation", Sequence["Constant | None"], Sequence[Range | None]], "Value | Constant | None"]
"""(operation, constants of the operands, ranges of those that are integers) -> a value that is there, a constant, or None."""
Constant = int | Fraction
MANY: Final = -1


@dataclass(frozen=True, eq=False)
class OpDef:
    """What an operation is.

    operands, results: types in order; `variadic` says that the last operand (`results_variadic`: result) type may come any number of times,
    and no result type means that the operation says its own. attributes: the required ones; `optional` may be there. A pure operation is
    its operands and attributes: equal ones may be one. An effect keeps its order. fold: see Folder. degree: of the result, from those of
    the operands. range: of integer result `index`, from the ranges of its operands, or of the values that `bounded_by` names. evaluate: the
    value, from the operation and the values of its operands.
    regions: how many it has, MANY for one or more. arguments: the type of those of its regions; None if they have none. within: the
    operations that it stands in, directly; () for any.
    verify: what is wrong with an operation, None if nothing is. inside: what is wrong with operations of its regions, taken together.
    """

    name: str
    operands: tuple[Type, ...] = ()
    results: tuple[Type, ...] = ()
    attributes: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    doc: str = ""
    variadic: bool = False
    results_variadic: bool = False
    pure: bool = False
    commutative: bool = False
    effect: bool = False
    terminator: bool = False
    symbol: bool = False
    regions: int = 0
    arguments: Type | None = None
    within: tuple[str, ...] = ()
    fold: Folder | None = None
    degree: Callable[[Sequence[int]], int] | None = None
    range: Callable[[Operation, int, Sequence[Range]], Range] | None = None
    bounded_by: Callable[[Operation, int], Sequence[Value]] | None = None
    evaluate: Callable[..., int] | None = None
    verify: Callable[[Operation], str | None] | None = None
    inside: Callable[[Operation], Iterator[tuple[Operation, str]]] | None = None
    constant: Callable[[Operation], Constant] | None = None


class Operation:
    """One operation. `attributes` are not changed in place; a pass that wants others sets a new mapping."""

    __slots__ = ("attributes", "definition", "loc", "operands", "regions", "results")

    def __init__(
        self, definition: OpDef, operands: Sequence[Value] = (), attributes: Mapping[str, Attribute] = NOTHING,
        results: Sequence[Type] | None = None, regions: Sequence[Region] = (), loc: Location = UNKNOWN,
    ) -> None:  # fmt: skip
        self.definition = definition
        self.operands = tuple(operands)
        self.attributes = attributes
        self.regions = tuple(regions)
        self.loc = loc
        self.results = tuple([Value(self, i, t) for i, t in enumerate(definition.results if results is None else results)])

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def result(self) -> Value:
        """The only result."""
        (value,) = self.results
        return value

    def text(self, attribute: str) -> str:
        """An attribute that is a string or a symbol, as a string."""
        value = self.attributes[attribute]
        if isinstance(value, Symbol):
            return value.name
        assert isinstance(value, str), (self.name, attribute)
        return value

    def number(self, attribute: str) -> int:
        """An attribute that is a number."""
        value = self.attributes[attribute]
        assert isinstance(value, int), (self.name, attribute)
        return value

    def names(self, attribute: str) -> tuple[str, ...]:
        """An attribute that is a list of strings; () if it is left out."""
        value = self.attributes.get(attribute, ())
        assert isinstance(value, tuple), (self.name, attribute)
        return tuple(str(v) for v in value)

    def flag(self, attribute: str) -> bool:
        """Whether an attribute is there and true."""
        return self.attributes.get(attribute) is True

    def having(self, **attributes: Attribute) -> Mapping[str, Attribute]:
        """The attributes with some set to others."""
        return {**self.attributes, **attributes}


class Region:
    """A body: operations in program order, after arguments that whoever enters it gives."""

    __slots__ = ("arguments", "operations", "view")

    def __init__(self, arguments: Sequence[Type] = ()) -> None:
        self.arguments = tuple(Value(self, i, t) for i, t in enumerate(arguments))
        self.operations: list[Operation] = []
        self.view: object = None
        """Its dataflow when it was last asked for (see graph.py)."""

    def new_argument(self, type_: Type) -> Value:
        """One argument more."""
        value = Value(self, len(self.arguments), type_)
        self.arguments = (*self.arguments, value)
        return value

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def __len__(self) -> int:
        return len(self.operations)

    def walk(self) -> Iterator[Operation]:
        """All operations, each before those inside of it."""
        for op in self.operations:
            yield op
            for region in op.regions:
                yield from region.walk()

    @property
    def terminator(self) -> Operation:
        """The last operation, which says what the region gives."""
        return self.operations[-1]


def constant_of(value: Value) -> Constant | None:
    """The constant that a value is, None if it is none."""
    op = value.owner
    if isinstance(op, Operation) and op.definition.constant is not None:
        return op.definition.constant(op)
    return None
