"""Tables as SMT-LIB: a solver that is not ours reads them, takes rows of real runs, and refuses rows that break an equation."""

from __future__ import annotations

from functools import cache

import cvc5
import pytest

from tests.guests.catalogue import examples
from tests.machine.support import machine, names_of
from zkc.emit import emit
from zkc.runtime.execution.executor import execute
from zkc.runtime.execution.trace import trace
from zkc.runtime.guest.elf import load_elf

TABLES = ("add", "divide", "branch_less_signed", "read_byte")


def answer(text: str) -> str:
    """What cvc5 says to a file; its errors are exceptions."""
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "table")
    said: list[str] = []
    while not (command := parser.nextCommand()).isNull():
        said.append(command.invoke(solver, parser.getSymbolManager()).strip())
    return said[-1]


@cache
def text(table: str) -> str:
    return emit(None, f"smt:{table}")


def fixed(table: str, row: list[int]) -> str:
    """The file, with a row put into its columns."""
    values = "".join(f"(assert (= c{i} (as ff{value} F)))\n" for i, value in enumerate(row))
    return text(table).replace("(check-sat)", values + "(check-sat)")


@pytest.mark.parametrize("table", TABLES)
def test_a_padding_row_fits(table: str) -> None:
    width = next(len(t.columns) for t in machine().circuit.tables if t.name == table)
    assert text(table).count("(declare-const") == width
    assert answer(fixed(table, [0] * width)) == "sat"


def test_a_real_row_fits_and_a_changed_one_does_not() -> None:
    example = next(program for program in examples() if program.name == "fibonacci")
    segment, *_ = execute(machine(), load_elf(example.elf, machine().memory_map), example.stdin, snapshots=True).segments
    rows = trace(machine(), segment)[0]["add"]
    names = next(t.columns for t in machine().circuit.tables if t.name == "add")
    row = [int(x) for x in rows[:, 0]]
    assert answer(fixed("add", row)) == "sat"
    row[next(i for i, name in enumerate(names) if "sum.lo" in names_of(name))] ^= 1
    assert answer(fixed("add", row)) == "unsat"
