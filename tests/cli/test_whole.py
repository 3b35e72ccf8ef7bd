"""The command line with the real machine: from a program to a verified receipt, and what helps on the way."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measure
from tests.guests.catalogue import EXAMPLES, GUESTS, fault_input
from zkc import api, cli
from zkc.output import describe_count
from zkc.profile import speedscope
from zkc.report import COLOURS, PATTERNS, style, table_bars
from zkc.runtime.errors import InternalError
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.sizes import table_sizes
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.receipts.receipt import SegmentReceipt
from zkc.runtime.receipts.resume import ResumeStore
from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

FIBONACCI = EXAMPLES / "fibonacci" / "fibonacci.elf"
INPUT = EXAMPLES / "fibonacci" / "input.bin"
JOURNAL = (EXAMPLES / "fibonacci" / "expected.journal").read_bytes()
QUICKSORT = EXAMPLES / "quicksort"


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    """Status, JSON object and what went to stderr."""
    status = cli.main([*map(str, arguments), "--json"])
    out, err = capfd.readouterr()
    return status, json.loads(out.splitlines()[-1]), err


@pytest.fixture(scope="module")
def receipt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A receipt of fibonacci in several segments."""
    file = tmp_path_factory.mktemp("receipts") / "fibonacci.receipt"
    proof = api.prove(FIBONACCI, INPUT.read_bytes(), output=file, segment_limit=9)
    assert proof.run.segments > 2 and file.read_bytes() == proof.receipt
    yield file


