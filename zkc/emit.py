"""`zkc compile --emit`: the stages of a compilation as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zkc.runtime.circuit import ADD, COLUMN, CONSTANT, MUL, Circuit, Table
from zkc.runtime.errors import InputError

if TYPE_CHECKING:
    from zkc.runtime.machine import Machine

P = 2**31 - 2**24 + 1
STAGES = "ast, tables, table:NAME, stats, dot, isa, json, fast, tracing, fill:NAME, constraints:NAME"


def emit(directory: Path | None, stage: str) -> str:
    """The stage named; InputError lists the stages if there is none of that name."""
    from zkc.compiler.build import circuits_directory, load_machine

    kind, _, name = stage.partition(":")
    if kind == "ast":
        return "\n".join(_syntax(directory or circuits_directory()))
    machine = load_machine(directory)
    if kind in ("fast", "tracing") and not name:
        return machine.spec.modules[(kind, "executor")]
    if (kind, name) in machine.spec.modules:
        return machine.spec.modules[(kind, name)]
    texts: dict[str, Callable[[], Iterator[str]]] = {
        "tables": lambda: _tables(machine.circuit, None),
        "table": lambda: _tables(machine.circuit, name),
        "stats": lambda: _stats(machine.circuit),
        "dot": lambda: _dot(machine.circuit),
        "isa": lambda: _isa(machine),
        "json": lambda: _json(machine.circuit),
    }
    if kind not in texts or (kind == "table") != bool(name):
        raise InputError(f"there is no stage `{stage}`", hint=f"one of: {STAGES}")
    return "\n".join(texts[kind]())


def _syntax(directory: Path) -> Iterator[str]:
    """The syntax tree, one item a block."""
    from zkc.compiler.build import circuit_files
    from zkc.dsl.parser import parse_files

    items, _ = parse_files(circuit_files(directory), directory)
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
    """Who sends to whom, for Graphviz. A multiplicity has no sign of its own, so edges have no direction."""
    yield "graph circuit {"
    yield "  rankdir=LR; node [fontname=monospace];"
    for bus in circuit.buses:
        yield f'  "bus {bus.name}" [shape=ellipse, label="{bus.name}"];'
    for table in (*circuit.tables, circuit.claim):
        yield f'  "{table.name}" [shape=box];'
        counts: dict[int, int] = {}
        for message in table.messages:
            counts[message.bus] = counts.get(message.bus, 0) + 1
        for bus, count in counts.items():
            yield f'  "{table.name}" -- "bus {circuit.buses[bus].name}" [label="{count}"];'
    yield "}"


def _isa(machine: Machine) -> Iterator[str]:
    """Every instruction with its fixed bits and assembly."""
    for insn in machine.spec.insns:
        bits = "".join(str(insn.match >> i & 1) if insn.mask >> i & 1 else "-" for i in range(31, -1, -1))
        yield f"{insn.name:<8} {bits}  {insn.assembly}"
