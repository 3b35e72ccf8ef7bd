"""The machine as unicorn sees it: same memory map, same initial registers, same environment calls, another executor.

Nothing here imports our code. Unicorn lets through what our machine refuses (misaligned accesses, compressed and privileged
instructions), so an exact run checks each instruction and each access by itself and reports a `Fault`; a fast run only counts basic
blocks and is for programs that are known to be well-behaved.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from elftools.elf.elffile import ELFFile
from unicorn import (
    UC_ARCH_RISCV,
    UC_ERR_READ_UNMAPPED,
    UC_ERR_WRITE_UNMAPPED,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_INTR,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_WRITE,
    UC_MODE_RISCV32,
    Uc,
    UcError,
)
from unicorn.riscv_const import UC_RISCV_REG_PC, UC_RISCV_REG_X0

USER_END: Final = 0x0C000000
INITIAL_SP: Final = USER_END - 0x1000
BREAK_LIMIT: Final = USER_END - 0x100000
HEAP_ALIGNMENT: Final = 16
LINUX_PAGE: Final = 4096
PAGE: Final = 1024
GUARDS: Final = (range(0x10000), range(BREAK_LIMIT, BREAK_LIMIT + 0x10000))
"""Where a page that the program does not load cannot be touched."""

READ: Final = 63
WRITE: Final = 64
WRITEV: Final = 66
EXIT: Final = 93
EXIT_GROUP: Final = 94
BRK: Final = 214
EBADF: Final = -9 & 0xFFFFFFFF
ENOSYS: Final = -38 & 0xFFFFFFFF

ECALL: Final = 0x00000073

# (mask, match) of every RV32IM encoding; FENCE has all its fields free.
ENCODINGS: Final[tuple[tuple[int, int], ...]] = (
    *((0x7F, opcode) for opcode in (0x37, 0x17, 0x6F)),  # LUI AUIPC JAL
    (0x707F, 0x67),  # JALR
    *((0x707F, funct3 << 12 | 0x63) for funct3 in (0, 1, 4, 5, 6, 7)),  # branches
    *((0x707F, funct3 << 12 | 0x03) for funct3 in (0, 1, 2, 4, 5)),  # loads
    *((0x707F, funct3 << 12 | 0x23) for funct3 in (0, 1, 2)),  # stores
    *((0x707F, funct3 << 12 | 0x13) for funct3 in (0, 2, 3, 4, 6, 7)),  # immediates
    (0xFE00707F, 0x1013),  # SLLI
    (0xFE00707F, 0x5013),  # SRLI
    (0xFE00707F, 0x40005013),  # SRAI
    *((0xFE00707F, funct3 << 12 | 0x33) for funct3 in range(8)),  # registers
    (0xFE00707F, 0x40000033),  # SUB
    (0xFE00707F, 0x40005033),  # SRA
    *((0xFE00707F, 0x02000033 | funct3 << 12) for funct3 in range(8)),  # MUL .. REMU
    *((0x707F, funct3 << 12 | 0x0F) for funct3 in (0, 1)),  # FENCE FENCE.I
    (0xFFFFFFFF, ECALL),
)


def is_rv32im(word: int) -> bool:
    """Whether `word` is an instruction of the machine (EBREAK is not: it is always a fault)."""
    return any(word & mask == match for mask, match in ENCODINGS)


@dataclass(frozen=True)
class Fault:
    """Why a run stopped without an exit, and the pc of the instruction that did it."""

    reason: str
    pc: int


@dataclass
class Outcome:
    """How a run ended. `exit_code` is None after a fault; `instructions` counts what retired, the last ecall included."""

    exit_code: int | None = None
    fault: Fault | None = None
    instructions: int = 0
    journal: bytearray = field(default_factory=bytearray)
    console: bytearray = field(default_factory=bytearray)
    registers: tuple[int, ...] = ()
    pc: int = 0


@dataclass(frozen=True)
class Step:
    """What one instruction did: the 32 registers and pc after it, and the bytes it stored; `fault` if it may not be executed."""

    registers: tuple[int, ...]
    pc: int
    stores: Mapping[int, bytes]
    fault: str | None = None


class UnicornMachine:
    """One program in one unicorn instance; `run` may be called once."""

    def __init__(self, elf: str | Path | bytes, stdin: bytes = b"") -> None:
        self.uc = _machine()
        self.stdin = stdin
        self.outcome = Outcome()
        self.read_at = 0
        self.loaded: set[int] = set()
        self.entry, end = self._load(elf)
        self.heap_start = self.heap_break = -(-end // HEAP_ALIGNMENT) * HEAP_ALIGNMENT
        self.uc.reg_write(UC_RISCV_REG_X0 + 2, INITIAL_SP)

    def run(self, *, exact: bool = True, max_instructions: int = 100_000_000) -> Outcome:
        """Runs to the exit or the first fault."""
        self.uc.hook_add(UC_HOOK_INTR, self._interrupt)
        if exact:
            self.uc.hook_add(UC_HOOK_CODE, self._instruction)
            self.uc.hook_add(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, self._access)
        else:
            self.uc.hook_add(UC_HOOK_BLOCK, self._block)
        self.max_instructions = max_instructions
        try:
            self.uc.emu_start(self.entry, USER_END)
        except UcError as error:
            if exact and error.errno in (UC_ERR_READ_UNMAPPED, UC_ERR_WRITE_UNMAPPED):
                self.outcome.instructions -= 1  # it was counted when it started, and did not retire
            self._fault(str(error))
        outcome = self.outcome
        if outcome.exit_code is None and outcome.fault is None:
            self._fault("the run stopped by itself")
        outcome.registers = _registers(self.uc)
        outcome.pc = self._pc()
        return outcome

    def memory(self, address: int, length: int) -> bytes:
        """Bytes of user memory as they are now."""
        return bytes(self.uc.mem_read(address, length))

    def _load(self, elf: str | Path | bytes) -> tuple[int, int]:
        """Entry point and end of the loaded segments."""
        data = elf if isinstance(elf, bytes) else Path(elf).read_bytes()
        image = ELFFile(io.BytesIO(data))
        end = 0
        for segment in image.iter_segments("PT_LOAD"):
            if segment["p_memsz"]:
                self.uc.mem_write(segment["p_vaddr"], segment.data())
                end = max(end, segment["p_vaddr"] + segment["p_memsz"])
                self.loaded.update(range(segment["p_vaddr"] // PAGE, -(-(segment["p_vaddr"] + segment["p_memsz"]) // PAGE)))
        return int(image["e_entry"]), end

    def _guarded(self, address: int, size: int) -> bool:
        """Whether any of `size` bytes lies in a guard page."""
        pages = range(address // PAGE, -(-(address + size) // PAGE)) if size else range(0)
        low = range(min(GUARDS[0].stop, PAGE * min(self.loaded, default=0)))  # a program that is linked at 0 has no null pointers
        return any(page * PAGE in guard and page not in self.loaded for page in pages for guard in (low, *GUARDS[1:]))

    def _pc(self) -> int:
        return int(self.uc.reg_read(UC_RISCV_REG_PC))

    def _fault(self, reason: str) -> None:
        if self.outcome.fault is None:
            self.outcome.fault = Fault(reason, self._pc())
        self.uc.emu_stop()

    def _block(self, uc: Uc, address: int, size: int, data: Any) -> None:
        self.outcome.instructions += size // 4
        if self.outcome.instructions > self.max_instructions:
            self._fault("too many instructions")

    def _instruction(self, uc: Uc, address: int, size: int, data: Any) -> None:
        word = int.from_bytes(uc.mem_read(address, 4), "little")
        if address % 4:
            self._fault("misaligned pc")
        elif self._guarded(address, 4):
            self._fault("code in a guard page")
        elif not is_rv32im(word):
            self._fault(f"illegal instruction 0x{word:08x}")
        elif self.outcome.instructions >= self.max_instructions:
            self._fault("too many instructions")
        else:
            self.outcome.instructions += 1

    def _access(self, uc: Uc, access: int, address: int, size: int, value: int, data: Any) -> None:
        if address % size or self._guarded(address, size):
            self.outcome.instructions -= 1  # it did not retire
            self._fault(f"{'misaligned' if address % size else 'guarded'} access of {size} bytes at 0x{address:08x}")

    def _interrupt(self, uc: Uc, number: int, data: Any) -> None:
        if number not in (8, 9, 11):
            self._fault(f"exception {number}")
            return
        call, a0, a1, a2 = (uc.reg_read(UC_RISCV_REG_X0 + register) for register in (17, 10, 11, 12))
        if call in (EXIT, EXIT_GROUP):
            self.outcome.exit_code = a0
            uc.emu_stop()
            return
        if call == WRITEV and a0 in (1, 2, 3):
            call, a1, a2 = WRITE, *self._first_entry(a1, a2)
        answer = self._call(call, a0, a1, a2)
        # Console output is not proven, so the machine does not read it either; input and journal go through memory.
        if (call, a0) in ((READ, 0), (WRITE, 3)) and self._guarded(a1, answer):
            self._fault(f"transfer of {answer} bytes at 0x{a1:08x}, in a guard page")
            return
        uc.reg_write(UC_RISCV_REG_X0 + 10, answer)

    def _call(self, call: int, a0: int, a1: int, a2: int) -> int:
        if call == READ:
            if a0 != 0:
                return EBADF
            chunk = self.stdin[self.read_at : self.read_at + a2]
            self.read_at += len(chunk)
            self.uc.mem_write(a1, chunk)
            return len(chunk)
        if call == WRITE:
            if a0 not in (1, 2, 3):
                return EBADF
            (self.outcome.journal if a0 == 3 else self.outcome.console).extend(self.uc.mem_read(a1, a2))
            return a2
        if call == BRK:
            if self.heap_start <= a0 <= BREAK_LIMIT:
                end, old_end = (-(-x // LINUX_PAGE) * LINUX_PAGE for x in (a0, self.heap_break))
                self.uc.mem_write(end, bytes(max(0, old_end - end)))  # Linux unmaps these pages
                self.heap_break = a0
            return self.heap_break
        return EBADF if call == WRITEV else ENOSYS

    def _first_entry(self, vector: int, entries: int) -> tuple[int, int]:
        """Place and length of the first entry of a vector that is not empty."""
        for at in range(vector, vector + 8 * entries, 8):
            start, length = (int.from_bytes(self.uc.mem_read(at + k, 4), "little") for k in (0, 4))
            if length:
                return start, length
        return 0, 0


def run_elf(elf: str | Path | bytes, stdin: bytes = b"", *, exact: bool = True, max_instructions: int = 100_000_000) -> Outcome:
    """Runs `elf` to its exit or first fault."""
    return UnicornMachine(elf, stdin).run(exact=exact, max_instructions=max_instructions)


class Stepper:
    """Executes single instructions on states of your choice; one instance serves many."""

    def __init__(self) -> None:
        self.uc = _machine()
        self.stores: dict[int, bytes] = {}
        self.bad: str | None = None
        self.uc.hook_add(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, self._access)
        self.uc.hook_add(UC_HOOK_INTR, self._interrupt)

    def step(self, word: int, registers: Sequence[int], memory: Mapping[int, int] | None = None, *, pc: int = 0x10000) -> Step:
        """The state after `word` at `pc`; `memory` gives words by aligned address, other memory is zero. Not for ECALL."""
        registers = tuple(registers)
        if not is_rv32im(word) or word == ECALL:
            return Step(registers, pc, {}, fault="illegal instruction")
        self.stores, self.bad = {}, None
        memory = dict(memory or {})
        for address, value in memory.items():
            self.uc.mem_write(address, value.to_bytes(4, "little"))
        self.uc.mem_write(pc, word.to_bytes(4, "little"))
        self.uc.ctl_remove_cache(pc, pc + 4)
        for number in range(1, 32):
            self.uc.reg_write(UC_RISCV_REG_X0 + number, registers[number])
        try:
            self.uc.emu_start(pc, 0xFFFFFFFF, count=1)
        except UcError as error:
            self.bad = self.bad or str(error)
        after = Step(_registers(self.uc), int(self.uc.reg_read(UC_RISCV_REG_PC)), self.stores, self.bad)
        for address in (*memory, *self.stores, pc):
            self.uc.mem_write(address & ~3, bytes(4))
        if after.fault is None and after.pc % 4:
            return Step(registers, pc, {}, fault="misaligned jump")
        return Step(registers, pc, {}, after.fault) if after.fault else after

    def _access(self, uc: Uc, access: int, address: int, size: int, value: int, data: Any) -> None:
        if address % size:
            self.bad = "misaligned access"
        if access == 17:  # UC_MEM_WRITE
            self.stores[address] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _interrupt(self, uc: Uc, number: int, data: Any) -> None:
        self.bad = f"exception {number}"
        uc.emu_stop()


_stepper: list[Stepper] = []


def step_instruction(word: int, registers: Sequence[int], memory: Mapping[int, int] | None = None, *, pc: int = 0x10000) -> Step:
    """`Stepper.step` on an instance that is kept."""
    if not _stepper:
        _stepper.append(Stepper())
    return _stepper[0].step(word, registers, memory, pc=pc)


def _machine() -> Uc:
    uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
    uc.mem_map(0, USER_END)
    return uc


def _registers(uc: Uc) -> tuple[int, ...]:
    return tuple(int(uc.reg_read(UC_RISCV_REG_X0 + number)) & 0xFFFFFFFF for number in range(32))
