"""A run that the executor stops, because it writes to the console from outside of user memory, had a receipt with a chosen exit code."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from tests.machine.check import check
from tests.machine.support import CODE, encode, machine
from tests.machine_runtime.support import Load, make_elf
from tests.stark.bent import BentProver
from tests.stark.circuits import Example
from zkc.runtime.errors import GuestFault, InputError, VerificationError
from zkc.runtime.execution.executor import Execution, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.parameters import DEFAULT
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

DATA = 0x12000
USER_END = 0x0C000000
INSIDE = ((DATA, 4), (USER_END - 5, 5), (USER_END - 0x10000, 0x10000), (0xFFFFFFFF, 0), (0, 1))
OUTSIDE = (
    (0xFFFFFFF0, 4), (0xFFFFFFFF, 2), (USER_END - 1, 2), (USER_END, 0x7000), (DATA, 0xFFFFFFFF), (0, USER_END + 1), (USER_END + 0xFFFF, 1),
    (USER_END - 0x10000, 0x10001),
)  # fmt: skip


def load_constant(register: int, value: int) -> list[int]:
    """lui and addi."""
    low = ((value & 0xFFF) ^ 0x800) - 0x800
    return [encode("lui", rd=register, imm=(value - low) & 0xFFFFF000), encode("addi", rd=register, rs1=register, imm=low)]


def program() -> bytes:
    """read(0, DATA, 8); exit(write(1, the first word read, the second))."""
    words = [*load_constant(11, DATA), *load_constant(12, 8), *load_constant(10, 0), *load_constant(17, 63), encode("ecall")]
    words += [*load_constant(5, DATA), encode("lw", rd=11, rs1=5, imm=0), encode("lw", rd=12, rs1=5, imm=4)]
    words += [*load_constant(10, 1), *load_constant(17, 64), encode("ecall"), *load_constant(17, 93), encode("ecall")]
    return make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)


def stdin(pointer: int, count: int) -> bytes:
    return pointer.to_bytes(4, "little") + count.to_bytes(4, "little")


def run(pointer: int, count: int) -> Execution:
    return execute(machine(), load_elf(program(), machine().memory_map), stdin(pointer, count), snapshots=True)


@cache
def witness(pointer: int, count: int) -> Example:
    """The witness of the run that goes on after the write: everything follows the rules but for the row of the write."""
    (segment,) = run(DATA, 4).segments
    traces, claim = trace(machine(), replace(segment, post=(), stdin=stdin(pointer, count), exit_code=count))
    return Example(machine().circuit, traces, claim)


@pytest.mark.parametrize(("pointer", "count"), INSIDE)
def test_what_may_be_written(pointer: int, count: int) -> None:
    assert run(pointer, count).exit_code == count
    example = witness(pointer, count)
    assert not check(machine().circuit, example.traces, example.claim, machine())


@pytest.mark.parametrize(("pointer", "count"), OUTSIDE)
def test_what_the_executor_refuses_no_row_fits(pointer: int, count: int) -> None:
    with pytest.raises(GuestFault, match="console output from outside user memory"):
        run(pointer, count)
    example = witness(pointer, count)
    assert check(machine().circuit, example.traces, example.claim, machine())


@pytest.mark.prove
def test_the_forged_receipt_is_refused() -> None:
    example = witness(*OUTSIDE[0])
    with pytest.raises(InputError, match="do not satisfy"):
        prove(example.circuit, example.traces, example.claim, DEFAULT)
    forged = BentProver(example, DEFAULT).run()
    with pytest.raises(VerificationError):
        verify(example.circuit, example.claim, forged, DEFAULT)
