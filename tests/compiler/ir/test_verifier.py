"""The verifier refuses what is wrong, once, and says what and where. Each mistake is planted in a module that is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.compiler.machines import ROOT
from zkc.compiler.dialects import felt
from zkc.compiler.dialects.all import __all__ as DIALECTS
from zkc.compiler.ir.attributes import KINDS, OF_OPERATION, kind_of
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import FELT, INT, Operation, Region
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.references import NAMES
from zkc.compiler.ir.registry import DEFINITIONS
from zkc.compiler.ir.stages import STAGE_OF_DIALECT, STAGES
from zkc.compiler.ir.verifier import check, verify
from zkc.dsl.diagnostics import DiagnosticError

RIGHT = """
"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()
"circ.bus"() {sym_name = "memory", fields = ["address", "value"], lows = [0, 0], known = "address"} : () -> ()
"circ.fixed"() {sym_name = "range", fields = ["bits", "v"]} : () -> ()
"felt.func"() ({
^bb0(%x: !zkc.felt):
  "felt.return"(%x) : (!zkc.felt) -> ()
}) {sym_name = "same"} : () -> ()
"row.index"() ({
^bb0(%bits: !zkc.int, %v: !zkc.int):
  "row.yield"(%v) : (!zkc.int) -> ()
}) {sym_name = "range"} : () -> ()
"row.guards"() ({
  %0 = "int.constant"() {value = 1} : () -> !zkc.int
  "row.yield"(%0) : (!zkc.int) -> ()
}) {sym_name = "guards", kind = "guards", names = ["exit"]} : () -> ()
"row.table"() ({
  %s1 = "row.is"() {arm = "one"} : () -> !zkc.felt %s2 = "row.is"() {arm = "two"} : () -> !zkc.felt
  %g = "row.given"() {name = "a", low = 0, high = 65535} : () -> !zkc.int
  %a = "row.column"(%g) {name = "a", type = "u16"} : (!zkc.int) -> !zkc.felt
  "row.range"(%a) {type = "u16", label = "a: u16"} : (!zkc.felt) -> ()
  %one = "felt.constant"() {value = 1} : () -> !zkc.felt
  %i = "int.call"(%g) {callee = @same, index = 0} : (!zkc.int) -> !zkc.int
  %y = "row.arms"() ({
    %s = "felt.add"(%a, %one) : (!zkc.felt, !zkc.felt) -> !zkc.felt
    "row.yield"(%s) : (!zkc.felt) -> ()
  }, {
    "row.yield"(%a) : (!zkc.felt) -> ()
  }) {names = ["one", "two"]} : () -> !zkc.felt
  %r = "row.merge"(%y) {name = "r"} : (!zkc.felt) -> !zkc.felt
  "bus.send"(%one, %a, %r) {bus = @memory, label = "send"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  "bus.lookup"(%one, %one, %a) {bus = @range, label = "a"} : (!zkc.felt, !zkc.felt, !zkc.felt) -> ()
  "row.assert"(%a, %one) {label = "is one"} : (!zkc.felt, !zkc.felt) -> ()
}) {sym_name = "t", kind = "step"} : () -> ()
"""

SEND = '(%one, %a, %r) {bus = @memory, label = "send"} : (!zkc.felt, !zkc.felt, !zkc.felt)'
DECLARED = '"circ.type"() {sym_name = "u16", low = 0, high = 65535} : () -> ()'
WRONG = {
    "illegal in its stage": (
        '"row.range"(%a) {type = "u16", label = "a: u16"}',
        '"air.constraint"(%a) {label = "x", kind = "assert"}',
        21,
        "`air.constraint`: has no place in the stage `row`",
    ),
    "operand of another type": (
        '"felt.add"(%a, %one) : (!zkc.felt, !zkc.felt)',
        '"felt.add"(%a, %g) : (!zkc.felt, !zkc.int)',
        25,
        "`felt.add`: takes (felt, felt), not (felt, int)",
    ),
    "too few operands": (
        '"felt.add"(%a, %one) : (!zkc.felt, !zkc.felt)',
        '"felt.add"(%a) : (!zkc.felt)',
        25,
        "`felt.add`: takes (felt, felt), not (felt)",
    ),
    "too few operands of many": (SEND, '() {bus = @memory, label = "send"} : ()', 31, "`bus.send`: takes (felt, felt, …), not ()"),
    "result of another type": (
        '"felt.constant"() {value = 1} : () -> !zkc.felt\n  %i',
        '"int.constant"() {value = 1} : () -> !zkc.felt\n  %i',
        22,
        "`int.constant`: gives (int), not (felt)",
    ),
    "too many results": (
        '%g = "row.given"() {name = "a", low = 0, high = 65535} : () -> !zkc.int',
        '%g, %h = "row.given"() {name = "a", low = 0, high = 65535} : () -> (!zkc.int, !zkc.int)',
        19,
        "`row.given`: gives (int), not (int, int)",
    ),
    "no attribute": ('{name = "a", type = "u16"}', '{type = "u16"}', 20, "`row.column`: has no attribute `name`"),
    "another attribute": ('{name = "a", type', '{nam = 1, name = "a", type', 20, "`row.column`: takes no attribute `nam`"),
    "attribute of another kind": ('"a", low = 0', '"a", low = "0"', 19, "`row.given`: `low` is an integer"),
    "true is no integer": ('"a", low = 0', '"a", low = true', 19, "`row.given`: `low` is an integer"),
    "index below 0": ("index = 0", "index = -1", 23, "`int.call`: `index` is an integer from 0 up"),
    "a list with something else": ('["one", "two"]', '["one", 2]', 24, "`row.arms`: `names` is an array of strings, each once"),
    "a string for a symbol": ("bus = @memory", 'bus = "memory"', 31, "`bus.send`: `bus` is a symbol"),
    "a region too few": ('({\n^bb0(%x: !zkc.felt):\n  "felt.return"(%x) : (!zkc.felt) -> ()\n})', "", 5, "`felt.func`: needs a region"),
    "a region too many": (
        '"felt.return"(%x) : (!zkc.felt) -> ()\n}',
        '"felt.return"(%x) : (!zkc.felt) -> ()\n}, {}',
        5,
        "`felt.func`: has one region, not 2",
    ),
    "a region where none is": ('"row.range"(%a)', '"row.range"(%a) ({})', 21, "`row.range`: has no region"),
    "its own rule": ('["one", "two"]', '["one"]', 24, "`row.arms`: each arm has a name and a region"),
    "no end": ('  "felt.return"(%x) : (!zkc.felt) -> ()\n', "", 5, "`felt.func`: ends with `felt.return`"),
    "no end of an index": ('"row.yield"(%v) : (!zkc.int)', '"row.yield"() : ()', 9, "`row.index`: ends with `row.yield` of one integer"),
    "a condition too few": (
        'names = ["exit"]',
        'names = ["exit", "brk"]',
        13,
        "`row.guards`: ends with `row.yield` of a condition for each name",
    ),
    "something after the end": (
        '"row.yield"(%a) : (!zkc.felt) -> ()',
        '"row.yield"(%a) : (!zkc.felt) -> ()\n"row.yield"(%a) : (!zkc.felt) -> ()',
        28,
        "`row.yield`: ends a region, and something follows it",
    ),
    "an arm without an end": ('    "row.yield"(%a) : (!zkc.felt) -> ()\n', "", 24, "`row.arms`: an arm ends with `row.yield`"),
    "a symbol in a body": (
        '"row.range"(%a) {type = "u16", label = "a: u16"} : (!zkc.felt) -> ()',
        '"circ.type"() {sym_name = "u8", low = 0, high = 1} : () -> ()',
        21,
        "`circ.type`: declares a symbol, so it stands in a module",
    ),
    "no symbol in a module": (
        '"circ.fixed"',
        '"felt.constant"() {value = 1} : () -> !zkc.felt "circ.fixed"',
        4,
        "`felt.constant`: declares no symbol, so it does not stand in a module",
    ),
    "a bus that is none": ("bus = @memory", "bus = @memroy", 31, "`bus.send`: @memroy is declared nowhere: no circ.bus has that name"),
    "a fixed table is no bus": ("bus = @memory", "bus = @range", 31, "`bus.send`: @range is declared nowhere: no circ.bus has that name"),
    "a function that is none": (
        "callee = @same",
        "callee = @other",
        23,
        "`int.call`: @other is declared nowhere: no felt.func has that name",
    ),
    "a type that is none": (
        'name = "a", type = "u16"',
        'name = "a", type = "u8"',
        20,
        "`row.column`: the type `u8` is declared nowhere: no circ.type has that name",
    ),
    "a message of another width": (
        SEND,
        '(%one, %a) {bus = @memory, label = "send"} : (!zkc.felt, !zkc.felt)',
        31,
        "`bus.send`: @memory has messages of 2 elements, this has 1",
    ),
    "a symbol twice": (DECLARED, f"{DECLARED} {DECLARED}", 2, "`circ.type`: @u16 is declared twice"),
    "bounds the wrong way round": (
        "low = 0, high = 65535} : () -> ()",
        "low = 1, high = 0} : () -> ()",
        2,
        "`circ.type`: `low` is above `high`",
    ),
    "a field that is none": ('known = "address"', 'known = "pc"', 3, "`circ.bus`: `known` is none of `fields`"),
    "fields and their bits": ("lows = [0, 0]", "lows = [0]", 3, "`circ.bus`: `lows` has a number for each of `fields`"),
    "no fraction": (
        "{value = 1} : () -> !zkc.felt",
        "{value = 1, over = 1} : () -> !zkc.felt",
        22,
        "`felt.constant`: `over` is more than 1 and no multiple of p",
    ),
}


def test_what_is_right_passes() -> None:
    assert verify(read_module(RIGHT), closed=True) == []
    check(read_module(RIGHT), closed=True)


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_found_and_shown_where_it_is(mistake: str) -> None:
    old, new, line, message = WRONG[mistake]
    assert old in RIGHT
    text = RIGHT.replace(old, new, 1)
    found = verify(read_module(text, "t.mlir"), closed=True)
    assert [(d.code, d.message, d.span and d.span.line) for d in found] == [("E0702", message, line)]
    with pytest.raises(DiagnosticError, match="E0702"):
        check(read_module(text), closed=True)


def test_the_symbol_is_named() -> None:
    (found,) = verify(read_module(RIGHT.replace("callee = @same", "callee = @sam")))
    assert found.notes == ("in `row.table` @t",)
    assert found.help == "did you mean `same`?"


def test_names_are_asked_for_where_their_kind_is_declared() -> None:
    """A table alone is right, unless the module is said to be closed."""
    alone = Module(op for op in read_module(RIGHT) if op.name == "row.table")
    assert verify(alone) == []
    assert len(verify(alone, closed=True)) == 5


def add(region: Region, *operands: object) -> Operation:
    op = Operation(felt.ADD, operands)  # type: ignore[arg-type]
    region.operations.append(op)
    return op


def table(module: Module) -> Region:
    return module.find("row.table", "t").regions[0]


def messages(module: Module) -> list[str]:
    return [d.message for d in verify(module)]


NOT_VISIBLE = "`felt.add`: operand 0 is not defined before it, or not visible here"


def test_a_value_is_not_used_before_it_is_made() -> None:
    """Such a module is no text: passes can make it."""
    module = read_module(RIGHT)
    body = table(module)
    made = add(body, *[body.operations[1].result] * 2)
    used = add(body, made.result, body.operations[1].result)
    assert messages(module) == []
    body.operations[-2:] = [used, made]
    assert messages(module) == [NOT_VISIBLE]


def test_a_value_of_an_arm_stays_in_it() -> None:
    module = read_module(RIGHT)
    body = table(module)
    (arms,) = (op for op in body if op.name == "row.arms")
    inside = arms.regions[0].operations[0].result
    add(body, inside, body.operations[1].result)
    assert messages(module) == [NOT_VISIBLE]


def test_a_value_of_a_sibling_is_not_seen() -> None:
    module = read_module(RIGHT)
    (arms,) = (op for op in table(module) if op.name == "row.arms")
    inside = arms.regions[0].operations[0].result
    arms.regions[1].operations.insert(0, Operation(felt.ADD, (inside, inside)))
    assert len(messages(module)) == 2


def test_a_value_of_another_symbol_is_not_seen() -> None:
    module = read_module(RIGHT)
    (argument,) = module.find("felt.func", "same").regions[0].arguments
    add(table(module), argument, table(module).operations[1].result)
    assert messages(module) == [NOT_VISIBLE]


def test_a_value_does_not_use_itself() -> None:
    module = read_module(RIGHT)
    op = add(table(module), *[table(module).operations[1].result] * 2)
    op.operands = (op.result, op.operands[1])
    assert messages(module) == [NOT_VISIBLE]


def test_an_operation_that_nobody_declared() -> None:
    module = read_module(RIGHT)
    module.operations.append(Operation(replace(felt.ADD, name="felt.plus"), (), {}, (FELT,)))
    assert "`felt.plus`: there is no such operation" in messages(module)
    module.operations[-1] = Operation(replace(felt.ADD), (), {}, (INT,))  # declared, but not by that
    assert "`felt.add`: there is no such operation" in messages(module)


@pytest.mark.parametrize("stage", ["air", "step", "fill", "circ"])
def test_a_stage_that_is_asked_for_holds_for_all(stage: str) -> None:
    wrong = {d.message for d in verify(read_module(RIGHT), stage)}
    assert f"`row.table`: has no place in the stage `{stage}`" in wrong


# The tables that the verifier reads


def test_every_attribute_that_is_declared_has_a_kind() -> None:
    declared = {(op.name, name) for op in DEFINITIONS.values() for name in (*op.attributes, *op.optional)}
    for op, name in declared:
        assert kind_of(op, name)
    assert set(KINDS) == {name for op, name in declared if (op, name) not in OF_OPERATION} | {"checks"}
    assert set(OF_OPERATION) <= declared
    assert set(NAMES) <= declared


def test_every_dialect_is_known_and_stands_in_a_stage() -> None:
    files = {path.stem for path in (ROOT / "compiler" / "dialects").glob("*.py")} - {"all", "__init__"}
    assert set(DIALECTS) == files
    prefixes = {name.partition(".")[0] for name in DEFINITIONS}
    legal = set().union(*STAGES.values())
    assert {name.partition(".")[0] for name in legal} == prefixes
    assert {name for name in legal if "." in name} <= set(DEFINITIONS)
    assert set(STAGE_OF_DIALECT.values()) <= set(STAGES)
