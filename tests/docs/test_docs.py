"""Every command in the documentation runs, and prints what is said there.

In a page, blocks are used in order, in one shell, in a folder with copies of what the page may name:

- ```` ```sh ````: the commands must succeed.
- ```` ```console ````: `$ command`, then its output; `...` stands for anything, alone on a line for any number of lines.
- ```` ```c name.c ````, ```` ```circ folder/name.circ ````: put at the end of that file.
- ```` ```python ````: runs.
- after `<!-- not run -->`: nothing happens.

A page that needs a program which is not there is skipped from that block on.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("**/README.md")])
FENCE: Final = re.compile(r"(<!-- not run -->\n)?^```(\w*) ?(.*)\n((?:(?!^```).*\n)*)^```$", re.MULTILINE)
NEEDED: Final = ("examples", "circuits", "tests/extension", "zkc/templates")
FOREIGN: Final = ("riscv64-unknown-elf-gcc", "rustup", "cargo", "apt")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what follows it in the first line, its text and the line where it starts."""

    language: str
    argument: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are to be used."""
    source = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(source):
        skipped, language, argument, text = match.groups()
        if not skipped and (language in ("sh", "console", "python") or argument):
            yield Block(language, argument, text, source.count("\n", 0, match.start()) + 1)


class Shell:
    """One bash for a whole page."""

    def __init__(self, folder: Path) -> None:
        commands = folder / ".bin"
        commands.mkdir()
        (commands / "zkc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zkc "$@"\n')
        (commands / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (commands / "pip").write_text("#!/bin/sh\n")  # everything is installed
        for file in commands.iterdir():
            file.chmod(0o755)
        paths = os.pathsep.join([str(commands), os.environ["PATH"]])
        environment = {**os.environ, "PATH": paths, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment
        )

    def run(self, command: str) -> tuple[int, str]:
        """Status and output of a command; the next one finds folder and variables as this one left them."""
        assert self.process.stdin is not None and self.process.stdout is not None
        mark = f"end-{uuid.uuid4().hex}"
        self.process.stdin.write(f"{command}\necho; echo {mark} $?\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith(mark):
                return int(line.split()[1]), "".join(lines).removesuffix("\n")
            lines.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(lines)}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    for name in NEEDED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    opened = Shell(tmp_path)
    yield opened
    opened.close()


def matches(expected: str, found: str) -> bool:
    """Whether the output is as shown; a slow machine may also say that it is still at work."""
    found = re.sub(r"^zkc: .*, [0-9]+ s\n", "", found, flags=re.MULTILINE)
    parts = [r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in expected.splitlines()]
    return re.fullmatch("".join(parts), found if found.endswith("\n") or not found else found + "\n") is not None


def use(block: Block, shell: Shell, place: str) -> None:
    if block.language == "sh":
        for command in commands(block.text):
            status, output = shell.run(command)
            assert status == 0, f"{place}: `{command}` gave {status}\n{output}"
    elif block.language == "console":
        for command, expected in transcript(block.text):
            _, output = shell.run(command)
            assert matches(expected, output), f"{place}: `{command}` printed\n{output}\nand should have printed\n{expected}"
    else:
        file = block.argument or "block.py"
        status, output = shell.run(f"cat {'>>' if file.endswith('.circ') else '>'} {file} <<'END-OF-BLOCK'\n{block.text}END-OF-BLOCK")
        assert status == 0, output
        if block.language == "python" and not block.argument:
            status, output = shell.run(f"python {file}")
            assert status == 0, f"{place}: {output}"


def commands(text: str) -> list[str]:
    """Commands, each perhaps over several lines."""
    return [command for command in re.split(r"(?<!\\)\n", text) if command.strip() and not command.lstrip().startswith("#")]


def transcript(text: str) -> Iterator[tuple[str, str]]:
    """(command, output) pairs."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def missing(block: Block) -> str | None:
    """A program that the block needs and that is not here."""
    return next((name for name in FOREIGN if name in block.text and shutil.which(name) is None), None)


@pytest.mark.slow
@pytest.mark.prove
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, shell: Shell) -> None:
    found = list(blocks(page))
    if not found:
        pytest.skip("no commands")
    if any("zkc build" in block.text for block in found) and importlib.util.find_spec("ziglang") is None:
        pytest.skip("needs ziglang")
    for block in found:
        absent = missing(block)
        if absent is not None:
            pytest.skip(f"needs {absent}")
        use(block, shell, f"{page.name}:{block.line}")


LINK: Final = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "examples" / "README.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_matcher() -> None:
    assert matches("a ... c\n", "a b c\n") and matches("a\n...\nd\n", "a\nb\nc\nd\n") and matches("", "")
    assert not matches("a\n", "b\n") and not matches("a\n", "a\nb\n") and not matches("a . c\n", "a b c\n")


OF_EXECUTE: Final = {"--input", "--segment-limit", "--max-cycles", "--max-console", "--max-journal", "--max-input"}


def test_every_command_and_option_is_documented() -> None:
    import typer

    from zkc.cli import app

    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    command: Any = typer.main.get_command(app)
    assert all(f"`{option}" in page for option in ("--json", "--isa", "--lib"))
    for name, one in command.commands.items():
        (row,) = re.findall(rf"^\| `{name}[ `].*$", page, re.MULTILINE)
        options = {option for parameter in one.params for option in (*parameter.opts, *parameter.secondary_opts) if option.startswith("-")}
        as_execute = "the same" in row or "as `execute`" in row
        shared = {"--json", "--isa", "--lib"} | (OF_EXECUTE if as_execute else set())
        assert not [option for option in options - shared if f"`{option}" not in row], name


def test_pictures_are_as_drawn() -> None:
    spec = importlib.util.spec_from_file_location("draw", ROOT / "docs" / "pictures" / "draw.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, draw in module.PICTURES.items():
        assert (ROOT / "docs" / "pictures" / name).read_text(encoding="utf-8") == draw().svg()
