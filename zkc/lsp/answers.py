"""Answers to an editor about one folder, in the types of the protocol; lines and columns are counted in characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lsprotocol import types as t

from zkc.compiler.libraries import known_modules
from zkc.compiler.names import declarations
from zkc.costs import CallCost
from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.format import format_source
from zkc.lsp.folder import MODULE, NUMBERED, Folder, Symbol, locals_of
from zkc.lsp.words import NAME, Word, keywords
from zkc.runtime.errors import InputError

KINDS: Final = {
    "constant": t.SymbolKind.Constant, "type": t.SymbolKind.TypeParameter, "struct": t.SymbolKind.Struct, "bus": t.SymbolKind.Event,
    "fixed table": t.SymbolKind.Array, "gadget": t.SymbolKind.Function, "chip": t.SymbolKind.Function, "table": t.SymbolKind.Class,
    "family": t.SymbolKind.Class, "service": t.SymbolKind.Class, "instruction": t.SymbolKind.Method, "format": t.SymbolKind.Struct,
    "frame": t.SymbolKind.Interface, "claim": t.SymbolKind.Class, "test": t.SymbolKind.Event, "operator": t.SymbolKind.Operator,
}  # fmt: skip
COMPLETED: Final = {
    "constant": t.CompletionItemKind.Constant, "type": t.CompletionItemKind.TypeParameter, "struct": t.CompletionItemKind.Struct,
    "bus": t.CompletionItemKind.Event, "gadget": t.CompletionItemKind.Function, "chip": t.CompletionItemKind.Function,
    "fixed table": t.CompletionItemKind.Value, "field": t.CompletionItemKind.Field,
}  # fmt: skip


def range_of(span: s.Span) -> t.Range:
    """A place in a file."""
    return t.Range(t.Position(span.line - 1, span.column - 1), t.Position(span.end_line - 1, span.end_column - 1))


def range_of_word(word: Word) -> t.Range:
    return t.Range(t.Position(word.line, word.column), t.Position(word.line, word.end))


def problems(folder: Folder, found: Sequence[Diagnostic]) -> dict[Path, list[t.Diagnostic]]:
    """What is wrong in each file; nothing is said as such, so that it goes away. What has no place stands in the first file."""
    out: dict[Path, list[t.Diagnostic]] = {path: [] for path in folder.all_paths()}
    for problem in found:
        path = None if problem.span is None else folder.path_of(problem.span)
        if path is None:
            path = next(iter(out))
        out[path].append(_problem(folder, problem))
    return out


def _problem(folder: Folder, problem: Diagnostic) -> t.Diagnostic:
    related = [
        t.DiagnosticRelatedInformation(t.Location(path.as_uri(), range_of(span)), text)
        for span, text in problem.labels
        if (path := folder.path_of(span)) is not None
    ]
    return t.Diagnostic(
        range=range_of(problem.span) if problem.span else t.Range(t.Position(0, 0), t.Position(0, 1)),
        message="\n".join([problem.message, *problem.notes, *([f"help: {problem.help}"] if problem.help else [])]),
        severity=t.DiagnosticSeverity.Warning if problem.code.startswith("W") else t.DiagnosticSeverity.Error,
        code=problem.code,
        source="zkc",
        related_information=related,
    )


def hover(folder: Folder, path: Path, at: t.Position) -> t.Hover | None:
    """How what a word stands for is declared, with the comment above."""
    found = folder.symbol_at(path, at.line, at.character)
    if found is None or not found[1]:
        return None
    word, symbols = found
    texts = dict.fromkeys("\n\n".join([f"{x.kind} `{x.name}`", folder.shown(x), *_known(folder, x)]) for x in symbols)
    return t.Hover(t.MarkupContent(t.MarkupKind.Markdown, "\n\n---\n\n".join(texts)), range_of_word(word))


def _known(folder: Folder, symbol: Symbol) -> Iterator[str]:
    """What the compiler knows of a name beside its declaration: bounds of a type, degree of a value, what a row or a call costs."""
    path = folder.path_of(symbol.span)
    known = None if path is None else folder.at_compilation(path)
    if known is None or path is None:
        return
    item = symbol.item if symbol.item is not None else folder.item_at(path, symbol.span.line - 1)
    if symbol.kind == "type" and symbol.name in known.types:
        yield f"0 to {known.types[symbol.name].high}"
    elif symbol.kind in ("family", "table", "service", "claim", "chip") and symbol.name in known.rows:
        yield f"{known.rows[symbol.name].cells} cells a row: {known.rows[symbol.name]}"
    elif symbol.kind == "gadget" and symbol.name in known.gadgets:
        yield f"a call costs at most {known.gadgets[symbol.name]}"
    elif symbol.kind == "value" and item is not None:
        values = [node.value for node in s.walk(item) if isinstance(node, s.Let) and node.span == symbol.span and len(node.names) == 1]
        yield from (f"degree {known.degrees[value.span]}" for value in values if value.span in known.degrees)
    elif symbol.kind in ("column", "input"):
        types = [n.type.name for n in s.walk(item) if isinstance(n, s.Hint | s.Input) and n.span == symbol.span]
        yield from (f"0 to {known.types[name].high}" for name in types if name in known.types)


def hints(folder: Folder, path: Path, where: t.Range) -> list[t.InlayHint]:
    """After each call, what it costs; nothing in a text that was edited since it was compiled."""
    known = folder.at_compilation(path)
    if known is None:
        return []
    own = ((span, cost) for span, cost in known.calls.items() if folder.path_of(span) == path)
    return [_hint(span, cost) for span, cost in own if where.start.line <= span.line - 1 <= where.end.line]


def _hint(span: s.Span, cost: CallCost) -> t.InlayHint:
    text = "what this call costs in a row, with the calls inside of it; in a loop, in all rounds"
    return t.InlayHint(range_of(span).end, str(cost), tooltip=text, padding_left=True)


def definitions(folder: Folder, path: Path, at: t.Position) -> list[t.Location]:
    """Where what a word stands for is declared."""
    found = folder.symbol_at(path, at.line, at.character)
    places = [place for x in found[1] if (place := folder.declaration(x)) is not None] if found else []
    return [t.Location(file.as_uri(), range_of_word(word)) for file, word in dict.fromkeys(places)]


def references(folder: Folder, path: Path, at: t.Position) -> list[t.Location]:
    """Every word that stands for the same."""
    found = folder.symbol_at(path, at.line, at.character)
    return [t.Location(file.as_uri(), range_of_word(word)) for file, word in folder.references(found[1])] if found and found[1] else []


def rename(folder: Folder, path: Path, at: t.Position, new: str) -> t.WorkspaceEdit:
    """The edits that give what a word stands for another name. InputError if that is none, or is taken."""
    found = folder.symbol_at(path, at.line, at.character)
    if found is None or not found[1]:
        raise InputError("nothing here has a name that a .circ file declares")
    if any(x.kind == NUMBERED for x in found[1]):
        raise InputError(f"`{found[0].text}` is one of the types `{found[1][0].name}` with a number: there is no such name in a file")
    if any(x.kind == MODULE for x in found[1]):
        raise InputError(f"`{found[0].text}` is a module, which is called as its file is", hint="rename the file")
    if not NAME.fullmatch(new) or new in keywords():
        raise InputError(f"`{new}` is no name", hint="names are lower_snake and no words of the language")
    item = found[1][0].item
    taken = [*folder.symbols(path), *(locals_of(item) if item is not None else ())]
    if any(x.name == new for x in taken):
        raise InputError(f"the name `{new}` is taken")
    edits: dict[str, list[t.TextEdit]] = {}
    for file, word in folder.references(found[1]):
        edits.setdefault(file.as_uri(), []).append(t.TextEdit(range_of_word(word), new))
    return t.WorkspaceEdit(changes=edits)


def completions(folder: Folder, path: Path, at: t.Position) -> list[t.CompletionItem]:
    """Fields after a dot; else the words of the language, what the folder declares, and what is known here."""
    line = folder.text(path).split("\n")[at.line][: at.character]
    if re.search(r"\buse\s+\w*$", line):
        return [t.CompletionItem(name, kind=t.CompletionItemKind.Module) for name in known_modules()]
    after_dot = re.search(r"(\w*)\.\w*$", line)
    if after_dot:
        return _completed(folder.of_module(path, after_dot[1]) or folder.fields())
    item = folder.item_at(path, at.line)
    words = [t.CompletionItem(word, kind=t.CompletionItemKind.Keyword) for word in keywords()]
    return words + _completed([*(locals_of(item) if item is not None else ()), *folder.symbols(path)])


def _completed(symbols: Sequence[Symbol]) -> list[t.CompletionItem]:
    first = {x.name: x for x in reversed(symbols) if x.name}
    return [t.CompletionItem(x.name, kind=COMPLETED.get(x.kind, t.CompletionItemKind.Variable), detail=x.kind) for x in first.values()]


def signature(folder: Folder, path: Path, at: t.Position) -> t.SignatureHelp | None:
    """The gadget that is being called, and which argument stands here."""
    before = "\n".join(folder.text(path).split("\n")[: at.line + 1])
    line = before[: len(before) - len(before.split("\n")[-1]) + at.character]
    depth = commas = 0
    for place in range(len(line) - 1, -1, -1):
        c = line[place]
        if c in ")]":
            depth += 1
        elif c in "([" and depth:
            depth -= 1
        elif c == "," and not depth:
            commas += 1
        elif c == "(":
            return _signature(folder, re.search(r"(\w*)\s*$", line[:place]), commas)
        elif c in ";{}":
            return None
    return None


def _signature(folder: Folder, name: re.Match[str] | None, argument: int) -> t.SignatureHelp | None:
    every = (item for path in folder.all_paths() for item in folder.items(path))
    called = next((x for x in every if isinstance(x, s.Gadget) and name and x.name == name[1]), None)
    if called is None:
        return None
    parameters = [f"{p.name}: {_type(p.type)}" for p in called.params]
    results = ", ".join(f"{p.name}: {_type(p.type)}" for p in called.outputs)
    label = f"{called.name}({', '.join(parameters)})" + (f" -> {results}" if results else "")
    shown = t.SignatureInformation(label, parameters=[t.ParameterInformation(p) for p in parameters])
    return t.SignatureHelp([shown], 0, min(argument, max(0, len(parameters) - 1)))


def _type(of: s.TypeRef) -> str:
    return of.name if of.length is None else f"{of.name}[…]"


def outline(folder: Folder, path: Path) -> list[t.DocumentSymbol]:
    """The items of a file, and the instructions in them."""
    return list(_outline(folder.items(path)))


def _outline(items: Sequence[s.Item]) -> Iterator[t.DocumentSymbol]:
    for item in items:
        own = [d for d in declarations([item]) if d.kind in KINDS]
        if own:
            inner = [t.DocumentSymbol(d.name, KINDS[d.kind], range_of(d.span), range_of(d.span)) for d in own if d.kind == "instruction"]
            name = own[0].name or own[0].kind
            yield t.DocumentSymbol(name, KINDS[own[0].kind], range_of(item.span), range_of(own[0].span), own[0].kind, children=inner)


def formatted(folder: Folder, path: Path) -> list[t.TextEdit]:
    """The whole text in one style; nothing for one that does not parse."""
    text = folder.text(path)
    try:
        better = format_source(text, path.name)
    except DiagnosticError:
        return []
    lines = text.split("\n")
    everything = t.Range(t.Position(0, 0), t.Position(len(lines) - 1, len(lines[-1])))
    return [] if better == text else [t.TextEdit(everything, better)]
