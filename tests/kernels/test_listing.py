"""Listings, against Python's integers: every instruction on words of 64 bits, and a loop with everything that a step can do."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkc.compiler.dialects.integer import DIVISIONS
from zkc.runtime.circuit.fill_program import OPERANDS, Op
from zkc.runtime.errors import InternalError
from zkc.runtime.execution import plain_listing
from zkc.runtime.execution.listed import STATE, function, loop
from zkc.runtime.field.koalabear import P
from zkc.runtime.kernels.llvm import object_code

WORD: Final = 1 << 64
SHIFTS: Final = (Op.SHL, Op.SHR, Op.SHR_UNSIGNED)
QUOTIENTS: Final = (Op.FLOORDIV, Op.MOD, Op.FLOORDIV_UNSIGNED, Op.MOD_UNSIGNED)
PURE: Final = [op for op in Op if op not in (Op.RECORD, Op.ENTRY, Op.CALL, Op.WRITE, Op.COUNT)]
CASES: Final = "\n".join(
    f"case {op}\n  r{op} = {op.name.lower()} {' '.join('abc'[: OPERANDS.get(op, 2)])}\n  return r{op}  # {op.name}" for op in PURE
)
INSTRUCTION: Final = f"choose op\nreturn -1\n{CASES}"
instruction = function(INSTRUCTION, "op", "a", "b", "c")
plain_instruction = plain_listing.function(INSTRUCTION, "op", "a", "b", "c")
words = st.one_of(st.integers(0, WORD - 1), st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, WORD - 1, P, P - 1]))

def signed(word: int) -> int:
    return word - (word >> 63 << 64)


def reference(op: Op, a: int, b: int, c: int) -> int:
    """What an instruction makes of words, modulo 2^64."""
    if op.name.lower() in DIVISIONS:
        evaluate = DIVISIONS[op.name.lower()].evaluate
        assert evaluate is not None
        return evaluate(None, a, b)  # type: ignore[arg-type]
    x, y = signed(a), signed(b)
    return {
        Op.ADD: lambda: a + b, Op.SUB: lambda: a - b, Op.MUL: lambda: a * b, Op.AND: lambda: a & b, Op.OR: lambda: a | b,
        Op.XOR: lambda: a ^ b, Op.EQ: lambda: int(a == b), Op.LT: lambda: int(x < y), Op.LT_UNSIGNED: lambda: int(a < b),
        Op.SELECT: lambda: b if a else c, Op.FLOORDIV: lambda: x // y, Op.MOD: lambda: x % y, Op.FLOORDIV_UNSIGNED: lambda: a // b,
        Op.MOD_UNSIGNED: lambda: a % b, Op.SIGNED: lambda: a - (a >> 31 << 32), Op.INVERSE: lambda: pow(x % P, P - 2, P),
        Op.SHL: lambda: a << b, Op.SHR: lambda: x >> b, Op.SHR_UNSIGNED: lambda: a >> b,
    }[op]()  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(words, words, words)
def test_every_instruction(a: int, b: int, c: int) -> None:
    for op in PURE:
        x, y = a, b
        if op in SHIFTS:
            y %= 64
        if op in QUOTIENTS:  # by a number above 0
            y = y % 2**63 or 1
        if op.name.lower() in DIVISIONS or op is Op.SIGNED:
            x, y = x % 2**32, y % 2**32
        operands = op, signed(x), signed(y), signed(c)
        assert instruction(*operands) % WORD == plain_instruction(*operands) % WORD == reference(op, x, y, c) % WORD, (op.name, x, y, c)
    assert instruction(999, 0, 0, 0) == plain_instruction(999, 0, 0, 0) == -1


ODD_SUM: Final = """
v0 = lt fuel 1
leave 1 7 if v0
v1 = get mem pc
v2 = and v1 1
v3 = eq v1 6
choose v2
  when v3  # a six
    leave 6 pc
  end
  leave 3 v1  # even
case 1  # odd numbers are added up
  v4 = add clk v1
  v5 = lt v1 9
  put out pc+1 v4 if v5
  v6 = add pc 1
  v7 = sub fuel 1
  v8 = call host_input_length host stdin v1
  set pc v6
  set clk v4
  set retired v8
  set fuel v7
  v9 = lt_unsigned 200 v1
  leave 5 v4 if v9
  again
