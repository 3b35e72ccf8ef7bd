"""`zkc fmt`: one style for `.circ`. The meaning and the comments of a file never change, and formatting twice is formatting once.

Blocks that stand on one line stay there if they fit. Within a body the words that follow keywords are aligned; so are the comments at the
ends of neighbouring lines. Literals keep the form they were written in. What does not fit is broken inside brackets.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree

from zkc.dsl.parser import parse
from zkc.dsl.syntax import Node

WIDTH: Final = 150
INDENT: Final = 2
ALIGNED: Final = ("spec", "hint", "trusted", "input", "let", "assert", "send", "recv", "lookup", "fault", "operand", "result", "decode")
"""Keywords whose statements are aligned with each other in a body."""


def format_source(source: str, file: str) -> str:
    """The text in our style. Raises DiagnosticError on a syntax error, AssertionError if the meaning or a comment would change."""
    items = parse(source, file)
    formatted = _Formatter(source).text()
    assert same_meaning(items, parse(formatted, file)), f"{file}: formatting would change the meaning"
    assert _comments(formatted) == _comments(source), f"{file}: formatting would lose a comment"
    assert _Formatter(formatted).text() == formatted, f"{file}: formatting twice differs from formatting once"
    return formatted


def same_meaning(a: Any, b: Any) -> bool:
    """Whether two syntax trees differ in places only."""
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same_meaning(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[arg-type]
    if isinstance(a, Node):
        return type(a) is type(b) and all(
            same_meaning(getattr(a, part.name), getattr(b, part.name)) for part in dataclasses.fields(a) if part.name != "span"
        )
    return bool(a == b)


def _comments(source: str) -> Counter[str]:
    found: list[Token] = []
    _grammar(found).parse(source)
    return Counter(str(comment).rstrip() for comment in found)


def _grammar(comments: list[Token]) -> Lark:
    """A parser that drops nothing: every token is in the tree, comments go to the list."""
    lark = _full_grammar()
    _sink.comments = comments
    return lark


class _Sink(threading.local):
    """Where the lexer's callback puts the comments of the file that this thread reads."""

    def __init__(self) -> None:
        self.comments: list[Token] = []


_sink = _Sink()


def _keep_comment(token: Token) -> Token:
    _sink.comments.append(token)
    return token


@cache
def _full_grammar() -> Lark:
    text = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        propagate_positions=True,
        keep_all_tokens=True,
        maybe_placeholders=False,
        lexer_callbacks={"COMMENT": _keep_comment},
    )


# ***** documents *****


@dataclass(frozen=True)
class Brackets:
    """Items between brackets: on one line if that fits, else filled over lines of their own."""

    open: str
    items: tuple[Doc, ...]
    close: str
    is_list: bool


Doc = tuple[str | Brackets, ...]
"""Pieces that follow each other. SOFT in a string is a blank where a long statement may be broken."""

SOFT: Final = "\v"


def flat(doc: Doc) -> str:
    """The document on one line."""
    return "".join(p.replace(SOFT, " ") if isinstance(p, str) else p.open + ", ".join(flat(i) for i in p.items) + p.close for p in doc)


def lay_out(doc: Doc, indent: int, start: int, after: int) -> str:
    """The document from column `start` on, in a line indented by `indent`; `after` characters follow it."""
    if start + len(flat(doc)) + after <= WIDTH:
        return flat(doc)
    head, *tails = _at_soft_breaks(doc)
    lines = [_in_brackets(head, indent, start, 0)]
    inner = indent + 2 * INDENT
    lines += [" " * inner + _in_brackets(tail, inner, inner, after) for tail in tails]
    return "\n".join(lines)


def _at_soft_breaks(doc: Doc) -> list[Doc]:
    """The parts of the document between soft breaks."""
    parts: list[list[str | Brackets]] = [[]]
    for piece in doc:
        if isinstance(piece, Brackets):
            parts[-1].append(piece)
            continue
        first, *others = piece.split(SOFT)
        parts[-1].append(first)
        for other in others:
            parts.append([other])
    return [tuple(part) for part in parts]


