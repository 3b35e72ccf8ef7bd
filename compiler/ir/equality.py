"""Whether two pieces of the representation are the same: operations in order, operands by where they come from, attributes whatever
their order, locations by file, line and column."""

from __future__ import annotations

from collections.abc import Iterable

from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import Attribute, Operation, Region, Value
from zkc.dsl.spans import Span


def equal(a: Iterable[Operation], b: Iterable[Operation], *, locations: bool = True) -> bool:
    """Whether two modules, or lists of operations, are the same."""
    return difference(a, b, locations=locations) is None


def difference(a: Iterable[Operation], b: Iterable[Operation], *, locations: bool = True) -> str | None:
    """The first thing in which two modules, or lists of operations, differ; None if they do not."""
    try:
        _Comparison(locations).operations(list(a), list(b), "")
    except _Different as found:
        return str(found)
    return None


class _Different(Exception):
    """Two things are not the same."""


class _Comparison:
    def __init__(self, locations: bool) -> None:
        self.locations = locations
        self.values: dict[Value, Value] = {}

    def operations(self, a: list[Operation], b: list[Operation], path: str) -> None:
        for i, (x, y) in enumerate(zip(a, b, strict=False)):
            self._operation(x, y, f"{path}/{i} {x.name}")
        if len(a) != len(b):
            raise _Different(f"{path or '/'}: {len(a)} and {len(b)} operations")

    def _operation(self, a: Operation, b: Operation, path: str) -> None:
        if a.definition is not b.definition:
            raise _Different(f"{path}: the other is {b.name}")
        self._types([v.type.name for v in a.results], [v.type.name for v in b.results], f"{path}: results")
        if len(a.operands) != len(b.operands) or any(self.values.get(x, x) is not y for x, y in zip(a.operands, b.operands)):
            raise _Different(f"{path}: operands")
        if (name := _attribute(a, b)) is not None:
            raise _Different(f"{path}: attribute {name}: {a.attributes.get(name)!r} and {b.attributes.get(name)!r}")
        if self.locations and _place(a.loc) != _place(b.loc):
            raise _Different(f"{path}: {a.loc} and {b.loc}")
        if len(a.regions) != len(b.regions):
            raise _Different(f"{path}: {len(a.regions)} and {len(b.regions)} regions")
        for i, (x, y) in enumerate(zip(a.regions, b.regions)):
            self._region(x, y, f"{path}/{i}")
        self.values.update(zip(a.results, b.results))

    def _region(self, a: Region, b: Region, path: str) -> None:
        self._types([v.type.name for v in a.arguments], [v.type.name for v in b.arguments], f"{path}: arguments")
        self.values.update(zip(a.arguments, b.arguments))
        self.operations(a.operations, b.operations, path)

    def _types(self, a: list[str], b: list[str], what: str) -> None:
        if a != b:
            raise _Different(f"{what}: {a} and {b}")


def _attribute(a: Operation, b: Operation) -> str | None:
    """The first attribute that is not the same."""
    if a.attributes.keys() != b.attributes.keys():
        return min(a.attributes.keys() ^ b.attributes.keys())
    return next((name for name, value in a.attributes.items() if not _same(value, b.attributes[name])), None)


def _same(a: Attribute, b: Attribute) -> bool:
    """As ==, but 1 is not true."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and a == b


def _place(loc: Location) -> tuple[object, ...]:
    return (loc.span and _start(loc.span), *((name, _start(span)) for name, span in loc.calls))


def _start(span: Span) -> tuple[str, int, int]:
    return span.file, span.line, span.column
