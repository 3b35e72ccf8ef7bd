"""Small files beside the machine's own that must be refused: with which code, saying what, and naming which second place."""

from __future__ import annotations

import pytest

from tests.diagnostics.fuzz import Mutant, compile_touched, items_of, sources
from zkc.compiler.elaboration.context import Functions
from zkc.compiler.front import checked
from zkc.compiler.rows import elaborate_symbol
from zkc.dsl.diagnostics import Diagnostic, DiagnosticError
from zkc.dsl.parser import parse

INSN = 'family mine {{ format {format} opcode=0b0001011; assembly "{assembly}"; insn mine funct7=0b0000000 funct3=0b000 {{ {body} }} }}'


def insn(body: str, layout: str = "r", assembly: str = "{name}") -> str:
    """A family of one instruction."""
    return INSN.format(format=layout, assembly=assembly, body=body)


def bare(body: str, layout: str) -> str:
    """A family of one instruction without fixed fields."""
    return insn(body, layout).replace(" funct7=0b0000000 funct3=0b000", "")


def call(body: str, when: str = "phase == 9 and remaining != 0") -> str:
    """An environment call."""
    return f"service mine on ecall when {when} {{ {body} }}"


def gadget(body: str, params: str = "a: felt", outputs: str = "b: felt") -> str:
    return f"gadget mine({params}) -> {outputs} {{ {body} }}"


