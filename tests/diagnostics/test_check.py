"""The static check: everything that is declared is looked at, called or not, and all errors of a program come at once."""

from __future__ import annotations

import pytest

from tests.diagnostics.fuzz import items_of, sources
from zkc.compiler.front import checked, surroundings
from zkc.compiler.program import Program, collect
from zkc.dsl import syntax as s
from zkc.dsl.check import Typed, check
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.parser import parse
from zkc.dsl.spans import Span
from zkc.dsl.types import ANY, POLYNOMIAL, Array, Struct

FRAMES = """
bus exec(clk: felt, pc: felt);
bus memory(address: felt, value: u32, time: felt, mark: felt) remembers latest by address;
struct u32 { lo: felt, hi: felt }
format r { rest:25 opcode:7; }
frame instruction {
  input clk: felt; input pc: felt; recv exec(clk, pc); let _slot = clk;
  body;
  result rd: u32 { } result pc: felt = pc { send exec(clk, pc); }
}
frame service {
  input clk: felt; input pc: felt; recv exec(clk, pc); operand a0: u32 = u32(lo = clk, hi = 0);
  body;
  result answer: u32 { } result pc: felt = pc { send exec(clk, pc); }
}
"""


def errors(text: str, *, alone: bool = False) -> list[Diagnostic]:
    """What is wrong with a file beside the machine's own, or with one that stands `alone`."""
    items = [] if alone else [item for name in sources() for item in items_of(name)]
    try:
        checked([*items, *parse(text, "mine.circ")], dict(sources()) | {"mine.circ": text})
    except DiagnosticError as error:
        return error.diagnostics
    return []


def gadget(body: str, params: str = "a: felt", outputs: str = "b: felt") -> str:
    return f"gadget mine({params}) -> {outputs} {{ {body} }}"


def insn(body: str) -> str:
    return f'family mine {{ format r opcode=0b0001011; assembly "{{name}}"; insn mine {{ {body} }} }}'


