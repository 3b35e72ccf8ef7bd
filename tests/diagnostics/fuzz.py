"""Random edits of .circ files, and the part of a compilation that an edit touches."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from zkc.compiler.check import check_columns
from zkc.compiler.dialects import circ
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.elaboration.declared import params_of
from zkc.compiler.elaboration.statements import Elaborator
from zkc.compiler.elaboration.values import Value
from zkc.compiler.front import checked
from zkc.compiler.guards import overlaps
from zkc.compiler.importer.items import GUARDS
from zkc.compiler.ir.operation import Operation
from zkc.compiler.machines import circuits_directory
from zkc.compiler.passes.facts import Facts
from zkc.compiler.passes.lower_fill import layout_of
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.pipeline import facts_of, lower_table
from zkc.compiler.program import Program
from zkc.compiler.rows import elaborate_symbol, gadgets_of, indices
from zkc.compiler.targets.executor import FastStep, Steps, TracingStep
from zkc.compiler.targets.fill import Histogram, emit_fill
from zkc.compiler.targets.fixed import fixed_tables
from zkc.compiler.targets.functions import FieldFunctions
from zkc.compiler.targets.integers import Uncomputable
from zkc.compiler.targets.listing import Listing
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic
from zkc.dsl.format import same_meaning
from zkc.dsl.parser import parse
from zkc.dsl.source_files import decode_source
from zkc.dsl.syntax_errors import ITEMS, STATEMENTS
from zkc.runtime.circuit.machine import Clock
from zkc.runtime.field.koalabear import P

TOKEN = re.compile(r'//[^\n]*|"[^"\n]*"|[A-Za-z_]\w*|\d\w*|\*\*|->|\.\.|<<|>>s?|[<>=!]=?[us]?|\s+|.', re.DOTALL)
VALUES = (
    "0", "1", "-1", "007", "0x", "2**31", "2**32", "2**64", "(10**9)", "2**10**9", "(0 - 2**200)", "2130706433", "9" * 5000, "(" * 200,
    "-" * 3000, "1" + "+1" * 350, "sum(rs1)", "sum([1, 2])", "slice([1, 2], 0, 1)", "[1, [2]]", "[i for i in 0..5000]", "latest memory(0)",
    "latest memory(pc).value", "host input_word(0)",
    "inverse(0)", "column(1)", "is(add)", "u32(lo = 1, hi = 2)", "(1 ? 2 : 3)", "(1 << 63)",
    "(rs1 >> rs2)", "(2**32 << 40)", "divide_signed(1, 0)", "rd", "clk", "insn", "imm",
)  # fmt: skip
TYPES = ("felt", "bit", "u32", "u8", "felt[8]", "u32[2]", "felt[0]", "u99")
MARKS = ("{", "}", "(", ")", "[", "]", ";", ",", '"', "//", "\\", "\x00", "\ufeff", "\r", "é", "X", "0..2**40")
OPERATORS = ("+", "-", "*", "/", "%", "**", "<<", ">>", ">>s", "&", "|", "^", "==", "!=", "<u", "<s", ">=u", ">=s", "and", "or")
CLOCK = Clock(4, 1 << 16, 4, 0)
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


@dataclass(frozen=True)
class ItemMutant:
    """One edit of the tokens of one item: `text` is the item, `others` are all items of the circuits but it."""

    text: str
    others: tuple[s.Item, ...]
    edit: str


def item_mutant(seed: int) -> ItemMutant:
    """The edit of that number: a token is deleted, doubled, swapped, replaced by one of any file, or a name is given to another."""
    rng = random.Random(seed)
    items = [item for name in sources() for item in items_of(name)]
    chosen = rng.choice([item for item in items if not (isinstance(item, s.Const) and item.name.startswith("poseidon2"))])
    found = TOKEN.findall(text_of(chosen))
    places = [i for i, t in enumerate(found) if t.strip() and not t.startswith("//")]
    names = [i for i in places if _class(found[i]) == "name"]
    at, other = rng.choice(places), rng.choice(places)
    kind = rng.choice(("delete", "duplicate", "swap", "replace", "replace", "rename", "rename"))
    before = found[at]
    if kind == "delete":
        found[at] = ""
    elif kind == "duplicate":
        found[at] = f"{before} {before}"
    elif kind == "swap":
        found[at], found[other] = found[other], found[at]
    elif kind == "replace" or not names:
        found[at] = rng.choice(tokens())
    else:
        at = rng.choice(names)
        before, found[at] = found[at], found[rng.choice(names)] if rng.random() < 0.5 else rng.choice(_alike("name", tokens()))
    rest = tuple(item for item in items if item is not chosen)
    return ItemMutant("".join(found), rest, f"{kind} {before[:20]!r} to {found[at][:40]!r} in {text_of(chosen)[:30]!r}")


def text_of(item: s.Item) -> str:
    """An item as it stands in its file."""
    lines = sources()[item.span.file].split("\n")[item.span.line - 1 : item.span.end_line]
    lines[-1] = lines[-1][: item.span.end_column - 1]
    lines[0] = lines[0][item.span.column - 1 :]
    return "\n".join(lines)


def check_item(mutant: ItemMutant) -> None:
    """The front end alone. Raises DiagnosticError."""
    checked([*mutant.others, *parse(mutant.text, "mine.circ")], sources() | {"mine.circ": mutant.text})


OWNED = re.compile(r"E010\d|E020[3-9]|E021[0-3]|E0503|E0504|E0505|E060[1-3]")
"""Codes of the static check."""
LATER = re.compile(
    "|".join(
        (
            "the input `.*` of", r"`is\(name\)` takes", "a row of an instruction is given", "division by zero", "is not defined on",
            "given an array of", "outside of the array", "a slice goes", "an index is a constant", "a condition outside", "loop bounds are",
            "a loop goes up", "is not a polynomial operation", "are not executed",
        )
    )
)  # fmt: skip
"""Messages with such a code about what depends on the arguments of a call or on the round of a loop."""


def gaps(found: list[Diagnostic]) -> list[str]:
    """What the elaboration says that the check should have said before it."""
    return [f"gap {d.code}: {d.message} at {d.span}" for d in found if OWNED.fullmatch(d.code) and not LATER.search(d.message)]


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
    elaborate_touched(mutant, *front(mutant))


def front(mutant: Mutant) -> tuple[Program, list[s.Item]]:
    """The checked program, and the items of the file that was edited. Raises DiagnosticError."""
    text = decode_source(mutant.data, mutant.name)
    mine = parse(text, mutant.name)
    others = [item for name in sources() if name != mutant.name for item in items_of(name)]
    return checked([*others, *mine], sources() | {mutant.name: text})[0], mine


def elaborate_touched(mutant: Mutant, program: Program, mine: list[s.Item]) -> None:
    """Elaboration, layout and code of what the edit touches, in a program that is checked. Raises DiagnosticError."""
    text = mutant.data
    changed = _changed(list(items_of(mutant.name)), mine)
    if any(isinstance(item, s.Service | s.Frame) for item in changed):
        guards = elaborate_symbol(program, Functions(), GUARDS)
        program.diagnostics += overlaps(program, LowerStep().guards(guards, facts(program, guards)))
        program.check()
    for item in changed:
        if isinstance(item, s.Fixed):
            fixed_tables(program, item, 0)
        if isinstance(item, s.Gadget):
            _alone(program, item)
    for item in _users(program, changed, random.Random(len(text))):
        for symbol in _symbols(program, item):
            functions = Functions()
            _finish(program, elaborate_symbol(program, functions, symbol), functions)


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


def facts(program: Program, guards: Operation) -> Facts:
    """What passes ask about the program."""
    return facts_of(program, indices(program))


def _symbols(program: Program, item: s.Family | s.Service | s.TableDecl) -> list[tuple[str, str]]:
    kind = "families" if isinstance(item, s.Family) else "services" if isinstance(item, s.Service) else "tables"
    return [(kind, item.name), *(("variants", name) for name, x in program.variants().items() if x.family is item)]


def _alone(program: Program, gadget: s.Gadget) -> None:
    """The gadget by itself, with columns for its parameters."""
    if gadget.name in ("poseidon2", "absorb"):
        return
    declared = gadgets_of(program)
    elaborator = Elaborator(declared, gadget.name, Functions())
    values: list[Value] = []
    for p in params_of(declared.of(circ.GADGET)[gadget.name], "params", "types"):
        word = p.type[0] in declared.structs
        interval = declared.interval(p.type[0])
        meaning = elaborator.given(p.name, 0, 2**32 - 1 if word else interval.high if interval else P - 1)
        values.append(elaborator.new_value(p.name, p.type, meaning, gadget.span, trusted=True, because=None))
    elaborator.call_gadget(gadget.name, values, gadget.span)
    program.check()


def _finish(program: Program, table: Operation, functions: Functions) -> None:
    """Passes, checks and generated code of a table."""
    known = facts(program, table)
    lowered = lower_table(table, known)
    program.diagnostics += known.diagnostics
    check_columns(program, [lowered])
    program.check()
    try:
        for op in lowered.steps:
            steps = Steps({lowered.name: lowered.steps}, op, {}, {}, CLOCK, None, range(0), 8, FieldFunctions(functions.by_name))
            for emitter in (FastStep(steps, 0, Listing()), TracingStep(steps, 0, Listing(), layout_of(lowered.steps))):
                emitter.emit_checked(op)
        emit_fill(lowered.fill, Histogram({n: 0 for n in program.fixed}, 1), {}, functions.by_name)
    except Uncomputable as error:
        raise program.fail("E0305", str(error), error.span) from None


__all__ = ["Mutant", "compile_touched", "items_of", "mutant", "sources"]