CASES: dict[str, tuple[str, str, str, str]] = {
    # name: text, code, a part of the message, the file of a second place ("" if there is none)
    "operator twice": ("impl u32 + u32 by sub32;", "E0203", "operator `u32 + u32` is declared twice", "alu.circ"),
    "claim twice": ("claim { }", "E0203", "two claims", "claim.circ"),
    "type of a built-in": ("type bit = felt where x in 0..16;", "E0203", "`bit` is built into the language", ""),
    "gadget of a built-in": ("gadget sum(a: felt) -> b: felt { let b = a; }", "E0203", "`sum` is built into the language", ""),
    "operator of the field": ("impl felt + felt by is_zero;", "E0203", "`felt + felt` is built into", ""),
    "type and struct": ("type u32 = felt where x in 0..2**16;", "E0203", "as a struct too", "machine.circ"),
    "family and table": (insn("rd = rs1;").replace("family mine", "family decode"), "E0203", "`decode` is declared twice", "cpu.circ"),
    "table of the compiler": ("table executor { }", "E0203", "built into", ""),
    "parameter twice": (gadget("let b = a;", "a: felt, a: felt"), "E0203", "parameter `a` is declared twice", "mine.circ"),
    "result twice": (gadget("let b = a;", outputs="b: felt, b: felt"), "E0203", "result `b` is declared twice", "mine.circ"),
    "parameter and result": (gadget("let a = 1;", outputs="a: felt"), "E0203", "as a parameter too", "mine.circ"),
    "field of a struct twice": ("struct pair { a: felt, a: felt }", "E0203", "field `a` is declared twice", "mine.circ"),
    "field of a bus twice": ("bus pair(a: felt, a: felt);", "E0203", "field `a` is declared twice", "mine.circ"),
    "carried by no field": ("bus pair(first: felt, b: felt) carries fist;", "E0608", "no field `fist` to carry", ""),
    "carried twice": ("bus pair(a: felt, b: felt) carries a, a;", "E0203", "carries `a` twice", ""),
    "carried and counted": ("bus pair(a: felt, b: felt) chain by a carries b, a;", "E0608", "`a` says how far a chain", ""),
    "chip of a machine": (
        "chip mine(a: felt) -> b: felt { let b = a; } table asks { input a: felt; let b = mine(a); recv exec(a, b); send exec(a, b); }",
        "E0609", "is asked in a machine", "",
    ),
    "bound by no bus": ("table mine { input a: felt bound by digst; send exec(a, a); }", "E0601", "no bus `digst`", ""),
    "bound by a bus that carries nothing": ("table mine { input a: felt bound by exec; send exec(a, a); }", "E0602", "carries nothing", ""),
    "survives what it cannot": (gadget('let b = a; assert a == 1 survives widen "no type";'), "E0212", "has no change `widen`", ""),
    "a constant survives": ('const more = 1 survives widen "no type";', "E0212", "has no change `widen`", ""),
    "operand of a field that the format lacks": (bare("rd = rs1;", "u"), "E0204", "needs `rs1`, and its format `u` has no field", ""),
    "a word of the pc": (insn("rd = u32(lo = pc, hi = 0);"), "E0212", "`pc` is that of the row", ""),
    "a jump that forgets where it stands": (insn("rd = rs1; pc = 4 * rs2.lo;"), "E0212", "does not go on from `pc`, once", ""),
    "a jump from twice the pc": (insn("rd = rs1; pc = pc + pc;"), "E0212", "does not go on from `pc`, once", ""),
    "a jump back from the pc": (insn("rd = rs1; pc = 8 - pc;"), "E0212", "does not go on from `pc`, once", ""),
    "also around no operand": (bare("rd = imm;", "u").replace("mine {", "mine also onto_rs1 {", 1), "E0204", "needs no `rs1`", ""),
    "also around a call": (
        insn("rd = rs1;").replace("mine {", "mine also onto_rs1 {", 1) + call("").replace("mine on ecall", "other on mine"),
        "E0204", "the frame `service` alone", "",
    ),
    "also twice": (insn("rd = rs1;").replace("mine {", "mine also onto_rs1 also onto_rs1 {", 1), "E0203", "twice", "mine.circ"),
    "field that the format lacks": (bare("rd = u32(lo = insn.rs2, hi = 0);", "u"), "E0204", "needs `rs2`, and its format `u`", ""),
    "result of a field that the format lacks": (bare("rd = u32(lo = 0, hi = 0);", "s"), "E0204", "needs `rd`, and its format `s`", ""),
    "survives in no field": (gadget('let b = a; recv exec(a, b) survives swap clok "";'), "E0204", "has no field `clok`", ""),
    "field of a format called as the op": ("format f { a:26 op:6; }", "E0203", "`op` is built into the language", ""),
    "field of a format called as the immediate": ("format f { imm:26 a:6; }", "E0203", "`imm` is built into the language", ""),
    "field that frames receive as the clock": (
        "format f { a:26 clk:6; } frame mine { recv program(0, insn.op, insn.clk, 0, 0, u32(lo = 0, hi = 0)); body; }",
        "E0203",
        "cannot receive a field of this name",
        "",
    ),
    "survives in what is no field": (gadget('let b = a; recv exec(a, b) survives swap 1 "";'), "E0204", "no field `…`", ""),
    "survives without a sum": (gadget('let b = a survives term a "";'), "E0204", "no such term in a sum", ""),
    "survives without that term": (gadget('let b = a + 1; spec b = a + 2 survives term 1 "";'), "E0204", "no such term in a sum", ""),
    "field of a format twice": ("format f { a:16 a:16; }", "E0203", "field `a` is declared twice", "mine.circ"),
    "field fixed twice": (
        insn("rd = rs1;").replace("funct3=0b000", "funct7=0b0000001"),
        "E0203",
        "`funct7` is declared twice",
        "mine.circ",
    ),
    "constant twice": ("const page_bytes = 1024;", "E0203", "constant `page_bytes` is declared twice", "machine.circ"),
    "bus twice": ("bus exec(clk: felt, pc: felt);", "E0203", "bus `exec` is declared twice", "cpu.circ"),
    "bus and fixed table": ("bus range(a: felt);", "E0203", "`range` is declared twice", "machine.circ"),
    "frame twice": ("frame service { body; }", "E0203", "frame `service` is declared twice", "cpu.circ"),
    "format twice": ("format r { a:32; }", "E0203", "format `r` is declared twice", "rv32i.circ"),
    "family twice": (insn("rd = rs1;").replace("family mine", "family lui"), "E0203", "family `lui` is declared twice", "rv32i.circ"),
    "instruction twice": (insn("rd = rs1;").replace("insn mine", "insn lui"), "E0203", "instruction `lui` is declared twice", "rv32i.circ"),
    "service twice": ("service brk on ecall when phase == 7 { }", "E0203", "service `brk` is declared twice", "services.circ"),
    "test twice": ('test "bits" { is_zero(0) == 1; }', "E0203", "test `bits` is declared twice", "alu.circ"),
    "generator twice": ("fixed mine(v: felt) { (v) for v in 0..2 for v in 0..2; at v; }", "E0203", "`v` is declared twice", "mine.circ"),
    "body twice": ("frame mine { body; body; }", "E0203", "two `body;` statements", "mine.circ"),
    "operand twice": (
        "frame mine { operand a: u32 = 1; operand a: u32 = 2; body; }",
        "E0203",
        "operand `a` is declared twice",
        "mine.circ",
    ),
    "result of a frame twice": (
        "frame mine { body; result a: felt { } result a: felt { } }",
        "E0203",
        "result `a` is declared twice",
        "mine.circ",
    ),
    "result set twice": (insn("rd = rs1; rd = rs2;"), "E0203", "the result `rd` is set twice", "mine.circ"),
    "result set again after a condition": (
        insn("if 1 { pc = imm; } pc = pc + 8;", "b").replace("funct7=0b0000000 ", ""),
        "E0203",
        "set twice",
        "mine.circ",
    ),
    "meaning twice": (gadget("spec b = a; spec b = a + 1;"), "E0203", "the meaning of `b` is given twice", "mine.circ"),
    "let twice": (gadget("let b, b = shift_parts(a);"), "E0203", "the same name", ""),
    "input twice": ("table mine { input a: felt; input a: felt; }", "E0203", "the input `a` of `mine` is declared twice", ""),
    "argument twice": (gadget("let b = is_zero(a = a, a = 2);"), "E0210", "one argument twice", ""),
    "misspelt result": (insn("rdd = rs1 + rs2;"), "E0204", "no result `rdd`", "cpu.circ"),
    "misspelt result under a condition": (insn("if 1 { pcc = pc; }"), "E0204", "no result `pcc`", "cpu.circ"),
    "result in a gadget": (gadget("rd = a; let b = a;"), "E0212", "only the body of an instruction", ""),
    "result in a shared part": (
        'family mine { format r opcode=0b0001011; assembly "{name}"; shared { rd = rs1; } insn mine funct7=0 funct3=0 { rd = rs1; } }',
        "E0212",
        "only the body of an instruction",
        "",
    ),
    "misspelt perform": (call("perform consum(4);"), "E0204", "no `perform consum`", ""),
    "misspelt host": (gadget('hint b: felt = host input_wrod() because "x";'), "E0204", "no `host input_wrod`", ""),
    "perform of too much": (call("perform consume(4, 5);"), "E0210", "takes 1 arguments, 2 are given", ""),
    "overlapping call": (call("answer = a0;", "phase == 0 and a7 == 66"), "E0216", "can both be meant", "services.circ"),
    "call of the same number": (
        call("answer = a0;", "phase == 0 and a7 == call_exit"),
        "E0216",
        "`exit` and `mine` can both be meant",
        "services.circ",
    ),
    "call that never is": (call("", "phase == 0 and phase == 1"), "E0216", "never made", ""),
    "impl by nothing": ("impl u32 / u32 by divde;", "E0204", "no gadget `divde`", ""),
    "impl of other types": ("impl u32 / u32 by is_zero;", "E0210", "takes two values and gives one", "alu.circ"),
    "impl for other types": ("impl u32 << felt by add32;", "E0205", "takes u32 and u32, not u32 and felt", "alu.circ"),
    "impl for a range": ("impl u16 + u16 by add32;", "E0206", "`u16` is neither", ""),
    "leading zero": ("const a = 007;", "E0201", "`007` is no number", ""),
    "empty hexadecimal": ("const a = 0x_;", "E0201", "`0x_` is no number", ""),
    "empty binary": (insn("rd = rs1;").replace("0b000 ", "0b_ "), "E0201", "`0b_` is no number", ""),
    "5 000 digits": (f"const a = {'9' * 5000};", "E0304", "5000 digits", ""),
    "5 000 digits in a format": (f"format f {{ a:{'9' * 5000}; }}", "E0304", "5000 digits", ""),
    "5 000 terms": (f"const a = {'+'.join(['1'] * 5000)};", "E0214", "nested more than", ""),
    "350 terms": (gadget(f"let b = {'+'.join(['a'] * 350)};"), "E0214", "nested more than", ""),
    "200 parentheses": (f"const a = {'(' * 200}1{')' * 200};", "E0214", "nested more than", ""),
    "3 000 signs": (f"const a = {'-' * 3000}1;", "E0214", "nested more than", ""),
    "3 000 lists": (f"const a = {'[' * 3000}1{']' * 3000};", "E0214", "nested more than", ""),
    "3 000 loops": (gadget("for i in 0..1 { " * 3000 + "}" * 3000), "E0214", "nested more than", ""),
    "3 000 conditions": (f"const a = {'1 ? 2 : ' * 3000}1;", "E0214", "nested more than", ""),
    "3 000 calls": (gadget(f"let b = {'is_zero(' * 3000}a{')' * 3000};"), "E0214", "nested more than", ""),
    "3 000 powers": (f"const a = 1{'**1' * 3000};", "E0214", "nested more than", ""),
    "3 000 fields": (gadget(f"let b = a{'.lo' * 3000};"), "E0214", "nested more than", ""),
    "chain of 300 gadgets": (
        "".join(f"gadget g{i}(a: felt) -> b: felt {{ let b = g{i + 1}(a); }}\n" for i in range(300))
        + "gadget g300(a: felt) -> b: felt { let b = a; }",
        "E0214",
        "inlined into each other",
        "mine.circ",
    ),
    "loop of 100 000": (gadget("for i in 0..100000 { let c = a; } let b = a;"), "E0215", "goes round 100000 times", ""),
    "loops in loops": (gadget("for i in 0..4096 { for j in 0..4096 { let c = a; } } let b = a;"), "E0215", "more than 500000 steps", ""),
    "loop that goes down": (gadget("for i in 3..0 { let c = a; } let b = a;"), "E0208", "from 3 to 0", ""),
    "doubling array": (gadget("let c = [a, a]; " + "let c = c + c; " * 40 + "let b = a;"), "E0215", "elements; the most is 4096", ""),
    "too many columns": (gadget('hint c: felt[4096] = a because "x"; let b = a;'), "E0205", "one integer is no felt", ""),
    "structs of structs": (
        "struct s0 { a: felt[4096] } struct s1 { a: s0[4096] } gadget mine(a: s1) -> b: felt { let b = 1; }",
        "E0215",
        "more than 4096 columns",
        "",
    ),
    "long name": (f"const {'a' * 300} = 1;", "E0201", "at most 80 characters", ""),
    "upper case": ("const fOo = 1;", "E0201", "unexpected character 'O'", ""),
    "null byte": ("const a = 1;\x00", "E0201", "unexpected character '\\x00'", ""),
    "open string": ('test "a', "E0201", "does not end on its line", ""),
    "open body": ("gadget mine(a: felt) {", "E0201", "end of the file", "mine.circ"),
    "number above p": (gadget("let b = a + 2130706433 + 5;"), "E0304", "no element of the field", ""),
    "word as a field element": (gadget("assert a == 2**32 - 1; let b = a;"), "E0304", "no element of the field", ""),
    "number of a bus above p": (call("send halt(u32(lo = 2**31, hi = 0));"), "E0304", "no element", ""),
    "exponent": ("const a = 2**10**9;", "E0304", "an exponent or a shift", ""),
    "tower": ("const a = 2**200; const b = a * a;", "E0304", "has 401 bits", ""),
    "shift to the left": ("const a = 1 << 1000000;", "E0304", "an exponent or a shift", ""),
    "division by zero": ("const a = 1 / (2 - 2);", "E0204", "division by zero", ""),
    "remainder by zero": (gadget('hint b: felt = 5 % 0 because "x";'), "E0204", "division by zero", ""),
    "constants in a circle": ("const a = b + 1; const b = a;", "E0211", "is a part of itself", "mine.circ"),
    "struct in itself": ("struct pair { a: pair, b: felt }", "E0211", "the struct `pair` is a part of itself", ""),
    "structs in a circle": ("struct one { a: two } struct two { a: one[3] }", "E0211", "is a part of itself", "mine.circ"),
    "gadget in itself": (gadget("let b = mine(a);"), "E0211", "calls itself", ""),
    "unknown type of a parameter": (gadget("let b = 1;", "a: number"), "E0206", "no type `number`", ""),
    "empty fixed table": ("fixed mine(v: felt) { (v) for v in 0..0; at v; }", "E0303", "has no rows", ""),
    "huge fixed table": ("fixed mine(v: felt) { (v) for v in 0..2**40; at v; }", "E0303", "more than 2^20 rows", ""),
    "fixed table of loops in loops": (
        "fixed mine(v: felt) { (v) for v in 0..2**10 for w in 0..2**10 for x in 0..2**10; }",
        "E0303",
        "more than 2^20 rows",
        "",
    ),
    "rows of another width": ("fixed mine(v: felt) { (v, v) for v in 0..4; at v; }", "E0603", "has 1 fields, its rows have 2", ""),
    "rows above p": ("fixed mine(v: felt) { (v * 2**31) for v in 0..4; at v; }", "E0304", "holds field elements", ""),
    "format of 33 bits": ("format f { a:1 b:32; }", "E0102", "33 bits, not 32", ""),
    "field of no bits": ("format f { a:0 b:32; }", "E0102", "1 to 32 bits, not 0", ""),
    "register of four bits": ("format f { rd:4 b:28; }", "E0104", "has 4 bits here", "rv32i.circ"),
    "moved register": ("format f { rd:5 b:27; }", "E0104", "stands in different places", "rv32i.circ"),
    "immediate outside": ("format f { b:32; imm: u32 = inst[32..1]; }", "E0105", "inst[31..0]", ""),
    "immediate upside down": ("format f { b:32; imm: u32 = inst[1..8]; }", "E0105", "the higher first", ""),
    "immediate too wide": ("format f { b:32; imm: felt = inst[31..0]; }", "E0105", "at most 30", ""),
    "immediate of another type": ("format f { b:32; imm: bit = inst[0]; }", "E0105", "a `u32` or a `felt`", ""),
    "unknown field of the assembly": (insn("rd = rs1;", assembly="{name} {nonsense}"), "E0101", "names `{nonsense}`", ""),
    "attribute in the assembly": (insn("rd = rs1;", assembly="{name.__class__}"), "E0101", "no field of its format", ""),
    "position in the assembly": (insn("rd = rs1;", assembly="{}"), "E0101", "no field of its format", ""),
    "brace in the assembly": (insn("rd = rs1;", assembly="{name"), "E0101", "malformed", ""),
    "named in a list": (gadget("let b = [a = 1];"), "E0210", "takes no named arguments", ""),
    "named in a message": ("table mine { send exec(clk = 1, pc = 2); }", "E0210", "takes no named arguments", ""),
    "struct by position": (gadget("let b = u32(1, 2);"), "E0210", "made with named fields", ""),
    "slice outside": (gadget("let b = slice([a, a], 0, 9);"), "E0207", "inside of 0 to 2", ""),
    "mixed array": (gadget("let b = [a, u32(lo = 1, hi = 2)];"), "E0205", "elements of one type", ""),
    "frame without a body": ("frame mine { }", "E0212", "where the body stands", ""),
    "second memory": ("bus mine(a: felt, v: u32, t: felt, m: felt) remembers latest by a;", "E0608", "one memory", "memory.circ"),
    "decode of something else": ("table mine { decode wrod as insn; }", "E0212", "the runtime gives the word", ""),
    "latest in a given table": ("table mine { input a: felt; let b = latest memory(a).value; }", "E0212", "are not executed", ""),
    "type error inside of a library": (
        "gadget choose(a: u32, i: felt) -> b: felt { let b = [a.lo, a.hi][i]; }\n" + insn("rd = pc_word(choose(rs1, rs2.lo));"),
        "E0208",
        "an index is a constant",
        "mine.circ",
    ),
}


