"""Rows M1 to M10: the pitfalls of memory, time and instruction fetch, each as an attack on a real witness that must not pass."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from tests.machine.check import check
from tests.machine.support import CODE, encode, machine, names_of
from tests.machine_runtime.support import Load, make_elf
from zkc.runtime.circuit.circuit import COLUMN
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P
from zkc.runtime.guest.elf import load_elf
from zkc.runtime.stark.parameters import MAX_LOG_HEIGHT

DATA = 0x12000

Traces = dict[str, npt.NDArray[np.uint32]]

PROGRAM = (
    encode("lui", rd=5, imm=DATA),
    encode("addi", rd=6, rs1=0, imm=7),
    encode("sw", rs1=5, rs2=6, imm=0),
    encode("lw", rd=7, rs1=5, imm=0),
    encode("add", rd=7, rs1=7, rs2=7),
    encode("add", rd=0, rs1=7, rs2=7),
    encode("lw", rd=8, rs1=5, imm=64),
    encode("addi", rd=6, rs1=6, imm=1),
    encode("addi", rd=17, rs1=0, imm=93),
    encode("addi", rd=10, rs1=0, imm=0),
    encode("ecall"),
)


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    """The trace and claim of `PROGRAM`, one segment."""
    elf = make_elf((Load(CODE, b"".join(w.to_bytes(4, "little") for w in PROGRAM), flags=5),), entry=CODE)
    run = execute(machine(), load_elf(elf, machine().memory_map), b"", snapshots=True)
    (segment,) = run.segments
    return trace(machine(), segment)


def columns(table: str, name: str) -> list[int]:
    """The numbers of the columns of which `name` is a name."""
    names = next(t.columns for t in machine().circuit.tables if t.name == table)
    return [i for i, c in enumerate(names) if name in names_of(c)]


def column(table: str, name: str) -> int:
    """The first of them."""
    return columns(table, name)[0]


def passes(changes: dict[tuple[str, str, int], int], claim: tuple[int, ...] | None = None) -> bool:
    """True if the witness with cells (table, column, row) replaced is still without fault."""
    traces, honest_claim = honest()
    bent = {n: t.copy() for n, t in traces.items()}
    for (table, name, row), value in changes.items():
        bent[table][column(table, name), row] = value % P
    return not check(machine().circuit, bent, claim or honest_claim)


def cell(table: str, name: str, row: int) -> int:
    return int(honest()[0][table][column(table, name), row])


def swapped(table: str, names: list[str], a: int, b: int) -> dict[tuple[str, str, int], int]:
    """Rows a and b of a table with these columns exchanged."""
    there = {(table, n, a): cell(table, n, b) for n in names}
    return there | {(table, n, b): cell(table, n, a) for n in names}


def test_the_honest_witness_passes() -> None:
    assert passes({})


def test_M1_time_cannot_wrap() -> None:
    """A segment's clock stays below p whatever heights a proof has, it starts at a constant, and gaps are 24 bits in range checks."""
    steps = len(machine().spec.step_tables)
    clock = machine().spec.clock
    assert clock.first + steps * clock.slots * (2 << MAX_LOG_HEIGHT) + clock.last + clock.slots < P
    assert not passes({("boundary", "last_clk", 0): cell("boundary", "last_clk", 0) + 1})
    for table in machine().spec.step_tables:
        assert all(machine().spec.column_types[table.name][i] == "u8" for i in columns(table.name, "gap_hi"))


def test_M1_a_step_adds_its_slots_to_the_clock() -> None:
    """Every step table sends exec with clk + 4: read off the node list, not the source."""
    circuit = machine().circuit
    exec_bus = next(i for i, b in enumerate(circuit.buses) if b.name == "exec")
    for step in machine().spec.step_tables:
        table = next(t for t in circuit.tables if t.name == step.name)
        received, sent = [m for m in table.messages if m.bus == exec_bus]
        clk = table.nodes[received.args[0]]
        op, a, b = table.nodes[sent.args[0]].tolist()
        assert clk[0] == COLUMN and op == 2
        operands = [table.nodes[a].tolist(), table.nodes[b].tolist()]
        assert clk.tolist() in operands and [1, machine().spec.clock.slots, 0] in operands


def test_M2_time_of_an_access_is_that_of_its_row() -> None:
    for name in ("clk", "gap_lo"):
        assert not passes({("load_word", name, 0): cell("load_word", name, 0) + 4})