"""
ARRAYS: Final = {STATE: "int64[:]", "mem": "uint32[:]", "out": "uint32[:]", "host": "int64[:]", "stdin": "uint8[:]"}
BOTH: Final = [loop(ODD_SUM, ARRAYS), plain_listing.loop(ODD_SUM, ARRAYS)]


@pytest.mark.parametrize("run", BOTH)
@pytest.mark.parametrize(
    "numbers, fuel, event, argument, out",
    [
        ((1, 3, 4, 1), 9, 3, 4, (0, 1, 4, 0, 0)),
        ((1, 9, 3, 2), 9, 3, 2, (0, 1, 0, 13, 0)),
        ((1, 3, 5, 7), 2, 1, 7, (0, 1, 4, 0, 0)),
        ((6, 3, 5, 7), 9, 6, 0, (0, 0, 0, 0, 0)),
        ((7, 201, 5, 7), 9, 5, 208, (0, 7, 0, 0, 0)),
        ((2**32 - 1, 3, 5, 7), 9, 5, 2**32 - 1, (0, 0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_loop(numbers: tuple[int, ...], fuel: int, event: int, argument: int, out: tuple[int, ...], run: Any) -> None:
    """Elements are words without a sign; what a step sets is seen by the next one, and by the caller."""
    state = np.array([0, 0, 0, fuel, 0, 0], dtype=np.int64)
    written, host = np.zeros(5, dtype=np.uint32), np.array([0, 100, 1, 0, 0, 0, 0, 0, 0], dtype=np.int64)
    assert run(state, np.array(numbers, dtype=np.uint32), written, host, np.zeros(1, dtype=np.uint8)) == event
    assert (int(state[4]), int(state[5]), tuple(written)) == (event, argument, out)
    steps = fuel - int(state[3])
    assert int(state[0]) == steps and int(state[1]) == sum(numbers[:steps])
    assert int(state[2]) == (min(100, numbers[steps - 1]) if steps else 0)


@pytest.mark.parametrize("run", BOTH)
def test_a_state_goes_on_where_it_stopped(run: Any) -> None:
    state, host, one = np.array([0, 0, 0, 1, 0, 0], dtype=np.int64), np.zeros(9, dtype=np.int64), np.ones(4, dtype=np.uint32)
    for number in range(1, 4):
        assert run(state, one, np.zeros(5, dtype=np.uint32), host, np.zeros(1, dtype=np.uint8)) == 1
        assert tuple(state[:4]) == (number, number, 0, 0)
        state[3] = 1


TABLE: Final = """
v0 = eq fuel 0
leave 1 0 if v0
label next
at = shr_exact pc 2
op = field table at 0 16
choose op
never
case 0
  leave 2 at
case 1 2
  a = field table at 16 8
  b = signed_field table at 32 32
  c = field table at 24 3
  d = signed_field table at 27 5
  put out 0 a
  put out 1 b
  put out 2 c
  put out 3 d
  v0 = add pc 4
  set pc v0
  v1 = eq op 1
  again next if v1
  set fuel 0
  again
"""
ENTRIES: Final = {STATE: "int64[:]", "table": "int64[:]", "out": "int64[:]"}
READ: Final = [loop(TABLE, ENTRIES), plain_listing.loop(TABLE, ENTRIES)]


@pytest.mark.parametrize("read", READ)
@settings(deadline=None, max_examples=60)
@given(word=words)
def test_fields(read: Any, word: int) -> None:
    """They are loaded, or cut out of the element."""
    for op, event, fuel in ((1, 2, 7), (2, 1, 0)):
        entry = word >> 16 << 16 | op
        state, out = np.array([4, 0, 0, 7, 0, 0], dtype=np.int64), np.zeros(4, dtype=np.int64)
        assert read(state, np.array([0, signed(entry), 0], dtype=np.int64), out) == event
        assert (int(state[0]), int(state[3])) == (8, fuel)
        expected = (entry >> 16 & 255, signed(entry) >> 32, entry >> 24 & 7, (signed(entry << 32 & WORD - 1)) >> 59)
        assert tuple(out.tolist()) == expected


@pytest.mark.parametrize("read", READ)
def test_a_step_begins_at_a_label_without_what_stands_before_it(read: Any) -> None:
    state, out = np.array([0, 0, 0, 0, 0, 0], dtype=np.int64), np.zeros(4, dtype=np.int64)
    assert read(state, np.zeros(2, dtype=np.int64), out) == 1
    state[3] = 5
    assert read(state, np.array([1, 2, 0], dtype=np.int64), out) == 1 and int(state[0]) == 8


def test_where_nothing_comes_is_said_without_machine_code() -> None:
    """Machine code is undefined there."""
    chosen = plain_listing.function("choose a\nnever\ncase 1\nreturn 7", "a")
    assert chosen(1) == 7
    with pytest.raises(InternalError, match="where nothing comes"):
        chosen(2)


def test_arrays_of_another_kind_are_refused() -> None:
    """Machine code would read past their end."""
    state, words = np.zeros(6, dtype=np.int64), np.zeros(4, dtype=np.int64)
    read = READ[0]
    for others in ((words.astype(np.uint32), words), (words[::2], words), (words.reshape(2, 2), words)):
        with pytest.raises(TypeError, match="another kind of the array table"):
            read(state, *others)


def test_a_call_is_a_part_of_machine_code_and_what_is_unknown_is_refused() -> None:
    """Linked, a call of what is nowhere would jump to address 0."""
    assert function("r = divide_signed a b\nreturn r", "a", "b")(7, 2**32 - 2) == 2**32 - 3
    assert object_code("define i64 @f() {\n ret i64 1\n}", [], "f")
    with pytest.raises(TypeError, match="needs elsewhere"):
        object_code("declare i64 @elsewhere()\ndefine i64 @f() {\n %r = call i64 @elsewhere()\n ret i64 %r\n}", [], "f")


def test_what_is_for_people_does_not_name_machine_code() -> None:
    plain, noted = function("v = add a 1\nreturn v", "a"), function("  v = add a 1  # one more\n\nreturn v", "a")
    other = function("v = add a 2\nreturn v", "a")
    assert plain.text == noted.text != other.text and plain(4) == noted(4) == other(4) - 1 == 5
    assert plain.is_kept() and noted.is_kept()
