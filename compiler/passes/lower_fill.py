"""lower-fill: how the columns of a row are filled from its record, one function for each arm.

    %x = "row.column"(%i) {slot = 7}                         becomes      "fill.write"(%i) {column = 7}
    "bus.lookup"(%one, %bits, %x) {bus = @range}                          "fill.count"(%index, %once) {table = @range}

Columns of degree 3 are computed in the field from the others: `fill.polynomials`, once for the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zkc.compiler.dialects import air, bus, fill, row, step
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.operation import Attribute, Operation, Region, Symbol, Value, constant_of
from zkc.compiler.ir.rewrite import copy
from zkc.compiler.ir.walk import bottom_up
from zkc.compiler.passes import packing
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.flatten import Flat, closed
from zkc.dsl.built_in import AT


@dataclass(frozen=True)
class Layout:
    """Where the record of a table keeps what its rows saw: the address of the instruction if any has a use for it, then loads, then answers
    of the host; the arm with most decides."""

    loads: int
    hosts: int
    at: bool = False

    @property
    def words(self) -> int:
        return self.host(self.hosts)

    def load(self, number: int) -> int:
        """The first word of a load."""
        return packing.HEADER + self.at + packing.LOAD_WORDS * number

    def host(self, number: int) -> int:
        """The word of an answer."""
        return self.load(self.loads) + number


def layout_of(steps: list[Operation]) -> Layout:
    """The layout of a table with these steps."""
    counts = [[op.definition for op in s.regions[0]] for s in steps]
    at = any(op.definition is row.GIVEN and op.text("name") == AT for s in steps for op in s.regions[0].walk())
    return Layout(max(c.count(step.LOAD) for c in counts), max(c.count(step.HOST) for c in counts), at)


@dataclass(frozen=True)
class LowerFill:
    """See above."""

    name = "lower-fill"

    def run(self, table: Operation, lowered: Operation, steps: list[Operation], facts: Facts) -> Operation:
        """The filler of a table; `lowered` is the table in the stage `air`, `steps` what lower-step made of it."""
        body = Region()
        arms = row.table_arms(table)
        layout = layout_of(steps) if steps else None
        words = layout.words if layout is not None else sum(op.definition is row.GIVEN for op in table.regions[0])
        for arm in arms.names("names") if arms is not None else ("",):
            body.operations.append(_Filler(facts, arm, layout).run(table))
        polynomials = _polynomials(lowered)
        if polynomials is not None:
            body.operations.append(polynomials)
        attributes: dict[str, Attribute] = {"sym_name": table.text("sym_name"), "record_words": words}
        return Operation(fill.TABLE, (), attributes, (), (body,), table.loc)


@dataclass
class _Filler:
    facts: Facts
    arm: str
    layout: Layout | None
    roots: list[Operation] = field(default_factory=lambda: list[Operation]())
    counts: list[Operation] = field(default_factory=lambda: list[Operation]())
    loads: int = 0
    hosts: int = 0
    given: int = 0

    def run(self, table: Operation) -> Operation:
        flat = self.flat = Flat(self.facts, self.arm or None, self._leaf)
        for op in flat.walk(table.regions[0]):
            if op.definition is step.LOAD:
                self._load(op)
            elif op.definition is step.HOST:
                self._host(op)
            elif op.definition is bus.LOOKUP:
                self._count(op)
            elif "slot" in op.attributes and op.definition is not row.MERGE:
                self._write(op)
        for op in table.regions[0]:
            if op.definition is row.MERGE and "slot" in op.attributes:
                flat.b.loc = op.loc
                self._write_integer(op, flat.integer(op.result, op.loc))
        roots = sorted(self.roots, key=lambda op: op.number("column")) + self.counts
        attributes: dict[str, Attribute] = {"arm": self.arm, "op": self.facts.number(table, self.arm)}
        return Operation(fill.FUNC, (), attributes, (), (closed(roots),), table.loc)

    def _record(self, b: Builder, word: int, high: int = 2**32 - 1) -> Value:
        return b.value(fill.RECORD, word=word, high=high)

    def _leaf(self, op: Operation) -> Value | None:
        """What a row is given is a word of its own where the runtime gives rows; executors pack it (see packing.py)."""
        if self.layout is not None:
            return self._record(self.flat.b, packing.HEADER, op.number("high")) if self.layout.at and op.text("name") == AT else None
        self.given += 1
        return self._record(self.flat.b, self.given - 1, op.number("high"))

    def _load(self, op: Operation) -> None:
        assert self.layout is not None
        b, place = self.flat.b, self.layout.load(self.loads)
        self.loads += 1
        time, mark = packing.time_and_mark(b, self._record(b, place + 1))
        self.flat.values.update(zip(op.results, (self._record(b, place), time, mark), strict=True))

    def _host(self, op: Operation) -> None:
        assert self.layout is not None
        self.flat.values[op.result] = self._record(self.flat.b, self.layout.host(self.hosts))
        self.hosts += 1

    def _write(self, op: Operation) -> None:
        value = self.flat.lift(self.flat.b, self.flat.values[op.result])
        if value is not None:
            self._write_integer(op, value)

    def _write_integer(self, op: Operation, value: Value) -> None:
        self.roots.append(self.flat.b.create(fill.WRITE, (value,), {"column": op.number("slot")}))

    def _count(self, op: Operation) -> None:
        """One lookup more of the row that the arguments are."""
        name = op.text("bus")
        times, *arguments = (self.flat.lift(self.flat.b, self.flat.values.get(v, v)) for v in op.operands)
        known = [a for a in arguments if a is not None]
        if times is None or len(known) < len(arguments):
            self.facts.report("E0502", f"`{op.text('label')}` looks up a value without an integer meaning", op.loc)
            return
        if constant_of(times) != 0 and name in self.facts.indices:
            index = call_index(self.flat.b, self.facts.indices[name], known)
            self.counts.append(self.flat.b.create(fill.COUNT, (index, times), {"table": Symbol(name)}))


def call_index(b: Builder, function: Operation, arguments: list[Value]) -> Value:
    """The row of a fixed table that arguments mean, by its `row.index`."""
    region, loc = function.regions[0], b.loc
    values = dict(zip(region.arguments, arguments, strict=True))
    for op in region.operations[:-1]:
        copy(b, op, values)
    b.loc = loc
    result = region.terminator.operands[0]
    return values.get(result, result)


def _polynomials(lowered: Operation) -> Operation | None:
    """Computed columns as polynomials of the others: those that are computed earlier are inlined."""
    definitions = [op for op in lowered.regions[0] if op.definition is air.CONSTRAINT and op.attributes["kind"] == "definition"]
    if not definitions:
        return None
    body = Region()
    b = Builder(body)
    columns = [op.result for op in lowered.regions[0] if op.definition is air.COLUMN]
    number = {c: i for i, c in enumerate(columns)}
    values: dict[Value, Value] = {}
    computed: list[tuple[Value, Value]] = []
    for op in definitions:
        difference = op.operands[0].op
        assert difference is not None
        column, polynomial = difference.operands
        computed.append((column, polynomial))
        values[column] = _inlined(b, polynomial, values, number)
    for column, _ in computed:
        b.create(fill.COMPUTED, (values[column],), {"column": number[column]})
    return Operation(fill.POLYNOMIALS, (), {}, (), (body,), lowered.loc)


def _inlined(b: Builder, polynomial: Value, values: dict[Value, Value], number: dict[Value, int]) -> Value:
    def needs(value: Value) -> Sequence[Value]:
        assert value.op is not None
        return () if value in number else value.op.operands

    def visit(value: Value) -> None:
        assert value.op is not None
        if value in number:
            values[value] = b.value(fill.COLUMN, column=number[value])
        else:
            copy(b, value.op, values)

    bottom_up(polynomial, values, needs, visit)
    return values[polynomial]
