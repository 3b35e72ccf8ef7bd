"""Null pointers and the end of the stack were memory like any other, though guide and linker script said that they fault.

A guard page is a slot of the page table without content. It must fault in the executor, count in the image ID, and be out of reach of a
prover whose executor ignores guards.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import pytest

import zkc
from tests.machine.check import check
from tests.machine.support import CODE, encode, machine
from tests.machine_runtime.support import Load, make_elf
from tests.stark.bent import BentProver
from tests.stark.circuits import Example
from zkc.runtime.errors import GuestFault, InputError, VerificationError
from zkc.runtime.execution.executor import Executor, Limits
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.abi import GUARD_BYTES
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.memory.image import Image, PageTree
from zkc.runtime.stark.parameters import DEFAULT
from zkc.runtime.stark.prover import prove
from zkc.runtime.stark.verifier import verify

EXIT = [encode("addi", 17, 0, imm=93), encode("addi", 10, 0, imm=0), encode("ecall")]
STACK_LIMIT = 0x0BF1_0000
GUARDED = [0, 4, 1020, 1024, 0xFFFC, 0x0BF0_0000, STACK_LIMIT - 4]
FREE = [0x1_0400, 0x0BEF_FFFC, STACK_LIMIT, 0x0BFF_FFFC]


def program(words: list[int], *loads: Load) -> bytes:
    return make_elf((Load(CODE, b"".join(word.to_bytes(4, "little") for word in words)), *loads), entry=CODE)


def set_register(register: int, value: int) -> list[int]:
    high = (value + 0x800) & 0xFFFF_F000
    low = (value - high) & 0xFFF
    return [encode("lui", register, imm=high), encode("addi", register, register, imm=low - 0x1000 if low & 0x800 else low)]


def touching(address: int, kind: str) -> list[int]:
    point = set_register(11, address)
    if kind == "jump":
        return [*point, encode("jalr", 0, 11, imm=0)]
    if kind in ("read", "journal"):
        file, number = (0, 63) if kind == "read" else (3, 64)
        arguments = [encode("addi", register, 0, imm=value) for register, value in ((10, file), (12, 4), (17, number))]
        return [*point, *arguments, encode("ecall"), *EXIT]
    return [*point, encode("lw", 5, 11, imm=0) if kind == "load" else encode("sw", 0, 11, 5, imm=0), *EXIT]


@pytest.mark.parametrize("kind", ["load", "store", "read", "journal", "jump"])
@pytest.mark.parametrize("address", GUARDED)
def test_a_guard_page_faults(address: int, kind: str) -> None:
    with pytest.raises(GuestFault) as caught:
        zkc.execute(program(touching(address, kind)), b"1234")
    assert caught.value.message.startswith("null pointer: " if address < GUARD_BYTES else "stack overflow: ")
    assert caught.value.message.endswith(f"address 0x{address:08x}") and caught.value.hint


@pytest.mark.parametrize("kind", ["load", "store", "read", "journal"])
@pytest.mark.parametrize("address", FREE)
def test_the_memory_beside_a_guard_does_not(address: int, kind: str) -> None:
    assert zkc.execute(program(touching(address, kind)), b"1234").exit_code == 0


@pytest.mark.parametrize("address", GUARDED)
def test_what_a_program_loads_is_its_own(address: int) -> None:
    """A program linked at 0, or with data where the stack's guard would be."""
    page = address & -1024
    run = zkc.execute(program(touching(address, "load"), Load(page, b"data", memory_size=1024, flags=6)))
    assert run.exit_code == 0


def test_a_page_that_is_loaded_in_part_is_no_guard() -> None:
    loaded = load_elf(program(EXIT, Load(0x3FF, b"x", flags=4), Load(0xC00, b"", memory_size=1, flags=6)), machine().memory_map)
    assert [(guard.start, guard.end) for guard in loaded.guards] == [(0x0BF0_0000, STACK_LIMIT)]
    loaded = load_elf(program(EXIT, Load(0x8FF, b"x", flags=4)), machine().memory_map)
    assert [(guard.start, guard.end) for guard in loaded.guards] == [(0, 0x800), (0x0BF0_0000, STACK_LIMIT)]


def test_segments_without_permissions_are_guards() -> None:
    """As Linux maps them: PROT_NONE. They may overlap each other, and only whole free pages count."""
    marked = [Load(0x20_0001, b"", memory_size=0x1000, flags=0), Load(0x20_0800, b"", memory_size=0x1000, flags=0)]
    huge = Load(0x0BFF_F800, b"", memory_size=0xFFFF_FFFF, flags=0)
    elf = program([*touching(0x20_0400, "load")], *marked, huge)
    loaded = load_elf(elf, machine().memory_map)
    assert [(guard.start, guard.end) for guard in loaded.guards[2:]] == [(0x20_0400, 0x20_1800), (0x0BFF_F800, 0x0C00_0000)]
    assert loaded.end == CODE + 4 * len(touching(0, "load")), "the heap starts behind what is loaded"
    with pytest.raises(GuestFault, match="guard page: "):
        zkc.execute(elf)
    assert zkc.execute(program(touching(0x20_03FC, "store"), *marked)).exit_code == 0


