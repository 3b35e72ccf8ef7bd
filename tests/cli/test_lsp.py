"""`zkc lsp` through a client of the protocol: what is wrong while one types, and what a name stands for."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as t
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from zkc.compiler.machines import circuits_directory
from zkc.lsp.words import keywords, words


class Editor:
    """A client that edits one folder; `problems` are the latest of each file."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client, self.root = client, root
        self.problems: dict[str, list[t.Diagnostic]] = {}
        self.said = asyncio.Event()
        self.version = 0

        @client.feature(t.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: t.PublishDiagnosticsParams) -> None:
            self.problems[Path(params.uri).name] = list(params.diagnostics)
            self.said.set()

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def document(self, name: str) -> t.TextDocumentIdentifier:
        return t.TextDocumentIdentifier(self.uri(name))

    def place(self, name: str, text: str, *, after: str = "") -> t.Position:
        """Where a text begins for the first time after another one."""
        source = (self.root / name).read_text()
        at = source.index(text, source.index(after))
        before = source[:at]
        return t.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)

    async def open(self, name: str) -> None:
        item = t.TextDocumentItem(self.uri(name), "circ", 0, (self.root / name).read_text())
        self.client.text_document_did_open(t.DidOpenTextDocumentParams(item))

    async def type(self, name: str, old: str, new: str) -> None:
        """Replaces a text in the editor, not on disk."""
        self.version += 1
        text = (self.root / name).read_text().replace(old, new)
        assert new in text
        changed = t.VersionedTextDocumentIdentifier(self.version, self.uri(name))
        self.client.text_document_did_change(t.DidChangeTextDocumentParams(changed, [t.TextDocumentContentChangeWholeDocument(text)]))

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.said.clear()
            await asyncio.wait_for(self.said.wait(), 60)


def edit(root: Path, session: Callable[[Editor], Awaitable[None]], *options: str) -> None:
    """Runs a session with a server of its own."""

    async def run() -> None:
        client = LanguageClient("test", "1")
        editor = Editor(client, root)
        await client.start_io(sys.executable, "-m", "zkc", "lsp", *options)
        answer = await client.initialize_async(t.InitializeParams(t.ClientCapabilities(), root_uri=root.as_uri()))
        assert answer.server_info is not None and answer.server_info.name == "zkc"
        client.initialized(t.InitializedParams())
        try:
            await session(editor)
        finally:
            await client.shutdown_async(None)
            client.exit(None)
            await client.stop()

    asyncio.run(run())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(circuits_directory(), tmp_path / "circuits")
    return tmp_path / "circuits"


def test_what_is_wrong_is_said_while_one_types(root: Path) -> None:
    """The syntax, then names, at their places, in a text that is not saved; and what is found only while tables are made, when it is."""

    async def session(editor: Editor) -> None:
        await editor.open("alu.circ")
        await editor.until(lambda: editor.problems.get("alu.circ") == [])
        await editor.type("alu.circ", "let     top = column(", "let     top column(")
        await editor.until(lambda: bool(editor.problems["alu.circ"]))
        (problem,) = editor.problems["alu.circ"]
        assert problem.code == "E0201" and problem.range.start.line == editor.place("alu.circ", "let     top = column(").line
        await editor.type("alu.circ", "let     top = column(sign * ", "let     top = column(sing * ")
        await editor.until(lambda: [p.code for p in editor.problems["alu.circ"]] == ["E0204"])
        assert editor.problems["alu.circ"][0].message.endswith("help: did you mean `sign`?")
        await editor.type("alu.circ", "lookup range(8, b1)", "lookup range(8, b1 * b1)")
        await editor.until(lambda: editor.problems["alu.circ"] == [])
        editor.client.text_document_did_save(t.DidSaveTextDocumentParams(editor.document("alu.circ")))
        await editor.until(lambda: any(p.code == "E0301" for p in editor.problems["alu.circ"]))

    edit(root, session)


