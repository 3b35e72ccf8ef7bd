"""Runs every command with every kind of standard stream, each in a fork of one process that has everything loaded: `python FILE FOLDER`.

Prints one JSON object a line: command, streams, status, what came out. What takes long (proofs, the C compiler, audits) is a stand-in here.
"""

from __future__ import annotations

import gc
import io
import json
import os
import pty
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.guests.catalogue import EXAMPLES
from zkc import api, cli, toolchain
from zkc.audit import ColumnAudit
from zkc.inline_tests import TestOutcome
from zkc.runtime.errors import VerificationError
from zkc.runtime.stark.parameters import UNIQUE_DECODING
from zkc.runtime.stark.security import Strength
from zkc.warmed import Warmed

HOSTILE = os.fsdecode(b"a \xff\x1b[31m b")
"""Part of every path: a blank, a byte that is not UTF-8, an escape sequence."""

ALWAYS = ("files", "stdout full", "stdout closed", "stdout broken", "stderr full", "both closed")
THOROUGH = ("verify", "verify wrong", "execute", "help")
"""Commands for which all kinds of streams are tried, not only ALWAYS."""

STRENGTH = Strength(UNIQUE_DECODING, 124.0, 124.0)
Files = dict[int, int]
"""Descriptor 0, 1 or 2 and what it is to be a copy of; -1 closes it."""


def stand_ins() -> None:
    def prove(program: Path, stdin: bytes | None = None, *, output: Path, **options: Any) -> api.Proof:
        return api.Proof(api.execute(program, stdin), b"receipt", 1000, STRENGTH)

    def verify(receipt: Path, *, exit_code: int | None = None, **options: Any) -> api.Verified:
        if exit_code == 1:
            raise VerificationError("the program exited with 0, expected 1", where=f"{receipt}\n  forged: line")
        return api.Verified("ab" * 32, 0, 1, b"\x1b[31m", STRENGTH)

    def build(sources: list[str], output: Path, **options: Any) -> Path:
        output.write_bytes(b"\x7fELF")
        return output

    machine = api.machine()
    outcomes = [TestOutcome("\x1b[31mtest", "a.circ:1:1", 1)]
    columns = [ColumnAudit("table", "", f"c{HOSTILE}", "felt", "free", "nothing", "because", "a.circ:1:1")]
    replaced: dict[str, Callable[..., Any]] = {
        "prove": prove,
        "verify": verify,
        "run_inline_tests": lambda *_, **__: outcomes,
        "audit": lambda *_: columns,
        "check_circuits": lambda *_, **__: None,
        "warm": lambda *_, **__: Warmed(b"", 0, 0, 0),
        "is_warm": lambda *_: True,
        "compile": lambda *_, **__: machine,
        "inspect": lambda *_: {"image_id": "ab" * 32, "journal": b"\x1b[31m".hex(), "segments": [{"index": "\x1b[31m"}]},
    }
    for name, function in replaced.items():
        setattr(api, name, function)
    toolchain.build = build


def commands(folder: Path) -> dict[str, list[str]]:
    """A way to call each command that works; its files have hostile names."""

    def named(name: str) -> str:
        return str(folder / f"{HOSTILE}.{name}")

    elf, data, receipt = named("elf"), named("input"), named("receipt")
    shutil.copy(EXAMPLES / "fibonacci" / "fibonacci.elf", elf)
    shutil.copy(EXAMPLES / "fibonacci" / "input.bin", data)
    Path(receipt).write_bytes(b"")
    Path(named("c")).write_text("int main(void) { return 0; }\n")
    Path(named("mlir")).write_text('"circ.type"() {sym_name = "x", low = 0, high = 1} : () -> ()\n')
    Path(named("circ")).write_text("const a = 1;\n")
    return {
        "execute": [elf, "--input", data],
        "check": [elf, "--input", data],
        "prove": [elf, "--input", data, "-o", named("out")],
        "verify": [receipt, "--elf", elf],
        "profile": [elf, "--input", data, "-o", named("json")],
        "report": [elf, "--input", data, "--no-prove", "-o", named("html")],
        "image-id": [elf],
        "inspect": [receipt],
        "compile": ["--no-kernels"],
        "opt": [named("mlir")],
        "fmt": ["--check", named("circ")],
        "test": [],
        "doc": ["-o", named("site")],
        "audit": [],
        "stats": [],
        "security": [],
        "disasm": [elf],
        "build": [named("c"), "-o", named("built")],
        "new": [str(folder / f"new{os.urandom(4).hex()}")],
    }


