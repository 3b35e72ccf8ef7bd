"""Machines with other pages, address space, registers, names and no multiplication, by edits of `.circ` files alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pytest

from examples.verifier.image import image_id
from tests.compiler.variants import DATA, MACHINES, VARIANTS, Edit, edited
from tests.extension.test_new_instructions import encode
from tests.machine.check import check
from tests.machine_runtime.support import Load, make_elf
from zkc import cli
from zkc.compiler.machines import load_machine
from zkc.dsl.diagnostics import DiagnosticError
from zkc.runtime.circuit.machine import Machine
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify
from zkc.warm import shortest_run

CODE = 0x10000
every_variant = pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.xdist_group(f"{n} machine")) for n in VARIANTS])
embedded = pytest.mark.xdist_group("embedded machine")


@cache
def machine(name: str) -> Machine:
    """A variant, compiled."""
    with TemporaryDirectory() as folder:
        return load_machine(MACHINES[name](Path(folder) / "circuits"))


def program(name: str, *more: int) -> tuple[bytes, list[int]]:
    """Stores on pages of several sizes, the words that it writes to the journal, and the words of instructions before it ends."""
    insns = {i.name: i for i in machine(name).spec.insns}
    call, words = VARIANTS[name].call, list[int]()

    def put(insn: str, **fields: int) -> None:
        words.append(encode(insns[insn], **fields))

    words.append(encode(insns["lui"], rd=6) | DATA)
    put("addi", rd=7, imm=-42)
    put("addi", rd=8, imm=1000)
    put("sub", rd=9, rs1=8, rs2=7)
    put("sw", rs1=6, rs2=9, imm=0)
    for distance in (256 - 4, 256, 1024):
        put("sw", rs1=6, rs2=7, imm=distance)
    words.append(encode(insns["lui"], rd=11) | DATA + 0x1000)
    put("sw", rs1=11, rs2=8, imm=-4)
    put("sb", rs1=11, rs2=8, imm=1)
    put("lw", rd=10, rs1=11, imm=-4)
    put("sw", rs1=6, rs2=10, imm=4)
    put("lw", rd=10, rs1=11, imm=0)
    put("sw", rs1=6, rs2=10, imm=8)
    words += more
    for values in ({call: 64, 10: 3, 12: 12}, {call: 93, 10: 0}):
        for register, value in values.items():
            put("addi", rd=register, imm=value)
        put("addi", rd=11, rs1=6, imm=0)
        put("ecall")
    code = b"".join(w.to_bytes(4, "little") for w in words)
    elf = make_elf((Load(CODE, code, flags=5), Load(DATA, bytes(0x2000), flags=6)), entry=CODE)
    return elf, [1042, 1000, (1000 & 0xFF) << 8]


def run(name: str, *more: int) -> tuple[Execution, list[int]]:
    """The program, executed, and what its journal must be."""
    elf, expected = program(name, *more)
    made = machine(name)
    return execute(made, load_elf(elf, made.memory_map), b"", snapshots=True), expected


@pytest.mark.slow
@every_variant
def test_it_executes_on_pages_of_its_size(name: str) -> None:
    found, expected = run(name)
    assert np.frombuffer(found.journal, dtype="<u4").tolist() == expected
    (segment,) = found.segments
    memory = machine(name).memory_map
    assert {page * memory.page_bytes for page in segment.pages} == {CODE, memory.system_base, *VARIANTS[name].data}
    assert segment.pre == image_id(program(name)[0], dict(machine(name).circuit.constants))


@pytest.mark.slow
@every_variant
def test_its_shortest_run_is_found_in_its_circuits(name: str) -> None:
    """`zkc compile` of a machine that takes the number of a call from elsewhere ran a program that was none of it."""
    image = shortest_run(machine(name))
    assert image is not None
    run = execute(machine(name), image, b"")
    assert (run.exit_code, run.instructions) == (0, 1)
    memory, ending = machine(name).memory_map, machine(name).spec.ending
    assert ending is not None and ending.memory[memory.system_page * memory.page_words + VARIANTS[name].call] == 93


@pytest.mark.slow
@pytest.mark.prove
@every_variant
def test_it_is_proven(name: str) -> None:
    """The constraints are interpreted: to compile them takes longer than such a proof."""
    made, (segment,) = machine(name), run(name)[0].segments
    traces, claim = trace(made, segment)
    assert not check(made.circuit, traces, claim)
    verify(made.circuit, claim, prove(made.circuit, traces, claim))


@pytest.mark.slow
@embedded
@pytest.mark.parametrize("field", ["rd", "rs1", "rs2"])
def test_a_word_that_names_a_register_above_15_is_no_instruction(field: str) -> None:
    add = encode(next(i for i in machine("embedded").spec.insns if i.name == "add"), rd=9, rs1=9, rs2=9)
    places = {"rd": 7, "rs1": 15, "rs2": 20}
    assert run("embedded", add)[0].segments
    with pytest.raises(GuestFault, match="illegal instruction"):
        run("embedded", add | 16 << places[field])


@pytest.mark.slow
@embedded
def test_a_machine_without_multiplication_decodes_none() -> None:
    mul = 1 << 25 | 9 << 20 | 9 << 15 | 9 << 7 | 0b0110011
    assert machine("embedded").disassemble(mul, 0).startswith(".word")
    with pytest.raises(GuestFault, match="illegal instruction"):
        run("embedded", mul)


def test_fields_that_name_more_registers_than_there_are_are_refused(tmp_path: Path) -> None:
    files = edited(tmp_path / "circuits", (("machine.circ", "const registers = 32", "const registers = 16"),))
    with pytest.raises(DiagnosticError) as caught:
        load_machine(files)
    assert {d.message for d in caught.value.diagnostics} == {f"`{f}` has 5 bits, and there are 16 registers" for f in ("rd", "rs1", "rs2")}


REFUSED: Final[dict[str, tuple[tuple[Edit, ...], str]]] = {
    # name: edits, a part of the message
    "a field with two names": (
        (("cpu.circ", "op: felt, rd: felt", "op: felt, to: felt"),),
        "frames receive `insn.rd` as `to` of `program`",
    ),
    "a clock by another name": (
        (("cpu.circ", "bus exec(clk: felt, pc: felt) chain by clk", "bus exec(now: felt, pc: felt) chain by now"),),
        "takes (clk: felt, pc: felt) from `exec`",
    ),
    "a step that does not go on": (
        (("cpu.circ", "pc: felt = pc + 4 { send exec(clk + 4, pc); }", "pc: felt = pc + 4 { send halt(u32(lo = pc, hi = 0)); }"),),
        "the frame `instruction` takes clock and pc from one bus",
    ),
    "instructions that nothing knows": ((("cpu.circ", " known by pc;", ";"),), "it is `known by` the pc"),
    "a field that is not decoded": (
        (
            ("cpu.circ", "rs2: felt, imm", "imm"), ("cpu.circ", "insn.rs1, insn.rs2, insn.imm,", "insn.rs1, insn.imm,"),
            ("cpu.circ", "insn.op, 0, 0, 0, u32", "insn.op, 0, 0, u32"), ("cpu.circ", "insn.uses_rs2 * insn.rs2, ", ""),
        ),
        "is given `rs2`, and what its word is decoded to has no field of this name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_executor_could_not_do_is_refused(tmp_path: Path, name: str) -> None:
    edits, message = REFUSED[name]
    with pytest.raises(DiagnosticError) as caught:
        load_machine(edited(tmp_path / "circuits", edits))
    assert any(message in d.message for d in caught.value.diagnostics), caught.value.diagnostics


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "a field that is not decoded"])
def test_frames_are_checked_wherever_circuits_are_read(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Not only where a machine is compiled: `zkc opt` and `zkc test` refuse the same."""
    edits, message = REFUSED[name]
    folder = edited(tmp_path / "circuits", edits)
    for command in (["opt", str(folder)], ["test", str(folder)], ["compile", str(folder), "--emit", "circ"]):
        assert cli.main(command) == 2, command
        assert message in capfd.readouterr().err