def test_names_of_modules(tmp_path: Path) -> None:
    """Hover, definition, rename and completion reach into the modules that a file uses, and what is wrong there is said."""
    root, lib = tmp_path / "program", tmp_path / "lib"
    root.mkdir()
    lib.mkdir()
    (root / "main.circ").write_text(
        "use own;\nbus s(a: felt);\ntable t { input a: felt; send s(own.twice(a) + twice(own.size)); }\nclaim { recv s(0); }\n"
    )
    (lib / "own.circ").write_text(
        "/// Words of bits.\n\nconst size = 4;\n/// Two of it.\ngadget twice(a: felt) -> b: felt { let b = _same(a) * 2; }\n"
        "gadget _same(a: felt) -> b: felt { let b = a; }\n"
    )

    async def session(editor: Editor) -> None:
        client, main = editor.client, editor.document("main.circ")
        await editor.open("main.circ")
        await editor.until(lambda: editor.problems.get("main.circ") == [])
        in_full, alone = editor.place("main.circ", "twice", after="own."), editor.place("main.circ", "twice", after="+ ")
        for place in (in_full, alone):
            hover: Any = await client.text_document_hover_async(t.HoverParams(main, place))
            assert "gadget twice(a: felt) -> b: felt" in hover.contents.value and "Two of it." in hover.contents.value
            (found,) = await client.text_document_definition_async(t.DefinitionParams(main, place)) or ()
            assert isinstance(found, t.Location) and found.uri == (lib / "own.circ").as_uri() and found.range.start.line == 4
        module: Any = await client.text_document_hover_async(t.HoverParams(main, editor.place("main.circ", "own")))
        assert "module `own`" in module.contents.value and "Words of bits." in module.contents.value
        (file,) = await client.text_document_definition_async(t.DefinitionParams(main, editor.place("main.circ", "own"))) or ()
        assert isinstance(file, t.Location) and file.uri == (lib / "own.circ").as_uri()
        edit: Any = await client.text_document_rename_async(t.RenameParams(main, in_full, "double"))
        assert {Path(uri).name: len(edits) for uri, edits in edit.changes.items()} == {"main.circ": 2, "own.circ": 1}
        with pytest.raises(JsonRpcException, match="rename the file"):
            await client.text_document_rename_async(t.RenameParams(main, editor.place("main.circ", "own"), "bits"))
        completed: Any = await client.text_document_completion_async(t.CompletionParams(main, in_full))
        assert {x.label for x in completed} == {"twice", "size"}  # nothing private
        modules: Any = await client.text_document_completion_async(t.CompletionParams(main, editor.place("main.circ", "own")))
        assert {"own", "bits"} <= {x.label for x in modules}
        await editor.type("main.circ", "twice(own", "_same(own")
        await editor.until(lambda: [p.code for p in editor.problems["main.circ"]] == ["E0217"])
        (lib / "own.circ").write_text((lib / "own.circ").read_text().replace("_same(a) *", "_sane(a) *"))
        await editor.type("main.circ", "twice(own", "twice( own")
        await editor.until(lambda: [p.code for p in editor.problems.get("own.circ", [])] == ["E0204"])

    edit(root, session, "--lib", str(lib))


def test_what_a_name_stands_for(root: Path) -> None:
    async def session(editor: Editor) -> None:
        client, cpu = editor.client, editor.document("rv32i.circ")
        await editor.open("rv32i.circ")
        called = editor.place("rv32i.circ", "shift(")
        hover: Any = await client.text_document_hover_async(t.HoverParams(cpu, called))
        assert "gadget shift(a: u32, s: felt, left: felt, signed: felt) -> out: u32" in hover.contents.value
        assert "a shifted by s, to the left if `left`" in hover.contents.value
        (definition,) = await client.text_document_definition_async(t.DefinitionParams(cpu, called)) or ()
        assert isinstance(definition, t.Location) and definition.uri == editor.uri("alu.circ")
        assert definition.range.start.line == editor.place("alu.circ", "gadget shift(").line
        found = await client.text_document_references_async(t.ReferenceParams(t.ReferenceContext(True), cpu, called)) or ()
        sources = "".join((root / name).read_text() for name in ("alu.circ", "rv32i.circ"))
        assert len(found) == sum(w.text == "shift" and w.called for w in words(sources))  # a format and a family have that name too
        signature: Any = await client.text_document_signature_help_async(
            t.SignatureHelpParams(cpu, t.Position(called.line, called.character + len("shift(")))
        )
        assert signature.signatures[0].label == "shift(a: u32, s: felt, left: felt, signed: felt) -> out: u32"
        tested = editor.place("rv32i.circ", "sll(", after="test ")
        (insn,) = await client.text_document_definition_async(t.DefinitionParams(cpu, tested)) or ()
        assert isinstance(insn, t.Location) and insn.range.start.line == editor.place("rv32i.circ", "insn sll ").line
        numbered = editor.place("alu.circ", "u16", after="trusted near")
        place_of = t.DefinitionParams(editor.document("alu.circ"), numbered)
        (place,) = await client.text_document_definition_async(place_of) or ()
        assert isinstance(place, t.Location) and place.uri == editor.uri("machine.circ")
        assert place.range.start == editor.place("machine.circ", "u(bits)")
        with pytest.raises(JsonRpcException, match="with a number"):
            await client.text_document_rename_async(t.RenameParams(editor.document("alu.circ"), numbered, "v"))
        local = editor.place("alu.circ", "near", after="hint    sign: bit")
        (place,) = await client.text_document_definition_async(t.DefinitionParams(editor.document("alu.circ"), local)) or ()
        assert isinstance(place, t.Location) and place.range.start == editor.place("alu.circ", "near", after="trusted near")

    edit(root, session)


