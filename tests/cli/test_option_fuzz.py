"""Random command lines: whatever options, paths and variables are given, a command ends soon, with a documented status and a message.

In this process, and with stand-ins for what takes long: proofs, machine code, the C compiler. Seeded: a failure shows the words.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Annotated, Any, Final, NamedTuple, cast, get_args, get_origin, get_type_hints

import pytest

from tests.guests.catalogue import GUESTS
from zkc import api, cli, report, toolchain, warm
from zkc import warmed as kept
from zkc.compiler.extensions import Extensions
from zkc.compiler.machines import load_machine
from zkc.lsp import server
from zkc.runtime.errors import InputError
from zkc.runtime.receipts import proving
from zkc.runtime.receipts.receipt import Receipt, SegmentReceipt
from zkc.runtime.stark.parameters import JOHNSON
from zkc.runtime.stark.security import Strength
from zkc.warmed import Warmed

CASES: Final = int(os.environ.get("ZKC_FUZZ_CASES", "40"))
"""Command lines for each command."""
SEED: Final = os.environ.get("ZKC_FUZZ_SEED", "")
MOST_SECONDS: Final = 60
"""For one, which takes less than one where nothing else is done."""
STATUS: Final = {0, 1, 2, 74}
"""Those of docs/errors.md that need no signal, no reader that goes away and no fault of ours."""
ENDS: Final = {"verify": 1, "audit": 2, "compile": 2}
"""Of a command that is called as it should be, if that is not 0: there is no proof here, and no folder with a whole machine."""
WRITTEN: Final = {"output", "name"}
"""Parameters that name what is made."""

LONG: Final = "x" * 5000
WORDS: Final = ("", " ", "-", "-1", "nan", "\udcff", "\x1b[31m", "a\nb", LONG, "'\"$(x)`", "é", "\u202e", "%s%n", "{0}", "--nothing")
NUMBERS: Final = (
    *("0", "1", "2", "7", "10", "14", "21", "22", "64", "100", "65536", "-1", "-2147483648", "-2147483649", "4294967295", "4294967296"),
    *("9223372036854775807", "9223372036854775808", "1" + "0" * 30, "1" + "0" * 5000, "2.5", "7.0", "1e9", "nan", "inf", "0x10", "0b1"),
    *("1_0", "+7", " 7", "7 ", "007", "\u0663", "\u00b2", "True", "None", ""),
)
TEXTS: Final = {
    "image_id": ("0" * 64, "f" * 64, "0" * 63, "g" * 64, "db0fd62f828d204d223d0037c81b88224478875628d29a167d2e024161277055"),
    "emit": ("ast", "isa", "dot", "dot:addi", "stats", "tables", "table:addi", "table:", "table:x", "fill:", "fast:x", ":", "fill:add"),
    "pattern": ("order", "*", "["),
    "passes": ("dce", "materialise{max-degree=2},dce", "lower-air", "dce{", "dce{x=1}", ",", "gate-rows{max-times=x}", "x"),
    "ray": ("auto", "x", "127.0.0.1:1", "127.0.0.1:99999", "ray://", "ray://127.0.0.1:1", "[::1]:1"),
}
VARIABLES: Final = ("ZKC_THREADS", "ZKC_DEBUG", "ZKC_CIRCUITS", "COLUMNS", "TERM", "NO_COLOR")
"""Those that may have any text; ZKC_CACHE has tests of its own."""
LIKELY: Final = {
    **dict.fromkeys(("program", "elf"), ("p.elf",)),
    **dict.fromkeys(("directory", "circuits", "names"), ("circuits",)),
    "file": ("a.mlir",),
    **{"input": ("input",), "receipt": ("r.receipt",), "sources": ("main.c",), "journal": ("journal",), "paths": ("a.circ", "circuits")},
}
ELF: Final = (GUESTS / "exit.elf").read_bytes()
RECEIPT: Final = Receipt(bytes(32), (0,) * 8, (SegmentReceipt((1,), b"proof"),), b"journal", 7).to_bytes()
FILES: Final = {
    **{"p.elf": ELF, os.fsdecode(b"\xff\x1b[31m\n"): ELF, "cut.elf": ELF[:3000], "head.elf": ELF[:30]},
    **{"shared.elf": ELF[:16] + b"\3" + ELF[17:]},
    **{"x86.elf": b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x3e\0" + bytes(100), "empty": b"", "noise": bytes(range(256)) * 16},
    **{"r.receipt": RECEIPT, "cut.receipt": RECEIPT[:30], "input": b"\1\0\0\0", "journal": bytes(8), "main.c": b"int x;\n"},
    **{"a.circ": b"const  a = 1;\n", "latin.circ": b"const a = 1; // \xe9\n", "wrong.circ": b"gadget (((\n"},
    **{"circuits/a.circ": b"const a = 1;\n", "circles/zero.circ": b"", "half/a.circ": b"const a = 1;\n", "half/b.circ/x": b""},
    "a.mlir": b'"circ.type"() {sym_name = "x", low = 0, high = 1} : () -> ()\n// -----\n',
    "wrong.mlir": b'"circ.type"() {',
    **{"none/read.me": b"", "parts.receipt.parts": b""},
}
LINKS: Final = {"loop": "loop", "dangling": "absent", "link.elf": "p.elf", "full": "/dev/full", "up": "..", "zero.circ": "/dev/zero"}
ODD: Final = (
    *("", ".", "..", "/", "-", "~", "//", "absent", "absent/file", "p.elf/file", "x" * 300, "y/" * 3000, "none", "circles", "half", "pipe"),
    *("/dev/null", "/dev/full", "/dev/stdout", "/dev/fd/77", "/proc/self/mem", *LINKS),
)


class Parameter(NamedTuple):
    """An argument, or an option with its spellings."""

    name: str
    options: tuple[str, ...]
    kind: type
    several: bool


class Slow(BaseException):
    """A command did not end in time."""


def functions() -> dict[str, Callable[..., Any]]:
    """Every command, by name."""
    found = {info.name or cast(Any, info.callback).__name__: info.callback for info in cli.app.registered_commands}
    return cast("dict[str, Callable[..., Any]]", found)


@cache
def parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """What a command takes, from its annotations."""
    found: list[Parameter] = []
    for name, hint in get_type_hints(function, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, info = get_args(hint)[:2]
            (plain,) = [one for one in (get_args(kind) if not isinstance(kind, type) else ()) if one is not type(None)] or [kind]
            several = get_origin(plain) is list
            given = (info.default, *(info.param_decls or ()))  # an annotation has the first spelling where other uses have the default
            spelled = tuple(one for text in given if isinstance(text, str) for one in text.split("/"))
            found.append(Parameter(name, spelled, get_args(plain)[0] if several else plain, several))
    return tuple(found)


def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all that takes long."""

    def warmed(directory: Path | None, jobs: int, progress: api.Progress, extensions: Extensions) -> Warmed:
        return Warmed.of(load_machine(directory, extensions).circuit)

    def zig(given: list[str], *, quiet: bool = False) -> None:
        """Makes the list of headers, objects and a program."""
        if any(not word.isprintable() for word in given):
            raise InputError("the guest does not compile\nerror: " + " ".join(given))
        if "-MF" in given:
            Path(given[given.index("-MF") + 1]).write_text(f"o: {given[-1]}")
        elif "-o" in given:
            Path(given[given.index("-o") + 1]).write_bytes(ELF)

    in_process: Callable[[int], proving.InProcess] = lambda jobs: proving.InProcess()  # noqa: E731
    proof: Callable[..., SegmentReceipt] = lambda segment, **_: SegmentReceipt((1,), b"proof")  # noqa: E731
    for owner, name, value in (
        (api, "prove_segment", proof),
        (api, "check_segment", lambda *_, **__: None),
        (api, "_check_chain", lambda *_: None),
        (api, "_strength", lambda *_: Strength(JOHNSON, 86.0, 128.0)),
        (api, "is_warm", lambda *_: True),
        (api, "check_circuits", api.audit),
        (proving, "LocalPool", in_process),
        (report, "prove_all", lambda *_: []),
        (warm, "warm", warmed),
        (kept, "nothing_left", lambda *_: None),
        (toolchain, "_zig", zig),
        (server, "server", lambda _: SimpleNamespace(start_io=lambda: None)),
    ):
        monkeypatch.setattr(owner, name, value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with stand-ins."""
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    stand_ins(monkeypatch)
    api.machine()  # which takes long the first time
    return here


def furnish(folder: Path) -> None:
    """Makes every kind of file, anew if it was changed."""
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        if not file.is_file() or file.read_bytes() != content:
            file.write_bytes(content)
    for name, target in {**LINKS, "circles/zero.circ": "/dev/zero"}.items():
        if not (folder / name).is_symlink():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target)
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")


@contextmanager
def other_end(pipe: Path) -> Generator[None]:
    """Whoever reads the pipe inside gets its end, whoever writes is read."""
    over = threading.Event()

    def attend() -> None:
        while not over.is_set():
            descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
            over.wait(0.02)
            os.close(descriptor)

    thread = threading.Thread(target=attend)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def value(parameter: Parameter, chance: random.Random) -> str:
    """A text to be given for it, more often than not a likely one."""
    if parameter.kind is int:
        return chance.choice(NUMBERS if chance.random() < 0.6 else ("10", "100000"))
    if chance.random() < 0.1:
        return chance.choice((*WORDS, *NUMBERS))
    if parameter.name in TEXTS:
        return chance.choice(TEXTS[parameter.name])
    if parameter.name in LIKELY and chance.random() < 0.7:
        return chance.choice(LIKELY[parameter.name])
    more = ("new", "new.receipt", "parts.receipt", "r" * 252) if parameter.name in WRITTEN else ()
    return chance.choice((*FILES, *ODD, *more, *more))


def plain_words_of(name: str) -> list[str]:
    """The command `name`, called as it should be."""
    words = [name]
    for parameter in parameters(functions()[name]):
        if not parameter.options or parameter.name in ("input", "elf"):
            words += [*parameter.options[:1], LIKELY.get(parameter.name, ("made",))[0]]
    return words


def words_of(name: str, chance: random.Random) -> list[str]:
    """A command line for the command `name`."""
    words = [name]
    for parameter in parameters(functions()[name]):
        if not parameter.options:
            least = 1 if parameter.several or parameter.name in ("directory", "file") else 0  # all of our own .circ files take seconds
            count = max(least, chance.choice((1, 1, 2, 3) if parameter.several else (1,) * 8 + (0, 2)))
            words += LIKELY["names"] if parameter.name == "names" else ()  # a folder first: it would be tables of our own
            words += [value(parameter, chance) for _ in range(count)]
        elif chance.random() < (0.7 if parameter.name in ("input", "elf") else 0.2):
            option = chance.choice(parameter.options)
            glued = parameter.kind is not bool and option.startswith("--") and chance.random() < 0.3
            given = [] if parameter.kind is bool else [value(parameter, chance)]
            words += [f"{option}={given[0]}"] if glued else [option, *given]
    if chance.random() < 0.05:
        words.insert(chance.randrange(len(words) + 1), chance.choice(("--help", "--json", "--", *WORDS)))
    return ["--circuits", chance.choice(("circuits", *ODD)), *words] if chance.random() < 0.1 else words


def variables(chance: random.Random) -> dict[str, str]:
    """Now and then an environment variable with a text that need not mean anything."""
    if chance.random() < 0.85:
        return {}
    name = chance.choice(VARIABLES)
    return {name: chance.choice(("circuits", *ODD) if name == "ZKC_CIRCUITS" else (*NUMBERS, *WORDS))}


def run(words: list[str], environment: dict[str, str]) -> int:
    """The status; raises Slow."""

    def too_slow(number: int, frame: FrameType | None) -> None:
        raise Slow

    before, handler = dict(os.environ), signal.signal(signal.SIGALRM, too_slow)
    os.environ.update(environment)
    signal.alarm(MOST_SECONDS)
    try:
        return cli.main(words)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        os.environ.clear()
        os.environ.update(before)


def problems(words: list[str], status: int, out: str, err: str) -> Iterator[str]:
    """What is wrong with how a command ended."""
    if status not in STATUS or (status == 1 and "verify" not in words):
        yield f"status {status}"
    if "Traceback" in err or "internal error" in err:
        yield "a fault of ours"
    if status and "zkc: " not in err:
        yield "no message"
    if not (out + err).replace("\n", "").replace("\t", "").isprintable():
        yield "a character that a terminal might act on"
    if "--json" in words and "--help" not in words and "--" not in words:
        yield from json_problems(status, out)


def json_problems(status: int, out: str) -> Iterator[str]:
    """What is wrong with stdout, where one JSON object belongs."""
    try:
        found = json.loads(out)
    except ValueError:
        yield "no JSON"
        return
    if out.count("\n") != 1 or ("error" in found) != (status != 0):
        yield "not one object, or not the right one"


@pytest.mark.parametrize("name", sorted(functions()))
def test_random_command_lines(name: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    chance, wrong = random.Random(f"{name} {SEED}"), list[str]()
    furnish(folder)
    assert run(plain_words_of(name), {}) == ENDS.get(name, 0)
    capfdbinary.readouterr()
    furnish(folder)
    with other_end(folder / "pipe"):
        for _ in range(CASES):
            words, environment = words_of(name, chance), variables(chance)
            start = time.perf_counter()
            status = run(words, environment)
            seconds = time.perf_counter() - start
            out, err = (text.decode("utf-8", "surrogateescape") for text in capfdbinary.readouterr())
            found = [*problems(words, status, out, err), *(str(path) for path in folder.rglob("*.partial"))]
            if found:
                given = " ".join(f"{word!r:.200}" for word in words)
                wrong.append(f"{environment} zkc {given}: {found}, {seconds:.1f} s\n  {err!r:.600}\n  {out!r:.200}")
            furnish(folder)
    assert not wrong, "\n".join(wrong)


def test_random_command_lines_find_what_is_wrong() -> None:
    """The mistakes that commands made are seen as such."""
    traceback = "Traceback (most recent call last):\n  …"
    assert list(problems(["execute"], 70, "", "zkc: internal error: x")) == ["status 70", "a fault of ours"]
    assert list(problems(["execute"], 2, "", "zkc: no\n" + traceback)) == ["a fault of ours"]
    assert list(problems(["execute"], 1, "", "zkc: no")) == ["status 1"] and not list(problems(["verify"], 1, "", "zkc: no"))
    assert list(problems(["execute"], 2, "", "")) == ["no message"]
    assert list(problems(["execute"], 0, "\x1b[31m", "")) == ["a character that a terminal might act on"]
    assert list(problems(["execute", "--json"], 0, "a\n{}\n", "")) == ["no JSON"]
    assert list(problems(["execute", "--json"], 0, '{"error": 1}\n', "")) == ["not one object, or not the right one"]
