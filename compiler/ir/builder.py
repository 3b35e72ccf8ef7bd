"""Makes operations at the end of a region: constants fold, and equal pure operations are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zkc.compiler.ir.locations import UNKNOWN, Location
from zkc.compiler.ir.operation import FELT, NOTHING, Attribute, Constant, OpDef, Operation, Range, Region, Type, Value, constant_of
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.ir.registry import constant_definition


class Builder:
    """Appends to `region`. `outer` is the builder of the region around it: what that has made is not made again.

    loc: the location of what is made next. ranges: bounds of integers, which folding asks for. integers: what elements stand for, as far as
    that was asked (see passes/lift.py).
    """

    def __init__(self, region: Region, outer: Builder | None = None, ranges: Ranges | None = None) -> None:
        self.region = region
        self.outer = outer
        self.ranges: Ranges = ranges if ranges is not None else outer.ranges if outer is not None else Ranges()
        self.loc: Location = UNKNOWN if outer is None else outer.loc
        self.integers: dict[Value, Value | None] = {}
        self._made: dict[tuple[object, ...], Operation] = {}
        self._order: dict[Value, int] = {} if outer is None else outer._order

    def create(
        self, definition: OpDef, operands: Sequence[Value] = (), attributes: Mapping[str, Attribute] = NOTHING, *,
        results: Sequence[Type] | None = None, regions: Sequence[Region] = (), loc: Location | None = None,
    ) -> Operation:  # fmt: skip
        """A new operation, whatever there is."""
        op = Operation(definition, operands, attributes, results, regions, self.loc if loc is None else loc)
        return self.append(op)

    def append(self, op: Operation) -> Operation:
        self.region.operations.append(op)
        for value in op.results:
            self._order[value] = len(self._order)
        return op

    def adopt(self, op: Operation) -> None:
        """Appends an operation that was made elsewhere; a pure one is not made again."""
        self.append(op)
        if op.definition.pure and not op.regions:
            self._made.setdefault(_key(op.definition, op.operands, op.attributes), op)

    def value(self, definition: OpDef, *operands: Value, **attributes: Attribute) -> Value:
        """The result of a pure operation: folded, one that was made before, or a new one."""
        return self.share(definition, operands, attributes)

    def share(self, definition: OpDef, operands: Sequence[Value], attributes: Mapping[str, Attribute]) -> Value:
        """As `value`, with the attributes in a mapping."""
        if definition.commutative and self._order.get(operands[0], -1) > self._order.get(operands[1], -1):
            operands = (operands[1], operands[0])
        if definition.fold is not None:
            op = Operation(definition, operands, attributes, None, (), self.loc)
            folded = definition.fold(op, [constant_of(v) for v in operands], self._known(definition, operands))
            if isinstance(folded, Value):
                return folded
            if folded is not None:
                return self.constant(folded, definition.results[0])
            return self._once(definition, operands, attributes, op)
        return self._once(definition, operands, attributes, None)

    def _known(self, definition: OpDef, operands: Sequence[Value]) -> Sequence[Range | None]:
        if definition.results[0] is FELT:
            return ()
        return [None if v.type is FELT else self.ranges.of(v) for v in operands]

    def _once(self, definition: OpDef, operands: Sequence[Value], attributes: Mapping[str, Attribute], op: Operation | None) -> Value:
        key = _key(definition, operands, attributes)
        scope: Builder | None = self
        while scope is not None:
            found = scope._made.get(key)
            if found is not None:
                return found.results[0]
            scope = scope.outer
        made = self._made[key] = self.append(op if op is not None else Operation(definition, operands, attributes, None, (), self.loc))
        return made.results[0]

    def constant(self, value: Constant, type_: Type) -> Value:
        """A constant of the type."""
        attributes: dict[str, Attribute] = {"value": value.numerator}
        if value.denominator != 1:
            attributes["over"] = value.denominator
        return self._once(constant_definition(type_), (), attributes, None)

    def nested(self, region: Region) -> Builder:
        """A builder for a region inside of this one."""
        return Builder(region, self)


def _key(definition: OpDef, operands: Sequence[Value], attributes: Mapping[str, Attribute]) -> tuple[object, ...]:
    return (definition.name, *map(id, operands), *attributes.items())