def _in_brackets(doc: Doc, indent: int, start: int, after: int) -> str:
    """The document, broken inside brackets where it does not fit."""
    out = ""
    for number, piece in enumerate(doc):
        rest = "".join(flat((p,)) if isinstance(p, str) else p.open for p in doc[number + 1 : number + 2])
        if isinstance(piece, str):
            out += piece
            continue
        column = _column(out, start)
        whole = flat((piece,))
        following = len(rest) if number + 1 < len(doc) else after
        if column + len(whole) + following <= WIDTH or not piece.items:
            out += whole
        else:
            out += _broken(piece, indent)
    return out


def _broken(brackets: Brackets, indent: int) -> str:
    inner = indent + INDENT
    lines: list[str] = []
    line = ""
    for item in brackets.items:
        text = flat(item)
        if line and inner + len(line) + 1 + len(text) + 1 > WIDTH:
            lines.append(line)
            line = ""
        if inner + len(text) + 1 > WIDTH:
            text = lay_out(item, inner, inner, 1)
        line += (" " if line else "") + text + ("," if brackets.is_list else "")
    lines.append(line)
    pad = " " * inner
    return brackets.open + "\n" + "\n".join(pad + text for text in lines) + "\n" + " " * indent + brackets.close


def _column(text: str, start: int) -> int:
    return len(text) - text.rindex("\n") - 1 if "\n" in text else start + len(text)


# ***** lines *****


@dataclass
class Line:
    """A line of output: code, perhaps over several lines, and the comment at its end."""

    indent: int
    code: str
    comment: str = ""
    blank_before: bool = False


