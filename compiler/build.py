"""`zkc compile`: from a directory of .circ files to a machine, through the cache.

Machine code is kept by the text of its module, so after an edit only what changed is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jinja2
import numpy as np

from zkc import circuits
from zkc.compiler import witness
from zkc.compiler.check import check_buses, check_columns
from zkc.compiler.columns import FieldFunction
from zkc.compiler.decoder import elaborate_decode
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.emit_executor import decoders as emit_decoders
from zkc.compiler.emit_executor import emit_arms, record_layout
from zkc.compiler.emit_fill import Histogram, emit_fill, lookup_index
from zkc.compiler.expressions import Scope
from zkc.compiler.families import build_family, build_guards, build_service, names_in
from zkc.compiler.guards import overlaps
from zkc.compiler.layout import Laid, fixed_table, lay_out
from zkc.compiler.program import Program, collect
from zkc.compiler.runtime_names import check_constants, check_given_tables
from zkc.compiler.table import TableBuilder
from zkc.compiler.values import flatten
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import parse_files, read_bytes, shown_name
from zkc.runtime import artefact, cache, events, sources
from zkc.runtime.circuit import Bus, Circuit, Table
from zkc.runtime.circuit_digest import circuit_digest
from zkc.runtime.errors import InputError
from zkc.runtime.files import look_up
from zkc.runtime.machine import InsnInfo, Machine, MachineSpec, StepTable
from zkc.runtime.stark.commitment import compiled_fixed_top
from zkc.runtime.stark.parameters import DEFAULT, SMALL

STRAIGHT_LINE_NODES = 1500
"""A larger table is interpreted by the prover: as fast there (its rows stay in the second-level cache), and nothing to compile."""


def circuits_directory() -> Path:
    """The circuits that come with zkc."""
    return Path(next(iter(circuits.__path__)))


_compiling = threading.Lock()


def circuit_files(root: Path) -> list[Path]:
    """The .circ files in a folder, by name. InputError if there are none."""
    there = look_up(root, what="the folder of .circ files")
    if there is None or not stat.S_ISDIR(there.st_mode):
        reason = "there is no such folder" if there is None else "this is no folder"
        raise InputError(reason, where=str(root), hint="give a folder of .circ files that make a machine")
    files = sorted(root.glob("*.circ"))
    if not files:
        raise InputError(f"there are no .circ files in {root}", hint="give a folder of .circ files that make a machine")
    return files


def load_machine(directory: Path | None = None) -> Machine:
    """The machine of a directory of .circ files; from the cache if neither they nor the compiler changed."""
    root = directory or circuits_directory()
    files = circuit_files(root)
    key = _key(files, root)
    with _compiling:
        kept = cache.load("machines", key)
        spec = None if kept is None else artefact.from_bytes(kept)
        if spec is None:
            spec = build(files, root)
            if _key(files, root) == key:  # otherwise a file was edited meanwhile, and no one knows what was compiled
                cache.save("machines", key, artefact.to_bytes(spec))
            cache.prune()
        return Machine(spec)


def _key(files: list[Path], root: Path) -> str:
    """A digest of the .circ files and of the compiler. DiagnosticError if a file cannot be read."""
    h = hashlib.sha256(sources.digest_of(__name__).encode())
    here = Path(__file__).parent
    for path in files:
        h.update(os.fsencode(path.name) + b"\0" + read_bytes(path, shown_name(path, root)) + b"\0")
    for path in sorted([*here.glob("templates/*"), *(here.parent / "dsl").glob("*.lark")]):
        h.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()[:32]


class Compilation:
    """Everything made from one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.functions: dict[str, FieldFunction] = {}
        if program.claim is None:
            raise program.fail("E0605", "there is no claim", None)
        self.steps: list[TableBuilder] = []
        self.others: list[TableBuilder] = []
        for family in self._proven_families():
            self._each(self.steps, lambda f=family: build_family(program, self.functions, f)[0])
        for service in program.services.values():
            self._each(self.steps, lambda x=service: build_service(program, self.functions, x))
        for table in program.tables.values():
            self._each(self.others, lambda t=table: elaborate_table(program, self.functions, t.name, t.body))
        claims: list[TableBuilder] = []
        self._each(claims, lambda body=program.claim.body: elaborate_table(program, self.functions, "claim", body))
        program.check()
        (self.claim,) = claims
        self.guards = build_guards(program, self.functions)
        program.diagnostics += overlaps(program, self.guards[1])
        program.check()

    def _each(self, into: list[TableBuilder], make: Callable[[], TableBuilder]) -> None:
        """One table more, if it elaborates: what is wrong with it is in `program.diagnostics`, and the next one is looked at."""
        try:
            into.append(make())
        except DiagnosticError:
            if not self.program.diagnostics:
                raise

    def _proven_families(self) -> list[s.Family]:
        called = {x.on for x in self.program.services.values()}
        return [f for f in self.program.families.values() if not all(i.name in called for i in f.insns)]


