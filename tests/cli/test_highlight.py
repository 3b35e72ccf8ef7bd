"""Colours of .circ text: every word of the language has one, and what editors ship is what comes out of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, String, Text

from zkc.compiler.machines import circuits_directory
from zkc.lsp.highlight import DECLARING, OTHER, TRUSTING, TYPES, CircLexer, text, textmate, vim
from zkc.lsp.words import keywords

VSCODE = Path(__file__).parents[2] / "editors" / "vscode"
VIM = VSCODE.with_name("vim")
LINE = 'trusted near: u16 = shift(0x1f, b.lo) because "looked up"; // below'


def test_every_word_of_the_grammar_has_a_colour() -> None:
    assert set(keywords()) <= {*DECLARING, *TRUSTING, *OTHER, *TYPES}
    assert not set(OTHER) & {*DECLARING, *TRUSTING, *TYPES}


@pytest.mark.parametrize("path", sorted(circuits_directory().glob("*.circ")), ids=lambda path: path.stem)
def test_nothing_is_left_over(path: Path) -> None:
    source = path.read_text()
    tokens = list(CircLexer().get_tokens(source))
    assert "".join(part for _, part in tokens).strip() == source.strip()
    assert not [part for kind, part in tokens if kind in (Error, Text)]


def test_a_line() -> None:
    found = [(part, kind) for kind, part in CircLexer().get_tokens(LINE) if part.strip()]
    kinds = dict(found)
    assert kinds["trusted"] is kinds["because"] is Keyword.Pseudo and kinds["u16"] is Keyword.Type and kinds["near"] is Name
    assert kinds["shift"] is Name.Function and kinds["0x1f"] is Number and kinds['"looked up"'] is String
    assert kinds["// below"] is Comment.Single


def test_the_grammar_of_editors_is_fresh_and_says_the_same() -> None:
    """Its expressions are plain enough for Python to try them."""
    assert (VSCODE / "syntaxes" / "circ.tmLanguage.json").read_text() == text(), "python -m zkc.lsp.highlight > …"
    at, scopes = 0, dict[str, str]()
    while at < len(LINE):
        rules = ((p, re.compile(p["match"]).match(LINE, at)) for p in textmate()["patterns"])
        rule, found = next(((p, m) for p, m in rules if m), (None, None))
        if rule is not None and found is not None:
            scopes[found.group()] = rule.get("name", "")
        at = found.end() if found else at + 1
    assert scopes["trusted"] == scopes["because"] == "keyword.control.trust.circ" and scopes["u16"] == "storage.type.circ"
    assert scopes["shift"] == "entity.name.function.circ" and scopes['"looked up"'] == "string.quoted.double.circ"
    assert scopes["// below"] == "comment.line.double-slash.circ"


def test_the_syntax_file_of_vim_is_fresh() -> None:
    assert (VIM / "syntax" / "circ.vim").read_text() == vim(), "python -m zkc.lsp.highlight vim > …"


@pytest.mark.skipif(shutil.which("vim") is None, reason="needs vim")
def test_vim_colours_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.circ").write_text(LINE + "\n")
    script = f"""
        filetype plugin on
        syntax on
        edit {tmp_path}/a.circ
        let names = []
        for column in range(1, len(getline(1)))
          call add(names, synIDattr(synID(1, column, 1), "name"))
        endfor
        call writefile(names, "{tmp_path}/names")
        qall!
    """
    (tmp_path / "script.vim").write_text(script)
    command = ["vim", "-es", "-u", "NONE", "--cmd", f"set rtp^={VIM}", "-S", str(tmp_path / "script.vim")]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    names = (tmp_path / "names").read_text().split("\n")
    kinds = {"trusted": "Trust", "u16": "Type", "shift": "Call", "0x1f": "Number", "// below": "Comment", '"looked up"': "String"}
    for word, kind in kinds.items():
        at = LINE.index(word)
        assert set(names[at : at + len(word)]) == {f"circ{kind}"}


def test_the_package_of_the_editor_is_whole() -> None:
    package = json.loads((VSCODE / "package.json").read_text())
    (language,), (grammar,) = package["contributes"]["languages"], package["contributes"]["grammars"]
    assert language["extensions"] == [".circ"] and grammar["scopeName"] == textmate()["scopeName"]
    for file in (package["main"], language["configuration"], grammar["path"]):
        assert (VSCODE / file).is_file(), file
