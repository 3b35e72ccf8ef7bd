"""`zkc doc`: pages that say what is declared, with links that lead somewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from zkc import api, cli
from zkc.compiler.libraries import libraries
from zkc.costs import table_cost
from zkc.doc.colours import Colours
from zkc.doc.contents import Contents
from zkc.doc.drawing import GAP, STEP, draw
from zkc.runtime.errors import InputError
from zkc.runtime.files import write_folder
from zkc.stats import costs

ROOT = Path(cli.__file__).parents[1]
CIRCUITS = ROOT / "circuits"
FIBONACCI = ROOT / "examples" / "circuits" / "fibonacci"
VOID = ("meta",)


class Page(HTMLParser):
    """What a page holds; a tag that is not closed, or closed twice, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name, value in attrs if name == "href" and value is not None]
        self.anchors += [given["id"] or ""] if "id" in given else []
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def machine() -> Contents:
    return Contents(CIRCUITS)


FOLDERS = [CIRCUITS, *sorted({path.parent for path in (ROOT / "examples" / "circuits").glob("*/*.circ")})]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_links_lead_somewhere(folder: Path) -> None:
    pages = {name: Page(text) for name, text in api.documentation(folder).items()}
    for name, page in pages.items():
        assert len(page.anchors) == len(set(page.anchors)), name
        for link in page.links:
            file, _, anchor = link.partition("#")
            assert file in ("", *pages), (name, link)
            assert not anchor or anchor in pages[file or name].anchors, (name, link)


def test_everything_declared_has_a_place(machine: Contents) -> None:
    pages = api.documentation(CIRCUITS)
    for entry in machine.entries:
        if entry.kind in ("family", "environment call") or entry.page != "instructions":
            assert f'id="{entry.anchor}"' in pages[f"{entry.page}.html"], entry
    assert 'id="instruction-add"' in pages["instructions.html"]
    assert pages["instructions.html"].count("<summary>tests</summary>") == sum(len(f.insns) for f in machine.program.families.values())
    assert "a + b mod 2^32; carries cost no column." in pages["gadgets.html"]


def test_a_circuit_without_instructions_has_no_page_of_them() -> None:
    pages = api.documentation(FIBONACCI)
    assert "instructions.html" not in pages and "tables.html" in pages


def test_a_library_has_pages_too(tmp_path: Path) -> None:
    """Without a claim there are no tables, and nothing is known of costs."""
    (tmp_path / "a.circ").write_text("/// Twice x.\ngadget twice(x: felt) -> y: felt {\n  let y = 2 * x;\n}\n")
    pages = api.documentation(tmp_path)
    assert sorted(pages) == ["gadgets.html", "index.html"]
    files = ("machine", "memory", "cpu", "alu", "rv32i", "paging", "poseidon2")
    (tmp_path / "a.circ").write_text("\n".join((CIRCUITS / f"{name}.circ").read_text() for name in files))
    assert "beq rs1, rs2, imm" in api.documentation(tmp_path)["instructions.html"]
    assert "Twice x." in pages["gadgets.html"] and "<svg" not in pages["index.html"]


def test_a_chip_of_a_module_is_a_table_of_its_own(tmp_path: Path) -> None:
    own, lib = tmp_path / "own", tmp_path / "lib"
    own.mkdir()
    lib.mkdir()
    (lib / "powers.circ").write_text("chip cube(x: felt) -> y: felt { let y = column(x * x * x); }\n")
    (own / "a.circ").write_text(
        'use powers;\nbus out(a: felt);\ntable t { input real: bit; input a: felt free "any"; send out(cube(a)) times real; }\n'
        "claim { input b: felt; recv out(b); }\n"
    )
    with libraries([lib]):
        pages = api.documentation(own)
    assert "powers.cube" in pages["index.html"] and 'id="table-powers.cube"' in pages["tables.html"]


def test_costs_are_those_of_the_circuit(machine: Contents) -> None:
    """The pages and `zkc stats` count the same."""
    fixed = frozenset(machine.program.fixed)
    counted = {c.name: (c.columns, c.messages, c.constraints, c.cells) for c in costs(api.compiled(CIRCUITS))}
    for table in machine.tables[:-1]:
        cost = table_cost(table, fixed)
        assert (cost.columns, cost.messages + cost.lookups, cost.equations, cost.cells) == counted[table.name]


def test_names_are_links_but_for_parameters(machine: Contents) -> None:
    colours = Colours(machine)
    shown = colours.entry(machine.named["gadget", "less_unsigned"])
    assert 'href="names.html#struct-u32"' in shown
    assert re.findall(r'href="[^"]*format', shown) == []  # `<u` is an operator; `u` is a format, too
    assert colours.text('"<b>" // <i>') == '<i class="s">&quot;&lt;b&gt;&quot;</i> <i class="c">// &lt;i&gt;</i>'


def test_tables_that_do_the_same_are_one_group() -> None:
    traffic = {"a": {"x": (1, 0), "r": (0, 2)}, "b": {"x": (0, 1)}, "c": {"x": (2, 0), "r": (1, 0)}}
    drawn = draw(traffic, {name: f"#{name}" for name in "abcxr"}, frozenset("r"))
    assert [[n.text for n in g.names] for g in drawn.groups] == [["a", "c"], ["b"]]
    assert [[line.kind for line in g.lines] for g in drawn.groups] == [["send", "lookup"], ["recv"]]
    assert [bus.text for bus in drawn.buses] == ["x", "r"]
    assert drawn.height == 3 * STEP + GAP


def test_the_command_writes_pages_that_need_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "a" / "site"
    for _ in range(2):  # the second time over the first
        assert cli.main(["doc", str(FIBONACCI), "-o", str(site), "--json"]) == 0
        written = json.loads(capfd.readouterr().out)["files"]
        assert sorted(written) == sorted(map(str, site.iterdir()))
    for page in site.iterdir():
        assert not re.search(r"https?://|<script", page.read_text())


def test_wrong_folders_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.circ").write_text("const a = b;")
    assert cli.main(["doc", str(FIBONACCI), "-o", str(tmp_path / "file")]) == 74
    assert cli.main(["doc", str(tmp_path / "bad"), "-o", str(tmp_path / "site")]) == 2
    assert cli.main(["doc", str(tmp_path / "nothing"), "-o", str(tmp_path / "site")]) == 2
    assert "Traceback" not in capfd.readouterr().err
    assert not (tmp_path / "site").exists()


def test_of_a_new_folder_nothing_is_left_if_a_file_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_folder(tmp_path / "new", {"a": b"1", "no/b": b"2"}, what="the pages")
    assert list(tmp_path.iterdir()) == []