@dataclass
class _Formatter:
    """Prints one file. Comments wait in `comments` until the first line that begins after them."""

    source: str
    comments: list[Token] = field(default_factory=lambda: [])
    lines: list[Line] = field(default_factory=lambda: [])

    def text(self) -> str:
        tree: Any = _grammar(self.comments).parse(self.source)
        self.rows = self.source.splitlines()
        for item in tree.children:
            self.item(item, 0)
        self.flush(len(self.rows) + 1, 0)
        return _join(self.lines)

    # comments and blank lines

    def blank_above(self, row: int) -> bool:
        """Whether the source has an empty line right above `row` (from 1)."""
        return row >= 2 and not self.rows[row - 2].strip()

    def flush(self, row: int, indent: int) -> None:
        """The comments that begin above `row`: where one stood at the end of a line it stays there, others get lines of their own."""
        while self.comments and (self.comments[0].line or 0) < row:
            self.own_line(self.comments.pop(0), indent)

    def own_line(self, comment: Token, indent: int) -> None:
        line = comment.line or 1
        text = str(comment).rstrip()
        alone = not self.rows[line - 1][: (comment.column or 1) - 1].strip()
        if alone or not self.lines or self.lines[-1].comment:
            self.lines.append(Line(indent, "", text, self.blank_above(line)))
        else:
            self.lines[-1].comment = text

    def put(self, node: Any, indent: int, code: str, end: int | None = None) -> None:
        """A line that begins where `node` begins. Comments inside it go before it; one at its end stays."""
        first, last = node.meta.line, end or node.meta.end_line
        self.flush(first, indent)
        inside = [c for c in self.comments if (c.line or 0) < last]
        for comment in inside:
            self.comments.remove(comment)
            self.lines.append(Line(indent, "", str(comment).rstrip(), self.blank_above(first)))
        blank = self.blank_above(first) and not inside
        self.lines.append(Line(indent, code, "", blank))
        if self.comments and self.comments[0].line == last and (self.comments[0].column or 0) > self._end_column(node, end):
            self.lines[-1].comment = str(self.comments.pop(0)).rstrip()

    def _end_column(self, node: Any, end: int | None) -> int:
        return 0 if end else node.meta.end_column

    def close(self, node: Any, indent: int) -> None:
        """The closing brace of a block."""
        self.flush(node.meta.end_line, indent + INDENT)
        self.lines.append(Line(indent, "}"))
        if self.comments and self.comments[0].line == node.meta.end_line:
            self.lines[-1].comment = str(self.comments.pop(0)).rstrip()

    # items

    def item(self, node: Any, indent: int) -> None:
        printer = getattr(self, f"item_{node.data}", None)
        if printer is not None:
            printer(node, indent)
        elif _body(node) is not None:
            self.with_body(node, indent, flat(doc_of(node, skip_body=True)))
        else:
            self.put(node, indent, lay_out(doc_of(node), indent, indent, 0))

    def with_body(self, node: Any, indent: int, head: str) -> None:
        """Something that ends with a body."""
        body = _body(node)
        assert body is not None
        statements = [c for c in body.children if isinstance(c, Tree)]
        one = f"{head} {{ {' '.join(self.statement_text(x, indent, 0) for x in statements)} }}" if statements else f"{head} {{ }}"
        if self.may_stay(node, indent, one):
            self.put(node, indent, one)
            return
        self.put(node, indent, lay_out((*doc_of(node, skip_body=True), " {"), indent, indent, 0) if len(head) > WIDTH else f"{head} {{",
                 end=body.meta.line)  # fmt: skip
        self.statements(statements, indent + INDENT)
        self.close(node, indent)

    def may_stay(self, node: Any, indent: int, code: str) -> bool:
        """Whether a block that was on one line still fits there."""
        first, last = node.meta.line, node.meta.end_line
        return first == last and "\n" not in code and indent + len(code) <= WIDTH

    def item_struct(self, node: Any, indent: int) -> None:
        self.put(node, indent, _spaced(flat(doc_of(node))))

    def item_fixed(self, node: Any, indent: int) -> None:
        parts = [flat(doc_of(c)) for c in node.children if isinstance(c, Tree)]
        params, row = parts[0], parts[1]
        name = str(node.children[1])
        generators = [flat(doc_of(c)) for c in node.children if isinstance(c, Tree) and c.data == "generator"]
        at = next((flat(doc_of(c)) for c in node.children if isinstance(c, Tree) and c.data == "at"), None)
        body = [f"({row}) {' '.join(generators)};", *([at] if at else [])]
        head = f"fixed {name}({params})"
        one = f"{head} {{ {' '.join(body)} }}"
        if self.may_stay(node, indent, one):
            self.put(node, indent, one)
            return
        self.put(node, indent, head + " {", end=node.meta.line)
        self.lines.append(Line(indent + INDENT, " ".join(body)))
        self.close(node, indent)

    def item_format(self, node: Any, indent: int) -> None:
        fields = " ".join(flat(doc_of(c)) for c in node.children if isinstance(c, Tree) and c.data.startswith("encoding"))
        immediate = next((flat(doc_of(c)) for c in node.children if isinstance(c, Tree) and c.data == "immediate"), None)
        name = str(node.children[1])
        one = f"format {name} {{ {fields};{'  ' + immediate if immediate else ''} }}"
        if indent + len(one) <= WIDTH:
            self.put(node, indent, one)
            return
        self.put(node, indent, f"format {name} {{", end=node.meta.line)
        self.lines += [Line(indent + INDENT, f"{fields};"), *([Line(indent + INDENT, immediate)] if immediate else [])]
        self.close(node, indent)

    def item_test(self, node: Any, indent: int) -> None:
        checks = [c for c in node.children if isinstance(c, Tree) and c.data == "check"]
        lines = [lay_out((*doc_of(c), ";"), INDENT, INDENT, 0) for c in checks]
        refused = [flat(doc_of(c)) for c in node.children if isinstance(c, Tree) and c.data == "refused"]
        head = " ".join([f"test {node.children[1]}", *refused])
        one = f"{head} {{ {' '.join(lines)} }}"
        if self.may_stay(node, indent, one):
            self.put(node, indent, one)
            return
        self.put(node, indent, head + " {", end=node.meta.line)
        for check, line in zip(checks, lines, strict=True):
            self.put(check, indent + INDENT, line)
        self.close(node, indent)

    def item_step_test(self, node: Any, indent: int) -> None:
        *settings, outcome = [c for c in node.children if isinstance(c, Tree)]
        name = str(node.children[1])
        given = Brackets("(", tuple(doc_of(c) for c in settings), ")", is_list=True)
        head: Doc = (f"test {name}", given)
        if outcome.data != "leaves":
            self.put(node, indent, lay_out((*head, " ", *doc_of(outcome)), indent, indent, 0))
            return
        after = [c for c in outcome.children if isinstance(c, Tree)]
        lines = [flat(doc_of(c)) + ";" for c in after]
        one = f"{flat(head)} {{ {' '.join(lines)} }}"
        if self.may_stay(node, indent, one):
            self.put(node, indent, one)
            return
        self.put(node, indent, lay_out((*head, " {"), indent, indent, 0), end=outcome.meta.line)
        for each, line in zip(after, lines, strict=True):
            self.put(each, indent + INDENT, line)
        self.close(node, indent)

    def item_family(self, node: Any, indent: int) -> None:
        children = [c for c in node.children if isinstance(c, Tree)]
        names = [str(c) for c in node.children if isinstance(c, Token) and c.type == "NAME"]
        assembly = next(str(c) for c in node.children if isinstance(c, Token) and c.type == "STRING")
        fixed = "".join(" " + flat(doc_of(c)) for c in children if c.data == "fixed_field")
        also = "".join(" " + flat(doc_of(c)) for c in children if c.data == "also")
        self.put(node, indent, f"family {names[0]}{also} {{", end=node.meta.line)
        self.lines.append(Line(indent + INDENT, f"format {names[1]}{fixed};  assembly {assembly};"))
        insns = [c for c in children if c.data == "insn"]
        width = max(len(str(c.children[1])) for c in insns)
        for child in children:
            if child.data == "shared":
                self.with_body(child, indent + INDENT, "shared")
            elif child.data == "insn":
                fields = "".join(" " + flat(doc_of(c)) for c in child.children if isinstance(c, Tree) and c.data == "fixed_field")
                self.with_body(child, indent + INDENT, f"insn {str(child.children[1]).ljust(width)}{fields}")
        self.close(node, indent)

    # statements

    def statements(self, nodes: list[Any], indent: int) -> None:
        pad = max((len(k) for k in map(_keyword, nodes) if k in ALIGNED), default=0)
        for node in nodes:
            if _body(node) is not None:
                self.with_body(node, indent, self.aligned(flat(doc_of(node, skip_body=True)), pad))
            else:
                self.put(node, indent, self.statement_text(node, indent, pad))

    def aligned(self, code: str, pad: int) -> str:
        keyword = re.split(f"[ {SOFT}]", code, maxsplit=1)[0]
        return keyword.ljust(pad) + code[len(keyword) :] if keyword in ALIGNED else code

    def statement_text(self, node: Any, indent: int, pad: int) -> str:
        """A statement on one line, or broken inside brackets."""
        if _body(node) is not None:
            inner = [self.statement_text(c, indent, 0) for c in _body(node).children if isinstance(c, Tree)]
            return f"{flat(doc_of(node, skip_body=True))} {{ {' '.join(inner)} }}"
        doc = doc_of(node)
        if doc and isinstance(doc[0], str):
            doc = (self.aligned(doc[0], pad), *doc[1:])
        return lay_out(doc, indent, indent, 0)


