"""Diagnostics are data: a code, a place, a message, notes and a fix. They are collected and shown together, in order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from zkc.dsl.spans import Span


@dataclass(frozen=True)
class Diagnostic:
    """Codes by area: E01xx encoding, E02xx syntax, names and types, E03xx ranges and wrap, E04xx degree, E05xx hints, E06xx buses. A code
    that begins with W is a warning, which fails nothing."""

    code: str
    message: str
    span: Span | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None
    labels: tuple[tuple[Span, str], ...] = field(default=())


class DiagnosticError(Exception):
    """Raised with every diagnostic found, once each, in source order. The command line exits with status 2."""

    status = 2

    def __init__(self, diagnostics: list[Diagnostic], sources: dict[str, str]) -> None:
        self.diagnostics = in_order(diagnostics)
        self.sources = sources
        super().__init__("\n\n".join(render(d, sources) for d in self.diagnostics))


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each once, by place."""
    once = {(d.code, d.message, d.span): d for d in reversed(list(diagnostics))}.values()
    return sorted(once, key=lambda d: (d.span.file, d.span.line, d.span.column) if d.span else ("", 0, 0))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help line with the known name that is most like `name`, if one is; of a public name of a module, the part after the dot may be."""
    shown = {name: name for name in sorted(known)}
    parts = {name: name.rpartition(".") for name in shown}
    inner = {last: name for name, (_, dot, last) in parts.items() if dot and len(last) > 2 and last[0] != "_"}
    found = difflib.get_close_matches(name, inner | shown, 1)
    return f"did you mean `{(inner | shown)[found[0]]}`?" if found else None


def render(diagnostic: Diagnostic, sources: dict[str, str]) -> str:
    """The diagnostic as text, with the source line and a caret under the place."""
    lines = [f"{'warning' if diagnostic.code.startswith('W') else 'error'}[{diagnostic.code}]: {diagnostic.message}"]
    if diagnostic.span:
        lines += _excerpt(diagnostic.span, "", sources, first=True)
    for span, text in diagnostic.labels:
        lines += _excerpt(span, text, sources, first=False)
    lines += [f"   = note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"   = help: {diagnostic.help}")
    return "\n".join(lines)


SHOWN = 160
"""Characters of a source line that are shown; of a longer one, those around the place."""


def _excerpt(span: Span, text: str, sources: dict[str, str], *, first: bool) -> list[str]:
    source = sources.get(span.file, "").split("\n")
    number = str(span.line)
    pad = " " * len(number)
    out = [f"{pad}{'-->' if first else ':::'} {span}"]
    if 0 < span.line <= len(source):
        line = "".join(c if c.isprintable() else " " for c in source[span.line - 1])
        end = span.end_column if span.end_line == span.line else len(line) + 1
        start = span.column - 1
        if len(line) > SHOWN:
            cut = max(0, min(start - SHOWN // 4, len(line) - SHOWN))
            line, start, end = line[cut : cut + SHOWN], start - cut, min(end - cut, SHOWN + 1)
        mark = " " * start + ("^" if first else "-") * max(1, end - 1 - start)
        out += [f"{pad} |", f"{number} | {line}", f"{pad} | {mark} {text}".rstrip()]
    return out
