"""Cost cliffs are named, at the line that causes them, and nothing else is."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.guests.catalogue import GUESTS, Program, examples
from tests.machine.programs import Assembler, RandomProgram
from zkc import api, cli
from zkc.advice import Finding, advise
from zkc.runtime.execution.executor import Limits, execute
from zkc.runtime.guest.elf import load_elf

CLIFFS = GUESTS / "cliffs.elf"
SOURCE = (GUESTS / "cliffs.c").read_text().splitlines()
KINDS = (
    ("page-ins", "stride"),
    ("page-ins", "clear"),
    (None, "rewritten"),
    (None, "trampoline"),
    ("reads of few bytes", "read"),
    ("journal", "journal"),
    ("journal", "digest"),
    ("console", "print"),
)
"""(kind, mark of the line in cliffs.c) by choice; what is no cliff has none."""


def findings(elf: Path, stdin: bytes, limit: int | None = None) -> list[Finding]:
    machine = api.machine()
    program = load_elf(elf, machine.memory_map)
    run = execute(machine, program, stdin, Limits(segment_limit=limit), snapshots=True)
    return advise(machine, program.symbols, run, run.segments.__getitem__)


def given(choice: int) -> bytes:
    return struct.pack("<I", choice) + bytes(10000)


@pytest.mark.parametrize(("choice", "kind", "mark"), [(n, *k) for n, k in enumerate(KINDS)], ids=[mark for _, mark in KINDS])
def test_a_cliff_is_named_at_its_line(choice: int, kind: str | None, mark: str) -> None:
    line = next(number for number, text in enumerate(SOURCE, 1) if f"/* {mark} */" in text)
    found = findings(CLIFFS, given(choice))
    assert [finding.kind for finding in found] == [kind] * (kind is not None)
    if kind is None:
        return
    assert f"(cliffs.c:{line})" in found[0].places[0].where and found[0].help
    assert found[0].share > 0.2 and sum(place.cells for place in found[0].places) <= found[0].cells


@pytest.mark.parametrize("program", examples(), ids=lambda program: program.name)
def test_no_false_alarms(program: Program) -> None:
    assert findings(program.elf, program.stdin) == []


def code_that_is_spent() -> bytes:
    """Runs words that were never written, and then writes to them: each is code of its segment, and ends that."""
    assembler = Assembler()
    for _ in range(20):
        assembler.emit("auipc", 3)
        assembler.emit("sw", rs1=3, rs2=0)
    assembler.set(10, 0)
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), b"").elf()


def test_code_that_is_written_after_it_ran_is_named(tmp_path: Path) -> None:
    (tmp_path / "spent.elf").write_bytes(code_that_is_spent())
    (found,) = findings(tmp_path / "spent.elf", b"")
    assert found.kind == "rewritten code" and found.share > 0.2 and len(found.places) > 1


def test_a_small_segment_limit_is_named() -> None:
    program = next(program for program in examples() if program.name == "fibonacci")
    found = findings(program.elf, program.stdin, limit=9)
    assert [finding.kind for finding in found] == ["small segments"] and "--segment-limit" in found[0].help


def test_prove_says_it_before_it_proves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: list[str] = []

    def proves(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("zkc.runtime.receipts.proving.prove_segments", proves)
    with pytest.raises(KeyboardInterrupt):
        api.prove(CLIFFS, given(0), output=tmp_path / "r", advice=lambda finding: told.append(finding.kind))
    assert told == ["page-ins"]


def test_profile_and_report_say_the_same(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"")
    (tmp_path / "spent.elf").write_bytes(code_that_is_spent())
    arguments = [str(tmp_path / "spent.elf"), "--input", str(tmp_path / "in")]
    found: list[Any] = []
    for command in (["profile"], ["report", "--no-prove", "-o", str(tmp_path / "page.html")]):
        assert cli.main([*command, *arguments, "--json"]) == 0
        found.append(json.loads(capfd.readouterr().out)["findings"])
    assert found[0] == found[1] and found[0][0]["kind"] == "rewritten code"
    assert "rewritten code" in (tmp_path / "page.html").read_text()
    assert cli.main(["profile", *arguments]) == 0
    assert "of all cells: rewritten code, 20 segments" in capfd.readouterr().out


def test_a_run_without_snapshots_records_nothing() -> None:
    machine = api.machine()
    run = execute(machine, load_elf(CLIFFS, machine.memory_map), given(0))
    assert run.origins.paging == {}
