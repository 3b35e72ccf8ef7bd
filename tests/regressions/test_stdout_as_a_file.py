"""`-o /dev/stdout` in a pipe was no such folder, or what commands print followed the file; a receipt from a pipe had no bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import zkc
from tests.guests.catalogue import EXAMPLES
from zkc import cli

ROOT = Path(__file__).parents[2]
FIBONACCI = EXAMPLES / "fibonacci"
RUN = [str(FIBONACCI / "fibonacci.elf"), "--input", str(FIBONACCI / "input.bin"), "-o", "/dev/stdout"]


def run(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "zkc", *words], cwd=ROOT, capture_output=True, check=False)


def test_a_report_in_a_pipe_is_alone_there() -> None:
    done = run("report", *RUN, "--no-prove")
    assert done.returncode == 0 and done.stdout.startswith(b"<!DOCTYPE html>") and done.stdout.rstrip().endswith(b"</html>"), done.stderr
    assert b"/dev/stdout" in done.stderr


def test_a_profile_in_a_pipe_is_alone_there() -> None:
    done = run("profile", *RUN)
    assert done.returncode == 0 and json.loads(done.stdout)["profiles"] and b"instructions" in done.stderr, done.stderr


def test_a_file_and_an_object_do_not_fit_there() -> None:
    done = run("profile", *RUN, "--json")
    assert done.returncode == 2 and "stdout cannot have both" in json.loads(done.stdout)["error"]


@pytest.mark.prove
def test_a_receipt_through_pipes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    receipt = run("prove", *RUN).stdout
    assert zkc.verify(receipt, program=RUN[0]).receipt_bytes == len(receipt)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(receipt,))
    writer.start()
    assert cli.main(["verify", str(tmp_path / "pipe"), "--elf", RUN[0], "--json"]) == 0
    writer.join()
    assert json.loads(capfd.readouterr().out)["receipt_bytes"] == len(receipt)
