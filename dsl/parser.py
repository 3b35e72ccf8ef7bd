"""Text to syntax tree, with Lark (LALR(1)). Syntax errors become diagnostics that point at where something is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from zkc.dsl import syntax as s
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError


@cache
def grammar() -> Lark:
    """The parser for `.circ` (loaded once per process)."""
    text = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def parse(source: str, file: str) -> list[s.Item]:
    """The items of one file, in order. Raises DiagnosticError on a syntax error."""
    try:
        tree = grammar().parse(source)
    except UnexpectedInput as error:
        raise DiagnosticError([_syntax_error(error, source, file)], {file: source}) from None
    try:
        return Builder(file).transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, DiagnosticError):
            raise DiagnosticError(error.orig_exc.diagnostics, {file: source}) from None
        raise


def parse_files(paths: list[Path], root: Path) -> tuple[list[s.Item], dict[str, str]]:
    """The items of all files, and the sources by shown name. Raises DiagnosticError with the syntax errors of all files."""
    items: list[s.Item] = []
    sources: dict[str, str] = {}
    wrong: list[Diagnostic] = []
    for path in paths:
        name = str(path.relative_to(root.parent))
        sources[name] = path.read_text(encoding="utf-8")
        try:
            items += parse(sources[name], name)
        except DiagnosticError as error:
            wrong += error.diagnostics
    if wrong:
        raise DiagnosticError(wrong, sources)
    return items, sources


def _syntax_error(error: UnexpectedInput, source: str, file: str) -> Diagnostic:
    line, column = max(error.line or 1, 1), max(error.column or 1, 1)
    here = s.Span(file, line, column, line, column + 1)
    if not isinstance(error, UnexpectedToken):
        return Diagnostic("E0201", f"unexpected character {source[error.pos_in_stream or 0]!r}", here)
    if error.token.type == "$END":
        lines = source.splitlines() or [""]
        here = s.Span(file, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
    expected = sorted(_show(name) for name in error.accepts or error.expected)
    if "';'" in expected and error.token_history:
        last = error.token_history[-1]
        end_line, end_column = last.end_line or line, last.end_column or column
        return Diagnostic("E0201", "a `;` is missing here", s.Span(file, end_line, end_column, end_line, end_column + 1))
    found = "the end of the file" if error.token.type == "$END" else f"`{error.token}`"
    return Diagnostic("E0201", f"unexpected {found}", here, notes=("expected " + ", ".join(expected[:12]),))


def _show(terminal: str) -> str:
    for definition in grammar().terminals:
        if definition.name == terminal and definition.pattern.type == "str":
            return f"'{definition.pattern.value}'"
    return terminal.lower()


def _integer(text: str) -> int:
    return int(text.replace("_", ""), 0)


def _unquote(token: Any) -> str | None:
    return None if token is None else str(token)[1:-1]


@v_args(meta=True)
class Builder(Transformer[Any, Any]):
    """Builds dsl.syntax objects from Lark's tree."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def _span(self, meta: Meta) -> s.Span:
        if meta.empty:
            return s.Span(self.file, 1, 1, 1, 1)
        return s.Span(self.file, meta.line, meta.column, meta.end_line, meta.end_column)

    def start(self, meta: Meta, c: list[Any]) -> Any:
        return c

    # expressions

    def number(self, meta: Meta, c: list[Any]) -> Any:
        return s.Number(self._span(meta), _integer(c[0]))

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
        return s.ArrayLiteral(self._span(meta), tuple(c[0]))

    def comprehension(self, meta: Meta, c: list[Any]) -> Any:
        return s.Comprehension(self._span(meta), c[0], str(c[1]), c[2], c[3])

    def last(self, meta: Meta, c: list[Any]) -> Any:
        return s.Last(self._span(meta), str(c[0]), c[1])

    def host(self, meta: Meta, c: list[Any]) -> Any:
        return s.Host(self._span(meta), str(c[0]), tuple(c[1]))

    def args(self, meta: Meta, c: list[Any]) -> Any:
        return [x for x in c if x is not None]

    def named_arg(self, meta: Meta, c: list[Any]) -> Any:
        return (str(c[0]), c[1])

    def call(self, meta: Meta, c: list[Any]) -> Any:
        named = tuple(a for a in c[1] if isinstance(a, tuple))
        return s.Call(self._span(meta), str(c[0]), tuple(a for a in c[1] if not isinstance(a, tuple)), named)

    # types

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
        return s.Spec(self._span(meta), str(c[0]), c[1])

    def because(self, meta: Meta, c: list[Any]) -> Any:
        return _unquote(c[0])

    def hint(self, meta: Meta, c: list[Any]) -> Any:
        return s.Hint(self._span(meta), str(c[0]), c[1], c[2], c[3], trusted=False)

    def trusted(self, meta: Meta, c: list[Any]) -> Any:
        return s.Hint(self._span(meta), str(c[0]), c[1], c[2], c[3], trusted=True)

    def input(self, meta: Meta, c: list[Any]) -> Any:
        return s.Input(self._span(meta), str(c[0]), c[1])

    def let(self, meta: Meta, c: list[Any]) -> Any:
        return s.Let(self._span(meta), tuple(str(n) for n in c[:-1]), c[-1])

    def set_(self, meta: Meta, c: list[Any]) -> Any:
        return s.Set(self._span(meta), str(c[0]), c[1])

    def when(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def times(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def assert_(self, meta: Meta, c: list[Any]) -> Any:
        condition, when, label = c
        span = self._span(meta)
        if not isinstance(condition, s.Binary) or condition.op != "==":
            raise DiagnosticError([Diagnostic("E0202", "an assert is an equation `a == b`", span)], {})
        return s.Assert(span, condition.left, condition.right, when, _unquote(label))

    def message(self, meta: Meta, c: list[Any]) -> Any:
        return s.MessageStmt(self._span(meta), str(c[0]), str(c[1]), tuple(c[2]), c[3], c[4])

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
        return s.Perform(self._span(meta), str(c[0]), tuple(c[1]))

    # items

    def const(self, meta: Meta, c: list[Any]) -> Any:
        return s.Const(self._span(meta), str(c[0]), c[1])

    def type_alias(self, meta: Meta, c: list[Any]) -> Any:
        return s.TypeAlias(self._span(meta), str(c[0]), c[1], c[2])

    def struct(self, meta: Meta, c: list[Any]) -> Any:
        return s.Struct(self._span(meta), str(c[0]), c[1])

    def bus_kind(self, meta: Meta, c: list[Any]) -> Any:
        return str(c[-1])

    def bus(self, meta: Meta, c: list[Any]) -> Any:
        return s.BusDecl(self._span(meta), str(c[0]), c[1], c[2])

    def generator(self, meta: Meta, c: list[Any]) -> Any:
        return s.Generator(self._span(meta), str(c[0]), c[1], c[2])

    def at(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def fixed(self, meta: Meta, c: list[Any]) -> Any:
        generators = tuple(x for x in c[3:] if isinstance(x, s.Generator))
        return s.Fixed(self._span(meta), str(c[0]), c[1], tuple(c[2]), generators, c[-1])

    def gadget(self, meta: Meta, c: list[Any]) -> Any:
        return s.Gadget(self._span(meta), str(c[0]), c[1] or (), c[2] or (), c[3])

    def impl(self, meta: Meta, c: list[Any]) -> Any:
        return s.Impl(self._span(meta), str(c[0]), str(c[1]), str(c[2]), str(c[3]))

    def test(self, meta: Meta, c: list[Any]) -> Any:
        return s.Test(self._span(meta), _unquote(c[0]) or "", tuple(c[1:]))

    def check(self, meta: Meta, c: list[Any]) -> Any:
        condition = c[0]
        if not (isinstance(condition, s.Binary) and condition.op == "==" and isinstance(condition.left, s.Call)):
            message = "a line of a test is `gadget(arguments) == result`"
            raise DiagnosticError([Diagnostic("E0202", message, self._span(meta))], {})
        return s.Check(self._span(meta), condition.left, condition.right)

    def encoding_field(self, meta: Meta, c: list[Any]) -> Any:
        return s.EncodingField(self._span(meta), str(c[0]), int(c[1]))

    def encoding_literal(self, meta: Meta, c: list[Any]) -> Any:
        bits = str(c[0])[2:].replace("_", "")
        return s.EncodingField(self._span(meta), None, len(bits), int(bits, 2))

    def inst_bits(self, meta: Meta, c: list[Any]) -> Any:
        high = int(c[0])
        return s.BitPiece(self._span(meta), high, high if c[1] is None else int(c[1]))

    def sext_bits(self, meta: Meta, c: list[Any]) -> Any:
        return s.BitPiece(self._span(meta), int(c[0]), int(c[0]), sext=True)

    def literal_bits(self, meta: Meta, c: list[Any]) -> Any:
        bits = str(c[0])[2:].replace("_", "")
        return s.BitPiece(self._span(meta), len(bits) - 1, 0, literal=int(bits, 2))

    def immediate(self, meta: Meta, c: list[Any]) -> Any:
        return s.Immediate(self._span(meta), c[0], tuple(c[1:]))

    def format(self, meta: Meta, c: list[Any]) -> Any:
        fields = tuple(x for x in c[1:] if isinstance(x, s.EncodingField))
        return s.Format(self._span(meta), str(c[0]), fields, c[-1])

    def frame(self, meta: Meta, c: list[Any]) -> Any:
        return s.Frame(self._span(meta), str(c[0]), c[1])

    def fixed_field(self, meta: Meta, c: list[Any]) -> Any:
        return s.FixedField(self._span(meta), str(c[0]), _integer(c[1]))

    def shared(self, meta: Meta, c: list[Any]) -> Any:
        return c[0]

    def insn(self, meta: Meta, c: list[Any]) -> Any:
        return s.Insn(self._span(meta), str(c[0]), tuple(c[1:-1]), c[-1])

    def family(self, meta: Meta, c: list[Any]) -> Any:
        fixed = tuple(x for x in c if isinstance(x, s.FixedField))
        insns = tuple(x for x in c if isinstance(x, s.Insn))
        shared = next((x for x in c if isinstance(x, tuple)), ())
        assembly = next(x for x in c if isinstance(x, Token) and x.type == "STRING")
        return s.Family(self._span(meta), str(c[0]), str(c[1]), fixed, _unquote(assembly) or "", shared, insns)

    def service(self, meta: Meta, c: list[Any]) -> Any:
        return s.Service(self._span(meta), str(c[0]), str(c[1]), c[2], c[3])

    def table(self, meta: Meta, c: list[Any]) -> Any:
        return s.TableDecl(self._span(meta), str(c[0]), c[1])

    def claim(self, meta: Meta, c: list[Any]) -> Any:
        return s.Claim(self._span(meta), c[0])
