"""A folder of .circ files as an editor sees it: texts that may not be saved yet, what is wrong with them, and where names come from.

Names are found by the syntax: a name inside of an item is one that the item declares (a parameter, a `let`), else one that a folder
declares (a constant, a gadget, …).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Final

from zkc import costs
from zkc.compiler.front import checked, grammar, modules_of
from zkc.compiler.incremental import lower_program
from zkc.compiler.intervals import Interval
from zkc.compiler.libraries import is_module, used_modules
from zkc.compiler.names import declarations
from zkc.compiler.pipeline import Lowerings
from zkc.compiler.program import Program
from zkc.costs import CallCost, TableCost
from zkc.dsl import numbered
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.modules import public
from zkc.dsl.parser import parse
from zkc.dsl.source_files import read_source, shown_name
from zkc.dsl.spans import Span
from zkc.lsp.words import Word, word_at, words
from zkc.runtime.collector import collector_off

NUMBERED: Final = "type with a number"
MODULE: Final = "module"
Local = s.Param | s.Hint | s.Input | s.Let | s.For | s.Generator | s.Comprehension | s.Operand | s.Result | s.Decode


@dataclass(frozen=True)
class Symbol:
    """A name that is declared. kind: what messages call it. item: what it is declared in, if it is known there alone."""

    name: str
    kind: str
    span: s.Span
    item: s.Item | None = None


@dataclass(frozen=True)
class _Parsed:
    """The items of a text, or why there are none. A text that does not parse has the items of the last one that did."""

    text: str
    items: list[s.Item]
    problems: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Compiled:
    """What was known when the folder last compiled. texts: of its files, by name. calls, degrees: by place. gadgets: what a call costs at
    most. rows: of tables. types: their bounds."""

    texts: Mapping[str, str]
    calls: Mapping[Span, CallCost]
    gadgets: Mapping[str, CallCost]
    degrees: Mapping[Span, int]
    rows: Mapping[str, TableCost]
    types: Mapping[str, Interval]


class Folder:
    """The files of a folder; `edited` are the texts that an editor holds. compiled: None if that never went well."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.edited: dict[Path, str] = {}
        self.compiled: Compiled | None = None
        self._parsed: dict[Path, _Parsed] = {}

    def copy(self) -> Folder:
        """The same texts, for another thread."""
        other = Folder(self.root)
        other.edited, other._parsed = dict(self.edited), dict(self._parsed)
        return other

    def paths(self) -> list[Path]:
        """The files, those that are not saved yet too."""
        return sorted({*self.root.glob("*.circ"), *self.edited})

    def all_paths(self) -> list[Path]:
        """The files, and those of the modules that they use."""
        return self.paths() + used_modules(self.paths(), self.root, lambda path: self.text(path).encode())

    def path_of(self, span: s.Span) -> Path | None:
        """The file of a place."""
        return next((path for path in self.all_paths() if shown_name(path, self.root) == span.file), None)

    def text(self, path: Path) -> str:
        """What stands in a file. DiagnosticError if it cannot be read."""
        return self.edited[path] if path in self.edited else read_source(path, shown_name(path, self.root))

    # ***** what is wrong *****

    def diagnostics(self, *, deep: bool) -> list[Diagnostic]:
        """What the compiler says: of the syntax if there is something wrong with it, else of names and types and with `deep` of everything
        that is found while tables are made."""
        wrong = [problem for path in self.all_paths() for problem in self._read(path).problems]
        return wrong or self._compiled(deep=deep)

    @collector_off()
    def _compiled(self, *, deep: bool) -> list[Diagnostic]:
        paths = self.all_paths()
        items = [item for path in paths for item in self._read(path).items]
        texts = {shown_name(path, self.root): self.text(path) for path in paths}
        try:
            program, typed = checked(items, texts, modules_of(paths, self.root))
            warnings = list(program.warnings)
            if deep and program.claim is not None:
                lowered = lower_program(program, typed)
                self.compiled = _known(program, lowered, texts)
                return warnings + lowered.facts.diagnostics + program.diagnostics
            return warnings
        except DiagnosticError as error:
            return error.diagnostics

    def _read(self, path: Path) -> _Parsed:
        before = self._parsed.get(path)
        try:
            text = self.text(path)
            if before is not None and before.text == text:
                return before
            found = _Parsed(text, parse(text, shown_name(path, self.root), grammar()), ())
        except DiagnosticError as error:
            found = _Parsed(next(iter(error.sources.values()), ""), before.items if before else [], tuple(error.diagnostics))
        self._parsed[path] = found
        return found

    def items(self, path: Path) -> list[s.Item]:
        """What a file declares."""
        return self._read(path).items

    def at_compilation(self, path: Path) -> Compiled | None:
        """What was known of a text that has not changed since."""
        known = self.compiled
        return known if known is not None and known.texts.get(shown_name(path, self.root)) == self.text(path) else None

    # ***** names *****

    def symbols(self, path: Path) -> list[Symbol]:
        """All that is known in a file by itself: what its folder declares, or its module alone, and what it brings in from modules."""
        own = [path] if is_module(path, self.root) else self.paths()
        return [x for p in own for x in self._declared(p)] + [x for m in self._used(path) for x in self.of_module(path, m)]

    def _declared(self, path: Path) -> list[Symbol]:
        """What a file declares."""
        found = declarations(self.items(path))
        own = (Symbol(d.name, d.kind, d.span) for d in found if isinstance(d.namespace, str) and d.kind != "test")
        return list(dict.fromkeys(own))

    def _used(self, path: Path) -> list[str]:
        """The modules that a file uses."""
        return [item.module for item in self.items(path) if isinstance(item, s.Use)]

    def of_module(self, path: Path, module: str) -> list[Symbol]:
        """The public names of a module that a file uses, none of one that it does not."""
        file = self._module_file(module) if module in self._used(path) else None
        return [] if file is None else [x for x in self._declared(file) if public(x.name) and x.kind != "operator"]

    def _module_file(self, module: str) -> Path | None:
        """Where a module stands that a file of this folder uses."""
        return next((path for path in self.all_paths() if path.stem == module and is_module(path, self.root)), None)

    def fields(self) -> list[Symbol]:
        """Fields of structs, buses, formats and fixed tables."""
        every = (item for path in self.all_paths() for item in self.items(path))
        return [Symbol(d.name, d.kind, d.span) for d in declarations(every) if d.kind == "field"]

    def resolve(self, path: Path, word: Word) -> list[Symbol]:
        """What a word stands for: none, one, or several if it is declared in several namespaces."""
        if word.before == ".":
            of_module = [x for x in self.of_module(path, word.of) if x.name == word.text]
            return _meant(replace(word, before=""), of_module) or [x for x in self.fields() if x.name == word.text]
        item = self.item_at(path, word.line)
        own = [x for x in locals_of(item) if x.name == word.text] if item else []
        declared = _meant(word, [x for x in self.symbols(path) if x.name == word.text])
        return own[:1] or declared or self._numbered(word) or self._module(path, word)

    def _module(self, path: Path, word: Word) -> list[Symbol]:
        """The module that a word names, in `use words;` or before a dot."""
        file = self._module_file(word.text) if word.text in self._used(path) else None
        return [] if file is None else [Symbol(word.text, MODULE, Span(shown_name(file, self.root), 1, 1, 1, 1))]

    def _numbered(self, word: Word) -> list[Symbol]:
        """The type that a name with a number is one of."""
        parts = numbered.split(word.text)
        every = (item for path in self.all_paths() for item in self.items(path))
        found = [x for x in every if isinstance(x, s.TypeAlias) and x.parameter is not None and parts is not None and x.name == parts[0]]
        return [Symbol(x.name, NUMBERED, x.span) for x in found]

    def symbol_at(self, path: Path, line: int, column: int) -> tuple[Word, list[Symbol]] | None:
        """The word at a place, and what it stands for."""
        word = word_at(self.text(path), line, column)
        return None if word is None else (word, self.resolve(path, word))

    def item_at(self, path: Path, line: int) -> s.Item | None:
        """The item that a line is part of."""
        return next((item for item in self.items(path) if item.span.line <= line + 1 <= item.span.end_line), None)

    def references(self, symbols: list[Symbol]) -> Iterator[tuple[Path, Word]]:
        """Every word that stands for the same, declarations too."""
        for path in self.all_paths():
            for word in words(self.text(path)):
                if _is_named(word, symbols[0]) and self.resolve(path, word) == symbols:
                    yield path, word

    def declaration(self, symbol: Symbol) -> tuple[Path, Word] | None:
        """Where the name stands that is declared."""
        path = self.path_of(symbol.span)
        if path is None:
            return None
        if symbol.kind == MODULE:
            return path, Word("", 0, 0)
        after = (w for w in words(self.text(path)) if (w.line + 1, w.column + 1) >= (symbol.span.line, symbol.span.column))
        found = next((w for w in after if w.text == symbol.name), None)
        return None if found is None else (path, found)

    def shown(self, symbol: Symbol) -> str:
        """A declaration as text: its first line, and the comment above it."""
        path = self.path_of(symbol.span)
        if path is None:
            return ""
        lines = self.text(path).split("\n")
        if symbol.kind == MODULE:
            return " ".join(line.removeprefix("///").strip() for line in takewhile(lambda x: x.startswith("///"), lines))
        head = lines[symbol.span.line - 1].strip()
        above: list[str] = []
        for line in reversed(lines[: symbol.span.line - 1]):
            if not line.lstrip().startswith("//"):
                break
            above.insert(0, line.strip().lstrip("/").strip())
        return f"```circ\n{re.sub(r' *{$', '', head)}\n```" + (f"\n\n{' '.join(above)}" if above else "")


