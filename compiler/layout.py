"""From table builders to the artefact: arms merge, padding rows are silenced, messages pair up, degrees are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from zkc.compiler.columns import located
from zkc.compiler.program import ConstValue, Program, evaluate_constant
from zkc.compiler.table import Constraint, Sent, TableBuilder
from zkc.dsl import syntax as s
from zkc.runtime.circuit import Message, Table
from zkc.runtime.field.koalabear import P

MAX_DEGREE = 3
MIN_ROWS = 128


@dataclass(frozen=True)
class MergedMessage:
    """A message with its final multiplicity node; `arms` are the arms that send it (empty: every row)."""

    sent: Sent
    arms: tuple[str, ...]
    multiplicity: int
    gated: bool


@dataclass(frozen=True)
class Laid:
    """A table with what its witness filler needs beside it."""

    builder: TableBuilder
    messages: tuple[MergedMessage, ...]
    table: Table


def lay_out(program: Program, builder: TableBuilder, buses: dict[str, int]) -> Laid:
    """Checks degrees and assembles the `Table`."""
    poly = builder.poly
    constraints = _merge_constraints(program, builder)
    messages = _merge_messages(builder)
    for m in messages:
        if poly.degrees[m.multiplicity] > 2 or any(poly.degrees[a] > 1 for a in m.sent.args):
            message = f"the multiplicity of `{m.sent.label}` has degree {poly.degrees[m.multiplicity]}; the most is 2"
            place, labels = located("E0402", m.sent.span, m.sent.calls)
            program.error("E0402", message, place, labels=labels)
    roots = [c for c, _ in constraints] + [n for m in messages for n in (m.multiplicity, *m.sent.args)]
    needed = poly.reachable(roots)
    number = {old: new for new, old in enumerate(needed)}
    nodes = np.zeros((len(needed), 3), dtype=np.int64)
    for new, old in enumerate(needed):
        op, a, b = poly.nodes[old]
        nodes[new] = (op, number[a], number[b]) if op >= 2 else (op, a, b)
    table = Table(
        name=builder.name,
        columns=tuple(c.name for c in builder.columns),
        fixed=np.zeros((0, 0), dtype=np.uint32),
        fixed_names=(),
        nodes=nodes,
        constraints=tuple(number[c] for c, _ in constraints),
        labels=tuple(label for _, label in constraints),
        messages=tuple(
            Message(buses[m.sent.bus], number[m.multiplicity], tuple(number[a] for a in m.sent.args), m.sent.label) for m in messages
        ),
        batches=_pairs(len(messages)),
    )
    return Laid(builder, tuple(messages), table)


def _pairs(count: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(range(i, min(i + 2, count))) for i in range(0, count, 2))


def _selector(builder: TableBuilder, arms: Iterable[str]) -> int:
    return builder.poly.sum([builder.selectors[a] for a in arms])


def _merge_constraints(program: Program, builder: TableBuilder) -> list[tuple[int, str]]:
    """Equal equations of different arms become one, times the sum of their selectors; equations that fail on padding are gated."""
    poly = builder.poly
    definitions = {c.node for c in builder.constraints if c.definition}  # hold on padding too: the column is computed there
    by_node: dict[int, tuple[list[str | None], Constraint]] = {}
    for c in builder.constraints:
        if poly.constant_value(c.node) == 0:
            continue
        arms, _ = by_node.setdefault(c.node, ([], c))
        if c.arm not in arms:
            arms.append(c.arm)
    merged: list[tuple[int, str]] = []
    for selector in builder.selectors.values():
        merged.append((poly.mul(selector, poly.sub(poly.constant(1), selector)), "a selector is a bit"))
    if len(builder.selectors) > 1:
        merged.append((poly.mul(builder.real, poly.sub(poly.constant(1), builder.real)), "a row is at most one instruction"))
    for node, (arms, constraint) in by_node.items():
        final = node
        everywhere = None in arms or len(arms) == len(builder.arms)
        if not everywhere:
            final = poly.mul(_selector(builder, [a for a in arms if a]), node)
        elif builder.arms and poly.at_zero[node] and node not in definitions:
            final = poly.mul(builder.real, node)
        if poly.degrees[final] > MAX_DEGREE:
            place, labels = located("E0401", constraint.span, constraint.calls)
            program.error(
                "E0401", f"`{constraint.label}` has degree {poly.degrees[final]}; the most is {MAX_DEGREE}", place, labels=labels,
                notes=(f"degree {poly.degrees[node]} of the equation, and 1 for the instruction selector",),
                help="put a factor in `column(…)`",
            )  # fmt: skip
        merged.append((final, constraint.label))
    return merged


def _merge_messages(builder: TableBuilder) -> list[MergedMessage]:
    poly = builder.poly
    groups: dict[tuple[object, ...], tuple[Sent, list[str | None]]] = {}
    counts: dict[tuple[object, ...], int] = {}
    for m in builder.messages:
        key = (m.arm is None, m.bus, m.sign, m.times, m.args)  # what all rows send and what an arm sends besides are two messages
        nth = counts[(m.arm, key)] = counts.get((m.arm, key), 0) + 1
        groups.setdefault((*key, nth), (m, []))[1].append(m.arm)
    merged: list[MergedMessage] = []
    for m, arms in groups.values():
        everywhere = None in arms or len(arms) == len(builder.arms)
        gate = builder.real if everywhere else _selector(builder, [a for a in arms if a])
        times = m.times if not builder.arms else poly.mul(gate, m.times)
        signed = times if m.sign > 0 else poly.sub(poly.constant(0), times)
        names = () if everywhere else tuple(a for a in arms if a)
        merged.append(MergedMessage(m, names, signed, bool(builder.arms)))
    return merged


def fixed_table(program: Program, item: s.Fixed, bus: int) -> Table:
    """A fixed table: its rows are public, and it receives each row as often as its one committed column says."""
    rows = np.array(_fixed_rows(program, item), dtype=np.int64)
    height = max(MIN_ROWS, 1 << (len(rows) - 1).bit_length())
    padded = np.concatenate([rows, np.repeat(rows[:1], height - len(rows), axis=0)])
    width = rows.shape[1]
    nodes = [(0, 0, 0), (1, 0, 0), (3, 1, 0)] + [(0, 1 + k, 0) for k in range(width)]
    message = Message(bus, 2, tuple(range(3, 3 + width)), f"rows of {item.name}")
    return Table(
        name=item.name,
        columns=("multiplicity",),
        fixed=np.ascontiguousarray(padded.T.astype(np.uint32)),
        fixed_names=tuple(p.name for p in item.params),
        nodes=np.array(nodes, dtype=np.int64),
        constraints=(),
        labels=(),
        messages=(message,),
        batches=((0,),),
    )


MAX_FIXED_ROWS = 1 << 20
MAX_GENERATORS = 8


def _fixed_rows(program: Program, item: s.Fixed) -> list[tuple[int, ...]]:
    """The rows, in order: at least one, at most MAX_FIXED_ROWS, of as many canonical field elements as the table has fields."""
    if len(item.row) != len(item.params):
        raise program.fail("E0603", f"`{item.name}` has {len(item.params)} fields, its rows have {len(item.row)}", item.span)
    for param in item.params:
        if param.type.length is not None or param.type.name in program.structs:
            raise program.fail("E0205", f"a fixed table holds field elements; `{param.name}` is none", param.span)
    rows: list[tuple[int, ...]] = []
    generators = item.generators

    def generate(depth: int, env: dict[str, int]) -> None:
        def lookup(name: str) -> ConstValue | None:
            return env.get(name, program.constants.get(name))

        if depth == len(generators):
            row = [evaluate_constant(e, lookup, program) for e in item.row]
            for value, expr in zip(row, item.row, strict=True):
                if not isinstance(value, int) or not -P < value < P:
                    raise program.fail("E0304", "a fixed table holds field elements; this is none", expr.span)
            rows.append(tuple(v % P for v in row if isinstance(v, int)))
            return
        for i in _rounds(program, generators[depth], lookup):
            generate(depth + 1, {**env, generators[depth].name: i})

    _count_rows(program, item)
    generate(0, {})
    if not rows:
        raise program.fail("E0303", f"the fixed table `{item.name}` has no rows", item.span)
    return rows


def _rounds(program: Program, g: s.Generator, lookup: Callable[[str], ConstValue | None]) -> range:
    low, high = evaluate_constant(g.start, lookup, program), evaluate_constant(g.stop, lookup, program)
    if not (isinstance(low, int) and isinstance(high, int)):
        raise program.fail("E0208", "the bounds of a loop are numbers", g.span)
    return range(low, high)


def _count_rows(program: Program, item: s.Fixed) -> None:
    """E0303 for too many rows, before any is made."""
    if len(item.generators) > MAX_GENERATORS:
        raise program.fail("E0303", f"the rows of a fixed table come from at most {MAX_GENERATORS} loops", item.span)
    rounds = 0

    def count(depth: int, env: dict[str, int]) -> None:
        nonlocal rounds
        g = item.generators[depth]
        values = _rounds(program, g, lambda name: env.get(name, program.constants.get(name)))
        rounds += max(0, values.stop - values.start)
        if rounds > 2 * MAX_FIXED_ROWS or (depth == len(item.generators) - 1 and values.stop - values.start > MAX_FIXED_ROWS):
            message = f"the fixed table `{item.name}` has more than 2^20 rows: this goes round {values.stop - values.start} times"
            raise program.fail("E0303", message, g.span)
        for i in values if depth + 1 < len(item.generators) else ():
            count(depth + 1, {**env, g.name: i})

    count(0, {})