def _body(node: Any) -> Any:
    return next((c for c in node.children if isinstance(c, Tree) and c.data == "body"), None)


def _keyword(node: Any) -> str:
    first = node.children[0] if node.children else None
    if isinstance(first, Token) and first.type != "NAME":
        return str(first)
    return ""


def _spaced(text: str) -> str:
    return re.sub(r"\{(.*)\}", lambda m: "{ " + m.group(1).strip() + " }", text)


def _join(lines: list[Line]) -> str:
    """The lines as text; comments at the ends of neighbouring lines are aligned."""
    out: list[str] = []
    for number, line in enumerate(lines):
        if line.blank_before and out:
            out.append("")
        pad = " " * line.indent
        if not line.code:
            out.append(pad + line.comment)
        elif not line.comment:
            out += (pad + line.code).split("\n")
        else:
            column = _comment_column(lines, number)
            rows = (pad + line.code).split("\n")
            out += [*rows[:-1], rows[-1].ljust(column) + "  " + line.comment]
    return "\n".join(out) + "\n" if out else ""


def _comment_column(lines: list[Line], at: int) -> int:
    """The widest of the lines without a gap around `at` that end with a comment."""
    first = last = at
    while first > 0 and not lines[first].blank_before and lines[first - 1].code:
        first -= 1
    while last + 1 < len(lines) and lines[last + 1].code and not lines[last + 1].blank_before:
        last += 1
    return max(len((" " * x.indent + x.code).split("\n")[-1]) for x in lines[first : last + 1] if x.comment)


# ***** syntax to documents *****

TIGHT_BEFORE: Final = {",", ";", ")", "]", "..", ".", "}", ":"}
BREAKS_BEFORE: Final = ("because", "free", "bound", "carries", "survives", "when", "times", "beside")
BINARY: Final = ("binary", "op_or", "op_and")


