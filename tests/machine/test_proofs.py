"""What the checker says of a witness of the machine, the prover and the verifier say too."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.machine.check import Traces, check
from tests.machine.faults import Witness
from tests.machine.programs import DATA, Assembler, RandomProgram, executor, finish
from tests.machine.support import machine
from tests.machine.test_forged_runs import uncleared
from tests.stark.bent import FAST, BentProver
from tests.stark.circuits import Example
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.execution.fuel import CLK
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P
from zkc.runtime.stark.parameters import DEFAULT
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

pytestmark = pytest.mark.prove

STDIN = b"seven.."
Claim = tuple[int, ...]


@cache
def program() -> RandomProgram:
    assembler = Assembler()
    assembler.set(5, 0x80000001)
    for name in ("add", "mulhsu", "div", "remu", "sra", "xor", "slt"):
        assembler.emit(name, 6, 5, 5)
    assembler.item(("store", "sb", 6, DATA + 1, 0))
    assembler.item(("load", "lh", 7, DATA, 0))
    assembler.item(("call", (63, 0, DATA + 1, 7)))
    assembler.item(("call", (64, 3, DATA, 40)))
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), STDIN)


@cache
def honest(every: int | None = None, index: int = 0) -> tuple[dict[str, np.ndarray], Claim]:
    """The witness of one segment."""
    return trace(machine(), finish(executor(program().elf(), STDIN, None, every, snapshots=True)).segments[index])


def proof_of(traces: Traces, claim: Claim) -> bytes:
    return prove(machine().circuit, traces, claim, FAST, allow_insecure=True)


def accepts(claim: Claim, proof: bytes) -> bool:
    try:
        verify(machine().circuit, claim, proof, FAST, allow_insecure=True)
    except VerificationError:
        return False
    return True


def changed(table: str, column: int, row: int, value: int) -> dict[str, np.ndarray]:
    traces = {name: columns.copy() for name, columns in honest()[0].items()}
    traces[table][column, row] = value % P
    return traces


def broken_constraint() -> dict[str, np.ndarray]:
    """A witness with all messages as they should be, and one constraint of one row that fails."""
    witness = Witness(machine().circuit, *honest())
    changes = witness.single_changes("divide", [0, 1])
    verdict = witness.judge(changes)
    quiet = verdict.constraints.any(axis=0) & ~verdict.lookups & ~verdict.received & ~verdict.sent
    table = machine().circuit.tables[[t.name for t in machine().circuit.tables].index("divide")]
    looked_up = {int(table.nodes[n][1]) for m in table.messages for n in m.args if table.nodes[n][0] == 0}
    i = next(int(i) for i in np.flatnonzero(quiet) if changes.columns[int(i)][0] not in looked_up)
    column = changes.columns[i][0]
    return changed("divide", column, int(changes.rows[i]), int(changes.cells[column, i]))


FORGED = {
    "a constraint that fails": broken_constraint,
    "a result": lambda: changed("add", machine_column("add", "sum.lo|difference.lo"), 0, 12345),
    "a count of lookups": lambda: changed("range", 0, 5, 1 + int(honest()[0]["range"][0, 5])),
    "time": lambda: changed("boundary", machine_column("boundary", "last_clk"), 0, CLK),
    "a word of a page": lambda: changed("data_page", machine_column("data_page", "lo[3]"), 40, 77),
    "a flag of a padding row": lambda: changed("lui", 0, 127, 1),
}


def machine_column(table: str, name: str) -> int:
    return next(t for t in machine().circuit.tables if t.name == table).columns.index(name)


def test_a_segment_is_proven_and_verified() -> None:
    traces, claim = honest()
    proof = proof_of(traces, claim)
    assert accepts(claim, proof)
    for at in (0, 2, 3, 11, len(claim) - 1):
        other = list(claim)
        other[at] = 1 - other[at] if at == 2 else (other[at] + 1) % P
        assert not accepts(tuple(other), proof), machine().circuit.claim.columns[at]


@pytest.mark.parametrize("index", [0, 3, 20, -1])
def test_segments_cut_anywhere_are_proven(index: int) -> None:
    """One step each: most tables are absent."""
    traces, claim = honest(1, index)
    assert accepts(claim, proof_of(traces, claim))


@pytest.mark.parametrize("name", list(FORGED))
def test_a_forged_witness_is_refused_by_all(name: str) -> None:
    traces, claim = FORGED[name](), honest()[1]
    assert check(machine().circuit, traces, claim)
    with pytest.raises(InputError, match="do not satisfy"):
        proof_of(traces, claim)
    assert not accepts(claim, BentProver(Example(machine().circuit, traces, claim)).run())


def test_memory_that_the_break_left_uncleared_is_refused() -> None:
    """At the parameters of receipts."""
    traces, claim = uncleared()
    with pytest.raises(InputError, match="do not satisfy"):
        prove(machine().circuit, traces, claim, DEFAULT)
    proof = BentProver(Example(machine().circuit, traces, claim), DEFAULT).run()
    with pytest.raises(VerificationError):
        verify(machine().circuit, claim, proof)
