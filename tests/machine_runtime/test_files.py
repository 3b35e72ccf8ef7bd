"""Files are read within a limit and written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from zkc.runtime.errors import InputError
from zkc.runtime.files import check_writable, read_file, remove_partials, write_file


def test_written_is_read(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for data in (b"first", b""):
        write_file(target, data, what="the receipt")
        assert read_file(target, limit=5, what="the receipt") == data
    assert os.listdir(tmp_path) == ["a"]


def test_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(6))
    with pytest.raises(InputError, match="larger than"):
        read_file(tmp_path / "a", limit=5, what="the receipt")
    with pytest.raises(InputError, match="larger than"):
        read_file("/dev/zero", limit=1000, what="the receipt")


def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: write_file(pipe, b"x" * 100_000, what="the journal"))
    writer.start()
    assert read_file(pipe, limit=1 << 20, what="the journal") == b"x" * 100_000
    writer.join()
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot write the receipt: no space left"):
        write_file(target, b"new", what="the receipt")
    assert os.listdir(tmp_path) == ["a"] and target.read_bytes() == b"old"


def test_a_reader_keeps_the_old_file(tmp_path: Path) -> None:
    """A file is put in the place of the old one, never written into it."""
    (tmp_path / "file").write_bytes(b"the old content")
    with open(tmp_path / "file", "rb", buffering=0) as reader:
        assert reader.read(4) == b"the "
        write_file(tmp_path / "file", b"another", what="the file")
        assert reader.read() == b"old content" and (tmp_path / "file").read_bytes() == b"another"


def test_links_and_modes_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_file(link, b"new", what="the receipt")
    assert link.is_symlink() and target.read_bytes() == b"new" and target.stat().st_mode & 0o777 == 0o640


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path, tmp_path / "absent" / "a", tmp_path / "file" / "a", tmp_path / "nul\0byte"):
        for attempt in (lambda: check_writable(path, what="the receipt"), lambda: write_file(path, b"", what="the receipt")):  # noqa: B023
            with pytest.raises(InputError, match="cannot write the receipt"):
                attempt()
    check_writable(tmp_path / "new", what="the receipt")
    check_writable("/dev/null", what="the receipt")
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    """Files of processes that were killed while they wrote stayed for ever; what a living process writes must stay."""
    left, other = tmp_path / ".a.0123abcd.partial", tmp_path / ".b.0123abcd.partial"
    mine, living = tmp_path / ".a.mine.partial", tmp_path / ".a.76543210.partial"
    for path in (left, other, mine, living):
        path.write_bytes(b"half")
    with open(living, "wb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        check_writable(tmp_path / "a", what="the receipt")
        assert sorted(tmp_path.iterdir()) == sorted([other, mine, living])
    left.write_bytes(b"half")
    write_file(tmp_path / "a", b"whole", what="the receipt")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a", other, mine])
    remove_partials(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a", mine])


def test_a_file_that_is_being_written_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        remove_partials(tmp_path)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_file(tmp_path / "a", b"whole", what="the receipt")
    assert (tmp_path / "a").read_bytes() == b"whole"
