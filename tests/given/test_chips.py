"""Chips: tables whose rows are made on demand; whoever asks gets the answer of the body, and no other is provable."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from lsprotocol.types import MarkupContent, Position

import zkc
from tests.given.support import HERE, Tables, circuit
from tests.stark.bent import BentProver
from tests.stark.circuits import Example
from zkc import cli
from zkc.compiler.libraries import libraries
from zkc.lsp.answers import hover
from zkc.lsp.folder import Folder
from zkc.runtime.field.koalabear import P
from zkc.runtime.given.check import Unsatisfied, check
from zkc.runtime.given.receipt import CircuitReceipt, verify_circuit_receipt
from zkc.runtime.given.witness import Witness, witness_of
from zkc.runtime.stark.parameters import DEFAULT

Traces = dict[str, npt.NDArray[np.uint32]]
PAIRS = [(0x12, 0x34), (0xFF, 0x01), (0x12, 0x34), (0x03, 0xF5)]
BYTES = [0x12, 0x12, 0x80, 0xFF, 0x34]
START = 7


def ninth(x: int) -> int:
    return pow(x, 9, P)


def values() -> tuple[Tables, dict[str, Any]]:
    """Rows and claim, by arithmetic of Python."""
    sums = [ninth(START)]
    for a, b in PAIRS:
        product = (a & 15) * (b >> 4)
        sums.append((sums[-1] + product + ninth(product) + ninth(a - b)) % P)
    for x in BYTES:
        sums.append((sums[-1] + ninth((x & 15) - (x >> 4))) % P)
    first, count = len(PAIRS), len(PAIRS) + len(BYTES)
    both = {"real": 1, "n": range(first), "x": PAIRS, "sum": sums[:first]}
    one = {"real": 1, "n": range(first, count), "x": BYTES, "sum": sums[first:count]}
    return {"both": both, "one": one}, {"start": START, "count": count, "sum": sums[-1]}


@cache
def witness() -> Witness:
    found = witness_of(circuit("chips").spec, *values(), DEFAULT)
    check(circuit("chips").spec, found)
    return found


def column(table: str, name: str) -> int:
    return next(t for t in circuit("chips").spec.circuit.tables if t.name == table).columns.index(name)


def requests(chip: str) -> dict[tuple[int, ...], int]:
    """What was asked, and how often, of the rows that are no padding."""
    names = circuit("chips").spec.chips[chip].names
    places = [column(chip, name) for name in names]
    trace = witness().traces[chip][:, : witness().rows[chip]]
    found = {tuple(int(trace[p, i]) for p in places[1:]): int(trace[places[0], i]) for i in range(trace.shape[1])}
    assert len(found) == trace.shape[1] and not witness().traces[chip][places[0], witness().rows[chip] :].any()
    return found


def test_each_request_has_one_row() -> None:
    heights = {name: trace.shape[1] for name, trace in witness().traces.items()}
    mixed = requests("mixed")
    assert mixed == {(0x12, 0x34): 2, (0xFF, 0x01): 1, (0x03, 0xF5): 1, (0, 0): heights["both"] - len(PAIRS)}
    halves = dict.fromkeys([0, 0x12, 0x34, 0xFF, 0x01, 0x03, 0xF5, 0x80], 0)
    for x in BYTES + [0] * (heights["one"] - len(BYTES)):
        halves[x] += 1
    padding = heights["mixed"] - len(mixed)  # of a chip that asks another: it asks as its last row does
    for x in [y for pair in mixed for y in pair] + list(max(mixed)) * padding:
        halves[x] += 1
    assert requests("halves") == {(x,): n for x, n in halves.items()}
    asked = sum(requests("ninth").values())
    assert asked == 2 * heights["mixed"] + heights["one"] + 1 and requests("ninth")[(START,)] == 1


@pytest.mark.prove
@pytest.mark.parametrize("options", [{}, {"hide": False}], ids=str)
def test_it_is_proven(options: dict[str, bool]) -> None:
    tables, claim = values()
    proof = circuit("chips").prove(tables, claim, **options)
    assert circuit("chips").verify(proof.receipt, claim=claim).claim["sum"] == claim["sum"]
    assert proof.rows.keys() == {"both", "one", "halves", "ninth", "mixed"}


def _cell(table: str, name: str, row: int, change: int = 1) -> Callable[[Traces], None]:
    def edit(traces: Traces) -> None:
        cell = traces[table][column(table, name)]
        cell[row] = (int(cell[row]) + change) % P

    return edit


def _answer_otherwise(traces: Traces) -> None:
    """The chip and who asks agree on another answer."""
    byte = BYTES[-1]
    row = traces["halves"][column("halves", "x")].tolist().index(byte)
    _cell("halves", "parts.lo", row)(traces)
    _cell("one", "parts.lo", len(BYTES) - 1)(traces)


def _leave_out(traces: Traces) -> None:
    """A request has no row; the row is like one of padding."""
    trace = traces["ninth"]
    row = trace[column("ninth", "x")].tolist().index(START)
    trace[:, row] = trace[:, -1]


def _twice(traces: Traces) -> None:
    """A request has a second row, which was asked as often."""
    traces["ninth"][:, -1] = traces["ninth"][:, 0]


def _beyond_its_type(traces: Traces) -> None:
    """A byte of 2^8 and more: its halves recompose."""
    row = traces["halves"][column("halves", "x")].tolist().index(0xFF)
    for table, at in (("halves", row), ("one", BYTES.index(0xFF))):
        _cell(table, "x", at, 16)(traces)
        _cell(table, "parts.hi", at)(traces)


FORGED: dict[str, Callable[[Traces], None]] = {
    "an answer that the chip does not give": _cell("one", "parts.lo", 2),
    "an answer that is wrong": _answer_otherwise,
    "a request too many": _cell("halves", "asked", 0),
    "a request too few": _cell("ninth", "asked", 1, -1),
    "a request without a row": _leave_out,
    "a row twice": _twice,
    "a request beyond its type": _beyond_its_type,
    "an answer beyond its type": _cell("both", "product", 0, 256),
    "another request": _cell("mixed", "x[0]", 1),
}


def accepted(traces: Traces) -> bool:
    """Whether the verifier takes what a prover makes of these traces, at the parameters that receipts have."""
    spec = circuit("chips").spec
    proof = BentProver(Example(spec.circuit, traces, witness().claim), DEFAULT).run()
    try:
        verify_circuit_receipt(spec.circuit, CircuitReceipt(spec.circuit.digest, witness().claim, proof, 0))
    except zkc.VerificationError:
        return False
    return True


@pytest.mark.prove
def test_a_forger_may_be_honest() -> None:
    """What the tests below change is all that is wrong there. That a request may have two rows that share its number does no harm."""
    traces = {name: trace.copy() for name, trace in witness().traces.items()}
    assert accepted(traces)
    asked, trace = column("ninth", "asked"), traces["ninth"]
    trace[:, -1] = trace[:, 0]
    trace[asked, -1], trace[asked, 0] = 1, trace[asked, 0] - 1
    assert accepted(traces)


@pytest.mark.prove
@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_is_refused(name: str) -> None:
    traces = {table: trace.copy() for table, trace in witness().traces.items()}
    FORGED[name](traces)
    with pytest.raises(Unsatisfied):
        check(circuit("chips").spec, Witness(traces, {n: t.shape[1] for n, t in traces.items()}, witness().claim))
    assert not accepted(traces)


def test_a_wrong_claim_says_which_request_is_wrong() -> None:
    tables, claim = values()
    with pytest.raises(Unsatisfied, match=r"total\(n = 0, sum = \d+\) is received more often"):
        circuit("chips").check(tables, {**claim, "start": START + 1})


def test_its_constraints_leave_no_choice(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(HERE / "chips")]) == 0, capfd.readouterr().err
    assert cli.main(["fmt", "--check", str(HERE / "chips")]) == 0


SIXTH = "gadget sixth(x: felt) -> y: felt { let c = _cube(x); let y = c * c; }\n"
TEXT = (HERE / "chips" / "chips.circ").read_text()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('  assert x == parts.lo + 16 * parts.hi "the halves recompose";\n', "", "`send halves`"),
        ('  input x: u8 free "any byte";', "  input x: u8;", "`send total`"),
    ],
    ids=["a chip that may answer otherwise", "a request that may be another"],
)
def test_the_audit_finds_what_is_left_open(old: str, new: str, place: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert TEXT.count(old) == 1
    (tmp_path / "a.circ").write_text(TEXT.replace(old, new))
    assert cli.main(["audit", str(tmp_path)]) == 2
    shown = capfd.readouterr().err
    assert "E0506" in shown and place in shown


def test_answers_are_proven_to_be_of_their_type(tmp_path: Path) -> None:
    """Callers believe the type of an answer: a body that gives something else gets a column that is looked up."""
    (tmp_path / "a.circ").write_text(TEXT.replace("product: u8", "product: u4"))
    tables, claim = values()
    with pytest.raises(Unsatisfied, match="product: u4"):
        zkc.Circuit(tmp_path).check(tables, claim)


NEGATIVE = """
type u(bits) = felt where x in 0..2**bits;
fixed range(bits: felt, v: felt) { (bits, v) for bits in 0..9 for v in 0..2**bits; at 2**bits - 1 + v; }
bus out(y: felt, z: felt);
gadget lowest(x: felt) -> y: u4 {
  spec   y = x % 16;
  hint   rest: felt = x >> 4 because "x is y + 16 rest";
  assert x == y + 16 * rest;
}
chip nibble(x: felt) -> y: u4 { let y = lowest(x); }
chip difference(a: u8, b: u8) -> c: felt { let c = a - b; }
table t {
  input real: bit;
  input a: u8;
  input b: u8;
  send  out(nibble(a - b), lowest(difference(a, b))) times real;
}
claim { input y: felt; input z: felt; recv out(y, z); }
"""


def test_integers_are_those_of_the_cells(tmp_path: Path) -> None:
    """What is negative is asked, and answered, as the element of the field that it is: the chip's row has no other."""
    (tmp_path / "a.circ").write_text(NEGATIVE)
    last = (P - 1) % 16
    zkc.Circuit(tmp_path).check({"t": {"real": 1, "a": 1, "b": 2}}, {"y": last, "z": last})


