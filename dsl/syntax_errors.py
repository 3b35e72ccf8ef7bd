"""What a parser's complaint means to the person who typed the text."""

from __future__ import annotations

import re

from lark import Lark, UnexpectedInput, UnexpectedToken

from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic

ITEMS = frozenset(
    (
        "use", "const", "type", "struct", "bus", "fixed", "gadget", "chip", "impl", "format", "frame", "family", "service", "table",
        "claim", "test",
    )
)  # fmt: skip
STATEMENTS = frozenset(
    (
        "spec", "hint", "trusted", "input", "let", "assert", "send", "recv", "lookup", "for", "if", "fault", "operand", "result", "body",
        "decode", "retire", "perform",
    )
)  # fmt: skip
_PIECES = re.compile(r'//[^\n]*|"[^"\n]*"?|[{}()\[\]]')
_CLOSING = {"}": "{", ")": "(", "]": "["}
_COMPARE = "an order is `<u` or `>=u` of unsigned, `<s` or `>=s` of signed words; `a > b` is `b <u a`"
_HINTS = {
    "<": _COMPARE,
    ">": _COMPARE,
    "&&": "write `and`",
    "||": "write `or`",
    "~": "there is no such operator: `a ^ (2**32 - 1)` turns the bits of a word",
    "/*": "comments begin with `//`",
    "#": "comments begin with `//`",
    "'": 'strings stand in `"`',
    "=": "`==` compares: `assert a == b;`; `=` gives a name",
}
_GROUPS = (
    ("an expression", {"NAME", "INT", "HEX", "BIN", "LPAR", "LSQB", "MINUS", "BANG", "LATEST", "HOST"}, "LPAR"),
    ("an operator", {"COMPARE", "SUM", "PRODUCT", "POWER", "AND", "OR", "QMARK", "DOT", "LSQB"}, "PRODUCT"),
    ("a statement", {word.upper() for word in STATEMENTS} | {"DIRECTION", "NAME"}, "LET"),
    ("an item", {word.upper() for word in ITEMS}, "GADGET"),
)


def syntax_error(error: UnexpectedInput, grammar: Lark, source: str, file: str) -> Diagnostic:
    """E0201 with what is missing or not understood, and where."""
    line, column = max(error.line or 1, 1), max(error.column or 1, 1)
    here = s.Span(file, line, column, line, column + 1)
    if not isinstance(error, UnexpectedToken):
        return _character(source, error.pos_in_stream or 0, here)
    end = error.token.type == "$END"
    if end:
        lines = source.split("\n")
        while len(lines) > 1 and not lines[-1].strip():
            lines.pop()
        here = s.Span(file, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
    wanted = set(error.accepts or error.expected)
    last = error.token_history[-1] if error.token_history else None
    word = "" if end else str(error.token)
    if "SEMICOLON" in wanted and last is not None and (end or word in ("}", *ITEMS, *STATEMENTS) or line > (last.end_line or line)):
        end_line, end_column = last.end_line or line, last.end_column or column
        return Diagnostic("E0201", "a `;` is missing here", s.Span(file, end_line, end_column, end_line, end_column + 1))
    if last is not None and str(last) in ITEMS and not end:  # inside of a body the word is read as a name
        word, here = str(last), s.Span(file, last.line or 1, last.column or 1, last.end_line or 1, last.end_column or 1)
    text = source if end else source[: error.pos_in_stream]
    open_ = _unclosed(text, file) if end or word in (*ITEMS, "}", ")", "]") else None
    labels = ((open_, "this is not closed"),) if open_ is not None else ()
    found = "the end of the file" if end else f"`{word}`"
    notes = ("expected " + ", ".join(_expected(wanted, grammar)),)
    two = source[error.pos_in_stream : error.pos_in_stream + 2] if not end and error.pos_in_stream is not None else ""
    before = source[: error.pos_in_stream].rstrip()[-1:] + two[:1] if two else ""
    help_ = next((_HINTS[x] for x in (two, word, before) if x in _HINTS), None)
    return Diagnostic("E0201", f"unexpected {found}", here, notes=notes, help=help_, labels=labels)


def _character(source: str, at: int, here: s.Span) -> Diagnostic:
    found = source[at]
    if found == '"':
        return Diagnostic("E0201", "this string does not end on its line", here)
    help_ = _HINTS.get(source[at : at + 2], _HINTS.get(found))
    if found.isupper():
        help_ = "names are lower_snake"
    return Diagnostic("E0201", f"unexpected character {found!r}", here, help=help_)


def _unclosed(text: str, file: str) -> s.Span | None:
    """The innermost bracket of `text` that is not closed."""
    stack: list[tuple[str, int]] = []
    for piece in _PIECES.finditer(text):
        bracket = piece.group()
        if bracket in _CLOSING:
            if stack and stack[-1][0] == _CLOSING[bracket]:
                stack.pop()
        elif bracket in _CLOSING.values():
            stack.append((bracket, piece.start()))
    if not stack:
        return None
    at = stack[-1][1]
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return s.Span(file, line, column, line, column + 1)


def _expected(wanted: set[str], grammar: Lark) -> list[str]:
    """The terminals in words: whole groups by their names, the rest one by one."""
    words: list[str] = []
    for name, members, sign in _GROUPS:
        if sign in wanted:
            words.append(name)
            wanted = wanted - members
    return sorted(_show(name, grammar) for name in wanted) + words


def _show(terminal: str, grammar: Lark) -> str:
    for definition in grammar.terminals:
        if definition.name == terminal and definition.pattern.type == "str":
            return f"`{definition.pattern.value}`"
    names = {
        "$END": "the end of the file", "NAME": "a name", "DOTTED_NAME": "a name with dots", "INT": "a number", "BIN": "a binary number",
        "STRING": "a string",
    }  # fmt: skip
    return names.get(terminal, terminal.lower())