def doc_of(node: Any, *, skip_body: bool = False) -> Doc:
    """The document of a tree; without its body if that is printed apart."""
    if isinstance(node, Token):
        return (str(node),)
    special = _SPECIAL.get(node.data)
    if special is not None:
        return special(node)
    return _spaced_tokens([c for c in node.children if not (skip_body and isinstance(c, Tree) and c.data == "body")])


def _spaced_tokens(children: list[Any]) -> Doc:
    """Children with a blank between them where one belongs; bracketed lists as brackets."""
    out: list[str | Brackets] = []
    number = 0
    while number < len(children):
        child = children[number]
        text = str(child) if isinstance(child, Token) else None
        if text == "(" or text == "[":
            close = next(k for k in range(number, len(children)) if str(children[k]) == (")" if text == "(" else "]"))
            before = _ends_with_name(out)
            if out and not before:
                out.append(" ")
            inner = children[number + 1 : close]
            is_list = any(isinstance(c, Tree) and c.data in ("args", "params") for c in inner)
            out.append(Brackets(text, _items(inner), ")" if text == "(" else "]", is_list))
            number = close + 1
            continue
        if out and text not in TIGHT_BEFORE and not _ends_tight(out):
            out.append(SOFT if number > 1 and _may_break_before(child) else " ")
        out += doc_of(child)
        number += 1
    return _merged(out)


def _items(children: list[Any]) -> tuple[Doc, ...]:
    """What stands between brackets, item by item."""
    found: list[Doc] = []
    for child in children:
        if isinstance(child, Tree) and child.data in ("args", "params"):
            found += _items(child.children)
        elif not (isinstance(child, Token) and child == ","):
            found.append(doc_of(child))
    return tuple(found)


def _may_break_before(child: Any) -> bool:
    """Whether a long statement may go on in a new line with `child`: reasons, conditions, labels, counts."""
    return child.data in BREAKS_BEFORE if isinstance(child, Tree) else child.type == "STRING"


def _ends_with_name(out: list[str | Brackets]) -> bool:
    return bool(out) and isinstance(out[-1], str) and bool(re.search(r"\w$", out[-1]))


def _ends_tight(out: list[str | Brackets]) -> bool:
    return isinstance(out[-1], str) and out[-1].endswith(("..", "."))


def _merged(pieces: list[str | Brackets]) -> Doc:
    """Neighbouring strings joined."""
    out: list[str | Brackets] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


def _tight(node: Any) -> Doc:
    return _merged([p for c in node.children for p in doc_of(c)])


def _comprehension(node: Any) -> Doc:
    item, name, start, stop = (doc_of(c) for c in node.children if not isinstance(c, Token) or c.type == "NAME")
    return _merged(["[", *item, " for ", *name, " in ", *start, "..", *stop, "]"])


def _unbroken(node: Any) -> Doc:
    return (" ".join(str(c) for c in node.children),)


def _survives(node: Any) -> Doc:
    """In one line, with what it is about as an expression."""
    out: list[str | Brackets] = []
    for child in node.children:
        out += [*([" "] if out else []), *doc_of(child)]
    return _merged(out)


def _conditional(node: Any) -> Doc:
    condition, then, otherwise = (doc_of(c) for c in node.children if str(c) not in ("?", ":"))
    return _merged([*condition, " ? ", *then, " : ", *otherwise])


def _args(node: Any) -> Doc:
    """A list without brackets of its own."""
    out: list[str | Brackets] = []
    for item in _items(node.children):
        out += [*([", "] if out else []), *item]
    return _merged(out)


def _field(node: Any) -> Doc:
    name, width = (str(c) for c in node.children if str(c) != ":")
    return (f"{name}:{width}",)


_SPECIAL: Final[dict[str, Any]] = {
    "power": _tight,
    "negate": _tight,
    "op_not": _tight,
    "field": _tight,
    "path": _tight,
    "index": _tight,
    "type": _tight,
    "inst_bits": _tight,
    "sext_bits": _tight,
    "fixed_field": _tight,
    "encoding_field": _field,
    "comprehension": _comprehension,
    "conditional": _conditional,
    "beside": _unbroken,
    "survives": _survives,
    "args": _args,
    "params": _args,
}