REFUSED: dict[str, tuple[str, str, str]] = {
    "an input": ("chip f(x: felt) -> y: felt { input z: felt; let y = x + z; }", "E0212", "a chip only computes"),
    "a message": ("chip f(x: felt) -> y: felt { send total(x, x); let y = x; }", "E0212", "a chip only computes"),
    "a fault": ('chip f(x: felt) -> y: felt { fault "no" when x == 1; let y = x; }', "E0212", "a chip only computes"),
    "a choice": ('chip f(x: felt) -> y: felt { hint y: felt = x because "any" free "any"; }', "E0212", "a chip only computes"),
    "a choice of a gadget": (
        'gadget g(x: felt) -> y: felt { hint y: felt = x because "any" free "any"; } chip f(x: felt) -> y: felt { let y = g(x); }',
        "E0212", "a chip only computes",
    ),
    "itself": ("chip f(x: felt) -> y: felt { let y = f(x); }", "E0211", "calls itself"),
    "the name of a table": ("chip one(x: felt) -> y: felt { let y = x; }", "E0203", "`one` is declared twice"),
    "the name of a bus": ("chip total(x: felt) -> y: felt { let y = x; }", "E0203", "`total` is declared twice"),
    "a parameter that every chip has": ("chip f(asked: felt) -> y: felt { let y = asked; }", "E0203", "`asked`"),
    "an answer of somebody else": ("table g { input x: felt; send ninth(x, 7); }", "E0602", "is a chip"),
    "a question that is no call": ("gadget g(x: felt) { recv ninth(x, 7); } table h { g(1); }", "E0602", "is a chip"),
    "what only a polynomial says": (
        "chip f(x: felt) -> y: felt { let y = x; } table g { input x: felt; let _y = f(column(x * x * x)); }",
        "E0502", "asked of the chip `f` has no integer",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chip_is_refused(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, code, message = REFUSED[name]
    asks = "" if "table " in text else " table asks { input x: felt; let y = f(x); }"
    (tmp_path / "a.circ").write_text(TEXT + text + asks)
    assert cli.main(["compile", str(tmp_path)]) == 2
    shown = capfd.readouterr().err
    assert code in shown and message in shown, shown


def test_a_chip_that_nobody_asks_costs_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.circ").write_text(TEXT + "chip idle(x: felt) -> y: felt { let y = column(x * x); }\n")
    assert zkc.Circuit(tmp_path).digest == circuit("chips").digest
    assert cli.main(["compile", str(tmp_path)]) == 0
    assert "nothing uses the chip `idle`" in capfd.readouterr().err


def test_a_module_may_have_chips(tmp_path: Path) -> None:
    own, lib = tmp_path / "own", tmp_path / "lib"
    own.mkdir()
    lib.mkdir()
    (lib / "powers.circ").write_text("chip _cube(x: felt) -> y: felt { let y = column(x * x * x); }\n" + SIXTH)
    (own / "a.circ").write_text(
        'use powers;\nbus out(a: felt);\ntable t { input real: bit; input a: felt free "any"; send out(sixth(a)) times real; }\n'
        "claim { input b: felt; recv out(b); }\n"
    )
    with libraries([lib]):
        found = zkc.Circuit(own).check({"t": {"a": 3, "real": 1}}, {"b": 729})
    assert found.rows == {"t": 1, "powers._cube": 2}


def test_an_editor_says_what_a_chip_costs() -> None:
    folder, path = Folder(HERE / "chips"), HERE / "chips" / "chips.circ"
    assert not folder.diagnostics(deep=True)
    line = TEXT[: TEXT.index("halves(x);")].count("\n")
    found = hover(folder, path, Position(line, TEXT.splitlines()[line].index("halves")))
    assert found is not None and isinstance(found.contents, MarkupContent)
    assert "chip `halves`" in found.contents.value and "Both halves of a byte." in found.contents.value
    assert "cells a row: 4 columns" in found.contents.value and found.contents.value.count("chip halves(x: u8)") == 1
    assert [x.name for x in folder.symbols(path)].count("halves") == 1


def test_gadgets_that_ask_chips_are_tested(tmp_path: Path) -> None:
    sums = "sum_of([0x12, 0x34]) == 6 + 6**9 + 0x7F000001 - 34**9 % 0x7F000001;"
    tests = 'test "chips" { mixed([0x12, 0x34]) == [6, [6**9, 0x7F000001 - 34**9 % 0x7F000001]]; ninth(2) == 512; ' + sums + " }"
    (tmp_path / "a.circ").write_text(TEXT + tests)
    assert cli.main(["test", str(tmp_path)]) == 0
    (tmp_path / "a.circ").write_text(TEXT + tests.replace("512", "513"))
    assert cli.main(["test", str(tmp_path)]) == 2
