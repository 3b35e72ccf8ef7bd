"""The command line around a stand-in for the machine: what is printed where, and with which status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.guests.catalogue import EXAMPLES
from zkc import api, cli
from zkc.output import KEYS
from zkc.runtime.errors import GuestFault, InputError, VerificationError
from zkc.runtime.stark.parameters import JOHNSON, UNIQUE_DECODING
from zkc.runtime.stark.security import Strength

IMAGE = "ab" * 32
STANDARD, SMALL = Strength(UNIQUE_DECODING, 124.0, 124.0), Strength(JOHNSON, 86.5, 124.0)
RUN = api.Run(IMAGE, 7, 5107, 1, b"\x01\x02", b"hello\n")


@dataclass
class Calls:
    """What the commands asked for."""

    given: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    seen = Calls()

    def execute(program: Path, stdin: bytes | None = None, **options: Any) -> api.Run:
        seen.given = {"program": program, "stdin": stdin, **options}
        options["console"](1, b"hello\n")
        return RUN

    def prove(program: Path, stdin: bytes | None = None, **options: Any) -> api.Proof:
        return api.Proof(execute(program, stdin, **options), b"receipt", 1000, SMALL if options["small"] else STANDARD)

    def verify(receipt: Path, **options: Any) -> api.Verified:
        seen.given = options
        return api.Verified(IMAGE, 7, 1, b"\x01\x02", SMALL if options["accept_johnson"] else STANDARD)

    for function in (execute, prove, verify):
        monkeypatch.setattr(api, function.__name__, function)
    monkeypatch.setattr(api, "is_warm", lambda *_: True)
    monkeypatch.setattr(api, "executor_is_compiled", lambda *_: True)
    return seen


def fails(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def execute(*_: Any, **__: Any) -> api.Run:
        raise error

    monkeypatch.setattr(api, "execute", execute)
    monkeypatch.setattr(api, "executor_is_compiled", lambda *_: True)


def last_object(text: str) -> dict[str, Any]:
    return json.loads(text.splitlines()[-1])


def test_execute_prints_console_then_summary(calls: Calls, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["execute", "p.elf"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("hello\n")
    assert "exit code" in out and "5 107" in out and "2 bytes: 0102" in out
    assert err == ""


def test_execute_json_has_every_key_and_keeps_stdout_clean(calls: Calls, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"abc")
    assert cli.main(["execute", "p.elf", "--input", str(tmp_path / "in"), "--segment-limit", "14", "--max-cycles", "9", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == "hello\n"
    assert len(out.splitlines()) == 1
    value = last_object(out)
    assert set(KEYS) <= set(value)
    assert (value["exit_code"], value["journal"], value["console"], value["image_id"]) == (7, "0102", b"hello\n".hex(), IMAGE)
    assert value["seconds"] >= 0 and value["peak_rss_bytes"] > 0
    assert (calls.given["stdin"], calls.given["segment_limit"], calls.given["max_cycles"]) == (b"abc", 14, 9)


@pytest.mark.parametrize(
    ("options", "jobs", "memory"),
    [((), 2, None), (("--jobs", "3"), 3, None), (("--memory", "2G"), 1, 2 << 30), (("--ray", "auto"), 1, None)],
)
def test_how_many_segments_are_proven_at_a_time(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], jobs: int, memory: int | None
) -> None:
    """One for every four cores, unless it is said, or memory is."""
    monkeypatch.setattr("os.cpu_count", lambda: 11)
    monkeypatch.setattr("zkc.runtime.execution.budget.free_memory", lambda: 1 << 40)
    assert cli.main(["prove", "folder/p.elf", *options, "--json"]) == 0
    assert (calls.given["jobs"], calls.given["memory"]) == (jobs, memory)


def test_prove_names_its_receipt_after_the_program(calls: Calls, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prove", "folder/p.elf", "--jobs", "2", "--json"]) == 0
    assert calls.given["output"] == Path("p.receipt") and calls.given["jobs"] == 2 and calls.given["small"] is False
    value = last_object(capfd.readouterr().out)
    assert (value["proof_bytes"], value["security_bits"], value["receipt"]) == (1000, 124.0, "p.receipt")


def test_verify_passes_what_is_expected(calls: Calls, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"x")
    (tmp_path / "j").write_bytes(b"journal")
    assert cli.main(["verify", str(tmp_path / "r"), "--elf", "p.elf", "--journal", str(tmp_path / "j"), "--exit-code", "-1", "--json"]) == 0
    expected = {"program": Path("p.elf"), "image_id": None, "journal": b"journal", "exit_code": -1}
    assert {name: calls.given[name] for name in expected} == expected
    assert calls.given["accept_johnson"] is False
    value = last_object(capfd.readouterr().out)
    assert value["verified"] is True
    assert {name: value[name] for name in STANDARD.values()} == STANDARD.values()


def test_the_johnson_radius_is_named_with_both_figures(calls: Calls, capfd: pytest.CaptureFixture[str]) -> None:
    """By who proves, in a line of its own, and by who verifies."""
    assert cli.main(["prove", "p.elf", "--small"]) == 0
    out, err = capfd.readouterr()
    assert "124 bits (Johnson radius: BCHKS25, Theorem 4.6, constant as corrected, a preprint); 86 bits in unique decoding" in out
    assert err.endswith(
        "zkc: the receipt rests on the Johnson radius, on a preprint: whoever verifies it must accept that, with --accept-johnson\n"
    )
    assert cli.main(["prove", "p.elf"]) == 0 and "Johnson" not in "".join(capfd.readouterr())
    assert cli.main(["verify", "r", "--elf", "p.elf", "--accept-johnson"]) == 0 and calls.given["accept_johnson"] is True
    assert "124 bits (Johnson radius" in capfd.readouterr().out
    assert cli.main(["verify", "r", "--elf", "p.elf", "--accept-johnson", "--json"]) == 0
    value = last_object(capfd.readouterr().out)
    assert {name: value[name] for name in SMALL.values()} == SMALL.values() and value["security_bits"] == 124.0
    assert (value["rests_on"], value["unique_decoding_bits"], value["johnson_bits"]) == ("Johnson radius", 86.5, 124.0)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (InputError("not an ELF file", where="p.elf"), 2, "zkc: not an ELF file\n  at: p.elf"),
        (GuestFault("illegal instruction", pc=0x10000), 2, "zkc: illegal instruction\n  at: pc 0x00010000"),
        (VerificationError("the chain is broken"), 1, "zkc: the chain is broken"),
        (KeyboardInterrupt(), 130, "zkc: interrupted"),
        (MemoryError(), 2, "zkc: there is not enough memory"),
        (ZeroDivisionError("oops"), 70, "zkc: internal error: ZeroDivisionError: oops"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_has_a_message_and_a_status(
    error: BaseException, status: int, text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ZKC_DEBUG", raising=False)
    fails(monkeypatch, error)
    assert cli.main(["execute", "p.elf", "--json"]) == status
    out, err = capfd.readouterr()
    assert err.startswith(text)
    assert "Traceback" not in err
    value = last_object(out)
    assert value["status"] == status and value["error"].splitlines()[0] in text
    assert value["verified"] is (False if status == 1 else None)


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ZKC_DEBUG", "1")
    fails(monkeypatch, ZeroDivisionError("oops"))
    assert cli.main(["execute", "p.elf"]) == 70
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["execute"],
        ["unknown"],
        ["execute", "p.elf", "--max-cycles", "x"],
        ["prove", "--bad"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    err = capfd.readouterr().err
    assert err.startswith("zkc: ") and not err.startswith("zkc: \n") and "\n  help: " in err


def test_verify_wants_exactly_one_identity(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "r"]) == 2
    assert "give either the program or its image ID" in capfd.readouterr().err
    assert cli.main(["verify", "r", "--elf", "p", "--image-id", "0"]) == 2


def test_missing_files_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["execute", "p.elf", "--input", "absent.bin"]) == 2
    assert "absent.bin" in capfd.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    command = [sys.executable, "-m", "zkc", "execute", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=EXAMPLES.parent) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, cli.PIPE_CLOSED)


def test_new_makes_a_project_that_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "first-proof"]) == 0
    assert sorted(os.listdir("first-proof")) == [".gitignore", "README.md", "input.txt", "main.c", "test_first_proof.py"]
    assert cli.main(["new", "first-proof"]) == 2
    assert "there already" in capfd.readouterr().err
    assert cli.main(["new", "1 2"]) == 2
    pytest.importorskip("ziglang")
    monkeypatch.chdir("first-proof")
    assert cli.main(["build", "main.c", "--", "-O1"]) == 0
    from tests.oracle.unicorn_machine import run_elf

    outcome = run_elf("main.elf", b"\x01\x02\xff")
    assert (outcome.exit_code, bytes(outcome.journal)) == (0, (258).to_bytes(4, "little"))
