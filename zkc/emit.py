"""`zkc compile --emit`: the stages of a compilation as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zkc.runtime.circuit.circuit import ADD, COLUMN, CONSTANT, MUL, Circuit, Table
from zkc.runtime.errors import InputError

if TYPE_CHECKING:
    from zkc.compiler.extensions import Extensions
    from zkc.compiler.ir.operation import Operation

P = 2**31 - 2**24 + 1
STAGES = (
    "ast, circ (of one item: circ:NAME), row, air, step, fill (of one table: row:NAME, …), tables, table:NAME, stats, dot, dot:NAME, isa,"
    " json, smt:NAME, code:fast, code:tracing, code:fill:NAME"
)
OPERATIONS = ("row", "air", "step", "fill")
"""Stages of the intermediate representation."""


def emit(directory: Path | None, stage: str, extensions: Extensions = ()) -> str:
    """The stage named; InputError lists the stages if there is none of that name."""
    from zkc.compiler.machines import circuits_directory, load_spec
    from zkc.runtime.circuit.machine import MachineSpec

    kind, _, name = stage.partition(":")
    if kind == "ast" and not name:
        return "\n".join(_syntax(directory or circuits_directory(), extensions))
    if kind == "circ":
        return _imported(directory or circuits_directory(), extensions, name)
    if kind in OPERATIONS or kind == "isa" or (kind in ("smt", "dot") and name):
        return _compiled(directory or circuits_directory(), extensions, kind, name)
    spec = load_spec(directory or circuits_directory(), extensions=extensions)
    if kind == "code":
        kind, _, table = name.partition(":")
        module = spec.modules.get((kind, table or "executor")) if isinstance(spec, MachineSpec) else None
        if module is not None and not table:
            return module
        if kind == "fill" and table in spec.fills:
            return "\n".join((f"how the rows of `{table}` are filled", *spec.fills[table].listing()))
    texts: dict[str, Callable[[], Iterator[str]]] = {
        "tables": lambda: _tables(spec.circuit, None),
        "table": lambda: _tables(spec.circuit, name),
        "stats": lambda: _stats(spec.circuit),
        "dot": lambda: _dot(spec.circuit),
        "json": lambda: _json(spec.circuit),
    }
    if kind not in texts or (kind == "table") != bool(name):
        raise _unknown(stage)
    return "\n".join(texts[kind]())


def _unknown(stage: str) -> InputError:
    return InputError(f"there is no stage `{stage}`", hint=f"one of: {STAGES}")


def _imported(directory: Path, extensions: Extensions, name: str) -> str:
    """What a program says as operations: all of it, or what is called so."""
    from zkc.compiler.front import front_end
    from zkc.compiler.importer.items import import_program
    from zkc.compiler.ir.printer import print_module
    from zkc.compiler.machines import circuit_files

    program, _ = front_end(circuit_files(directory, extensions), directory)
    module = import_program(program)
    chosen = module.replaced(op for op in module if name in ("", op.text("sym_name")))
    if not chosen.operations:
        raise InputError(f"nothing is called `{name}`", hint="name a gadget, a table, a frame or a constant")
    return print_module(chosen).rstrip("\n")


def _compiled(directory: Path, extensions: Extensions, kind: str, name: str) -> str:
    """A stage that is made of operations, of one table or of all."""
    from zkc.compiler.compilation import compile_program
    from zkc.compiler.ir.module import Module
    from zkc.compiler.ir.printer import print_module
    from zkc.compiler.machines import circuit_files
    from zkc.compiler.targets.dot import dataflow_dot
    from zkc.compiler.targets.isa import isa_page
    from zkc.compiler.targets.smt import smt_table

    compilation = compile_program(circuit_files(directory, extensions), directory)
    lowered = compilation.lowered
    if kind == "isa":
        if name:
            raise _unknown(f"{kind}:{name}")
        return isa_page(compilation.program, lowered).rstrip("\n")
    chosen = [t for t in (*lowered.tables, lowered.claim) if name in ("", t.name)]
    if not chosen:
        raise InputError(f"there is no table `{name}`", hint="`zkc stats` lists the tables")
    if kind == "smt":
        return smt_table(chosen[0].air).rstrip("\n")
    if kind == "dot":
        return "\n".join(dataflow_dot(chosen[0].row))
    operations: list[Operation] = []
    for table in chosen:
        found = {"row": [table.row], "air": [table.air], "step": table.steps, "fill": [table.fill]}
        operations += found[kind]
    if not name:
        operations += [*lowered.decoded, lowered.guards] if kind == "step" else []
    return print_module(Module(operations)).rstrip("\n")


def _syntax(directory: Path, extensions: Extensions) -> Iterator[str]:
    """The syntax tree, one item a block."""
    from zkc.compiler.machines import circuit_files
    from zkc.dsl.parser import parse_files

    items, _ = parse_files(circuit_files(directory, extensions), directory)
    for item in items:
        yield from _node(item, "")
        yield ""


def _node(value: Any, indent: str) -> Iterator[str]:
    from dataclasses import fields, is_dataclass

    if not is_dataclass(value):
        yield f"{indent}{value!r}"
        return
    yield f"{indent}{type(value).__name__}  {getattr(value, 'span', '')}"
    for field in fields(value):
        part = getattr(value, field.name)
        if field.name == "span" or part is None or part == ():
            continue
        if isinstance(part, str | int | bool):
            yield f"{indent}  {field.name}: {part!r}"
        else:
            yield f"{indent}  {field.name}:"
            for item in part if isinstance(part, tuple) else (part,):
                yield from _node(item, indent + "    ")


def constant(value: int) -> str:
    """A field constant as a small integer or the inverse of one."""
    signed = value if value <= P // 2 else value - P
    if abs(signed) <= 1 << 24:
        inverse = pow(value, -1, P) if value else 0
        if not (abs(signed) > 1 << 12 and 0 < inverse <= 1 << 17):
            return str(signed)
        return f"1/{inverse}"
    inverse = pow(value, -1, P)
    return f"1/{inverse}" if inverse <= 1 << 24 else str(signed)


def polynomial(table: Table, root: int, limit: int = 400) -> str:
    """A node as text over the names of the columns; what is longer than `limit` is cut."""
    names = [*table.columns, *table.fixed_names]
    nodes = table.nodes.tolist()

    def parts(node: int, tight: bool, depth: int) -> Iterator[str]:
        op, a, b = nodes[node]
        if op == COLUMN:
            yield names[a]
        elif op == CONSTANT:
            yield constant(a)
        elif depth > 24:
            yield "…"
        else:
            brackets = tight and op != MUL
            yield "(" * brackets
            yield from parts(a, op == MUL, depth + 1)
            yield " * " if op == MUL else " + " if op == ADD else " - "
            yield from parts(b, op != ADD, depth + 1)
            yield ")" * brackets

    whole = ""
    for part in parts(root, False, 0):  # as many as are shown: nodes are shared, so the whole text may be as long as 2^24 of them
        whole += part
        if len(whole) > limit:
            return whole[:limit] + " …"
    return whole


def _tables(circuit: Circuit, name: str | None) -> Iterator[str]:
    """Columns, constraints and messages of all tables or one."""
    chosen = [t for t in (*circuit.tables, circuit.claim) if name in (None, t.name)]
    if not chosen:
        raise InputError(f"there is no table `{name}`", hint="`zkc stats` lists the tables")
    for table in chosen:
        yield f"table {table.name}"
        yield f"  columns: {', '.join(table.columns)}"
        if table.fixed_names:
            yield f"  fixed: {', '.join(table.fixed_names)} ({table.fixed.shape[1]} rows)"
        for node, label in zip(table.constraints, table.labels, strict=False):
            yield f"  0 == {polynomial(table, node)}  // {label}"
        for message in table.messages:
            args = ", ".join(polynomial(table, a, 120) for a in message.args)
            yield f"  {circuit.buses[message.bus].name}({args}) times {polynomial(table, message.multiplicity)}"
        yield ""


def _stats(circuit: Circuit) -> Iterator[str]:
    from zkc.stats import lock_text

    yield lock_text(circuit).rstrip("\n")


def _json(circuit: Circuit) -> Iterator[str]:
    from zkc.emit_json import circuit_file

    yield circuit_file(circuit)


def _dot(circuit: Circuit) -> Iterator[str]:
    from zkc.compiler.targets.dot import circuit_dot

    return circuit_dot(circuit)
