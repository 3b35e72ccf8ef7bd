"""Texts that passes cannot work with are refused by the verifier, before a pass sees them: each made one fail in Python once, or lose
something without a word."""

from __future__ import annotations

import pytest

from zkc.compiler.ir.operation import OpDef
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.dsl.diagnostics import DiagnosticError
from zkc.opt import Settings, optimise, parse_pipeline, texts
from zkc.runtime.errors import InputError

WORD = """"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"], types = ["felt", "felt"]} : () -> ()
"circ.struct"() {sym_name = "u32", fields = ["lo", "hi"], types = ["u16", "u16"]} : () -> ()
"circ.format"() {sym_name = "r", fields = ["rd"], lows = [7], widths = [5]} : () -> ()
"""
INSN = '"circ.insn"() {sym_name = "one", op = 1, format = @r, mask = 127, match = 51, uses = ["rd"], immediate = false} : () -> ()\n'
DECODE = """"circ.table"() ({
  %i = "circ.decode"() {fields = ["rd"], type = "u32"} : () -> !zkc.insn
}) {sym_name = "decode", kind = "given"} : () -> ()
"""
FRAME = """"circ.frame"() ({
  "circ.body"() {names = []} : () -> ()
}) {sym_name = "instruction", fields = ["rd"], type = "u32"} : () -> ()
"""
FAMILY = """"circ.family"() ({
  "circ.arm"() ({
  }) {name = "one"} : () -> ()
}) {sym_name = "one", uses = []} : () -> ()
"""
MACHINE = WORD + INSN + DECODE + FRAME + FAMILY
ROW = """"circ.type"() {sym_name = "digit", low = 0, high = 9} : () -> () "circ.type"() {sym_name = "u8", low = 0, high = 255} : () -> ()
"circ.fixed"() {sym_name = "digit", fields = ["v"]} : () -> ()
"circ.bus"() {sym_name = "memory", fields = ["address", "value", "time", "mark"], remembers = "address"} : () -> ()
"circ.bus"() {sym_name = "exec", fields = ["clk", "pc"], clock = "clk"} : () -> ()
"row.index"() ({
^bb0(%v: !zkc.int):
  "row.yield"(%v) : (!zkc.int) -> ()
}) {sym_name = "digit"} : () -> ()
"row.table"() ({
  %one = "row.is"() {arm = "one", slot = 0} : () -> !zkc.felt
  %g = "row.given"() {name = "clk", low = 0, high = 9} : () -> !zkc.int
  %c = "row.column"(%g) {name = "c", type = "digit", slot = 1} : (!zkc.int) -> !zkc.felt
  %k = "felt.constant"() {value = 1} : () -> !zkc.felt
  %r = "row.arms"() ({
    "bus.lookup"(%one, %c) {bus = @digit, label = "c: digit", checks = true} : (!zkc.felt, !zkc.felt) -> ()
    "row.yield"(%c) : (!zkc.felt) -> ()
  }) {names = ["one"]} : () -> !zkc.felt
  %m = "row.merge"(%r) {name = "m", slot = 2} : (!zkc.felt) -> !zkc.felt
  %n = "int.shl"(%g, %g) : (!zkc.int, !zkc.int) -> !zkc.int
  "bus.send"(%one, %c, %m) {bus = @exec, label = "send"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "step"} : () -> ()
"""
CALLS = """"circ.gadget"() ({
^bb0(%a: !zkc.felt):
  "circ.return"() : () -> ()
}) {sym_name = "g", params = ["a"], types = ["felt"], outputs = [], results = []} : () -> ()
"circ.table"() ({
  %x = "circ.input"() {name = "x", type = "bit"} : () -> !zkc.felt
  "circ.call"(%x) {callee = @g} : (!zkc.felt) -> ()
  %i = "circ.integer"(%x) : (!zkc.felt) -> !zkc.int
  %q = "circ.divide"(%i, %i) {name = "divide_signed"} : (!zkc.int, !zkc.int) -> !zkc.int
}) {sym_name = "t", kind = "given"} : () -> ()
"""
AIR = """"air.table"() ({
  %s = "air.column"() {name = "is_one", type = "bit"} : () -> !zkc.felt
  %a = "air.column"() {name = "a", type = "felt"} : () -> !zkc.felt
  %b = "air.column"() {name = "b", type = "felt"} : () -> !zkc.felt
  %d = "felt.sub"(%a, %b) : (!zkc.felt, !zkc.felt) -> !zkc.felt
  "air.constraint"(%d) {label = "a is b", kind = "definition"} : (!zkc.felt) -> ()
  "air.constraint"(%b) {label = "b is 0", kind = "assert", arms = ["one"], checks = 2} : (!zkc.felt) -> ()
  "air.batch"() {messages = []} : () -> ()
}) {sym_name = "t", arms = ["one"]} : () -> ()
"""
SEND = '"bus.send"(%one, %c, %m) {bus = @exec, label = "send"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()'
SQUARES = '%n0 = "int.constant"() {value = 3} : () -> !zkc.int\n' + "\n".join(
    f'%n{i + 1} = "int.mul"(%n{i}, %n{i}) : (!zkc.int, !zkc.int) -> !zkc.int' for i in range(40)
)
STRUCTS = "".join(
    f'"circ.struct"() {{sym_name = "s{i + 1}", fields = ["a", "b"], types = ["s{i}", "s{i}"]}} : () -> ()\n' for i in range(40)
)
ODD = {
    # name: text, what is replaced, by what, line, message
    "an instruction without a mask": (MACHINE, "mask = 127, ", "", 5, "`format` and `mask` and `match` come together"),
    "an instruction without a format": (
        MACHINE,
        ', format = @r, mask = 127, match = 51, uses = ["rd"], immediate = false',
        "",
        7,
        "a word is not known to be `one`: @one has no `format`, `mask` and `match`",
    ),
    "a use that is no field": (MACHINE, 'uses = ["rd"]', 'uses = ["rs1"]', 5, "the format @r has no field `rs1`"),
    "a field of no format": (MACHINE, 'ion", fields = ["rd"]', 'ion", fields = ["x"]', 9, "no `circ.format` has a field `x`"),
    "an immediate that is no struct": (MACHINE, '"u32"} : () -> !zkc.insn', '"u16"} : () -> !zkc.insn', 7, "an immediate is a struct"),
    "a field beyond the word": (MACHINE, "lows = [7]", "lows = [30]", 4, "fields are of a word of 32 bits"),
    "a field far beyond the word": (MACHINE, "lows = [7]", "lows = [99999999999]", 4, "fields are of a word of 32 bits"),
    "a family without instructions": (MACHINE, '  "circ.arm"() ({\n  }) {name = "one"} : () -> ()\n', "", 12, "has an arm for each"),
    "a frame without bodies": (MACHINE, '  "circ.body"() {names = []} : () -> ()\n', "", 9, "the bodies stand at one place"),
    "bounds without a type": (MACHINE, "uses = []", "uses = [], low = 1", 12, "`type` and `low` and `high` come together"),
    "a struct in itself": (MACHINE, 'types = ["u16", "u16"]', 'types = ["u16", "u32"]', 3, "holds no other that holds it"),
    "structs of structs": (STRUCTS, 'types = ["s0", "s0"]', 'types = ["felt", "felt"]', 13, "a struct has 4096 elements at most"),
    "an array that is too long": (MACHINE, 'types = ["u16", "u16"]', 'types = ["u16[5000]", "u16"]', 3, "`types` is an array of types"),
    "a field twice": (MACHINE, 'fields = ["lo", "hi"]', 'fields = ["lo", "lo"]', 3, "`fields` is an array of strings, each once"),
    "a type that starts above 0": (MACHINE, "low = 0, high = 65535", "low = 1, high = 65535", 1, "a type goes from 0"),
    "a kind of table that is none": (MACHINE, 'kind = "given"', 'kind = "gone"', 6, "`kind` is one of claim, given"),
    "a call of nothing": (CALLS, "callee = @g", "callee = @h", 7, "@h is declared nowhere"),
    "a call without its argument": (CALLS, "(%x) {callee = @g} : (!zkc.felt)", "() {callee = @g} : ()", 7, "`params` of @g are 1"),
    "a type that nobody declares": (CALLS, 'type = "bit"', 'type = "u9"', 6, "the type `u9` is declared nowhere"),
    "a division that is none": (CALLS, "divide_signed", "divide", 9, "`name` is one of divide_unsigned"),
    "arguments where none are": (ROW, '"row.table"() ({', '"row.table"() ({\n^bb0(%x: !zkc.felt):', 9, "its regions have no arguments"),
    "an argument too many of an index": (ROW, "^bb0(%v: !zkc.int):", "^bb0(%v: !zkc.int, %w: !zkc.int):", 5, "@digit has 1 fields"),
    "an index with an effect": (
        ROW,
        '  "row.yield"(%v) : (!zkc.int)',
        '  "step.retire"(%v) : (!zkc.int) -> ()\n  "row.yield"(%v) : (!zkc.int)',
        5,
        "is a function of its arguments alone",
    ),
    "a merge of something else": (ROW, '"row.merge"(%r)', '"row.merge"(%c)', 18, "takes what `row.arms` gives"),
    "an element of arms without a merge": (ROW, "(%one, %c, %m)", "(%one, %c, %r)", 20, "is taken by `row.merge` alone"),
    "no selector of an arm": (ROW, '{arm = "one", slot = 0}', '{arm = "two", slot = 0}', 14, "a table has a selector, `row.is`, of each"),
    "a number that is left out": (ROW, "slot = 2", "slot = 9", 18, "columns are numbered from 0 up, and none has the number 2"),
    "a number twice": (ROW, "slot = 2", "slot = 1", 18, "another column of the row has the number 1"),
    "a check of no column": (ROW, "(%one, %c) {bus = @digit", "(%one, %k) {bus = @digit", 15, "ends with it"),
    "one bound": (ROW, 'type = "digit", slot = 1', 'type = "digit", low = 1, slot = 1', 12, "`low` and `high` come together"),
    "a load where no step is": (
        '"row.table"() ({\n  %k = "int.constant"() {value = 1} : () -> !zkc.int\n  %l:3 = "step.load"(%k) {bus = @memory} : (!zkc.int) -> '
        '(!zkc.int, !zkc.int, !zkc.int)\n}) {sym_name = "u", kind = "given"} : () -> ()\n' + ROW,
        "", "", 3, "belongs to a step, and a table without arms has none",
    ),
    "a step of three fields": (ROW, '["clk", "pc"]', '["clk", "pc", "x"]', 4, "a step has a clock and a pc"),
    "a range without its table": (
        ROW, SEND, '"row.range"(%c) {type = "u8", label = "c"} : (!zkc.felt) -> ()', 20, "the fixed table @range, which proves this",
    ),
    "a range of everything": (ROW, SEND, '"row.range"(%c) {type = "felt", label = "c"} : (!zkc.felt) -> ()', 20, "every element is a felt"),
    "integers that grow without end": (ROW, "  %n =", f"{SQUARES}\n  %n =", 31, "bits; the most is 4096"),
    "no kind of an equation": (AIR, ', kind = "definition"', "", 6, "has no attribute `kind`"),
    "a definition of no column": (AIR, '"felt.sub"(%a, %b)', '"felt.add"(%a, %b)', 6, "a definition is a column minus its polynomial"),
    "a column that is made of itself": (AIR, '"felt.sub"(%a, %b)', '"felt.sub"(%a, %a)', 6, "made of columns that are computed before it"),
    "an arm of another table": (AIR, 'arms = ["one"], checks', 'arms = ["two"], checks', 7, "`arms` are those of the table: one"),
    "a column that is not there": (AIR, "checks = 2", "checks = 3", 7, "`checks` is the number of a column, and there are 3"),
    "a batch of no message": (AIR, "messages = []", "messages = [0]", 8, "the message 0 is in another batch"),
}  # fmt: skip


