"""A text that is read from left to right, and errors that show where in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, NoReturn

from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.spans import Span

BARE: Final = r"[A-Za-z_][\w$.]*"
STRING: Final = r'"(?:[^"\\\n]|\\[^\n])*"'
SHOWN: Final = 30
"""Characters of what was found instead."""
_SPACE: Final = r"(?:[ \t\r\n]+|//[^\n]*)*"
_SKIPPED = re.compile(_SPACE)
_ESCAPE = re.compile(rb'\\([0-9A-Fa-f]{2}|[\\"nt]|.?)', re.DOTALL)
_ESCAPED: Final = {b"\\": b"\\", b'"': b'"', b"n": b"\n", b"t": b"\t"}


def pattern(expression: str) -> re.Pattern[str]:
    """What may be read next (group 1), and spaces and comments after it. Only ASCII counts as letters and digits."""
    return re.compile(f"({expression}){_SPACE}", re.ASCII)


class Scanner:
    """`position` is where the next thing starts: spaces and comments are read with what stands before them. `line` is the number of the
    first line of the text."""

    def __init__(self, text: str, file: str, line: int) -> None:
        self.text = text
        self.file = file
        self.line = line
        self.position = 0
        self._starts: list[int] | None = None
        self.move(0)

    def move(self, position: int) -> None:
        """Goes to what comes next from there."""
        space = _SKIPPED.match(self.text, position)
        assert space is not None
        self.position = space.end()

    def at_end(self) -> bool:
        return self.position == len(self.text)

    def peek(self) -> str:
        """The first character of what comes next, "" at the end."""
        return self.text[self.position : self.position + 1]

    def eat(self, wanted: re.Pattern[str]) -> str | None:
        """What comes next if it is that."""
        found = wanted.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[1]

    def eat_literal(self, wanted: str) -> bool:
        """Whether that comes next; then it is read."""
        if not self.text.startswith(wanted, self.position):
            return False
        self.move(self.position + len(wanted))
        return True

    def need(self, wanted: re.Pattern[str], what: str) -> str:
        """What comes next, which has to be that."""
        found = self.eat(wanted)
        if found is None:
            self.fail(f"expected {what}; found {self._found()}")
        return found

    def need_literal(self, wanted: str, what: str) -> None:
        """As `need`."""
        if not self.eat_literal(wanted):
            self.fail(f"expected {what}; found {self._found()}")

    def _found(self) -> str:
        rest = self.text[self.position :].split("\n", 1)[0]
        return f"`{rest[:SHOWN].rstrip()}`{' …' * (len(rest) > SHOWN)}" if rest else "the end of the text"

    def text_of(self, literal: str, at: int) -> str:
        """The string that a literal means."""
        if "\\" not in literal:
            return literal[1:-1]
        try:
            return _ESCAPE.sub(self._escaped, literal[1:-1].encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
        except ValueError as error:
            self.fail(f"this string is none: {error}", at)

    @staticmethod
    def _escaped(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if len(code) == 2:
            return bytes([int(code, 16)])
        if code not in _ESCAPED:
            raise ValueError(f"there is no escape \\{code.decode('utf-8', 'replace')}")
        return _ESCAPED[code]

    def span(self, at: int) -> Span:
        """The place of a position."""
        if self._starts is None:
            self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        row = bisect_right(self._starts, at) - 1
        line, column = self.line + row, at - self._starts[row] + 1
        return Span(self.file, line, column, line, column + 1)

    def fail(self, message: str, at: int | None = None, *, help: str | None = None) -> NoReturn:
        """E0701 at a position, by default at what comes next."""
        span = self.span(self.position if at is None else at)
        raise DiagnosticError([Diagnostic("E0701", message, span, help=help)], {self.file: "\n" * (self.line - 1) + self.text})