def _known(program: Program, lowered: Lowerings, texts: Mapping[str, str]) -> Compiled:
    tables, fixed = [*lowered.tables, lowered.claim], frozenset(program.fixed)
    rows = {t.name: costs.table_cost(t, fixed) for t in tables}
    return Compiled(texts, costs.calls(tables), costs.gadgets(tables), costs.degrees(tables), rows, program.types())


def _is_named(word: Word, symbol: Symbol) -> bool:
    """Whether a word may stand for a symbol."""
    parts = numbered.split(word.text) if symbol.kind == NUMBERED else None
    return word.text == symbol.name if parts is None else parts[0] == symbol.name


def _meant(word: Word, symbols: list[Symbol]) -> list[Symbol]:
    """Those of several symbols of one name that the words around it speak of."""
    named = [x for x in symbols if x.kind.partition(" ")[0] == word.before]
    if named:
        return named
    if word.before in _MESSAGES:
        fitting = [x for x in symbols if x.kind in ("bus", "fixed table")]
    elif word.before == "test":
        fitting = [x for x in symbols if x.kind in ("instruction", "service")]
    elif word.called:
        fitting = [x for x in symbols if x.kind in ("gadget", "chip", "struct")]
    else:
        fitting = [x for x in symbols if x.kind != "gadget"]
    return fitting or symbols


def locals_of(item: s.Item) -> list[Symbol]:
    """What is known inside of an item alone, in order."""
    found: list[Symbol] = []
    if isinstance(item, s.Struct | s.BusDecl | s.Format):
        return found
    for node in s.walk(item):
        if isinstance(node, Local):
            names = node.names if isinstance(node, s.Let) else (node.name,)
            found += [Symbol(name, _KINDS.get(type(node), "name"), node.span, item) for name in names]
    return found


_MESSAGES: Final = ("send", "recv", "lookup", "latest", "by")
_KINDS: Final[dict[type[s.Node], str]] = {
    s.Param: "parameter", s.Hint: "column", s.Input: "input", s.Operand: "operand", s.Result: "result", s.Let: "value",
}  # fmt: skip
