"""Random edits of texts of every stage, and what `zkc opt` makes of them: a text, or diagnostics with a place, whatever stands there."""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Final

from tests.compiler.passes.test_texts import FILES
from zkc.compiler.front import front_end
from zkc.compiler.importer.items import CLAIM, GUARDS, Importer, Item
from zkc.compiler.ir.attributes import KINDS, Kind
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import ANY, FELT, INT, Attribute, Operation, Region, Symbol, Type, Value, array_type, struct_type
from zkc.compiler.ir.printer import print_module
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.symbols import reached, restricted, symbol_graph
from zkc.dsl.diagnostics import DiagnosticError, render
from zkc.opt import SPLIT, Settings, optimise, parse_pipeline, texts
from zkc.runtime.collector import collector_off

TABLES: Final[tuple[Item, ...]] = (
    ("families", "addi"), ("families", "branch_equal"), ("tables", "decode"), ("services", "write_journal"), GUARDS, CLAIM,
)  # fmt: skip
"""Symbols of the machine that are taken with all that they are made of."""
ROWS: Final = "dce,check-degree,check-wrap,materialise,expand-ranges,share-columns"
AIR: Final = "lower-air,merge-arms,gate-rows,pair-messages"
PIPELINES: Final = (
    "inline",
    f"inline,{ROWS},{AIR}",
    f"inline,{ROWS},lower-step,forward-stores",
    f"inline,{ROWS},lower-decode",
    f"inline,{ROWS},lower-fill,dce",
)
"""Each goes through to a last stage; what a module is past already leaves it alone."""
LIMIT: Final = 20
"""Seconds for one text: what takes longer hangs."""
NUMBERS: Final = (0, 1, -1, 2, 3, 5, 16, 31, 32, 33, 63, 64, 255, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 64, 10**12, -(10**30), 10**900)
WORDS: Final = (
    "", "x", "felt", "bit", "u32", "u16", "felt[8]", "u32[2]", "felt[999999999]", "clk", "imm", "op", "word", "range", "a b", "é\ud800",
)  # fmt: skip
TYPES: Final = (FELT, INT, ANY, struct_type("u32"), array_type(FELT))
ODD: Final = ("{", "}", "(", ")", "[", "]", ",", '"', "\\", "\x00", "é", "loc(", "%0", "@x", "^bb0", "1" * 2000, "[" * 500)
TOKEN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|[%@!^#]?[\w$.]+|->|\s+|.')


@dataclass(frozen=True)
class Text:
    """A module as text. name: where it comes from."""

    name: str
    text: str


@dataclass(frozen=True)
class Mutant:
    """A text with one to three edits."""

    name: str
    text: str
    edits: tuple[str, ...]


@cache
def originals() -> tuple[Text, ...]:
    """Those of the tests of passes, and tables of the machine in all stages."""
    found = [Text(f"{file.stem}-{i}", part) for file in FILES for i, part in enumerate(SPLIT.split(file.read_text(encoding="utf-8")))]
    root = circuits_directory()
    program, typed = front_end(circuit_files(root), root)
    graph = symbol_graph(program, typed)
    for item in TABLES:
        importer = Importer(restricted(program, reached(graph, item)))
        body = importer.body(item)
        module = Module([*importer.used(), *importer.rows(), body])
        found += stages(item[1], print_module(module, locations=False))
    return tuple(found)


def stages(name: str, text: str) -> Iterator[Text]:
    """The text, and what passes make of it in each stage."""
    row = made(text, "inline")
    numbered = made(row, ROWS)
    yield from (Text(f"{name}-circ", text), Text(f"{name}-row", row), Text(f"{name}-numbered", numbered))
    for stage, passes in (("air", AIR), ("step", "lower-step"), ("fill", "lower-fill")):
        yield Text(f"{name}-{stage}", made(numbered, passes))


def made(text: str, passes: str) -> str:
    """What passes make of a text."""
    return optimise(texts(text, "<text>", split=False)[0], Settings(parse_pipeline(passes)))


def judged(text: str, pipelines: Sequence[str] = PIPELINES) -> str | None:
    """What is wrong with how `zkc opt` takes a text with these passes; None if it prints something, or says what is wrong and where."""
    with collector_off():
        for passes in ("", *pipelines):
            problem = _run(text, passes)
            if problem == "refused":
                return None
            if problem is not None:
                return f"-p {passes}: {problem}"
    return None


def _run(text: str, passes: str) -> str | None:
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT)
    try:
        source = texts(text, "t.mlir", split=False)[0]
        optimise(source, Settings(parse_pipeline(passes))).encode()
    except DiagnosticError as error:
        return _misplaced(error, text) or ("refused" if not passes else None)
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = "" if frame is None else f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
        return f"{type(error).__name__}: {error}{where}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return None


class TooLong(Exception):
    """A text takes longer than LIMIT."""


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"more than {LIMIT} seconds")