OTHER = """
frame other when op == op {
  input clk: felt; input pc: felt; recv exec(clk, pc); let _slot = clk;
  body;
  result rd: u32 { } result pc: felt = pc { send exec(clk, pc); }
}
"""
ALSO = insn("").replace("mine {", "mine also other {", 1)
REFUSED: dict[str, tuple[str, str, str]] = {
    # name: text that no table uses, the code, a part of the message
    "number above p": (gadget("let b = a + 2130706433 + 5;"), "E0304", "2130706433 is no element of the field"),
    "loop of 2^40": (gadget("for i in 0..2**40 { let c = a; } let b = a;"), "E0215", "goes round 1099511627776 times"),
    "unknown name": (gadget("let b = c;"), "E0204", "there is no `c` here"),
    "unknown name in a spec": (gadget("spec b = c;"), "E0204", "there is no `c` here"),
    "unknown name in an arm that is not taken": (gadget("let b = 1 ? a : c;"), "E0204", "there is no `c` here"),
    "unknown name in a loop without rounds": (gadget("for i in 0..0 { let c = d; } let b = a;"), "E0204", "there is no `d` here"),
    "name of a loop without rounds": (gadget("for i in 0..0 { let b = a; }"), "E0503", "never defines its output `b`"),
    "unknown gadget": (gadget("let b = nowhere(a);"), "E0204", "no gadget `nowhere`"),
    "unknown gadget in a hint": (gadget('hint b: felt = nowhere(a) because "x";'), "E0204", "no gadget `nowhere`"),
    "gadget in a hint": (gadget('hint b: felt = is_zero(a) because "x";'), "E0504", "`is_zero` is a gadget"),
    "too few arguments": (gadget("let b = add32(a);", "a: u32", "b: u32"), "E0210", "`add32` takes a, b; 1 given"),
    "argument of another name": (gadget("let b = is_zero(x = a);"), "E0210", "it has no `x`"),
    "argument of another type": (gadget("let b = is_zero(a);", "a: u32"), "E0205", "`a` is a felt; given an u32"),
    "array of another length": (gadget("let b = poseidon2(a)[0];", "a: felt[8]"), "E0205", "a felt[24]; given an array of 8"),
    "result of another type": (gadget("let b = a;", "a: u32"), "E0205", "`b` is a felt; given an u32"),
    "no operator": (gadget("let b = a / a;", "a: u32", "b: u32"), "E0209", "no gadget proves `u32 / u32`"),
    "operator of the integers": (gadget('hint c: u8 = a because "x"; let b = c % 2;'), "E0209", "`%` is not a polynomial operation"),
    "division by a column": (gadget('hint c: u8 = a because "x"; let b = 1 / c;'), "E0209", "`/` is not a polynomial operation"),
    "no field": (gadget("let b = a.low;", "a: u32"), "E0207", "no field `low` in this u32"),
    "no element": (gadget("let b = a[8];", "a: felt[8]"), "E0207", "the index 8 is outside"),
    "no element in the last round": (gadget("let b = sum([a[i + 1] for i in 0..8]);", "a: felt[8]"), "E0207", "the index 8 is outside"),
    "index that is a column": (gadget('hint c: u8 = 1 because "x"; let b = a[c];', "a: felt[8]"), "E0208", "an index is a constant"),
    "condition that is a column": (gadget('hint c: bit = a because "x"; let b = c ? 1 : a;'), "E0208", "is a constant; multiply"),
    "bound that is a column": (gadget('hint b: bit = a because "x"; for i in 0..b { let c = i; }'), "E0208", "loop bounds are constants"),
    "length of no array": (gadget("let b = a[0];", "a: felt[0]"), "E0205", "an array length is a constant from 1"),
    "two names, one value": (gadget("let b, c = is_zero(a);"), "E0210", "`is_zero` gives 1 values"),
    "two names, no call": (gadget("let b, c = a;"), "E0210", "several names take the results"),
    "dropped result": (gadget("is_zero(a); let b = a;"), "E0505", "a result of `is_zero` is dropped"),
    "spec of no output": (gadget("spec c = a; let b = a;"), "E0503", "`c` is not an output"),
    "spec twice": (gadget("spec b = a; spec b = a;"), "E0203", "the meaning of `b` is given twice"),
    "output never defined": (gadget("let c = a;"), "E0503", "never defines its output `b`"),
    "spec in a loop": (gadget("for i in 0..2 { spec b = a; } let b = a;"), "E0212", "does not belong here"),
    "condition in a gadget": (gadget("if a { let b = 1; } let b = a;"), "E0212", "only results are set under a condition"),
    "one integer for a list": (gadget('hint b: felt[2] = a because "x";', outputs="b: felt[2]"), "E0205", "one integer is no felt[…]"),
    "no such bus": (gadget("send nowhere(a); let b = a;"), "E0601", "no bus or fixed table `nowhere`"),
    "lookup of a bus": (gadget("lookup exec(a, a); let b = a;"), "E0602", "`exec` takes `send` or `recv`"),
    "message too short": (gadget("send exec(a); let b = a;"), "E0603", "`exec` carries 2 values, 1 are given"),
    "message of another type": (gadget("send halt(a); let b = a;"), "E0205", "`code` is a u32; given a felt"),
    "times and when": (gadget("send exec(a, a) times a when a; let b = a;"), "E0212", "`times` or `when`, not both"),
    "what only the witness knows": (gadget("assert latest memory(a).time == 1; let b = a;"), "E0501", "only known to the witness"),
    "latest of another bus": (gadget("let b = latest exec(a).time;"), "E0601", "does not remember"),
    "no such host call": (gadget("let b = host nothing();"), "E0204", "no `host nothing`"),
    "gadgets that call each other": (
        "gadget one(a: felt) -> b: felt { let b = two(a); } gadget two(a: felt) -> b: felt { let b = one(a); }",
        "E0211",
        "calls itself",
    ),
    "operator that is proven by itself": (
        "struct pair { a: felt, b: felt } impl pair + pair by plus;"
        "gadget plus(x: pair, y: pair) -> z: pair { let z = x + y; }",
        "E0211",
        "the gadget `plus` calls itself",
    ),
    "host in a table": ("table mine { let a = host input_word(0); }", "E0212", "are not executed"),
    "gadget that asks the host in a table": (
        "gadget asks() -> b: felt { let b = host input_word(0); }"
        "gadget mine() -> b: felt { let b = asks(); } table mine { let _a = mine(); }",
        "E0212",
        "are not executed",
    ),
    "gadget with an input in an environment call": (
        "gadget given() -> b: felt { input more: felt; let b = more; } service mine on ecall when 0 { let _a = given(); }",
        "E0204",
        "is given clk and pc, no `more`",
    ),
    "chain of 40 gadgets": (
        "".join(f"gadget g{i}(a: felt) -> b: felt {{ let b = g{i + 1}(a); }}\n" for i in range(40)) + gadget("let b = g0(a);")
        + "gadget g40(a: felt) -> b: felt { let b = a; }",
        "E0214",
        "inlined into each other more than 250 levels deep",
    ),
    "equation that never holds": (gadget("assert 1 == 0; let b = a;"), "E0306", "never holds: 1 is not 0"),
    "arm that is none": (gadget("let b = is(nothing);"), "E0204", "takes the name of an instruction"),
    "inverse of two": (gadget('hint b: felt = inverse(a, a) because "x";'), "E0210", "it is `inverse(a)`"),
    "row of an unknown name": ("fixed mine(v: felt) { (w) for v in 0..4; at v; }", "E0204", "`w` is not a constant"),
    "row with a call": ("fixed mine(v: felt) { (is_zero(v)) for v in 0..4; at v; }", "E0204", "not a constant expression"),
    "test of too many results": ('test "mine" { divide(1, 1, 1) == 1; }', "E0210", "gives 2 values"),
    "test with a list for a field element": ('test "mine" { is_zero([1]) == 1; }', "E0205", "`a` is a felt; given an array of 1"),
    "test with a number for a list": ('test "mine" { external_layer(1) == 1; }', "E0205", "`x` is a felt[24]; given a felt"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_nobody_calls_is_checked(name: str) -> None:
    text, code, message = REFUSED[name]
    found = errors(text)
    assert [d.code for d in found] == [code] and message in found[0].message, found
    assert found[0].span is not None and found[0].span.file == "mine.circ"


FRAMED: dict[str, tuple[str, str, str]] = {
    "result twice": (insn("rd = u32(lo = 1, hi = 0); rd = u32(lo = 2, hi = 0);"), "E0203", "set twice"),
    "result in a loop": (insn("for i in 0..2 { rd = u32(lo = i, hi = 0); }"), "E0203", "set twice"),
    "result of another type": (insn("rd = pc;"), "E0205", "`rd` is a u32; given a felt"),
    "no such result": (insn("rf = pc;"), "E0204", "the frame has no result `rf`"),
    "condition without a default": (insn("if pc { rd = pc; }"), "E0212", "has no default"),
    "input of an instruction": (insn("input time: felt;"), "E0204", "is given clk and pc, no `time`"),
    "result in a table": ("table mine { rd = 1; }", "E0212", "sets a result, which only the body"),
    "result before the body": ("frame other { result rd: felt { } body; }", "E0212", "stands before `body;`"),
    "operand in an instruction": (insn("operand a: felt = 1;"), "E0212", "does not belong here"),
    "name of a later statement": (insn("let a = next; let next = 1;"), "E0204", "there is no `next` here"),
    "service on nothing": ("service mine on nothing when 1 { }", "E0204", "no instruction `nothing`"),
    "guard of an unknown name": (insn("") + "service one on mine when b0 == 1 { }", "E0204", "there is no `b0` here"),
    "also in no frame": (insn("").replace("mine {", "mine also other {", 1), "E0204", "no frame `other`"),
    "also in a frame of any instruction": (insn("").replace("mine {", "mine also service {", 1), "E0212", "for which instructions"),
    "also with a field that is none": (OTHER.replace("op ==", "opp ==") + ALSO, "E0204", "receive no `insn.opp`"),
    "also without a result": (OTHER.replace("result rd: u32 { }", "") + ALSO, "E0204", "takes no result `rd`"),
    "also without a value": (OTHER.replace("let _slot = clk;", "") + ALSO, "E0204", "gives bodies no `_slot`"),
    "one arm without the result": (
        insn("").replace("insn mine", 'insn other { rd = u32(lo = 1, hi = 0); } insn mine').replace("insn other", "insn other rest=1"),
        "E0213",
        "`mine` does not set `rd`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMED)
def test_what_stands_in_a_frame_is_checked(name: str) -> None:
    text, code, message = FRAMED[name]
    found = [d for d in errors(FRAMES + text, alone=True) if d.code != "E0103"]
    assert [d.code for d in found] == [code] and message in found[0].message, found


def test_a_result_that_is_missing_is_said_of_the_arm() -> None:
    """The place was that of the frame, maybe in another file. It is the arm, and beside it another that sets the result, and the frame."""
    text = FRAMED["one arm without the result"][0]
    (found,) = (d for d in errors(FRAMES + text, alone=True) if d.code == "E0213")
    lines = (FRAMES + text).splitlines()

    def at(span: Span) -> str:
        return lines[span.line - 1][span.column - 1 :]

    assert found.span is not None and at(found.span).startswith("insn mine")
    assert [(at(span).split()[0], label) for span, label in found.labels] == [("rd", "set here"), ("result", "and there is no default")]


def test_a_machine_of_frames_alone_is_taken() -> None:
    assert errors(FRAMES + insn("rd = u32(lo = pc, hi = 0); if pc { pc = pc + 4; }"), alone=True) == []


def test_frames_without_a_bus_of_steps_are_refused() -> None:
    """It was so where a machine is compiled alone."""
    text = FRAMES.replace("recv exec(clk, pc);", "").replace("send exec(clk, pc);", "") + insn("rd = u32(lo = pc, hi = 0);")
    found = errors(text, alone=True)
    assert [d.code for d in found] == ["E0608", "E0608"] and all("takes clock and pc from one bus" in d.message for d in found), found


def test_all_errors_come_at_once_in_order_and_once() -> None:
    text = """const one = two;
type narrow = felt where x in 0..one;
struct pair { a: felt, b: nothing }
gadget first(a: narrow, b: pair) -> c: felt { let c = a + x; let d = x; assert d.e == c; }
gadget second(a: felt) -> b: felt { let b = first(a); }
gadget first(a: felt) -> b: felt { let b = a; }
table mine { send nowhere(second(1, 2)); }
"""
    found = errors(text)
    assert [(d.span.line if d.span else 0, d.code) for d in found] == [
        (1, "E0204"), (3, "E0206"), (4, "E0204"), (4, "E0204"), (5, "E0210"), (6, "E0203"), (7, "E0601"), (7, "E0210"),
    ]  # fmt: skip


def test_one_mistake_is_reported_once() -> None:
    body = "let x = nothing; let y = x.lo + x[3]; let z = is_zero(y); assert z * x == y; for i in 0..x { let q = x.a; } let b = x + y;"
    assert [d.message for d in errors(gadget(body))] == ["there is no `nothing` here"]


TAKEN: dict[str, str] = {
    "index that is an argument": gadget("let b = a[i % 8];", "a: felt[8], i: felt"),
    "index outside in an arm that is not taken": gadget("let b = sum([i == 0 ? a[0] : a[i - 1] for i in 0..8]);", "a: felt[8]"),
    "array that a loop replaces": gadget("let s = a; for r in 0..3 { let s = [s[0], s[1]]; } let b = s[0];", "a: felt[8]"),
    "counter that a loop replaces": gadget("let n = 0; for r in 0..3 { let n = n + a; } let b = n;"),
    "integers of what the witness knows": gadget('let t = latest memory(a).time % 5; hint b: felt = t because "x";'),
    "large numbers in a spec": gadget("spec b = (a + 2**40) % 2**16;"),
    "types of structs in structs": "struct two { a: u32, b: felt[2] }\n" + gadget("let b = x.a.lo + x.b[1];", "x: two"),
    "equation modulo p": gadget("assert 2130706432 == -1; let b = a;"),
    "equation that is never asked for": gadget("assert 1 == 0 when a; let b = a;"),
    "last round of a loop": gadget("for i in 0..8 { let c = a[i]; } let b = a[i];", "a: felt[8]"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_call_may_make_right_is_taken(name: str) -> None:
    assert errors(TAKEN[name]) == []


def stock() -> tuple[Program, Typed]:
    program = collect([item for name in sources() for item in items_of(name)], dict(sources()))
    return program, check(program, surroundings(program))


def test_every_expression_of_a_body_has_a_type() -> None:
    program, typed = stock()
    gadgets = program.gadgets
    (total,) = [x for x in gadgets["mul32"].body if isinstance(x, s.Let) and x.names == ("x",)]
    assert typed.type_of(total.value) == Array(ANY, 4)
    (word,) = [x for x in gadgets["xor32"].body if isinstance(x, s.Let) and x.names == ("one",)]
    assert typed.type_of(word.value) == Struct("u32")
    (used,) = [x for x in gadgets["is_zero"].body if isinstance(x, s.Assert) and x.label == "a zero is zero"]
    assert isinstance(used.left, s.Binary) and typed.type_of(used.left.left) == POLYNOMIAL
    for item in (*gadgets.values(), *program.tables.values()):
        for stmt in item.body:
            if isinstance(stmt, s.Let | s.Spec | s.Hint):
                typed.type_of(stmt.value)


def test_the_machine_has_nothing_wrong() -> None:
    _, typed = stock()
    assert not typed.diagnostics and not typed.warnings
