"""Tables are kept: what comes from the cache is what would be made, and an edit makes again what reaches it, and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zkc.compiler import incremental
from zkc.compiler.compilation import compile_program
from zkc.compiler.front import front_end
from zkc.compiler.importer.items import Item
from zkc.compiler.ir import compact
from zkc.compiler.ir.equality import difference
from zkc.compiler.ir.operation import Operation
from zkc.compiler.machines import circuit_files, circuits_directory
from zkc.compiler.passes.lower_step import LowerStep
from zkc.compiler.pipeline import Lowerings, assembled, facts_of, lower_table
from zkc.compiler.rows import elaborate
from zkc.compiler.symbols import Places, items_of
from zkc.dsl.diagnostics import DiagnosticError
from zkc.dsl.spans import Span
from zkc.runtime.collector import collector_off
from zkc.runtime.kernels import cache

Edit = Callable[[str], str]
ADD32 = {"addi", "auipc", "add", "read_block", "read_word", "read_byte", "journal_block", "journal_part", "writev_entry", "brk_clear"}
ADD32 |= {"addi.onto_rs1", "add.onto_rs1", "add.onto_rs2"}
"""Tables with a sum of words."""
EXTENSION = Path(__file__).parents[1] / "extension" / "zbb.circ"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which all tables are."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZKC_CACHE", str(folder))
        compile_program(circuit_files(circuits_directory()), circuits_directory())
    return folder


@pytest.fixture
def made(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """What is made and not taken from a copy of that folder, in order."""
    shutil.copytree(kept, tmp_path / "cache")
    monkeypatch.setenv("ZKC_CACHE", str(tmp_path / "cache"))
    found: list[Item] = []
    make = incremental.elaborate_symbol

    def counted(program: object, functions: object, symbol: Item) -> Operation:
        if symbol[0] != "gadgets":  # a field function is first made with a table that calls it, and kept when one is kept that does
            found.append(symbol)
        return make(program, functions, symbol)  # type: ignore[arg-type]

    monkeypatch.setattr(incremental, "elaborate_symbol", counted)
    return found


def edited(tmp_path: Path, name: str, edit: Edit) -> Path:
    """The circuits with one file changed."""
    folder = tmp_path / "circuits"
    shutil.copytree(circuits_directory(), folder)
    text = (folder / name).read_text()
    assert edit(text) != text
    (folder / name).write_text(edit(text))
    return folder


def compiled(folder: Path) -> Lowerings:
    return compile_program(circuit_files(folder), folder).lowered


def assert_made_of_everything(found: Lowerings, folder: Path) -> None:
    """It is the same without the cache, and with each table made from the whole program."""
    program, _ = front_end(circuit_files(folder), folder)
    with collector_off():
        rows = elaborate(program)
        facts = facts_of(program, rows.indices)
        steps, others, claims = ([lower_table(op, facts) for op in tables] for tables in (rows.steps, rows.others, rows.claims))
        guards = LowerStep().guards(rows.guards[0], facts)
    other = assembled(steps, others, claims[0], guards, rows.functions.by_name, facts)
    assert difference(operations(found), operations(other)) is None
    assert spans(found) == spans(other)


def operations(lowered: Lowerings) -> list[Operation]:
    """Everything, in order."""
    tables = (op for x in (*lowered.tables, lowered.claim) for op in (x.row, x.air, *x.steps, x.fill, *x.decoded))
    return [*tables, lowered.guards, *lowered.functions.values()]


def spans(lowered: Lowerings) -> list[tuple[Span | None, ...]]:
    """Whole ones: texts have their starts only."""
    inner = (o for op in operations(lowered) for o in (op, *(i for region in op.regions for i in region.walk())))
    return [(op.loc.span, *(span for _, span in op.loc.calls)) for op in inner]


def test_an_edit_makes_again_what_uses_it_and_places_are_those_of_now(made: list[Item], tmp_path: Path) -> None:
    """A label is another one, there are lines above, comments between items and spaces before them."""

    def edit(text: str) -> str:
        moved = "\n// more\n" + re.sub(r"^gadget", "/// Help.\n  gadget", text, flags=re.MULTILINE)
        return moved.replace("carry out of the low half is a bit", "the low carry is a bit")

    folder = edited(tmp_path, "alu.circ", edit)
    found = compiled(folder)
    assert {name for _, name in made} == ADD32
    assert_made_of_everything(found, folder)


IMPL = "impl u32 + u32 by add32;"


def test_another_gadget_for_an_operator_makes_again_what_uses_the_operator(made: list[Item], tmp_path: Path) -> None:
    """The text of no table changes, nor that of `add32`: tables reach the `impl` by their operators and by the types of their operands."""

    def edit(text: str) -> str:
        start = text.index("gadget add32(")
        gadget = text[start : text.index("\n}\n", start) + 3]
        return text.replace(IMPL, "impl u32 + u32 by add32_again;") + gadget.replace("add32(", "add32_again(")

    folder = edited(tmp_path, "alu.circ", edit)
    found = compiled(folder)
    assert {name for _, name in made} == ADD32
    assert_made_of_everything(found, folder)
    assert any(name == "add32_again" for op in operations(found) for o in op.regions[0].walk() for name, _ in o.loc.calls)


def test_an_operator_that_nothing_uses_makes_nothing_again(made: list[Item], tmp_path: Path) -> None:
    compiled(edited(tmp_path, "alu.circ", lambda text: text + "impl felt % u32 by remainder_of_nothing;\n" + NOTHING))
    assert made == []


NOTHING = "gadget remainder_of_nothing(a: felt, b: u32) -> r: u32 { let r = u32(lo = a + b.lo, hi = b.hi); }\n"


def test_an_extension_is_made_of_what_it_reaches(made: list[Item], tmp_path: Path) -> None:
    """It has a format of its own, which frames may speak of: nothing of a step is kept."""
    folder = tmp_path / "circuits"
    shutil.copytree(circuits_directory(), folder)
    shutil.copy(EXTENSION, folder)
    found = compiled(folder)
    assert ("families", "min_max") in made and ("tables", "data_page") not in made
    assert_made_of_everything(found, folder)


def test_a_constant_is_reached_through_others(made: list[Item], tmp_path: Path) -> None:
    compiled(edited(tmp_path, "machine.circ", lambda text: text.replace("= 0x0C00_0000", "= 0 + 0x0C00_0000")))
    assert ("families", "addi") in made and ("tables", "data_page") not in made


def test_numbers_of_instructions_count(made: list[Item], tmp_path: Path) -> None:
    """A family before others gives them other numbers, though it is none of their items."""

    def moved_up(text: str) -> str:
        start = text.index("family fence")
        return text[start:] + "\n" + text[:start]

    compiled(edited(tmp_path, "rv32i.circ", moved_up))
    assert ("families", "addi") in made and ("tables", "boundary") not in made


def test_what_is_wrong_is_not_kept(made: list[Item], tmp_path: Path) -> None:
    folder = edited(tmp_path, "rv32m.circ", lambda text: text.replace("{ rd = ", "{ assert rs1.lo**9 == 0; rd = ", 1))
    messages: list[list[str]] = []
    for _ in range(2):
        with pytest.raises(DiagnosticError) as error:
            compiled(folder)
        messages.append([d.message for d in error.value.diagnostics])
    assert messages[0] == messages[1] != []


def test_a_damaged_entry_is_made_again(made: list[Item], tmp_path: Path) -> None:
    entry = next((tmp_path / "cache" / incremental.KIND).iterdir())
    entry.write_bytes(entry.read_bytes()[:-1] + b" ")
    compiled(circuits_directory())
    assert len(made) == 1


def test_between_items_are_spaces_and_comments() -> None:
    """So the text of items is all there is."""
    folder = circuits_directory()
    program, _ = front_end(circuit_files(folder), folder)
    tests = {("tests", str(number)): test for number, test in enumerate((*program.tests, *program.step_tests))}
    items = {**items_of(program), **tests}
    places = Places(items)
    left = dict(program.sources)
    for symbol, item in {item.span: (symbol, item) for symbol, item in items.items()}.values():  # one line declares u2, u3, …
        text = places.text_of(program.sources, symbol)
        assert left[item.span.file].count(text) == 1
        left[item.span.file] = left[item.span.file].replace(text, "")
    assert all(re.fullmatch(r"(\s|//[^\n]*)*", text) for text in left.values())


def test_numbers_and_truth_are_not_mixed_up() -> None:
    """1 == True in Python."""
    from zkc.compiler.dialects import integer

    ops = [Operation(integer.CONSTANT, (), {"value": v}) for v in (1, True, 0, False)]
    ((one, true, zero, false),) = compact.read(compact.write([ops], lambda span: ()), lambda place: Span("", 1, 1, 1, 1))
    assert [type(op.attributes["value"]) for op in (one, true, zero, false)] == [int, bool, int, bool]


def test_the_folder_knows_the_kind() -> None:
    """Or entries would never be pruned."""
    assert incremental.KIND in cache.KINDS
