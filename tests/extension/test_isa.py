"""The extensions that ship: what they do, how a machine with them is chosen, and that a receipt of one machine is none of another."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import zkc
from tests.extension.test_new_instructions import CODE, MASK, WORDS, encode, signed
from tests.machine_runtime.support import Load, make_elf
from zkc import api, cli, isa
from zkc.compiler.extensions import extensions_of
from zkc.compiler.machines import circuit_files, circuits_directory, load_machine
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import InputError, VerificationError
from zkc.runtime.execution.executor import execute
from zkc.runtime.guest.attributes import arch_of
from zkc.runtime.guest.elf import load_elf

DATA = 0x80000
ALL = "rv32ima_b_zicond"
OPERANDS = (*WORDS, 2, 31, 32, 0x00018000, 0x00FF8000, 0x80FF01FE)


def bits(a: int) -> str:
    return f"{a:032b}"


def rotated(a: int, by: int) -> int:
    return (a << by % 32 | a >> 32 - by % 32) & MASK


def extended(a: int, size: int) -> int:
    return (a % (1 << size) ^ 1 << size - 1) - (1 << size - 1) & MASK


BINARY: dict[str, Callable[[int, int], int]] = {
    "sh1add": lambda a, b: 2 * a + b & MASK,
    "sh2add": lambda a, b: 4 * a + b & MASK,
    "sh3add": lambda a, b: 8 * a + b & MASK,
    "andn": lambda a, b: a & ~b,
    "orn": lambda a, b: (a | ~b) & MASK,
    "xnor": lambda a, b: ~(a ^ b) & MASK,
    "min": lambda a, b: min(a, b, key=signed),
    "minu": min,
    "max": lambda a, b: max(a, b, key=signed),
    "maxu": max,
    "rol": rotated,
    "ror": lambda a, b: rotated(a, -b),
    "bclr": lambda a, b: a & ~(1 << b % 32),
    "bext": lambda a, b: a >> b % 32 & 1,
    "binv": lambda a, b: a ^ 1 << b % 32,
    "bset": lambda a, b: a | 1 << b % 32,
    "czero.eqz": lambda a, b: a if b else 0,
    "czero.nez": lambda a, b: 0 if b else a,
}
UNARY: dict[str, Callable[[int], int]] = {
    "clz": lambda a: len(bits(a)) - len(bits(a).lstrip("0")),
    "ctz": lambda a: len(bits(a)) - len(bits(a).rstrip("0")),
    "cpop": lambda a: bits(a).count("1"),
    "sext.b": lambda a: extended(a, 8),
    "sext.h": lambda a: extended(a, 16),
    "zext.h": lambda a: a & 0xFFFF,
    "rev8": lambda a: int.from_bytes(a.to_bytes(4, "little"), "big"),
    "orc.b": lambda a: int.from_bytes(bytes(255 * (byte > 0) for byte in a.to_bytes(4, "big")), "big"),
}
IMMEDIATE = {"rori": "ror", "bclri": "bclr", "bexti": "bext", "binvi": "binv", "bseti": "bset"}
ATOMIC: dict[str, Callable[[int, int], int]] = {
    "amoswap.w": lambda a, b: b,
    "amoadd.w": lambda a, b: a + b & MASK,
    "amoxor.w": lambda a, b: a ^ b,
    "amoand.w": lambda a, b: a & b,
    "amoor.w": lambda a, b: a | b,
    "amomin.w": lambda a, b: min(a, b, key=signed),
    "amomax.w": lambda a, b: max(a, b, key=signed),
    "amominu.w": min,
    "amomaxu.w": max,
}
RESERVED = ("lr.w", "sc.w")


@cache
def machine() -> Machine:
    """The machine with all extensions."""
    return load_machine(extensions=tuple(extensions_of(circuits_directory())))


class Writer:
    """A program that puts results into memory, and writes them to its journal in the end. x5 is where the next goes."""

    def __init__(self) -> None:
        self.insns = {i.name: i for i in machine().spec.insns}
        self.words: list[int] = []
        self.expected: list[int] = []
        self.constant(5, DATA)

    def put(self, name: str, **fields: int) -> None:
        self.words.append(encode(self.insns[name], **fields))

    def constant(self, register: int, value: int) -> None:
        low = (value & 0xFFF) - ((value & 0x800) << 1)
        self.words.append(encode(self.insns["lui"], rd=register) | ((value - low) & 0xFFFFF000))
        self.put("addi", rd=register, rs1=register, imm=low)

    def result(self, register: int, expected: int) -> None:
        self.put("sw", rs1=5, rs2=register, imm=0)
        self.put("addi", rd=5, rs1=5, imm=4)
        self.expected.append(expected)

    def elf(self) -> bytes:
        for register, value in ((17, 64), (10, 3), (11, DATA), (12, 4 * len(self.expected))):
            self.constant(register, value)
        self.put("ecall")
        self.constant(17, 93)
        self.constant(10, 0)
        self.put("ecall")
        code = b"".join(word.to_bytes(4, "little") for word in self.words)
        return make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(1 << 17), flags=6)), entry=CODE)


def pure(step: int = 1) -> Writer:
    """Every instruction without memory on every `step`-th pair of corners; the result goes to a register of its own, or onto an operand."""
    w = Writer()
    for number, (name, meaning) in enumerate(BINARY.items()):
        for k, (a, b) in enumerate(itertools.islice(itertools.product(OPERANDS, OPERANDS), number % step, None, step)):
            w.constant(6, a)
            w.constant(7, b)
            target = (8, 6, 7)[k % 3]
            w.put(name, rd=target, rs1=6, rs2=7)
            w.result(target, meaning(a, b))
    for number, (a, (name, of)) in enumerate(itertools.product(OPERANDS, UNARY.items())):
        w.constant(6, a)
        w.put(name, rd=(8, 6)[number % 2], rs1=6)
        w.result((8, 6)[number % 2], of(a))
    for number, (name, like) in enumerate(IMMEDIATE.items()):
        for k, (a, by) in enumerate(itertools.islice(itertools.product(OPERANDS, range(32)), number % step, None, step)):
            w.constant(6, a)
            w.put(name, rd=(8, 6)[k % 2], rs1=6, imm=by)
            w.result((8, 6)[k % 2], BINARY[like](a, by))
    return w


def atomic() -> Writer:
    """Atomic instructions on a word of memory, and words that are reserved and stored under that condition."""
    w = Writer()
    place = DATA + (1 << 16)
    w.constant(9, place)
    for k, (name, (a, b)) in enumerate(itertools.product(ATOMIC, itertools.product(WORDS, WORDS))):
        w.constant(6, a)
        w.constant(7, b)
        w.put("sw", rs1=9, rs2=6, imm=0)
        w.put(name, rd=(8, 7)[k % 2], rs1=9, rs2=7)
        w.result((8, 7)[k % 2], a)
        w.put("lw", rd=8, rs1=9, imm=0)
        w.result(8, ATOMIC[name](a, b))
    w.constant(6, 1)
    w.constant(9, place + 8)
    w.put("addi", rd=10, rs1=9, imm=4)
    # a store without a reservation, one with it, a second one, and one at another word
    for reserves, at, fails, word in ((0, 9, 1, 0), (9, 9, 0, 1), (0, 9, 1, 1), (10, 9, 1, 1), (0, 10, 1, 0), (10, 10, 0, 1)):
        if reserves:
            w.put("lr.w", rd=8, rs1=reserves)
        w.put("sc.w", rd=8, rs1=at, rs2=6)
        w.result(8, fails)
        w.put("lw", rd=8, rs1=at, imm=0)
        w.result(8, word)
    return w


@pytest.mark.parametrize("writer", [pure, atomic])
def test_they_do_what_the_manual_says(writer: Callable[[], Writer]) -> None:
    w = writer()
    run = execute(machine(), load_elf(w.elf(), machine().memory_map), b"")
    assert np.frombuffer(run.journal, dtype="<u4").tolist() == w.expected


def test_every_instruction_is_tried() -> None:
    base = {insn.name for insn in load_machine().spec.insns}
    assert {i.name for i in machine().spec.insns} - base == {*BINARY, *UNARY, *IMMEDIATE, *ATOMIC, *RESERVED}


def with_arch(elf: bytes, arch: str) -> bytes:
    """The program with a section of attributes that names its instruction set."""
    attributes = b"\x04\x10" + b"\x05" + arch.encode() + b"\0"
    part = b"\x01" + struct.pack("<I", 5 + len(attributes)) + attributes
    data = b"A" + struct.pack("<I", 4 + 6 + len(part)) + b"riscv\0" + part
    table = len(elf) + len(data)
    headers = bytes(40) + struct.pack("<10I", 0, 0x70000003, 0, 0, len(elf), len(data), 0, 0, 1, 0)
    head = bytearray(elf + data + headers)
    struct.pack_into("<I", head, 32, table)
    struct.pack_into("<3H", head, 46, 40, 2, 0)
    return bytes(head)


@pytest.mark.slow
@pytest.mark.prove
def test_a_receipt_is_of_one_machine() -> None:
    program = pure(step=24).elf()
    named = with_arch(program, "rv32i2p1_m2p0_a2p1_b1p0_zicond1p0_zicsr2p0")
    with pytest.raises(zkc.GuestFault, match="illegal instruction"):
        zkc.execute(program)  # it says nothing: the base machine
    proof = zkc.prove(named)
    assert proof.run.isa == isa.shown(tuple(extensions_of(circuits_directory())))
    image = zkc.image_id(named)
    assert image == zkc.image_id(program) == proof.run.image_id
    assert zkc.verify(proof.receipt, program=named).isa == proof.run.isa
    assert zkc.verify(proof.receipt, program=program, isa=ALL).journal == proof.run.journal
    assert zkc.verify(proof.receipt, image_id=image, isa=ALL).image_id == image
    for wrong in ({"image_id": image}, {"program": program}, {"program": named, "isa": "rv32im"}, {"image_id": image, "isa": "rv32im_b_a"}):
        with pytest.raises(VerificationError, match="another machine"):
            zkc.verify(proof.receipt, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("rv32im", ()),
        ("RV32IM_Zba", ("zba",)),
        ("rv32ima", ("zaamo", "zalrsc")),
        ("rv32imb", ("zba", "zbb", "zbs")),
        ("rv32im_zbb_zba", ("zba", "zbb")),
        ("rv32i2p1_m2p0_zmmul1p0_zalrsc1p0_zba1p0", ("zalrsc", "zba")),
        (ALL, ("zaamo", "zalrsc", "zba", "zbb", "zbs", "zicond")),
    ],
)
def test_names_of_instruction_sets(name: str, means: tuple[str, ...]) -> None:
    assert isa.chosen(name, circuits_directory()) == isa.named(name, circuits_directory()) == means
    assert isa.chosen(isa.shown(means), circuits_directory()) == means


def test_all_extensions_are_tested_and_audited() -> None:
    """`.ci/run` names them, and so do these tests: a new one must not be left out."""
    assert list(isa.chosen(ALL, circuits_directory())) == extensions_of(circuits_directory())
    text = (Path(__file__).parents[2] / ".ci/run").read_text()
    assert all(f"zkc {command} --isa {ALL}\n" in text for command in ("test", "audit"))


DIGITS_OF_ANOTHER_SCRIPT = "rv32im_zba\u0661p\u0660"
REFUSED = (
    "rv32imc", "rv32im_zbc", "rv32im_zicsr", "rv64im", "rv32", "rv32i", "rv32im__zba", "rv32im zba", "", "zba", DIGITS_OF_ANOTHER_SCRIPT,
)  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_there_is_not_is_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        isa.chosen(name, circuits_directory())
    assert cli.main(["compile", "--no-kernels", "--isa", name]) == 2
    assert "help: " in capfd.readouterr().err


def test_a_program_that_names_more_than_there_is_runs_as_far_as_it_needs_no_more() -> None:
    assert isa.named("rv32i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zba1p0", circuits_directory()) == ("zaamo", "zalrsc", "zba")
    assert isa.named("rv32i2p1_f2p2_c2p0", circuits_directory()) == isa.named("anything", circuits_directory()) == ()


def test_attributes_of_any_bytes_are_read_or_say_nothing() -> None:
    arch = "rv32i2p1_m2p0_zba1p0"
    elf = make_elf()
    good = with_arch(elf, arch)
    assert arch_of(good) == arch and arch_of(elf) == arch_of(b"") == ""
    for at in range(len(elf), len(good)):
        for value in (0, 0x7F, 0xFF, good[at] ^ 1):
            assert isinstance(arch_of(good[:at] + bytes([value]) + good[at + 1 :]), str)
        assert arch_of(good[:at]) == ""


def test_the_base_machine_has_no_part_in_it(tmp_path: Path) -> None:
    root = circuits_directory()
    assert all(path.parent == root for path in circuit_files(root))
    own = tmp_path / "zba.circ"
    own.write_text("")
    (tmp_path / "extensions").mkdir()
    for name in ("zba", "zbb"):
        (tmp_path / "extensions" / f"{name}.circ").write_text("")
    assert circuit_files(tmp_path, ("zba", "zbb")) == [own, tmp_path / "extensions" / "zbb.circ"]


def test_tables_of_the_base_machine_stay_as_they_are() -> None:
    """So their machine code and their proofs' evaluators are the same; all but the ones that decode words."""
    base = {table.name: table for table in load_machine().circuit.tables}
    found = {table.name: table for table in machine().circuit.tables}
    changed = [n for n, t in base.items() if t.columns != found[n].columns or not np.array_equal(t.nodes, found[n].nodes)]
    assert changed == ["decode", "fetch"]


def test_a_machine_is_chosen_for_each_program_of_a_process() -> None:
    base, more = api.machine(), api.machine(isa.chosen(ALL, circuits_directory()))
    assert base.circuit.digest != more.circuit.digest == machine().circuit.digest
    assert api.load(with_arch(make_elf(), "rv32im_b_a_zicond")).machine is more
    assert api.load(make_elf()).machine is base