def streams() -> dict[str, Files]:
    """Kinds of standard streams; what is not named goes to a file that is read afterwards."""
    full = os.open("/dev/full", os.O_WRONLY)
    reader, broken = os.pipe()
    os.close(reader)
    unwritable = os.open(os.devnull, os.O_RDONLY)
    return {
        "files": {},
        "stdout full": {1: full},
        "stdout closed": {1: -1},
        "stdout broken": {1: broken},
        "stdout unwritable": {1: unwritable},
        "stderr full": {2: full},
        "stderr closed": {2: -1},
        "stderr broken": {2: broken},
        "both full": {1: full, 2: full},
        "both closed": {1: -1, 2: -1},
        "both broken": {1: broken, 2: broken},
        "all closed": {0: -1, 1: -1, 2: -1},
    }


def run(arguments: list[str], files: Files, encoding: str, folder: Path) -> tuple[int, bytes, bytes]:
    """Status, stdout and stderr of one command, run in a fork that starts as Python does with such streams."""
    out, err = folder / "stdout", folder / "stderr"
    child = os.fork()
    if child == 0:
        gc.disable()
        opened = {number: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for number, path in ((1, out), (2, err))}
        for number, target in (opened | files).items():
            os.dup2(opened[1] if target == -1 else target, number)
        for number in (number for number, target in files.items() if target == -1):
            os.close(number)
        sys.stdin = _as_python_has_it(0, sys.stdin, files, encoding)
        sys.stdout = _as_python_has_it(1, sys.stdout, files, encoding)
        sys.stderr = _as_python_has_it(2, sys.stderr, files, encoding)
        _leave(cli.main(arguments))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = [path.read_bytes() if path.exists() else b"" for path in (out, err)]
    for path in (out, err):
        path.unlink(missing_ok=True)
    return status, found[0], found[1]


def _as_python_has_it(number: int, stream: Any, files: Files, encoding: str) -> Any:
    if files.get(number) == -1:
        return None
    return stream if encoding == "utf-8" else io.TextIOWrapper(stream.buffer, encoding)


def _leave(status: int) -> None:
    """Ends the process with what counts of Python's own end, which takes a second here: streams that cannot be flushed are status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # pyright: ignore[reportUnnecessaryComparison]
                stream.flush()
        except OSError:
            status = 120
    os._exit(status)


def run_on_terminal(arguments: list[str]) -> tuple[int, bytes]:
    """Status and what a terminal got from both streams."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "dumb"
        _leave(cli.main(arguments))
    shown = b""
    try:
        while part := os.read(terminal, 1 << 16):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def load(cases: list[list[str]], folder: Path) -> None:
    """Runs all once here, so that what they import and compile is there in every fork."""
    saved = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    for arguments in cases:
        cli.main(arguments)
    for number, descriptor in zip((1, 2), saved, strict=True):
        os.dup2(descriptor, number)
    for made in folder.glob("new*"):
        shutil.rmtree(made)


def main(folder: Path) -> None:
    stand_ins()
    chosen = commands(folder)
    every = sorted(info.name or info.callback.__name__ for info in cli.app.registered_commands if info.callback)
    assert sorted([*chosen, "lsp"]) == every  # that one answers for as long as stdin is open
    wrong = ["verify", *chosen["verify"], "--exit-code", "1"]
    cases = {name: [name, *arguments] for name, arguments in chosen.items()} | {"help": ["--help"], "verify wrong": wrong}
    cases |= {f"{name} --json": [*arguments, "--json"] for name, arguments in cases.items() if name != "help"}

    def show(command: str, kind: str, status: int, out: bytes, err: bytes) -> None:
        for made in folder.glob("new*"):
            shutil.rmtree(made)
        values = {"command": command, "streams": kind, "status": status, "out": out.decode("latin-1"), "err": err.decode("latin-1")}
        print(json.dumps(values), flush=True)

    load(list(cases.values()), folder)
    kinds = streams()
    gc.freeze()
    for command, arguments in cases.items():
        for kind, files in kinds.items():
            if command in THOROUGH or kind in (ALWAYS[:2] if "--json" in arguments else ALWAYS):
                show(command, kind, *run(arguments, files, "utf-8", folder))
        if "--json" in arguments:
            continue
        show(command, "ascii", *run(arguments, {}, "ascii", folder))
        status, shown = run_on_terminal(arguments)
        show(command, "terminal", status, shown, b"")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
