"""Writing no bytes to the console from a pointer outside of user memory was a fault; Linux answers 0, and so does the machine now."""

from __future__ import annotations

from tests.machine.support import CODE, encode, machine
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.execution.executor import execute
from zkc.runtime.guest.elf import load_elf


def test_empty_write_from_anywhere() -> None:
    words = (
        encode("lui", rd=11, imm=0xFFFFF000),
        encode("addi", rd=10, imm=1),
        encode("addi", rd=12, imm=0),
        encode("addi", rd=17, imm=64),
        encode("ecall"),
        encode("addi", rd=17, imm=93),
        encode("ecall"),
    )
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in words), flags=5),), entry=CODE)
    run = execute(machine(), load_elf(elf, machine().memory_map), b"")
    assert (run.exit_code, run.console) == (0, b"")
