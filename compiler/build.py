"""`zkc compile`: from a directory of .circ files to a circuit, or to a machine if it has instructions, through the cache.

Machine code is kept by the text of its module, so after an edit only what changed is compiled again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zkc.compiler.check import check_buses, check_columns
from zkc.compiler.clock import clock_of
from zkc.compiler.compilation import Compilation, compile_program
from zkc.compiler.dialects import air, row
from zkc.compiler.elements import elements
from zkc.compiler.importer.uses import names_in
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.operation import Operation
from zkc.compiler.passes.lower_fill import layout_of
from zkc.compiler.pipeline import Lowered, Lowerings
from zkc.compiler.program import Program, register_fields
from zkc.compiler.runtime_names import check_given_tables, check_registers
from zkc.compiler.stamps import stamps_of
from zkc.compiler.targets.ending import ending_of
from zkc.compiler.targets.fill import Histogram, emit_fill
from zkc.compiler.targets.fixed import check_places, fixed_tables
from zkc.compiler.targets.integers import Uncomputable
from zkc.compiler.targets.modules import ModuleWriter
from zkc.compiler.targets.table import table_of
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import DiagnosticError
from zkc.runtime.circuit.circuit import Bus, Circuit, Table
from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.circuit.fill_program import FillProgram
from zkc.runtime.circuit.machine import Clock, InsnInfo, MachineSpec, Stamps, StepTable, Told, told_nobody
from zkc.runtime.circuit.spec import CircuitSpec, Given
from zkc.runtime.collector import collector_off
from zkc.runtime.kernels import cache, sources
from zkc.runtime.stark import commitment
from zkc.runtime.stark.parameters import DEFAULT, SMALL

Read = Callable[[Program], object]


def read_by_nobody(program: Program) -> None:
    """Nobody asks for the program."""


@collector_off()
def build(files: list[Path], root: Path, told: Told = told_nobody, read: Read = read_by_nobody) -> CircuitSpec:
    """Compiles to the artefact: a MachineSpec if there are instructions. told: is given the executors before it is known whether the rest
    is as it should be. read: is given the program.
    """
    compilation = compile_program(files, root)
    read(compilation.program)
    return _machine(compilation, root, told) if compilation.program.has_steps else _circuit_alone(compilation)


def _circuit_alone(compilation: Compilation) -> CircuitSpec:
    program = compilation.program
    _check_whole(compilation)
    program.check()
    _audit(compilation)
    return CircuitSpec(**_parts(compilation))


def _machine(compilation: Compilation, root: Path, told: Told) -> MachineSpec:
    """Executors first: others wait for them, and nobody for the checks."""
    program, lowered = compilation.program, compilation.lowered
    check_given_tables(program, lowered)
    check_registers(program, lowered)
    early: list[tuple[Clock, Stamps, ModuleWriter]] = []
    wrong = None if program.diagnostics else _refused(lambda: early.append(_executors(compilation, root, told)))
    _check_whole(compilation)
    program.check()
    _audit(compilation)
    if wrong is not None:
        raise wrong
    ((clock, stamps, writer),) = early
    return MachineSpec(
        **_parts(compilation),
        step_tables=tuple(_step_table(program, x) for x in lowered.steps),
        faults=writer.faults,
        insns=tuple(_insn_info(program, n) for n in program.encodings),
        modules=writer.texts,
        ending=ending_of(program, lowered),
        clock=clock,
        stamps=stamps,
    )


def _executors(compilation: Compilation, root: Path, told: Told) -> tuple[Clock, Stamps, ModuleWriter]:
    """What runs programs. Raises what is wrong with it alone."""
    program, lowered = compilation.program, compilation.lowered
    clock, stamps = clock_of(program, lowered), stamps_of(program, lowered)
    writer = ModuleWriter(root.name, program, lowered.places)
    writer.executors(lowered, clock)
    told(writer.texts)
    return clock, stamps, writer


def _check_whole(compilation: Compilation) -> None:
    """Reports what is wrong with the tables together."""
    program, lowered = compilation.program, compilation.lowered
    check_buses(program, [*lowered.tables, lowered.claim])
    check_columns(program, lowered.tables)
    for name, index in lowered.facts.indices.items():
        check_places(program, program.fixed[name], index)


def _audit(compilation: Compilation) -> None:
    """Raises what the rules find that need no solver."""
    from zkc.compiler.audit.run import quick

    compilation.program.diagnostics += [finding.diagnostic() for finding in quick(compilation)]
    compilation.program.check()


def _refused(work: Callable[[], None]) -> DiagnosticError | None:
    """What is wrong, to be said after what is found elsewhere."""
    try:
        work()
    except DiagnosticError as error:
        return error
    return None


def _step_table(program: Program, table: Lowered) -> StepTable:
    numbers = tuple(op.number("op") for op in table.steps)
    variant, ticking = program.variants().get(table.name), {x.name for x in program.ticking()}
    base = "" if variant is None else variant.family.name
    return StepTable(table.name, layout_of(table.steps).words, table.air.names("arms"), numbers, base, table.name in ticking)


def _parts(compilation: Compilation) -> dict[str, Any]:
    """What circuits with and without instructions have: the fields of a CircuitSpec."""
    program, lowered = compilation.program, compilation.lowered
    names = [*program.buses, *program.fixed]
    buses = {n: i for i, n in enumerate(names)}
    fixed = [table for n, f in program.fixed.items() for table in fixed_tables(program, f, buses[n])]
    fields = {n: tuple(e.name for e in elements(program, _params(program, n))) for n in names}
    histogram = _histogram(fixed)
    every, chips = [*lowered.tables, lowered.claim], program.chips()
    return {
        "circuit": _circuit(program, lowered, fields, [*(table_of(x.air, buses) for x in lowered.tables), *fixed], buses),
        "inputs": {x.name: _given(x.row) for x in lowered.others if x.name not in chips},
        "claim": _given(lowered.claim.row),
        "histogram_starts": histogram.starts,
        "histogram_size": histogram.size,
        "fills": {x.name: _fill(program, x, histogram, lowered) for x in every},
        "column_types": {x.name: tuple(o.text("type") for o in x.air.regions[0] if o.definition is air.COLUMN) for x in every},
        "fields": fields,
        "places": {x.name: _places(x.air) for x in every},
        "chips": {name: _given(x.row) for name in chips for x in lowered.others if x.name == name},
    }


def _circuit(
    program: Program, lowered: Lowerings, fields: dict[str, tuple[str, ...]], tables: list[Table], buses: dict[str, int]
) -> Circuit:
    widths = tuple(Bus(name, len(fields[name])) for name in buses)
    circuit = Circuit(b"", widths, tuple(tables), table_of(lowered.claim.air, buses), dict(program.constants))  # type: ignore[arg-type]
    circuit = replace(circuit, fixed_tops={p.log_blowup: _fixed_top(circuit, p.log_blowup) for p in (DEFAULT, SMALL)})
    return replace(circuit, digest=circuit_digest(circuit))


def _places(table: Operation) -> tuple[str, ...]:
    """Where constraints, then messages, stand."""
    kinds = (air.CONSTRAINT, air.MESSAGE)
    return tuple(_place(op.loc) for kind in kinds for op in table.regions[0] if op.definition is kind)


def _place(loc: Location) -> str:
    """`alu.circ:147:3, in shift called at rv32i.circ:92:20`, the innermost call first."""
    return "".join([str(loc.span or ""), *(f", in {name} called at {span}" for name, span in reversed(loc.calls))])


def _fixed_top(circuit: Circuit, log_blowup: int) -> bytes:
    """The upper layer of the tree of fixed columns, through the cache: it depends on these columns alone, which edits seldom touch."""
    h = hashlib.sha256(f"{sources.digest_of(commitment.__name__)} {log_blowup}".encode())
    for table in circuit.tables:
        h.update(repr(table.fixed.shape).encode() + table.fixed.tobytes())
    name = f"{h.hexdigest()[:32]}-top"
    kept = cache.load("notes", name)
    if kept is None:
        kept = commitment.compiled_fixed_top(circuit, log_blowup)
        cache.save("notes", name, kept)
    return kept


def _given(table: Operation) -> Given:
    """What the rows of a table are given."""
    given = [op for op in table.regions[0] if op.definition is row.GIVEN]
    return Given(tuple(op.text("name") for op in given), tuple(op.number("high") for op in given))


def _fill(program: Program, table: Lowered, histogram: Histogram, lowered: Lowerings) -> FillProgram:
    try:
        return emit_fill(table.fill, histogram, lowered.places, lowered.functions)
    except Uncomputable as error:
        raise program.fail("E0305", str(error), error.span or program.place_of(table.name)) from None


def _params(program: Program, bus: str) -> Sequence[s.Param]:
    return program.buses[bus].params if bus in program.buses else program.fixed[bus].params


def _histogram(fixed: list[Table]) -> Histogram:
    starts: dict[str, int] = {}
    size = 0
    for table in fixed:
        starts[table.name] = size
        size += table.fixed.shape[1]
    return Histogram(starts, size)


def _insn_info(program: Program, name: str) -> InsnInfo:
    e = program.encodings[name]
    pieces = () if e.immediate is None else tuple((p.high, p.low, p.sext, p.literal is not None) for p in e.immediate.pieces)
    family = program.families[e.family]
    names = names_in(next(i.body for i in family.insns if i.name == name))
    relative = {"=pc", "pc", "imm"} <= names and e.immediate is not None and e.immediate.type.name == "felt"
    return InsnInfo(name, e.op, e.mask, e.match, e.fields, tuple(register_fields(program)), pieces, e.assembly, relative)
