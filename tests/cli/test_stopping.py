"""Commands that are stopped, in every way: nothing is left running, what is finished is kept and said. Stand-ins for the long work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.guests.catalogue import EXAMPLES
from zkc.runtime.kernels import cache

ROOT = Path(__file__).parents[2]
FIBONACCI = EXAMPLES / "fibonacci"
PROVE = """
from tests.machine_runtime import workers
from zkc import api, cli
if __name__ == "__main__":
    api.prove_segment = workers.{work}
    api.check_segment = workers.see_nothing
    api.is_warm = lambda *_: True
    {before}
    options = ["--input", r"{input}", "--segment-limit", "10", "--jobs", "{jobs}", "-o", "r"]
    raise SystemExit(cli.main(["prove", r"{program}", *options]))
"""
COMPILE = """
from tests.machine_runtime import workers
from zkc import cli, warm, warmed
if __name__ == "__main__":
    warm.compile_kernel = workers.compile_for_ever
    warm.is_whole = lambda task, modules: False
    warmed.nothing_left = lambda *_: None
    raise SystemExit(cli.main(["compile", "--jobs", "{jobs}"]))
"""
DEAF = """
import hashlib
from zkc import api, cli
api.image_id = lambda program: print("begun", flush=True) or hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1).hex()
raise SystemExit(cli.main(["image-id", "x"]))
"""

Process = subprocess.Popen[bytes]


def living(session: int) -> list[int]:
    """Processes of a session that are not mere zombies."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def hear_signals() -> None:
    """A shell that starts the tests in the background has told them to ignore Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Started:
    """A Python program in a session of its own."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        (folder / "program.py").write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "program.py"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=hear_signals,
        )

    def segments(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("r.parts/*/*.segment"))

    def wait_for_segment(self) -> None:
        while "000000.segment" not in self.segments():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)

    def wait_for_line(self) -> None:
        assert self.process.stdout is not None and self.process.stdout.readline() == b"begun\n"

    def end(self) -> tuple[int, str]:
        """Status and stderr. Both streams end, so no process holds them; and none is left."""
        errors = self.process.communicate(timeout=60)[1].decode()
        for _ in range(100):
            if not living(self.process.pid):
                break
            time.sleep(0.1)
        assert living(self.process.pid) == []
        return self.process.returncode, errors


@pytest.fixture
def started(tmp_path: Path) -> Iterator[type[Started]]:
    yield Started
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            left = path.resolve() == tmp_path
        except OSError:
            continue
        if left:
            os.kill(int(path.parent.name), signal.SIGKILL)


def prove(work: str, *, jobs: int, before: str = "pass") -> str:
    values = {"input": FIBONACCI / "input.bin", "program": FIBONACCI / "fibonacci.elf"}
    return PROVE.format(work=work, jobs=jobs, before=before, **values)


@pytest.mark.parametrize(
    ("stop", "number", "status", "says"),
    [
        (os.killpg, signal.SIGINT, 130, "interrupted"),
        (os.kill, signal.SIGTERM, 143, "stopped by SIGTERM"),
        (os.killpg, signal.SIGHUP, 129, "stopped by SIGHUP"),
    ],
)
def test_stopping_a_proof(
    tmp_path: Path, started: type[Started], stop: Callable[[int, int], None], number: int, status: int, says: str
) -> None:
    """Workers went on for ten minutes, and held stdout, when the process that had made them was gone."""
    program = started(tmp_path, prove("prove_the_first_only", jobs=2))
    program.wait_for_segment()
    stop(program.process.pid, number)
    returned, errors = program.end()
    assert returned == status and says in errors and "Traceback" not in errors
    assert "1 finished segment is kept in r.parts; the same command goes on where it stopped" in errors
    assert program.segments() == ["000000.segment"]


