"""What cannot be read is said with line and column, whatever the text is."""

from __future__ import annotations

import random

import pytest

from tests.compiler.machines import module
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import Operation
from zkc.compiler.ir.printer import print_module
from zkc.compiler.ir.reader import MAX_NESTING, read_module
from zkc.compiler.ir.verifier import verify
from zkc.dsl.diagnostics import DiagnosticError

TEXT = """"row.table"() ({
  %0 = "int.constant"() {value = 1 : i64} : () -> !zkc.int loc("a":1:2)
  %1:3 = "step.load"(%0) {bus = @memory} : (!zkc.int) -> (!zkc.int, !zkc.int, !zkc.int)
  "step.fault"(%1#1) {message = "x"} : (!zkc.int) -> ()
}) {sym_name = "t"} : () -> ()
"""

WRONG = [
    ("%0 =", "%0", 2, 3, 'results are named as `%0 =` or `%0:2 =`, an operation follows as `"felt.add"(…)`'),
    ("int.constant", "int.constnt", 2, 8, "there is no operation `int.constnt`"),
    ('"int.constant"', "int.constant", 2, 8, 'expected an operation, as `"felt.add"(…)`; found `int.constant() {value = 1 : i6` …'),
    ("(%0)", "%0)", 3, 21, "expected operands in parentheses, as `(%0, %1#2)`; found `%0) {bus = @memory} : (!zkc.in` …"),
    ("(%0)", "(%2)", 3, 22, "there is no value `%2` here"),
    ("(%1#1)", "(%1)", 4, 16, "`%1` has 3 results: they are %1#0 to %1#2"),
    ("(%1#1)", "(%1#3)", 4, 16, "`%1` has 3 results: they are %1#0 to %1#2"),
    ("%1:3", "%1:2", 3, 3, "2 results are named, the type of `step.load` has 3"),
    ("%1:3", "%0:3", 3, 3, "`%0` is defined already"),
    ("-> !zkc.int loc", "-> !zkc.felt loc", 3, 21, "operand 0 is a !zkc.felt; its type is given as !zkc.int"),
    (": (!zkc.int) -> (!", ": () -> (!", 3, 21, "1 operands, and the types of 0"),
    ("-> !zkc.int loc", "-> !zkc.itn loc", 2, 51, "there is no type `!zkc.itn`"),
    ("-> !zkc.int loc", "-> i64 loc", 2, 43, "expected a type, as `: (!zkc.felt) -> !zkc.felt`; found `: () -> i64 loc(\"a\":1:2)`"),
    (": (!zkc.int) -> (!zkc.int,", ": (!zkc.int) -> (!zkc.int", 3, 58, "types are listed as `(!zkc.felt, !zkc.int)`"),
    ("value = 1", "value 1", 2, 26, "expected an attribute, as `name = 1 : i64`; found `value 1 : i64} : () -> !zkc.in` …"),
    ("value = 1", "value = one", 2, 34, "an attribute is an integer, a string, `true`, `false`, a symbol or an array of those"),
    ("value = 1 : i64", "value = 1 : i64 x", 2, 42, "expected `,` or `}` after an attribute; found `x} : () -> !zkc.int loc(\"a\":1:` …"),
    ("value = 1", "value = 2, value = 1", 2, 37, "the attribute `value` is there twice"),
    ("value = 1", "value = " + "9" * 1001, 2, 34, "an attribute is an integer, a string, `true`, `false`, a symbol or an array of those"),
    ("value = 1", "value = " + "[" * 70, 2, 34 + MAX_NESTING, "this is nested deeper than 64 levels"),
    ("@memory", "@", 3, 33, "expected a symbol, as `@lui`; found `@} : (!zkc.int) -> (!zkc.int,` …"),
    ('"x"', '"x', 4, 33, "expected the end of a string; found `\"x} : (!zkc.int) -> ()`"),
    ('"x"', '"\\q"', 4, 33, "this string is none: there is no escape \\q"),
    ('"x"', '"\\FF"', 4, 33, "this string is none: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ('loc("a":1:2)', 'loc("a")', 2, 67, "expected `(` and the place of a, or `:` and a line; found `)`"),
    ('loc("a":1:2)', 'loc("g"("a":1:2))', 2, 64, 'a location is a place, as `"file":1:1`, or `callsite("gadget"(place) at location)`'),
    ('loc("a":1:2)', 'loc(callsite("a":1:2 at "a":1:2))', 2, 73, 'what is called has a name and a place, as `"gadget"("file":1:1)`'),
    ('loc("a":1:2)', 'loc(callsite("g"("a":1:2) at unknown))', 2, 89, "a call has a place"),
    ('loc("a":1:2)', "loc(#nowhere)", 2, 64, "there is no location `#nowhere`"),
    ("}) {sym", "} {sym", 5, 3, "expected `,` or `)` after a region; found `{sym_name = \"t\"} : () -> ()`"),
    ("}) {sym", "^bb1: }) {sym", 5, 1, "a region has one block here"),
    ("({\n", "({ ^bb0(%a : !zkc.int, %a : !zkc.int):\n", 1, 38, "`%a` is defined already"),
    ("({\n", "({ ^bb0(%a):\n", 1, 23, "expected an argument, as `%arg0: !zkc.int`; found `%a):`"),
    ("({\n", '({ "builtin.module"() : () -> ()\n', 1, 18, "a module stands in a module"),
    ("({\n", "({ module { }\n", 1, 18, "a module stands in a module"),
    ("-> ()\n})", "-> ()", 4, 57, "expected an operation, as `\"felt.add\"(…)`; found `{sym_name = \"t\"} : () -> ()`"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "column", "message"), WRONG, ids=[w[4][:50] for w in WRONG])
def test_errors_say_where_and_what(old: str, new: str, line: int, column: int, message: str) -> None:
    assert old in TEXT
    with pytest.raises(DiagnosticError) as caught:
        read_module(TEXT.replace(old, new, 1), "t.mlir")
    (found,) = caught.value.diagnostics
    assert found.code == "E0701"
    assert (found.message, str(found.span)) == (message, f"t.mlir:{line}:{column}")


def test_the_end_is_an_error_like_any_other() -> None:
    """Each text that ends too early."""
    for end in range(1, len(TEXT.rstrip())):
        with pytest.raises(DiagnosticError) as caught:
            read_module(TEXT[:end])
        assert len(caught.value.diagnostics) == 1


def test_helps_with_names() -> None:
    with pytest.raises(DiagnosticError, match=r"help: did you mean `int.constant`\?"):
        read_module(TEXT.replace("int.constant", "int.constnt"))


def test_a_location_that_is_its_own_is_no_endless_loop() -> None:
    for text in ("#a = loc(#a)", "#a = loc(callsite(#b at #a))\n#b = loc(\"g\"(#a))"):
        with pytest.raises(DiagnosticError, match=r"nested deeper than|is a file"):
            read_module(f'"circ.fixed"() {{sym_name = "x", fields = []}} : () -> () loc(#a)\n{text}')


def test_deep_regions_are_refused() -> None:
    depth = MAX_NESTING + 1
    with pytest.raises(DiagnosticError, match="nested deeper"):
        read_module('"row.arms"() ({' * depth + '}) {names = ["x"]} : () -> ()' * depth)


def size(op: Operation) -> int:
    return sum(1 for region in op.regions for _ in region.walk())


PIECES = [
    *'()[]{}<>:,=-"\n\\ é\x00', "->", "%0", "%1#1", "%x:2 =", "@a", '"felt.add"', "!zkc.felt", "loc(", "^bb0", "#a", "9" * 60, "//",
    "module", "true", "callsite(",
]  # fmt: skip


def edited(text: str, chance: random.Random) -> str:
    """The text after a few edits: pieces are left out, doubled, moved, or put in."""
    for _ in range(chance.randint(1, 4)):
        at, end = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        end = min(end, at + chance.choice((0, 1, 3, 30)))
        middle = chance.choice(("", chance.choice(PIECES), text[at:end] * 2, text[end : end + 20]))
        text = text[:at] + middle + text[end:]
    return text


def test_no_text_makes_another_error() -> None:
    """Random edits end in an error with a place, or in a module that the verifier has an answer for."""
    symbols = [op for stage in ("row", "gated", "fill") for op in module("circuits", stage) if size(op) < 100]
    texts = [print_module(Module([op])) for op in symbols]
    chance = random.Random(1)
    read = 0
    for _ in range(2000):
        try:
            found = read_module(edited(chance.choice(texts), chance))
        except DiagnosticError as error:
            assert all(d.span is not None and d.span.line >= 1 and d.span.column >= 1 for d in error.diagnostics)
        else:
            read += 1
            assert all(d.code == "E0702" for d in verify(found, closed=True))
    assert read > 50  # edits of names, numbers and places
