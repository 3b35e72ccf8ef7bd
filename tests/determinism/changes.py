"""Mutations that change a statement instead of deleting it: wider types, fields that are constants or another's, slots that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.determinism.mutations import circuit, compilation, judged, kind_of, mutated, operations, said_of, statements, tables
from zkc.compiler.audit.findings import Finding
from zkc.compiler.audit.table import stem
from zkc.compiler.dialects import bus, felt
from zkc.compiler.ir.operation import Operation, Value, constant_of
from zkc.compiler.pipeline import Lowered
from zkc.dsl import syntax as s
from zkc.dsl.spans import Span

WIDEST = 16
TIMES = {"address": 0, "lo": 1, "hi": 2, "time": 3, "mark": 4}


@dataclass(frozen=True)
class Changed:
    """kind: `widen` a range by a bit; `constant`: field `at` of a message is 0; `swap`: it and the next; `slot`: it is one more."""

    kind: str
    span: Span
    at: int = 0

    @property
    def name(self) -> str:
        text = compilation().program.sources[self.span.file].splitlines()[self.span.line - 1].strip()
        text = text.split(" because ")[0].split(" survives ")[0].split(" = ")[0]
        return f"{self.kind} {self.at} of {self.span.file.split('/')[-1]}: {' '.join(text.split())}"

    def is_said(self, said: s.Survives) -> bool:
        """Whether it is what is said to survive."""
        return said.kind == self.kind and said.field in (None, self.field) and said in said_of(self.span)

    @property
    def field(self) -> str | None:
        """The field of a message that it changes first."""
        stmt = statements().get(self.span)
        return stem(circuit().fields[stmt.bus][self.at].name) if isinstance(stmt, s.MessageStmt) else None

    @property
    def survives(self) -> bool:
        """Whether its statement says so."""
        return any(map(self.is_said, said_of(self.span)))

    def hits(self, op: Operation) -> bool:
        return op.loc.span == self.span and self in set(changes(op))

    def arms(self, table: Lowered) -> set[str | None]:
        """The arms of a table that it changes; None stands for all."""
        return {arm for arm, op in operations(table) if self.hits(op)}

    def of(self, op: Operation) -> Sequence[Operation]:
        """What stands in the place of an operation."""
        if not self.hits(op):
            return (op,)
        operands = list(op.operands)
        i = self.at + 1
        made: list[Operation] = []

        def constant(value: int) -> Value:
            made.append(Operation(felt.CONSTANT, (), {"value": value}))
            return made[-1].result

        if self.kind == "widen":
            operands[1] = constant(int(constant_of(operands[1]) or 0) + 1)
        elif self.kind == "constant":
            operands[i] = constant(0)
        elif self.kind == "swap":
            operands[i], operands[i + 1] = operands[i + 1], operands[i]
        else:
            made.append(Operation(felt.ADD, (operands[i], constant(1))))
            operands[i] = made[-1].result
        return (*made, Operation(op.definition, operands, op.attributes, (), (), op.loc))


def changes(op: Operation) -> Iterator[Changed]:
    """The ways to change an operation."""
    span = op.loc.span
    if span is None:
        return
    if op.definition is bus.LOOKUP and kind_of(op) == "type" and op.text("bus") == "range":
        bits = constant_of(op.operands[1])
        if bits is not None and bits < WIDEST:
            yield Changed("widen", span)
    if op.definition is bus.RECV:
        fields = op.operands[1:]
        for i, v in enumerate(fields):
            if constant_of(v) is None:
                yield Changed("constant", span, i)
            if i + 1 < len(fields) and v is not fields[i + 1]:
                yield Changed("swap", span, i)
    if op.definition is bus.SEND and op.text("bus") == "memory":
        yield Changed("slot", span, TIMES["time"])


def all_changes() -> list[Changed]:
    """All of them, in source order."""
    found = {c: None for table in tables() for _, op in operations(table) for c in changes(op)}
    return sorted(found, key=lambda c: (c.span.file, c.span.line, c.kind, c.at))


def judge(change: Changed) -> list[Finding]:
    """What the audit says about the first of the smallest tables in which it notices the change.

    A slot that moves shows only where an access that stays is next to it.
    """
    most = 8 if change.kind == "slot" else 3
    changed = sorted((t for t in tables() if change.arms(t)), key=lambda t: len(t.air.regions[0]))
    for table in changed[:most]:
        arms = change.arms(table)
        with mutated(table, change.of) as mutant:
            if found := judged(mutant, arms):
                return found
    return []
