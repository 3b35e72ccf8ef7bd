"""Circuits without instructions: filled, checked, proven and verified, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zkc
from tests.given.support import EXAMPLES, Tables, circuit, fibonacci, parts
from tests.machine.check import check as plain_check
from zkc import cli
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.check import Unsatisfied, check
from zkc.runtime.given.witness import Witness, witness_of
from zkc.runtime.stark.parameters import DEFAULT, HIDING

HERE = Path(__file__).parent


def collatz(start: int) -> tuple[Tables, dict[str, Any]]:
    n = [start]
    while n[-1] != 1:
        n.append(n[-1] // 2 if n[-1] % 2 == 0 else 3 * n[-1] + 1)
    rows = {"real": 1, "step": np.arange(len(n) - 1), "n": n[:-1]}
    return {"step": rows}, {"start": start, "steps": len(n) - 1}


CASES = {"fibonacci": fibonacci(), "collatz": collatz(27), "parts": parts()}
every_case = pytest.mark.parametrize("name", CASES)


@pytest.mark.prove
@every_case
@pytest.mark.parametrize("options", [{}, {"hide": False}, {"small": True}], ids=str)
def test_a_claim_is_proven(name: str, options: dict[str, bool]) -> None:
    tables, claim = CASES[name]
    proof = circuit(name).prove(tables, claim, **options)
    found = circuit(name).verify(proof.receipt, claim=claim, digest=circuit(name).digest, accept_johnson="small" in options)
    assert found.claim == proof.claim and found.strength.bits >= 128
    if "small" in options:
        with pytest.raises(zkc.VerificationError, match="preprint"):
            circuit(name).verify(proof.receipt)


@pytest.mark.prove
def test_a_receipt_is_bound_to_circuit_and_claim() -> None:
    receipt = circuit("fibonacci").prove(*CASES["fibonacci"]).receipt
    with pytest.raises(zkc.VerificationError, match="another circuit"):
        circuit("collatz").verify(receipt)
    with pytest.raises(zkc.VerificationError, match="claims result = 55, expected 56"):
        circuit("fibonacci").verify(receipt, claim={"result": 56})
    with pytest.raises(zkc.VerificationError, match="not to 00"):
        circuit("fibonacci").verify(receipt, digest="00")
    place = receipt.index((55).to_bytes(4, "little") + (89).to_bytes(4, "little"))
    for changed in ((56).to_bytes(4, "little"), P.to_bytes(4, "little")):
        with pytest.raises(zkc.VerificationError):
            circuit("fibonacci").verify(receipt[:place] + changed + receipt[place + 4 :])


@pytest.mark.prove
def test_no_changed_byte_of_a_receipt_is_taken() -> None:
    receipt = bytearray(circuit("fibonacci").prove(*CASES["fibonacci"], hide=False).receipt)
    for at in [*range(0, 100, 3), *range(100, len(receipt), len(receipt) // 40)]:
        receipt[at] ^= 1
        with pytest.raises(zkc.ZkcError):
            circuit("fibonacci").verify(bytes(receipt), accept_johnson=True)
        receipt[at] ^= 1
    for length in (0, 10, 40, 70, len(receipt) - 1):
        with pytest.raises(zkc.InputError):
            circuit("fibonacci").verify(bytes(receipt[:length]))
    with pytest.raises(zkc.InputError, match="bytes of a proof"):
        circuit("fibonacci").verify(bytes(receipt) + b"\0")


@every_case
def test_the_check_finds_what_the_plain_one_finds(name: str) -> None:
    """Of all cells of the rows that were given, and of the claim, each by one too much."""
    spec = circuit(name).spec
    good = witness_of(spec, *CASES[name], DEFAULT)
    check(spec, good)
    assert not plain_check(spec.circuit, good.traces, good.claim)
    for table, count in good.rows.items():
        for column in range(len(good.traces[table])):
            for row in {0, count // 2, count - 1}:
                traces = {**good.traces, table: good.traces[table].copy()}
                traces[table][column, row] += 1
                _agree(name, Witness(traces, good.rows, good.claim))
    for i in range(len(good.claim)):
        _agree(name, Witness(good.traces, good.rows, (*good.claim[:i], good.claim[i] + 1, *good.claim[i + 1 :])))


def _agree(name: str, witness: Witness) -> None:
    spec = circuit(name).spec
    plain = plain_check(spec.circuit, witness.traces, witness.claim)
    try:
        check(spec, witness)
        assert not plain
    except Unsatisfied as found:
        assert plain
        fixed = set(spec.histogram_starts)
        # the plain one names whoever looks up a row that is counted too often
        theirs = {(f.table, f.label) for f in plain.failures if f.problem.partition("(")[0] not in fixed}
        assert theirs <= {(f.table, f.label) for f in found.failures}


def test_padding_is_filled_and_checked(tmp_path: Path) -> None:
    """A table whose rows of zeros send something cannot be padded, and that is said."""
    text = (EXAMPLES / "fibonacci" / "fibonacci.circ").read_text().replace("(n + 1, b, a + b) times real", "(n + 1, b, a + b)")
    (tmp_path / "a.circ").write_text(text)
    with pytest.raises(zkc.ZkcError) as caught:
        zkc.Circuit(tmp_path).check(*CASES["fibonacci"])
    assert "padding" in str(caught.value) or "idle" in str(caught.value)


@pytest.mark.parametrize("parameters", [DEFAULT, HIDING], ids=["plain", "hiding"])
def test_there_is_room_for_masks(parameters: Any) -> None:
    """The least circuit has a table that is tall enough for the mask of the accumulator."""
    witness = witness_of(circuit("fibonacci").spec, *CASES["fibonacci"], parameters)
    assert witness.traces["step"].shape[1] == (1 << 13 if parameters is HIDING else 128)


def test_a_lookup_of_what_is_not_there_is_found() -> None:
    """The index of such a row may be anywhere: nothing is written there."""
    tables, claim = parts()
    for root in (4, 10**6, P - 1):
        wrong = {"add": {**tables["add"], "root": [3, root, 0]}}
        with pytest.raises(Unsatisfied, match=r"table add, row 1: lookup squares: there is no row squares\(x = ") as caught:
            circuit("parts").check(wrong, claim)
        assert {f.table for f in caught.value.failures} == {"add"}


def test_a_claim_that_does_not_hold_is_explained() -> None:
    tables, claim = CASES["fibonacci"]
    with pytest.raises(Unsatisfied) as caught:
        circuit("fibonacci").check(tables, {**claim, "result": 56})
    step, public = caught.value.failures
    assert (step.table, step.row, step.label) == ("step", 9, "send state") and step.place.endswith("fibonacci.circ:11:3")
    assert (public.table, public.row, public.label) == ("claim", None, "recv state")
    assert "state(step = 10, a = 56, b = 89) is received more often than it is sent" in public.problem


WRONG: dict[str, tuple[Any, Any, str]] = {
    "a table that is not there": ({"stop": {}}, {}, "there is no table `stop`"),
    "an input that is not there": ({"step": {"m": 1}}, {}, "there is no input `m` of table step"),
    "an input that is missing": ({"step": {"n": None}}, {}, "the input `n` of table step is missing"),
    "arrays of two lengths": ({"step": {"n": [1, 2]}}, {}, "`n` has 2 rows, and `a` has 10|`a` has 10 rows, and `n` has 2"),
    "a matrix": ({"step": {"n": [[1]] * 10}}, {}, r"`n` has the shape \(10, 1\)"),
    "lists of several lengths": ({"step": {"n": [[1], [1, 2]]}}, {}, "`n` is not an array of whole numbers"),
    "fractions": ({"step": {"n": [0.5] * 10}}, {}, "`n` is not an array of whole numbers"),
    "text": ({"step": {"n": "12"}}, {}, "`n` is not an array of whole numbers"),
    "what is no bit": ({"step": {"real": [1] * 9 + [2]}}, {}, r"`real` is 2, not within 0 .. 1\n  at: table step, row 9"),
    "a negative number": ({"step": {"n": -1}}, {}, "`n` is -1, not within"),
    "no element": ({"step": {"n": P}}, {}, f"`n` is {P}, not within 0 .. {P - 1}"),
    "a very large number": ({"step": {"n": 10**30}}, {}, "not within 0"),
    "a claim with too much": ({}, {"steps": [1, 2]}, r"`steps` has the shape"),
    "a claim that lacks a value": ({}, {"steps": None}, "the input `steps` of claim is missing"),
    "a mapping": ({"step": {"n": {"lo": 1}}}, {}, "`n` has no fields"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name: str) -> None:
    tables, claim = CASES["fibonacci"]
    more, other, message = WRONG[name]
    given = {**tables, **{t: {n: v for n, v in {**tables.get(t, {}), **values}.items() if v is not None} for t, values in more.items()}}
    public = {n: v for n, v in {**claim, **other}.items() if v is not None}
    with pytest.raises(zkc.InputError, match=message):
        circuit("fibonacci").check(given, public)


def test_structs_are_mappings_or_integers() -> None:
    tables, claim = parts()
    words = tables["add"]["words"]
    split = {"lo": [w & 0xFFFF for w in words], "hi": np.array(words) >> 16}
    given = {"add": {**tables["add"], "words": split, "bytes": np.array(tables["add"]["bytes"], dtype=np.uint8)}}
    found = circuit("parts").check(given, {**claim, "first": {"lo": 0x102, "hi": 0}})
    assert found == circuit("parts").check(tables, claim)
    assert found.claim == {"rows": 3, "first": {"lo": 0x102, "hi": 0}, "sums": claim["sums"], "low": 2}
    with pytest.raises(zkc.InputError, match=r"`words.hi` is 65536, not within 0 .. 65535"):
        circuit("parts").check({"add": {**tables["add"], "words": 2**32}}, claim)
    with pytest.raises(zkc.InputError, match=r"`bytes` has the shape \(3, 2\)"):
        circuit("parts").check({"add": {**tables["add"], "bytes": [[1, 2]] * 3}}, claim)


def test_no_rows_are_refused() -> None:
    with pytest.raises(zkc.InputError, match="no table has a row"):
        circuit("fibonacci").check({}, CASES["fibonacci"][1])


def test_machines_are_no_circuits_and_circuits_no_machines(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(zkc.InputError, match="has instructions"):
        zkc.Circuit(Path(str(zkc.__file__)).parents[1] / "circuits")
    assert cli.main(["--circuits", str(EXAMPLES / "fibonacci"), "execute", "examples/fibonacci/fibonacci.elf"]) == 2
    assert "no program runs in it" in capfd.readouterr().err


@pytest.mark.prove
def test_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tables, claim = CASES["fibonacci"]
    folder, receipt = str(EXAMPLES / "fibonacci"), str(tmp_path / "receipt")
    as_json, as_npz, wrong = (str(tmp_path / name) for name in ("a.json", "a.npz", "b.json"))
    Path(as_json).write_text(json.dumps({**tables, "claim": claim}))
    Path(wrong).write_text(json.dumps({**tables, "claim": {**claim, "next": 90}}))
    np.savez(as_npz, **{f"{t}.{n}": v for t, values in {**tables, "claim": claim}.items() for n, v in values.items()})

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        status = cli.main([*arguments, "--json"])
        return status, json.loads(capfd.readouterr().out)

    for values in (as_json, as_npz):
        status, found = run("check", folder, "--input", values)
        assert status == 0 and found["claim"] == claim and found["rows"] == {"step": 10}
    status, found = run("prove", folder, "--input", as_npz, "-o", receipt)
    assert status == 0 and found["receipt_bytes"] == Path(receipt).stat().st_size and found["security_bits"] >= 128
    status, found = run("verify", receipt, "--circuit", folder, "--claim", as_json, "--digest", circuit("fibonacci").digest)
    assert status == 0 and found["verified"] and found["claim"] == claim
    assert run("verify", receipt, "--circuit", folder, "--claim", wrong)[0] == 1
    assert run("verify", receipt, "--circuit", str(HERE / "collatz"))[0] == 1
    status, found = run("check", folder, "--input", wrong)
    assert status == 2 and [f["table"] for f in found["failures"]] == ["step", "claim"]
    assert run("inspect", receipt)[1]["claim"] == [10, 55, 89]
    for refused in (
        ("verify", receipt, "--elf", "examples/fibonacci/fibonacci.elf"), ("verify", receipt, "--circuit", folder, "--image-id", "00"),
        ("verify", receipt, "--claim", wrong, "--image-id", "00"), ("prove", folder, "-o", receipt), ("execute", folder),
        ("prove", folder, "--input", as_json, "--jobs", "2", "-o", receipt), ("check", folder, "--input", receipt),
        ("prove", folder, "--input", as_json, "-o", f"{folder}/fibonacci.circ"),
        ("prove", folder, "--input", as_json, "--max-console", "5", "-o", receipt),
        ("check", folder, "--input", as_json, "--max-console", "0"), ("check", folder, "--input", as_json, "--max-journal", "5"),
    ):  # fmt: skip
        assert run(*refused)[0] == 2, refused


def test_the_audit_reads_circuits(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("fibonacci", "collatz"):
        assert cli.main(["audit", str(circuit(name).directory)]) == 0
        assert "agree on what they send" in capfd.readouterr().out


def test_what_is_made_of_computed_columns_is_computed() -> None:
    """A column of degree 2 over columns of degree 3 was filled with zeros: neither as an integer nor as a polynomial."""
    x = 123_456_789
    y = (x**3 * (x + 1) * (x + 2) * (x + 3) + x**3 + 1) % P
    circuit("chain").check({"chain": {"real": 1, "x": x}}, {"x": x, "y": y})
