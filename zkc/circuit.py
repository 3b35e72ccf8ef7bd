"""Circuits without instructions: tables whose rows are given, and a claim. The command line and other programs use this.

    circuit = zkc.Circuit("examples/circuits/fibonacci")
    proof = circuit.prove({"step": {"real": 1, "n": n, "a": a, "b": b}}, {"steps": 10, "result": 55, "next": 89})
    circuit.verify(proof.receipt, claim={"steps": 10})
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zkc.progress import Progress, no_progress, spoken
from zkc.runtime import arguments
from zkc.runtime.arguments import BytesLike, PathLike
from zkc.runtime.errors import InputError, InternalError, VerificationError
from zkc.runtime.files import check_writable, read_file, write_file
from zkc.runtime.limits import MAX_INPUT_BYTES, MAX_RECEIPT_BYTES
from zkc.runtime.stark.parameters import PARAMETER_SETS, STANDARD_SET

if TYPE_CHECKING:
    from zkc.runtime.circuit.spec import CircuitSpec
    from zkc.runtime.given.receipt import CircuitReceipt
    from zkc.runtime.given.witness import Witness
    from zkc.runtime.stark.security import Strength

Values = Mapping[str, object]
"""By the names of inputs: arrays with a value for each row, or one number for all rows."""


@dataclass(frozen=True)
class Filled:
    """A witness that satisfies the circuit. rows: of each table that were given. claim: all public values. cells: that a proof has."""

    rows: dict[str, int]
    claim: dict[str, Any]
    cells: int


@dataclass(frozen=True)
class CircuitProof:
    """A proof of a claim. `receipt` is what `verify` takes, and the content of a receipt file. `seconds` are those of proving alone."""

    receipt: bytes = field(repr=False)
    claim: dict[str, Any]
    rows: dict[str, int]
    cells: int
    proof_bytes: int
    strength: Strength
    seconds: float


@dataclass(frozen=True)
class VerifiedClaim:
    """What a receipt proves: there are tables that satisfy the circuit of this digest with this claim."""

    digest: str
    claim: dict[str, Any]
    proof_bytes: int
    receipt_bytes: int
    strength: Strength


class Circuit:
    """The circuit of a folder of .circ files, from the cache if nothing changed. lib: folders of modules that they use; None: those that
    `ZKC_LIB` names. InputError if it has instructions."""

    def __init__(self, directory: PathLike, *, lib: Sequence[PathLike] | None = None) -> None:
        from zkc.compiler.libraries import libraries
        from zkc.compiler.machines import load_spec
        from zkc.runtime.circuit.machine import MachineSpec

        self.directory = Path(arguments.path("directory", directory))
        with libraries(None if lib is None else [Path(folder) for folder in arguments.paths("lib", lib)]):
            self.spec: CircuitSpec = load_spec(self.directory)
        if isinstance(self.spec, MachineSpec):
            hint = f"give the program that is to be proven: `zkc --circuits {self.directory} prove PROGRAM`"
            raise InputError("this circuit has instructions: its rows come from a program", where=str(self.directory), hint=hint)

    @property
    def digest(self) -> str:
        """What receipts are bound to: 64 hexadecimal digits."""
        return self.spec.circuit.digest.hex()

    @property
    def inputs(self) -> dict[str, dict[str, str]]:
        """What the rows of each table are given, and the claim, by name, for people: the numbers that are allowed."""
        from zkc.runtime.given.values import described

        return described(self.spec)

    def check(self, tables: Mapping[str, Values], claim: Values) -> Filled:
        """Fills hints, lookups and padding, and sees that all of it satisfies the circuit; proves nothing.

        tables: by name, the inputs of each that has rows. An input is an array with a value for each row, or one number for all rows; of an
        array type it has a further axis; of a struct it is a mapping of its fields, or integers whose bits they are. claim: the same of the
        public row. InputError for what does not fit; `zkc.runtime.given.check.Unsatisfied`, one of them, says where the circuit is not
        satisfied.
        """
        return self._filled(self._witness(tables, claim, STANDARD_SET), STANDARD_SET)

    @spoken
    def prove(
        self,
        tables: Mapping[str, Values],
        claim: Values,
        *,
        output: PathLike | None = None,
        small: bool = False,
        hide: bool = True,
        progress: Progress = no_progress,
    ) -> CircuitProof:
        """Fills and checks as `check` does, proves, and verifies the proof. With `output` the receipt is also written to that file.

        small, hide: as for programs (`zkc.prove`): without `hide` values of the tables can be computed from the receipt.
        """
        from zkc.runtime.given.receipt import CircuitReceipt, verify_circuit_receipt
        from zkc.runtime.stark.prover import Prover

        number = int(arguments.switch("small", small)) + 2 * int(arguments.switch("hide", hide))
        output = arguments.optional_path("output", output)
        if output is not None:
            check_writable(output, what="the receipt", inputs=self.directory.glob("*.circ"))
        witness = self._witness(tables, claim, number)
        filled, started = self._filled(witness, number), time.perf_counter()
        progress("prove", 0, 1)
        prover = Prover(self.spec.circuit, witness.traces, witness.claim, PARAMETER_SETS[number], _phases(progress))
        del witness
        receipt = CircuitReceipt(self.spec.circuit.digest, prover.claim, prover.run(), number)
        seconds = time.perf_counter() - started
        try:
            verify_circuit_receipt(self.spec.circuit, receipt, accept_johnson=True)
        except VerificationError as error:
            raise InternalError(f"the proof does not verify: {error.message}", hint="please report this") from error
        progress("prove", 1, 1)
        data = receipt.to_bytes()
        if output is not None:
            write_file(output, data, what="the receipt")
        strength = self._strength(receipt)
        return CircuitProof(data, filled.claim, filled.rows, filled.cells, len(receipt.proof), strength, seconds)

    @spoken
    def verify(
        self,
        receipt: PathLike | BytesLike,
        *,
        claim: Values | None = None,
        digest: str | None = None,
        accept_johnson: bool = False,
        progress: Progress = no_progress,
    ) -> VerifiedClaim:
        """Checks that `receipt` proves a claim of this circuit; raises VerificationError if it does not.

        claim: the public values that are expected, all or some; the answer has all. digest: what the circuit's must be, of which you know
        that it says what you want to know. accept_johnson: take receipts made with `small`, see docs/security.md.
        """
        from zkc.runtime.given.receipt import verify_circuit_receipt

        accept_johnson = arguments.switch("accept_johnson", accept_johnson)
        if digest is not None and arguments.text("digest", digest).lower() != self.digest:
            message = f"these .circ files compile to the digest {self.digest}, not to {digest}"
            raise VerificationError(message, where=str(self.directory), hint="they are not the circuit that the digest is of")
        claimed = read_circuit_receipt(receipt)
        progress("verify", 0, 1)
        verify_circuit_receipt(self.spec.circuit, claimed, accept_johnson=accept_johnson)
        progress("verify", 1, 1)
        self._expect(claimed.claim, claim or {})
        sizes = len(claimed.proof), len(claimed.to_bytes())
        return VerifiedClaim(self.digest, self.claim_values(claimed.claim), *sizes, self._strength(claimed))

    def claim_values(self, row: tuple[int, ...]) -> dict[str, Any]:
        """The public values by name: numbers, lists of them, and mappings of fields."""
        from zkc.runtime.given.values import nested

        return nested(self.spec.circuit.claim.columns, row)

    def _expect(self, row: tuple[int, ...], expected: Values) -> None:
        from zkc.runtime.given.values import words_of

        position = {name: i for i, name in enumerate(self.spec.circuit.claim.columns)}
        for name, value in words_of(self.spec, expected).items():
            if row[position[name]] != value:
                raise VerificationError(f"the receipt claims {name} = {row[position[name]]}, expected {value}", where="claim")

    def _witness(self, tables: Mapping[str, Values], claim: Values, number: int) -> Witness:
        from zkc.runtime.given.check import check
        from zkc.runtime.given.witness import witness_of

        witness = witness_of(self.spec, tables, claim, PARAMETER_SETS[number])
        check(self.spec, witness)
        return witness

    def _filled(self, witness: Witness, number: int) -> Filled:
        from zkc.runtime.execution.sizes import row_cells

        height = PARAMETER_SETS[number].height
        tables = {table.name: table for table in self.spec.circuit.tables}
        cells = sum(height(trace.shape[1]) * row_cells(tables[name]) for name, trace in witness.traces.items())
        return Filled(witness.rows, self.claim_values(witness.claim), cells)

    def _strength(self, receipt: CircuitReceipt) -> Strength:
        from zkc.runtime.stark.security import receipt_strength

        return receipt_strength(self.spec.circuit, [receipt.proof], PARAMETER_SETS[receipt.parameter_set])


def _phases(progress: Progress) -> Any:
    return lambda phase, done: progress(f"  {phase}", round(100 * done), 100)


def read_circuit_receipt(receipt: PathLike | BytesLike) -> CircuitReceipt:
    """A receipt from its bytes or its file; nothing is verified."""
    from zkc.runtime.given.receipt import MAGIC, CircuitReceipt

    given = arguments.file_or_data("receipt", receipt)
    if isinstance(given, bytes):
        return CircuitReceipt.from_bytes(given)
    return CircuitReceipt.from_bytes(read_file(given, limit=MAX_RECEIPT_BYTES, what="the receipt", magic=MAGIC), name=given)


def read_values(path: PathLike, *, max_input: int = MAX_INPUT_BYTES) -> tuple[dict[str, Values], Values]:
    """Inputs of tables and claim, from a file: JSON, `{"claim": {"x": 1}, "TABLE": {"y": [1, 2]}}`, or .npz with arrays `claim.x` and
    `TABLE.y`. InputError if it is neither."""
    data = read_file(arguments.path("path", path), limit=arguments.max_input(max_input), what="the input", option="--max-input")
    found = _npz(data, path) if data.startswith(b"PK") else _json(data, path)
    return found, found.pop("claim", {})


def _json(data: bytes, path: PathLike) -> dict[str, Values]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the input is no JSON: {error}", where=str(path), hint="give JSON, or arrays that numpy.savez wrote") from None
    if not isinstance(found, dict) or not all(isinstance(part, dict) for part in cast(dict[str, object], found).values()):
        hint = 'such as {"claim": {"x": 1}, "table": {"y": [1, 2]}}'
        raise InputError("the input is no mapping of tables to mappings of inputs", where=str(path), hint=hint)
    return cast(dict[str, Values], found)


def _npz(data: bytes, path: PathLike) -> dict[str, Values]:
    import numpy as np

    found: dict[str, dict[str, object]] = {}
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for name in arrays.files:
                table, _, rest = name.partition(".")
                found.setdefault(table, {})[rest] = arrays[name]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"the input is no .npz file: {error}", where=str(path), hint="write it with numpy.savez") from None
    return cast(dict[str, Values], found)
