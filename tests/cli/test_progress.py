"""Long work says a line now and then where no terminal shows bars; short work says nothing."""

from __future__ import annotations

import json
import sys
import time
import types
from collections.abc import Callable

import pytest

from zkc import api, cli, progress
from zkc.progress import progress_bars, progress_lines, spoken
from zkc.runtime.errors import InputError


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Waits until something new on stderr holds a text; lines come at once."""

    def wait_for(text: str) -> None:
        capsys.readouterr()
        written = ""
        while text not in written:
            time.sleep(0.01)
            written += capsys.readouterr().err

    monkeypatch.setattr(progress, "FIRST_LINE_SECONDS", 0.01)
    monkeypatch.setattr(progress, "NEXT_LINE_SECONDS", 0.01)
    return wait_for


def test_a_line_says_the_phases_under_way(errors: Callable[[str], None]) -> None:
    with progress_bars(quiet=False) as report:
        errors("zkc: still at work, ")
        report("execute", 3, 0)
        errors("zkc: execute, ")
        report("execute", 4, 4)
        report("prove", 1, 4)
        report("  fold", 20, 100)
        errors("zkc: prove 1 of 4, fold 20 of 100, ")
        report("  fold", 100, 100)
        errors("\nzkc: prove 1 of 4, ")


def test_a_check_says_after_a_second_what_it_waits_for(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Who edits circuits waits for it: it said nothing for ten seconds, and then not that circuits were compiled."""
    monkeypatch.setattr(progress, "SOON_SECONDS", 0.01)
    monkeypatch.setattr(progress, "NEXT_LINE_SECONDS", 0.01)

    written, end = "", time.monotonic() + 5

    def load(*_: object) -> object:
        nonlocal written
        while "zkc: circuits 0 of 1, " not in written and time.monotonic() < end:
            written += capfd.readouterr().err
        raise InputError("that is enough")

    monkeypatch.setattr(api, "load", load)
    assert cli.main(["check", "a program"]) == 2
    assert "zkc: circuits 0 of 1, " in written


def test_one_speaks_at_a_time(errors: Callable[[str], None]) -> None:
    with progress_lines() as outer, progress_lines() as inner:
        outer("prove", 0, 2)
        inner("circuits", 0, 1)
        errors("zkc: prove 0 of 2, circuits 0 of 1, ")


def test_short_work_says_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(api, "audit", lambda *_: [])
    assert cli.main(["audit", "--columns", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == "" and len(out.splitlines()) == 1


def test_every_command_speaks_and_stdout_stays_clean(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`zkc audit` takes a minute; like all others it said nothing in a log."""
    monkeypatch.setattr(progress, "FIRST_LINE_SECONDS", 0.01)
    written = ""

    def audit(*_: object) -> list[object]:
        nonlocal written
        while "\n" not in written:
            written += capfd.readouterr().err
        return []

    monkeypatch.setattr(api, "audit", audit)
    assert cli.main(["audit", "--columns", "--json"]) == 0
    assert written.startswith("zkc: still at work, ") and json.loads(capfd.readouterr().out)["columns"] == []


def test_a_notebook(errors: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    @spoken
    def work(*, progress: api.Progress = api.no_progress) -> api.Progress:
        if progress not in (api.no_progress, print):
            progress("prove", 1, 2)
            errors("zkc: prove 1 of 2, ")
        return progress

    assert work() is api.no_progress
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert work() is not api.no_progress
    assert work(progress=print) is print


def test_no_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed stderr does not stop the work."""
    written: list[str] = []

    def fail(text: str) -> int:
        written.append(text)
        raise BrokenPipeError

    monkeypatch.setattr(progress, "FIRST_LINE_SECONDS", 0.01)
    monkeypatch.setattr(progress, "NEXT_LINE_SECONDS", 0.01)
    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(write=fail, flush=lambda: None, isatty=lambda: False))
    with progress_lines():
        while not written:
            time.sleep(0.01)
