"""What passes ask about a program, as operations of the dialect `circ`, and back: a text says all that its passes need."""

from __future__ import annotations

from collections.abc import Iterable

from zkc.compiler.dialects import circ, row
from zkc.compiler.intervals import Interval
from zkc.compiler.ir.operation import Attribute, OpDef, Operation
from zkc.compiler.passes.facts import BusFacts, Facts

SAID = ("remembers", "known", "clock", "number")
"""Fields of buses that mean something to passes."""


def declarations(facts: Facts) -> list[Operation]:
    """Types, buses, fixed tables and instructions. Which row of a fixed table arguments are says its `row.index`."""
    found = [_declaration(circ.TYPE, name, low=x.low, high=x.high) for name, x in facts.types.items()]
    found += [_bus(name, bus) for name, bus in facts.buses.items()]
    found += [_declaration(circ.FIXED, name, fields=fields) for name, fields in facts.fixed.items()]
    return found + [_declaration(circ.INSN, name, op=op) for name, op in facts.ops.items()]


def _bus(name: str, bus: BusFacts) -> Operation:
    said = {name: getattr(bus, name) for name in SAID}
    more: dict[str, Attribute] = {name: value for name, value in said.items() if value is not None}
    return _declaration(circ.BUS, name, fields=tuple(f for f, _ in bus.fields), lows=tuple(low for _, low in bus.fields), **more)


def _declaration(definition: OpDef, name: str, **attributes: Attribute) -> Operation:
    return Operation(definition, (), {"sym_name": name, **attributes})


def facts_of_module(operations: Iterable[Operation]) -> Facts:
    """What a module declares. The module is valid (see verifier.py)."""
    kinds: dict[OpDef, dict[str, Operation]] = {}
    for op in operations:
        kinds.setdefault(op.definition, {})[op.text("sym_name")] = op
    return Facts(
        {name: Interval(op.number("low"), op.number("high")) for name, op in kinds.get(circ.TYPE, {}).items()},
        {name: _bus_facts(op) for name, op in kinds.get(circ.BUS, {}).items()},
        {name: op.names("fields") for name, op in kinds.get(circ.FIXED, {}).items()},
        {name: op.number("op") for name, op in kinds.get(circ.INSN, {}).items()},
        kinds.get(row.INDEX, {}),
    )


def _bus_facts(op: Operation) -> BusFacts:
    fields = op.names("fields")
    lows = op.attributes.get("lows", (0,) * len(fields))
    assert isinstance(lows, tuple)
    said = {name: op.text(name) for name in SAID if name in op.attributes}
    return BusFacts(tuple((name, low) for name, low in zip(fields, lows, strict=True) if isinstance(low, int)), **said)
