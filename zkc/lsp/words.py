"""Words of .circ text and where they stand; comments and strings have none. Lines and columns are counted from 0, in characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from zkc.dsl import parser

_TOKEN: Final = re.compile(r"//[^\n]*|\"[^\"\n]*\"|0[xb]\w+|\d[\w]*|[a-z_][a-z0-9_]*|\n|.")
NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,79}")


@dataclass(frozen=True)
class Word:
    """A word. before: the word or sign that stands before it. of: after a dot, what stands before that. called: whether a bracket comes
    after it."""

    text: str
    line: int
    column: int
    before: str = ""
    called: bool = False
    of: str = ""

    @property
    def end(self) -> int:
        return self.column + len(self.text)


def words(text: str) -> Iterator[Word]:
    """All words in order."""
    line = start = 0
    before = earlier = ""
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token == "\n":
            line, start = line + 1, found.end()
        elif token[0] == "_" or token[0].isalpha():
            yield Word(token, line, found.start() - start, before, text.startswith("(", found.end()), earlier if before == "." else "")
        if not token.isspace():
            earlier, before = before, token


def word_at(text: str, line: int, column: int) -> Word | None:
    """The word that a place touches."""
    return next((w for w in words(text) if w.line == line and w.column <= column <= w.end), None)


@cache
def keywords() -> tuple[str, ...]:
    """The words of the language, from its grammar."""
    grammar = (Path(parser.__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    rules = re.sub(r"//.*", "", grammar)
    return tuple(sorted(set(re.findall(r'"([a-z]{2,})"', rules))))
