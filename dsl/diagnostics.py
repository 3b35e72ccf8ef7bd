"""Diagnostics are data: a code, a place, a message, notes and a fix. They are collected and shown together, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from zkc.dsl.syntax import Span


@dataclass(frozen=True)
class Diagnostic:
    """Codes by area: E01xx encoding, E02xx syntax, names and types, E03xx ranges and wrap, E04xx degree, E05xx hints, E06xx buses."""

    code: str
    message: str
    span: Span | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None
    labels: tuple[tuple[Span, str], ...] = field(default=())


class DiagnosticError(Exception):
    """Raised with every diagnostic found, in source order. The command line exits with status 2."""

    status = 2

    def __init__(self, diagnostics: list[Diagnostic], sources: dict[str, str]) -> None:
        self.diagnostics = sorted(diagnostics, key=lambda d: (d.span.file, d.span.line, d.span.column) if d.span else ("", 0, 0))
        self.sources = sources
        super().__init__("\n\n".join(render(d, sources) for d in self.diagnostics))


def render(diagnostic: Diagnostic, sources: dict[str, str]) -> str:
    """The diagnostic as text, with the source line and a caret under the place."""
    lines = [f"error[{diagnostic.code}]: {diagnostic.message}"]
    if diagnostic.span:
        lines += _excerpt(diagnostic.span, "", sources, first=True)
    for span, text in diagnostic.labels:
        lines += _excerpt(span, text, sources, first=False)
    lines += [f"   = note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"   = help: {diagnostic.help}")
    return "\n".join(lines)


def _excerpt(span: Span, text: str, sources: dict[str, str], *, first: bool) -> list[str]:
    source = sources.get(span.file, "").splitlines()
    number = str(span.line)
    pad = " " * len(number)
    out = [f"{pad}{'-->' if first else ':::'} {span}"]
    if 0 < span.line <= len(source):
        line = source[span.line - 1]
        end = span.end_column if span.end_line == span.line else len(line) + 1
        mark = " " * (span.column - 1) + ("^" if first else "-") * max(1, end - span.column)
        out += [f"{pad} |", f"{number} | {line}", f"{pad} | {mark} {text}".rstrip()]
    return out
