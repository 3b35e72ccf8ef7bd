"""The interpreter that fills tables, against Python's integers: every instruction, arms in any order, blocks that are not full."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from zkc.compiler.dialects.integer import DIVISIONS
from zkc.compiler.targets.registers import Program, assemble
from zkc.runtime.circuit.fill_program import FillProgram, Op
from zkc.runtime.execution.fill import BLOCK, fill
from zkc.runtime.field.koalabear import P

WORD: Final = 1 << 32
NONE = np.zeros(0, dtype=np.int64)


def made(*programs: Program) -> FillProgram:
    """A table with an arm for each program: instructions 1, 2, …"""
    several = len(programs) > 1
    found = assemble((*programs, Program()) if several else programs)
    arm_of = np.full(1024, len(programs), dtype=np.int64)
    arm_of[1 : len(programs) + 1] = range(len(programs))
    return FillProgram(
        arm_of if several else NONE, np.array(found.arms), np.array(found.code), np.array(found.constants, dtype=np.int64), NONE,
        NONE.reshape(0, 4), NONE.reshape(0, 3), NONE, found.registers, NONE.reshape(0, 3), (), NONE,
    )  # fmt: skip


def filled(program: FillProgram, records: list[list[int]], width: int, counts: int = 1) -> tuple[npt.NDArray[np.uint32], ...]:
    columns, histogram = np.zeros((width, len(records)), dtype=np.uint32), np.zeros(counts, dtype=np.uint32)
    fill(program, np.array(records, dtype=np.uint32), 0, len(records), columns, histogram)
    return columns, histogram


def reference(op: Op, a: int, b: int, c: int) -> int:
    """What an instruction makes of words."""
    if op.name.lower() in DIVISIONS:
        evaluate = DIVISIONS[op.name.lower()].evaluate
        assert evaluate is not None
        return evaluate(None, a, b)  # type: ignore[arg-type]
    return {
        Op.ADD: lambda: a + b, Op.SUB: lambda: a - b, Op.MUL: lambda: a * b, Op.AND: lambda: a & b, Op.OR: lambda: a | b,
        Op.XOR: lambda: a ^ b, Op.EQ: lambda: int(a == b), Op.LT: lambda: int(a < b), Op.LT_UNSIGNED: lambda: int(a < b),
        Op.SELECT: lambda: b if a else c, Op.FLOORDIV: lambda: a // b, Op.MOD: lambda: a % b, Op.FLOORDIV_UNSIGNED: lambda: a // b,
        Op.MOD_UNSIGNED: lambda: a % b, Op.SIGNED: lambda: a - (a >> 31 << 32), Op.INVERSE: lambda: pow(a % P, P - 2, P),
        Op.SHL: lambda: a << (b & 15), Op.SHR: lambda: a >> (b & 15), Op.SHR_UNSIGNED: lambda: a >> (b & 15),
    }[op]()  # fmt: skip


SHIFTS = (Op.SHL, Op.SHR, Op.SHR_UNSIGNED)
PURE = [op for op in Op if op not in (Op.RECORD, Op.ENTRY, Op.CALL, Op.WRITE, Op.COUNT)]
words = st.one_of(st.integers(0, WORD - 1), st.sampled_from([0, 1, WORD - 1, 1 << 31, P, P - 1]))


@settings(deadline=None)
@given(a=words, b=words.filter(bool), c=words)
def test_every_instruction_is_what_python_says(a: int, b: int, c: int) -> None:
    program = Program()
    x, y, z = (program.read(Op.RECORD, i) for i in range(3))
    mask, shift = program.constant(0xFFFFFFFF), program.add(Op.AND, y, program.constant(15))
    for i, op in enumerate(PURE):
        arguments = {Op.SELECT: (x, y, z), Op.SIGNED: (x,), Op.INVERSE: (x,)}.get(op, (x, shift if op in SHIFTS else y))
        program.effect(Op.WRITE, program.add(Op.AND, program.add(op, *arguments), mask), to=i)
    columns, _ = filled(made(program), [[a, b, c]], len(PURE))
    assert columns[:, 0].tolist() == [reference(op, a, b, c) % WORD for op in PURE]


def test_negative_numbers_round_down_and_unsigned_ones_are_large() -> None:
    program = Program()
    minus = program.add(Op.SUB, program.read(Op.RECORD, 0), program.constant(7))
    results = (
        program.add(Op.FLOORDIV, minus, program.constant(4)), program.add(Op.MOD, minus, program.constant(P)),
        program.add(Op.SHR, minus, program.constant(1)), program.add(Op.LT, minus, program.constant(0)),
        program.add(Op.LT_UNSIGNED, minus, program.constant(0)),
        program.add(Op.FLOORDIV_UNSIGNED, minus, program.constant(1 << 62)), program.add(Op.MOD_UNSIGNED, minus, program.constant(10)),
        program.add(Op.SHR_UNSIGNED, minus, program.constant(62)),
    )  # fmt: skip
    for i, value in enumerate(results):
        program.effect(Op.WRITE, program.add(Op.AND, value, program.constant(0xFFFFFFFF)), to=i)
    columns, _ = filled(made(program), [[2]], len(results))
    assert columns[:, 0].tolist() == [(-5 // 4) % WORD, P - 5, (-5 >> 1) % WORD, 1, 0, 3, (2**64 - 5) % 10, 3]


def test_rows_of_arms_in_any_order_and_more_than_a_block() -> None:
    arms: list[Program] = []
    for factor in (3, 5):
        program = Program()
        value = program.read(Op.RECORD, 0)
        program.effect(Op.WRITE, program.add(Op.MUL, value, program.constant(factor)), to=0)
        program.effect(Op.COUNT, program.add(Op.MOD, value, program.constant(4)), program.constant(factor), to=4)
        arms.append(program)
    records = [[i, 0, 1 + i % 3, 0] for i in range(3 * BLOCK + 17)]  # each third is an instruction that the table has not
    columns, histogram = filled(made(*arms), records, 1, 8)
    assert columns[0].tolist() == [(3 * i, 5 * i, 0)[i % 3] for i in range(len(records))]
    expected = [sum((3, 5, 0)[i % 3] for i in range(len(records)) if i % 4 == k) for k in range(4)]
    assert histogram.tolist() == [0, 0, 0, 0, *expected]


def test_fields_of_the_decoded_instruction() -> None:
    program = Program()
    entry = program.read(Op.ENTRY)
    program.effect(Op.WRITE, program.add(Op.AND, program.add(Op.SHR, entry, program.constant(32)), program.constant(WORD - 1)), to=0)
    program.effect(Op.WRITE, program.add(Op.AND, entry, program.constant(WORD - 1)), to=1)
    columns, _ = filled(made(program), [[0, 0, 0x89ABCDEF, 0xF2345678]], 2)
    assert columns[:, 0].tolist() == [0xF2345678, 0x89ABCDEF]


STEPS = st.tuples(st.sampled_from([Op.ADD, Op.XOR, Op.MUL]), st.integers(0, 5), st.integers(0, 5))


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=40), st.data())
def test_registers_are_kept_to_the_last_use(steps: list[tuple[Op, int, int]], data: st.DataObject) -> None:
    record = data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4))
    program = Program()
    values = [program.read(Op.RECORD, i) for i in range(4)] + [program.constant(i) for i in (1, 2)]
    known = [*record, 1, 2]
    mask = program.constant(0xFFFF)
    for op, a, b in steps:  # operands are the oldest and the youngest values
        x, y = values[a], values[-1 - b]
        values.append(program.add(Op.AND, program.add(op, x, y), mask))
        known.append(reference(op, known[a], known[-1 - b], 0) & 0xFFFF)
        program.effect(Op.WRITE, values[-1], to=len(values) - 7)
    columns, _ = filled(made(program), [record], len(steps))
    assert columns[:, 0].tolist() == known[6:]
