"""The stage `circ`: what cannot be known before a gadget is inlined is known after that, or refused."""

from __future__ import annotations

import pytest

from zkc.compiler.dialects import circ, row
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.front import checked
from zkc.compiler.importer.items import Importer
from zkc.compiler.ir.equality import difference
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import ANY, Operation
from zkc.compiler.ir.printer import print_module
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.verifier import verify
from zkc.compiler.passes.declarations import facts_of_module
from zkc.compiler.passes.inline import Inline
from zkc.compiler.program import Program
from zkc.compiler.rows import elaborate_symbol
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.parser import parse

PRELUDE = """
struct pair { lo: felt, hi: felt }
impl pair + pair by add;
gadget add(a: pair, b: pair) -> c: pair { let c = pair(lo = a.lo + b.lo, hi = a.hi + b.hi); }
"""
LAST = "gadget last(a: felt, n: felt) -> b: felt { for i in 0..n { let x = a + i; } let b = x; }"
"""`x` is what the last round gives, if there is one."""
EITHER = "gadget either(w: pair, n: felt) -> b: felt { let v = n == 1 ? w : w.lo; let s = v + w; let b = s.hi; }"
"""`v + w` is a sum of pairs, or none."""
STATE = "gadget power(a: felt) -> b: felt { let b = a; for i in 0..3 { let b = b * b; let c = b; } }"
OUTPUT = "gadget output(a: felt, n: felt) -> b: felt { for i in 0..n { let b = a; } }"


def program(*texts: str) -> Program:
    text = "\n".join((PRELUDE, *texts))
    return checked(parse(text, "t.circ"), {"t.circ": text})[0]


def table(gadget: str, call: str) -> Program:
    return program(gadget, f"table t {{ input a: felt; let w = pair(lo = a, hi = a); let b = {call}; assert b == w.lo; }}")


def imported(found: Program) -> Module:
    importer = Importer(found)
    body = importer.body(("tables", "t"))
    return Module([*importer.used(), body])


def rows(found: Program) -> Operation:
    return elaborate_symbol(found, Functions(), ("tables", "t"))


def arithmetic(found: Operation) -> list[str]:
    return [op.name for op in found.regions[0] if op.name.startswith("felt.") and op.name != "felt.constant"]


def gadget_of(found: Program, name: str) -> list[Operation]:
    module = imported(found)
    return list(module.find("circ.gadget", name).regions[0].walk())


@pytest.mark.parametrize(
    ("gadget", "call", "made"),
    [
        (LAST, "last(a, 2)", ["felt.add"]),
        (LAST, "last(a, 1)", []),
        (EITHER, "either(w, 1)", ["felt.add"]),
        (STATE, "power(a)", ["felt.mul"] * 3),
        (OUTPUT, "output(a, 3)", []),
    ],
)
def test_what_depends_on_a_call_is_known_there(gadget: str, call: str, made: list[str]) -> None:
    assert arithmetic(rows(table(gadget, call))) == made


@pytest.mark.parametrize(
    ("gadget", "call", "code", "message"),
    [
        (LAST, "last(a, 0)", "E0204", "there is no `x` here"),
        (EITHER, "either(w, 0)", "E0209", "no gadget proves `felt + pair`"),
        (OUTPUT, "output(a, 0)", "E0503", "never defines its output `b`"),
    ],
)
def test_what_a_call_makes_impossible_is_refused(gadget: str, call: str, code: str, message: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        rows(table(gadget, call))
    (found,) = caught.value.diagnostics
    assert found.code == code and message in found.message
    assert found.span is not None and found.span.file == "t.circ"


@pytest.mark.parametrize(
    ("gadget", "call"), [(LAST, "last(a, 2)"), (EITHER, "either(w, 1)"), (STATE, "power(a)"), (OUTPUT, "output(a, 1)")]
)
def test_the_text_says_all_that_inlining_needs(gadget: str, call: str) -> None:
    found = table(gadget, call)
    before = imported(found)
    after = read_module(print_module(before))
    assert difference(before, after) is None
    assert verify(after, closed=True) == []
    facts = facts_of_module(after)
    inlined = Inline().run(after, facts)
    assert not facts.diagnostics
    assert difference([op for op in inlined if op.definition is row.TABLE], [rows(found)]) is None


def test_operators_are_calls_where_types_are_known() -> None:
    """Between pairs `+` is `add`; between a pair and what is either, it stays."""
    known = program("gadget total(a: pair, b: pair) -> c: pair { let c = a + b + a; }", "table t { input a: felt; assert a == 0; }")
    assert [op.definition for op in gadget_of(known, "total")][:2] == [circ.CALL, circ.CALL]
    inside = gadget_of(table(EITHER, "either(w, 1)"), "either")
    (addition,) = (op for op in inside if op.name == "circ.binary" and op.text("operator") == "+")
    assert addition.operands[0].type is ANY and addition.result.type is ANY


def test_only_what_is_needed_goes_from_round_to_round() -> None:
    """`b` is read in the next round and after the loop, `c` in neither."""
    (loop,) = (op for op in gadget_of(table(STATE, "power(a)"), "power") if op.definition is circ.FOR)
    assert len(loop.results) == 1
