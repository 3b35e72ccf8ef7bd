"""Random edits of .circ files, and the part of a compilation that an edit touches."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from zkc.compiler import witness
from zkc.compiler.build import circuits_directory, elaborate_table
from zkc.compiler.check import check_columns
from zkc.compiler.columns import FieldFunction
from zkc.compiler.elaborate import Elaborator
from zkc.compiler.emit_executor import INDENT, FastArm, TracingArm
from zkc.compiler.emit_fill import Histogram, emit_fill
from zkc.compiler.families import build_family, build_guards, build_service
from zkc.compiler.guards import overlaps
from zkc.compiler.layout import fixed_table, lay_out
from zkc.compiler.program import Program, collect
from zkc.compiler.runtime_names import check_constants
from zkc.compiler.table import TableBuilder
from zkc.compiler.values import Value
from zkc.dsl import syntax as s
from zkc.dsl.format import same_meaning
from zkc.dsl.parser import decode_source, parse
from zkc.dsl.syntax_errors import ITEMS, STATEMENTS
from zkc.runtime.field.koalabear import P

TOKEN = re.compile(r'//[^\n]*|"[^"\n]*"|[A-Za-z_]\w*|\d\w*|\*\*|->|\.\.|<<|>>s?|[<>=!]=?[us]?|\s+|.', re.DOTALL)
VALUES = (
    "0", "1", "-1", "007", "0x", "2**31", "2**32", "2**64", "(10**9)", "2**10**9", "(0 - 2**200)", "2130706433", "9" * 5000, "(" * 200,
    "-" * 3000, "1" + "+1" * 350, "sum(rs1)", "sum([1, 2])", "slice([1, 2], 0, 1)", "[1, [2]]", "[i for i in 0..5000]", "latest memory(0)",
    "latest memory(pc).value", "host input_word()", "inverse(0)", "column(1)", "is(add)", "u32(lo = 1, hi = 2)", "(1 ? 2 : 3)", "(1 << 63)",
    "(rs1 >> rs2)", "(2**32 << 40)", "divide_signed(1, 0)", "rd", "clk", "insn", "imm",
)  # fmt: skip
TYPES = ("felt", "bit", "u32", "u8", "felt[8]", "u32[2]", "felt[0]", "u99")
MARKS = ("{", "}", "(", ")", "[", "]", ";", ",", '"', "//", "\\", "\x00", "\ufeff", "\r", "é", "X", "0..2**40")
OPERATORS = ("+", "-", "*", "/", "%", "**", "<<", ">>", ">>s", "&", "|", "^", "==", "!=", "<u", "<s", ">=u", ">=s", "and", "or")
HEAVY = ("journal_compress", "data_page", "table_page")
"""Tables that take half a second or more: elaborated one time in ten only."""


@dataclass(frozen=True)
class Mutant:
    """A file of the circuits with one to three edits."""

    name: str
    data: bytes
    edits: tuple[str, ...]


@cache
def sources() -> dict[str, str]:
    """The circuits as they are, by name of the file."""
    return {p.name: p.read_text(encoding="utf-8") for p in sorted(circuits_directory().glob("*.circ"))}


@cache
def items_of(name: str) -> tuple[s.Item, ...]:
    """The items of a file; none of one that is not there."""
    return tuple(parse(sources()[name], name)) if name in sources() else ()


@cache
def tokens() -> tuple[str, ...]:
    return tuple(t for text in sources().values() for t in TOKEN.findall(text) if not t.isspace())


def mutant(seed: int) -> Mutant:
    """The mutant of that number."""
    rng = random.Random(seed)
    name = rng.choice(list(sources()))
    if rng.random() < 0.1:
        data = bytearray(sources()[name].encode())
        at = rng.randrange(len(data))
        data[at : at + rng.choice((0, 1, 1, 40))] = rng.choice((b"", rng.randbytes(1), rng.randbytes(5), b"\xc3", b"\xff\xfe"))
        return Mutant(name, bytes(data), (f"bytes at {at}",))
    found = TOKEN.findall(sources()[name])
    edits = tuple(_edit(found, rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    return Mutant(name, "".join(found).encode(), edits)


def _edit(found: list[str], rng: random.Random) -> str:
    """Changes one place of the list of tokens."""
    places = [i for i, t in enumerate(found) if t.strip() and not t.startswith("//")]
    at, other = rng.choice(places), rng.choice(places)
    kind = rng.choice(("delete", "double", "swap", "neighbours", "replace", "mark", "copy", *("alike",) * 10))
    if kind == "alike":  # the text still parses, most of the time
        at = rng.choice([i for i in places if _class(found[i]) is not None])
    before = found[at]
    near = min(len(found) - 1, at + 2)
    if kind == "delete":
        found[at] = ""
    elif kind == "double":
        found[at] = f"{before} {before}"
    elif kind in ("swap", "neighbours"):
        to = other if kind == "swap" else near
        found[at], found[to] = found[to], found[at]
    elif kind == "copy":  # a few tokens, to another place
        found[at] = before + " " + "".join(found[other : other + rng.randrange(1, 40)])
    elif kind == "alike":
        found[at] = rng.choice(_alike(_class(before) or "", tuple(found)))
    else:
        found[at] = rng.choice(MARKS if kind == "mark" else tokens())
    return f"{kind} {before[:20]!r} to {found[at][:40]!r}"


def _class(token: str) -> str | None:
    """What may stand where the token stands."""
    if token in OPERATORS:
        return "operator"
    if token in TYPES or re.fullmatch(r"u\d+", token):
        return "type"
    if token[:1].isdigit():
        return "number"
    return "name" if token[:1].isalpha() and token not in (*ITEMS, *STATEMENTS) else None


def _alike(kind: str, found: tuple[str, ...]) -> list[str]:
    if kind == "operator":
        return list(OPERATORS)
    if kind == "type":
        return list(TYPES)
    same = [t for t in found if _class(t) == kind and not t.isspace()]
    return [*same, *VALUES] if kind == "number" else [*same, *same, *VALUES, *VALUES]


def compile_touched(mutant: Mutant) -> None:
    """Front end, then elaboration, layout and code of what the edit touches. Raises DiagnosticError."""
    witness.reset()
    text = decode_source(mutant.data, mutant.name)
    mine = parse(text, mutant.name)
    others = [item for name in sources() if name != mutant.name for item in items_of(name)]
    program = collect([*others, *mine], sources() | {mutant.name: text})
    changed = _changed(list(items_of(mutant.name)), mine)
    if any(isinstance(item, s.Const) for item in changed):
        check_constants(program)
        program.check()
    if any(isinstance(item, s.Service | s.Frame) for item in changed):
        program.diagnostics += overlaps(program, build_guards(program, {})[1])
        program.check()
    for item in changed:
        if isinstance(item, s.Fixed):
            fixed_table(program, item, 0)
        if isinstance(item, s.Gadget):
            _alone(program, item)
    for item in _users(program, changed, random.Random(len(text))):
        _finish(program, _table(program, item))


def _changed(old: list[s.Item], new: list[s.Item]) -> list[s.Item]:
    known: dict[Any, s.Item] = {(type(x), getattr(x, "name", "")): x for x in old}
    return [x for x in new if not same_meaning(known.get((type(x), getattr(x, "name", "")), ()), x)]


def _users(program: Program, changed: list[s.Item], rng: random.Random) -> Iterator[s.Family | s.Service | s.TableDecl]:
    """Tables that changed, and two of those that use what changed."""
    tables = [*program.families.values(), *program.services.values(), *program.tables.values()]
    direct = [t for t in tables if any(t is c for c in changed)]
    names = {getattr(c, "name", "") for c in changed} | {i.op for i in changed if isinstance(i, s.Impl)}
    users = [t for t in tables if t not in direct and names & _mentions(t)]
    for t in [*direct[:2], *rng.sample(users, min(2, len(users)))]:
        if t.name not in HEAVY or rng.random() < 0.1:
            yield t


def _mentions(item: s.Item) -> set[str]:
    nodes = list(s.walk(item))
    return {n.name for n in nodes if isinstance(n, s.Call | s.Name)} | {n.op for n in nodes if isinstance(n, s.Binary)}


def _table(program: Program, item: s.Family | s.Service | s.TableDecl) -> TableBuilder:
    functions: dict[str, FieldFunction] = {}
    if isinstance(item, s.Family):
        return build_family(program, functions, item)[0]
    if isinstance(item, s.Service):
        return build_service(program, functions, item)
    return elaborate_table(program, functions, item.name, item.body)


def _alone(program: Program, gadget: s.Gadget) -> None:
    """The gadget by itself, with columns for its parameters."""
    if gadget.name in ("poseidon2", "absorb"):
        return
    table = TableBuilder(gadget.name, [])
    elaborator = Elaborator(program, table, {})
    values: list[Value] = []
    for p in gadget.params:
        word = p.type.name in program.structs
        interval = program.interval(p.type.name)
        meaning = witness.source(p.name, 0, 2**32 - 1 if word else interval.high if interval else P - 1)
        values.append(elaborator.new_value(p.name, p.type, meaning, p.span, trusted=True, because=None))
    elaborator.call_gadget(gadget.name, values, gadget.span)
    program.check()


def _finish(program: Program, table: TableBuilder) -> None:
    """Layout, checks and generated code of a table."""
    names = [*program.buses, *program.fixed]
    lay_out(program, table, {n: i for i, n in enumerate(names)})
    check_columns(program, table)
    program.check()
    functions: dict[str, FieldFunction] = {}
    arrays = {name: name for name in program.gadgets}
    for arm in table.arms:
        for emitter in (FastArm, TracingArm):
            emitter(program, table, arm, 0, [], arrays, INDENT).emit_checked()
    if not any(name in table.name for name in HEAVY):
        emit_fill(program, table, Histogram({n: 0 for n in program.fixed}, 1), {name: functions.get(name) for name in arrays})  # type: ignore[misc]
