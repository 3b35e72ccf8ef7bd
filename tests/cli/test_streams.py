"""What becomes of a command when its streams, its paths or the names it meets are not what it would like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.guests.catalogue import EXAMPLES, GUESTS, fault_input
from zkc import cli
from zkc.runtime.errors import InputError
from zkc.runtime.text import printable

ROOT = Path(__file__).parents[2]
FIBONACCI = EXAMPLES / "fibonacci" / "fibonacci.elf"
CANNOT_WRITE = 74


class Outcome(NamedTuple):
    command: str
    streams: str
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Every command with every kind of streams."""
    folder = tmp_path_factory.mktemp("streams")
    command = [sys.executable, "-m", "tests.cli.every_command", str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]


def expected(outcome: Outcome) -> int:
    """The status: of the answer if it could be written. What stderr does never matters."""
    if outcome.command.startswith("verify wrong"):
        return 1
    reason = outcome.streams.partition(" ")[2] if outcome.streams.startswith(("stdout", "both", "all")) else ""
    return {"": 0, "broken": cli.PIPE_CLOSED}.get(reason, CANNOT_WRITE)


def test_the_status_is_that_of_the_answer_or_says_that_it_could_not_be_written(outcomes: list[Outcome]) -> None:
    assert len({outcome.command for outcome in outcomes}) > 2 * 16 and len({outcome.streams for outcome in outcomes}) > 12
    assert [outcome for outcome in outcomes if outcome.status != expected(outcome)] == []


def test_no_stream_makes_a_traceback(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if "Traceback" in outcome.out + outcome.err or "Exception ignored" in outcome.err] == []
    for outcome in outcomes:
        if outcome.status == CANNOT_WRITE and outcome.streams.startswith("stdout"):
            assert "zkc: cannot write the answer to stdout: " in outcome.err, outcome


def test_nothing_from_outside_reaches_a_terminal_as_it_is(outcomes: list[Outcome]) -> None:
    """Paths with an escape sequence and a byte that is not UTF-8; names of tests, columns and claims, and journals, with such sequences."""
    for outcome in outcomes:
        text = outcome.out + outcome.err
        assert "\x1b" not in text and "\xff" not in text, outcome
    shown = {outcome.command: outcome.out for outcome in outcomes if outcome.streams == "files"}
    assert r"a \xff\x1b[31m b.out" in shown["prove"] and json.loads(shown["prove --json"].splitlines()[-1])["receipt"].endswith("b.out")
    assert r"c" + r"a \xff\x1b[31m b" in shown["audit"]


