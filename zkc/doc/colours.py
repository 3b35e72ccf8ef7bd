"""Text of .circ files as HTML: coloured, and names that are declared are links."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from pygments.token import Comment, Keyword, Name, Number, String

from zkc.doc.contents import Contents, Entry
from zkc.dsl import syntax as s
from zkc.lsp.folder import locals_of
from zkc.lsp.highlight import CircLexer

Token = Any
"""A kind of token; its class is private to Pygments."""
CLASSES: Final[tuple[tuple[Token, str], ...]] = (
    (Comment, "c"), (String, "s"), (Number, "n"), (Keyword.Type, "t"), (Keyword.Declaration, "d"), (Keyword.Pseudo, "p"), (Keyword, "k"),
    (Name.Class, "d"), (Name.Builtin, "b"),
)  # fmt: skip
"""The style of a token."""
MESSAGES: Final = ("send", "recv", "lookup", "latest")
CALLED: Final = ("gadget", "chip", "struct", "fixed table", "bus")
READ: Final = ("constant", "type", "struct", "format", "instruction", "frame", "family", "bus", "fixed table")


class Colours:
    """Makes HTML of text."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.lexer = CircLexer(stripnl=False, ensurenl=False)

    def entry(self, entry: Entry) -> str:
        """The text of an entry. Names that are known inside of it alone are no links."""
        item = entry.item
        own = {x.name for x in locals_of(item)} if isinstance(item, s.Gadget | s.TableDecl | s.Claim | s.Frame | s.Fixed) else set[str]()
        return self.text(entry.text, own, entry.address)

    def text(self, text: str, own: set[str] | None = None, here: str = "") -> str:
        """Any text; `own` are names that are no links, `here` is where the text stands."""
        parts: list[str] = []
        before = ""
        for kind, token in self.lexer.get_tokens(text):
            entry = self._meant(kind, token, before) if token not in (own or ()) else None
            shown = escape(token)
            if entry is not None and entry.address != here:
                parts.append(f'<a href="{escape(entry.address)}">{shown}</a>')
            else:
                style = next((style for of, style in CLASSES if kind in of), None)
                parts.append(shown if style is None else f'<i class="{style}">{shown}</i>')
            if not token.isspace():
                before = token
        return "".join(parts)

    def _meant(self, kind: Token, token: str, before: str) -> Entry | None:
        if kind in Name.Class or (kind not in Name and kind not in Keyword.Type):
            return None
        kinds = ("bus", "fixed table") if before in MESSAGES else CALLED if kind in Name.Function else READ
        named: Mapping[tuple[str, str], Entry] = self.contents.named
        return next((named[(k, token)] for k in kinds if (k, token) in named), None) if before != "." else None
