"""Paths that the system refuses ended as faults of zkc (status 70), or only after the work was done."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import zkc
from tests.guests.catalogue import EXAMPLES
from zkc import api, cli, project
from zkc.runtime.errors import InputError, OutputError
from zkc.runtime.files import write_file
from zkc.runtime.limits import MIB
from zkc.runtime.receipts.receipt import SegmentReceipt

FIBONACCI = EXAMPLES / "fibonacci"

LONG = "x" * 5000


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize("path", [LONG, "loop"])
@pytest.mark.parametrize("command", ["compile", "test", "audit", "fmt", "build", "--circuits PATH stats", "compile --emit ast"])
def test_names_that_are_too_long_and_links_in_a_circle(command: str, path: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = command.replace("PATH", path).split()
    if cli.main(words if path in words else [*words, path]) != 2:
        pytest.fail(capfd.readouterr().err)
    reason = "file name too long" if path == LONG else "too many levels of symbolic links"
    assert reason in capfd.readouterr().err


def test_the_current_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (["new", "x"], ["--circuits", "x", "stats"], ["build", "main.c"]):
        assert cli.main(words) == 2
        err = capfd.readouterr().err
        assert "the folder that this command was started in is gone" in err or "no such source file" in err


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a\x1b"), 2, "zkc: cannot be used: Permission denied\n  at: a\\x1b\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 74, "zkc: cannot write: No space left on device\n  help: make room"),
        (OSError(errno.EIO, "Input/output error"), 70, "zkc: internal error: OSError"),
    ],
)
def test_what_the_system_refuses_unexpectedly(
    error: OSError, status: int, says: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(_: Path) -> str:
        raise error

    monkeypatch.setattr(api, "image_id", refused)
    assert cli.main(["image-id", "p"]) == status
    assert capfd.readouterr().err.startswith(says)


def test_an_empty_variable_is_none(here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`ZKC_CIRCUITS= zkc test` looked into the current folder, `zkc stats` did not."""
    monkeypatch.setenv("ZKC_CIRCUITS", "")
    assert cli.main(["compile", "--no-kernels"]) == 0
    with pytest.raises(InputError, match="directory is ''"):
        zkc.compile("")


@pytest.mark.parametrize("before", [None, str(api.circuits_folder())])
def test_circuits_are_for_one_command(before: str | None, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process, as in a notebook, `--circuits` held for all that followed."""
    if before is not None:
        monkeypatch.setenv("ZKC_CIRCUITS", before)
    assert cli.main(["--circuits", str(here), "stats"]) == 2
    assert cli.main(["stats"]) == 0 and os.environ.get("ZKC_CIRCUITS") == before


def prove(target: Path) -> None:
    zkc.prove(FIBONACCI / "fibonacci.elf", (FIBONACCI / "input.bin").read_bytes(), output=target, segment_limit=10)


def test_finished_segments_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was noticed when the first segment was proven."""
    monkeypatch.setattr(api, "prove_segment", lambda *_, **__: pytest.fail("proven"))
    (tmp_path / "r.parts").write_bytes(b"")
    for name, reason in (("r", "there is something else"), ("x" * 252, "file name too long")):
        with pytest.raises(InputError, match=reason):
            prove(tmp_path / name)


def test_an_error_leaves_no_empty_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(api, "prove_segment", lambda segment, **_: SegmentReceipt((1,), b"proof"))  # type: ignore[misc]
    monkeypatch.setattr(api, "check_segment", lambda *_, **__: None)
    monkeypatch.setattr("zkc.runtime.receipts.resume.write_file", full)
    with pytest.raises(OutputError, match="full"):
        prove(tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_a_project_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a full disk `zkc new` said that there was something already."""
    left = [2]

    def fills_up(path: Path, data: bytes, *, what: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OutputError(f"cannot write {what}")
        write_file(path, data, what=what)

    with monkeypatch.context() as patch:
        patch.setattr("zkc.runtime.files.write_file", fills_up)
        with pytest.raises(OutputError):
            project.create(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    assert len(project.create(tmp_path / "a")) == 5


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
@pytest.mark.parametrize("command", ["compile --no-kernels", "test", "audit", "fmt --check", "compile --emit ast"])
@pytest.mark.parametrize("kind", ["endless", "pipe"])
def test_a_circ_file_without_an_end(command: str, kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A pipe was waited for, and a link to /dev/zero read until memory was full."""
    if kind == "pipe":
        os.mkfifo(tmp_path / "a.circ")
    else:
        (tmp_path / "a.circ").symlink_to("/dev/zero")
    assert cli.main([*command.split(), str(tmp_path)]) == 2
    assert "the file cannot be read: it is no file" in capfd.readouterr().err


def test_a_huge_circ_file_is_not_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open(tmp_path / "a.circ", "wb") as file:
        file.truncate(1 << 40)
    assert cli.main(["compile", "--no-kernels", str(tmp_path)]) == 2
    assert f"more than {MIB} bytes" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["compile --no-kernels", "test", "audit", "fmt --check", "compile --emit ast"])
def test_a_folder_without_circ_files(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`fmt --check` and `--emit ast` took it for one where all is well."""
    assert cli.main([*command.split(), str(tmp_path)]) == 2
    assert "there are no .circ files in" in capfd.readouterr().err
