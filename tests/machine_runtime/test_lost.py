"""Where a pc leads that is no place for an instruction: the loop looks at it after jumps only, and finds out behind the last word."""

from __future__ import annotations

import numpy as np
import pytest

from tests.machine.support import encode, machine
from tests.machine_runtime.support import make_elf
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Limits, execute
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image

END = 0x0C00_0000
NOP, JUMP, BRANCH = encode("addi"), encode("jal", rd=0, imm=6), encode("beq", rs1=0, rs2=0, imm=4)


def fault_of(words: list[int], max_cycles: int | None = None) -> GuestFault:
    """Of a program that ends behind the last word of user memory."""
    memory = machine().memory_map
    image = Image.from_program(load_elf(make_elf(), memory), memory)
    last, system = memory.system_page - 1, image.pages[memory.system_page].copy()
    code, system[memory.word_pc] = np.zeros(memory.page_words, dtype=np.uint32), END - 4 * len(words)
    code[-len(words) :] = words
    image = Image(memory, {**image.pages, last: code, memory.system_page: system}, image.guards)
    with pytest.raises(GuestFault) as caught:
        execute(machine(), image, None, Limits(max_cycles=max_cycles))
    return caught.value


@pytest.mark.parametrize(
    ("words", "target", "kind"),
    [
        ([NOP], END, "outside user memory"), ([NOP] * 40, END, "outside user memory"), ([BRANCH], END, "outside user memory"),
        ([BRANCH, BRANCH], END, "outside user memory"), ([JUMP], END + 2, "misaligned"),
    ],
)  # fmt: skip
def test_the_fault_says_where_it_would_go_on(words: list[int], target: int, kind: str) -> None:
    assert f"the next instruction would be at 0x{target:08x}, which is {kind}" in str(fault_of(words))


def test_the_instructions_that_a_run_may_have_come_first() -> None:
    assert "did not end within 40 instructions" in str(fault_of([NOP] * 40, 40))
    assert "0x0c000000" in str(fault_of([NOP] * 40, 41))
