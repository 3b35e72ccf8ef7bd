"""Image IDs of runs that hide: they depend on a secret, which outlives an interruption."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.guests.catalogue import examples
from tests.machine.check import check
from tests.machine.support import machine
from zkc.runtime.errors import InputError
from zkc.runtime.execution.executor import Execution, Limits, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.blinding import BLIND_WORDS, Blinding
from zkc.runtime.receipts.receipt import SegmentReceipt
from zkc.runtime.receipts.resume import ResumeStore, parts_folder

FIBONACCI = next(program for program in examples() if program.name == "fibonacci")


def run(stdin: bytes, blinding: Blinding | None) -> Execution:
    m = machine()
    return execute(m, load_elf(FIBONACCI.elf, m.memory_map), stdin, Limits(segment_limit=9), snapshots=True, blinding=blinding)


def test_words_depend_on_key_and_segment() -> None:
    one, other = Blinding(bytes(32)), Blinding(bytes([1]) + bytes(31))
    words = [each.words(k) for each in (one, other) for k in range(3)]
    assert len(set(words)) == 6 and all(len(each) == BLIND_WORDS and max(each) < 2**32 for each in words)
    assert Blinding.fresh().key != Blinding.fresh().key and "key" not in repr(one)


def test_a_guess_of_the_input_cannot_be_checked_against_an_image_id() -> None:
    """Every image ID after the first was a function of the input: four bytes of it could be tried until they fit."""
    plain, again = run(FIBONACCI.stdin, None), run(FIBONACCI.stdin, None)
    assert [s.post for s in plain.segments] == [s.post for s in again.segments]
    hidden, other = run(FIBONACCI.stdin, Blinding.fresh()), run(FIBONACCI.stdin, Blinding.fresh())
    ids = [[s.post for s in each.segments] for each in (plain, hidden, other)]
    assert len({post for each in ids for post in each}) == sum(map(len, ids))
    assert plain.segments[0].pre == hidden.segments[0].pre == other.segments[0].pre
    assert (plain.journal, plain.exit_code) == (hidden.journal, hidden.exit_code)


@pytest.mark.parametrize("key", [bytes(32), bytes([255] * 32)])
def test_witnesses_of_blinded_segments_hold(key: bytes) -> None:
    """Also of those that begin with words of the one before."""
    segments = run(FIBONACCI.stdin, Blinding(key)).segments
    assert len(segments) > 2
    for segment in segments:
        failures = check(machine().circuit, *trace(machine(), segment), machine())
        assert not failures, f"segment {segment.index}\n{failures}"


def test_the_secret_is_kept_with_finished_segments(tmp_path: Path) -> None:
    """A run that goes on with other words would not fit to what is finished."""
    store, later = (ResumeStore(tmp_path / "r.parts", bytes(32)) for _ in range(2))
    secret = store.secret()
    assert store.secret() == secret and not store.folder.exists()
    store.save(0, b"unit", SegmentReceipt((1,), b"proof"))
    assert later.secret() == secret and len(secret) == 32
    assert os.stat(store.folder).st_mode & 0o077 == 0
    assert os.stat(store.folder.parent).st_mode & 0o077 == 0, "its names are hashes of the input"
    for open_folder in (store.folder, store.folder.parent):
        open_folder.chmod(0o755)
        assert ResumeStore(tmp_path / "r.parts", bytes(32)).secret() != secret, "another user may have put it there"
        open_folder.chmod(0o700)
    (store.folder / "secret").write_bytes(secret[:-1])
    assert ResumeStore(tmp_path / "r.parts", bytes(32)).secret() != secret
    with store:
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it could have put a secret of his own there."""
    (tmp_path / "r.parts").mkdir(mode=0o700)
    assert parts_folder(str(tmp_path / "r")) == tmp_path / "r.parts"
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(InputError, match="the folder is another user's"):
        parts_folder(str(tmp_path / "r"))
