"""`zkc compile --emit json`: the same bytes each time, whole, with everything in them, and a digest that follows by the page's rule."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3 as foreign_blake3

import zkc
from examples.verifier.blake3 import blake3
from examples.verifier.circuit import parse_circuit, read_circuit
from examples.verifier.protocol import check_protocol
from examples.verifier.refused import Refused
from tests.second.support import ROOT, circuit, circuit_file
from tests.stark.circuits import example_circuit, two_fixed_tables
from zkc import api, cli
from zkc.runtime.circuit.circuit import Bus, Circuit, Message, Table
from zkc.runtime.circuit.digest import circuit_digest
from zkc.runtime.circuit.text import circuit_text


def lines() -> list[bytes]:
    return circuit_file().splitlines(keepends=True)


def test_the_digest_is_that_of_the_lines_between() -> None:
    digest = zkc.compile().circuit.digest.hex()
    assert json.loads(circuit_file())["digest"] == digest
    assert foreign_blake3(b"".join(lines()[1:-1])).hexdigest() == digest
    assert lines()[-1] == b"}\n" and lines()[0].endswith(b'"circuit":\n') and circuit_file().isascii()


def test_the_file_is_the_same_each_time_and_of_a_reasonable_size() -> None:
    assert (api.emit(None, "json") + "\n").encode() == circuit_file()
    assert len(circuit_file()) < 2_000_000


def test_the_file_holds_the_circuit() -> None:
    """Read back, table by table, it is the compiled circuit."""
    plain, compiled = json.loads(circuit_file())["circuit"], zkc.compile().circuit
    assert [(bus["name"], bus["width"]) for bus in plain["buses"]] == [(bus.name, bus.width) for bus in compiled.buses]
    assert plain["constants"] == compiled.constants
    assert {int(k): bytes.fromhex(top) for k, top in plain["fixed_tops"].items()} == compiled.fixed_tops
    assert len(plain["tables"]) == len(compiled.tables)
    for found, table in zip([*plain["tables"], plain["claim"]], [*compiled.tables, compiled.claim], strict=True):
        assert found["nodes"] == table.nodes.tolist() and found["name"] == table.name
        for name in ("columns", "constraints", "labels", "batches"):
            assert found[name] == [list(x) if isinstance(x, tuple) else x for x in getattr(table, name)], name
        assert [Message(m["bus"], m["multiplicity"], tuple(m["args"]), m["label"]) for m in found["messages"]] == list(table.messages)
        if table.fixed.shape[0]:
            assert found["fixed"]["columns"] == list(table.fixed_names) and found["fixed"]["height"] == table.fixed.shape[1]
            assert found["fixed"]["blake3"] == foreign_blake3(table.fixed.astype("<u4").tobytes()).hexdigest()
        else:
            assert found["fixed"] is None


def bent_tables() -> Iterator[tuple[str, Table]]:
    """A table with every field changed in turn."""
    table = two_fixed_tables(8).circuit.tables[1]
    nodes, fixed = table.nodes.copy(), table.fixed.copy()
    nodes[-1, 1] += 1
    fixed[-1, -1] ^= 1
    (message,) = table.messages
    changed: dict[str, Any] = {"name": "x", "columns": ("x",), "fixed": fixed, "fixed_names": ("f0", "x"), "nodes": nodes}
    changed |= {"constraints": (0,), "labels": ("x",), "batches": ((0, 0),)}
    assert {*changed, "messages"} == {field.name for field in fields(Table)}
    yield from ((name, replace(table, **{name: value})) for name, value in changed.items())
    yield "fixed height", replace(table, fixed=np.ascontiguousarray(table.fixed[:, :128]))
    for name, value in {"bus": 1, "multiplicity": 0, "args": (0, 0), "label": "x"}.items():
        yield f"message {name}", replace(table, messages=(replace(message, **{name: value}),))


BENT_TABLES = dict(bent_tables())
BENT: dict[str, Callable[[Circuit], Circuit]] = {
    "bus name": lambda c: replace(c, buses=(Bus("x", 2), *c.buses[1:])),
    "bus width": lambda c: replace(c, buses=(Bus("pairs", 3), *c.buses[1:])),
    "order of tables": lambda c: replace(c, tables=c.tables[::-1]),
    "claim": lambda c: replace(c, claim=replace(c.claim, columns=("x",))),
    "constants": lambda c: replace(c, constants={"page_bytes": 1024}),
    "fixed tops": lambda c: replace(c, fixed_tops={1: bytes(32)}),
    **{name: lambda c, t=table: replace(c, tables=(c.tables[0], t, c.tables[2])) for name, table in BENT_TABLES.items()},
}


@pytest.mark.parametrize("name", BENT)
def test_the_digest_covers_every_field(name: str) -> None:
    """F18."""
    honest = two_fixed_tables(8).circuit
    assert circuit_digest(BENT[name](honest)) != circuit_digest(honest)


def test_the_digest_does_not_depend_on_the_order_of_constants() -> None:
    names = {"b": 2, "a": [1, 2]}
    forward, backward = (replace(example_circuit(), constants=dict(order)) for order in (names.items(), reversed(names.items())))
    assert circuit_digest(forward) == circuit_digest(backward)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3072, 5000, 16_385])
def test_blake3_in_plain_python(size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    key = bytes(range(32))
    assert blake3(data) == foreign_blake3(data).digest() and blake3(data, key) == foreign_blake3(data, key=key).digest()


def test_the_second_verifier_computes_the_digest() -> None:
    assert circuit().digest == zkc.compile().circuit.digest
    check_protocol(circuit())


def test_a_circuit_file_that_was_changed_is_refused() -> None:
    head, *between, end = lines()
    changed = b"".join(between).replace(b'"digest_words":8', b'"digest_words":9')
    with pytest.raises(Refused, match="digest"):
        read_circuit(head + changed + end)
    named = head.replace(circuit().digest.hex().encode(), bytes(64).replace(b"\0", b"0"))
    with pytest.raises(Refused, match="digest"):
        read_circuit(named + b"".join(between) + end)


def test_a_circuit_of_another_protocol_is_refused() -> None:
    """The file repeats what the page fixes, and the second verifier knows it from the page: every number is compared."""
    honest = circuit().protocol
    for name, value in honest.items():
        with pytest.raises(Refused, match=f"another protocol: {name}"):
            check_protocol(replace(circuit(), protocol={**honest, name: [value]}))
    with pytest.raises(Refused, match="another protocol"):
        check_protocol(replace(circuit(), protocol={**honest, "more": 1}))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"{\n{}\n}", b"\xff", b'{"format":"zkc circuit 1","protocol":{},"circuit":\n{}\n}\n'])
def test_what_is_no_circuit_file(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a circuit file"):
        read_circuit(text)


ILL_FORMED: dict[str, Callable[[Any], None]] = {
    "a later node": lambda c: c["tables"][0]["nodes"].insert(0, [2, 0, 1]),
    "no such column": lambda c: c["tables"][0]["nodes"].append([0, 99, 0]),
    "a constant of p": lambda c: c["tables"][0]["nodes"].append([1, 2130706433, 0]),
    "an unknown operation": lambda c: c["tables"][0]["nodes"].append([5, 0, 0]),
    "no such bus": lambda c: c["tables"][0]["messages"][0].update(bus=3),
    "a message too short": lambda c: c["tables"][0]["messages"][0]["args"].pop(),
    "a message without a batch": lambda c: c["tables"][0]["batches"].pop(),
    "a message in two batches": lambda c: c["tables"][0]["batches"].append([0]),
    "a batch of three": lambda c: c["tables"][0].update(batches=[[0, 1, 2], [3]]),
    "no column": lambda c: c["tables"][1].update(columns=[]),
    "two of a name": lambda c: c["tables"][1].update(name="main"),
    "fixed columns in the claim": lambda c: c["claim"].update(fixed={"columns": ["x"], "height": 128, "blake3": ""}),
    "a fixed height of 64": lambda c: c["tables"][2]["fixed"].update(height=64),
    "a fixed height of 100": lambda c: c["tables"][2]["fixed"].update(height=100),
    "a constraint of degree 4": lambda c: (
        c["tables"][0].update(nodes=[*c["tables"][0]["nodes"], *([4, k, k] for k in (0, len(c["tables"][0]["nodes"])))]),
        c["tables"][0]["constraints"].append(len(c["tables"][0]["nodes"]) - 1),
    )[0],
}


@pytest.mark.parametrize("name", ILL_FORMED)
def test_an_ill_formed_circuit(name: str) -> None:
    plain = json.loads(circuit_text(example_circuit()))
    parse_circuit(json.dumps(plain).encode(), {})
    ILL_FORMED[name](plain)
    with pytest.raises(Refused):
        parse_circuit(json.dumps(plain).encode(), {})


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "circuit.json"
    assert cli.main(["compile", "--emit", "json", "-o", str(target)]) == 0
    assert target.read_bytes() == circuit_file() and [*tmp_path.iterdir()] == [target]
    assert cli.main(["compile", "--emit", "json"]) == 0
    assert capfd.readouterr().out.encode().endswith(circuit_file())
    assert cli.main(["compile", "--emit", "json", "-o", str(tmp_path)]) == 2
    assert cli.main(["compile", "-o", str(target)]) == 2
    assert "--emit" in capfd.readouterr().err
    assert cli.main(["compile", "--emit", "nothing", "-o", str(target)]) == 2
    assert target.read_bytes() == circuit_file() and [*tmp_path.iterdir()] == [target]


def test_a_stage_is_not_written_over_the_circuits_it_is_made_from(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for source in (ROOT / "circuits").glob("*.circ"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    target = tmp_path / "cpu.circ"
    before = target.read_bytes()
    assert cli.main(["compile", str(tmp_path), "--emit", "json", "-o", str(target)]) == 2
    assert "made from" in capfd.readouterr().err and target.read_bytes() == before


def test_the_second_verifier_has_the_standard_library_and_nothing_else() -> None:
    for file in sorted((ROOT / "examples" / "verifier").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            else:
                continue
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names, f"{file.name} imports {names}"
