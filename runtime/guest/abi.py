"""What a program relies on and no circuit says: the calling convention of RISC-V (psABI), and how its memory is laid out at its start."""

from __future__ import annotations

from typing import Final

RETURN_ADDRESS: Final = 1
"""The register `ra`."""
STACK_POINTER: Final = 2
"""The register `sp`."""
LINKS: Final = (RETURN_ADDRESS, 5)
"""The registers that return addresses are kept in: `ra`, and `t0` for calls of millicode."""
_NAMES: Final = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip
STACK_RESERVE: Final = 0x1000
"""Bytes from the first stack pointer to the end of user memory. They are zero: argc = 0, no argv, no envp, an empty auxiliary vector."""
GUARD_BYTES: Final = 0x1_0000
"""Bytes at address 0 that no program touches (as Linux keeps free, vm.mmap_min_addr), and bytes between heap and stack."""


def register_name(number: int) -> str:
    """The name that people know a register by; `x32` for one that the convention does not name."""
    return _NAMES[number] if number < len(_NAMES) else f"x{number}"
