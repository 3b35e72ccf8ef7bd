"""How the rows of a table are filled from the records of its executor, as data: a program over registers for each arm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Op(IntEnum):
    """Instructions are (op, a, b, c, to): registers, but where it is said otherwise. Sums and products are modulo 2^64."""

    RECORD = 0
    """to = word `a` of the record."""
    ENTRY = auto()
    """to = the decoded instruction."""
    ADD = auto()
    SUB = auto()
    MUL = auto()
    AND = auto()
    OR = auto()
    XOR = auto()
    SHL = auto()
    SHR = auto()
    """Of a signed register."""
    SHR_UNSIGNED = auto()
    EQ = auto()
    LT = auto()
    LT_UNSIGNED = auto()
    SELECT = auto()
    """to = b if a is not 0, else c."""
    FLOORDIV = auto()
    MOD = auto()
    FLOORDIV_UNSIGNED = auto()
    MOD_UNSIGNED = auto()
    SIGNED = auto()
    INVERSE = auto()
    DIVIDE_UNSIGNED = auto()
    REMAINDER_UNSIGNED = auto()
    DIVIDE_SIGNED = auto()
    REMAINDER_SIGNED = auto()
    CALL = auto()
    """Field function `b` of the `c` registers that begin at entry `a` of the list; its results go to the registers from `to` on."""
    WRITE = auto()
    """Column `to` holds register a."""
    COUNT = auto()
    """Register a (and `to`, where a fixed table begins) is looked up register b times."""


@dataclass(frozen=True, eq=False)
class FillProgram:
    """How a table's rows are filled.

    arm_of: the arm of each instruction number, `int64[numbers]`; of a table without arms, `int64[0]`. arms: `int64[arms][4]`, for each arm
    the first of its instructions and the end, the first of its constants and the end. code: `int64[instructions][5]`. constants:
    `int64[k]`, those of an arm are its first registers. lists: `int64[m]`, registers that field functions are given. functions:
    `int64[functions][4]`, of each the first of its nodes and of its outputs, and their ends. nodes, outputs: of field functions. registers:
    how many the largest arm needs. polynomial_nodes, polynomial_outputs, polynomial_columns: columns that are polynomials of the others.
    """

    arm_of: Ints
    arms: Ints
    code: Ints
    constants: Ints
    lists: Ints
    functions: Ints
    nodes: Ints
    outputs: Ints
    registers: int
    polynomial_nodes: Ints
    polynomial_outputs: tuple[int, ...]
    polynomial_columns: Ints

    def listing(self) -> Iterator[str]:
        """A line for each instruction, for people."""
        for arm, (first, end, constant, constants) in enumerate(self.arms.tolist()):
            numbers = np.flatnonzero(self.arm_of == arm).tolist()
            if first < end or len(self.arms) == 1:
                yield f"arm {arm}" + (f" (instruction {numbers[0]})" if len(self.arms) > 1 else "")
                yield from (f"  r{i} = {value}" for i, value in enumerate(self.constants[constant:constants].tolist()))
                yield from (f"  {_line(row, self.lists.tolist())}" for row in self.code[first:end].tolist())


def _line(row: list[int], lists: list[int]) -> str:
    op, (a, b, c, to) = Op(row[0]), row[1:]
    if op is Op.RECORD:
        return f"r{to} = record {a}"
    if op is Op.ENTRY:
        return f"r{to} = entry"
    if op is Op.CALL:
        return f"r{to} … = function {b} of {', '.join(f'r{r}' for r in lists[a : a + c])}"
    if op is Op.WRITE:
        return f"column {to} = r{a}"
    if op is Op.COUNT:
        return f"count r{a} from {to}, r{b} times"
    return f"r{to} = {op.name.lower()} {', '.join(f'r{r}' for r in (a, b, c)[: OPERANDS.get(op, 2)])}"


OPERANDS = {Op.SIGNED: 1, Op.INVERSE: 1, Op.SELECT: 3}
"""How many registers an instruction reads; two, where nothing is said."""