def elaborate_table(program: Program, functions: dict[str, FieldFunction], name: str, body: s.Body) -> TableBuilder:
    """A table whose rows the runtime gives."""
    table = TableBuilder(name, [])
    elaborator = Elaborator(program, table, functions)
    elaborator.rows_given = True
    scope = Scope({})
    for stmt in body:
        if isinstance(stmt, s.Decode):
            elaborate_decode(elaborator, stmt, scope)
        else:
            elaborator.statement(stmt, scope)
    return table


def compile_program(files: list[Path], root: Path) -> Compilation:
    """Parses and elaborates; raises DiagnosticError with everything found."""
    witness.reset()
    items, sources = parse_files(files, root)
    return Compilation(collect(items, sources))


def build(files: list[Path], root: Path) -> MachineSpec:
    """Compiles to the artefact."""
    compilation = compile_program(files, root)
    program = compilation.program
    check_constants(program)
    check_given_tables(program, compilation.others, compilation.claim)
    names = [*program.buses, *program.fixed]
    buses = {n: i for i, n in enumerate(names)}
    fixed = [fixed_table(program, f, buses[n]) for n, f in program.fixed.items()]
    laid = [lay_out(program, t, buses) for t in (*compilation.steps, *compilation.others)]
    claim = lay_out(program, compilation.claim, buses)
    check_buses(program, [*(x.builder for x in laid), claim.builder])
    for table in (*compilation.steps, *compilation.others):
        check_columns(program, table)
    program.check()
    widths = tuple(Bus(n, _width(program, n)) for n in names)
    tables = (*(x.table for x in laid), *fixed)
    circuit = Circuit(b"", widths, tables, claim.table, dict(program.constants))  # type: ignore[arg-type]
    circuit = replace(circuit, fixed_tops={p.log_blowup: compiled_fixed_top(circuit, p.log_blowup) for p in (DEFAULT, SMALL)})
    circuit = replace(circuit, digest=circuit_digest(circuit))
    histogram = _histogram(fixed)
    writer = ModuleWriter(root.name)
    _write_executors(writer, compilation)
    for x in laid:
        _write_table(writer, compilation, x, histogram)
    return MachineSpec(
        circuit=circuit,
        step_tables=tuple(StepTable(t.name, record_layout(t).words, tuple(t.arms)) for t in compilation.steps),
        inputs={t.name: tuple(t.inputs) for t in compilation.others},
        histogram_starts=histogram.starts,
        histogram_size=histogram.size,
        faults=writer.faults,
        insns=tuple(_insn_info(program, n) for n in program.encodings),
        modules=writer.texts,
        claim_lookups=_claim_lookups(program, claim),
        column_types={x.table.name: tuple(c.type for c in x.builder.columns) for x in laid},
    )


def _width(program: Program, bus: str) -> int:
    params = program.buses[bus].params if bus in program.buses else program.fixed[bus].params
    table = TableBuilder("width", [])
    elaborator = Elaborator(program, table, {}, pure=True)
    return sum(len(flatten(elaborator.new_value(p.name, p.type, None, p.span, trusted=True, because=None))) for p in params)