def refused(text: str, passes: str) -> list[tuple[int | None, str]]:
    """Lines and messages."""
    with pytest.raises(DiagnosticError) as caught:
        optimise(texts(text, "t.mlir", split=False)[0], Settings(parse_pipeline(passes)))
    return [(d.span and d.span.line, d.message) for d in caught.value.diagnostics]


@pytest.mark.parametrize("text", [MACHINE, CALLS, ROW, AIR])
def test_what_is_right_passes(text: str) -> None:
    assert optimise(texts(text, "t.mlir", split=False)[0], Settings(parse_pipeline("inline,share-columns,lower-step")))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_text_is_refused_where_it_is_odd(name: str) -> None:
    text, old, new, line, message = ODD[name]
    assert old in text
    found = refused(text.replace(old, new, 1), "")
    assert any(at == line and message in said for at, said in found), found


def test_a_word_that_is_no_two_halves() -> None:
    """The table that decodes words takes them apart."""
    text = MACHINE.replace('fields = ["lo", "hi"], types = ["u16", "u16"]', 'fields = ["lo"], types = ["u16"]')
    assert (7, "a word is two halves: `struct u32 { lo: u16, hi: u16 }`") in refused(text, "inline")


def test_a_default_of_another_type_than_its_result() -> None:
    """An arm that sets the result and one that does not would be merged."""
    result = """  "circ.result"() ({
    %k = "circ.number"() {value = 1} : () -> !zkc.felt
    "circ.yield"(%k) : (!zkc.felt) -> ()
  }, {
  ^bb0(%x: !zkc.struct.u32):
  }) {name = "rd", type = "u32"} : () -> !zkc.struct.u32
"""
    text = MACHINE.replace('  "circ.body"', result + '  "circ.body"')
    assert any("`rd` is a u32; given a felt" in said for _, said in refused(text, "inline"))


def test_shifts_without_a_number_of_bits_stay() -> None:
    """Their constants are not computed: one is below 0, and one has more bits than memory."""
    shift = '%n = "int.shl"(%g, %g)'
    for bits in (-1, 10**30):
        text = ROW.replace(shift, f'%b = "int.constant"() {{value = {bits}}} : () -> !zkc.int\n  %n = "int.shl"(%b, %b)')
        assert text != ROW
        assert optimise(texts(text, "t.mlir", split=False)[0], Settings(parse_pipeline("lower-fill")))


def test_an_option_below_its_least() -> None:
    with pytest.raises(InputError, match="the option `size` of `pair-messages` is 1 at least, not 0"):
        parse_pipeline("pair-messages{size=0}")


def test_places_of_operations_are_operations() -> None:
    """Names in declarations are not checked when they are declared."""
    definitions: list[OpDef] = list(DEFINITIONS.values())
    assert {name for d in definitions for name in d.within} <= DEFINITIONS.keys()
    assert all(d.regions for d in definitions if d.arguments is not None or d.inside is not None)
