"""Colours for .circ text, from one list of words: a lexer for Pygments, a TextMate grammar and a syntax file of Vim.

`python -m zkc.lsp.highlight` prints the grammar, with `vim` the syntax file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

from zkc.dsl.built_in import BUILT_IN_CALLS, BUILT_IN_TYPES, WORD
from zkc.lsp.words import keywords
from zkc.output import say

DECLARING: Final = (
    "use", "const", "type", "struct", "bus", "fixed", "gadget", "chip", "impl", "format", "frame", "family", "insn", "service", "table",
    "claim", "test",
)  # fmt: skip
"""Words before the name of what is declared."""
TRUSTING: Final = ("trusted", "because", "survives", "free")
"""Words by which a reader sees that something is not proven here."""
TYPES: Final = (*BUILT_IN_TYPES, WORD)
OTHER: Final = tuple(sorted(set(keywords()) - {*DECLARING, *TRUSTING, *TYPES}))
NUMBER: Final = r"\b(?:0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*)\b"
TYPE_NAME: Final = r"\bu[0-9]+\b"
CALLED: Final = r"\b[a-z][a-z0-9_]*(?=\()"
SIGNS: Final = r"(?:<|>=|>>)[us]\b|\*\*|==|!=|<=|>=|<<|>>|\.\.|->|[-+*/%&|^<>=?:@~!]"


class CircLexer(RegexLexer):
    """.circ files."""

    name = "circ"
    aliases: ClassVar[Sequence[str]] = ["circ"]
    filenames: ClassVar[Sequence[str]] = ["*.circ"]
    url = "docs/language.md"
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"///[^\n]*", Comment.Multiline),
            (r"//[^\n]*", Comment.Single),
            (r'"[^"\n]*"', String),
            (rf"\b({'|'.join(DECLARING)})(\s+)([a-z][a-z0-9_.]*)", bygroups(Keyword.Declaration, Whitespace, Name.Class)),
            (words(DECLARING, r"\b", r"\b"), Keyword.Declaration),
            (words(TRUSTING, r"\b", r"\b"), Keyword.Pseudo),
            (words(OTHER, r"\b", r"\b"), Keyword),
            (words(TYPES, r"\b", r"\b"), Keyword.Type),
            (TYPE_NAME, Keyword.Type),
            (words(BUILT_IN_CALLS, r"\b", r"(?=\()"), Name.Builtin),
            (CALLED, Name.Function),
            (NUMBER, Number),
            (r"[a-z_][a-z0-9_]*", Name),
            (SIGNS, Operator),
            (r"[{}()\[\],;.]", Punctuation),
            (r".", Text),
        ]
    }


def textmate() -> dict[str, Any]:
    """The same as a TextMate grammar, for editors that colour by one."""

    def any_of(chosen: tuple[str, ...], after: str = r"\b") -> str:
        return rf"\b(?:{'|'.join(chosen)}){after}"

    patterns = [
        ("comment.line.documentation.circ", r"///.*$"),
        ("comment.line.double-slash.circ", r"//.*$"),
        ("string.quoted.double.circ", r'"[^"]*"'),
        ("keyword.control.trust.circ", any_of(TRUSTING)),
        ("keyword.control.circ", any_of(OTHER)),
        ("storage.type.circ", any_of(TYPES)),
        ("storage.type.circ", TYPE_NAME),
        ("support.function.circ", any_of(BUILT_IN_CALLS, r"(?=\()")),
        ("entity.name.function.circ", CALLED),
        ("constant.numeric.circ", NUMBER),
        ("keyword.operator.circ", SIGNS),
    ]
    declared = {
        "match": rf"\b({'|'.join(DECLARING)})\b(?:\s+([a-z][a-z0-9_.]*))?",
        "captures": {"1": {"name": "storage.type.declaration.circ"}, "2": {"name": "entity.name.type.circ"}},
    }
    found = [{"name": name, "match": match} for name, match in patterns]
    return {"name": "circ", "scopeName": "source.circ", "fileTypes": ["circ"], "patterns": [*found[:3], declared, *found[3:]]}


def text() -> str:
    """The TextMate grammar as it is kept in editors/vscode."""
    return json.dumps(textmate(), indent=2) + "\n"


VIM: Final = """\
" Colours of .circ files. Made by `python -m zkc.lsp.highlight vim`; do not edit.
if exists("b:current_syntax")
  finish
endif
syntax match circCall /\\<[a-z][a-z0-9_]*\\ze(/
syntax match circBuiltin /\\<\\%({built_in}\\)\\ze(/
syntax match circType /\\<u[0-9]\\+\\>/
syntax match circNumber /\\<\\%(0x[0-9a-fA-F_]\\+\\|0b[01_]\\+\\|[0-9][0-9_]*\\)\\>/
syntax keyword circDeclaration {declaring}
syntax keyword circTrust {trusting}
syntax keyword circKeyword {other}
syntax keyword circType {types}
syntax region circString start=/"/ end=/"/ oneline
syntax match circComment /\\/\\/.*$/ contains=@Spell
syntax match circDoc /\\/\\/\\/.*$/ contains=@Spell
highlight default link circDeclaration Structure
highlight default link circTrust Exception
highlight default link circKeyword Keyword
highlight default link circType Type
highlight default link circCall Function
highlight default link circBuiltin Function
highlight default link circNumber Number
highlight default link circString String
highlight default link circComment Comment
highlight default link circDoc SpecialComment
let b:current_syntax = "circ"
"""


def vim() -> str:
    """The same as a syntax file of Vim and Neovim, as it is kept in editors/vim."""
    lists = {"declaring": DECLARING, "trusting": TRUSTING, "other": OTHER, "types": TYPES}
    return VIM.format(built_in="\\|".join(BUILT_IN_CALLS), **{name: " ".join(chosen) for name, chosen in lists.items()})


if __name__ == "__main__":
    say((vim() if sys.argv[1:] == ["vim"] else text()).rstrip("\n"))
