"""With --json a command prints exactly one JSON object, whatever its options and whether it succeeds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from tests.guests.catalogue import EXAMPLES
from zkc import api, cli, inline_tests
from zkc.output import KEYS
from zkc.runtime.stark.parameters import UNIQUE_DECODING
from zkc.runtime.stark.security import Strength
from zkc.warmed import Warmed

CIRCUITS: Final = Path(cli.__file__).parents[1] / "circuits"
FIBONACCI: Final = EXAMPLES / "fibonacci" / "fibonacci.elf"
GIVEN: Final = ("--input", str(FIBONACCI.with_name("input.bin")))
COMMANDS: Final = {
    "execute": (str(FIBONACCI), *GIVEN),
    "check": (str(FIBONACCI), *GIVEN),
    "prove": (str(FIBONACCI), *GIVEN, "-o", "out"),
    "verify": ("receipt", "--elf", str(FIBONACCI)),
    "profile": (str(FIBONACCI), *GIVEN),
    "report": (str(FIBONACCI), *GIVEN, "-o", "out"),
    "image-id": (str(FIBONACCI),),
    "inspect": ("receipt",),
    "compile": (),
    "opt": ("a.mlir",),
    "fmt": ("circuits",),
    "test": (),
    "doc": ("-o", "out"),
    "audit": (),
    "stats": (),
    "security": (),
    "disasm": (str(FIBONACCI),),
    "build": ("a.c", "-o", "out"),
    "new": ("made",),
}
"""Arguments that each command needs, relative to a folder of its own."""
WRONG: Final = ["nothing", "table:x"]
STAGES: Final = ["ast", "tables", "table:addi", "stats", "dot", "dot:addi", "isa", "row:addi", "air:addi", "step:addi",
          "fill:addi", "smt:addi", "code:fast", "code:tracing", "code:fill:addi", *WRONG]


def command(name: str) -> Any:
    return typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]


def flags(name: str) -> list[str]:
    """Options without a value, both of each pair."""
    options = [option for option in command(name).params if getattr(option, "is_flag", False) and "--json" not in option.opts]
    return [spelling for option in options for spelling in (*option.opts, *option.secondary_opts) if spelling != "--write-lock"]


def choices() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        every = flags(name)
        for chosen in chain.from_iterable(combinations(every, count) for count in range(len(every) + 1)):
            yield name, *chosen


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; what takes long is replaced, its results are not."""
    strength = Strength(UNIQUE_DECODING, 124.0, 124.0)
    run = api.Run("ab" * 32, 7, 5107, 1, b"\x01", b"hello\n")
    proof = api.Proof(run, b"receipt", 1000, strength)
    shutil.copytree(CIRCUITS, tmp_path / "circuits")
    (tmp_path / "receipt").write_bytes(b"receipt")
    (tmp_path / "a.mlir").write_text('"circ.type"() {sym_name = "x", low = 0, high = 1} : () -> ()')
    (tmp_path / "a.c").write_text("int main(void) { return 0; }")

    def build(sources: Any, output: Path, **_: Any) -> Path:
        output.write_bytes(b"elf")
        return output

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "is_warm", lambda *_: True)
    monkeypatch.setattr(api, "prove", lambda *_, **__: proof)
    monkeypatch.setattr(api, "verify", lambda *_, **__: api.Verified("ab" * 32, 7, 1, b"", strength))
    monkeypatch.setattr(api, "inspect", lambda *_: {"segments": 1, "journal": "00"})
    monkeypatch.setattr(api, "audit", lambda *_: [])
    monkeypatch.setattr(api, "check_circuits", lambda *_, **__: None)
    monkeypatch.setattr(api, "warm", lambda *_, **__: Warmed(b"", 0, 0, 0))
    monkeypatch.setattr(api, "run_inline_tests", lambda *_, **__: [inline_tests.TestOutcome("a", "a.circ:1", 1)])
    monkeypatch.setattr("zkc.report.prove_all", lambda *_: [])
    monkeypatch.setattr("zkc.toolchain.build", build)
    return tmp_path


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The status and the only thing on stdout."""
    status = cli.main([*arguments, "--json"])
    out = capfd.readouterr().out
    value = json.loads(out)
    assert out.count("\n") == 1 and set(KEYS) <= set(value)
    assert (status == 0) == ("error" not in value)
    return status, value


def test_every_command_is_here() -> None:
    others = {"lsp"}  # speaks another protocol
    assert set(COMMANDS) | others == set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("chosen", list(choices()), ids=" ".join)
def test_one_object(chosen: tuple[str, ...], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name, *options = chosen
    assert printed(capfd, name, *COMMANDS[name], *options)[0] == 0


@pytest.mark.parametrize("stage", STAGES)
def test_one_object_for_each_stage(
    stage: str, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`compile --emit isa --json` printed the stage and no JSON. What the slower stages print is seen elsewhere."""
    if stage not in ("isa", *WRONG):
        monkeypatch.setattr(api, "emit", lambda *_: f"addi in {stage}\n{{}}")
    status, value = printed(capfd, "compile", "--emit", stage)
    assert status == (2 if stage in WRONG else 0)
    assert status or (value["stage"] == stage and "addi" in value["text"])


def test_one_object_when_a_check_fails(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`test` printed its counts and the failure, `stats` the changes before it."""
    failures = (inline_tests.Failure("a.circ:2", "a", ("wrong",)),)
    monkeypatch.setattr(api, "run_inline_tests", lambda *_, **__: [inline_tests.TestOutcome("a", "a.circ:1", 1, failures)])
    status, value = printed(capfd, "test")
    assert (status, value["tests"], value["failed"]) == (2, 1, 1)
    monkeypatch.setattr(api, "lock_changes", lambda: ["-a", "+b"])
    assert printed(capfd, "stats", "--check-lock", "--diff")[1]["changes"] == ["-a", "+b"]
    assert printed(capfd, "stats", "--diff")[1]["changes"] == ["-a", "+b"]
    (folder / "circuits" / "alu.circ").write_text((folder / "circuits" / "alu.circ").read_text() + "\n\n\n")
    assert printed(capfd, "fmt", "circuits", "--check")[1]["changed"] == ["circuits/alu.circ"]
    for wrong in (["execute"], ["execute", "missing.elf"], ["stats", "--nothing"], ["security", "--log-rows", "99"], ["nothing"]):
        assert printed(capfd, *wrong)[0] == 2


def test_an_option_of_the_compiler_is_not_ours(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", "missing.c", "--", "--json"]) in (0, 2)
    assert not capfd.readouterr().out.startswith("{")
