"""What `check`, `prove`, `verify` and `inspect` do where they are given a circuit without instructions in the place of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zkc.api import warm
from zkc.circuit import Circuit, read_circuit_receipt, read_values
from zkc.output import Report, describe_count, note
from zkc.progress import Progress, progress_bars
from zkc.runtime.errors import InputError, ZkcError
from zkc.runtime.stark.parameters import PARAMETER_SETS, REGIME_NAMES

VALUES_SHOWN = 8


def is_circuit(program: Path) -> bool:
    """Whether a folder is given in the place of a program."""
    return program.is_dir()


def is_circuit_receipt(receipt: Path) -> bool:
    """Whether the file is the receipt of a circuit; of a pipe nothing is read."""
    from zkc.runtime.given.receipt import MAGIC

    with suppress(OSError):
        if receipt.is_file():
            with receipt.open("rb") as file:
                return file.read(len(MAGIC)) == MAGIC
    return False


def refuse(options: Mapping[str, object], what: str) -> None:
    """InputError if an option is given that means nothing here."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(f"{given[0]} is for {what}", hint=f"leave {given[0]} out")


def check(directory: Path, values: Path | None, max_input: int, report: Report) -> None:
    """Fills the tables of a circuit and checks that they satisfy it."""
    circuit, (tables, claim) = Circuit(directory), _values(values, max_input)
    found = circuit.check(tables, claim)
    facts = {"satisfied": "yes", **_facts(circuit.digest, found.claim, found.rows)}
    report.show(facts, **_said(circuit.digest, found.claim, found.rows), cells=found.cells)


def prove(directory: Path, values: Path | None, max_input: int, target: Path, report: Report, *, small: bool, hide: bool) -> None:
    """Proves a claim of a circuit."""
    circuit, (tables, claim) = Circuit(directory), _values(values, max_input)
    with progress_bars(quiet=report.as_json) as progress:
        _compile_first(circuit, progress, tables, claim)
        proof = circuit.prove(tables, claim, output=target, small=small, hide=hide, progress=progress)
    facts = _facts(circuit.digest, proof.claim, proof.rows) | {
        "proven in": f"{proof.seconds:.2f} s",
        "proof": f"{describe_count(proof.proof_bytes)} bytes",
        "security": f"{proof.strength.bits:.0f} bits ({REGIME_NAMES[proof.strength.regime]})",
        "receipt": str(target),
    }
    sizes = {"proof_bytes": proof.proof_bytes, "receipt_bytes": len(proof.receipt), "cells": proof.cells}
    said = _said(circuit.digest, proof.claim, proof.rows) | {"receipt": str(target), "hides": hide, "prove_seconds": proof.seconds}
    report.show(facts, **said, **sizes, **proof.strength.values())


def verify(receipt: Path, directory: Path, claim: Path | None, digest: str | None, report: Report, *, accept_johnson: bool) -> None:
    """Checks the receipt of a circuit."""
    circuit = Circuit(directory)
    expected = {} if claim is None else read_values(claim)[1]
    found = circuit.verify(receipt, claim=expected, digest=digest, accept_johnson=accept_johnson)
    facts = {
        "verified": f"yes, in {report.seconds():.2f} s",
        **_facts(found.digest, found.claim, {}),
        "security": f"{found.strength.bits:.0f} bits ({REGIME_NAMES[found.strength.regime]})",
    }
    sizes = {"proof_bytes": found.proof_bytes, "receipt_bytes": found.receipt_bytes}
    report.show(facts, verified=True, circuit_digest=found.digest, claim=found.claim, **sizes, **found.strength.values())


def inspect(receipt: Path) -> dict[str, object]:
    """What the receipt of a circuit says, unverified. The claim has no names there: `verify` shows them."""
    read = read_circuit_receipt(receipt)
    return {
        "circuit_digest": read.circuit_digest.hex(),
        "parameter_set": read.parameter_set,
        "rests_on": REGIME_NAMES[PARAMETER_SETS[read.parameter_set].regime],
        "claim": list(read.claim),
        "proof_bytes": len(read.proof),
        "receipt_bytes": len(read.to_bytes()),
    }


def _values(path: Path | None, max_input: int) -> Any:
    if path is None:
        raise InputError("the values of the tables are missing", hint="give --input FILE: JSON, or .npz of NumPy")
    return read_values(path, max_input=max_input)


def _compile_first(circuit: Circuit, progress: Progress, tables: Any, claim: Any) -> None:
    """Compiles the kernels on all cores if a proof would otherwise compile them one by one, and if there is something to prove."""
    from zkc.warm import is_warm

    if not is_warm(circuit.spec):
        circuit.check(tables, claim)
        note("zkc: compiling the kernels; this happens once")
        warm(circuit.directory, progress=progress)


def _facts(digest: str, claim: Mapping[str, Any], rows: Mapping[str, int]) -> dict[str, str]:
    shown = {"circuit": digest} | ({"rows": ", ".join(f"{name} {describe_count(n)}" for name, n in rows.items())} if rows else {})
    return shown | {f"claim {name}": _short(value) for name, value in claim.items()}


def _said(digest: str, claim: Mapping[str, Any], rows: Mapping[str, int]) -> dict[str, Any]:
    return {"circuit_digest": digest, "claim": dict(claim), "rows": dict(rows)}


def _short(value: object) -> str:
    """A public value for people: of long lists the first ones."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_short(item) for item in value[:VALUES_SHOWN]]  # pyright: ignore[reportUnknownVariableType]
        return " ".join(items) + (f" … ({len(value)} values)" if len(value) > VALUES_SHOWN else "")  # pyright: ignore[reportUnknownArgumentType]
    return str(value)  # pyright: ignore[reportUnknownArgumentType]


def failures_of(error: ZkcError) -> dict[str, Any]:
    """What `--json` says of values that do not satisfy a circuit."""
    from zkc.runtime.given.check import Unsatisfied

    if not isinstance(error, Unsatisfied):
        return {}
    found = error.failures
    kept = ("table", "row", "label", "problem", "instruction")
    return {"failures": [{**{name: getattr(f, name) for name in kept}, "where": f.place} for f in found]}
