"""Rows of instructions that write to the register of an operand, in a table of their own and in that of their family."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Final

import numpy as np
import pytest

from tests.machine.check import Report, Traces, check
from tests.machine.everything import everything
from tests.machine.everything import only_segment as spread_segment
from tests.machine.programs import Assembler, RandomProgram, executor, finish, run_ours, run_theirs
from tests.machine.spread import gather, spread
from tests.machine.support import encode, immediates, machine
from tests.machine.test_forged_runs import DisturbedMachine, State
from zkc.runtime.circuit.machine import OP_MASK
from zkc.runtime.execution.placing import Placing
from zkc.runtime.execution.segment import Segment
from zkc.runtime.execution.sizes import PART_ROWS, height_of, table_sizes
from zkc.runtime.execution.trace import trace
from zkc.runtime.field.koalabear import P

OTHERS: Final = {t.name: t for t in machine().spec.step_tables if t.base}
FAMILIES: Final = {t.name: t for t in machine().spec.step_tables if any(o.base == t.name for o in OTHERS.values())}
FEW: Final = (0, 5, 6, 7)
"""Registers of programs in which most instructions have a register twice."""
ROUNDS: Final = 4000


def faults(traces: Traces, claim: tuple[int, ...]) -> Report:
    return check(machine().circuit, traces, claim, machine(), counts=False)


def test_there_are_such_tables() -> None:
    assert {"addi.onto_rs1", "add.onto_rs1", "add.onto_rs2"} <= OTHERS.keys()


def test_rows_fit_in_either_table() -> None:
    gathered = gather(spread_segment())
    assert not any(gathered.rows[name] for name in OTHERS) and all(spread_segment().rows[name] for name in OTHERS)
    one, other = (trace(machine(), s) for s in (spread_segment(), gathered))
    assert one[1] == other[1]
    assert not any(name in other[0] for name in OTHERS)
    for traces, claim in (one, other):
        assert not check(machine().circuit, traces, claim, machine())


@pytest.mark.parametrize("name", OTHERS)
def test_some_tables_may_be_there_without_others(name: str) -> None:
    rows, base = spread_segment().rows, OTHERS[name].base
    some = replace(spread_segment(), rows={**rows, name: 0, base: rows[base] + rows[name]})
    assert not check(machine().circuit, *trace(machine(), some), machine())


# Random programs -----------------------------------------------------------------------------------------------------------------


def program(seed: int, count: int = 120) -> RandomProgram:
    """Instructions of families with such tables, over few registers."""
    random, assembler = Random(seed), Assembler()
    names = [arm for t in FAMILIES.values() for arm in t.arms if arm != "lw"]
    for register in FEW[1:]:
        assembler.set(register, random.randrange(2**32))
    for _ in range(count):
        name = random.choice(names)
        assembler.words.append(encode(name, *random.choices(FEW, k=3), random.choice(immediates(name))))
        if random.random() < 0.2:
            register = random.choice(FEW[1:])
            assembler.item(("store", "sw", register, 0x12000, 0))
            assembler.set(register, 0x12000)
            assembler.emit("lw", random.choice((register, 0)), register)
    assembler.set(17, 93)
    assembler.emit("ecall")
    return RandomProgram(tuple(assembler.words), b"")


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_do_what_they_do_in_unicorn(seed: int) -> None:
    ours, _, dirty = run_ours(program(seed))
    assert ours.fault is None and ours == run_theirs(program(seed), dirty)


@pytest.mark.parametrize("seed", range(3))
def test_random_rows_fit(seed: int) -> None:
    (segment,) = finish(executor(program(seed).elf(), b"", snapshots=True)).segments
    for each in (spread(segment), gather(segment)):
        assert not check(machine().circuit, *trace(machine(), each), machine())


# Forged rows ---------------------------------------------------------------------------------------------------------------------


@cache
def honest() -> tuple[Traces, tuple[int, ...]]:
    return trace(machine(), spread_segment())


def column(table: str, name: str) -> int:
    return next(t for t in machine().circuit.tables if t.name == table).columns.index(name)


@pytest.mark.parametrize("name", OTHERS)
def test_an_instruction_with_different_registers_is_no_row_of_it(name: str) -> None:
    """Executed as one in which they are the same: it is received as another instruction than the decode table says."""
    table, code = OTHERS[name], spread_segment().code
    base = next(t for t in machine().spec.step_tables if t.name == table.base)
    decode = machine().module("tracing", "executor").decode
    entries = {int(at): decode(np.int64(word_at(int(at)))) for at in code}
    plain = [at for at, entry in entries.items() if entry & OP_MASK in base.numbers]
    moved = {n: m - n for n, m in zip(base.numbers, table.numbers, strict=True)}
    victim = plain[0]
    rows, uses = dict(spread_segment().rows), used(victim)
    rows[name] += uses
    rows[base.name] -= uses

    def fault(s: State) -> None:
        s.decoded[victim] += moved[int(s.decoded[victim]) & OP_MASK]

    found = faults(*trace(DisturbedMachine(0, fault), replace(spread_segment(), rows=rows, post=())))
    assert found
    assert any("program(" in f.problem for f in found.failures), str(found)


def word_at(at: int) -> int:
    page, place = divmod(at, machine().memory_map.page_words)
    return int(spread_segment().pages[page][place])


def used(at: int) -> int:
    """How often the word at an address was executed."""
    table = honest()[0]["decode"]
    (row,) = np.flatnonzero((table[column("decode", "pc")] == 4 * at) & (table[column("decode", "uses")] > 0))
    return int(table[column("decode", "uses"), row])


@pytest.mark.parametrize("name", OTHERS)
def test_the_old_value_is_that_of_the_register(name: str) -> None:
    """No cell of the access is free: the value that is taken, how long ago it was given, and where."""
    names = next(t for t in machine().circuit.tables if t.name == name).columns
    mine = [i for i, n in enumerate(names) if n.startswith(("old", "gap", "rd", "clk", "pc"))]
    assert len(mine) >= 6, names
    for at in mine:
        for row in range(min(3, spread_segment().rows[name])):
            traces = {k: v.copy() for k, v in honest()[0].items()}
            traces[name][at, row] = (int(traces[name][at, row]) + 1) % P
            assert faults(traces, honest()[1]), f"{names[at]} of row {row}"


def test_a_sum_over_another_old_value_is_noticed_by_memory_alone() -> None:
    """The row itself holds: what is taken was never given."""
    name = "addi.onto_rs1"
    traces = {k: v.copy() for k, v in honest()[0].items()}
    old, new = (column(name, n) for n in ("old.lo", "sum.lo"))
    row = next(r for r in range(spread_segment().rows[name]) if max(traces[name][[old, new], r]) < 2**16 - 1)
    traces[name][[old, new], row] += 1
    found = faults(traces, honest()[1])
    assert found
    assert all("memory(" in f.problem for f in found.failures), str(found)


def test_a_time_that_was_not_is_noticed_by_memory_alone() -> None:
    name = "addi.onto_rs1"
    traces = {k: v.copy() for k, v in honest()[0].items()}
    traces[name][column(name, "gap"), 0] += 1
    found = faults(traces, honest()[1])
    assert found
    assert all("memory(" in f.problem for f in found.failures), str(found)


# Where rows are put --------------------------------------------------------------------------------------------------------------


def in_a_loop(times: int, body: int) -> Segment:
    """A segment of so many rounds, each of a few instructions `add x5, x5, x6`, `add x7, x5, x6` and `add x6, x5, x6`."""
    assembler = Assembler()
    words = [encode("add", 5, 5, 6), encode("add", 7, 5, 6), encode("add", 6, 5, 6)]
    assembler.item(("loop", times, [("word", word) for word in words * body]))
    assembler.set(17, 93)
    assembler.emit("ecall")
    (only,) = finish(executor(RandomProgram(tuple(assembler.words), b"").elf(), b"", snapshots=True)).segments
    return only


def cells(rows: dict[str, int]) -> int:
    return sum(size.cells for size in table_sizes(machine().circuit, rows))


def test_rows_are_where_they_cost_less() -> None:
    """Few are in the table of their family; of many, those that can be are elsewhere."""
    few, many = in_a_loop(2, 4), in_a_loop(ROUNDS, 6)
    assert not few.rows["add.onto_rs1"] and not few.rows["add.onto_rs2"]
    assert many.rows["add.onto_rs1"] == many.rows["add.onto_rs2"] == 6 * ROUNDS
    assert cells(gather(few).rows) <= cells(spread(few).rows)
    assert cells(many.rows) < cells(gather(many).rows)


@pytest.mark.parametrize("count", [1, 900, 2047, 5000, 20_000, 70_000, 300_000])
def test_the_best_of_all_ways_is_taken(count: int) -> None:
    placing = Placing(machine(), dict.fromkeys((t.name for t in machine().circuit.tables), 1 << 22))
    rows = dict.fromkeys((*(t.name for t in machine().spec.step_tables), *machine().spec.inputs), 0)
    rows |= {"add": count, "add.onto_rs1": count // 3, "add.onto_rs2": count}

    def cost(x: dict[str, int]) -> int:
        tables = ("add", "add.onto_rs1", "add.onto_rs2")
        return sum((height_of(x[n], 10, 12) + PART_ROWS) * placing.cells[n] for n in tables if x[n])

    found = placing.placed(rows, 0)
    total, first, second = 2 * count + count // 3, count // 3, count
    ways = [(total, 0, 0), (total - first, first, 0), (total - second, 0, second), (count, first, second)]
    dearest = min(cost(dict(zip(("add", "add.onto_rs1", "add.onto_rs2"), way, strict=True))) for way in ways)
    assert cost(found) == dearest and sum(found.values()) == total


def test_a_table_is_never_made_too_high() -> None:
    """What does not fit into the table of its family stays where it was counted."""
    placing = Placing(machine(), dict.fromkeys((t.name for t in machine().circuit.tables), 1024))
    rows = dict.fromkeys((*(t.name for t in machine().spec.step_tables), *machine().spec.inputs), 0)
    assert placing.placed({**rows, "add": 1000, "add.onto_rs1": 24}, 0)["add"] == 1024
    assert placing.placed({**rows, "add": 1000, "add.onto_rs1": 25}, 0)["add"] == 1000


@pytest.mark.parametrize("limit", [7, 8, 10])
def test_segments_with_a_limit_fit(limit: int) -> None:
    """However rows are counted and put, no table has more than it may, and all of them are there."""
    for segment in finish(executor(everything().elf(), everything().stdin, limit, snapshots=True)).segments:
        assert all(segment.rows[t.name] <= 1 << limit for t in machine().spec.step_tables)
        assert segment.steps == sum(segment.rows[t.name] for t in machine().spec.step_tables)
