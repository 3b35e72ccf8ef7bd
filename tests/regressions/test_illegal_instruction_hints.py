"""An illegal instruction once always got the hint "without compressed instructions", and a jump below address 0 a negative address."""

from __future__ import annotations

import pytest

from zkc.compiler.machines import load_machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import execute
from zkc.runtime.memory.image import Image

ENTRY = 0x10000


def fault_of(word: int) -> GuestFault:
    """What a program that consists of `word` dies of."""
    machine = load_machine()
    image = Image(machine.memory_map)
    image.write(ENTRY, word.to_bytes(4, "little"))
    image.set_system_word(machine.memory_map.word_pc, ENTRY)
    with pytest.raises(GuestFault) as caught:
        execute(machine, image)
    return caught.value


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (0x1000202F, "atomic"),  # lr.w x0, (x0)
        (0x00000053, "floating point"),  # fadd.s
        (0x00002007, "floating point"),  # flw
        (0xC0002573, "control registers"),  # rdcycle a0
        (0x10500073, "privileged"),  # wfi
        (0x00010001, "compressed"),  # c.nop twice
        (0x00000000, "not code"),
        (0xFFFFFFFF, "not code"),
        (0x02001013, "RV32IM"),  # slli by 32
    ],
)
def test_the_hint_says_what_is_missing(word: int, says: str) -> None:
    fault = fault_of(word)
    assert says in str(fault.hint)
    assert fault.pc == ENTRY


def test_a_jump_below_zero_is_shown_as_an_address() -> None:
    fault = fault_of(0x8000006F)  # jal x0, -1 MiB
    assert fault.pc == ENTRY
    assert "0xfff10000" in str(fault)
    assert "0x-" not in str(fault)
