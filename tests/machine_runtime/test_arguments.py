"""Arguments are taken as they are or refused: nothing is reduced, rounded or guessed, whoever calls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zkc
from tests.guests.catalogue import EXAMPLES
from zkc import api, cli
from zkc.runtime import arguments
from zkc.runtime.errors import InputError
from zkc.runtime.execution.executor import Limits
from zkc.runtime.kernels import threads
from zkc.runtime.memory.image import parse_image_id
from zkc.runtime.receipts import proving, receipt

FIBONACCI = EXAMPLES / "fibonacci" / "fibonacci.elf"
IMAGE = "3df8f548" * 8
NO_INTEGERS: list[Any] = [2.5, 14.0, "14", True, np.True_, b"\x0e", [14], np.float64(14), float("nan"), 14j, np.array([1, 2])]
SEGMENT_LIMITS: list[Any] = [0, -1, 6, 22, 64, 10**5000, np.int64(64), *NO_INTEGERS]
MAX_CYCLES: list[Any] = [0, -1, 2**62 + 1, 2**64, *NO_INTEGERS]
JOBS: list[Any] = [0, -1, 2**32, None, *NO_INTEGERS]
EXIT_CODES: list[Any] = [2**32, 2**32 + 7, -(2**31) - 1, 2**64, 0.0, False, "0", np.float64(0), np.bool_(False)]
NO_BYTES: list[Any] = ["text", 5, ["a"], Path("file"), np.zeros(3, dtype=np.uint8)]
NO_FILES: list[Any] = [None, 3, 3.0, True, ["p.elf"], object()]

Call = Callable[[Any], object]
RUNS: dict[str, Callable[..., Any]] = {"execute": zkc.execute, "prove": zkc.prove, "profile": api.profile, "report": api.report}


def verify_with(name: str) -> Call:
    return lambda value: zkc.verify(b"", **({"image_id": IMAGE} | {name: value}))


def runtime_verify_with(name: str) -> Call:
    empty: Any = None  # what the arguments are checked before
    return lambda value: receipt.verify_receipt(empty, empty, empty, empty, **({"image_id": None} | {name: value}))


def run_with(run: Callable[..., Any], name: str) -> Call:
    return lambda value: run(FIBONACCI, **{name: value})


CASES: list[tuple[str, Call, list[Any]]] = [
    *(("segment_limit", run_with(run, "segment_limit"), SEGMENT_LIMITS) for run in RUNS.values()),
    *(("max_cycles", run_with(run, "max_cycles"), MAX_CYCLES) for run in RUNS.values()),
    *(("stdin", run_with(run, "stdin"), NO_BYTES) for run in RUNS.values()),
    *(("program", run, NO_FILES) for run in (*RUNS.values(), zkc.image_id, api.load_program)),
    ("jobs", run_with(zkc.prove, "jobs"), JOBS),
    ("output", run_with(zkc.prove, "output"), [3, b"out", True]),
    ("ray", run_with(zkc.prove, "ray"), [3, True, b"auto"]),
    ("proves", run_with(api.report, "proves"), [1, "no", None]),
    ("name", run_with(api.report, "name"), [1, b"x", None]),
    ("exit_code", verify_with("exit_code"), EXIT_CODES),
    ("journal", verify_with("journal"), NO_BYTES),
    ("image_id", verify_with("image_id"), [5, IMAGE.encode(), [IMAGE]]),
    ("receipt", lambda value: zkc.verify(value, image_id=IMAGE), NO_FILES),
    ("receipt", api.inspect, NO_FILES),
    ("receipt", api.read_receipt, NO_FILES),
    ("directory", zkc.compile, [3, b"dir", True, ""]),
    ("directory", api.audit, [3, b"dir"]),
    ("directory", api.check_circuits, [3, b"dir"]),
    ("directory", api.run_inline_tests, [3, b"dir"]),
    ("directory", lambda value: api.emit(value, "stats"), [3, b"dir"]),
    ("directory", api.warm, [3, b"dir"]),
    ("pattern", lambda value: api.run_inline_tests(None, value), [3, None, b"a"]),
    ("random", lambda value: api.run_inline_tests(random=value), [-1, *NO_INTEGERS]),
    ("seed", lambda value: api.run_inline_tests(seed=value), [-1, *NO_INTEGERS]),
    ("what", lambda value: api.emit(None, value), [3, None]),
    ("jobs", lambda value: api.warm(jobs=value), [value for value in JOBS if value is not None]),
    ("paths", lambda value: api.format_files(value, write=False), ["a.circ", Path("a.circ"), b"a", 3, [3]]),
    ("write", lambda value: api.format_files([], write=value), [0, None, "yes"]),
    ("log_rows", api.security, [6, 24, *NO_INTEGERS]),
    ("source", api.read_input, [3, b"in", None]),
    ("sources", lambda value: zkc.build(value, "o"), ["main.c", Path("main.c"), b"main.c", 3, [3], None]),
    ("output", lambda value: zkc.build(["main.c"], value), [3, b"out", None]),
    ("flags", lambda value: zkc.build(["main.c"], "out.elf", flags=value), ["-O1", [1], 3]),
    ("segment_limit", lambda value: Limits(segment_limit=value), SEGMENT_LIMITS),
    ("max_cycles", lambda value: Limits(max_cycles=value), MAX_CYCLES),
    ("jobs", lambda value: proving.prove_segments([], lambda unit: unit, jobs=value), JOBS),
    ("threads", threads.set_threads, JOBS),
    ("exit_code", runtime_verify_with("exit_code"), EXIT_CODES),
    ("journal", runtime_verify_with("journal"), NO_BYTES),
    (
        "image_id",
        runtime_verify_with("image_id"),
        [IMAGE, (1,) * 7, (1,) * 9, (0.0,) * 8, (True,) * 8, (2**31,) * 8, (-1,) * 8, 5, b"12345678"],
    ),
    ("image_id", lambda value: parse_image_id(value), [5, None, b"ab" * 32]),
    ("receipt", lambda value: receipt.Receipt.from_bytes(value), NO_BYTES),
]


@pytest.mark.parametrize(("name", "call", "values"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_what_is_not_allowed_is_refused_by_name(name: str, call: Call, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InputError, match=rf"\b{name} is ") as caught:
            call(value)
        assert caught.value.status == 2


@pytest.mark.parametrize("name", ["segment_limit", "max_cycles", "jobs", "exit_code"])
def test_messages_name_value_and_range(name: str) -> None:
    check = getattr(arguments, name)
    with pytest.raises(InputError, match=rf"^{name} is 1208925819614629174706176, not a whole number within -?\d+ \.\. \d+$"):
        check(2**80)


def test_what_is_allowed_is_what_it_says() -> None:
    assert Limits(np.int64(7), np.uint8(9)) == Limits(7, 9) and type(Limits(np.int64(7)).segment_limit) is int
    assert Limits() == Limits(None, None) and Limits(21, 2**62).max_cycles == 2**62
    codes = {0: 0, -1: 2**32 - 1, 2**32 - 1: 2**32 - 1, -(2**31): 2**31, np.int32(-1): 2**32 - 1, np.uint32(2**32 - 1): 2**32 - 1}
    assert {given: arguments.exit_code(given) for given in codes} == codes
    assert arguments.exit_code(None) is None
    for given in (b"ab", bytearray(b"ab"), memoryview(b"ab")):
        assert arguments.data("stdin", given) == b"ab" and type(arguments.file_or_data("program", given)) is bytes
    assert arguments.path("output", Path("a")) == "a" == arguments.file_or_data("program", Path("a"))


def test_programs_and_receipts_are_taken_in_every_form() -> None:
    content = FIBONACCI.read_bytes()
    forms: list[Any] = [FIBONACCI, str(FIBONACCI), content, bytearray(content), memoryview(content)]
    assert {zkc.image_id(form) for form in forms} == {zkc.image_id(FIBONACCI)}
    for form in (b"no receipt", bytearray(b"no receipt"), memoryview(b"no receipt")):
        with pytest.raises(InputError, match="not a zkc receipt"):
            zkc.verify(form, image_id=IMAGE)


@pytest.mark.parametrize(
    "line",
    [
        "verify r --image-id 00 --exit-code 4294967296",
        "verify r --image-id 00 --exit-code -2147483649",
        "execute FIBONACCI --segment-limit 0",
        "execute FIBONACCI --segment-limit 2.5",
        "prove FIBONACCI --segment-limit -1",
        "profile FIBONACCI --max-cycles 0",
        "report FIBONACCI --max-cycles 1.5",
        "profile FIBONACCI --top 0",
        "prove FIBONACCI --jobs 0",
        "prove FIBONACCI --jobs 100000",
        "compile --jobs 0",
        "security --log-rows 24",
    ],
)
def test_the_command_line_passes_on_what_it_is_given(line: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"zkc receipt\n")
    words = [str(FIBONACCI) if word == "FIBONACCI" else str(tmp_path / "r") if word == "r" else word for word in line.split()]
    output = ["-o", str(tmp_path / "out")] if words[0] in ("prove", "report") else []
    assert cli.main([*words, *output]) == 2
    err = capfd.readouterr().err
    assert err.startswith("zkc: ") and (words[-1] in err or words[-2] in err) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "1_0", " 2", "٣", "9" * 5000, "1025"])
@pytest.mark.parametrize("variable", ["ZKC_THREADS", "ZKC_DEBUG"])
def test_environment_variables_are_checked_too(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if (variable, value) == ("ZKC_DEBUG", "0"):
        return
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(threads, "_count", None)
    with pytest.raises(InputError, match=f"{variable} is "):
        zkc.image_id(FIBONACCI)


def test_a_bad_number_of_threads_is_a_message_at_once() -> None:
    command = [sys.executable, "-m", "zkc", "image-id", str(FIBONACCI)]
    done = subprocess.run(command, env={"ZKC_THREADS": "abc", "PATH": ""}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("zkc: ZKC_THREADS is 'abc', not a whole number within 1 .. 1024")
