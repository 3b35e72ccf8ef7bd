"""The API in threads: what one thread makes, others see whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from zkc.dsl.format import format_source
from zkc.runtime.circuit.machine import Machine, MachineSpec
from zkc.runtime.kernels import threads

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fibonacci"


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """The results of `work(number)` in `count` threads that start together; an exception is a result, too."""
    start = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    workers = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


@pytest.fixture(autouse=True)
def switch_often() -> Any:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
@pytest.mark.prove
def test_threads_that_start_with_execute_prove_and_verify() -> None:
    command = [sys.executable, "-m", "tests.machine_runtime.threaded", "4", str(EXAMPLE / "fibonacci.elf"), str(EXAMPLE / "input.bin")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.stdout.splitlines() == ["journal e80300004b60c05c", "4 threads"], done.stdout + done.stderr


def test_module_is_published_whole() -> None:
    text = "import time\ntime.sleep(0.2)\nloads = globals().get('loads', 0) + 1\n"
    machine = Machine(cast(MachineSpec, SimpleNamespace(circuit=SimpleNamespace(digest=b""), modules={("fast", "executor"): text})))
    assert at_once(8, lambda number: machine.module("fast", "executor").loads) == [1] * 8


def test_machine_is_compiled_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from zkc import api
    from zkc.compiler import machines

    compiled: list[object] = []

    def load(directory: object, extensions: object) -> object:
        compiled.append(directory)
        time.sleep(0.1)
        return object()

    monkeypatch.setattr(machines, "load_machine", load)
    monkeypatch.setenv("ZKC_CIRCUITS", str(tmp_path))  # of which nobody else asks
    assert len(set(map(id, at_once(8, lambda number: api.machine())))) == 1
    assert len(compiled) == 1


def test_pool_changes_while_others_use_it() -> None:
    before = threads.threads()

    def work(number: int) -> object:
        if number == 0:
            for count in range(50):
                threads.set_threads(2 + count % 3)
                time.sleep(1e-3)
            return True
        done: list[int] = []

        def kernel(start: int, stop: int) -> None:
            time.sleep(1e-3)
            done.extend(range(start, stop))

        for _ in range(20):
            threads.parallel_for(kernel, 16, 4)
        return sorted(done) == sorted(20 * list(range(16)))

    try:
        assert at_once(5, work) == [True] * 5
    finally:
        threads.set_threads(before)


def test_pool_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools that nobody knows would keep their threads for ever."""
    made: list[int] = []

    def make(count: int, thread_name_prefix: str) -> ThreadPoolExecutor:
        time.sleep(0.05)
        made.append(count)
        return ThreadPoolExecutor(count)

    before = threads.threads()
    threads.set_threads(2)
    monkeypatch.setattr(threads, "ThreadPoolExecutor", make)
    try:
        at_once(8, lambda number: threads.parallel_for(lambda start, stop: None, 16, 1))
        assert made == [2]
    finally:
        threads.set_threads(before)


def test_files_formatted_at_once_keep_their_comments() -> None:
    sources = [f"// comment {n}\nconst a{n} = {n}; // end {n}\n" for n in range(8)]
    expected = [format_source(source, "a.circ") for source in sources]
    assert at_once(8, lambda n: format_source(sources[n], "a.circ")) == expected
