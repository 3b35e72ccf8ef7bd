"""The passes in order: from the stage `row` to `air`, `step` and `fill`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from zkc.compiler.dialects import row, step
from zkc.compiler.elements import elements
from zkc.compiler.ir.operation import Operation, Range
from zkc.compiler.ir.ranges import Ranges
from zkc.compiler.passes.check_degree import CheckDegree
from zkc.compiler.passes.check_wrap import CheckWrap
from zkc.compiler.passes.dce import Dce
from zkc.compiler.passes.expand_ranges import ExpandRanges
from zkc.compiler.passes.facts import BusFacts, Facts
from zkc.compiler.passes.forward_stores import ForwardStores
from zkc.compiler.passes.gate_rows import GateRows
from zkc.compiler.passes.lower_air import LowerAir
from zkc.compiler.passes.lower_decode import LowerDecode
from zkc.compiler.passes.lower_fill import LowerFill
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.passes.materialise import Materialise
from zkc.compiler.passes.merge_arms import MergeArms
from zkc.compiler.passes.packing import STATE, Place, TooWide, pack
from zkc.compiler.passes.pair_messages import PairMessages
from zkc.compiler.passes.share_columns import ShareColumns
from zkc.compiler.program import Program
from zkc.compiler.step_buses import StepBuses, step_buses
from zkc.dsl import syntax as s
from zkc.dsl.built_in import AT


class TablePass(Protocol):
    """Changes a table, or reports what is wrong with it."""

    name: str

    def run(self, table: Operation, facts: Facts) -> None:
        """The pass on one table."""


ROW: Final[tuple[TablePass, ...]] = (Dce(), CheckDegree(), CheckWrap(), Materialise(), ExpandRanges(), ShareColumns())
"""What is done to rows."""
AIR: Final[tuple[TablePass, ...]] = (MergeArms(), GateRows(), PairMessages())
"""What is done after `lower-air`."""
Callback = Callable[[str, Operation], None]
"""Called after each pass with its name and the table."""


@dataclass(frozen=True)
class Lowered:
    """One table in its last stages, or the claim. row: what it came from, columns numbered. fill: how its rows are filled.
    decoded: of the table that decodes words, the fields of each instruction."""

    row: Operation
    air: Operation
    steps: list[Operation]
    fill: Operation
    decoded: list[Operation] = field(default_factory=lambda: list[Operation]())

    @property
    def name(self) -> str:
        return self.air.text("sym_name")


@dataclass(frozen=True)
class Lowerings:
    """Everything that targets read. decoded: fields of each instruction. places: where these are in its decoded form."""

    steps: list[Lowered]
    others: list[Lowered]
    claim: Lowered
    guards: Operation
    functions: dict[str, Operation]
    facts: Facts
    decoded: list[Operation]
    places: dict[str, dict[str, Place]]

    @property
    def tables(self) -> list[Lowered]:
        """All tables but the claim."""
        return [*self.steps, *self.others]


def facts_of(program: Program, indices: Mapping[str, Operation]) -> Facts:
    """What passes ask about a program; `indices` says which row of a fixed table arguments are."""
    frames = step_buses(program)
    buses = {name: _bus(program, bus, frames) for name, bus in program.buses.items()}
    fixed = {name: tuple(p.name for p in item.params) for name, item in program.fixed.items()}
    return Facts(program.types(), buses, fixed, {e.name: e.op for e in program.encodings.values()}, indices)


def _bus(program: Program, bus: s.BusDecl, frames: StepBuses) -> BusFacts:
    fields = tuple((e.of, e.low) for e in elements(program, bus.params))
    clock = bus.params[0].name if bus is frames.state else None
    return BusFacts(fields, bus.remembers, bus.known, clock, frames.number if bus is frames.program else None)


def assembled(
    steps: list[Lowered], others: list[Lowered], claim: Lowered, guards: Operation, functions: dict[str, Operation], facts: Facts
) -> Lowerings:
    """All tables, with what follows from several of them. Reports fields of instructions that do not fit."""
    decoded = {op.text("insn"): op for table in others for op in table.decoded}
    check_fields([function for table in steps for function in table.steps], decoded, facts)
    places = {insn: places_of(op, facts) for insn, op in decoded.items()}
    return Lowerings(steps, others, claim, guards, functions, facts, list(decoded.values()), places)


def field_ranges(decoded: Operation) -> dict[str, Range]:
    """The range of each field of an instruction."""
    ranges = Ranges()
    return {op.text("name"): ranges.of(op.operands[0]) for op in decoded.regions[0] if op.definition is step.FIELD}


def check_fields(functions: Sequence[Operation], decoded: Mapping[str, Operation], facts: Facts) -> None:
    """Reports E0608 for a step that takes a field of its instruction to be less than what words are decoded to, or a field that is not."""
    missing: set[str] = set()
    for function in functions:
        insn = function.text("arm")
        known = field_ranges(decoded[insn]) if insn in decoded else {}
        for op in function.regions[0]:
            name = str(op.attributes.get("name"))
            if op.definition is row.GIVEN and name in known:
                (least, most), low, high = known[name], op.number("low"), op.number("high")
                if least < low or most > high:
                    message = f"`{name}` of `{insn}` is decoded to {least} .. {most}, and its row takes {low} .. {high}"
                    facts.report("E0608", message, decoded[insn].loc)
            elif op.definition is row.GIVEN and insn in decoded and name not in (*STATE, "op", AT, *missing):
                missing.add(name)
                message = f"the row of `{insn}` is given `{name}`, and what its word is decoded to has no field of this name"
                facts.report("E0608", message, decoded[insn].loc, help=f"the bus `{facts.instructions()}` has {', '.join(known)}")


def places_of(decoded: Operation, facts: Facts) -> dict[str, Place]:
    """Where the fields of an instruction are in its decoded form. Reports E0608 if they do not fit."""
    try:
        return pack(list(field_ranges(decoded).items()))
    except TooWide as error:
        message = f"the fields of `{decoded.text('insn')}` do not fit 64 bits: `{error}` is too wide, or negative"
        help_ = f"the table that decodes instructions sends them on the bus `{facts.instructions()}`"
        facts.report("E0608", message, decoded.loc, help=help_)
        return {}


def lower_table(table: Operation, facts: Facts, after: Callback = lambda name, table: None) -> Lowered:
    """Runs the passes on one table."""
    for each in ROW:
        each.run(table, facts)
        after(each.name, table)
    air = air_of(table, facts, after)
    steps = LowerStep().run(table, facts)
    for function in steps:
        ForwardStores().run(function, facts)
        after(ForwardStores.name, function)
    fill = LowerFill().run(table, air, steps, facts)
    decoded = LowerDecode().run(table, facts) if table.text("kind") == "given" else []
    return Lowered(table, air, steps, fill, decoded)


def air_of(table: Operation, facts: Facts, after: Callback = lambda name, table: None) -> Operation:
    """What prover and verifier see of a table whose columns are numbered."""
    air = LowerAir().run(table, facts)
    after(LowerAir.name, air)
    for each in AIR:
        each.run(air, facts)
        after(each.name, air)
    return air
