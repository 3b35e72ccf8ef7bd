"""writev, exit_group, brk, fence.i and calls that do not exist, as Linux has them; a static musl program runs as in qemu.

`musl/hello.elf`: python -m ziglang cc -target riscv32-linux-musl -mcpu=generic_rv32+m+zalrsc -static -O2 -s hello.c -o hello.elf
(musl's own locks are written with lr and sc; a program with one thread reaches none). It is kept, because zig builds all of musl first.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import zkc
from tests.machine.check import check
from tests.machine.programs import DATA, Assembler
from tests.machine.support import CODE, machine
from tests.machine_runtime.support import Load, make_elf
from tests.oracle.unicorn_machine import run_elf
from zkc.cli import main
from zkc.runtime.errors import GuestFault
from zkc.runtime.execution.executor import Execution, Limits, execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.guest.linux_calls import describe_calls

MUSL = Path(__file__).parent / "musl" / "hello.elf"
USER_END = 0x0C000000
WRITE, WRITEV, EXIT_GROUP, BRK, EBADF = 64, 66, 94, 214, 2**32 - 9
VECTOR = DATA + 64


def run(calls: list[tuple[int, ...]], words: dict[int, int], before: tuple[int, ...] = ()) -> Execution:
    """Puts words into memory, makes the calls, and leaves by `exit_group` with the last answer. Every row is checked."""
    assembler = Assembler()
    assembler.words.extend(before)
    for address, word in words.items():
        assembler.set(5, word)
        assembler.item(("store", "sw", 5, address, 0))
    for call in calls:
        assembler.item(("call", call))
    assembler.set(17, EXIT_GROUP)
    assembler.emit("ecall")
    code = b"".join(w.to_bytes(4, "little") for w in assembler.words)
    elf = make_elf((Load(CODE, code, flags=7),), entry=CODE)
    done = execute(machine(), load_elf(elf, machine().memory_map), b"", snapshots=True)
    for segment in done.segments:
        assert not check(machine().circuit, *trace(machine(), segment), machine())
    return done


def vector(*entries: tuple[int, int]) -> dict[int, int]:
    words = {VECTOR + 4 * i: word for i, word in enumerate(x for entry in entries for x in entry)}
    return words | {DATA: 0x64636261, DATA + 4: 0x68676665}


@pytest.mark.parametrize("fd", [1, 2, 3])
@pytest.mark.parametrize(
    ("entries", "written"),
    [
        (((DATA, 3),), b"abc"),
        (((DATA + 1, 5), (DATA, 2)), b"bcdef"),
        (((0xFFFFFFFF, 0), (0, 0), (DATA + 3, 2)), b"de"),
        (((DATA, 0),), b""),
        ((), b""),
    ],
)
def test_writev_writes_the_first_entry_that_is_not_empty(fd: int, entries: tuple[tuple[int, int], ...], written: bytes) -> None:
    done = run([(WRITEV, fd, VECTOR, len(entries))], vector(*entries))
    assert (done.exit_code, done.journal if fd == 3 else done.console) == (len(written), written)
    assert not (done.console if fd == 3 else done.journal) and not done.refused


@pytest.mark.parametrize("fd", [0, 4, 0x10001, 0xFFFFFFFF])
def test_writev_to_what_is_not_open(fd: int) -> None:
    assert run([(WRITEV, fd, VECTOR, 1)], vector((DATA, 3))).exit_code == EBADF


@pytest.mark.parametrize(
    ("pointer", "entry"),
    [(VECTOR + 2, (DATA, 3)), (USER_END, (DATA, 3)), (VECTOR, (USER_END - 1, 2)), (VECTOR, (DATA, 0xFFFFFFFF)), (VECTOR, (0xFFFFFFFF, 2))],
)
def test_writev_from_outside_is_a_fault(pointer: int, entry: tuple[int, int]) -> None:
    with pytest.raises(GuestFault, match=r"outside|misaligned"):
        run([(WRITEV, 1, pointer, 1)], vector(entry))


HEAP, HEAP_END = 0x100010, 0x104010
HEAP_WORDS = (HEAP, 0x100FFC, 0x101000, 0x101FFC, 0x102000, 0x102FFC, 0x103000, HEAP_END - 4)


def heap_program(lowest: int) -> bytes:
    """Fills some words of a heap, asks for another end and back for the old one, and writes the words to the journal."""
    assembler = Assembler()
    assembler.item(("call", (BRK, HEAP_END, 0, 0)))
    for address in HEAP_WORDS:
        assembler.item(("store", "sw", 10, address, 0))
    for end in (lowest, HEAP_END):
        assembler.item(("call", (BRK, end, 0, 0)))
    for address in HEAP_WORDS:
        assembler.item(("call", (WRITE, 3, address, 4)))
    assembler.set(17, EXIT_GROUP)
    assembler.emit("ecall")
    return make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in assembler.words), flags=7),), entry=CODE)


@pytest.mark.parametrize("segment_log_rows", [None, 7])
@pytest.mark.parametrize("lowest", [HEAP, 0x101000, 0x101001, 0x101FFF, 0x102000, 0x103FFF, 0x104000, HEAP_END, 4096, 0xFFFFFFFF])
def test_a_heap_that_shrinks_and_grows_reads_zeros(lowest: int, segment_log_rows: int | None) -> None:
    """Linux unmaps pages of 4096 bytes: what lies on the page of the new end stays."""
    elf = heap_program(lowest)
    program = load_elf(elf, machine().memory_map)
    done = execute(machine(), program, b"", Limits(segment_log_rows), snapshots=True)
    for segment in done.segments:
        assert not check(machine().circuit, *trace(machine(), segment), machine())
    kept = -(-lowest // 4096) * 4096 if HEAP <= lowest <= HEAP_END else HEAP_END
    assert done.journal == b"".join((HEAP_END if address < kept else 0).to_bytes(4, "little") for address in HEAP_WORDS)
    assert (done.journal, done.exit_code) == (bytes(run_elf(elf).journal), 4)


@pytest.mark.prove
def test_a_heap_that_shrinks_is_proven(tmp_path: Path) -> None:
    path = tmp_path / "heap.elf"
    path.write_bytes(heap_program(HEAP))
    proof = zkc.prove(path)
    assert zkc.verify(proof.receipt, program=path).journal == HEAP_END.to_bytes(4, "little") * 2 + bytes(24)


def test_fence_i_is_a_fence() -> None:
    assert run([], {}, before=(0x0000100F, 0x0000000F)).exit_code == 0


def test_refused_calls_are_counted() -> None:
    done = run([(222, 0, 4096, 3), (5000, 0, 0, 0), (222, 0, 4096, 3), (0xFFFFFFFF, 0, 0, 0)], {})
    assert (done.exit_code, done.refused) == (2**32 - 38, {222: 2, 5000: 1, 0xFFFFFFFF: 1})
    assert describe_calls(done.refused) == "mmap (222) twice, 5000 once, 4294967295 once"


OUTPUT = b"hello musl 42\nerr\nline: one\nline: two\n"
"""What qemu-riscv32 shows; standard error is not buffered, so the order of the lines is another."""


def test_a_musl_program_runs_as_in_qemu() -> None:
    done = zkc.execute(MUSL, b"one\ntwo\n")
    assert (done.exit_code, sorted(done.console.splitlines()), done.refused) == (42, sorted(OUTPUT.splitlines()), {96: 1, 29: 1})


@pytest.mark.parametrize("command", [("execute",), ("profile",), ("report", "--no-prove")])
def test_every_command_that_runs_names_refused_calls(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, str(MUSL), "--input", "/dev/null"]) == 0
    assert "set_tid_address (96) once" in capfd.readouterr().err


@pytest.mark.prove
def test_a_musl_program_is_proven() -> None:
    proof = zkc.prove(MUSL, b"one\ntwo\n")
    assert zkc.verify(proof.receipt, program=MUSL).exit_code == 42