def test_killing_a_proof(tmp_path: Path, started: type[Started]) -> None:
    """Nothing of ours runs when it is killed, yet its processes end: also one that keeps Python's lock."""
    program = started(tmp_path, prove("prove_the_first_only", jobs=2))
    program.wait_for_segment()
    assert len(living(program.process.pid)) >= 3
    os.kill(program.process.pid, signal.SIGKILL)
    assert program.end()[0] == -signal.SIGKILL
    assert program.segments() == ["000000.segment"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopping_the_compiler(tmp_path: Path, started: type[Started], jobs: int, number: signal.Signals) -> None:
    """Ctrl-C did nothing for a minute, then the processes took the next kernel."""
    program = started(tmp_path, COMPILE.format(jobs=jobs))
    program.wait_for_line()
    os.kill(program.process.pid, number)
    status, errors = program.end()
    if number == signal.SIGINT:
        assert status == 130 and "goes on where it stopped" in errors and "Traceback" not in errors
    assert cache.load("notes", "0" * 16) is None


def test_native_code_that_does_not_return_is_ended(tmp_path: Path, started: type[Started]) -> None:
    program = started(tmp_path, DEAF)
    program.wait_for_line()
    os.kill(program.process.pid, signal.SIGTERM)
    status, errors = program.end()
    assert status == 143 and "stopped by SIGTERM" in errors


def test_a_second_signal_does_not_disturb_what_the_first_began(tmp_path: Path, started: type[Started]) -> None:
    """As from someone who presses Ctrl-C twice while finished work is kept."""
    program = started(
        tmp_path,
        "import os, signal, sys\n"
        "from zkc import api, cli\n"
        "def image_id(program):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        print('kept', file=sys.stderr)\n"
        "api.image_id = image_id\n"
        "raise SystemExit(cli.main(['image-id', 'x']))\n",
    )
    assert program.end() == (143, "kept\nzkc: stopped by SIGTERM\n")


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path, started: type[Started]) -> None:
    """As after `nohup`."""
    text = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + DEAF.replace("2**31 - 1", "1").replace(
        "print(", "__import__('os').kill(__import__('os').getpid(), 1) or print("
    )
    program = started(tmp_path, text)
    assert program.end()[0] == 0


def test_a_full_disk(tmp_path: Path, started: type[Started]) -> None:
    limit = "api.machine(); import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    program = started(tmp_path, prove("prove_larger_and_larger", jobs=1, before=limit))
    status, errors = program.end()
    assert status == 74 and "cannot write a finished segment: file too large" in errors and "goes on where it stopped" in errors
    assert program.segments() == ["000000.segment"] and not (tmp_path / "r").exists()


def test_ctrl_c_before_a_command_begins_is_quiet(tmp_path: Path, started: type[Started]) -> None:
    """While Python still imported, it was a traceback."""
    program = started(
        tmp_path,
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'zkc.cli':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from zkc.__main__ import main\n"
        "main()\n",
    )
    assert program.end() == (-signal.SIGINT, "")


def test_killing_a_build(tmp_path: Path, started: type[Started]) -> None:
    """The compiler went on."""
    (tmp_path / "ziglang").mkdir()
    (tmp_path / "ziglang" / "__init__.py").write_text("")
    (tmp_path / "ziglang" / "__main__.py").write_text("import os\nos.write(1, b'begun\\n')\nos.execvp('sleep', ['sleep', '600'])\n")
    program = started(
        tmp_path,
        "import subprocess\n"
        "from zkc import toolchain\n"
        "real = subprocess.run\n"
        "subprocess.run = lambda command, **_: real(command, env={**os.environ, 'PYTHONPATH': os.getcwd()})\n"
        "toolchain._zig(['cc'])\n".replace("import subprocess", "import os, subprocess"),
    )
    program.wait_for_line()
    assert len(living(program.process.pid)) == 2
    os.kill(program.process.pid, signal.SIGKILL)
    assert program.end()[0] == -signal.SIGKILL
