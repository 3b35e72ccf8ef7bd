"""Text to syntax tree, with Lark (LALR(1)). Syntax errors become diagnostics that point at where something is missing.

Nothing here or behind it depends on how deep Python may recurse: trees are walked with a stack, and what nests deeper than MAX_NESTING is
refused before any pass that recurses over syntax sees it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer_NonRecursive, Tree, UnexpectedInput, v_args
from lark.exceptions import VisitError
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.tree import Meta

from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.source_files import read_source, shown_name
from zkc.dsl.syntax_errors import syntax_error

MAX_NESTING = 100
"""Levels of syntax inside each other. Passes use at most three Python frames for one, of the 1 000 that there are."""
MAX_NUMBER_BITS = 256
"""Of a number in the text and of a constant: the field has 31 bits, the machine's integers 64."""
MAX_NAME = 80
"""Characters of a name: names become parts of file names."""


@cache
def grammar() -> Lark:
    """The parser for `.circ` (loaded once per process)."""
    text = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def tables_of(lark: Lark) -> str:
    """A parser as JSON: states, terminals and rules."""
    data, memo = lark.memo_serialize([TerminalDef, Rule])
    return json.dumps({"data": data, "memo": memo})


def with_tables(text: str) -> Lark:
    """The parser that `tables_of` was given: reading it takes a tenth of the time that making it does."""
    return Lark.load(json.loads(text, object_pairs_hook=_numbered))  # it takes the dictionary of its pickles, too