def test_what_things_cost(root: Path) -> None:
    """After each call, and where one rests on a name; of a text that was edited nothing is said until it is compiled again."""

    async def session(editor: Editor) -> None:
        client, alu = editor.client, editor.document("alu.circ")

        async def hints() -> dict[int, list[Any]]:
            found: dict[int, list[Any]] = {}
            everything = t.Range(t.Position(0, 0), t.Position(10000, 0))
            for hint in await client.text_document_inlay_hint_async(t.InlayHintParams(alu, everything)) or ():
                found.setdefault(hint.position.line, []).append(hint)
            return found

        async def said(*place: str) -> str:
            at = editor.place("alu.circ", place[0], after=place[-1] if len(place) > 1 else "")
            hover: Any = await client.text_document_hover_async(t.HoverParams(alu, at))
            return hover.contents.value

        await editor.open("alu.circ")
        await editor.until(lambda: "alu.circ" in editor.problems)
        while not await hints():
            await asyncio.sleep(0.1)
        call = editor.place("alu.circ", "negate_if(q, sq)")
        (hint,) = [h for h in (await hints())[call.line] if h.position.character > call.character][:1]
        text = (root / "alu.circ").read_text().split("\n")[call.line]
        assert text[: hint.position.character].endswith(")")
        assert hint.label == "4 columns, 2 messages, 6 equations"
        assert "a call costs at most 4 columns, 2 messages, 6 equations" in await said("negate_if(q, sq)")
        assert "degree 2" in await said("left_lo =")
        await editor.type("alu.circ", "gadget sub32", "gadget  sub32")
        assert not await hints()

    edit(root, session)


def test_a_name_is_given_another_one(root: Path) -> None:
    """Wherever it is used, and not where the same word is something else; names that are taken are refused."""

    async def session(editor: Editor) -> None:
        alu = editor.document("alu.circ")
        at = editor.place("alu.circ", "low_five(a")
        answer: Any = await editor.client.text_document_rename_async(t.RenameParams(alu, at, "amount"))
        for name, edits in ((Path(uri).name, edits) for uri, edits in answer.changes.items()):
            lines = (root / name).read_text().split("\n")
            for one in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
                line = lines[one.range.start.line]
                assert line[one.range.start.character : one.range.end.character] == "low_five"
                lines[one.range.start.line] = line[: one.range.start.character] + one.new_text + line[one.range.end.character :]
            (root / name).write_text("\n".join(lines))
        from zkc.compiler.front import front_end

        front_end(sorted(root.glob("*.circ")), root)  # as before, or it would say what is missing
        for wrong in ("shift", "gadget", "No"):
            with pytest.raises(JsonRpcException, match=r"taken|no name"):
                await editor.client.text_document_rename_async(t.RenameParams(alu, at, wrong))

    edit(root, session)


def test_texts_are_completed_outlined_and_formatted(root: Path) -> None:
    async def session(editor: Editor) -> None:
        alu = editor.document("alu.circ")
        await editor.open("alu.circ")
        here = editor.place("alu.circ", "near", after="hint    sign: bit")
        answer: Any = await editor.client.text_document_completion_async(t.CompletionParams(alu, here))
        assert {"near", "shift_amounts", "u", "gadget", "and32"} <= {item.label for item in answer}
        dot = editor.place("alu.circ", "lo + b.lo")
        answer = await editor.client.text_document_completion_async(t.CompletionParams(alu, dot))
        assert {"lo", "hi"} <= {item.label for item in answer} and not any(item.label == "gadget" for item in answer)
        outline: Any = await editor.client.text_document_document_symbol_async(t.DocumentSymbolParams(alu))
        assert {"shift", "bytes_and"} <= {symbol.name for symbol in outline}
        options = t.FormattingOptions(2, True)
        assert not await editor.client.text_document_formatting_async(t.DocumentFormattingParams(alu, options))
        await editor.type("alu.circ", "let  either =", "let either=")
        edits: Any = await editor.client.text_document_formatting_async(t.DocumentFormattingParams(alu, options))
        assert [e.new_text for e in edits] == [(root / "alu.circ").read_text()]

    edit(root, session)


def test_words_of_the_language_are_those_of_its_grammar() -> None:
    assert {"gadget", "hint", "trusted", "lookup", "every", "survives"} <= set(keywords())
    assert [w.text for w in words('let a = "let b"; // let c\nsend 0x1f d.e')] == ["let", "a", "send", "d", "e"]