def test_text_is_never_too_much_for_an_encoding(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.streams == "ascii":
            assert outcome.out.isascii() and outcome.err.isascii()


def test_lines_cannot_be_forged(outcomes: list[Outcome]) -> None:
    (wrong,) = (outcome for outcome in outcomes if (outcome.command, outcome.streams) == ("verify wrong", "files"))
    assert r"receipt\n  forged: line" in wrong.err and "\n  forged" not in wrong.err


SHELL = {
    "zkc_ image-id PROGRAM >/dev/full": CANNOT_WRITE,
    "zkc_ image-id PROGRAM --json >&-": CANNOT_WRITE,
    "zkc_ image-id PROGRAM >&- 2>&-": CANNOT_WRITE,
    "zkc_ image-id PROGRAM <&- 2>/dev/full": 0,
    "zkc_ image-id absent.elf 2>/dev/full": 2,
    "zkc_ image-id absent.elf >&- 2>&-": 2,
    "export LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii; zkc_ image-id PROGRAM": 0,
    "zkc_ execute --help >/dev/full": CANNOT_WRITE,
    "zkc_ execute PROGRAM --input - <&-": 2,
}


@pytest.mark.parametrize("line", SHELL)
def test_whole_processes_end_as_commands_do(line: str) -> None:
    """The same for a few real processes: Python itself flushes its streams at the end, and would have a status of its own."""
    script = f'zkc_() {{ "{sys.executable}" -m zkc "$@"; }}\n{line.replace("PROGRAM", str(FIBONACCI))}\n'
    done = subprocess.run(["sh", "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == SHELL[line], done
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


def test_the_console_of_a_guest_is_its_own_business_in_files_and_ours_on_terminals() -> None:
    from zkc.output import RawOutput

    class Terminal(list[str]):
        def isatty(self) -> bool:
            return True

        def flush(self) -> None: ...

        def write(self, text: str) -> int:
            self.append(text)
            return len(text)

    shown, raw = Terminal(), RawOutput()
    for data in (b"\x1b]0;title\x07\t\xe2\x82", b"\xac\xff\r\n"):  # a character in two parts
        raw.write(shown, 1, data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert "".join(shown) == "\\x1b]0;title\\x07\t€\\xff\\r\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("main", "main"),
        ("größer λ 中", "größer λ 中"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J\x7f\0", r"\x9b2J\x7f\x00"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202etxt.exe\u2066", r"\u202etxt.exe\u2066"),
        ("\u2028\ufeff\U000e0041", r"\u2028\ufeff\U000e0041"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown and shown.isprintable()


def test_printable_keeps_what_is_asked() -> None:
    assert printable("a\n\x1b\t", keep="\n\t") == "a\n\\x1b\t"


def test_errors_are_fit_for_a_terminal_in_scripts_too() -> None:
    error = InputError("\x1b[31mno\nsuch", where="f\n  help: run this", hint="\x07")
    assert str(error) == "\\x1b[31mno\nsuch\n  at: f\\n  help: run this\n  help: \\x07"


@cache
def hostile_elf(program: Path, *names: tuple[bytes, bytes]) -> bytes:
    """`program` with names in its symbol and line tables replaced by others of the same length."""
    content = program.read_bytes()
    for old, new in names:
        assert len(old) == len(new) and b"\0" + old + b"\0" in content
        content = content.replace(b"\0" + old + b"\0", b"\0" + new + b"\0")
    return content


MAIN = (b"main", b"\x1b[1m")


def disassemble(elf: Path) -> list[str]:
    return ["disasm", str(elf)]


def profile(elf: Path) -> list[str]:
    return ["profile", str(elf), "--input", str(EXAMPLES / "fibonacci" / "input.bin")]


@pytest.mark.parametrize("command", [disassemble, profile])
def test_names_in_a_program_are_cleaned(command: Callable[[Path], list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    elf = tmp_path / "p.elf"
    elf.write_bytes(hostile_elf(FIBONACCI, MAIN, (b"fibonacci.c", b"\x1b[31m\nxx.c\x07")))
    assert cli.main(command(elf)) == 0
    out = capfd.readouterr().out
    assert "\x1b" not in out and "\x07" not in out and r"\x1b[1m" in out and r"\x1b[31m\nxx.c\x07:" in out


def test_the_place_of_a_fault_is_cleaned(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    elf, data = tmp_path / "p.elf", tmp_path / "input"
    elf.write_bytes(hostile_elf(GUESTS / "faults.elf", MAIN, (b"faults.c", b"\x1b[31m\n.c")))
    data.write_bytes(fault_input(0))
    assert cli.main(["execute", str(elf), "--input", str(data)]) == 2
    err = capfd.readouterr().err
    assert "\x1b" not in err and r"\x1b[31m\n.c:" in err


def test_source_lines_of_circuits_are_cleaned(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.circ").write_text("gadget g(a: u32) -> b: u32 { let b = a + ; } // \x1b[31m\n")
    assert cli.main(["test", str(tmp_path)]) == 2
    err = capfd.readouterr().err
    assert "\x1b" not in err and "[31m" in err


def test_nothing_but_output_prints() -> None:
    """One place where text leaves the process: every other module asks it."""
    for folder in ("zkc", "runtime", "compiler", "dsl"):
        for file in (ROOT / folder).rglob("*.py"):  # does not follow the links in zkc/
            text = file.read_text(encoding="utf-8")
            if file.name not in ("output.py", "streams.py"):
                assert " print(" not in text and "stdout.write" not in text and "stderr.write" not in text, file