def _misplaced(error: DiagnosticError, text: str) -> str | None:
    """A diagnostic without a place, or with one outside of the text."""
    if not error.diagnostics:
        return "no diagnostic"
    for d in error.diagnostics:
        render(d, error.sources)
        if d.span is None:
            return f"{d.code} without a place: {d.message}"
        if d.span.file == "t.mlir" and not 0 < d.span.line <= text.count("\n") + 1:
            return f"{d.code} outside of its text: {d.span}"
    return None


# edits


def mutant(seed: int) -> Mutant:
    """The mutant of that number."""
    rng = random.Random(seed)
    chosen = rng.choice(originals())
    if rng.random() < 0.25:
        text, edit = _token_edit(chosen.text, rng)
        return Mutant(chosen.name, text, (edit,))
    module = read_module(chosen.text)
    edits = tuple(Editor(module, rng).edit() for _ in range(rng.choice((1, 1, 1, 1, 2, 3))))
    return Mutant(chosen.name, print_module(module, locations=False), edits)


def _token_edit(text: str, rng: random.Random) -> tuple[str, str]:
    found = TOKEN.findall(text)
    places = [i for i, t in enumerate(found) if t.strip()]
    if not places:
        return text, "nothing"
    at, other = rng.choice(places), rng.choice(places)
    kind = rng.choice(("delete", "double", "swap", "replace", "alike", "alike", "line"))
    before = found[at]
    if kind == "delete":
        found[at] = ""
    elif kind == "double":
        found[at] = f"{before} {before}"
    elif kind == "swap":
        found[at], found[other] = found[other], found[at]
    elif kind == "replace":
        found[at] = rng.choice((*ODD, found[other]))
    elif kind == "alike":
        found[at] = rng.choice([t for t in found if t[:1] == before[:1]])
    else:
        lines = text.split("\n")
        del lines[rng.randrange(len(lines))]
        return "\n".join(lines), "delete a line"
    return "".join(found), f"{kind} {before[:20]!r} to {found[at][:20]!r}"