def _histogram(fixed: list[Table]) -> Histogram:
    starts: dict[str, int] = {}
    size = 0
    for table in fixed:
        starts[table.name] = size
        size += table.fixed.shape[1]
    return Histogram(starts, size)


def _claim_lookups(program: Program, claim: Laid) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Lookups of the claim: (fixed table, argument nodes of the claim table); their counts are 1."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for merged, message in zip(claim.messages, claim.table.messages, strict=True):
        if merged.sent.bus in program.fixed:
            lookup_index(program, merged.sent)
            found.append((merged.sent.bus, message.args))
    return tuple(found)


def _insn_info(program: Program, name: str) -> InsnInfo:
    e = program.encodings[name]
    pieces = () if e.immediate is None else tuple((p.high, p.low, p.sext, p.literal is not None) for p in e.immediate.pieces)
    family = program.families[e.family]
    names = names_in(next(i.body for i in family.insns if i.name == name))
    relative = {"=pc", "pc", "imm"} <= names and e.immediate is not None and e.immediate.type.name == "felt"
    return InsnInfo(name, e.op, e.mask, e.match, e.fields, pieces, e.assembly, relative)


class ModuleWriter:
    """Makes the text of generated modules."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.texts: dict[tuple[str, str], str] = {}
        self.faults: tuple[str, ...] = ()
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
        self.templates = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)

    def write(self, template: str, kind: str, table: str, **values: object) -> None:
        self.texts[(kind, table)] = self.templates.get_template(template).render(directory=self.source, table=table, **values)


def _arrays(functions: dict[str, FieldFunction], used: str) -> dict[str, str]:
    """Node lists of field functions that the code calls, as source."""
    arrays: dict[str, str] = {}
    for name, f in functions.items():
        if f"{name.upper()}_NODES" in used:
            needed = f.poly.reachable(f.outputs)
            number = {old: new for new, old in enumerate(needed)}
            nodes = [[op, number[a], number[b]] if op >= 2 else [op, a, b] for op, a, b in (f.poly.nodes[n] for n in needed)]
            arrays[f"{name.upper()}_NODES"] = str(nodes)
            arrays[f"{name.upper()}_OUTPUTS"] = str([number[o] for o in f.outputs])
    return arrays


def _write_executors(writer: ModuleWriter, compilation: Compilation) -> None:
    program = compilation.program
    constants = {k: getattr(events, k) for k in dir(events) if k.isupper()}
    encodings = list(program.encodings.values())
    for mode in ("fast", "tracing"):
        arms, faults = emit_arms(program, compilation.steps, compilation.guards, compilation.functions, mode)
        if mode == "fast":
            writer.faults = tuple(faults)
        code = "\n".join(a.code for a in arms)
        writer.write(
            "executor.py.j2", mode, "executor", mode=mode, arms=arms, events=constants, user_end=program.constants["user_end"],
            arrays=_arrays(compilation.functions, code), masks=[e.mask for e in encodings], matches=[e.match for e in encodings],
            decoders=emit_decoders(program),
        )  # fmt: skip


def _write_table(writer: ModuleWriter, compilation: Compilation, laid: Laid, histogram: Histogram) -> None:
    table = laid.table
    fill = emit_fill(compilation.program, laid.builder, histogram, compilation.functions)
    writer.write(
        "fill.py.j2", "fill", table.name, arrays=_arrays(compilation.functions, fill.code), code=fill.code, width=fill.width,
        record_words=fill.record_words, nodes=fill.nodes, outputs=fill.outputs, polynomial_columns=fill.polynomial_columns,
    )  # fmt: skip
    if len(table.nodes) > STRAIGHT_LINE_NODES:
        return
    outputs = [*table.constraints, *(n for m in table.messages for n in (m.multiplicity, *m.args))]
    writer.write(
        "constraints.py.j2", "constraints", table.name, columns=table.columns, nodes=np.asarray(table.nodes).tolist(), outputs=outputs,
        constraint_count=len(table.constraints),
    )  # fmt: skip