def test_guards_count_in_the_image_id() -> None:
    elf = program(EXIT)
    assert zkc.image_id(elf) != zkc.image_id(program(EXIT, Load(0x40_0000, b"", memory_size=1024, flags=0)))
    image = Image.from_program(load_elf(elf, machine().memory_map), machine().memory_map)
    assert len(image.guards) == 128
    bare = Image(image.map, image.pages)
    assert bare != image and PageTree.of(bare, machine().hasher).image_id() != PageTree.of(image, machine().hasher).image_id()
    with pytest.raises(ValueError, match="guard page"):
        image.write(0, b"x")


def test_a_program_may_not_start_in_a_guard() -> None:
    with pytest.raises(InputError, match="does not start inside its code"):
        load_elf(make_elf((Load(CODE), Load(0x40_0000, b"", memory_size=64, flags=0)), entry=0x40_0000), machine().memory_map)


def test_console_output_from_a_guard_page_is_zeros() -> None:
    """It is not proven, so the machine does not read it: the executor must not refuse what the circuits accept."""
    words = [encode("addi", 10, 0, imm=1), encode("addi", 11, 0, imm=8), encode("addi", 12, 0, imm=3)]
    assert zkc.execute(program([*words, encode("addi", 17, 0, imm=64), encode("ecall"), *EXIT])).console == bytes(3)


# A prover that ignores guards ----------------------------------------------------------------------------------------------------


@cache
def cheating(address: int, kind: str) -> tuple[Segment, tuple[int, ...]]:
    """The only segment of a run whose executor knows no guards, and the right image ID."""
    loaded = load_elf(program(touching(address, kind)), machine().memory_map)
    executor = Executor(machine(), Image.from_program(loaded, machine().memory_map), loaded, b"1234", Limits(), snapshots=True)
    image_id = executor.tree.image_id() if executor.tree else ()
    executor.book.guards[:] = 0
    (segment,) = executor.run(lambda fd, data: None, lambda phase, done, total: None).segments
    return segment, image_id


@pytest.mark.parametrize(("address", "kind"), [(8, "load"), (0, "store"), (0, "journal"), (STACK_LIMIT - 8, "store"), (0x400, "read")])
def test_no_witness_pages_in_a_guard(address: int, kind: str) -> None:
    segment, image_id = cheating(address, kind)
    traces, claim = trace(machine(), dataclasses.replace(segment, post=()))
    assert segment.pre == image_id
    failures = check(machine().circuit, traces, claim, machine(), counts=False)
    assert "digest" in str(failures)


def without_guards(segment: Segment) -> Segment:
    """The same segment from a page table that has the digest of zeros where the guards are."""
    memory = machine().memory_map
    zero = PageTree(memory, machine().hasher).table_page(memory.parent(0))[0]
    tables = {number: words.copy() for number, words in segment.table_pages.items()}
    for page in segment.pages:
        if page < 64 or 0x0BF0_0000 // 1024 <= page < STACK_LIMIT // 1024:
            tables[memory.parent(page)][memory.slot(page)] = zero
    return dataclasses.replace(segment, post=(), table_pages=tables)


def test_a_table_without_guards_is_another_image() -> None:
    segment, image_id = cheating(8, "load")
    traces, claim = trace(machine(), without_guards(segment))
    parents = check(machine().circuit, traces, claim, machine(), counts=False)
    assert "digest" in str(parents), "the digests above are those of the table with guards"
    fresh = Image.from_program(load_elf(program(touching(8, "load")), machine().memory_map), machine().memory_map)
    bare = Executor(machine(), Image(fresh.map, fresh.pages), None, b"", Limits(), snapshots=True)
    (whole,) = bare.run(lambda fd, data: None, lambda phase, done, total: None).segments
    assert not check(machine().circuit, *trace(machine(), whole), machine()) and whole.pre != image_id


@pytest.mark.prove
def test_programs_with_guards_prove_and_cheats_do_not(tmp_path: Path) -> None:
    """With the real parameters, in several segments."""
    words = [*set_register(5, 0x0BFF_0000), *[encode("sw", 0, 5, 5, imm=4 * i) for i in range(200)], *EXIT]
    elf = program(words)
    proof = zkc.prove(elf, output=tmp_path / "receipt", segment_limit=7)
    assert proof.run.segments > 1
    assert zkc.verify(proof.receipt, program=elf).image_id == zkc.image_id(elf)
    segment, _ = cheating(8, "load")
    traces, claim = trace(machine(), dataclasses.replace(segment, post=()))
    with pytest.raises(InputError, match="buses do not balance"):
        prove(machine().circuit, traces, claim)
    forged = BentProver(Example(machine().circuit, traces, claim), DEFAULT).run()
    with pytest.raises(VerificationError):
        verify(machine().circuit, claim, forged)