def _numbered(pairs: list[tuple[str, Any]]) -> dict[str | int, Any]:
    """Keys that were numbers are numbers again."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}


def parse(source: str, file: str, lark: Lark | None = None) -> list[s.Item]:
    """The items of one file, in order; `lark` is the parser, if there is one. Raises DiagnosticError on syntax errors."""
    lark = lark or grammar()
    try:
        tree: Any = lark.parse(source)
    except UnexpectedInput as error:
        raise DiagnosticError([syntax_error(error, lark, source, file)], {file: source}) from None
    _check_nesting(tree, source, file)
    builder = Builder(file)
    try:
        items = builder.transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    if builder.problems:
        raise DiagnosticError(builder.problems, {file: source})
    return items


def parse_files(paths: list[Path], root: Path, lark: Lark | None = None) -> tuple[list[s.Item], dict[str, str]]:
    """The items of all files, and the sources by shown name. Raises DiagnosticError with the syntax errors of all files."""
    items: list[s.Item] = []
    sources: dict[str, str] = {}
    wrong: list[Diagnostic] = []
    for path in paths:
        name = shown_name(path, root)
        if name in sources:
            place = s.Span(name, 1, 1, 1, 2)
            wrong.append(Diagnostic("E0217", f"there are two files `{name}`", place, help="give one of their folders another name"))
        try:
            sources[name] = read_source(path, name)
            items += parse(sources[name], name, lark)
        except DiagnosticError as error:
            sources |= error.sources
            wrong += error.diagnostics
    if wrong:
        raise DiagnosticError(wrong, sources)
    return items, sources


def _check_nesting(tree: Any, source: str, file: str) -> None:
    """Raises E0214 at the first place that is nested too deep."""
    stack: list[tuple[Any, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_NESTING:
            place = s.Span(file, node.meta.line, node.meta.column, node.meta.end_line, node.meta.end_column)
            message = f"this is nested more than {MAX_NESTING} levels deep"
            help_ = "name parts with `let`; operators in a row nest too: `sum([…])` does not"
            raise DiagnosticError([Diagnostic("E0214", message, place, help=help_)], {file: source})
        stack += [(child, depth + 1) for child in reversed(node.children) if isinstance(child, Tree) and not child.meta.empty]


def _unquote(token: Any) -> str | None:
    return None if token is None else str(token)[1:-1]


@v_args(meta=True)
class Builder(Transformer_NonRecursive[Any, Any]):
    """Builds dsl.syntax objects from Lark's tree."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.problems: list[Diagnostic] = []

    def _problem(self, code: str, message: str, span: s.Span) -> None:
        self.problems.append(Diagnostic(code, message, span))

    def _span(self, meta: Meta) -> s.Span:
        if meta.empty:
            return s.Span(self.file, 1, 1, 1, 1)
        return s.Span(self.file, meta.line, meta.column, meta.end_line, meta.end_column)

    def start(self, meta: Meta, c: list[Any]) -> Any:
        return c

    def _integer(self, token: Token) -> int:
        """The value of INT, HEX or BIN."""
        text = str(token)
        base, digits = {"0x": (16, text[2:]), "0b": (2, text[2:])}.get(text[:2], (10, text))
        allowed = "0123456789abcdef"[:base]
        digits = digits.replace("_", "").lower()
        what = {16: "hexadecimal digits follow `0x`", 2: "digits 0 and 1 follow `0b`", 10: "a number does not begin with 0"}[base]
        if not digits or not set(digits) <= set(allowed) or (base == 10 and len(digits) > 1 and digits[0] == "0"):
            self._problem("E0201", f"`{text[:40]}` is no number: {what}", self._of_token(token))
            return 1
        if len(digits) > MAX_NUMBER_BITS or int(digits, base).bit_length() > MAX_NUMBER_BITS:
            message = f"this number has {len(digits)} digits; the most is {MAX_NUMBER_BITS} bits"
            self._problem("E0304", message, self._of_token(token))
            return 1
        return int(digits, base)

    def _of_token(self, token: Token) -> s.Span:
        line, column = token.line or 1, token.column or 1
        return s.Span(self.file, line, column, token.end_line or line, token.end_column or column + 1)

    def _bits(self, token: Token) -> tuple[int, int]:
        """(width, value) of a binary literal."""
        return max(1, len(str(token)[2:].replace("_", ""))), self._integer(token)

    def _positional(self, args: list[Any], what: str, meta: Meta) -> tuple[Any, ...]:
        """Arguments of something that has no names for them."""
        if any(isinstance(a, tuple) for a in args):
            self._problem("E0210", f"{what} takes no named arguments", self._span(meta))
        return tuple(a for a in args if not isinstance(a, tuple))

    def __default_token__(self, token: Token) -> Token:
        if token.type in ("NAME", "DOTTED_NAME") and len(token) > MAX_NAME:
            self._problem("E0201", f"a name has at most {MAX_NAME} characters", self._of_token(token))
        return token

    # expressions

    def number(self, meta: Meta, c: list[Any]) -> Any:
        return s.Number(self._span(meta), self._integer(c[0]))

    def group(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def name(self, meta: Meta, c: list[Any]) -> Any:
        return s.Name(self._span(meta), str(c[0]))

    def binary(self, meta: Meta, c: list[Any]) -> Any:
        return s.Binary(self._span(meta), str(c[1]), c[0], c[2])

    def power(self, meta: Meta, c: list[Any]) -> Any:
        return s.Binary(self._span(meta), "**", c[0], c[2])

    def op_or(self, meta: Meta, c: list[Any]) -> Any:
        return s.Binary(self._span(meta), "or", c[0], c[1])

    def op_and(self, meta: Meta, c: list[Any]) -> Any:
        return s.Binary(self._span(meta), "and", c[0], c[1])

    def negate(self, meta: Meta, c: list[Any]) -> Any:
        return s.Unary(self._span(meta), "-", c[0])

    def op_not(self, meta: Meta, c: list[Any]) -> Any:
        return s.Unary(self._span(meta), "!", c[0])

    def conditional(self, meta: Meta, c: list[Any]) -> Any:
        return s.Conditional(self._span(meta), c[0], c[1], c[2])

    def field(self, meta: Meta, c: list[Any]) -> Any:
        return s.Field(self._span(meta), c[0], str(c[1]))

    def index(self, meta: Meta, c: list[Any]) -> Any:
        return s.Index(self._span(meta), c[0], c[1])

    def array(self, meta: Meta, c: list[Any]) -> Any:
        return s.ArrayLiteral(self._span(meta), self._positional(c[0], "a list", meta))

    def comprehension(self, meta: Meta, c: list[Any]) -> Any:
        return s.Comprehension(self._span(meta), c[0], str(c[1]), c[2], c[3])

    def last(self, meta: Meta, c: list[Any]) -> Any:
        return s.Last(self._span(meta), str(c[0]), c[1])

    def host(self, meta: Meta, c: list[Any]) -> Any:
        return s.Host(self._span(meta), str(c[0]), self._positional(c[1], "`host`", meta))

    def args(self, meta: Meta, c: list[Any]) -> Any:
        return [x for x in c if x is not None]

    def named_arg(self, meta: Meta, c: list[Any]) -> Any:
        return (str(c[0]), c[1])

    def call(self, meta: Meta, c: list[Any]) -> Any:
        named = tuple(a for a in c[1] if isinstance(a, tuple))
        return s.Call(self._span(meta), str(c[0]), tuple(a for a in c[1] if not isinstance(a, tuple)), named)

    def module_call(self, meta: Meta, c: list[Any]) -> Any:
        return self.call(meta, [f"{c[0]}.{c[1]}", c[2]])

    def member_call(self, meta: Meta, c: list[Any]) -> Any:
        if not isinstance(c[0], s.Name):
            self._problem("E0202", "a call is `gadget(…)`, or `module.gadget(…)`", self._span(meta))
        return self.call(meta, [f"{c[0].name}.{c[1]}" if isinstance(c[0], s.Name) else str(c[1]), c[2]])

    # types

    def path(self, meta: Meta, c: list[Any]) -> Any:
        return str(c[0]) if c[1] is None else f"{c[0]}.{c[1]}"

    def type(self, meta: Meta, c: list[Any]) -> Any:
        return s.TypeRef(self._span(meta), str(c[0]), c[1])

    def param(self, meta: Meta, c: list[Any]) -> Any:
        return s.Param(self._span(meta), str(c[0]), c[1])

    def params(self, meta: Meta, c: list[Any]) -> Any:
        return tuple(c)

    # statements

    def body(self, meta: Meta, c: list[Any]) -> Any:
        return tuple(c)

    def spec(self, meta: Meta, c: list[Any]) -> Any:
        return s.Spec(self._span(meta), str(c[0]), c[1], tuple(c[2:]))

    def because(self, meta: Meta, c: list[Any]) -> Any:
        return _unquote(c[0])

    def free(self, meta: Meta, c: list[Any]) -> Any:
        return s.Free(self._span(meta), _unquote(c[0]) or "")

    def bound(self, meta: Meta, c: list[Any]) -> Any:
        return s.Free(self._span(meta), f"bound by `{c[0]}`", str(c[0]))

    def hint(self, meta: Meta, c: list[Any]) -> Any:
        return s.Hint(self._span(meta), str(c[0]), c[1], c[2], c[3], trusted=False, free=c[4], survives=tuple(c[5:]))

    def trusted(self, meta: Meta, c: list[Any]) -> Any:
        return s.Hint(self._span(meta), str(c[0]), c[1], c[2], c[3], trusted=True)

    def input(self, meta: Meta, c: list[Any]) -> Any:
        return s.Input(self._span(meta), str(c[0]), c[1], c[2], tuple(c[3:]))

    def survives(self, meta: Meta, c: list[Any]) -> Any:
        return s.Survives(self._span(meta), str(c[0]), c[1], _unquote(c[2]) or "")

    def let(self, meta: Meta, c: list[Any]) -> Any:
        survives = tuple(x for x in c if isinstance(x, s.Survives))
        *names, value = c[: len(c) - len(survives)]
        return s.Let(self._span(meta), tuple(map(str, names)), value, survives)

    def set_(self, meta: Meta, c: list[Any]) -> Any:
        return s.Set(self._span(meta), str(c[0]), c[1])

    def when(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def times(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def assert_(self, meta: Meta, c: list[Any]) -> Any:
        condition, when, label, *survives = c
        span = self._span(meta)
        if not isinstance(condition, s.Binary) or condition.op != "==":
            self._problem("E0202", "an assert is an equation `a == b`", span)
            return s.Assert(span, condition, condition, when, None)
        return s.Assert(span, condition.left, condition.right, when, _unquote(label), tuple(survives))

    def message(self, meta: Meta, c: list[Any]) -> Any:
        args = self._positional(c[2], "a message", meta)
        return s.MessageStmt(self._span(meta), str(c[0]), str(c[1]), args, *c[3:6], survives=tuple(c[6:]))

    def for_(self, meta: Meta, c: list[Any]) -> Any:
        return s.For(self._span(meta), str(c[0]), c[1], c[2], c[3])

    def if_(self, meta: Meta, c: list[Any]) -> Any:
        return s.If(self._span(meta), c[0], c[1])

    def fault(self, meta: Meta, c: list[Any]) -> Any:
        return s.Fault(self._span(meta), _unquote(c[0]) or "", c[1])

    def operand(self, meta: Meta, c: list[Any]) -> Any:
        return s.Operand(self._span(meta), str(c[0]), c[1], c[2])

    def result(self, meta: Meta, c: list[Any]) -> Any:
        return s.Result(self._span(meta), str(c[0]), c[1], c[2], c[3])

    def run_body(self, meta: Meta, c: list[Any]) -> Any:
        return s.RunBody(self._span(meta))

    def call_stmt(self, meta: Meta, c: list[Any]) -> Any:
        return s.CallStmt(self._span(meta), c[0])

    def decode(self, meta: Meta, c: list[Any]) -> Any:
        return s.Decode(self._span(meta), c[0], str(c[1]))

    def retire(self, meta: Meta, c: list[Any]) -> Any:
        return s.Retire(self._span(meta), c[0])

    def perform(self, meta: Meta, c: list[Any]) -> Any:
        return s.Perform(self._span(meta), str(c[0]), self._positional(c[1], "`perform`", meta))

    # items

    def use(self, meta: Meta, c: list[Any]) -> Any:
        return s.Use(self._span(meta), str(c[0]))

    def const(self, meta: Meta, c: list[Any]) -> Any:
        return s.Const(self._span(meta), str(c[0]), c[1], tuple(c[2:]))

    def type_alias(self, meta: Meta, c: list[Any]) -> Any:
        return s.TypeAlias(self._span(meta), str(c[0]), c[2], c[3], None if c[1] is None else str(c[1]))

    def struct(self, meta: Meta, c: list[Any]) -> Any:
        return s.Struct(self._span(meta), str(c[0]), c[1])

    def bus_kind(self, meta: Meta, c: list[Any]) -> Any:
        return str(c[0]), str(c[-1])

    def bus(self, meta: Meta, c: list[Any]) -> Any:
        kind, by = c[2] or ("", None)
        kinds = (by if kind == k else None for k in ("remembers", "chain", "known"))
        return s.BusDecl(self._span(meta), str(c[0]), c[1], *kinds, carries=c[3] or ())

    def carries(self, meta: Meta, c: list[Any]) -> Any:
        return tuple(str(n) for n in c)

    def generator(self, meta: Meta, c: list[Any]) -> Any:
        return s.Generator(self._span(meta), str(c[0]), c[1], c[2])

    def at(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def fixed(self, meta: Meta, c: list[Any]) -> Any:
        generators = tuple(x for x in c[3:] if isinstance(x, s.Generator))
        return s.Fixed(self._span(meta), str(c[0]), c[1], self._positional(c[2], "a row", meta), generators, c[-1])

    def gadget(self, meta: Meta, c: list[Any]) -> Any:
        return s.Gadget(self._span(meta), str(c[0]), c[1] or (), c[2] or (), c[3])

    def chip(self, meta: Meta, c: list[Any]) -> Any:
        return s.Chip(self._span(meta), str(c[0]), c[1], c[2], c[3])

    def impl(self, meta: Meta, c: list[Any]) -> Any:
        return s.Impl(self._span(meta), str(c[0]), str(c[1]), str(c[2]), str(c[3]))

    def test(self, meta: Meta, c: list[Any]) -> Any:
        checks, rows = tuple(x for x in c[2:] if isinstance(x, s.Check)), tuple(x for x in c[2:] if isinstance(x, s.Rows))
        return s.Test(self._span(meta), _unquote(c[0]) or "", checks, rows, c[1])

    def refused(self, meta: Meta, c: list[Any]) -> Any:
        return _unquote(c[0])

    def check(self, meta: Meta, c: list[Any]) -> Any:
        condition = c[0]
        if isinstance(condition, s.Call) and not condition.args:
            return s.Rows(self._span(meta), condition.name, condition.named)
        if not (isinstance(condition, s.Binary) and condition.op == "==" and isinstance(condition.left, s.Call)):
            self._problem("E0202", "a line of a test is `gadget(arguments) == result` or `table(input = values)`", self._span(meta))
            return s.Check(self._span(meta), s.Call(self._span(meta), "", (), ()), condition)
        return s.Check(self._span(meta), condition.left, condition.right)

    def step_test(self, meta: Meta, c: list[Any]) -> Any:
        result, after, fails = c[-1]
        given = tuple(x for x in c[1:-1] if x is not None)
        return s.StepTest(self._span(meta), str(c[0]), given, result, after, fails)

    def setting(self, meta: Meta, c: list[Any]) -> Any:
        return self._place(c[0], c[1], self._span(meta))

    def after(self, meta: Meta, c: list[Any]) -> Any:
        self._equal(c[1])
        return self._place(c[0], c[2], self._span(meta))

    def gives(self, meta: Meta, c: list[Any]) -> Any:
        self._equal(c[0])
        return c[1], None, None

    def _equal(self, operator: Token) -> None:
        if operator != "==":
            self._problem("E0202", "a test says what something is: `==`", self._of_token(operator))

    def leaves(self, meta: Meta, c: list[Any]) -> Any:
        return None, tuple(c), None

    def fails(self, meta: Meta, c: list[Any]) -> Any:
        return None, None, _unquote(c[0])

    def _place(self, place: s.Expr, value: s.Expr, span: s.Span) -> s.Setting:
        """A name, a field of `insn`, or what a bus remembers."""
        match place:
            case s.Name(name=name):
                return s.Setting(span, name, None, None, value)
            case s.Field(of=s.Name(name="insn"), name=name):
                return s.Setting(span, "insn", None, name, value)
            case s.Index(of=s.Name(name=name), index=index):
                return s.Setting(span, name, index, None, value)
            case _:
                self._problem("E0202", "a place is a name, `insn.field` or `memory[address]`", place.span)
                return s.Setting(span, "", None, None, value)

    def encoding_field(self, meta: Meta, c: list[Any]) -> Any:
        return s.EncodingField(self._span(meta), str(c[0]), self._integer(c[1]))

    def encoding_literal(self, meta: Meta, c: list[Any]) -> Any:
        return s.EncodingField(self._span(meta), None, *self._bits(c[0]))

    def inst_bits(self, meta: Meta, c: list[Any]) -> Any:
        high = self._integer(c[0])
        return s.BitPiece(self._span(meta), high, high if c[1] is None else self._integer(c[1]))

    def sext_bits(self, meta: Meta, c: list[Any]) -> Any:
        bit = self._integer(c[0])
        return s.BitPiece(self._span(meta), bit, bit, sext=True)

    def literal_bits(self, meta: Meta, c: list[Any]) -> Any:
        width, value = self._bits(c[0])
        return s.BitPiece(self._span(meta), width - 1, 0, literal=value)

    def immediate(self, meta: Meta, c: list[Any]) -> Any:
        return s.Immediate(self._span(meta), c[0], tuple(c[1:]))

    def format(self, meta: Meta, c: list[Any]) -> Any:
        fields = tuple(x for x in c[1:] if isinstance(x, s.EncodingField))
        return s.Format(self._span(meta), str(c[0]), fields, c[-1])

    def frame(self, meta: Meta, c: list[Any]) -> Any:
        return s.Frame(self._span(meta), str(c[0]), c[1], c[2])

    def same(self, meta: Meta, c: list[Any]) -> Any:
        return str(c[0]), str(c[1])

    def fixed_field(self, meta: Meta, c: list[Any]) -> Any:
        return s.FixedField(self._span(meta), str(c[0]), self._integer(c[1]))

    def shared(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def insn(self, meta: Meta, c: list[Any]) -> Any:
        return s.Insn(self._span(meta), str(c[0]), tuple(c[1:-1]), c[-1])

    def family(self, meta: Meta, c: list[Any]) -> Any:
        fixed = tuple(x for x in c if isinstance(x, s.FixedField))
        insns = tuple(x for x in c if isinstance(x, s.Insn))
        also = tuple(x for x in c if isinstance(x, s.Also))
        shared = next((x for x in c if isinstance(x, tuple)), ())
        assembly = next(x for x in c if isinstance(x, Token) and x.type == "STRING")
        layout = str(c[1 + len(also)])
        return s.Family(self._span(meta), str(c[0]), also, layout, fixed, _unquote(assembly) or "", shared, insns)

    def also(self, meta: Meta, c: list[Any]) -> Any:
        return s.Also(self._span(meta), str(c[0]))

    def service(self, meta: Meta, c: list[Any]) -> Any:
        return s.Service(self._span(meta), str(c[0]), str(c[1]), c[2], tuple(c[3:-1]), c[-1])

    def beside(self, meta: Meta, c: list[Any]) -> Any:
        return s.Beside(self._span(meta), str(c[0]), _unquote(c[1]) or "")

    def table(self, meta: Meta, c: list[Any]) -> Any:
        return s.TableDecl(self._span(meta), str(c[0]), c[1], c[2])

    def claim(self, meta: Meta, c: list[Any]) -> Any:
        return s.Claim(self._span(meta), c[0])