@pytest.mark.prove
def test_prove_and_verify(receipt: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run(capfd, "verify", receipt, "--elf", FIBONACCI)
    assert (status, value["verified"], value["exit_code"], value["journal"]) == (0, True, 0, JOURNAL.hex())
    image = value["image_id"]
    assert run(capfd, "verify", receipt, "--image-id", image, "--exit-code", 0)[0] == 0
    assert run(capfd, "image-id", FIBONACCI)[1]["image_id"] == image
    assert not receipt.with_name(receipt.name + ".parts").exists()


@pytest.mark.prove
def test_a_receipt_of_something_else_is_status_1(receipt: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"another")
    for arguments in (
        ("--elf", QUICKSORT / "quicksort.elf"),
        ("--elf", FIBONACCI, "--exit-code", "1"),
        ("--elf", FIBONACCI, "--journal", tmp_path / "journal"),
    ):
        status, value, err = run(capfd, "verify", receipt, *arguments)
        assert (status, value["verified"]) == (1, False) and err.startswith("zkc: ")
    damaged = bytearray(receipt.read_bytes())
    damaged[-1000] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    assert run(capfd, "verify", tmp_path / "damaged", "--elf", FIBONACCI)[0] == 1
    (tmp_path / "short").write_bytes(damaged[:-1])
    assert run(capfd, "verify", tmp_path / "short", "--elf", FIBONACCI)[0] == 2


def test_less_memory_makes_smaller_segments(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`--memory` is what its processes may take together; what is too little, or no size, is refused before anything runs."""
    marathon = EXAMPLES / "marathon" / "marathon.elf"
    for options, said in (
        (("--memory", "500M"), "500 MiB of memory is too little: one segment needs 614 MiB"),
        (("--memory", "1G", "--jobs", "2"), "1,024 MiB of memory is too little: 2 segments at a time need 1,528 MiB"),
        (("--memory", "1G", "--small"), "1,024 MiB of memory is too little: one segment needs 1,494 MiB"),
        (("--memory", "much"), "memory is 'much', not a number of bytes"),
    ):
        status, _, err = run(capfd, "prove", marathon, "-o", tmp_path / "r", *options)
        assert status == 2 and said in err, err
    found: list[int] = []

    def stop(segment: object, **_: object) -> None:
        raise KeyboardInterrupt

    for memory in (None, 700 * 2**20, 1024 * 2**20):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(api, "prove_segment", stop)
            api.prove(marathon, memory=memory, progress=lambda phase, done, total: found.append(total) if phase == "prove" else None)
    assert found[0] < found[2] < found[1] <= 20


@pytest.mark.prove
def test_inspect_says_what_a_receipt_says(receipt: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run(capfd, "inspect", receipt)
    assert status == 0 and value["circuit_matches"] is True and value["journal_bytes"] == len(JOURNAL)
    assert [segment["index"] for segment in value["chain"]] == list(range(value["segments"]))
    assert cli.main(["inspect", str(receipt)]) == 0
    assert capfd.readouterr().out.startswith("Not verified")


@pytest.mark.prove
def test_an_interrupted_proof_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "r.receipt"
    proven: list[int] = []
    real = api.prove_segment

    def stops_in_the_middle(segment: Any, **options: Any) -> Any:
        if segment.index == 2:
            raise KeyboardInterrupt
        proven.append(segment.index)
        return real(segment, **options)

    monkeypatch.setattr(api, "prove_segment", stops_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        api.prove(FIBONACCI, INPUT.read_bytes(), output=target, segment_limit=9)
    assert proven == [0, 1] and not target.exists()

    def goes_on(segment: Any, **options: Any) -> Any:
        proven.append(segment.index)
        return real(segment, **options)

    monkeypatch.setattr(api, "prove_segment", goes_on)
    api.prove(FIBONACCI, INPUT.read_bytes(), output=target, segment_limit=9)
    assert proven == list(range(len(proven)))
    api.verify(target, program=FIBONACCI)
    assert [path.name for path in tmp_path.iterdir()] == ["r.receipt"]


@pytest.mark.prove
def test_a_receipt_is_verified_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `verify` refused what a damaged folder of finished segments, or a process with another version of zkc, gave."""
    target = tmp_path / "r.receipt"
    whole = api.prove(FIBONACCI, INPUT.read_bytes(), segment_limit=9, hide=False).receipt
    good = api.read_receipt(whole)
    middle = len(good.segments[1].proof) // 2
    damaged = dataclasses.replace(good.segments[1], proof=good.segments[1].proof[:middle] + bytes(4) + good.segments[1].proof[middle + 4 :])
    stored = {0: good.segments[1], 1: damaged, 2: good.segments[2]}  # another segment's, damaged, whole
    proven: list[int] = []

    def load(store: ResumeStore, index: int, identity: bytes) -> SegmentReceipt | None:
        return stored.get(index, good.segments[index])

    def prove_again(segment: Segment, **options: object) -> SegmentReceipt:
        proven.append(segment.index)
        return good.segments[segment.index]

    monkeypatch.setattr(ResumeStore, "load", load)
    monkeypatch.setattr(api, "prove_segment", prove_again)
    assert api.prove(FIBONACCI, INPUT.read_bytes(), output=target, segment_limit=9, hide=False).receipt == whole
    assert proven == [0, 1]

    monkeypatch.setattr(api, "prove_segment", lambda segment, **options: stored[segment.index])
    target.unlink()
    with pytest.raises(InternalError, match="the proof of segment 0 does not verify"):
        api.prove(FIBONACCI, INPUT.read_bytes(), output=target, segment_limit=9, hide=False)
    assert not target.exists()


def test_execute_with_the_real_machine(capfd: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run(capfd, "execute", FIBONACCI, "--input", INPUT)
    assert (status, value["instructions"], value["journal"]) == (0, 5107, JOURNAL.hex())
    status, value, err = run(capfd, "execute", FIBONACCI, "--input", INPUT, "--max-cycles", "100")
    assert status == 2 and "did not end within 100 instructions" in err


def test_a_fault_names_the_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(fault_input(0))
    status, _, err = run(capfd, "execute", GUESTS / "faults.elf", "--input", tmp_path / "in")
    assert status == 2 and "at: pc 0x" in err and "faults.c:" in err


def test_profile_counts_every_step(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stacks = tmp_path / "stacks.json"
    status, value, _ = run(capfd, "profile", FIBONACCI, "--input", INPUT, "-o", stacks)
    assert status == 0 and value["instructions"] == 5107
    for table in ("functions", "lines", "mnemonics"):
        assert sum(weight["steps"] for weight in value[table].values()) >= 5107
    assert value["functions"]["main"]["steps"] > 4000
    assert any(line.startswith("fibonacci.c:") for line in value["lines"])
    own = sum(weight["cells"] for weight in value["functions"].values())
    assert value["cells"] == own + sum(value["overhead"].values()) and value["findings"] == []
    content = json.loads(stacks.read_text())
    frames = [frame["name"] for frame in content["shared"]["frames"]]
    cells, steps = content["profiles"]
    assert sum(cells["weights"]) == own == cells["endValue"]
    assert sum(steps["weights"]) == sum(weight["steps"] for weight in value["functions"].values())
    assert [frames[k] for k in max(zip(steps["samples"], steps["weights"], strict=True), key=lambda x: x[1])[0]][:2] == ["_start", "main"]


def test_stacks_do_not_depend_on_segments() -> None:
    stdin = (QUICKSORT / "input.bin").read_bytes()
    whole = api.profile(QUICKSORT / "quicksort.elf", stdin)
    cut = api.profile(QUICKSORT / "quicksort.elf", stdin, segment_limit=14)
    assert cut.run.segments > whole.run.segments == 1
    assert {stack: weight.steps for stack, weight in cut.stacks.items()} == {stack: weight.steps for stack, weight in whole.stacks.items()}
    assert any(stack[:2] == ("_start", "main") and stack.count("quicksort") > 4 for stack in whole.stacks)
    assert json.loads(speedscope(cut, "q"))["exporter"] == "zkc"


def test_report_shows_every_segment(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    status, value, _ = run(capfd, "report", FIBONACCI, "--input", INPUT, "--segment-limit", "10", "--no-prove", "-o", page)
    text = page.read_text()
    assert status == 0 and "branch_equal" in text and "Time by phase" not in text
    assert all(f"<tr><td>{number}</td>" in text for number in range(value["segments"]))


def test_a_figure_is_the_same_everywhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The report left out the fixed tables: 838 784 cells there, 2 244 608 in the profile."""
    given = (FIBONACCI, "--input", INPUT)
    page = tmp_path / "page.html"
    values = [run(capfd, *c, *given)[1] for c in (("execute",), ("profile",), ("report", "--no-prove", "-o", page))]
    for key in ("image_id", "exit_code", "instructions", "segments", "cells", "journal", "console"):
        assert values[0][key] is not None and values[0][key] == values[1][key] == values[2][key], key
    assert {key: values[1][key] for key in ("functions", "lines", "overhead")} == {
        key: values[2][key] for key in ("functions", "lines", "overhead")
    }
    cells = values[0]["cells"]
    machine = api.machine()
    program = load_elf(FIBONACCI, machine.memory_map)
    segments = execute(machine, program, INPUT.read_bytes(), snapshots=True).segments
    assert cells == measure.cells(machine, segments[0], PARAMETER_SETS[STANDARD_SET])["cells"]
    assert cells == sum(int(row[1].replace(" ", "")) for row in table_bars(machine, segments))
    assert f"<dd>{describe_count(cells)}</dd>" in page.read_text()
    stats = {table["name"]: table["cells"] for table in run(capfd, "stats")[1]["tables"]}
    assert cells == sum(size.height * stats[size.name] for size in table_sizes(machine.circuit, segments[0].rows))


@pytest.mark.prove
def test_sizes_of_a_receipt_are_the_same_everywhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "receipt"
    proven = run(capfd, "prove", FIBONACCI, "--input", INPUT, "-o", file)[1]
    others = [run(capfd, "verify", file, "--elf", FIBONACCI)[1], run(capfd, "inspect", file)[1]]
    for key in ("image_id", "exit_code", "journal", "segments", "proof_bytes", "receipt_bytes"):
        assert proven[key] is not None and all(other[key] == proven[key] for other in others), key
    assert proven["receipt_bytes"] == file.stat().st_size and proven["security_bits"] == others[0]["security_bits"]


@pytest.mark.prove
def test_report_with_times() -> None:
    page = api.report(FIBONACCI, INPUT.read_bytes(), name="a <b>\x1b[31m\udcff")
    assert "<h1>a &lt;b&gt;\ufffd[31m\ufffd</h1>" in page.html and page.html.encode()
    assert page.html.count("<svg") == page.html.count("</svg>") and "fri" in page.html
    assert page.proof_bytes is not None and describe_count(page.proof_bytes) in page.html


def test_kinds_are_told_apart() -> None:
    """Sixteen phases shared twelve colours."""
    looks = [tuple(style(number).values()) for number in range(len(COLOURS) * len(PATTERNS))]
    assert len(set(looks)) == len(looks) >= 24


def test_the_report_fits_any_width() -> None:
    """Bars and numbers were cut off at 500 pixels: no picture has a width in pixels."""
    html = api.report(FIBONACCI, INPUT.read_bytes(), proves=False).html
    assert '<meta name="viewport" content="width=device-width' in html
    assert not re.search(r'<svg class="picture[^>]* width="[0-9.]+"', html)
    for x, width in re.findall(r'<svg x="([0-9.]+)%"[^>]*? width="([0-9.]+)%"', html):
        assert float(x) + float(width) <= 100.1
    assert "<script" not in html and "http" not in html


def test_disasm_names_functions_and_lines(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["disasm", str(FIBONACCI)]) == 0
    out = capfd.readouterr().out
    assert "main:" in out and "; fibonacci.c:" in out and "ecall" in out


STAGES = ["ast", "tables", "table:addi", "stats", "dot", "dot:addi", "isa", "row:addi", "air:addi", "step:addi",
          "fill:addi", "smt:addi", "code:fast", "code:tracing", "code:fill:addi"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_can_be_printed(stage: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", "--emit", stage]) == 0
    assert "addi" in capfd.readouterr().out


@pytest.mark.parametrize("stage", ["nothing", "table", "table:nothing", "fill:nothing"])
def test_unknown_stages_are_explained(stage: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", "--emit", stage]) == 2
    assert "there is no" in capfd.readouterr().err


def test_stats_and_lock(capfd: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run(capfd, "stats")
    tables = {table["name"]: table for table in value["tables"]}
    assert status == 0 and all(table["degree"] <= 3 for table in tables.values())
    assert tables["addi"]["cells"] == tables["addi"]["columns"] + 6 * tables["addi"]["logup"]
    assert api.lock_changes() == []


@pytest.mark.prove
def test_a_receipt_that_does_not_hide_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for options, hides in (((), True), (("--no-hide",), False)):
        status, value, err = run(capfd, "prove", FIBONACCI, "--input", INPUT, "-o", tmp_path / "r", *options)
        assert (status, value["hides"]) == (0, hides) and ("zkc: the receipt does not hide the input" in err) != hides
        assert run(capfd, "verify", tmp_path / "r", "--elf", FIBONACCI)[0] == 0


def test_security_prints_every_term(capfd: pytest.CaptureFixture[str]) -> None:
    status, value, _ = run(capfd, "security", "--log-rows", "20")
    assert status == 0 and 123.9 < value["security_bits"] < 124
    status, _, err = run(capfd, "security", "--log-rows", "22")
    assert status == 2 and "could wrap" in err


def test_security_of_small_proofs_names_what_it_rests_on(capfd: pytest.CaptureFixture[str]) -> None:
    for options, bits in (((), 87), (("--no-hide",), 86)):
        status, value, _ = run(capfd, "security", "--small", *options)
        assert status == 0 and 123.9 < value["security_bits"] == value["johnson_bits"] < 124 and int(value["unique_decoding_bits"]) == bits
        assert value["rests_on"] == "Johnson radius" and "BCHKS25" in value["theorem"] and "preprint" in value["theorem"]
        assert value["regimes"]["BCHKS25"]["terms"]["queries"] >= 128 and value["regimes"]["DKT26"]["terms"]["queries"] >= 128
        assert cli.main(["security", "--small", *options]) == 0
        out = capfd.readouterr().out
        assert (
            "bits, provable, Johnson radius" in out
            and f"on a preprint, and a verifier must accept that. In unique decoding: {bits}." in out
        )
    assert cli.main(["security"]) == 0 and "bits, provable, unique decoding" in capfd.readouterr().out


@pytest.mark.prove
def test_a_small_receipt_is_verified_by_who_accepts_the_johnson_radius(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number, options in ((3, ()), (1, ("--no-hide",))):
        status, value, err = run(capfd, "prove", FIBONACCI, "--input", INPUT, "--small", "-o", tmp_path / "r", *options)
        assert status == 0 and "must accept that, with --accept-johnson" in err and value["rests_on"] == "Johnson radius"
        status, refused, err = run(capfd, "verify", tmp_path / "r", "--elf", FIBONACCI)
        assert (status, refused["verified"]) == (1, False) and "Johnson radius" in err and "--accept-johnson" in err
        status, verified, _ = run(capfd, "verify", tmp_path / "r", "--elf", FIBONACCI, "--accept-johnson")
        inspected = run(capfd, "inspect", tmp_path / "r")[1]
        assert status == 0 and inspected["parameter_set"] == number
        for name in ("security_bits", "unique_decoding_bits", "johnson_bits", "rests_on", "theorem"):
            assert value[name] == verified[name] == inspected[name]
    made = api.read_receipt(tmp_path / "r")
    for heights in (bytes(255 for _ in 4 * api.machine().circuit.tables), b""):  # that no proof has
        bent = dataclasses.replace(made, segments=(dataclasses.replace(made.segments[0], proof=heights),))
        (tmp_path / "bent").write_bytes(bent.to_bytes())
        status, inspected, _ = run(capfd, "inspect", tmp_path / "bent")
        assert status == 0 and inspected["security_bits"] is None and inspected["rests_on"] == "Johnson radius"


def test_broken_circuits_give_diagnostics(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.circ").write_text("gadget g(a: u32) -> b: u32 { let b = a + ; }\n")
    monkeypatch.setenv("ZKC_CIRCUITS", "")
    status, value, err = run(capfd, "--circuits", tmp_path, "stats")
    assert status == 2 and err.startswith("error[E0201]")
    (found,) = value["diagnostics"]
    assert found["code"] == "E0201" and found["where"].endswith("a.circ:1:42")
    assert run(capfd, "compile", tmp_path / "nowhere")[0] == 2