def refused(text: str | bytes) -> list[Diagnostic]:
    with pytest.raises(DiagnosticError) as caught:
        compile_touched(Mutant("mine.circ", text.encode() if isinstance(text, str) else text, ()))
    assert "error[" in str(caught.value)
    return caught.value.diagnostics


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    text, code, message, second = CASES[name]
    found = [d for d in refused(text) if d.code == code and message in d.message]
    assert found, refused(text)
    assert all(d.span is not None for d in found)
    assert not second or any(span.file == second for d in found for span, _ in d.labels), found


def test_a_file_that_is_not_utf_8_is_refused_at_the_byte() -> None:
    (d,) = refused("const a = 1;\n// gr\xf6\xdfe".encode("latin-1"))
    assert d.span is not None and (d.code, d.span.line, d.span.column) == ("E0201", 2, 6) and "0xf6" in d.message


def test_marks_and_line_ends_of_other_systems_are_taken() -> None:
    compile_touched(Mutant("mine.circ", "\ufeffconst mine = 1;\r\n// x\r\n".encode(), ()))
    compile_touched(Mutant("mine.circ", b"", ()))


def test_meanings_of_meanings_do_not_grow_without_end() -> None:
    """The compiler went on with numbers of 2^30 bits until there was no memory."""
    squares = "".join(f"let y{i + 1} = square(y{i}); " for i in range(30))
    table = f"table mine {{ input y0: felt; {squares}assert y30 == 0; }}"
    gadget = "gadget square(a: felt) -> r: felt { spec r = a * a; let r = column(a * a); }"
    items = [*(item for name in sources() for item in items_of(name)), *parse(f"{gadget}\n{table}", "mine.circ")]
    program, _ = checked(items, dict(sources()) | {"mine.circ": f"{gadget}\n{table}"})
    with pytest.raises(DiagnosticError, match=r"E0304\]: this integer may have \d+ bits; the most is 4096"):
        elaborate_symbol(program, Functions(), ("tables", "mine"))
