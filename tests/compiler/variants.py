"""The machines of the project: that which comes with zkc, and others by `.circ` files alone, which tests run and prove."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from zkc.compiler.machines import circuits_directory

HERE: Final = Path(__file__).parent
DATA: Final = 0x20000
Edit = tuple[str, str, str]
"""A file, a text in it, and what is there instead, everywhere."""
SPLIT: Final[tuple[Edit, ...]] = (
    ("machine.circ", "user_end = 0x0C00_0000", "user_end = 0x0200_0000"),
    ("machine.circ", "system_base = 0x0C00_0000", "system_base = 0x0300_0000"),
    ("machine.circ", "table_base = 0x0D00_0000", "table_base = 0x0480_0000"),
    ("machine.circ", "user_end - 0x0010_0000", "user_end - 0x0080_0000"),
)
EMBEDDED: Final[tuple[Edit, ...]] = (
    *(("rv32i.circ", f" {name}:5", f" 0b0 {name}:4") for name in ("rs2", "rs1", "rd")),
    ("cpu.circ", "read_register(17, clk)", "read_register(5, clk)"),  # the ABI of RV32E has the call's number in t0
    ("machine.circ", "const registers = 32", "const registers = 16"),
)
SMALL_PAGES: Final[Edit] = ("machine.circ", "page_bytes = 1024", "page_bytes = 256")
LARGE_PAGES: Final[Edit] = ("machine.circ", "page_bytes = 1024", "page_bytes = 4096")
RENAMED: Final[tuple[Edit, ...]] = (
    *((file, " exec(", " go(") for file in ("cpu.circ", "claim.circ")),
    *((file, " memory(", " ram(") for file in ("memory.circ", "claim.circ", "paging.circ", "cpu.circ", "rv32i.circ", "services.circ")),
    *((file, "memory[", "ram[") for file in ("rv32i.circ", "services.circ")),
    ("cpu.circ", "program(pc: felt, op: felt,", "program(place: felt, number: felt,"),
    ("cpu.circ", "known by pc", "known by place"),
    ("cpu.circ", " program(", " code("),
)
CLOCK: Final[tuple[Edit, ...]] = (("claim.circ", "exec(4,", "exec(101,"), ("memory.circ", "gap_hi: u8", "gap_hi: bit"))


def edited(directory: Path, edits: Sequence[Edit], removed: Sequence[str] = ()) -> Path:
    """The circuits of zkc with edits."""
    shutil.copytree(circuits_directory(), directory)
    for file in removed:
        (directory / file).unlink()
    for file, old, new in edits:
        text = (directory / file).read_text()
        assert old in text, old
        (directory / file).write_text(text.replace(old, new))
    return directory


@dataclass(frozen=True)
class Variant:
    """A machine. call: the register with the number of an environment call. data: the pages that the program of
    test_machines.py stores to, by their addresses."""

    edits: tuple[Edit, ...]
    data: frozenset[int]
    removed: tuple[str, ...] = ()
    call: int = 17


VARIANTS: Final = {
    "embedded": Variant(
        (*SPLIT, *EMBEDDED, SMALL_PAGES), frozenset(DATA + k for k in (0, 0x100, 0x400, 0xF00, 0x1000)), ("rv32m.circ",), call=5
    ),
    "large pages": Variant((LARGE_PAGES, *RENAMED), frozenset((DATA, DATA + 0x1000))),
}

MANY: Final = 215
FIELDS: Final = (
    ("rs2: felt, imm: u32,", "rs2: felt, rs3: felt, rd2: felt, imm: u32,"),
    ("insn.rs1, insn.rs2, insn.imm,", "insn.rs1, insn.rs2, insn.rs3, insn.rd2, insn.imm,"),
    ("insn.op, 0, 0, 0, u32(", "insn.op, 0, 0, 0, 0, 0, u32("),
    ("  let     memory_time = clk + 2;\n", "  let     memory_time = clk + 2;\n  operand rs3: u32 = read_register(insn.rs3, clk + 4);\n"),
    ("  result  pc: felt = pc + 4 { send exec(clk + 4, pc); }", "  result  rd2: u32 { write_register(insn.rd2, clk + 5, rd2); }\n"
     "  result  pc: felt = pc + 4 { send exec(clk + 6, pc); }"),
    ("insn.uses_rs2 * insn.rs2, insn.imm, insn.uses_at * pc) times uses;",
     "insn.uses_rs2 * insn.rs2, insn.uses_rs3 * insn.rs3, rd2, insn.imm, insn.uses_at * pc) times uses;"),
    ("  send   program(pc, insn.op, rd,", "  let    rd2 = insn.uses_rd2 * insn.rd2 + word_sink * insn.uses_rd2 * is_zero(insn.rd2);\n"
     "  send   program(pc, insn.op, rd,"),
)  # fmt: skip


def many() -> str:
    """A family of MANY instructions that each copy rs1."""
    insns = (f"  insn copy.{i} funct7=0b{i >> 3:07b} funct3=0b{i & 7:03b} {{ rd = rs1; }}" for i in range(MANY))
    return 'family copies {\n  format r opcode=0b1011011;  assembly "{name} {rd}, {rs1}";\n' + "\n".join(insns) + "\n}\n"


WORD16: Final[tuple[Edit, ...]] = (
    ("cpu.circ", "rs1: u32 = read_register(insn.rs1", "rs1: felt = read_half(insn.rs1"),
    ("cpu.circ", "rs2: u32 = read_register(insn.rs2", "rs2: felt = read_half(insn.rs2"),
    ("cpu.circ", "rd: u32 { write_register(insn.rd, clk + 3, rd); }", "rd: felt { write_register(insn.rd, clk + 3, half_word(rd)); }"),
    ("cpu.circ", "read_register(17, clk)", "read_register(5, clk)"),
    ("machine.circ", "const registers = 32", "const registers = 16"),
)
KEPT: Final = "/// The byte at base + offset."
"""From here on rv32i.circ has gadgets that environment calls use."""


def _with(files: Sequence[Path], directory: Path) -> Path:
    """The circuits of zkc and these files."""
    edited(directory, ())
    for file in files:
        shutil.copy(file, directory)
    return directory


def _fields(directory: Path) -> Path:
    """Three sources, two results, names with dots and more than 255 instructions, which last longer than calls do: code is not written.
    One frame is enough."""
    _with((HERE / "fields.circ",), directory)
    (directory / "many.circ").write_text(many())
    cpu = (directory / "cpu.circ").read_text()
    cpu = cpu[: cpu.index("/// One row for each step of an instruction whose word changes")]
    cpu = cpu[: cpu.index("/// The same where the result goes")] + cpu[cpu.index("/// A step of an environment call") :]
    families = directory / "rv32i.circ"
    families.write_text(re.sub(r" also \w+", "", families.read_text()))
    for old, new in FIELDS:
        assert old in cpu, old
        cpu = cpu.replace(old, new)
    (directory / "cpu.circ").write_text(cpu)
    return directory


def _word16(directory: Path) -> Path:
    """Words of 16 bits, and other instructions."""
    edited(directory, WORD16, ("rv32m.circ",))
    text = (directory / "rv32i.circ").read_text()
    (directory / "rv32i.circ").write_text(text[text.index(KEPT) :])
    shutil.copy(HERE / "word16.circ", directory)
    return directory


MACHINES: Final[Mapping[str, Callable[[Path], Path]]] = {
    "circuits": partial(_with, ()),
    "extension": partial(_with, (HERE.parent / "extension" / "zbb.circ",)),
    "effects": partial(_with, (HERE / "effects.circ",)),
    "fields": _fields,
    "word16": _word16,
    "clock": lambda directory: edited(directory, CLOCK),
    **{name: partial(edited, edits=variant.edits, removed=variant.removed) for name, variant in VARIANTS.items()},
}
"""By name, what makes the folder of its circuits, which is not there yet."""
