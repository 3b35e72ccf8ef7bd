"""Printed and read back, operations are the same: by us, and by other tools that know MLIR."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from xdsl.xdsl_opt_main import xDSLOptMain

from tests.compiler.machines import AFTER_ROW, ROW, STAGES, module, run
from tests.compiler.variants import MACHINES
from zkc.compiler.dialects import circ, felt, integer, row
from zkc.compiler.ir.builder import Builder
from zkc.compiler.ir.equality import difference, equal
from zkc.compiler.ir.locations import Location
from zkc.compiler.ir.module import Module
from zkc.compiler.ir.operation import FELT, INT, Attribute, Operation, Region, Symbol
from zkc.compiler.ir.printer import print_module, print_operation
from zkc.compiler.ir.reader import read_module
from zkc.compiler.ir.verifier import verify
from zkc.dsl.spans import Span
from zkc.runtime.collector import collector_off

LARGE = 150
"""Operations of a table that xdsl-opt takes long for: about a millisecond each."""
MLIR_OPT = next((found for name in ("mlir-opt", "mlir-opt-19", "mlir-opt-16") if (found := shutil.which(name))), None)

USUAL = ("circuits", "extension")
OTHERS = [pytest.param(m, marks=pytest.mark.xdist_group(f"{m} in stages")) for m in MACHINES if m not in USUAL]
"""Machines in all stages; to compile one of the others takes ten seconds and more, so one test asks everything of each."""

every_stage = pytest.mark.parametrize("stage", STAGES)
usual_machines = pytest.mark.parametrize("machine", USUAL)
other_machines = pytest.mark.parametrize("machine", OTHERS)


def reads_back(before: Module) -> None:
    """What is printed is read back as it was, and names what it declares."""
    with collector_off():
        text = print_module(before)
        after = read_module(text)
        assert difference(before, after) is None
        assert print_module(after) == text
        assert verify(after, closed=True) == []


def valid(machine: str, stage: str) -> None:
    """The tables of a machine are what may stand in their stage."""
    tables = [op for op in module(machine, stage) if op.name.startswith(f"{STAGES[stage]}.")]
    assert tables
    assert verify(tables, STAGES[stage]) == []


@every_stage
@usual_machines
def test_every_table_reads_back_as_it_was(machine: str, stage: str) -> None:
    reads_back(module(machine, stage))


@every_stage
@usual_machines
def test_every_table_is_valid_in_its_stage(machine: str, stage: str) -> None:
    valid(machine, stage)


def through_xdsl(text: str, folder: Path) -> str:
    """What xdsl-opt prints of a text, with locations."""
    (folder / "in.mlir").write_text(text, encoding="utf-8")
    options = ["--allow-unregistered-dialect", "--print-op-generic", "--print-debuginfo"]
    with collector_off():
        xDSLOptMain(args=[*options, str(folder / "in.mlir"), "-o", str(folder / "out.mlir")]).run()
    return (folder / "out.mlir").read_text(encoding="utf-8")


def size(op: Operation) -> int:
    return sum(1 for region in op.regions for _ in region.walk())


@every_stage
def test_xdsl_reprints_what_reads_back_the_same(stage: str, tmp_path: Path) -> None:
    small = Module(op for op in module("circuits", stage) if size(op) < LARGE)
    assert len(small.operations) > 30
    assert difference(small, read_module(through_xdsl(print_module(small), tmp_path))) is None


def large(stage: str) -> list[Operation]:
    """The tables that xdsl-opt takes long for."""
    return [op for op in module("circuits", stage) if size(op) >= LARGE]


@every_stage
def test_xdsl_reprints_some_large_tables(stage: str, tmp_path: Path) -> None:
    """Others at each stage, so that each is tried about once."""
    tables, stages = large(stage), list(STAGES)
    some = Module(tables[stages.index(stage) % len(tables) :: len(stages)])
    assert difference(some, read_module(through_xdsl(print_module(some), tmp_path))) is None


@pytest.mark.whole
@every_stage
def test_xdsl_reprints_large_tables(stage: str, tmp_path: Path) -> None:
    tables = Module(large(stage))
    assert difference(tables, read_module(through_xdsl(print_module(tables), tmp_path))) is None


def share(machine: str, stage: str) -> Module:
    """Some tables of another machine, others at each stage, so that each is tried about once."""
    tables, first = module(machine, stage).operations, list(STAGES).index(stage)
    small, others = ([op for op in tables if (size(op) < LARGE) is each] for each in (True, False))
    return Module([*small[first :: len(STAGES)], *others[first :: 2 * len(STAGES)]])


@pytest.mark.slow
@every_stage
@other_machines
def test_other_machines_read_back_as_they_were(machine: str, stage: str, tmp_path: Path) -> None:
    """By us, all tables; by xdsl-opt, some."""
    reads_back(module(machine, stage))
    valid(machine, stage)
    some = share(machine, stage)
    assert some.operations
    assert difference(some, read_module(through_xdsl(print_module(some), tmp_path))) is None


@pytest.mark.whole
@every_stage
@other_machines
def test_xdsl_reprints_every_table_of_other_machines(machine: str, stage: str, tmp_path: Path) -> None:
    tables = module(machine, stage)
    assert difference(tables, read_module(through_xdsl(print_module(tables), tmp_path))) is None


@pytest.mark.skipif(MLIR_OPT is None, reason="mlir-opt is not installed")
@pytest.mark.parametrize("options", [("--mlir-print-op-generic", "--mlir-print-debuginfo"), ("--mlir-print-debuginfo",), ()])
@every_stage
def test_mlir_reprints_what_reads_back_the_same(stage: str, options: tuple[str, ...]) -> None:
    """Without `--mlir-print-debuginfo` there are no locations; without `--mlir-print-op-generic` modules are written `module { … }`."""
    assert MLIR_OPT is not None
    before = module("circuits", stage)
    command = [MLIR_OPT, "--allow-unregistered-dialect", *options]
    done = subprocess.run(command, input=print_module(before), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:1000]
    assert difference(before, read_module(done.stdout), locations="--mlir-print-debuginfo" in options) is None


# What machines do not have, or not all of it


def table(*attributes: tuple[str, Attribute]) -> tuple[Region, Module]:
    """A table, and a module with that alone."""
    body = Region()
    return body, Module([Operation(row.TABLE, (), {"sym_name": "t", **dict(attributes)}, (), (body,))])


def back(module: Module) -> Module:
    """Printed and read."""
    return read_module(print_module(module))


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**40, -(10**300)])
def test_integers_have_a_type_that_holds_them(value: int, tmp_path: Path) -> None:
    body, module = table()
    Builder(body).constant(value, INT)
    text = print_module(module)
    bits = int(text.split("value = ")[1].split("}")[0].split(": i")[1])
    assert bits % 64 == 0 and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
    assert difference(module, read_module(text)) is None
    assert difference(module, read_module(through_xdsl(text, tmp_path))) is None


TEXTS = [
    "",
    "a b",
    '"quoted"',
    "back\\slash",
    "line\nend\ttab",
    "\x00\x1b[31m",
    "ä ∑ 𝔽",
    "\udcff",
    "loc(",
    "}) : () -> ()",
    "// no",
    "é" * 300,
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_strings_of_all_kinds(text: str) -> None:
    body, module = table(("kind", text))
    Builder(body).create(integer.CALL, (), {"callee": Symbol(text or "x"), "index": 0}, loc=Location(Span(text, 1, 2, 1, 3)))
    assert difference(module, back(module)) is None
    assert print_module(module).isascii()


def test_attributes_of_all_kinds() -> None:
    nested: Attribute = (1, -1, True, False, "s", Symbol("a.b$"), Symbol("a b"), (), (("x",), (2**70,)))
    _, module = table(("kind", nested), ("names", ()))
    assert difference(module, back(module)) is None


def test_calls_in_locations() -> None:
    calls = (("outer", Span("a.circ", 1, 2, 1, 3)), ("in ner", Span("b.circ", 3, 4, 3, 5)), ("last", Span("c.circ", 5, 6, 5, 7)))
    body, module = table()
    Builder(body).create(row.GIVEN, (), {"name": "x", "low": 0, "high": 1}, loc=Location(Span("d.circ", 7, 8, 7, 9), calls))
    text = print_module(module)
    at_outer = 'callsite("outer"("b.circ":3:4) at "a.circ":1:2)'
    assert f'loc(callsite("last"("d.circ":7:8) at callsite("in ner"("c.circ":5:6) at {at_outer})))' in text
    assert difference(module, back(module)) is None


def test_symbols_of_two_kinds_may_have_one_name(tmp_path: Path) -> None:
    def declared(definition: object, **more: Attribute) -> Operation:
        return Operation(definition, (), {"sym_name": "same", **more})  # type: ignore[arg-type]

    first, second = declared(circ.TYPE, low=0, high=1), declared(circ.FIXED, fields=("x",))
    module = Module([first, second, declared(circ.TYPE, low=0, high=2)])
    text = print_module(module)
    assert text.count('"builtin.module"') == 4
    assert difference(module, read_module(through_xdsl(text, tmp_path))) is None
    assert print_module(Module([first])).count('"builtin.module"') == 1


def test_names_begin_anew_in_each_symbol() -> None:
    """An edit of one table changes the text of that table alone."""
    body, module = table()
    Builder(body).constant(1, FELT)
    other = print_operation(module.operations[0])
    longer = Module([back(module).operations[0], *module])
    Builder(longer.operations[0].regions[0]).constant(2, FELT)
    assert "\n".join("  " + line for line in other.splitlines()) in print_module(longer)


def test_an_operation_alone_names_what_comes_from_outside() -> None:
    outer = Region((INT,))
    (argument,) = outer.arguments
    inner = Builder(Region()).create(row.YIELD, (argument, Builder(outer).constant(5, FELT), argument))
    assert print_operation(inner, locations=False) == '"row.yield"(%in0, %in1, %in0) : (!zkc.int, !zkc.felt, !zkc.int) -> ()\n'


def test_packs_of_results() -> None:
    text = """
      "row.table"() ({
        %x = "felt.constant"() {value = 1} : () -> !zkc.felt
        %y = "int.constant"() {value = 1} : () -> !zkc.int
        %a, %b:2 = "row.arms"() ({ "row.yield"(%x, %y, %x) : (!zkc.felt, !zkc.int, !zkc.felt) -> () }) {names = ["one"]}
          : () -> (!zkc.felt, !zkc.int, !zkc.felt)
        "row.yield"(%b#1, %a, %b#0) : (!zkc.felt, !zkc.felt, !zkc.int) -> ()
      }) {sym_name = "t"} : () -> ()"""
    (op,) = read_module(text)
    arms, end = op.regions[0].operations[2:]
    assert end.operands == (arms.results[2], arms.results[0], arms.results[1])
    assert "%2:3 = " in print_operation(op)
    assert '"row.yield"(%2#2, %2#0, %2#1)' in print_operation(op)


def test_an_operation_without_a_location_comes_from_the_text() -> None:
    (op,) = read_module('\n  "row.table"() ({\n}) {sym_name = "t"} : () -> ()', "f.mlir")
    assert str(op.loc) == '"f.mlir":2:3'


def test_names_of_locations_may_follow_their_uses() -> None:
    text = """
      #one = loc("a.circ":1:2)
      "circ.fixed"() {sym_name = "x", fields = []} : () -> () loc(#last)
      #gadget = loc("g"(#one))
      #last = loc(callsite(#gadget at #one))"""
    (op,) = read_module(text)
    assert str(op.loc) == 'callsite("g"("a.circ":1:2) at "a.circ":1:2)'


def test_what_differs_is_not_equal() -> None:
    """Each change of a small module is seen."""
    text = """
      "row.table"() ({
        %0 = "felt.constant"() {value = 1} : () -> !zkc.felt loc("a":1:1)
        %1 = "felt.constant"() {value = 1} : () -> !zkc.felt loc("a":1:1)
        %2 = "felt.add"(%0, %1) : (!zkc.felt, !zkc.felt) -> !zkc.felt loc("a":1:1)
        %3 = "row.arms"() ({ "row.yield"(%2) : (!zkc.felt) -> () loc("a":1:1) }) {names = ["x"]} : () -> !zkc.felt loc("a":1:1)
      }) {sym_name = "t", kind = "step"} : () -> () loc("a":1:1)"""
    changes = [
        ("%0, %1)", "%1, %0)"),
        ("felt.add", "felt.sub"),
        ("value = 1}", "value = true}"),
        ("value = 1}", "value = 2}"),
        ('"a":1:1', '"a":1:2'),
        ('loc("a":1:1)', "loc(unknown)"),
        ('kind = "step"', "kind = @step"),
        (', kind = "step"', ""),
        ('["x"]', '["x", 1]'),
        ('["x"]} : () -> !zkc.felt', '["x"]} : () -> !zkc.int'),
        ('"row.yield"(%2) : (!zkc.felt) -> () loc("a":1:1)', ""),
        ('"row.yield"(%2)', '"row.yield"(%1)'),
        ('({ "row', '({}, { "row'),
        ('({ "row', '({ ^bb0(%a: !zkc.int): "row'),
    ]
    before = read_module(text)
    assert equal(before, read_module(text))
    for old, new in changes:
        assert old in text
        assert not equal(before, read_module(text.replace(old, new, 1))), new
    assert equal(before, read_module(text.replace('"a":1:1', '"b":2:2')), locations=False)


def test_printing_twice_gives_the_same() -> None:
    assert print_module(module("circuits", "row")) == print_module(module("circuits", "row"))


def test_order_of_attributes_does_not_matter() -> None:
    one, other = Region(), Region()
    Builder(one).create(felt.CONSTANT, (), {"value": 1, "over": 2})
    Builder(other).create(felt.CONSTANT, (), {"over": 2, "value": 1})
    assert equal(one, other)


@pytest.mark.slow
def test_a_text_says_all_that_passes_need() -> None:
    """Passes make the same of what was printed and read as of what elaboration made."""
    with collector_off():
        rows = run(read_module(print_module(module("circuits", "inlined"))), *ROW)
        for stage, passes in AFTER_ROW.items():
            made = run(rows, *passes)
            assert difference(made, module("circuits", stage)) is None
