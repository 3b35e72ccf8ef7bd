"""Operations as JSON of numbers, for what is kept between compilations: the text of operations takes ten times as long to read.

Definitions, attributes, locations and spans are tables; an operation is a run of numbers: definition, attributes, location, operands,
types of its results if its definition does not say them, and its regions. Values are numbered in order. A reader takes what a writer
made: entries of the cache are whole, and belong to this version of the compiler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final

from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import FELT, INT, Attribute, Operation, Region, Symbol, Type, Value
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.dsl.spans import Span

TYPES: Final[tuple[Type, ...]] = (FELT, INT)
Place = Sequence[str | int]
"""What stands for a span."""


def write(groups: Sequence[Sequence[Operation]], place_of: Callable[[Span], Place]) -> bytes:
    """Lists of operations; those of one may use values of those before it."""
    writer = _Writer(place_of)
    for group in groups:
        writer.operations(group)
    data = [len(groups), writer.definitions.items, writer.attributes.items, writer.spans.items, writer.locations.items, writer.numbers]
    return json.dumps(data, separators=(",", ":")).encode()


def read(data: bytes, span_of: Callable[[Place], Span]) -> list[list[Operation]]:
    """What `write` was given, with spans that `span_of` makes of their places."""
    count, *tables, numbers = json.loads(data)
    reader = _Reader(tables, numbers, span_of)
    return [reader.operations() for _ in range(count)]


def called(groups: Iterable[Iterable[Operation]]) -> list[str]:
    """The field functions that operations call, in order."""
    inner = (o for group in groups for op in group for o in (op, *(i for region in op.regions for i in region.walk())))
    return list(dict.fromkeys(op.text("callee") for op in inner if "callee" in op.attributes))


class _Table:
    """Things by number, in the order of their first use. What is the same object is not looked at again."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, tuple[object, int]] = {}

    def number(self, item: object, key: Callable[[Any], Hashable], shown: Callable[[Any], object]) -> int:
        """The number of an item; `key` is what makes it another one, `shown` is what is written of it."""
        found = self._known.get(id(item))
        if found is None:
            number = self._numbers.setdefault(key(item), len(self.items))
            if number == len(self.items):
                self.items.append(shown(item))
            found = self._known[id(item)] = (item, number)  # the item is held, so that no other one gets its id
        return found[1]


class _Writer:
    def __init__(self, place_of: Callable[[Span], Place]) -> None:
        self.place_of = place_of
        self.definitions = _Table()
        self.attributes = _Table()
        self.spans = _Table()
        self.locations = _Table()
        self.numbers: list[int] = []
        self.values: dict[Value, int] = {}

    def operations(self, operations: Sequence[Operation]) -> None:
        self.numbers.append(len(operations))
        for op in operations:
            self._operation(op)

    def _operation(self, op: Operation) -> None:
        values = self.values
        self.numbers += (
            self.definitions.number(op.definition, id, lambda d: d.name),
            self.attributes.number(op.attributes, _distinct, _written),
            self.locations.number(op.loc, _identity, self._location),
            len(op.operands),
            *[values[v] for v in op.operands],
        )  # fmt: skip
        declared = op.definition.results == tuple(v.type for v in op.results)
        self._types(None if declared else op.results)
        self.numbers.append(len(op.regions))
        for region in op.regions:
            self._types(region.arguments)
            self._number(region.arguments)
            self.operations(region.operations)
        self._number(op.results)

    def _types(self, given: Sequence[Value] | None) -> None:
        """How many more than none there are, and their types."""
        self.numbers += [0] if given is None else [1 + len(given), *(TYPES.index(v.type) for v in given)]

    def _number(self, values: Iterable[Value]) -> None:
        for value in values:
            self.values[value] = len(self.values)

    def _location(self, loc: Location) -> object:
        return [None if loc.span is None else self._span(loc.span), *([name, self._span(span)] for name, span in loc.calls)]

    def _span(self, span: Span) -> int:
        return self.spans.number(span, _identity, self.place_of)


class _Reader:
    def __init__(self, tables: Sequence[Any], numbers: list[int], span_of: Callable[[Place], Span]) -> None:
        definitions, attributes, places, locations = tables
        spans = [span_of(place) for place in places]
        self.definitions = [DEFINITIONS[name] for name in definitions]
        self.attributes = [{name: _attribute(value) for name, value in entry} for entry in attributes]
        self.locations = [
            Location(None if span is None else spans[span], tuple((name, spans[at]) for name, at in calls)) for span, *calls in locations
        ]
        self.next = iter(numbers).__next__
        self.values: list[Value] = []

    def operations(self) -> list[Operation]:
        return [self._operation() for _ in range(self.next())]

    def _operation(self) -> Operation:
        take, values = self.next, self.values
        definition, attributes, loc = self.definitions[take()], self.attributes[take()], self.locations[take()]
        operands = [values[take()] for _ in range(take())]
        results = self._types()
        regions = [self._region() for _ in range(take())]
        op = Operation(definition, operands, attributes, results, regions, loc)
        values += op.results
        return op

    def _region(self) -> Region:
        region = Region(self._types() or ())
        self.values += region.arguments
        region.operations = self.operations()
        return region

    def _types(self) -> list[Type] | None:
        count = self.next()
        return None if count == 0 else [TYPES[self.next()] for _ in range(count - 1)]


def _identity(item: Hashable) -> Hashable:
    return item


def _distinct(attributes: Any) -> Hashable:
    """Attributes as a key: 1 and true are not the same."""
    return tuple((name, type(value), value if type(value) is not tuple else repr(value)) for name, value in attributes.items())


def _written(attributes: Any) -> object:
    return [[name, _shown(value)] for name, value in attributes.items()]


def _shown(value: Attribute) -> object:
    """An attribute in JSON: a list is one, a symbol is an object."""
    if isinstance(value, Symbol):
        return {"@": value.name}
    return [_shown(v) for v in value] if isinstance(value, tuple) else value


def _attribute(value: Any) -> Attribute:
    if isinstance(value, dict):
        return Symbol(value["@"])  # type: ignore[reportUnknownArgumentType]
    return tuple(_attribute(v) for v in value) if isinstance(value, list) else value  # type: ignore[reportUnknownVariableType]
