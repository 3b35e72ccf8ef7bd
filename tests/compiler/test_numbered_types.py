"""`type u(bits) = …` declares every `u8` that is named."""

from __future__ import annotations

import pytest

from zkc.compiler.front import checked
from zkc.compiler.program import Program
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.numbered import split
from zkc.dsl.parser import parse

U = "const bits = 3;\ntype u(bits) = felt where x in 0..2**bits;\n"


def program(text: str) -> Program:
    return checked(parse(text, "t.circ"), {"t.circ": text})[0]


def column(type_: str) -> str:
    return f'gadget g(a: felt) -> b: felt {{ hint b: {type_} = a because "tried"; assert a == b "the same"; }}\n'


def test_each_name_is_a_type_of_its_own() -> None:
    found = program(U + column("u5") + "struct pair { lo: u16, hi: u12 }")
    assert found.ranges == {"u5": (0, 32), "u12": (0, 4096), "u16": (0, 65536)}
    assert [found.interval(f"u{n}") is not None for n in (5, 6)] == [True, False]


def test_a_type_that_is_declared_by_itself_is_that() -> None:
    assert program(U + "type u5 = felt where x in 0..20;\n" + column("u5")).ranges == {"u5": (0, 20)}
    assert program(U + "struct u5 { a: u3 }\ngadget h(x: u5) -> y: felt { let y = x.a; }").ranges == {"u3": (0, 8)}


@pytest.mark.parametrize(
    ("text", "code", "message", "line"),
    [
        (U + column("u40"), "E0301", "type `u40` must range over 0..n with n below the field size", 3),
        (U + column("u05"), "E0206", "there is no type `u05`", 3),
        (U + column("u"), "E0206", "there is no type `u`", 3),
        (U + column("v5"), "E0206", "there is no type `v5`", 3),
        (U + "type u(n) = felt where x in 0..n;\n" + column("u5"), "E0203", "the type `u` is declared twice", 3),
        ("type u(n) = felt where x in 0..m;\n" + column("u5"), "E0204", "`m` is not a constant", 1),
        ("type u(n) = felt where x in n..8;\n" + column("u5"), "E0301", "type `u5` must range over 0..n", 2),
        ("const m = 1 / 0;\ntype u(m) = felt where x in 0..m;\n" + column("u5"), "E0204", "division by zero", 1),
    ],
)
def test_what_is_wrong(text: str, code: str, message: str, line: int) -> None:
    with pytest.raises(DiagnosticError) as caught:
        program(text)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span and problem.span.line) == (code, line)
    assert message in problem.message


def test_one_that_nothing_uses_says_nothing() -> None:
    assert program(U).ranges == {}


def test_names() -> None:
    assert [split(x) for x in ("u16", "u0", "a1_b2")] == [("u", 16), ("u", 0), ("a1_b", 2)]
    assert [split(x) for x in ("u016", "u", "16", "u12345")] == [None] * 4