def test_M3_instructions_cannot_change_places() -> None:
    assert not passes(swapped("addi", ["clk"], 0, 1))
    assert not passes(swapped("addi", ["pc"], 0, 1))


def test_M4_one_register_in_all_roles() -> None:
    """rs1 = rs2 = rd: three accesses at three times; a second read that skips the first is refused."""
    row = 0
    assert cell("add", "rs1", row) == cell("add", "rs2", row) == cell("add", "rd", row) == 7
    gaps = columns("add", "gap")
    traces, claim = honest()
    bent = {n: t.copy() for n, t in traces.items()}
    first, second, third = gaps[:3]
    bent["add"][second, row] = bent["add"][first, row] + 1
    assert check(machine().circuit, bent, claim)
    bent = {n: t.copy() for n, t in traces.items()}
    bent["add"][third, row] += 1
    assert check(machine().circuit, bent, claim)


def test_M5_no_page_comes_in_twice_and_none_stays_in() -> None:
    traces, claim = honest()
    rows = 32
    for table in ("data_page", "table_page"):
        bent = {n: t.copy() for n, t in traces.items()}
        free = np.flatnonzero(sum(bent[table][column(table, flag)] for flag in ("clean", "old", "new")) == 0)
        if len(free) >= rows:
            bent[table][:, free[:rows]] = bent[table][:, :rows]
            assert check(machine().circuit, bent, claim)
        gone = {n: t.copy() for n, t in traces.items()}
        gone[table][:, :rows] = gone[table][:, -1:]
        assert check(machine().circuit, gone, claim)


GAPS = {"gap", "gap_lo", "gap_hi"}


def test_M6_both_sides_of_a_comparison_are_range_checked() -> None:
    """The gap of every access is a u16 column, or a u16 and a u8, all looked up, wherever a step receives words."""
    circuit = machine().circuit
    range_bus, memory_bus = (next(i for i, b in enumerate(circuit.buses) if b.name == name) for name in ("range", "memory"))
    for step in machine().spec.step_tables:
        table = next(t for t in circuit.tables if t.name == step.name)
        looked = {m.args[1] for m in table.messages if m.bus == range_bus}
        for i, name in enumerate(table.columns):
            if GAPS & set(names_of(name)):
                node = next(k for k, n in enumerate(table.nodes.tolist()) if n == [COLUMN, i, 0])
                assert node in looked, (table.name, name)
        gaps = sum(bool({"gap", "gap_lo"} & set(names_of(name))) for name in table.columns)
        taken = sum(m.bus == memory_bus and m.label.startswith("recv") for m in table.messages)
        assert gaps <= taken and bool(gaps) == bool(taken), table.name  # arms of one table share columns


def test_M7_x0_is_never_written() -> None:
    """`add x0, …` writes to the sink; a row that writes word 0 of the system page instead does not pass."""
    row = 1
    assert cell("add", "rd", row) == machine().circuit.constants["word_sink"]
    assert not passes({("add", "rd", row): 0})


def test_M7_M8_addresses_stay_in_user_memory() -> None:
    """The high half of an address is looked up among those of user memory: the system page and the page table are out of reach."""
    high = column("store_word", "high")
    traces, claim = honest()
    system = int(str(machine().circuit.constants["system_base"])) >> 16
    bent = {n: t.copy() for n, t in traces.items()}
    bent["store_word"][high, 0] = system
    report = check(machine().circuit, bent, claim)
    assert report and "user_half" in str(report)


def test_M9_memory_that_was_never_written_comes_from_the_image() -> None:
    """`lw` of a fresh word: another value than that of the image does not pass, in the load or in the page."""
    traces, claim = honest()
    loaded = columns("load_word", "value.lo")[-1]
    assert traces["load_word"][loaded, :2].tolist() == [7, 0]
    bent = {n: t.copy() for n, t in traces.items()}
    bent["load_word"][loaded, 1] = 5
    assert check(machine().circuit, bent, claim)
    assert not passes({("data_page", "lo[3]", 40): cell("data_page", "lo[3]", 40) + 1})


def test_M10_the_fetched_word_decides() -> None:
    """Neither the word, nor its fields, nor its selector may differ from memory; the sign of an immediate included."""
    for name in ("bit7", "bit20", "bit31"):
        assert not passes({("decode", name, 0): 1 - cell("decode", name, 0)})
    assert not passes({("addi", "imm.hi", 0): 0xFFFF})
    assert not passes({("addi", "rs1", 0): 3})
    assert not passes({("decode", "pc", 0): cell("decode", "pc", 0) + 4})
