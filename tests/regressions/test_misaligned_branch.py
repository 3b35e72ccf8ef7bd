"""A branch to a misaligned address was reported at its target, where there is no line and no function."""

from __future__ import annotations

import pytest

from tests.machine.support import CODE, encode, machine
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import execute
from zkc.runtime.guest.elf import load_elf


@pytest.mark.parametrize("before", [0, 1, 3])
def test_the_fault_is_at_the_branch(before: int) -> None:
    words = [encode("addi", rd=5, rs1=5, imm=1)] * before + [encode("beq", rs1=0, rs2=0, imm=6)] + [encode("addi")] * 4
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)
    branch = CODE + 4 * before
    with pytest.raises(GuestFault, match=f"would be at 0x{branch + 6:08x}, which is misaligned") as caught:
        execute(machine(), load_elf(elf, machine().memory_map), b"")
    assert caught.value.pc == branch
    assert f"pc 0x{branch:08x}" in str(caught.value)