class Editor:
    """Edits of operations, which mostly leave a text that can be read."""

    def __init__(self, module: Module, rng: random.Random) -> None:
        self.module = module
        self.rng = rng
        self.places = [(self.module.operations, op) for op in self.module.operations]
        self.places += [(r.operations, op) for top in self.module for region in top.regions for r, op in _inside(region)]
        self.regions = [r for _, op in self.places for r in op.regions]

    def edit(self) -> str:
        """One edit, in words."""
        if not self.places:
            return "nothing"
        kinds = (
            self._drop_attribute, self._set_attribute, self._set_attribute, self._add_attribute, self._swap_operands, self._other_operand,
            self._other_operand, self._drop_operand, self._double_operand, self._delete, self._delete, self._double, self._move,
            self._rename,
            self._drop_region, self._empty_region, self._double_region, self._add_argument, self._drop_argument, self._retype,
        )  # fmt: skip
        return self.rng.choice(kinds)()

    def _op(self, *, wants: str = "") -> Operation:
        found = [op for _, op in self.places if not wants or getattr(op, wants)]
        return self.rng.choice(found or [op for _, op in self.places])

    def _drop_attribute(self) -> str:
        op = self._op(wants="attributes")
        name = self.rng.choice(list(op.attributes) or [""])
        op.attributes = {n: v for n, v in op.attributes.items() if n != name}
        return f"drop {name} of {op.name}"

    def _set_attribute(self) -> str:
        op = self._op(wants="attributes")
        if op.attributes:
            name = self.rng.choice(list(op.attributes))
            op.attributes = {**op.attributes, name: self._attribute(name, op.attributes[name])}
            return f"set {name} of {op.name} to {str(op.attributes[name])[:40]}"
        return "nothing"

    def _add_attribute(self) -> str:
        op = self._op()
        known = [*op.definition.attributes, *op.definition.optional] or ["name"]
        name = self.rng.choice(known)
        op.attributes = {**op.attributes, name: self._attribute(name, None)}
        return f"add {name} = {str(op.attributes[name])[:40]} to {op.name}"

    def _attribute(self, name: str, before: Attribute | None) -> Attribute:
        """Something of the kind that the name has, most of the time."""
        rng = self.rng
        same = [op.attributes[name] for _, op in self.places if name in op.attributes]
        if same and rng.random() < 0.4:
            return rng.choice(same)
        if isinstance(before, tuple) and rng.random() < 0.7:
            items = list(before)
            at = rng.randrange(len(items) + 1)
            kind = rng.choice(("drop", "double", "item", "shuffle"))
            if kind == "shuffle" or not items:
                rng.shuffle(items)
            elif kind == "item":
                items[at % len(items)] = self._attribute(name, items[at % len(items)])
            else:
                items[at : at + 1] = [] if kind == "drop" else items[at : at + 1] * 2
            return tuple(items)
        if isinstance(before, bool):
            return not before
        if isinstance(before, int) or (before is None and _holds(name, 0)):
            return rng.choice(NUMBERS) if rng.random() < 0.6 else (before or 0) + rng.choice((1, -1))
        if isinstance(before, Symbol) or (before is None and _holds(name, Symbol("x"))):
            return Symbol(rng.choice([str(op.attributes.get("sym_name", "x")) for op in self.module]))
        if before is None and _holds(name, True):
            return True
        if before is None and _holds(name, ("x",)):
            return tuple(rng.choice(WORDS) for _ in range(rng.randrange(3)))
        return rng.choice([*WORDS, *self._strings()]) if rng.random() < 0.9 else rng.choice((1, True, Symbol("x"), (1, 2)))

    def _strings(self) -> list[str]:
        return [v for _, op in self.places for v in op.attributes.values() if isinstance(v, str)]

    # operands

    def _visible(self, op: Operation, type_: Type | None) -> list[Value]:
        """Values of the symbol that the operation is in."""
        for top in self.module:
            inside = [o for region in top.regions for o in region.walk()]
            if op in inside:
                arguments = [v for r in (*top.regions, *(r for o in inside for r in o.regions)) for v in r.arguments]
                return [v for v in (*arguments, *(x for o in inside for x in o.results)) if type_ is None or v.type is type_]
        return []

    def _swap_operands(self) -> str:
        op = self._op(wants="operands")
        items = list(op.operands)
        self.rng.shuffle(items)
        op.operands = tuple(items)
        return f"shuffle operands of {op.name}"

    def _other_operand(self) -> str:
        op = self._op(wants="operands")
        if op.operands:
            at = self.rng.randrange(len(op.operands))
            found = self._visible(op, op.operands[at].type if self.rng.random() < 0.9 else None)
            if found:
                op.operands = (*op.operands[:at], self.rng.choice(found), *op.operands[at + 1 :])
        return f"another operand of {op.name}"

    def _drop_operand(self) -> str:
        op = self._op(wants="operands")
        at = self.rng.randrange(len(op.operands)) if op.operands else 0
        op.operands = (*op.operands[:at], *op.operands[at + 1 :])
        return f"drop operand {at} of {op.name}"

    def _double_operand(self) -> str:
        op = self._op(wants="operands")
        op.operands = (*op.operands, *op.operands[:1])
        return f"double an operand of {op.name}"

    # operations

    def _delete(self) -> str:
        where, op = self.rng.choice(self.places)
        if op in where:
            where.remove(op)
            for value in op.results:
                self._replace(value, op)
        return f"delete {op.name}"

    def _replace(self, value: Value, op: Operation) -> None:
        """Another value takes its place where it is used."""
        for _, user in self.places:
            if value in user.operands:
                others = [v for v in self._visible(user, value.type) if v.op is not op]
                other = self.rng.choice(others) if others else value
                user.operands = tuple(other if v is value else v for v in user.operands)

    def _double(self) -> str:
        where, op = self.rng.choice(self.places)
        regions = op.regions if not op.results else ()
        copy = Operation(op.definition, op.operands, op.attributes, [v.type for v in op.results], regions, op.loc)
        where.insert(where.index(op) + self.rng.randrange(2) if op in where else 0, copy)
        return f"double {op.name}"

    def _move(self) -> str:
        where, op = self.rng.choice(self.places)
        to, _ = self.rng.choice(self.places)
        if op in where and not any(to is r.operations for region in op.regions for r in (region, *(x for x, _ in _inside(region)))):
            where.remove(op)
            to.insert(self.rng.randrange(len(to) + 1), op)
        return f"move {op.name}"

    def _rename(self) -> str:
        op = self._op()
        dialect = op.name.partition(".")[0]
        names = list(DEFINITIONS) if self.rng.random() < 0.3 else [n for n in DEFINITIONS if n.startswith(dialect)]
        before, op.definition = op.name, DEFINITIONS[self.rng.choice(names)]
        return f"{before} is called {op.name}"

    # regions

    def _drop_region(self) -> str:
        op = self._op(wants="regions")
        at = self.rng.randrange(len(op.regions)) if op.regions else 0
        op.regions = (*op.regions[:at], *op.regions[at + 1 :])
        return f"drop region {at} of {op.name}"

    def _empty_region(self) -> str:
        op = self._op(wants="regions")
        if op.regions:
            self.rng.choice(op.regions).operations.clear()
        return f"empty a region of {op.name}"

    def _double_region(self) -> str:
        op = self._op(wants="regions")
        if op.regions:
            op.regions = (*op.regions, Region() if self.rng.random() < 0.5 else op.regions[0])
        return f"a region more of {op.name}"

    def _add_argument(self) -> str:
        if self.regions:
            self.rng.choice(self.regions).new_argument(self.rng.choice(TYPES))
        return "an argument more"

    def _drop_argument(self) -> str:
        found = [r for r in self.regions if r.arguments]
        if found:
            region = self.rng.choice(found)
            region.arguments = region.arguments[:-1]
        return "an argument less"

    def _retype(self) -> str:
        op = self._op(wants="results")
        if op.results:
            self.rng.choice(op.results).type = self.rng.choice(TYPES)
        return f"another type of a result of {op.name}"


def _inside(region: Region) -> Iterator[tuple[Region, Operation]]:
    for op in region.operations:
        yield region, op
        for inner in op.regions:
            yield from _inside(inner)


def _holds(name: str, value: Attribute) -> bool:
    kind: Kind | None = KINDS.get(name)
    return kind is not None and kind.holds(value)
